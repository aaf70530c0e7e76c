/*
 * Each line is one write(2), so that lines of several programs on one terminal or pipe
 * do not mix, and so that a reader that is gone costs nothing but the line.
 */
#include "cli/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

static enum log_level highest = LOG_LEVEL_INFO;

static const struct {
	const char *name;
	int priority; /* of syslog, as sd-daemon(3) has it */
} level_info[] = {
	[LOG_LEVEL_ERROR] = {"error", 3},
	[LOG_LEVEL_WARN] = {"warn", 4},
	[LOG_LEVEL_INFO] = {"info", 6},
	[LOG_LEVEL_DEBUG] = {"debug", 7},
};

void log_set_level(enum log_level level)
{
	highest = level;
}

/* What came from outside must not forge lines or steer a terminal. */
static void make_printable(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

void log_line(enum log_level level, const char *text)
{
	char line[LINE_MAX_BYTES];
	size_t len;
	int n;

	if (level > highest)
		return;
	if (isatty(STDERR_FILENO))
		n = snprintf(line, sizeof(line) - 1, "%-5s %s", level_info[level].name,
			     text);
	else
		n = snprintf(line, sizeof(line) - 1, "<%d>%s", level_info[level].priority,
			     text);
	if (n < 0)
		return;
	make_printable(line);
	len = strlen(line);
	line[len++] = '\n';
	(void)!write(STDERR_FILENO, line, len);
}

void log_say(enum log_level level, const char *fmt, ...)
{
	char text[LINE_MAX_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_line(level, text);
}
