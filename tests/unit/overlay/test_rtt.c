/* Round-trip times: the median, the mean, and the timeouts drawn from them. */
#include <string.h>

#include "overlay/rtt.h"
#include "tests/fixture/rng.h"
#include "tests/fixture/suite.h"

START_TEST(test_median)
{
	static const struct {
		pias_time in;
		uint32_t out;
	} t[] = {
		{100, 100}, {300, 100}, /* of two the smaller */
		{200, 200}, {9000, 300}, {250, 250}, {240, 250}, {240, 240}, {1, 240},
	};
	struct rtt r = {0};
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		ck_assert_uint_eq(rtt_add(&r, t[i].in), t[i].out);
}
END_TEST

START_TEST(test_median_of_any_order)
{
	static const pias_time order[6][3] = {{1, 2, 3}, {1, 3, 2}, {2, 1, 3},
					      {2, 3, 1}, {3, 1, 2}, {3, 2, 1}};
	struct rtt r = {0};

	rtt_add(&r, order[_i][0]);
	rtt_add(&r, order[_i][1]);
	ck_assert_uint_eq(rtt_add(&r, order[_i][2]), 2);
}
END_TEST

START_TEST(test_impossible)
{
	struct rtt r = {0}, zero = {0};

	ck_assert_uint_eq(rtt_add(&r, -1), 0);
	ck_assert_uint_eq(rtt_add(&r, RTT_SAMPLE_MAX + 1), 0);
	ck_assert_mem_eq(&r, &zero, sizeof(r));
	ck_assert_uint_eq(rtt_add(&r, 0), 1); /* below our clock, yet measured */
	ck_assert_uint_eq(r.srtt_us, 1);
	rtt_add(&r, 0); /* and never forgotten */
	ck_assert_uint_ge(r.srtt_us, 1);
}
END_TEST

START_TEST(test_timeout)
{
	struct rtt r = {0};

	ck_assert_int_eq(rtt_timeout(&r, 0), 500 * MSEC);
	ck_assert_int_eq(rtt_timeout(&r, 1000), 150 * MSEC);
	ck_assert_int_eq(rtt_timeout(&r, 200000), 400 * MSEC);
	ck_assert_int_eq(rtt_timeout(&r, 5000000), 2 * SEC);
	rtt_add(&r, 100 * MSEC); /* var = half */
	ck_assert_int_eq(rtt_timeout(&r, 0), 300 * MSEC);
	ck_assert_int_eq(rtt_timeout(&r, 5000000), 300 * MSEC); /* measured wins */
	rtt_add(&r, 9 * SEC);
	ck_assert_int_eq(rtt_timeout(&r, 0), 2 * SEC);
}
END_TEST

/* A steady peer: the timeout comes close, the deviation dies away, nothing drifts. */
START_TEST(test_steady)
{
	struct rtt r = {0};
	struct rng rng = {3};
	int i;

	for (i = 0; i < 500; i++)
		rtt_add(&r, 300 * MSEC + rng_below(&rng, 1000));
	ck_assert_uint_ge(r.srtt_us, 299900);
	ck_assert_uint_le(r.srtt_us, 301000);
	ck_assert_int_lt(rtt_timeout(&r, 0), 303 * MSEC);
	/* asked again only after the answer was due, within the timeout */
	ck_assert_int_gt(rtt_resend(&r, 0), 301 * MSEC);
	ck_assert_int_le(rtt_resend(&r, 0), rtt_timeout(&r, 0));
}
END_TEST

START_TEST(test_resend)
{
	struct rtt r = {0};

	ck_assert_int_eq(rtt_resend(&r, 0), 250 * MSEC);
	ck_assert_int_eq(rtt_resend(&r, 1000), 75 * MSEC);
	ck_assert_int_eq(rtt_resend(&r, 100000), 125 * MSEC);
	rtt_add(&r, 1000);
	ck_assert_int_eq(rtt_resend(&r, 0), 75 * MSEC);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_median);
	tcase_add_loop_test(c, test_median_of_any_order, 0, 6);
	tcase_add_test(c, test_impossible);
	tcase_add_test(c, test_timeout);
	tcase_add_test(c, test_steady);
	tcase_add_test(c, test_resend);
}

int main(void)
{
	return suite_main("rtt", fill);
}
