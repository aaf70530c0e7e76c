/* The Chord lookup load: every answer right, in about as many hops as theory has it. */
#include "overlay/base/crypto.h"
#include "sim/chord_load.h"
#include "tests/fixture/suite.h"

START_TEST(test_small_rings)
{
	unsigned nodes = (unsigned)_i;
	struct chord_load_result r;

	ck_assert_int_eq(chord_load_run(nodes, 200 * SEC, 1, QUEUE_RADIX, &r), 0);
	ck_assert_uint_eq(r.correct, r.lookups);
	ck_assert_uint_ge(r.lookups, 19 * nodes);
	ck_assert_uint_le(r.lookups, 20 * nodes);
}
END_TEST

START_TEST(test_thousand)
{
	struct chord_load_result a, b;

	ck_assert_int_eq(chord_load_run(1000, 100 * SEC, 7, QUEUE_RADIX, &a), 0);
	ck_assert_uint_eq(a.correct, a.lookups);
	ck_assert_uint_ge(a.lookups, 9900);
	/* log2(1000) / 2 = 5, less what the successor lists save. */
	ck_assert_uint_ge(a.hops, 4 * a.lookups);
	ck_assert_uint_le(a.hops, 5 * a.lookups);
	ck_assert_int_eq(chord_load_run(1000, 100 * SEC, 7, QUEUE_HEAP, &b), 0);
	ck_assert_uint_eq(a.trace, b.trace);
}
END_TEST

START_TEST(test_sizes)
{
	struct chord_load_result r;

	ck_assert_int_eq(chord_load_run(0, SEC, 1, QUEUE_RADIX, &r), PIAS_EINVALID);
	ck_assert_int_eq(chord_load_run(1000001, SEC, 1, QUEUE_RADIX, &r), PIAS_EINVALID);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_loop_test(c, test_small_rings, 1, 12);
	tcase_add_test(c, test_thousand);
	tcase_add_test(c, test_sizes);
}

int main(void)
{
	return crypto_init() ? EXIT_FAILURE : suite_main("chord_load", fill);
}
