/*
 * Plans: what is written is read again, to the last bit; and every way for a file to be
 * wrong, with its line.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/plan.h"
#include "tests/fixture/suite.h"

static char file[64];

static void set_up(void)
{
	strcpy(file, "/tmp/pias-plan-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(file));
	strcat(file, "/plan.conf");
}

static void tear_down(void)
{
	unlink(file);
	*strrchr(file, '/') = '\0';
	ck_assert_int_eq(rmdir(file), 0); /* nothing half-written is left */
}

static int read_text(const char *text, size_t len, struct plan *p,
		     char why[static SETTINGS_WHY_MAX])
{
	FILE *f = fopen(file, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(text, 1, len, f), len);
	ck_assert_int_eq(fclose(f), 0);
	return plan_read(p, file, why);
}

START_TEST(test_what_was_drawn)
{
	static struct plan drawn, read;
	char why[SETTINGS_WHY_MAX] = "";
	uint64_t seed;

	for (seed = 0; seed < 300; seed++) {
		plan_draw(&drawn, seed * 0x123456789abcull);
		drawn.real_crypto = seed & 1;
		if (seed & 2)
			strcpy(drawn.matrix, "/any/file with blanks.txt");
		ck_assert_int_eq(plan_save(&drawn, "why", file), 0);
		ck_assert_msg(!plan_read(&read, file, why), "%s", why);
		ck_assert_mem_eq(&drawn.rates, &read.rates, sizeof(read.rates));
		ck_assert_uint_eq(drawn.n_ops, read.n_ops);
		ck_assert_str_eq(drawn.matrix, read.matrix);
		ck_assert_uint_eq(drawn.seed, read.seed);
		ck_assert_uint_eq(drawn.n_aps, read.n_aps);
		ck_assert_uint_eq(drawn.max_flows, read.max_flows);
		ck_assert_int_eq(drawn.unsafe, read.unsafe);
		ck_assert(drawn.gue == read.gue && drawn.both == read.both);
		ck_assert_uint_eq(drawn.has_clock_leaps, read.has_clock_leaps);
		ck_assert_uint_eq(drawn.real_crypto, read.real_crypto);
	}
}
END_TEST

/* Every kind of operation there is, and each as it was. */
START_TEST(test_operations)
{
	static struct plan drawn, read;
	char why[SETTINGS_WHY_MAX];
	bool is_seen[N_OP_KINDS] = {false};
	uint64_t seed;
	unsigned i;

	for (seed = 0; seed < 100; seed++) {
		plan_draw(&drawn, seed);
		ck_assert_int_eq(plan_save(&drawn, "why", file), 0);
		ck_assert_int_eq(plan_read(&read, file, why), 0);
		for (i = 0; i < drawn.n_ops; i++) {
			const struct op *a = &drawn.op[i], *b = &read.op[i];

			is_seen[a->kind] = true;
			ck_assert_int_eq(a->at, b->at);
			ck_assert_int_eq(a->kind, b->kind);
			ck_assert_uint_eq(a->arg, b->arg);
			if (a->kind != OP_CROWD && a->kind != OP_REROUTE &&
			    a->kind != OP_HEAL)
				ck_assert_uint_eq(a->target, b->target);
		}
	}
	for (i = 0; i < N_OP_KINDS; i++)
		ck_assert_msg(is_seen[i], "kind %u is never drawn", i);
}
END_TEST

