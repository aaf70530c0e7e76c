/* Matrix files of measured round-trip times. All or nothing: a bad file leaves *m empty.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/topology.h"

#define ROWS_MAX     20000
#define RTT_MAX_MS   100000.0
#define ASYMMETRY    0.01 /* relative ... */
#define ASYMMETRY_MS 0.01 /* ... or absolute, for printed rounding */

#define LINE_ROOM (16 * ROWS_MAX)
#define BLANKS	  " \t\r\v\f"

#define WHY 160

void matrix_free(struct matrix *m)
{
	free(m->rtt_ms);
	memset(m, 0, sizeof(*m));
}

/* One reading of one file. */
struct reader {
	struct matrix *m;
	FILE *f;
	const char *file;
	unsigned line_no, row, cap; /* rows read, rows there is room for */
	char *line;		    /* LINE_ROOM */
	char *why;
};

/* Complains about the line read last. */
__attribute__((format(printf, 2, 3))) static int wrong(const struct reader *r,
						       const char *fmt, ...)
{
	int n = snprintf(r->why, WHY, "%s:%u: ", r->file, r->line_no);
	va_list ap;

	va_start(ap, fmt);
	if (n < WHY)
		vsnprintf(r->why + n, (size_t)(WHY - n), fmt, ap);
	va_end(ap);
	return PIAS_EMALFORMED;
}

/* The next line that is not empty; PIAS_ENOTFOUND: there is none. */
static int next_line(struct reader *r)
{
	size_t n = 0;
	int c = 0;

	while (c != EOF) {
		bool is_blank = true;

		for (n = 0; (c = getc_unlocked(r->f)) != EOF && c != '\n'; n++) {
			if (n == LINE_ROOM - 1 || !c) {
				r->line_no++;
				return wrong(r,
					     c ? "a line of over %d bytes"
					       : "no text: a NUL byte",
					     LINE_ROOM - 1);
			}
			r->line[n] = (char)c;
			is_blank = is_blank && strchr(BLANKS, c);
		}
		r->line[n] = '\0';
		r->line_no += n || c == '\n';
		if (!is_blank)
			return 0;
	}
	if (!ferror(r->f))
		return PIAS_ENOTFOUND;
	snprintf(r->why, WHY, "%s: %s", r->file, strerror(errno));
	return PIAS_ESYSTEM;
}

static unsigned count_fields(const char *s)
{
	unsigned n = 0;

	for (;;) {
		s += strspn(s, BLANKS);
		if (!*s)
			return n;
		s += strcspn(s, BLANKS);
		n++;
	}
}

/* A decimal number that ends where a field does. */
static bool read_number(char **s, double *out)
{
	size_t len;
	char *end;

	*s += strspn(*s, BLANKS);
	len = strcspn(*s, BLANKS);
	if (!len || strspn(*s, "0123456789+-.eE") != len)
		return false;
	*out = strtod(*s, &end);
	if (end != *s + len)
		return false;
	*s = end;
	return true;
}

static bool is_rtt(double v, bool is_diagonal)
{
	if (!isfinite(v) || v > RTT_MAX_MS)
		return false;
	return is_diagonal ? v == 0 : v >= 0 || v == -1.0;
}

static bool is_symmetric(double a, double b)
{
	return fabs(a - b) <= ASYMMETRY * fmax(a, b) + ASYMMETRY_MS;
}

/* As rows come, whatever number was announced. */
static int make_room(struct reader *r)
{
	struct matrix *m = r->m;
	float *rtt_ms;

	if (r->row < r->cap)
		return 0;
	r->cap = r->cap ? 2 * r->cap : 16;
	if (r->cap > m->n)
		r->cap = m->n;
	rtt_ms = realloc(m->rtt_ms, (size_t)r->cap * m->n * sizeof(float));
	if (!rtt_ms)
		return PIAS_ENOMEM;
	m->rtt_ms = rtt_ms;
	return 0;
}

/* Each value beside its reverse, as far as that has been read. */
static int read_row(struct reader *r)
{
	struct matrix *m = r->m;
	char *at = r->line;
	unsigned col, n = count_fields(at);
	float *row;

	if (r->row == m->n)
		return wrong(r, "more than %u rows", m->n);
	if (n != m->n)
		return wrong(r, "%u values, %u wanted", n, m->n);
	if (make_room(r))
		return PIAS_ENOMEM;
	row = m->rtt_ms + (size_t)r->row * m->n;
	for (col = 0; col < m->n; col++) {
		double v, reverse;

		if (!read_number(&at, &v) || !is_rtt(v, col == r->row))
			return wrong(r, "value %u is not a round-trip time in ms%s",
				     col + 1, col == r->row ? " (diagonal: 0)" : "");
		row[col] = (float)v;
		if (col >= r->row)
			continue;
		reverse = m->rtt_ms[(size_t)col * m->n + r->row];
		if (!is_symmetric(v, reverse))
			return wrong(r, "value %u is %g, but the reverse, in row %u, %g",
				     col + 1, v, col + 1, reverse);
	}
	r->row++;
	return 0;
}

/* From the first line, which is their number alone, or the first row. */
static int set_size(struct reader *r)
{
	unsigned n = count_fields(r->line);
	char *at = r->line;
	double v = n;

	if (n == 1 && (!read_number(&at, &v) || v != floor(v)))
		return wrong(r, "neither a number of rows nor a row");
	if (!(v >= 2 && v <= ROWS_MAX))
		return wrong(r, "%g rows; 2 to %d are possible", v, ROWS_MAX);
	r->m->n = (unsigned)v;
	return n == 1 ? 0 : read_row(r);
}

static int read_rows(struct reader *r)
{
	int err = next_line(r);

	if (err == PIAS_ENOTFOUND)
		return wrong(r, "is empty");
	if (!err)
		err = set_size(r);
	while (!err) {
		err = next_line(r);
		if (!err)
			err = read_row(r);
	}
	if (err != PIAS_ENOTFOUND)
		return err;
	if (r->row < r->m->n)
		return wrong(r, "ends after %u of %u rows", r->row, r->m->n);
	return 0;
}

int matrix_read(struct matrix *m, const char *file, char why[static WHY])
{
	struct reader r = {.m = m, .file = file, .why = why};
	int err = PIAS_ENOMEM;

	memset(m, 0, sizeof(*m));
	why[0] = '\0';
	r.f = fopen(file, "re");
	if (!r.f) {
		snprintf(why, WHY, "%s: %s", file, strerror(errno));
		return PIAS_ESYSTEM;
	}
	r.line = malloc(LINE_ROOM);
	if (r.line)
		err = read_rows(&r);
	free(r.line);
	fclose(r.f);
	if (err)
		matrix_free(m);
	return err;
}
