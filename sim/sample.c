/* Sorted only when asked for a percentile. */
#include "sim/sample.h"

#include <stdlib.h>
#include <string.h>

void sample_free(struct sample *s)
{
	free(s->v);
	memset(s, 0, sizeof(*s));
}

void sample_add(struct sample *s, double v)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 64;
		s->v = realloc(s->v, s->cap * sizeof(*s->v));
		if (!s->v)
			abort();
	}
	s->v[s->n++] = v;
	s->sum += v;
	s->is_sorted = false;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double sample_at(struct sample *s, double part)
{
	double at;
	size_t i;

	if (!s->n)
		return 0;
	if (!s->is_sorted)
		qsort(s->v, s->n, sizeof(*s->v), by_value);
	s->is_sorted = true;
	at = part * (double)(s->n - 1);
	i = (size_t)at;
	if (i + 1 >= s->n)
		return s->v[s->n - 1];
	return s->v[i] + (at - (double)i) * (s->v[i + 1] - s->v[i]);
}

double sample_mean(const struct sample *s)
{
	return s->n ? s->sum / (double)s->n : 0;
}
