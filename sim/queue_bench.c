/* Measures the event queues; the only place of the simulator that reads a real clock. */
#include "sim/queue_bench.h"

#include <time.h>

#include "sim/rng.h"

#define PARTS	     5
#define HOLDS_A_PART 1000000

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint64_t increment_us(struct rng *r)
{
	uint64_t x = rng_u64(r), kind = x % 100;

	x >>= 8;
	if (kind < 70)
		return 1000 + x % 150000;
	if (kind < 95)
		return 1000000 + x % 9000000;
	return 60000000 + x % 60000000;
}

static void hold(struct queue *q, struct rng *r, size_t n, uint64_t *order)
{
	struct queue_entry e;

	while (n-- && queue_pop(q, &e)) {
		*order = *order * 31 + e.event;
		queue_push(q, e.at + increment_us(r), e.event);
	}
}

void queue_bench_run(enum queue_kind kind, size_t pending, uint64_t seed,
		     struct queue_bench_result *out)
{
	struct queue q;
	struct rng r;
	size_t i;

	queue_init(&q, kind);
	rng_init(&r, seed, RNG_WORKLOAD, 0);
	out->order = 0;
	out->hold_ns = 0;
	for (i = 0; i < pending; i++)
		queue_push(&q, increment_us(&r), (uint32_t)i);
	hold(&q, &r, pending, &out->order); /* warm: the mix of a run under way */
	for (i = 0; i < PARTS; i++) {
		double from = cpu_ns(), ns;

		hold(&q, &r, HOLDS_A_PART, &out->order);
		ns = (cpu_ns() - from) / HOLDS_A_PART;
		if (!i || ns < out->hold_ns)
			out->hold_ns = ns;
	}
	queue_fini(&q);
}
