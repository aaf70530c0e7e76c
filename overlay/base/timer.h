/*
 * The core's own timers: a 4-ary heap of intrusive timers, earliest first, ties in
 * the order in which they were armed. The owner of a timer is the module that embeds
 * it; nobody else arms or stops it.
 */
#ifndef PIAS_OVERLAY_BASE_TIMER_H
#define PIAS_OVERLAY_BASE_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int64_t pias_time; /* microseconds, monotonic */

#define PIAS_NEVER INT64_MAX
#define USEC	   ((pias_time)1)
#define MSEC	   (1000 * USEC)
#define SEC	   (1000 * MSEC)

struct timer {
	void (*fn)(void *ctx);
	void *ctx;
	pias_time at;
	uint32_t pos; /* 1-based place in the heap; 0 = not armed */
};

/* The order of a timer stands beside it: sifting does not touch the timers compared. */
struct timer_slot {
	pias_time at;
	uint64_t seq;
	struct timer *timer;
};

struct timers {
	pias_time next; /* when the earliest fires */
	struct timer_slot *heap;
	uint32_t n;
	uint32_t cap;
	uint64_t seq;
};

void timers_init(struct timers *ts);
/* Forgets all timers; their owners may be gone already. */
void timers_fini(struct timers *ts);

void timer_init(struct timer *t, void (*fn)(void *ctx), void *ctx);
/* Arms or re-arms. Running out of memory here is fatal: a lost timer is a hang. */
void timer_set(struct timers *ts, struct timer *t, pias_time at);
void timer_stop(struct timers *ts, struct timer *t);
bool timer_is_set(const struct timer *t);

/* When the earliest fires, or PIAS_NEVER. */
pias_time timers_next(const struct timers *ts);
/* Runs every timer due at @now, also those armed for @now meanwhile. */
void timers_run(struct timers *ts, pias_time now);

#endif
