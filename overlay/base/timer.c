/* The timer heap. A timer is disarmed before its function runs, which may re-arm it. */
#include "overlay/base/timer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ARITY 4

void timers_init(struct timers *ts)
{
	memset(ts, 0, sizeof(*ts));
	ts->next = PIAS_NEVER;
}

void timers_fini(struct timers *ts)
{
	free(ts->heap);
	timers_init(ts);
}

void timer_init(struct timer *t, void (*fn)(void *ctx), void *ctx)
{
	memset(t, 0, sizeof(*t));
	t->fn = fn;
	t->ctx = ctx;
}

static bool earlier(const struct timer_slot *a, const struct timer_slot *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static void place(struct timers *ts, uint32_t i, const struct timer_slot *s)
{
	ts->heap[i] = *s;
	s->timer->pos = i + 1;
}

static void sift_up(struct timers *ts, uint32_t i, const struct timer_slot *s)
{
	while (i) {
		uint32_t parent = (i - 1) / ARITY;

		if (!earlier(s, &ts->heap[parent]))
			break;
		place(ts, i, &ts->heap[parent]);
		i = parent;
	}
	place(ts, i, s);
}

static void sift_down(struct timers *ts, uint32_t i, const struct timer_slot *s)
{
	for (;;) {
		uint32_t c, best, first = ARITY * i + 1;

		if (first >= ts->n)
			break;
		best = first;
		for (c = first + 1; c < first + ARITY && c < ts->n; c++)
			if (earlier(&ts->heap[c], &ts->heap[best]))
				best = c;
		if (!earlier(&ts->heap[best], s))
			break;
		place(ts, i, &ts->heap[best]);
		i = best;
	}
	place(ts, i, s);
}

static void grow(struct timers *ts)
{
	uint32_t cap = ts->cap ? 2 * ts->cap : 4;
	struct timer_slot *heap = realloc(ts->heap, cap * sizeof(*heap));

	if (!heap)
		abort();
	ts->heap = heap;
	ts->cap = cap;
}

static void note_next(struct timers *ts)
{
	ts->next = ts->n ? ts->heap[0].at : PIAS_NEVER;
}

void timer_set(struct timers *ts, struct timer *t, pias_time at)
{
	struct timer_slot s = {.at = at, .seq = ts->seq++, .timer = t};

	assert(t->fn);
	timer_stop(ts, t);
	if (ts->n == ts->cap)
		grow(ts);
	t->at = at;
	sift_up(ts, ts->n++, &s);
	note_next(ts);
}

void timer_stop(struct timers *ts, struct timer *t)
{
	struct timer_slot last;
	uint32_t i;

	if (!t->pos)
		return;
	i = t->pos - 1;
	assert(i < ts->n && ts->heap[i].timer == t);
	t->pos = 0;
	last = ts->heap[--ts->n];
	if (i < ts->n) {
		if (i && earlier(&last, &ts->heap[(i - 1) / ARITY]))
			sift_up(ts, i, &last);
		else
			sift_down(ts, i, &last);
	}
	note_next(ts);
}

bool timer_is_set(const struct timer *t)
{
	return t->pos != 0;
}

pias_time timers_next(const struct timers *ts)
{
	return ts->next;
}

void timers_run(struct timers *ts, pias_time now)
{
	while (ts->next <= now && ts->n) {
		struct timer *t = ts->heap[0].timer;

		timer_stop(ts, t);
		t->fn(t->ctx);
	}
}
