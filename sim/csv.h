/*
 * Tidy result files. A file is written beside its final name and takes it only when
 * everything is in it: what has that name is complete, whatever happened meanwhile.
 * The first lines, after '#', say what made it.
 */
#ifndef PIAS_SIM_CSV_H
#define PIAS_SIM_CSV_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/scenario.h"

#define CSV_FILES_MAX 8

struct csv_file {
	FILE *f;
	char final[PATH_MAX], temporary[PATH_MAX + 8];
};

/* The files of one run. */
struct csv_set {
	const char *folder;
	const struct scenario *scenario;
	uint64_t seed;
	struct csv_file file[CSV_FILES_MAX];
	unsigned n;
	bool failed;
	char why[PATH_MAX + 128];
};

/* Makes the folder if there is none. False: @s->why says why not. */
bool csv_open_set(struct csv_set *s, const char *folder, const struct scenario *scenario,
		  uint64_t seed);
/*
 * A new file FOLDER/NAME.csv with its comment and @columns. Never NULL: a failure is
 * kept and reported by csv_commit.
 */
FILE *csv_new(struct csv_set *s, const char *name, const char *columns);
/* All files take their names, or none that is not whole does. False: @s->why. */
bool csv_commit(struct csv_set *s);
/* Throws away what was not committed. */
void csv_abandon(struct csv_set *s);

#endif
