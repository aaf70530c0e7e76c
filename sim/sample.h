/* Values of one quantity: kept all, for percentiles. */
#ifndef PIAS_SIM_SAMPLE_H
#define PIAS_SIM_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>

struct sample {
	double *v;
	size_t n, cap;
	double sum;
	bool is_sorted;
};

/* A zeroed struct is an empty sample. */
void sample_free(struct sample *s);
void sample_add(struct sample *s, double v);
/*
 * The value at @part (0 to 1) of the sorted ones, between neighbours linearly (R's
 * type 7); 0 of an empty sample.
 */
double sample_at(struct sample *s, double part);
double sample_mean(const struct sample *s);

#endif
