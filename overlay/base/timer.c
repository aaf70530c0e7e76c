/* The timer heap. A timer is disarmed before its function runs, which may re-arm it. */
#include "overlay/base/timer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ARITY 4

void timers_init(struct timers *ts)
{
	memset(ts, 0, sizeof(*ts));
}

void timers_fini(struct timers *ts)
{
	free(ts->heap);
	memset(ts, 0, sizeof(*ts));
}

void timer_init(struct timer *t, void (*fn)(void *ctx), void *ctx)
{
	memset(t, 0, sizeof(*t));
	t->fn = fn;
	t->ctx = ctx;
}

static bool earlier(const struct timer *a, const struct timer *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static void place(struct timers *ts, uint32_t i, struct timer *t)
{
	ts->heap[i] = t;
	t->pos = i + 1;
}

static void sift_up(struct timers *ts, uint32_t i, struct timer *t)
{
	while (i) {
		uint32_t parent = (i - 1) / ARITY;

		if (!earlier(t, ts->heap[parent]))
			break;
		place(ts, i, ts->heap[parent]);
		i = parent;
	}
	place(ts, i, t);
}

static void sift_down(struct timers *ts, uint32_t i, struct timer *t)
{
	for (;;) {
		uint32_t c, best = 0, first = ARITY * i + 1;

		if (first >= ts->n)
			break;
		best = first;
		for (c = first + 1; c < first + ARITY && c < ts->n; c++)
			if (earlier(ts->heap[c], ts->heap[best]))
				best = c;
		if (!earlier(ts->heap[best], t))
			break;
		place(ts, i, ts->heap[best]);
		i = best;
	}
	place(ts, i, t);
}

static void grow(struct timers *ts)
{
	uint32_t cap = ts->cap ? 2 * ts->cap : 16;
	struct timer **heap = realloc(ts->heap, cap * sizeof(struct timer *));

	if (!heap)
		abort();
	ts->heap = heap;
	ts->cap = cap;
}

void timer_set(struct timers *ts, struct timer *t, pias_time at)
{
	assert(t->fn);
	timer_stop(ts, t);
	if (ts->n == ts->cap)
		grow(ts);
	t->at = at;
	t->seq = ts->seq++;
	sift_up(ts, ts->n++, t);
}

void timer_stop(struct timers *ts, struct timer *t)
{
	struct timer *last;
	uint32_t i;

	if (!t->pos)
		return;
	i = t->pos - 1;
	assert(i < ts->n && ts->heap[i] == t);
	t->pos = 0;
	last = ts->heap[--ts->n];
	if (last == t)
		return;
	if (i && earlier(last, ts->heap[(i - 1) / ARITY]))
		sift_up(ts, i, last);
	else
		sift_down(ts, i, last);
}

bool timer_is_set(const struct timer *t)
{
	return t->pos != 0;
}

pias_time timers_next(const struct timers *ts)
{
	return ts->n ? ts->heap[0]->at : PIAS_NEVER;
}

void timers_run(struct timers *ts, pias_time now)
{
	while (ts->n && ts->heap[0]->at <= now) {
		struct timer *t = ts->heap[0];

		timer_stop(ts, t);
		t->fn(t->ctx);
	}
}
