/* The identifier circle: arcs, sums and distances at and around the wrap. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/base/error.h"
#include "overlay/base/id.h"

static struct id low(uint8_t last)
{
	struct id x = {{0}};

	x.b[ID_LEN - 1] = last;
	return x;
}

START_TEST(test_arc)
{
	static const struct {
		uint8_t from, x, to;
		bool in_arc, between;
	} t[] = {
		{10, 15, 20, true, true},   {10, 20, 20, true, false},
		{10, 10, 20, false, false}, {20, 25, 10, true, true},
		{20, 5, 10, true, true},    {20, 15, 10, false, false},
		{10, 10, 10, true, false},  {10, 11, 10, true, true},
	};
	struct id from = low(t[_i].from), x = low(t[_i].x), to = low(t[_i].to);

	ck_assert(id_in_arc(&x, &from, &to) == t[_i].in_arc);
	ck_assert(id_between(&from, &x, &to) == t[_i].between);
}
END_TEST

START_TEST(test_sum_and_distance)
{
	struct id a, sum, d, want;
	unsigned bit;

	memset(a.b, 0xff, ID_LEN);
	id_inc(&a);
	want = low(0);
	ck_assert(id_eq(&a, &want));
	memset(a.b, 0xa5, ID_LEN);
	for (bit = 0; bit < ID_BITS; bit++) {
		id_add_pow2(&sum, &a, bit);
		id_distance(&d, &a, &sum);
		memset(want.b, 0, ID_LEN);
		want.b[ID_LEN - 1 - bit / 8] = (uint8_t)(1u << bit % 8);
		ck_assert(id_eq(&d, &want));
	}
}
END_TEST

START_TEST(test_text)
{
	char s[ID_STR_MAX], t[9];
	struct id a, b;

	memset(a.b, 0x3c, ID_LEN);
	a.b[0] = 0x0f;
	ck_assert_int_eq(id_parse(id_str(&a, s), &b), 0);
	ck_assert(id_eq(&a, &b));
	ck_assert_str_eq(id_short(&a, t), "0f3c3c3c");
	ck_assert_int_eq(id_parse("0f", &b), PIAS_EINVALID);
	s[5] = 'g';
	ck_assert_int_eq(id_parse(s, &b), PIAS_EINVALID);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("id");
	TCase *c = tcase_create("id");
	SRunner *r;
	int failed;

	tcase_add_loop_test(c, test_arc, 0, 8);
	tcase_add_test(c, test_sum_and_distance);
	tcase_add_test(c, test_text);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
