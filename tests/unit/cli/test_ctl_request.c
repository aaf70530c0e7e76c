/* Requests on the control socket: every command, and everything that is none. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ctl_request.h"
#include "tests/fixture/suite.h"

static const struct {
	const char *line;
	enum ctl_command command;
} good[] = {
	{"{\"cmd\":\"status\"}", CTL_status},
	{"{ \"cmd\" : \"ring\" } ", CTL_ring},
	{"{\"cmd\":\"peers\"}\r", CTL_peers},
	{"{\"cmd\":\"groups\"}", CTL_groups},
	{"{\"cmd\":\"flows\"}", CTL_flows},
	{"{\"cmd\":\"counters\"}", CTL_counters},
	{"{\"cmd\":\"drain\"}", CTL_drain},
	{"{\"cmd\":\"members\",\"group\":\"198.18.0.1:53/udp\"}", CTL_members},
	{"{\"group\":\"[2001:db8:a::1]:80/tcp\",\"cmd\":\"members\"}", CTL_members},
	{"{\"cmd\":\"trace\",\"client\":\"192.0.2.1\",\"group\":\"198.18.0.1\"}",
	 CTL_trace},
	{"{\"cmd\":\"trace\",\"client\":\"192.0.2.1:9\",\"group\":\"198.18.0.1:53/udp\"}",
	 CTL_trace},
};

START_TEST(test_good)
{
	struct ctl_request r;
	char why[CTL_WHY_MAX];

	ck_assert_msg(!ctl_request_parse(&r, good[_i].line, strlen(good[_i].line), why),
		      "%s", why);
	ck_assert_int_eq(r.command, good[_i].command);
}
END_TEST

START_TEST(test_arguments)
{
	static const char line[] = "{\"cmd\":\"trace\",\"client\":\"[2001:db8::5]:1234\","
				   "\"group\":\"[2001:db8:a::1]:80/tcp\"}";
	char why[CTL_WHY_MAX], text[GROUP_NAME_STR_MAX];
	struct ctl_request r;

	ck_assert_int_eq(ctl_request_parse(&r, line, strlen(line), why), 0);
	ck_assert_str_eq(group_name_str(&r.group, text), "[2001:db8:a::1]:80/tcp");
	ck_assert_uint_eq(r.client.port, 1234);
	ck_assert_int_eq(r.client.family, ADDR_V6);
}
END_TEST

static const struct {
	const char *line, *says;
} bad[] = {
	{"", "not one JSON object"},
	{"status", "not one JSON object"},
	{"[]", "not one JSON object"},
	{"\"status\"", "not one JSON object"},
	{"{\"cmd\":\"status\"", "not one JSON object"},
	{"{\"cmd\":\"status\"} {}", "not one JSON object"},
	{"{\"cmd\":\"status\"}x", "not one JSON object"},
	{"{}", "no \"cmd\""},
	{"{\"cmd\":1}", "no \"cmd\""},
	{"{\"CMD\":\"status\"}", "no \"cmd\""},
	{"{\"cmd\":\"bogus\"}", "no command \"bogus\""},
	{"{\"cmd\":\"status\",\"x\":1}", "no arguments"},
	{"{\"cmd\":\"status\",\"cmd\":\"drain\"}", "no arguments"},
	{"{\"cmd\":\"members\"}", "\"group\" is missing"},
	{"{\"cmd\":\"members\",\"group\":5}", "\"group\" is missing"},
	{"{\"cmd\":\"members\",\"group\":\"198.18.0.1:53\"}", "is no group"},
	{"{\"cmd\":\"members\",\"group\":\"198.18.0.1\",\"x\":\"y\"}",
	 "nothing but GROUP"},
	{"{\"cmd\":\"trace\",\"group\":\"198.18.0.1\"}", "\"client\" is missing"},
	{"{\"cmd\":\"trace\",\"group\":\"198.18.0.1\",\"client\":\"no\"}",
	 "is no address"},
	{"{\"cmd\":\"trace\",\"group\":\"198.18.0.1\",\"client\":\"127.0.0.1\"}",
	 "is no address"},
	{"{\"cmd\":\"trace\",\"group\":\"198.18.0.1\",\"client\":\"2001:db8::1\"}",
	 "different address families"},
};

START_TEST(test_bad)
{
	struct ctl_request r;
	char why[CTL_WHY_MAX] = "";

	ck_assert_int_eq(ctl_request_parse(&r, bad[_i].line, strlen(bad[_i].line), why),
			 PIAS_EINVALID);
	ck_assert_msg(strstr(why, bad[_i].says), "%s", why);
}
END_TEST

/* Every prefix of a good line, on the heap so that reading past its end is seen. */
START_TEST(test_prefixes)
{
	static const char line[] =
		"{\"cmd\":\"members\",\"group\":\"198.18.0.1:53/udp\"}";
	struct ctl_request r;
	char why[CTL_WHY_MAX], *copy;
	size_t n;

	for (n = 0; n < sizeof(line) - 1; n++) {
		copy = malloc(n ? n : 1);
		memcpy(copy, line, n);
		ck_assert_int_eq(ctl_request_parse(&r, copy, n, why), PIAS_EINVALID);
		free(copy);
	}
}
END_TEST

/* Deep nesting and long strings must not hurt. */
START_TEST(test_hostile)
{
	static char line[CTL_LINE_MAX];
	struct ctl_request r;
	char why[CTL_WHY_MAX];

	memset(line, '[', sizeof(line));
	ck_assert_int_eq(ctl_request_parse(&r, line, sizeof(line), why), PIAS_EINVALID);
	memset(line, 'a', sizeof(line));
	memcpy(line, "{\"cmd\":\"", 8);
	memcpy(line + sizeof(line) - 2, "\"}", 2);
	ck_assert_int_eq(ctl_request_parse(&r, line, sizeof(line), why), PIAS_EINVALID);
	ck_assert_uint_lt(strlen(why), CTL_WHY_MAX);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_loop_test(c, test_good, 0, (int)(sizeof(good) / sizeof(good[0])));
	tcase_add_test(c, test_arguments);
	tcase_add_loop_test(c, test_bad, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(c, test_prefixes);
	tcase_add_test(c, test_hostile);
}

int main(void)
{
	return suite_main("ctl_request", fill);
}
