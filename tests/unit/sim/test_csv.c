/*
 * Result files: their header; nothing under a final name before all is written,
 * whatever ends the program; no trace of what was given up; failures told.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/csv.h"
#include "tests/fixture/suite.h"

static char folder[] = "/tmp/pias-test-XXXXXX";
static char conf[64], out[64], result[80];
static struct scenario sc;
static struct csv_set set;

static bool exists(const char *file)
{
	struct stat st;

	return !stat(file, &st);
}

static void setup(void)
{
	char why[SETTINGS_WHY_MAX];
	FILE *f;

	strcpy(folder, "/tmp/pias-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(conf, sizeof(conf), "%s/x.conf", folder);
	snprintf(out, sizeof(out), "%s/out", folder);
	snprintf(result, sizeof(result), "%s/a.csv", out);
	f = fopen(conf, "w");
	ck_assert_ptr_nonnull(f);
	fputs("experiment = traffic\naps = {3, 4}\n", f);
	fclose(f);
	ck_assert_msg(!scenario_read(&sc, conf, NULL, 0, why), "%s", why);
}

static void teardown(void)
{
	char command[128];

	scenario_free(&sc);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(test_complete)
{
	static char text[8192];
	FILE *f;
	size_t n;

	ck_assert_msg(csv_open_set(&set, out, &sc, 42), "%s", set.why);
	fputs("1,2\n", csv_new(&set, "a", "x,y"));
	ck_assert(!exists(result));
	ck_assert_msg(csv_commit(&set), "%s", set.why);
	f = fopen(result, "r");
	ck_assert_ptr_nonnull(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	ck_assert_ptr_nonnull(strstr(text, "# scenario: "));
	ck_assert_ptr_nonnull(strstr(text, "\n# seed: 42\n# version: pias-sim "));
	ck_assert_ptr_nonnull(strstr(text, " aps=\"3,4\""));
	ck_assert_ptr_nonnull(strstr(text, " lease=\"30s\""));
	ck_assert_str_eq(strstr(text, "\nx,y\n"), "\nx,y\n1,2\n");
}
END_TEST

START_TEST(test_killed)
{
	pid_t child = fork();
	int status;

	if (!child) {
		csv_open_set(&set, out, &sc, 1);
		fputs("1,2\n", csv_new(&set, "a", "x,y"));
		fflush(set.file[0].f);
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status));
	ck_assert(!exists(result));
	/* And the next run is not in its way. */
	ck_assert_msg(csv_open_set(&set, out, &sc, 1), "%s", set.why);
	fputs("3,4\n", csv_new(&set, "a", "x,y"));
	ck_assert_msg(csv_commit(&set), "%s", set.why);
	ck_assert(exists(result));
}
END_TEST

START_TEST(test_abandoned)
{
	ck_assert_msg(csv_open_set(&set, out, &sc, 1), "%s", set.why);
	csv_new(&set, "a", "x,y");
	csv_abandon(&set);
	ck_assert(!exists(result));
	ck_assert_int_eq(rmdir(out), 0); /* empty */
}
END_TEST

/* One file that can't be written: none of the run's files takes its name. */
START_TEST(test_all_or_nothing)
{
	char blocked[96];

	ck_assert_msg(csv_open_set(&set, out, &sc, 1), "%s", set.why);
	snprintf(blocked, sizeof(blocked), "%s/b.csv.part", out);
	ck_assert_int_eq(mkdir(blocked, 0700), 0);
	csv_new(&set, "a", "x,y");
	ck_assert_ptr_nonnull(csv_new(&set, "b", "x,y"));
	ck_assert(!csv_commit(&set));
	ck_assert_msg(strstr(set.why, "b.csv.part: Is a directory"), "%s", set.why);
	ck_assert(!exists(result));
}
END_TEST

START_TEST(test_disk_full)
{
	ck_assert_msg(csv_open_set(&set, out, &sc, 1), "%s", set.why);
	csv_new(&set, "a", "x,y");
	ck_assert_ptr_nonnull(freopen("/dev/full", "w", set.file[0].f));
	fputs("1,2\n", set.file[0].f);
	ck_assert(!csv_commit(&set));
	ck_assert_msg(strstr(set.why, "No space left"), "%s", set.why);
	ck_assert(!exists(result));
}
END_TEST

START_TEST(test_no_folder)
{
	ck_assert(!csv_open_set(&set, conf, &sc, 1));
	ck_assert_msg(strstr(set.why, "Not a directory"), "%s", set.why);
	ck_assert(!csv_open_set(&set, "/proc/no/such", &sc, 1));
	ck_assert_msg(strstr(set.why, "/proc/no/such"), "%s", set.why);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_complete);
	tcase_add_test(c, test_killed);
	tcase_add_test(c, test_abandoned);
	tcase_add_test(c, test_all_or_nothing);
	tcase_add_test(c, test_disk_full);
	tcase_add_test(c, test_no_folder);
}

int main(void)
{
	return suite_main("csv", fill);
}
