/* Matrix files of measured round-trip times. All or nothing: a bad file leaves *m empty.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/topology.h"

#define ROWS_MAX     20000
#define RTT_MAX_MS   100000.0
#define ASYMMETRY    0.01 /* relative ... */
#define ASYMMETRY_MS 0.01 /* ... or absolute, for printed rounding */

#define WHY 160

void matrix_free(struct matrix *m)
{
	free(m->rtt_ms);
	memset(m, 0, sizeof(*m));
}

static unsigned count_fields(const char *s)
{
	unsigned n = 0;

	for (;;) {
		s += strspn(s, " \t\r\n");
		if (!*s)
			return n;
		s += strcspn(s, " \t\r\n");
		n++;
	}
}

static int read_row(struct matrix *m, unsigned row, char *line, const char *file,
		    unsigned line_no, char *why)
{
	unsigned col;
	char *end;

	for (col = 0; col < m->n; col++) {
		double v = strtod(line, &end);

		if (end == line) {
			snprintf(why, WHY, "%s:%u: %u values, %u wanted", file, line_no,
				 col, m->n);
			return PIAS_EMALFORMED;
		}
		if (!isfinite(v) || v > RTT_MAX_MS || (v < 0 && v != -1.0) ||
		    (row == col && v != 0)) {
			snprintf(why, WHY,
				 "%s:%u: value %u is not a round-trip time in ms%s", file,
				 line_no, col + 1, row == col ? " (diagonal: 0)" : "");
			return PIAS_EMALFORMED;
		}
		m->rtt_ms[(size_t)row * m->n + col] = (float)v;
		line = end;
	}
	if (line[strspn(line, " \t\r\n")]) {
		snprintf(why, WHY, "%s:%u: more than %u values", file, line_no, m->n);
		return PIAS_EMALFORMED;
	}
	return 0;
}

static int check_symmetry(const struct matrix *m, const char *file, char *why)
{
	unsigned i, j;

	for (i = 0; i < m->n; i++) {
		for (j = 0; j < i; j++) {
			double a = m->rtt_ms[(size_t)i * m->n + j];
			double b = m->rtt_ms[(size_t)j * m->n + i];

			if (fabs(a - b) <= ASYMMETRY * fmax(a, b) + ASYMMETRY_MS)
				continue;
			snprintf(why, WHY,
				 "%s: row %u, column %u is %g, but the reverse %g", file,
				 i + 1, j + 1, a, b);
			return PIAS_EMALFORMED;
		}
	}
	return 0;
}

static int set_size(struct matrix *m, unsigned n, const char *file, char *why)
{
	if (n < 2 || n > ROWS_MAX) {
		snprintf(why, WHY, "%s:1: %u rows; 2 to %d are possible", file, n,
			 ROWS_MAX);
		return PIAS_EMALFORMED;
	}
	m->n = n;
	m->rtt_ms = malloc((size_t)n * n * sizeof(float));
	return m->rtt_ms ? 0 : PIAS_ENOMEM;
}

static int read_lines(struct matrix *m, FILE *f, const char *file, char *why)
{
	char *line = NULL;
	size_t cap = 0;
	unsigned line_no = 0, row = 0;
	int err = 0;

	while (!err && getline(&line, &cap, f) > 0) {
		unsigned fields = count_fields(line);

		line_no++;
		if (!fields)
			continue;
		if (!m->n) {
			bool has_count = fields == 1;

			err = set_size(
				m, has_count ? (unsigned)strtoul(line, NULL, 10) : fields,
				file, why);
			if (err || has_count)
				continue;
		}
		if (row == m->n) {
			snprintf(why, WHY, "%s:%u: more than %u rows", file, line_no,
				 m->n);
			err = PIAS_EMALFORMED;
			continue;
		}
		err = read_row(m, row++, line, file, line_no, why);
	}
	free(line);
	if (!err && (!m->n || row < m->n)) {
		snprintf(why, WHY, "%s:%u: ends after %u of %u rows", file, line_no, row,
			 m->n);
		err = PIAS_EMALFORMED;
	}
	return err;
}

int matrix_read(struct matrix *m, const char *file, char why[static WHY])
{
	FILE *f = fopen(file, "r");
	int err;

	memset(m, 0, sizeof(*m));
	if (!f) {
		snprintf(why, WHY, "%s: %s", file, strerror(errno));
		return PIAS_ESYSTEM;
	}
	err = read_lines(m, f, file, why);
	if (!err)
		err = check_symmetry(m, file, why);
	fclose(f);
	if (err)
		matrix_free(m);
	return err;
}
