/*
 * libconfuse 3.3 counts the line of every comment twice, and gets lost in a string that
 * is never closed. An operator wants the right line; so comments are taken away, with
 * all newlines left in place, before it sees the text. The rules are those of its
 * lexer: '#' anywhere outside of strings, the other two where a word could begin.
 */
#include "cli/uncomment.h"

#include <string.h>

static bool ends_word(char c)
{
	return strchr(" \t\r\n={}()+,\"'", c) != NULL; /* NUL as well: the start */
}

/* Past the string that begins at @s; NULL if it does not end. */
static char *skip_string(char *s, int *line)
{
	char quote = *s++;

	for (; *s; s++) {
		if (*s == quote)
			return s + 1;
		if (*s == '\n')
			(*line)++;
		if (*s == '\\' && s[1])
			*line += *++s == '\n';
	}
	return NULL;
}

static char *blank_line(char *s)
{
	while (*s && *s != '\n')
		*s++ = ' ';
	return s;
}

static char *blank_block(char *s, int *line)
{
	char *end = strstr(s + 2, "*/");

	if (!end)
		return NULL;
	for (end += 2; s < end; s++) {
		if (*s == '\n')
			(*line)++;
		else
			*s = ' ';
	}
	return s;
}

int uncomment(char *text, int *line)
{
	char *s = text, before = '\0';
	int at = 1;

	while (s && *s) {
		*line = at;
		if (*s == '"' || *s == '\'') {
			s = skip_string(s, &at);
		} else if (*s == '#' || (*s == '/' && s[1] == '/' && ends_word(before))) {
			s = blank_line(s);
		} else if (*s == '/' && s[1] == '*' && ends_word(before)) {
			s = blank_block(s, &at);
		} else {
			at += *s == '\n';
			s++;
		}
		before = s && s > text ? s[-1] : '\0';
	}
	return s ? 0 : PIAS_EMALFORMED;
}
