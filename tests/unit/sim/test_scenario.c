/*
 * Scenario files: every key with a bad value and the line of its complaint, unknown
 * keys, lists, events, --set, what keys say together; and all that are shipped.
 */
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/experiment.h"
#include "tests/fixture/suite.h"

static char folder[] = "/tmp/pias-test-XXXXXX";
static char file[64];
static struct scenario sc;
static char why[SETTINGS_WHY_MAX];

static void setup(void)
{
	strcpy(folder, "/tmp/pias-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/x.conf", folder);
}

static void teardown(void)
{
	unlink(file);
	rmdir(folder);
}

static int read_with(const char *text, const char *const *set, unsigned n)
{
	FILE *f = fopen(file, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	why[0] = '\0';
	return scenario_read(&sc, file, set, n, why);
}

static void check_complaint(const char *start, const char *says)
{
	ck_assert_msg(!strncmp(why, start, strlen(start)), "%s", why);
	ck_assert_msg(strstr(why, says), "%s", why);
	ck_assert_ptr_null(strchr(why, '\n'));
}

/* Line 3 of a file that is otherwise right. */
static void check_line(const char *line, const char *says)
{
	char text[512], start[96];

	snprintf(text, sizeof(text), "# a comment\nexperiment = traffic\n%s\n", line);
	snprintf(start, sizeof(start), "%s:3: ", file);
	ck_assert_int_eq(read_with(text, NULL, 0), PIAS_EINVALID);
	check_complaint(start, says);
}

START_TEST(test_defaults)
{
	ck_assert_msg(!read_with("experiment = \"stretch\"\n", NULL, 0), "%s", why);
	ck_assert_ptr_eq(sc.experiment, &experiment_stretch);
	ck_assert_uint_eq(sc.n_sizes, 1);
	ck_assert_uint_eq(sc.aps[0], 30);
	ck_assert_uint_eq(sc.n_tables, 1);
	ck_assert_int_eq(sc.table[0], TABLE_FULL);
	ck_assert_int_eq(sc.rendezvous.lease, 30 * SEC);
	ck_assert_uint_eq(sc.n_events, 0);
	ck_assert(sc.rates.loss == 0);
	scenario_free(&sc);
}
END_TEST

START_TEST(test_values)
{
	ck_assert_msg(!read_with("experiment = traffic\naps = {3, 10}\n"
				 "table = {\"fingers\", \"full\"}\nloss = 0.25\n"
				 "moves-per-day = 24\nreal-crypto = yes\n"
				 "packets-per-move = 36600\nreroute-period = 10m\n"
				 "events = {\"10s crash ap 2\", \"90s reroute\",\n"
				 "  \"1m leave server 5\"}\n",
				 NULL, 0),
		      "%s", why);
	ck_assert_uint_eq(sc.n_sizes, 2);
	ck_assert_uint_eq(sc.aps[1], 10);
	ck_assert_int_eq(sc.table[0], TABLE_FINGERS);
	ck_assert_int_eq(sc.table[1], TABLE_FULL);
	ck_assert(sc.rates.loss == 0.25);
	ck_assert(sc.moves_per_day == 24);
	ck_assert_uint_eq(sc.packets_per_move, 36600);
	ck_assert_int_eq(sc.reroute_period, 600 * SEC);
	ck_assert(sc.real_crypto);
	ck_assert_uint_eq(sc.n_events, 3);
	ck_assert_int_eq(sc.event[0].what, SCRIPT_CRASH_AP);
	ck_assert_uint_eq(sc.event[0].which, 2);
	ck_assert_int_eq(sc.event[1].what, SCRIPT_REROUTE);
	ck_assert_int_eq(sc.event[2].at, 60 * SEC);
	ck_assert_int_eq(sc.event[2].what, SCRIPT_LEAVE_SERVER);
	scenario_free(&sc);
}
END_TEST

static const struct {
	const char *line, *says;
} bad[] = {
	{"no-such-key = 1", "no such option 'no-such-key'"},
	{"experiment = traffic", "given twice (before in line 2)"},
	{"topology = flat", "must be world, matrix or fixed"},
	{"topology = matrix", "needs matrix = FILE"},
	{"matrix = \"\"", "the name of a file"},
	{"one-way = 25", "must be a duration"},
	{"ingress = anywhere", "must be policy or nearest"},
	{"placement = sea", "must be population or largest"},
	{"networks = 19", "must be a whole number from 20"},
	{"convergence = soon", "must be a duration"},
	{"loss = 1.5", "must be a number from 0 to 1"},
	{"loss = -0.1", "must be a number from 0 to 1"},
	{"loss = nan", "must be a number from 0 to 1"},
	{"duplicate = x", "must be a number from 0 to 1"},
	{"reorder = 2", "must be a number from 0 to 1"},
	{"corrupt = 0.1x", "must be a number from 0 to 1"},
	{"truncate = \"\"", "must be a number from 0 to 1"},
	{"jitter = inf", "must be a number from 0 to 1"},
	{"aps = 0", "must be a whole number from 1"},
	{"aps = {10, -3}", "must be a whole number from 1"},
	{"aps = {1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1}", "at most 16 sizes"},
	{"table = half", "must be full or fingers"},
	{"table = {full, full}", "given once"},
	{"start = later", "must be join or perfect"},
	{"server-spread = 0s", "must be a duration from 1ms"},
	{"max-servers = 0", "must be a whole number from 1"},
	{"wave = 0", "must be a whole number from 1"},
	{"wave-period = 0s", "must be a duration from 1ms"},
	{"groups = 0", "must be a whole number from 1"},
	{"groups = 100", "servers must be 0 or at least as many as groups"},
	{"servers = -1", "must be a whole number from 0"},
	{"clients = many", "must be a whole number from 0"},
	{"size-exponent = 5", "must be a number from 0 to 4"},
	{"popularity-exponent = nan", "must be a number from 0 to 4"},
	{"warm-up = 1d", "must be a duration"},
	{"duration = 0s", "must be a duration from 1s"},
	{"replicas = 9", "must be a whole number from 1 to 8"},
	{"lease = 10s", "refresh must be at most half of lease"},
	{"refresh = 1ms", "must be a duration from 100ms"},
	{"health-period = 1ms", "must be a duration from 20ms"},
	{"health-misses = 0", "must be a whole number from 1 to 100"},
	{"negative-ttl = 2m", "must be a duration from 10ms"},
	{"cache-idle = 0s", "must be a duration from 1s"},
	{"stabilise-period = 2m", "must be a duration from 50ms"},
	{"probe-period = 0s", "must be a duration from 50ms"},
	{"finger-period = 0s", "must be a duration from 1s"},
	{"real-crypto = maybe", "must be no or yes"},
	{"share-records = 1", "must be no or yes"},
	{"queue = wheel", "must be radix or heap"},
	{"pairs = 0", "must be a whole number from 1"},
	{"repeats = 0", "must be a whole number from 1"},
	{"rate = 0", "must be a whole number from 1"},
	{"joins = 0", "must be a whole number from 1"},
	{"lookups = 0", "must be a whole number from 1"},
	{"moves-per-day = -1", "must be a number from 0"},
	{"events = {\"crash ap 1\"}", "TIME and one of"},
	{"events = {\"1s crash\"}", "TIME and one of"},
	{"events = {\"1s crash server\"}", "TIME and one of"},
	{"events = {\"1s reroute 3\"}", "TIME and one of"},
	{"events = {\"1s slow server 3\"}", "TIME and one of"},
	{"events = {\"1s crash ap 1 2\"}", "TIME and one of"},
	{"events = {\"1s partition percent 101\"}", "at most 100"},
	{"events = {\"1s crash ap -1\"}", "TIME and one of"},
	{"events = {\"1s crash ap 30\"}", "there is no ap 30"},
	{"events = {\"1s crash server 60\"}", "there is no server 60"},
	{"lease = {", "xpected"},
	{"lease = \"30s", "does not end"},
};

START_TEST(test_bad)
{
	check_line(bad[_i].line, bad[_i].says);
}
END_TEST

START_TEST(test_no_such_experiment)
{
	ck_assert_int_eq(read_with("\nexperiment = x\n", NULL, 0), PIAS_EINVALID);
	ck_assert_msg(strstr(why, ":2: experiment = \"x\": must be stretch"), "%s", why);
}
END_TEST

START_TEST(test_missing)
{
	ck_assert_int_eq(read_with("aps = 3\n", NULL, 0), PIAS_EINVALID);
	check_complaint(file, "experiment is missing");
	unlink(file);
	ck_assert_int_eq(scenario_read(&sc, file, NULL, 0, why), PIAS_EINVALID);
	check_complaint(file, "No such file");
}
END_TEST

START_TEST(test_set)
{
	static const char *const set[] = {"aps=5,7", "lease=60s", "events=1s heal"};

	ck_assert_msg(!read_with("experiment = traffic\naps = 10\nlease = 45s\n", set, 3),
		      "%s", why);
	ck_assert_uint_eq(sc.n_sizes, 2);
	ck_assert_uint_eq(sc.aps[0], 5);
	ck_assert_uint_eq(sc.aps[1], 7);
	ck_assert_int_eq(sc.rendezvous.lease, 60 * SEC);
	ck_assert_uint_eq(sc.n_events, 1);
	scenario_free(&sc);
}
END_TEST

static const struct {
	const char *set, *says;
} bad_set[] = {
	{"aps", "must be NAME=VALUE"},
	{"aps=x", "aps = \"x\": must be a whole number"},
	{"ap=1", "no such option 'ap'"},
	{"loss=2", "must be a number from 0 to 1"},
};

START_TEST(test_bad_set)
{
	const char *const set[] = {bad_set[_i].set};

	ck_assert_int_eq(read_with("experiment = traffic\n", set, 1), PIAS_EINVALID);
	check_complaint("--set: ", bad_set[_i].says);
}
END_TEST

START_TEST(test_set_twice)
{
	static const char *const set[] = {"aps=5", "aps=6"};

	ck_assert_int_eq(read_with("experiment = traffic\n", set, 2), PIAS_EINVALID);
	check_complaint("--set: ", "aps is set twice");
}
END_TEST

/* Every key has a value as text, for the results' headers. */
START_TEST(test_text)
{
	const char *key;
	unsigned i, found = 0;

	ck_assert_msg(!read_with("experiment = traffic\naps = {3, 10}\n", NULL, 0), "%s",
		      why);
	for (i = 0; (key = scenario_key(i)); i++) {
		if (!strcmp(key, "aps"))
			found += !strcmp(scenario_value(&sc, i), "3,10");
		if (!strcmp(key, "lease"))
			found += !strcmp(scenario_value(&sc, i), "30s");
		if (!strcmp(key, "matrix"))
			found += !*scenario_value(&sc, i);
	}
	ck_assert_uint_eq(found, 3);
	scenario_free(&sc);
}
END_TEST

START_TEST(test_shipped)
{
	glob_t g;
	size_t i;

	ck_assert_int_eq(glob("sim/scenarios/*.conf", 0, NULL, &g), 0);
	ck_assert_uint_gt(g.gl_pathc, 0);
	for (i = 0; i < g.gl_pathc; i++) {
		ck_assert_msg(!scenario_read(&sc, g.gl_pathv[i], NULL, 0, why), "%s",
			      why);
		scenario_free(&sc);
	}
	globfree(&g);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_defaults);
	tcase_add_test(c, test_values);
	tcase_add_loop_test(c, test_bad, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(c, test_no_such_experiment);
	tcase_add_test(c, test_missing);
	tcase_add_test(c, test_set);
	tcase_add_loop_test(c, test_bad_set, 0, sizeof(bad_set) / sizeof(bad_set[0]));
	tcase_add_test(c, test_set_twice);
	tcase_add_test(c, test_text);
	tcase_add_test(c, test_shipped);
}

int main(void)
{
	return suite_main("scenario", fill);
}
