/*
 * libconfuse reads the file; every value goes from its callback straight to the
 * option's reader. Its lexer is a process-wide singleton and its callbacks carry no
 * context: the one reading under way is therefore a static here.
 */
#include "cli/settings.h"

#include <assert.h>
#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/duration.h"
#include "cli/uncomment.h"

#define FILE_BYTES_MAX (1 << 20)

static struct settings *now;

/* Readers */

int setting_no(char why[static SETTING_PROBLEM_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, SETTING_PROBLEM_MAX, fmt, ap);
	va_end(ap);
	return PIAS_EINVALID;
}

int setting_read_duration(void *into, const struct setting *o, const char *value,
			  char why[static SETTING_PROBLEM_MAX])
{
	char min[DURATION_STR_MAX], max[DURATION_STR_MAX];
	pias_time t;

	if (duration_parse(value, &t) || t < o->min || t > o->max)
		return setting_no(why,
				  "a duration from %s to %s: a whole number and us, ms, "
				  "s, m or h",
				  duration_str(o->min, min), duration_str(o->max, max));
	memcpy((char *)into + o->at, &t, sizeof(t));
	return 0;
}

static int parse_number(const char *s, int64_t *out)
{
	char *end;

	if (*s < '0' || *s > '9')
		return PIAS_EINVALID;
	errno = 0;
	*out = strtoll(s, &end, 10);
	return *end || errno ? PIAS_EINVALID : 0;
}

static int check_number(const struct setting *o, const char *value, int64_t *out,
			char why[static SETTING_PROBLEM_MAX])
{
	if (!parse_number(value, out) && *out >= o->min && *out <= o->max)
		return 0;
	return setting_no(why, "a whole number from %lld to %lld", (long long)o->min,
			  (long long)o->max);
}

int setting_read_u32(void *into, const struct setting *o, const char *value,
		     char why[static SETTING_PROBLEM_MAX])
{
	int64_t v = 0;
	uint32_t u;

	if (check_number(o, value, &v, why))
		return PIAS_EINVALID;
	u = (uint32_t)v;
	memcpy((char *)into + o->at, &u, sizeof(u));
	return 0;
}

int setting_read_u16(void *into, const struct setting *o, const char *value,
		     char why[static SETTING_PROBLEM_MAX])
{
	int64_t v = 0;
	uint16_t u;

	if (check_number(o, value, &v, why))
		return PIAS_EINVALID;
	u = (uint16_t)v;
	memcpy((char *)into + o->at, &u, sizeof(u));
	return 0;
}

int setting_read_part(void *into, const struct setting *o, const char *value,
		      char why[static SETTING_PROBLEM_MAX])
{
	char *end;
	double v = strtod(value, &end);

	if (end == value || *end || !(v >= 0 && v <= 1))
		return setting_no(why, "a number from 0 to 1");
	memcpy((char *)into + o->at, &v, sizeof(v));
	return 0;
}

int setting_read_path(void *into, const struct setting *o, const char *value,
		      char why[static SETTING_PROBLEM_MAX])
{
	const char *slash = strrchr(now->file, '/');
	int folder = *value != '/' && slash ? (int)(slash - now->file) + 1 : 0;
	size_t room = (size_t)o->max;

	if (!*value)
		return setting_no(why, "the name of a file");
	if ((size_t)folder + strlen(value) >= room)
		return setting_no(why, "a path of at most %zu bytes", room - 1);
	snprintf((char *)into + o->at, room, "%.*s%s", folder, now->file, value);
	return 0;
}

/* Complaints */

/* The first problem counts: what follows is often only its consequence. */
static void complain(struct settings *r, int line, const char *fmt, va_list ap)
{
	char text[SETTING_PROBLEM_MAX * 2];

	if (r->has_why)
		return;
	r->has_why = true;
	vsnprintf(text, sizeof(text), fmt, ap);
	if (line)
		snprintf(r->why, SETTINGS_WHY_MAX, "%s:%d: %s", r->file, line, text);
	else
		snprintf(r->why, SETTINGS_WHY_MAX, "%s: %s", r->file, text);
}

int settings_wrong(struct settings *r, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(r, line, fmt, ap);
	va_end(ap);
	return PIAS_EINVALID;
}

static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	complain(now, cfg->line, fmt, ap);
}

/* Reading */

void settings_init(struct settings *r, const struct setting *table, unsigned n,
		   void *into, const char *file, char why[static SETTINGS_WHY_MAX])
{
	assert(n <= SETTINGS_MAX);
	memset(r, 0, sizeof(*r));
	r->table = table;
	r->n = n;
	r->into = into;
	r->file = file;
	r->why = why;
}

/* n where there is no such option. */
static unsigned index_of(const struct settings *r, const char *name)
{
	unsigned i;

	for (i = 0; i < r->n && strcmp(r->table[i].name, name); i++)
		;
	return i;
}

