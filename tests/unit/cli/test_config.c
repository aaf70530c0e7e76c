/*
 * piasd.conf: every option with a good and a bad value, the line of every complaint,
 * the defaults, and what no single option can know.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/config.h"
#include "tests/fixture/suite.h"

#define MUST                                                                             \
	"ring = \"lab\"\n"                                                               \
	"address = {\"192.0.2.1\"}\n"                                                    \
	"prefix = {\"198.18.0.0/24\"}\n"                                                 \
	"certificate = \"ap.crt\"\nkey = \"ap.key\"\nca = \"ca.crt\"\n"                  \
	"ring-key = \"/etc/ring.key\"\n"
#define MUST_LINES 7

static char folder[] = "/tmp/pias-test-XXXXXX";
static char file[64];
static struct config c;
static char why[CONFIG_WHY_MAX];

static void setup(void)
{
	strcpy(folder, "/tmp/pias-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/piasd.conf", folder);
}

static void teardown(void)
{
	unlink(file);
	rmdir(folder);
}

static int read_text(const char *text)
{
	FILE *f = fopen(file, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	why[0] = '\0';
	return config_read(&c, file, why);
}

/* A complaint about @line (0: the whole file) that has @says in it. */
static void check_complaint(int line, const char *says)
{
	char start[96];

	if (line)
		snprintf(start, sizeof(start), "%s:%d: ", file, line);
	else
		snprintf(start, sizeof(start), "%s: ", file);
	ck_assert_msg(!strncmp(why, start, strlen(start)), "%s", why);
	ck_assert_msg(strstr(why, says), "%s", why);
	ck_assert_ptr_null(strchr(why, '\n'));
}

static struct addr address(const char *s)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(s, 0, &a), 0);
	return a;
}

START_TEST(test_defaults)
{
	char path[PATH_MAX];
	struct addr a;

	ck_assert_msg(!read_text(MUST), "%s", why);
	ck_assert_str_eq(c.proxy.overlay.ring, "lab");
	ck_assert_str_eq(c.proxy.rendezvous.ring, "lab");
	a = address("192.0.2.1:7427");
	ck_assert(addr_eq(&c.proxy.overlay.self.addr[0], &a));
	ck_assert(addr_is_none(&c.proxy.overlay.self.addr[1]));
	a.port = 0;
	ck_assert(addr_eq(&c.proxy.forward.self[0], &a));
	ck_assert_uint_eq(c.proxy.forward.n_prefixes, 1);
	ck_assert_uint_eq(c.proxy.rendezvous.n_prefixes, 1);
	ck_assert_uint_eq(c.proxy.rendezvous.prefix[0].len, 24);
	snprintf(path, sizeof(path), "%s/ap.crt", folder);
	ck_assert_str_eq(c.certificate, path);
	ck_assert_str_eq(c.ring_key, "/etc/ring.key");
	ck_assert_str_eq(c.control_socket, "/run/pias/piasd.sock");
	ck_assert_str_eq(c.tun, "pias0");
	ck_assert_uint_eq(c.port, 7427);
	ck_assert_int_eq(c.log_level, LOG_LEVEL_INFO);
	ck_assert_int_eq(c.drain_time, 30 * SEC);
	ck_assert_uint_eq(c.proxy.overlay.n_seeds, 0);
	ck_assert_int_eq(c.proxy.overlay.mode, TABLE_FULL);
	ck_assert_uint_eq(c.proxy.overlay.n_replicas, 3);
	ck_assert_int_eq(c.proxy.overlay.stabilise_period, 1 * SEC);
	ck_assert_int_eq(c.proxy.overlay.probe_period, 500 * MSEC);
	ck_assert_int_eq(c.proxy.overlay.finger_period, 30 * SEC);
	ck_assert_uint_eq(c.proxy.rendezvous.n_replicas, 3);
	ck_assert_int_eq(c.proxy.rendezvous.lease, 30 * SEC);
	ck_assert_int_eq(c.proxy.rendezvous.refresh, 10 * SEC);
	ck_assert_int_eq(c.proxy.rendezvous.health_period, 250 * MSEC);
	ck_assert_uint_eq(c.proxy.rendezvous.health_misses, 3);
	ck_assert_int_eq(c.proxy.rendezvous.negative_ttl, 1 * SEC);
	ck_assert_int_eq(c.proxy.rendezvous.cache_idle, 120 * SEC);
	ck_assert_uint_eq(c.proxy.rendezvous.max_groups, 1000000);
	ck_assert_uint_eq(c.proxy.rendezvous.max_members, 1000000);
	ck_assert_uint_eq(c.proxy.rendezvous.max_group_members, 100000);
	ck_assert_uint_eq(c.proxy.rendezvous.max_cached, 262144);
	ck_assert_uint_eq(c.proxy.rendezvous.max_servers, 65536);
	ck_assert_uint_eq(c.proxy.forward.max_flows, 65536);
	ck_assert_uint_eq(c.proxy.forward.mtu, 1500);
}
END_TEST

