/* Many trials, one for each seed; and the smallest plan that still fails. */
#ifndef PIAS_SIM_SWARM_H
#define PIAS_SIM_SWARM_H

#include "sim/trial.h"

struct swarm_result {
	uint64_t seeds, violations, events, trace;
};

struct swarm_options {
	uint64_t first, last; /* seeds, inclusive */
	enum queue_kind queue;
	bool real_crypto;
	const char *matrix; /* an absolute path; NULL: generated */
	bool has_terminal;  /* tell progress there */
};

/*
 * Runs all seeds. Each failure is told on @f with what was drawn and how to replay it.
 * An error: the matrix can't be read; @why says more.
 */
must_check int swarm_run(const struct swarm_options *o, FILE *f, struct swarm_result *out,
			 char why[static 160]);
/* The trial of one seed under these options. */
void swarm_draw(const struct swarm_options *o, uint64_t seed, struct plan *out);

/*
 * Takes away whatever @p does not need to end in a violation of @v's kind, as it does:
 * operations, faults, servers, APs. Returns how many runs that took.
 */
unsigned swarm_shrink(struct plan *p, const struct violation *v);

#endif
