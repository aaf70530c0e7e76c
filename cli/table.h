/* Tables for people: rows of text, each column as wide as its widest cell. */
#ifndef PIAS_CLI_TABLE_H
#define PIAS_CLI_TABLE_H

#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 10

struct table {
	unsigned n_columns;
	const char *const *heading; /* "<" first: to the left; else to the right */
	char **cell;		    /* row after row */
	size_t n_cells, room;
};

void table_init(struct table *t, unsigned n_columns, const char *const *heading);
void table_fini(struct table *t);
/* The next cell, copied; rows fill from left to right. NULL is shown as "-". */
void table_add(struct table *t, const char *text);
void table_addf(struct table *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void table_print(const struct table *t, FILE *f);

#endif
