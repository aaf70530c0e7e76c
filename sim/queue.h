/*
 * The simulator's event queue: 16-byte entries in the total order (time, seq). Two
 * structures behind one interface, with identical pop order:
 *
 *  - radix: a monotone radix heap (Ahuja, Mehlhorn, Orlin and Tarjan, J. ACM 1990);
 *    sequential memory, flat cost up to 10^8 pending entries;
 *  - heap: a 4-ary heap, to cross-check it.
 *
 * Monotone: nothing may be pushed before the time of the last pop. Nothing is ever
 * removed but by pop; what is cancelled is recognised by its owner when it comes up.
 *
 * The radix heap takes its next entries out a little ahead, so that whoever pops can
 * ask what is coming and fetch it into the cache meanwhile.
 */
#ifndef PIAS_SIM_QUEUE_H
#define PIAS_SIM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue_entry {
	uint64_t at; /* in the caller's unit */
	uint32_t seq;
	uint32_t event;
};

enum queue_kind {
	QUEUE_RADIX,
	QUEUE_HEAP,
};

/* Entries in an append-only run: a bucket of the radix heap, or the whole heap. */
struct queue_run {
	struct queue_entry *e;
	size_t n, cap;
};

#define QUEUE_BUCKETS 65
#define QUEUE_AHEAD   16 /* entries; a power of two */

struct queue {
	enum queue_kind kind;
	size_t n;
	uint32_t seq;
	uint64_t last; /* time of the last pop */
	/* The whole 4-ary heap; radix: what was pushed to before `base`. */
	struct queue_run heap;
	/* Radix only: */
	uint64_t base; /* the time that the buckets count from */
	uint64_t used; /* bit b - 1 is set if bucket b is not empty */
	size_t first;  /* next of bucket 0 */
	struct queue_run run[QUEUE_BUCKETS];
	unsigned ahead_first, n_ahead;
	struct queue_entry ahead[QUEUE_AHEAD]; /* a ring, in order */
};

void queue_init(struct queue *q, enum queue_kind kind);
void queue_fini(struct queue *q);
/* Entries of equal time pop in the order in which they were pushed. */
void queue_push(struct queue *q, uint64_t at, uint32_t event);
/* False when empty. */
bool queue_pop(struct queue *q, struct queue_entry *out);
size_t queue_size(const struct queue *q);
/*
 * The event that pops @k pops from now (0: next) unless others come between; false
 * where that is not known. A hint, of the radix heap only.
 */
bool queue_coming(const struct queue *q, unsigned k, uint32_t *event);

#endif
