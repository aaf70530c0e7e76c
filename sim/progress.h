/*
 * What a person at a terminal sees of a long run: simulated and real time, and how
 * much is left, from the work done so far. Never anything of it in a result.
 */
#ifndef PIAS_SIM_PROGRESS_H
#define PIAS_SIM_PROGRESS_H

#include <stdbool.h>

#include "overlay/base/timer.h"

struct progress {
	bool has_terminal;
	double all, done;   /* work, in AP-seconds of simulated time */
	double begun, told; /* real time */
};

void progress_begin(struct progress *p, double all);
/* @work more is done; it is @now in a ring of @n_aps. */
void progress_add(struct progress *p, double work, pias_time now, unsigned n_aps);
void progress_end(struct progress *p);

#endif