START_TEST(test_everything_set)
{
	struct addr a;

	ck_assert_msg(
		!read_text("# a comment\n"
			   "ring = lab\n"
			   "address = {\"192.0.2.1\", \"2001:db8::1\"}\n"
			   "prefix = {\"198.18.0.0/24\", \"2001:db8:a::/48\"}\n"
			   "certificate = \"/c/ap.crt\"   key = \"/c/ap.key\"\n"
			   "ca = \"/c/ca.crt\" ring-key = \"/c/ring.key\"\n"
			   "seeds = {\"192.0.2.2\", \"[2001:db8::3]:9999\"}\n"
			   "port = 17427 tun = \"any0\" control-socket = \"ctl.sock\"\n"
			   "log-level = debug mtu = 9000 replicas = 5\n"
			   "lease = 6s refresh = 2s health-period = \"100ms\"\n"
			   "health-misses = 4 stabilise-period = 200ms\n"
			   "probe-period = 100ms finger-period = 5s drain-time = 0s\n"
			   "cache-idle = 2m negative-ttl = 500ms table = fingers\n"
			   "max-groups = 1 max-members = 20 max-group-members = 3\n"
			   "max-cached = 4 max-servers = 5 max-flows = 6\n"),
		"%s", why);
	a = address("[2001:db8::1]:17427");
	ck_assert(addr_eq(&c.proxy.overlay.self.addr[1], &a));
	ck_assert_uint_eq(c.proxy.overlay.n_seeds, 2);
	a = address("192.0.2.2:17427");
	ck_assert(addr_eq(&c.proxy.overlay.seed[0], &a));
	a = address("[2001:db8::3]:9999");
	ck_assert(addr_eq(&c.proxy.overlay.seed[1], &a));
	ck_assert_uint_eq(c.proxy.forward.n_prefixes, 2);
	ck_assert_uint_eq(c.proxy.forward.prefix[1].len, 48);
	ck_assert_str_eq(c.certificate, "/c/ap.crt");
	ck_assert_str_eq(c.tun, "any0");
	ck_assert_ptr_nonnull(strstr(c.control_socket, "/ctl.sock"));
	ck_assert_int_eq(c.log_level, LOG_LEVEL_DEBUG);
	ck_assert_uint_eq(c.proxy.forward.mtu, 9000);
	ck_assert_uint_eq(c.proxy.overlay.n_replicas, 5);
	ck_assert_int_eq(c.proxy.rendezvous.lease, 6 * SEC);
	ck_assert_int_eq(c.proxy.rendezvous.refresh, 2 * SEC);
	ck_assert_int_eq(c.proxy.rendezvous.health_period, 100 * MSEC);
	ck_assert_uint_eq(c.proxy.rendezvous.health_misses, 4);
	ck_assert_int_eq(c.proxy.overlay.stabilise_period, 200 * MSEC);
	ck_assert_int_eq(c.proxy.overlay.probe_period, 100 * MSEC);
	ck_assert_int_eq(c.proxy.overlay.finger_period, 5 * SEC);
	ck_assert_int_eq(c.drain_time, 0);
	ck_assert_int_eq(c.proxy.rendezvous.cache_idle, 120 * SEC);
	ck_assert_int_eq(c.proxy.rendezvous.negative_ttl, 500 * MSEC);
	ck_assert_int_eq(c.proxy.overlay.mode, TABLE_FINGERS);
	ck_assert_uint_eq(c.proxy.rendezvous.max_groups, 1);
	ck_assert_uint_eq(c.proxy.rendezvous.max_members, 20);
	ck_assert_uint_eq(c.proxy.rendezvous.max_group_members, 3);
	ck_assert_uint_eq(c.proxy.rendezvous.max_cached, 4);
	ck_assert_uint_eq(c.proxy.rendezvous.max_servers, 5);
	ck_assert_uint_eq(c.proxy.forward.max_flows, 6);
}
END_TEST

