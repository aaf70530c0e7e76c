/*
 * Cells are kept until all widths are known. Numbers align to the right, so headings
 * say which way their column goes. A cell that could not be stored ends the program:
 * half a table would be read as a whole one.
 */
#include "cli/table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void table_init(struct table *t, unsigned n_columns, const char *const *heading)
{
	memset(t, 0, sizeof(*t));
	t->n_columns = n_columns;
	t->heading = heading;
}

void table_fini(struct table *t)
{
	while (t->n_cells)
		free(t->cell[--t->n_cells]);
	free(t->cell);
	t->cell = NULL;
}

void table_add(struct table *t, const char *text)
{
	if (t->n_cells == t->room) {
		t->room = t->room ? 2 * t->room : 64;
		t->cell = realloc(t->cell, t->room * sizeof(*t->cell));
		if (!t->cell)
			abort();
	}
	t->cell[t->n_cells] = strdup(text ? text : "-");
	if (!t->cell[t->n_cells++])
		abort();
}

void table_addf(struct table *t, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	table_add(t, text);
}

static const char *title(const char *heading)
{
	return heading + (*heading == '<');
}

static int width_of(const struct table *t, unsigned column)
{
	size_t i, w = strlen(title(t->heading[column]));

	for (i = column; i < t->n_cells; i += t->n_columns)
		if (strlen(t->cell[i]) > w)
			w = strlen(t->cell[i]);
	return (int)w;
}

static void print_cell(FILE *f, const char *text, const char *heading, int width,
		       bool is_last)
{
	if (*heading != '<')
		fprintf(f, "%*s", width, text);
	else
		fprintf(f, "%-*s", is_last ? 0 : width, text);
	fputs(is_last ? "\n" : "  ", f);
}

void table_print(const struct table *t, FILE *f)
{
	int width[TABLE_COLUMNS_MAX];
	unsigned c;
	size_t i;

	for (c = 0; c < t->n_columns; c++)
		width[c] = width_of(t, c);
	for (c = 0; c < t->n_columns; c++)
		print_cell(f, title(t->heading[c]), t->heading[c], width[c],
			   c == t->n_columns - 1);
	for (i = 0; i < t->n_cells; i++) {
		c = (unsigned)(i % t->n_columns);
		print_cell(f, t->cell[i], t->heading[c], width[c], c == t->n_columns - 1);
	}
}