int settings_line(const struct settings *r, const char *name)
{
	unsigned i = index_of(r, name);

	assert(i < r->n);
	return r->line[i];
}

static int read_value(struct settings *r, unsigned i, int line, const char *value)
{
	const struct setting *o = &r->table[i];
	char why[SETTING_PROBLEM_MAX];

	if (!o->read(r->into, o, value, why)) {
		if (r->note)
			r->note(r->into, i, value);
		return 0;
	}
	return settings_wrong(r, line, "%s = \"%.60s\": must be %s", o->name, value, why);
}

static int on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	unsigned i = index_of(now, opt->name);

	/* The first value of a list, too, finds nothing there before it. */
	if (now->line[i] && (!now->table[i].is_list || opt->nvalues == 1))
		return settings_wrong(now, cfg->line,
				      "%s is given twice (before in line %d)", opt->name,
				      now->line[i]);
	now->line[i] = cfg->line;
	*(const char **)result = value;
	return now->is_set[i] ? 0 : read_value(now, i, cfg->line, value);
}

/* The whole file, uncommented; NULL: it can't be had, and that was said. */
static char *load(struct settings *r)
{
	char *text = calloc(1, FILE_BYTES_MAX + 1);
	FILE *f = fopen(r->file, "re");
	size_t n = 0;
	int line;

	if (f && text)
		n = fread(text, 1, FILE_BYTES_MAX + 1, f);
	if (!f || !text || ferror(f))
		settings_wrong(r, 0, "%s", strerror(errno));
	else if (n > FILE_BYTES_MAX || memchr(text, 0, n))
		settings_wrong(r, 0,
			       "not a configuration file: a NUL byte in it, or over %d "
			       "bytes",
			       FILE_BYTES_MAX);
	else if (uncomment(text, &line))
		settings_wrong(r, line,
			       "the string or comment that begins here does not end");
	if (f)
		fclose(f);
	if (!r->has_why)
		return text;
	free(text);
	return NULL;
}

static cfg_t *new_parser(const struct settings *r)
{
	cfg_opt_t opts[SETTINGS_MAX + 1] = {0};
	unsigned i;
	cfg_t *cfg;

	for (i = 0; i < r->n; i++) {
		opts[i].name = r->table[i].name;
		opts[i].type = CFGT_STR;
		opts[i].flags = CFGF_NODEFAULT | (r->table[i].is_list ? CFGF_LIST : 0);
		opts[i].parsecb = on_value;
	}
	cfg = cfg_init(opts, CFGF_NONE);
	if (cfg)
		cfg_set_error_function(cfg, on_error);
	return cfg;
}

int settings_read(struct settings *r)
{
	char *text = load(r);
	cfg_t *cfg = text ? new_parser(r) : NULL;
	int rc = CFG_FILE_ERROR;

	now = r;
	if (cfg)
		rc = cfg_parse_buf(cfg, text);
	if (rc)
		settings_wrong(r, cfg ? cfg->line : 0,
			       cfg ? "syntax error" : "out of memory");
	now = NULL;
	if (cfg)
		cfg_free(cfg);
	free(text);
	return rc ? PIAS_EINVALID : 0;
}

/* Values of a list are separated by commas. */
static int set_values(struct settings *r, unsigned i, char *values)
{
	char *value, *rest = values;
	int err = 0;

	if (!r->table[i].is_list)
		return read_value(r, i, 0, values);
	while (!err && *values && (value = strsep(&rest, ",")))
		err = read_value(r, i, 0, value + strspn(value, " "));
	return err;
}

int settings_set(struct settings *r, const char *assignment)
{
	const char *file = r->file;
	char text[1024];
	char *value;
	unsigned i;
	int err;

	r->file = "--set";
	if (snprintf(text, sizeof(text), "%s", assignment) >= (int)sizeof(text))
		return settings_wrong(r, 0, "longer than %zu bytes", sizeof(text) - 1);
	value = strchr(text, '=');
	if (!value)
		return settings_wrong(r, 0, "\"%.60s\": must be NAME=VALUE", text);
	*value++ = '\0';
	i = index_of(r, text);
	if (i == r->n)
		return settings_wrong(r, 0, "no such option '%.60s'", text);
	if (r->is_set[i])
		return settings_wrong(r, 0, "%s is set twice", text);
	r->is_set[i] = true;
	now = r;
	err = set_values(r, i, value);
	now = NULL;
	r->file = file;
	return err;
}

int settings_apply_defaults(struct settings *r)
{
	unsigned i;
	int err = 0;

	now = r;
	for (i = 0; i < r->n && !err; i++) {
		const struct setting *o = &r->table[i];

		if (r->line[i] || r->is_set[i])
			continue;
		if (o->must)
			err = settings_wrong(r, 0, "%s is missing", o->name);
		else if (o->def)
			err = read_value(r, i, 0, o->def);
	}
	now = NULL;
	return err;
}