static const struct {
	const char *line, *says;
} bad[] = {
	{"bogus = 1", "bogus"},
	{"port = 0", "port = \"0\": must be a whole number from 1 to 65535"},
	{"port = 65536", "from 1 to 65535"},
	{"port = \"-1\"", "from 1 to 65535"},
	{"port = \"12x\"", "from 1 to 65535"},
	{"port = \"\"", "from 1 to 65535"},
	{"port = 99999999999999999999", "from 1 to 65535"},
	{"tun = \"a-name-that-is-too-long\"", "an interface name"},
	{"tun = \"a/b\"", "an interface name"},
	{"tun = \"..\"", "an interface name"},
	{"control-socket = \"\"", "the name of a file"},
	{"control-socket = \"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
	 "at most 107 bytes"},
	{"log-level = loud", "error, warn, info or debug"},
	{"mtu = 1279", "from 1280 to 65535"},
	{"replicas = 0", "from 1 to 8"},
	{"replicas = 9", "from 1 to 8"},
	{"lease = 1d", "a duration from 1s to 1h"},
	{"lease = 999ms", "a duration from 1s"},
	{"lease = \"30 s\"", "a duration"},
	{"lease = 2h", "a duration"},
	{"refresh = 1ms", "a duration from 100ms to 20m"},
	{"refresh = 16s", "at most half of lease"},
	{"lease = 19s", "at most half of lease"},
	{"health-period = 1ms", "a duration from 20ms to 1m"},
	{"health-misses = 0", "from 1 to 100"},
	{"stabilise-period = 1ms", "a duration from 50ms to 1m"},
	{"probe-period = 2m", "a duration from 50ms to 1m"},
	{"finger-period = 1ms", "a duration from 1s to 1h"},
	{"drain-time = 2h", "a duration from 0s to 1h"},
	{"cache-idle = 0s", "a duration from 1s to 24h"},
	{"negative-ttl = 0s", "a duration from 10ms to 1m"},
	{"table = half", "full or fingers"},
	{"max-groups = 0", "from 1"},
	{"max-members = many", "from 1"},
	{"max-group-members = 2000000", "must not exceed max-members (1000000)"},
	{"max-cached = 0", "from 1"},
	{"max-servers = 0", "from 1"},
	{"max-flows = 0", "from 1"},
	{"seeds = {\"name.example\"}", "the address of an AP"},
	{"seeds = {\"0.0.0.0\"}", "the address of an AP"},
	{"ring = \"again\"", "ring is given twice (before in line 1)"},
	{"prefix = {\"203.0.113.0/24\"}", "prefix is given twice (before in line 3)"},
	{"port = 1 port = 2", "port is given twice"},
	{"port 1", "missing equal sign"},
	{"port = {1}", "unexpected token"},
	{"section { }", "section"},
	{"= 3", "unexpected token"},
};

/* In the line after a comment, so that the number proves that lines are counted. */
START_TEST(test_bad_lines)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s# comment\n%s\n", MUST, bad[_i].line);
	ck_assert_int_ne(read_text(text), 0);
	check_complaint(MUST_LINES + 2, bad[_i].says);
}
END_TEST

static const struct {
	const char *text;
	int line;
	const char *says;
} bad_must[] = {
	{"ring = \"\"\n", 1, "a name of 1 to 63"},
	{"ring = \"a b\"\n", 1, "a name of 1 to 63"},
	{"\naddress = {\"192.0.2.1\", \"192.0.2.2\"}\n", 2, "one address of each family"},
	{"address = {\"192.0.2.1:53\"}\n", 1, "without a port"},
	{"address = {\"127.0.0.1\"}\n", 1, "a unicast"},
	{"address = {\n\"192.0.2.1\",\n\"nonsense\"}\n", 3, "a unicast"},
	{"prefix = {\"198.18.0.1/24\"}\n", 1, "host bits zero"},
	{"prefix = {\"198.18.0.0\"}\n", 1, "a prefix like"},
	{"prefix = {\"224.0.0.0/4\"}\n", 1, "a prefix like"},
	{"prefix = {\"198.18.0.0/15\", \"198.18.1.0/24\"}\n", 1, "do not overlap"},
	{"certificate = \"\"\n", 1, "the name of a file"},
	{"\ncertificate = \"unended\nring = lab\n", 2, "does not end"},
	{"\n\n/* no end\n\n", 3, "does not end"},
	{"# one\n// two\n/* three\n four */ bogus = 1\n", 4, "bogus"},
	{"ring = \"a # b\"\n", 1, "a # b"},
	{"ring = 'a\\\nb' bogus = 1\n", 2, "bogus"},
	{"address = {\"192.0.2.1\"", 1, "premature end of file"},
};

