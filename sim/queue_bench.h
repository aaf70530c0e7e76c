/*
 * The hold model: with so many entries pending, pop the earliest and push it again
 * later, over and over. Increments are those of a simulation of this kind: 70 %
 * messages (1 to 151 ms), 25 % timers (1 to 10 s), 5 % refreshes (60 to 120 s).
 */
#ifndef PIAS_SIM_QUEUE_BENCH_H
#define PIAS_SIM_QUEUE_BENCH_H

#include "sim/queue.h"

struct queue_bench_result {
	double hold_ns; /* thread CPU time for one pop and push; the best of five parts */
	uint64_t order; /* hash of the order of pops: equal for equal order */
};

void queue_bench_run(enum queue_kind kind, size_t pending, uint64_t seed,
		     struct queue_bench_result *out);

#endif
