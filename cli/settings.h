/*
 * A table of options and the file that sets them, in libconfuse's syntax: comments,
 * lists, strings and line numbers. All options are strings to it; what they must look
 * like is decided by their readers, which run while the line is still known. Defaults
 * go through the same readers, so that there is one way for a value into the struct.
 * The first thing that is wrong is reported as "FILE:LINE: what".
 */
#ifndef PIAS_CLI_SETTINGS_H
#define PIAS_CLI_SETTINGS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "overlay/base/error.h"

#define SETTINGS_MAX	    96 /* in one table */
#define SETTINGS_WHY_MAX    (PATH_MAX + 256)
#define SETTING_PROBLEM_MAX 192

struct setting;

/* Reads @value into @into, or says in @why what it should be (setting_no). */
typedef int setting_reader(void *into, const struct setting *o, const char *value,
			   char why[static SETTING_PROBLEM_MAX]);

struct setting {
	const char *name;
	setting_reader *read;
	const char *def;    /* NULL: none */
	size_t at;	    /* in what is read into */
	int64_t min, max;   /* numbers; of durations in us; paths: room */
	bool is_list, must; /* must be given */
};

/* Reading one file into one struct. All pointers are borrowed. */
struct settings {
	const struct setting *table;
	unsigned n;
	void *into;
	const char *file; /* as complaints name it */
	char *why;
	bool has_why;
	/* Told each value that was read, defaults included. NULL: nobody is told. */
	void (*note)(void *into, unsigned i, const char *value);
	bool is_set[SETTINGS_MAX]; /* by settings_set: the file does not count */
	int line[SETTINGS_MAX];	   /* where it was given; 0: it was not */
};

void settings_init(struct settings *r, const struct setting *table, unsigned n,
		   void *into, const char *file, char why[static SETTINGS_WHY_MAX]);
/* "NAME=VALUE", ahead of the file, instead of what stands there. */
must_check int settings_set(struct settings *r, const char *assignment);
must_check int settings_read(struct settings *r);
/* What was given neither way; the values that must be given are missed here. */
must_check int settings_apply_defaults(struct settings *r);
/* Where option @name was given; 0: nowhere. */
int settings_line(const struct settings *r, const char *name);
/* Complains about @line (0: the file); only the first complaint counts. */
int settings_wrong(struct settings *r, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A reader's refusal: what the value must be. */
int setting_no(char why[static SETTING_PROBLEM_MAX], const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Readers of common types, into the field at option.at */

setting_reader setting_read_duration; /* pias_time, min to max */
setting_reader setting_read_part;     /* double, 0 to 1 */
setting_reader setting_read_u16;      /* min to max */
setting_reader setting_read_u32;
/* char[max]; what is no absolute path counts from the folder of the file being read. */
setting_reader setting_read_path;

#endif
