/* The host's clocks, in the core's units. */
#ifndef PIAS_CLI_CLOCK_H
#define PIAS_CLI_CLOCK_H

#include <time.h>

#include "overlay/base/timer.h"

static inline pias_time clock_read(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (pias_time)ts.tv_sec * SEC + ts.tv_nsec / 1000;
}

/* What env->now is: never goes back, starts anywhere. */
static inline pias_time clock_now(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

/* Only for what must grow over restarts (incarnations); never compared. */
static inline pias_time clock_wall(void)
{
	return clock_read(CLOCK_REALTIME);
}

#endif
