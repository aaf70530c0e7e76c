/*
 * How far apart hosts are: one-way delays between points, from a generator or from a
 * file of measured round-trip times.
 *
 * The generator places points in cities in proportion to population. Round trip =
 * great circle at 2.0 ms per 100 km, times an inflation of its own for each pair
 * (median 1, 10th percentile 0.76, 90th 1.77, as on measured paths), plus the access
 * delays of both ends: APs 0.2 to 1 ms, servers 1 to 5 ms, clients lognormal with
 * median 8 ms (round trip).
 * Pairs are hashed, not stored: O(points) memory, and triangle violations occur as
 * they do on the Internet. Fitted on measured matrices (doc/EVALUATION.md).
 */
#ifndef PIAS_SIM_TOPOLOGY_H
#define PIAS_SIM_TOPOLOGY_H

#include "overlay/base/error.h"
#include "overlay/base/timer.h"
#include <stdbool.h>

#include "sim/city.h"

enum point_kind {
	POINT_AP,
	POINT_SERVER,
	POINT_CLIENT,
};

struct point {
	float pos[3];	    /* generator: on the unit sphere */
	uint32_t access_us; /* one way */
	uint32_t key;	    /* generator: for pair hashes; matrix: its row */
	uint16_t city;
	uint8_t kind;
};

struct matrix {
	float *rtt_ms; /* n x n, row by row; negative = not measured */
	unsigned n;
};

struct topology {
	struct cities cities;
	struct matrix matrix; /* n > 0: delays come from here */
	struct point *point;
	unsigned n, cap;
	uint64_t salt;
	struct rng rng;
	pias_time fixed;     /* >= 0: every delay is this */
	bool aps_in_largest; /* generator: not drawn, but the largest cities in turn */
	unsigned n_aps;
};

/* All three start without points. */
must_check int topology_init_world(struct topology *t, uint64_t seed);
/* Takes the matrix over. */
void topology_init_matrix(struct topology *t, uint64_t seed, struct matrix *m);
void topology_init_fixed(struct topology *t, uint64_t seed, pias_time one_way);
void topology_fini(struct topology *t);

/* Adds a point at a place of its own drawing; returns its index. */
unsigned topology_add(struct topology *t, enum point_kind kind);
/* The one-way delay in us from @a to @b, without jitter; symmetric, at least 1. */
pias_time topology_delay(const struct topology *t, unsigned a, unsigned b);

/* Of the generator's points: which of five parts of the world it lies in. */
unsigned topology_region(const struct topology *t, unsigned point);
/* A point in a city of the caller's choice, close to everything in it. */
unsigned topology_add_in_city(struct topology *t, enum point_kind kind, unsigned city);

/*
 * Reads a matrix file: the number of rows n (2 to 20,000) alone on the first line,
 * then n lines of n round-trip times in ms; or the n lines alone. Must be symmetric
 * within 1 %, zero on the diagonal, every value between 0 and 100,000 (or -1: not
 * measured). On error, `why` says what is wrong, with the line.
 */
must_check int matrix_read(struct matrix *m, const char *file, char why[static 160]);
void matrix_free(struct matrix *m);

#endif
