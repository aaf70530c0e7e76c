/* The command line of pias-join: what is taken, and what is said about the rest. */
#include <stdio.h>
#include <string.h>

#include "cli/join_options.h"
#include "tests/fixture/suite.h"

#define CREDENTIALS "--cert", "c", "--key", "k", "--ca", "a"
#define ARGS_MAX    80

static char why[JOIN_OPTIONS_WHY_MAX];

/* @args ends with NULL; "pias-join" goes in front. */
static enum join_options_result parse(struct join_options *o, const char *const *args)
{
	static char *argv[ARGS_MAX + 2];
	int argc = 1;

	argv[0] = (char *)"pias-join";
	while (args[argc - 1]) {
		ck_assert_int_lt(argc, ARGS_MAX);
		argv[argc] = (char *)args[argc - 1];
		argc++;
	}
	argv[argc] = NULL;
	why[0] = '\0';
	return join_options_parse(o, argc, argv, why);
}

START_TEST(test_defaults)
{
	static const char *const args[] = {CREDENTIALS, "198.18.0.1:53/udp", NULL};
	char s[GROUP_NAME_STR_MAX];
	struct join_options o;

	ck_assert_int_eq(parse(&o, args), JOIN_OPTIONS_OK);
	ck_assert_str_eq(o.cert, "c");
	ck_assert_str_eq(o.key, "k");
	ck_assert_str_eq(o.ca, "a");
	ck_assert_uint_eq(o.n_groups, 1);
	ck_assert_str_eq(group_name_str(&o.group[0], s), "198.18.0.1:53/udp");
	ck_assert(addr_is_none(&o.unicast));
	ck_assert_int_eq(o.encap, ENCAP_GUE);
	ck_assert_uint_eq(o.port, 6080);
	ck_assert_str_eq(o.tun, "pj%d");
	ck_assert_int_eq(o.lease, 0);
	ck_assert_uint_eq(o.mtu, 0);
	ck_assert(!o.create && !o.leave_addresses && !o.leave_mss && !o.also_client);
	ck_assert(!o.is_verbose);
	ck_assert_ptr_null(o.exec);
}
END_TEST

START_TEST(test_everything)
{
	/* Groups among options; what follows --exec is the command's. */
	static const char *const args[] = {
		"--create",	"198.18.0.1", CREDENTIALS,
		"--unicast",	"192.0.2.7",  "--encap=ipip",
		"--port",	"7000",	      "--tun",
		"anycast0",	"--lease",    "90s",
		"--mtu",	"1400",	      "[2001:db8:a::1]:80/tcp",
		"--no-address", "--no-route", "--also-client",
		"-v",		"--exec",     "server",
		"--port",	"1",	      NULL};
	struct join_options o;
	char s[ADDR_STR_MAX];

	ck_assert_int_eq(parse(&o, args), JOIN_OPTIONS_OK);
	ck_assert_uint_eq(o.n_groups, 2);
	ck_assert(group_name_is_wide(&o.group[0]));
	ck_assert_uint_eq(o.group[1].port, 80);
	ck_assert_str_eq(addr_str(&o.unicast, s), "192.0.2.7");
	ck_assert_int_eq(o.encap, ENCAP_IPIP);
	ck_assert_uint_eq(o.port, 7000);
	ck_assert_str_eq(o.tun, "anycast0");
	ck_assert_int_eq(o.lease, 90 * SEC);
	ck_assert_uint_eq(o.mtu, 1400);
	ck_assert(o.create && o.leave_addresses && o.leave_mss && o.also_client);
	ck_assert(o.is_verbose);
	ck_assert_str_eq(o.exec[0], "server");
	ck_assert_str_eq(o.exec[1], "--port");
	ck_assert_str_eq(o.exec[2], "1");
	ck_assert_ptr_null(o.exec[3]);
}
END_TEST

