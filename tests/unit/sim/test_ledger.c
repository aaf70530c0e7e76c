/* Sums by ordered pair, in the order that is promised, through every growth. */
#include "sim/ledger.h"

#include <stdlib.h>

#include "tests/fixture/suite.h"

static struct ledger ledger;

static void setup(void)
{
	ledger = (struct ledger){0};
}

static void teardown(void)
{
	ledger_fini(&ledger);
}

START_TEST(test_empty)
{
	struct ledger_line *line = ledger_sorted(&ledger);

	ck_assert_uint_eq(ledger.n, 0);
	free(line);
}
END_TEST

START_TEST(test_directions_apart)
{
	struct ledger_line *line;

	ledger_add(&ledger, 7, 0, 100);
	ledger_add(&ledger, 0, 7, 10);
	ledger_add(&ledger, 7, 0, 1);
	line = ledger_sorted(&ledger);
	ck_assert_uint_eq(ledger.n, 2);
	ck_assert_uint_eq(line[0].from, 7);
	ck_assert_uint_eq(line[0].to, 0);
	ck_assert_uint_eq(line[0].messages, 2);
	ck_assert_uint_eq(line[0].bytes, 101);
	ck_assert_uint_eq(line[1].from, 0);
	ck_assert_uint_eq(line[1].messages, 1);
	ck_assert_uint_eq(line[1].bytes, 10);
	free(line);
}
END_TEST

/* 10,000 pairs; of equal bytes the lower index first. */
START_TEST(test_growth_and_order)
{
	const uint32_t n = 100;
	struct ledger_line *line;
	uint32_t round, i, k;

	for (round = 0; round < 2; round++)
		for (i = 0; i < n; i++)
			for (k = 0; k < n; k++)
				ledger_add(&ledger, i, k, i);
	line = ledger_sorted(&ledger);
	ck_assert_uint_eq(ledger.n, n * n);
	for (i = 0; i < n; i++)
		for (k = 0; k < n; k++) {
			const struct ledger_line *x = &line[i * n + k];

			ck_assert_uint_eq(x->from, n - 1 - i);
			ck_assert_uint_eq(x->to, k);
			ck_assert_uint_eq(x->messages, 2);
			ck_assert_uint_eq(x->bytes, 2 * (n - 1 - i));
		}
	free(line);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_empty);
	tcase_add_test(c, test_directions_apart);
	tcase_add_test(c, test_growth_and_order);
}

int main(void)
{
	return suite_main("ledger", fill);
}
