/*
 * A rate with bursts: the generic cell rate algorithm (ITU-T I.371), one time stamp each.
 * All zero is one that has not been used.
 */
#ifndef PIAS_OVERLAY_BASE_RATE_H
#define PIAS_OVERLAY_BASE_RATE_H

#include <stdbool.h>

#include "overlay/base/timer.h"

struct rate {
	pias_time at; /* when the last one would have been due at an even pace */
};

/* Does one more at @now keep to one every @interval, and @burst at once? */
static inline bool rate_allows(const struct rate *r, pias_time now, pias_time interval,
			       unsigned burst)
{
	return r->at <= now + interval * (burst - 1);
}

/* One more, allowed or not. */
static inline void rate_add(struct rate *r, pias_time now, pias_time interval)
{
	r->at = (r->at > now ? r->at : now) + interval;
}

static inline bool rate_take(struct rate *r, pias_time now, pias_time interval,
			     unsigned burst)
{
	bool is_allowed = rate_allows(r, now, interval, burst);

	if (is_allowed)
		rate_add(r, now, interval);
	return is_allowed;
}

#endif