/* With valid credentials before them; the complaint must have @says in it. */
static const struct {
	const char *args[4];
	const char *says;
} wrong[] = {
	{{NULL}, "GROUP: missing"},
	{{"--exec", "cmd", "198.18.0.1"}, "groups come before --exec"},
	{{"198.18.0.1", "--exec"}, "--exec: the command is missing"},
	{{"198.18.0.1:53"}, "udp or tcp?"},
	{{"[2001:db8:a::1]:53"}, "udp or tcp?"},
	{{"198.18.0.1/udp"}, "port is missing"},
	{{"198.18.0.1:53/icmp"}, "must be udp or tcp"},
	{{"198.18.0.0/24"}, "must be udp or tcp"},
	{{"198.18.0.1:99999/udp"}, "not a group"},
	{{"198.18.0.1:0/udp"}, "port is missing"},
	{{"example.org:53/udp"}, "not a group"},
	{{"224.0.0.1:53/udp"}, "not an address that a group can have"},
	{{"127.0.0.1"}, "not an address that a group can have"},
	{{"198.18.0.1", "198.18.0.1"}, "given twice"},
	{{"--bogus", "198.18.0.1"}, "--bogus: no such option"},
	{{"198.18.0.1", "--cert"}, "--cert: its value is missing"},
	{{"--create=yes", "198.18.0.1"}, "--create=yes: no such option, or with a value"},
	{{"--encap", "gre", "198.18.0.1"}, "gue or ipip"},
	{{"--port", "0", "198.18.0.1"}, "1 to 65535"},
	{{"--port", "65536", "198.18.0.1"}, "1 to 65535"},
	{{"--port", "80x", "198.18.0.1"}, "1 to 65535"},
	{{"--mtu", "575", "198.18.0.1"}, "576 to 65535"},
	{{"--mtu", "-1", "198.18.0.1"}, "576 to 65535"},
	{{"--lease", "never", "198.18.0.1"}, "1s to 24h"},
	{{"--lease", "999ms", "198.18.0.1"}, "1s to 24h"},
	{{"--lease", "25h", "198.18.0.1"}, "1s to 24h"},
	{{"--unicast", "192.0.2.7:80", "198.18.0.1"}, "without a port"},
	{{"--unicast", "server", "198.18.0.1"}, "without a port"},
	{{"--unicast", "127.0.0.1", "198.18.0.1"}, "can be sent to"},
	{{"--tun", "0123456789abcdef", "198.18.0.1"}, "not a name for an interface"},
	{{"--tun", "a/b", "198.18.0.1"}, "not a name for an interface"},
	{{"--tun", "", "198.18.0.1"}, "not a name for an interface"},
};

START_TEST(test_wrong)
{
	const char *args[16] = {CREDENTIALS};
	struct join_options o;

	memcpy(args + 6, wrong[_i].args, sizeof(wrong[_i].args));
	ck_assert_int_eq(parse(&o, args), JOIN_OPTIONS_WRONG);
	ck_assert_msg(strstr(why, wrong[_i].says), "\"%s\" has no \"%s\"", why,
		      wrong[_i].says);
}
END_TEST

START_TEST(test_credentials_missing)
{
	static const char *const all[] = {CREDENTIALS};
	const char *args[8];
	struct join_options o;
	unsigned i, n = 0;

	for (i = 0; i < 6; i++) {
		if (i / 2 != (unsigned)_i)
			args[n++] = all[i];
	}
	args[n++] = "198.18.0.1";
	args[n] = NULL;
	ck_assert_int_eq(parse(&o, args), JOIN_OPTIONS_WRONG);
	ck_assert_ptr_eq(strstr(why, all[2 * _i]), why);
	ck_assert_ptr_nonnull(strstr(why, "missing"));
}
END_TEST

START_TEST(test_too_many_groups)
{
	static char name[AGENT_GROUPS_MAX + 1][24];
	const char *args[ARGS_MAX] = {CREDENTIALS};
	struct join_options o;
	int i;

	for (i = 0; i <= AGENT_GROUPS_MAX; i++) {
		sprintf(name[i], "198.18.0.1:%d/udp", 1000 + i);
		args[6 + i] = name[i];
	}
	ck_assert_int_eq(parse(&o, args), JOIN_OPTIONS_WRONG);
	ck_assert_ptr_nonnull(strstr(why, "at most 64"));
	args[6 + AGENT_GROUPS_MAX] = NULL;
	ck_assert_int_eq(parse(&o, args), JOIN_OPTIONS_OK);
	ck_assert_uint_eq(o.n_groups, AGENT_GROUPS_MAX);
}
END_TEST

/* Every option that can be given is explained, and help needs nothing else. */
START_TEST(test_help)
{
	static const char *const shown[] = {"--create",	     "--unicast",  "--encap",
					    "--port",	     "--tun",	   "--lease",
					    "--mtu",	     "--no-route", "--no-address",
					    "--also-client", "--exec",	   "--verbose"};
	static const char *const args[] = {"--help", NULL};
	static const char *const version[] = {"-V", NULL};
	struct join_options o;
	unsigned i;

	ck_assert_int_eq(parse(&o, args), JOIN_OPTIONS_HELP);
	ck_assert_int_eq(parse(&o, version), JOIN_OPTIONS_VERSION);
	for (i = 0; i < sizeof(shown) / sizeof(*shown); i++)
		ck_assert_ptr_nonnull(strstr(join_options_usage(), shown[i]));
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_defaults);
	tcase_add_test(c, test_everything);
	tcase_add_loop_test(c, test_wrong, 0, sizeof(wrong) / sizeof(*wrong));
	tcase_add_loop_test(c, test_credentials_missing, 0, 3);
	tcase_add_test(c, test_too_many_groups);
	tcase_add_test(c, test_help);
}

int main(void)
{
	return suite_main("join_options", fill);
}
