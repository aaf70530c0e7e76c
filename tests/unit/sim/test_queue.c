/* Both queues against each other and against a sort: same order, nothing lost. */
#include <stdlib.h>

#include "sim/queue.h"
#include "sim/rng.h"
#include "tests/fixture/suite.h"

#define N 20000

static int by_time_then_push(const void *a, const void *b)
{
	const struct queue_entry *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->seq < y->seq ? -1 : 1;
}

START_TEST(test_sorts)
{
	static struct queue_entry want[N];
	struct queue_entry got;
	struct queue q;
	struct rng r;
	int i;

	rng_init(&r, 7, RNG_WORKLOAD, 0);
	queue_init(&q, (enum queue_kind)_i);
	for (i = 0; i < N; i++) {
		want[i] = (struct queue_entry){rng_below(&r, 500), (uint32_t)i,
					       (uint32_t)i};
		queue_push(&q, want[i].at, want[i].event);
	}
	qsort(want, N, sizeof(want[0]), by_time_then_push);
	for (i = 0; i < N; i++) {
		ck_assert(queue_pop(&q, &got));
		ck_assert_uint_eq(got.at, want[i].at);
		ck_assert_uint_eq(got.event, want[i].event);
	}
	ck_assert(!queue_pop(&q, &got));
	queue_fini(&q);
}
END_TEST

/* Holds, with many ties and now and then an empty queue: the same order from both. */
START_TEST(test_same_order)
{
	struct queue q[2];
	struct queue_entry a, b;
	struct rng r;
	uint64_t now = 0;
	uint32_t next = 0;
	int i;

	rng_init(&r, 11, RNG_WORKLOAD, 0);
	queue_init(&q[0], QUEUE_RADIX);
	queue_init(&q[1], QUEUE_HEAP);
	for (i = 0; i < 200000; i++) {
		unsigned pushes = (unsigned)rng_below(&r, 3);

		while (pushes--) {
			uint64_t at =
				now + (rng_chance(&r, 0.3)
					       ? 0
					       : rng_below(&r, 1u << rng_below(&r, 30)));

			queue_push(&q[0], at, next);
			queue_push(&q[1], at, next++);
		}
		ck_assert_uint_eq(queue_size(&q[0]), queue_size(&q[1]));
		if (!queue_pop(&q[0], &a)) {
			ck_assert(!queue_pop(&q[1], &b));
			continue;
		}
		ck_assert(queue_pop(&q[1], &b));
		ck_assert_uint_eq(a.at, b.at);
		ck_assert_uint_eq(a.event, b.event);
		ck_assert_uint_ge(a.at, now);
		now = a.at;
	}
	queue_fini(&q[0]);
	queue_fini(&q[1]);
}
END_TEST

/* What is announced comes, in that order, even while earlier ones are pushed between. */
START_TEST(test_coming)
{
	struct queue_entry got;
	struct queue q;
	uint32_t next, later;
	unsigned i, n_seen = 0;

	queue_init(&q, QUEUE_RADIX);
	ck_assert(!queue_coming(&q, 0, &next));
	for (i = 0; i < 1000; i++)
		queue_push(&q, 10 * (i * 7919 % 1000), i);
	for (i = 0; i < 1000; i++) {
		ck_assert(queue_pop(&q, &got));
		ck_assert_uint_eq(got.at, 10 * i);
		if (!queue_coming(&q, 0, &next))
			continue;
		ck_assert_uint_eq(next * 7919 % 1000, i + 1);
		ck_assert(!queue_coming(&q, 2, &later) || later * 7919 % 1000 == i + 3);
		n_seen++;
		queue_push(&q, got.at + 5, 5000);
		queue_push(&q, got.at, 4000);
		ck_assert(queue_pop(&q, &got));
		ck_assert_uint_eq(got.event, 4000);
		ck_assert(queue_pop(&q, &got));
		ck_assert_uint_eq(got.event, 5000);
	}
	ck_assert_uint_gt(n_seen, 900);
	ck_assert(!queue_pop(&q, &got));
	queue_fini(&q);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_coming);
	tcase_add_loop_test(c, test_sorts, 0, 2);
	tcase_add_test(c, test_same_order);
}

int main(void)
{
	return suite_main("queue", fill);
}
