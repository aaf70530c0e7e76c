/* Arcs against a ring small enough to count every key. */
#include "rendezvous/arc.h"
#include "tests/fixture/rng.h"
#include "tests/fixture/suite.h"

#define KEYS 32 /* 0, 8, 16, ... of the first byte */

static struct id point(unsigned i)
{
	struct id id = {{0}};

	id.b[0] = (uint8_t)(8 * (i % KEYS));
	return id;
}

static struct arc arc(unsigned from, unsigned to)
{
	return (struct arc){point(from), point(to)};
}

static uint32_t keys_of(const struct arc *a)
{
	uint32_t mask = 0;
	unsigned i;

	for (i = 0; i < KEYS; i++) {
		struct id key = point(i);

		if (arc_has(a, &key))
			mask |= 1u << i;
	}
	return mask;
}

START_TEST(test_lies_in)
{
	unsigned f, t;

	for (f = 0; f < KEYS; f++)
		for (t = 0; t < KEYS; t++) {
			struct arc a = arc(f, t), whole = arc(3, (unsigned)_i);
			uint32_t in = keys_of(&a), out = keys_of(&whole);

			ck_assert(arc_lies_in(&a, &whole) == !(in & ~out));
		}
}
END_TEST

/* Several arcs together cover another, or not; ended ones do not count. */
START_TEST(test_cover)
{
	struct rng r = {.s = (uint64_t)_i};
	struct arcs as = {.n = 0};
	unsigned i, covered = 0;

	for (i = 0; i < 2000; i++) {
		unsigned from = rng_below(&r, KEYS);
		struct arc a = arc(from, from + 1 + rng_below(&r, 12)), b;
		pias_time now = i * SEC, ends = now + rng_below(&r, 10) * SEC;
		uint32_t mask = 0;
		unsigned j;

		arcs_confirm(&as, &a, now, ends);
		ck_assert_uint_le(as.n, ARCS_MAX);
		for (j = 0; j < as.n; j++)
			if (as.a[j].ends > now)
				mask |= keys_of(&as.a[j].arc);
		from = rng_below(&r, KEYS);
		b = arc(from, from + 1 + rng_below(&r, 20));
		ck_assert(arcs_cover(&as, &b, now) == !(keys_of(&b) & ~mask));
		covered += arcs_cover(&as, &b, now);
		for (j = 0; j < KEYS; j++) {
			struct id key = point(j);

			ck_assert((arcs_find(&as, &key, now) != NULL) == (mask >> j & 1));
		}
	}
	ck_assert_uint_gt(covered, 100);
	ck_assert_uint_lt(covered, 1900);
}
END_TEST

START_TEST(test_whole_ring)
{
	struct arcs as = {.n = 0};
	struct arc whole = arc(5, 5), part = arc(9, 2);

	arcs_confirm(&as, &part, 0, 10);
	ck_assert(!arcs_cover(&as, &whole, 0));
	arcs_confirm(&as, &whole, 0, 10);
	ck_assert_uint_eq(as.n, 1); /* the part lay in it */
	ck_assert(arcs_cover(&as, &whole, 0));
	ck_assert(arcs_cover(&as, &part, 9));
	ck_assert(!arcs_cover(&as, &part, 10));
}
END_TEST

/* The one that would end first makes room. */
START_TEST(test_full)
{
	struct arcs as = {.n = 0};
	unsigned i;

	for (i = 0; i < ARCS_MAX + 1; i++) {
		struct arc a = arc(i, i + 1);

		arcs_confirm(&as, &a, 0, i == 4 ? 50 : 100);
	}
	ck_assert_uint_eq(as.n, ARCS_MAX);
	for (i = 0; i < ARCS_MAX + 1; i++) {
		struct id key = point(i + 1);

		ck_assert((arcs_find(&as, &key, 0) != NULL) == (i != 4));
	}
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_loop_test(c, test_lies_in, 0, KEYS);
	tcase_add_loop_test(c, test_cover, 0, 4);
	tcase_add_test(c, test_whole_ring);
	tcase_add_test(c, test_full);
}

int main(void)
{
	return suite_main("arc", fill);
}