START_TEST(test_bad_required)
{
	ck_assert_int_ne(read_text(bad_must[_i].text), 0);
	check_complaint(bad_must[_i].line, bad_must[_i].says);
}
END_TEST

/* Each of the required ones left out, by taking its line away. */
START_TEST(test_missing)
{
	static const char *const name[MUST_LINES] = {
		"ring", "address", "prefix", "certificate", "key", "ca", "ring-key"};
	char text[sizeof(MUST)] = "", *line, *rest, copy[] = MUST, says[64];
	int i = 0;

	for (line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (i++ != _i) {
			strcat(text, line);
		}
	ck_assert_int_ne(read_text(text), 0);
	snprintf(says, sizeof(says), "%s is missing", name[_i]);
	check_complaint(0, says);
}
END_TEST

START_TEST(test_address_within_prefix)
{
	ck_assert_int_ne(read_text("ring = lab prefix = {\"192.0.2.0/24\"}\n"
				   "address = {\"192.0.2.1\"} certificate = a key = a\n"
				   "ca = a ring-key = a"),
			 0);
	check_complaint(2, "must not lie within prefix 192.0.2.0/24");
}
END_TEST

START_TEST(test_no_file)
{
	ck_assert_int_ne(config_read(&c, file, why), 0);
	check_complaint(0, "No such file or directory");
}
END_TEST

START_TEST(test_group_limit_follows)
{
	ck_assert_msg(!read_text(MUST "max-members = 1000\n"), "%s", why);
	ck_assert_uint_eq(c.proxy.rendezvous.max_group_members, 1000);
}
END_TEST

/* A second reading does not remember the first. */
START_TEST(test_read_again)
{
	ck_assert_int_ne(read_text(MUST "bogus = 1\n"), 0);
	ck_assert_msg(!read_text(MUST), "%s", why);
	ck_assert_uint_eq(c.proxy.forward.n_prefixes, 1);
}
END_TEST

/* Each option has its paragraph, which ends with its default, or with "Required." */
START_TEST(test_manual_has_every_option)
{
	static char manual[65536];
	FILE *f = fopen("doc/man/piasd.conf.5.scd", "r");
	char heading[64], last[128];
	const char *def;
	char *text, *end;
	unsigned i;
	size_t n;

	ck_assert_ptr_nonnull(f);
	n = fread(manual, 1, sizeof(manual) - 1, f);
	fclose(f);
	ck_assert(n > 0 && n < sizeof(manual) - 1);
	for (i = 0; config_option_name(i); i++) {
		snprintf(heading, sizeof(heading), "*%s* = ", config_option_name(i));
		text = strstr(manual, heading);
		ck_assert_msg(text, "no \"%s\" in the manual", heading);
		end = strstr(text, "\n\n");
		ck_assert_ptr_nonnull(end);
		def = config_option_default(i);
		if (!def && !strncmp(end - 9, "Required.", 9))
			continue;
		snprintf(last, sizeof(last), "Default: %s.", def ? def : "none");
		ck_assert_msg(!strncmp(end - strlen(last), last, strlen(last)),
			      "%s: does not end with \"%s\" in the manual", heading,
			      last);
	}
}
END_TEST

static void fill(TCase *t)
{
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_defaults);
	tcase_add_test(t, test_everything_set);
	tcase_add_loop_test(t, test_bad_lines, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_loop_test(t, test_bad_required, 0,
			    (int)(sizeof(bad_must) / sizeof(bad_must[0])));
	tcase_add_loop_test(t, test_missing, 0, MUST_LINES);
	tcase_add_test(t, test_address_within_prefix);
	tcase_add_test(t, test_no_file);
	tcase_add_test(t, test_group_limit_follows);
	tcase_add_test(t, test_read_again);
	tcase_add_test(t, test_manual_has_every_option);
}

int main(void)
{
	return suite_main("config", fill);
}
