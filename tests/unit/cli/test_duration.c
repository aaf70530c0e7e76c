/* Times as people write them. */
#include <check.h>
#include <stdlib.h>

#include "cli/duration.h"

static const struct {
	const char *text;
	pias_time t;
	const char *canonical;
} good[] = {
	{"250ms", 250 * MSEC, "250ms"},
	{"30s", 30 * SEC, "30s"},
	{"30", 30 * SEC, "30s"},
	{"90s", 90 * SEC, "90s"},
	{"5m", 300 * SEC, "5m"},
	{"120m", 7200 * SEC, "2h"},
	{"0", 0, "0s"},
	{"15us", 15, "15us"},
	{"1500ms", 1500 * MSEC, "1500ms"},
};

static const char *const bad[] = {
	"",
	"s",
	"-1s",
	"+1s",
	" 1s",
	"1 s",
	"1.5s",
	"1d",
	"1sec",
	"1s ",
	"0x10s",
	"99999999999h",
	"9999999999999999999",
	"1ss",
};

START_TEST(test_good)
{
	char s[DURATION_STR_MAX];
	pias_time t = -1;

	ck_assert_int_eq(duration_parse(good[_i].text, &t), 0);
	ck_assert_int_eq(t, good[_i].t);
	ck_assert_str_eq(duration_str(t, s), good[_i].canonical);
}
END_TEST

START_TEST(test_bad)
{
	pias_time t = 7;

	ck_assert_int_eq(duration_parse(bad[_i], &t), PIAS_EINVALID);
	ck_assert_int_eq(t, 7);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("duration");
	TCase *c = tcase_create("duration");
	SRunner *r;
	int failed;

	tcase_add_loop_test(c, test_good, 0, sizeof(good) / sizeof(*good));
	tcase_add_loop_test(c, test_bad, 0, sizeof(bad) / sizeof(*bad));
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
