/*
 * A fixed amount of Chord work, to compare simulators: N APs in a perfect ring, 25 ms
 * one way between any two, no churn, no loss, 1,000 s. Each AP, from a random phase,
 * stabilises every 20 s, refreshes one finger every 120 s, checks its predecessor
 * every 120 s, and every 10 s looks up a random key, hop by hop through fingers only,
 * the answer sent straight to the asker. Every answer is checked against the true owner.
 *
 * It drives the daemon's ring, fingers, codecs and timers over the simulator's
 * datagrams; links, probes and the membership table are left out, as the work
 * definition has none.
 */
#ifndef PIAS_SIM_CHORD_LOAD_H
#define PIAS_SIM_CHORD_LOAD_H

#include "overlay/base/timer.h"
#include "sim/queue.h"

struct chord_load_result {
	uint64_t lookups; /* answered, or ended without an answer */
	uint64_t correct;
	uint64_t hops; /* of all answered lookups together */
	uint64_t messages, timers;
	uint64_t trace;
};

/* @nodes 1 to 1,000,000. PIAS_EINVALID or PIAS_ENOMEM. */
int chord_load_run(unsigned nodes, pias_time duration, uint64_t seed,
		   enum queue_kind queue, struct chord_load_result *out);

#endif
