/* Percentiles and means against values worked out by hand. */
#include "sim/sample.h"
#include "tests/fixture/suite.h"

static struct sample s;

static void setup(void)
{
	s = (struct sample){0};
}

static void teardown(void)
{
	sample_free(&s);
}

START_TEST(test_empty)
{
	ck_assert_double_eq(sample_at(&s, 0.5), 0);
	ck_assert_double_eq(sample_mean(&s), 0);
}
END_TEST

START_TEST(test_single)
{
	sample_add(&s, 7);
	ck_assert_double_eq(sample_at(&s, 0), 7);
	ck_assert_double_eq(sample_at(&s, 0.99), 7);
	ck_assert_double_eq(sample_at(&s, 1), 7);
}
END_TEST

START_TEST(test_percentiles)
{
	int i;

	/* 100 ... 1: any order will do. */
	for (i = 100; i >= 1; i--)
		sample_add(&s, i);
	ck_assert_double_eq_tol(sample_at(&s, 0), 1, 1e-9);
	ck_assert_double_eq_tol(sample_at(&s, 0.5), 50.5, 1e-9);
	ck_assert_double_eq_tol(sample_at(&s, 0.9), 90.1, 1e-9);
	ck_assert_double_eq_tol(sample_at(&s, 1), 100, 1e-9);
	ck_assert_double_eq_tol(sample_mean(&s), 50.5, 1e-9);
}
END_TEST

START_TEST(test_added_after_asking)
{
	sample_add(&s, 2);
	sample_add(&s, 1);
	ck_assert_double_eq(sample_at(&s, 1), 2);
	sample_add(&s, 0);
	ck_assert_double_eq(sample_at(&s, 0), 0);
	ck_assert_double_eq(sample_at(&s, 0.5), 1);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_empty);
	tcase_add_test(c, test_single);
	tcase_add_test(c, test_percentiles);
	tcase_add_test(c, test_added_after_asking);
}

int main(void)
{
	return suite_main("sample", fill);
}
