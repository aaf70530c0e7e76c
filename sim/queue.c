/*
 * Both event queues. In the radix heap, bucket b > 0 holds the entries whose time
 * differs from `base` first in bit b - 1, counted from below; bucket 0 those equal to
 * it, sorted by seq. Entries only ever move to lower buckets, and in the end to the
 * `ahead` ring, whose last entry's time is `base`. What is pushed to before that time
 * waits in a 4-ary heap beside it: the next to pop is the earlier of the two, so that
 * looking ahead changes nothing of the order. `seq` may wrap: equal
 * times are compared by the sign of the difference, which is right while fewer than
 * 2^31 pushes lie between two entries of one instant.
 */
#include "sim/queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ARITY	     4
#define SHRINK_ABOVE 65536 /* entries: an emptied bucket larger than this is freed */

void queue_init(struct queue *q, enum queue_kind kind)
{
	memset(q, 0, sizeof(*q));
	q->kind = kind;
}

void queue_fini(struct queue *q)
{
	int b;

	for (b = 0; b < QUEUE_BUCKETS; b++)
		free(q->run[b].e);
	free(q->heap.e);
	memset(q, 0, sizeof(*q));
}

static void run_append(struct queue_run *r, struct queue_entry e)
{
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 64;
		r->e = realloc(r->e, r->cap * sizeof(e));
		if (!r->e)
			abort(); /* a simulation without memory has no meaningful rest */
	}
	r->e[r->n++] = e;
}

static void run_clear(struct queue_run *r)
{
	r->n = 0;
	if (r->cap > SHRINK_ABOVE) {
		free(r->e);
		memset(r, 0, sizeof(*r));
	}
}

static bool before(const struct queue_entry *a, const struct queue_entry *b)
{
	return a->at != b->at ? a->at < b->at : (int32_t)(a->seq - b->seq) < 0;
}

/* --- 4-ary heap ---------------------------------------------------------- */

static void heap_push(struct queue_run *r, struct queue_entry e)
{
	size_t i = r->n;

	run_append(r, e);
	while (i) {
		size_t parent = (i - 1) / ARITY;

		if (!before(&e, &r->e[parent]))
			break;
		r->e[i] = r->e[parent];
		i = parent;
	}
	r->e[i] = e;
}

static struct queue_entry heap_pop(struct queue_run *r)
{
	struct queue_entry top = r->e[0], e = r->e[--r->n];
	size_t i = 0;

	for (;;) {
		size_t c, first = ARITY * i + 1, best = first;

		if (first >= r->n)
			break;
		for (c = first + 1; c < first + ARITY && c < r->n; c++)
			if (before(&r->e[c], &r->e[best]))
				best = c;
		if (!before(&r->e[best], &e))
			break;
		r->e[i] = r->e[best];
		i = best;
	}
	r->e[i] = e;
	return top;
}

/* --- radix heap ---------------------------------------------------------- */

static void radix_put(struct queue *q, struct queue_entry e)
{
	unsigned b = e.at == q->base ? 0 : 64 - (unsigned)__builtin_clzll(e.at ^ q->base);

	run_append(&q->run[b], e);
	if (b)
		q->used |= 1ULL << (b - 1);
}

static int by_seq(const void *a, const void *b)
{
	const struct queue_entry *x = a, *y = b;

	return (int32_t)(x->seq - y->seq) < 0 ? -1 : 1;
}

/* Mostly they lie in order already: look before sorting. */
static void sort_by_seq(struct queue_run *r)
{
	size_t i;

	for (i = 1; i < r->n; i++)
		if ((int32_t)(r->e[i].seq - r->e[i - 1].seq) < 0)
			break;
	if (i < r->n)
		qsort(r->e, r->n, sizeof(r->e[0]), by_seq);
}

/* Makes bucket 0 hold the earliest instant of all buckets. There must be an entry. */
static void radix_refill(struct queue *q)
{
	struct queue_run *r;
	unsigned b;
	size_t i;

	q->first = 0;
	run_clear(&q->run[0]);
	b = (unsigned)__builtin_ctzll(q->used) + 1;
	r = &q->run[b];
	q->base = r->e[0].at;
	for (i = 1; i < r->n; i++)
		if (r->e[i].at < q->base)
			q->base = r->e[i].at;
	q->used &= ~(1ULL << (b - 1));
	for (i = 0; i < r->n; i++)
		radix_put(q, r->e[i]);
	run_clear(r);
	sort_by_seq(&q->run[0]);
}

static void look_ahead(struct queue *q)
{
	while (q->n_ahead < QUEUE_AHEAD) {
		if (q->first == q->run[0].n) {
			if (!q->used)
				return;
			radix_refill(q);
		}
		q->ahead[(q->ahead_first + q->n_ahead++) % QUEUE_AHEAD] =
			q->run[0].e[q->first++];
	}
}

static struct queue_entry radix_pop(struct queue *q)
{
	struct queue_entry e;

	look_ahead(q);
	e = q->ahead[q->ahead_first];
	if (!q->n_ahead || (q->heap.n && before(&q->heap.e[0], &e)))
		return heap_pop(&q->heap);
	q->ahead_first = (q->ahead_first + 1) % QUEUE_AHEAD;
	q->n_ahead--;
	return e;
}

/* --- the interface ------------------------------------------------------- */

void queue_push(struct queue *q, uint64_t at, uint32_t event)
{
	struct queue_entry e = {.at = at, .seq = q->seq++, .event = event};

	assert(at >= q->last);
	q->n++;
	if (q->kind == QUEUE_HEAP || at < q->base)
		heap_push(&q->heap, e);
	else
		radix_put(q, e);
}

bool queue_pop(struct queue *q, struct queue_entry *out)
{
	if (!q->n)
		return false;
	q->n--;
	*out = q->kind == QUEUE_HEAP ? heap_pop(&q->heap) : radix_pop(q);
	q->last = out->at;
	return true;
}

bool queue_coming(const struct queue *q, unsigned k, uint32_t *event)
{
	if (k >= q->n_ahead)
		return false;
	*event = q->ahead[(q->ahead_first + k) % QUEUE_AHEAD].event;
	return true;
}

size_t queue_size(const struct queue *q)
{
	return q->n;
}