START_TEST(test_bad)
{
	static const struct {
		const char *text, *says;
	} t[] = {
		{"", "plan.conf: seed is missing"},
		{"seed = 1\naps = 0\n", ":2: aps = \"0\": must be a whole number from 1"},
		{"seed = 1\naps = 61\n", ":2: aps"},
		{"seed = 1\naps = 5\nlate-aps = 5\n", ":3: late-aps must be less"},
		{"seed = 1\nservers = 5\nlate-servers = 6\n", ":3: late-servers must be"},
		{"seed = -1\n", ":1: seed"},
		{"seed = 1x\n", ":1: seed"},
		{"seed = 99999999999999999999999\n", ":1: seed"},
		{"seed = 1\nloss = 1.5\n", ":2: loss"},
		{"seed = 1\nloss = nan\n", ":2: loss"},
		{"seed = 1\nloss = -0.5\n", ":2: loss"},
		{"seed = 1\nloss = inf\n", ":2: loss"},
		{"seed = 1\nunsafe = 5\nunsafe = 6\n", ":3: unsafe is given twice"},
		{"seed = 1\nunsafe = 2h\n", ":2: unsafe"},
		{"seed = 1\nlost = 1\n", ":2: no such option 'lost'"},
		{"seed = 1\ntable = half\n", ":2: table"},
		{"seed = 1\nreplicas = 9\n", ":2: replicas"},
		{"seed = 1\nops = {\n\"20s crash\"\n}\n", ":3: ops"},
		{"seed = 1\nops = {\n\"20s crash 1 2\"\n}\n", ":3: ops"},
		{"seed = 1\nops = {\n\"20s crash x\"\n}\n", ":3: ops"},
		{"seed = 1\nops = {\n\"20s crash -1\"\n}\n", ":3: ops"},
		{"seed = 1\nops = {\n\"20s burn 1\"\n}\n", ":3: ops"},
		{"seed = 1\nops = {\n\"1s crash 1\"\n}\n", ":3: ops"},
		{"seed = 1\nops = {\n\"20s clog 1 99999999999\"\n}\n", ":3: ops"},
		{"seed = 1\nops = {\n\"20s clog 1 0\"\n}\n", ":3: ops"},
		{"seed = 1\nops = {\n\"20s heal\",\n", ":4:"},
		{"seed = \"1\n", ":1: the string or comment"},
		{"\x7f"
		 "ELF\x01\x02",
		 ":1:"},
		{"seed = 1 }\n", ":1:"},
	};
	static struct plan p;
	char why[SETTINGS_WHY_MAX] = "";

	ck_assert_int_eq(read_text(t[_i].text, strlen(t[_i].text), &p, why),
			 PIAS_EINVALID);
	ck_assert_msg(strstr(why, t[_i].says), "\"%s\" lacks \"%s\"", why, t[_i].says);
	ck_assert_ptr_nonnull(strstr(why, "plan.conf"));
}
END_TEST

#define N_BAD 29

/* Of a file that is cut off anywhere, either all is taken or nothing. */
START_TEST(test_truncated)
{
	static char text[8192];
	static struct plan p;
	char why[SETTINGS_WHY_MAX];
	size_t len, i;
	FILE *f;

	plan_draw(&p, 9);
	ck_assert_int_eq(plan_save(&p, "why", file), 0);
	f = fopen(file, "r");
	len = fread(text, 1, sizeof(text), f);
	fclose(f);
	ck_assert_uint_gt(len, 300);
	ck_assert_uint_lt(len, sizeof(text));
	for (i = 0; i < len; i++) {
		why[0] = '\0';
		if (read_text(text, i, &p, why))
			ck_assert_ptr_nonnull(strstr(why, file));
	}
	/* The list of operations is not closed. */
	ck_assert_int_eq(read_text(text, len - 2, &p, why), PIAS_EINVALID);
	/* And no byte of it may be a zero. */
	text[len / 2] = '\0';
	ck_assert_int_eq(read_text(text, len, &p, why), PIAS_EINVALID);
}
END_TEST

START_TEST(test_no_file)
{
	static struct plan p;
	char why[SETTINGS_WHY_MAX];

	ck_assert_int_eq(plan_read(&p, file, why), PIAS_EINVALID);
	ck_assert_ptr_nonnull(strstr(why, "No such file"));
	ck_assert_int_eq(plan_read(&p, "/tmp", why), PIAS_EINVALID);
	ck_assert_ptr_nonnull(strstr(why, "/tmp: "));
	plan_draw(&p, 1);
	ck_assert_int_eq(plan_save(&p, "", "/no/such/folder/plan.conf"), PIAS_ESYSTEM);
	ck_assert_int_eq(errno, ENOENT);
	/* Where the disk is full, a file that was there stays as it was. */
	ck_assert_int_eq(plan_save(&p, "before", file), 0);
	strcat(file, ".part");
	ck_assert_int_eq(symlink("/dev/full", file), 0);
	file[strlen(file) - 5] = '\0';
	ck_assert_int_eq(plan_save(&p, "after", file), PIAS_ESYSTEM);
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert_int_eq(plan_read(&p, file, why), 0);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, test_what_was_drawn);
	tcase_add_test(c, test_operations);
	tcase_add_loop_test(c, test_bad, 0, N_BAD);
	tcase_add_test(c, test_truncated);
	tcase_add_test(c, test_no_file);
}

int main(void)
{
	return suite_main("plan", fill);
}
