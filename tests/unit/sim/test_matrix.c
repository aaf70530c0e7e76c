/* Matrix files: the packaged one, and every way to be wrong, with its line. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/topology.h"
#include "tests/fixture/suite.h"

#define N_BAD 26

static int read_bytes(const char *text, size_t len, struct matrix *m,
		      char why[static 160])
{
	char file[] = "/tmp/pias-matrix-XXXXXX";
	int fd = mkstemp(file), err;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
	close(fd);
	err = matrix_read(m, file, why);
	unlink(file);
	return err;
}

static int read_text(const char *text, struct matrix *m, char why[static 160])
{
	return read_bytes(text, strlen(text), m, why);
}

START_TEST(test_good)
{
	static const char *const text[] = {
		"2\n0 10\n10 0\n",
		"0 10\n10 0\n",
		"\n2\n0 10.05\n\n10 0\n\n",
		"3\n0 1 -1\n1 0 2\n-1 2 0\n",
	};
	struct matrix m;
	char why[160];

	ck_assert_int_eq(read_text(text[_i], &m, why), 0);
	ck_assert_uint_eq(m.n, _i == 3 ? 3 : 2);
	ck_assert(m.rtt_ms[0] == 0);
	matrix_free(&m);
}
END_TEST

START_TEST(test_bad)
{
	static const struct {
		const char *text, *says;
	} t[N_BAD] = {
		{"", ":0: is empty"},
		{"\n \n", ":2: is empty"},
		{"2\n0 10\n", ":2: ends after 1 of 2 rows"},
		{"2\n0 10\n10 0\n1 1\n", ":4: more than 2 rows"},
		{"2\n0 10 3\n10 0\n", ":2: 3 values, 2 wanted"},
		{"3\n0 10\n", ":2: 2 values, 3 wanted"},
		{"2\n0 x\n10 0\n", ":2: value 2 is not"},
		{"2\n0 -3\n-3 0\n", ":2: value 2 is not"},
		{"2\n0 nan\nnan 0\n", ":2: value 2 is not"},
		{"2\n0 inf\ninf 0\n", ":2: value 2 is not"},
		{"2\n0 1e9\n1e9 0\n", ":2: value 2 is not"},
		{"2\n0 1e999\n1e999 0\n", ":2: value 2 is not"},
		{"2\n0 0x10\n0x10 0\n", ":2: value 2 is not"},
		{"2\n0 1,5\n1,5 0\n", ":2: value 2 is not"},
		{"2\n5 10\n10 0\n", ":2: value 1 is not"},
		{"2\n0 10\n10 -1\n", ":3: value 2 is not"},
		{"3\n0 1-1 2\n1 0 2\n2 2 0\n", ":2: value 2 is not"},
		{"2\n0 10\n\n12 0\n", ":4: value 1 is 12, but the reverse, in row 1, 10"},
		{"2\n0 10\n-1 0\n", ":3: value 1 is -1, but the reverse"},
		{"1\n0\n", ":1: 1 rows; 2 to 20000"},
		{"-2\n0\n", ":1: -2 rows"},
		{"99999999\n0\n", ":1: 1e+08 rows"},
		{"4294967298\n0 10\n10 0\n", ":1: 4.29497e+09 rows"},
		{"2.5\n0 10\n10 0\n", ":1: neither"},
		{"2x\n0 10\n10 0\n", ":1: neither"},
		{"\x7f"
		 "ELF\x02\x01\n",
		 ":1: neither"},
	};
	struct matrix m;
	char why[160];

	ck_assert_int_eq(read_text(t[_i].text, &m, why), PIAS_EMALFORMED);
	ck_assert_msg(strstr(why, t[_i].says), "\"%s\" lacks \"%s\"", why, t[_i].says);
	ck_assert_uint_eq(m.n, 0);
	ck_assert_ptr_null(m.rtt_ms);
}
END_TEST

/* What is no text, no file, or has no end. */
START_TEST(test_no_matrix)
{
	static char line[400000];
	struct matrix m;
	char why[160];

	ck_assert_int_eq(read_bytes("2\n0 1\0 2\n1 0\n", 14, &m, why), PIAS_EMALFORMED);
	ck_assert_ptr_nonnull(strstr(why, ":2: no text: a NUL byte"));
	ck_assert_int_eq(matrix_read(&m, "/dev/zero", why), PIAS_EMALFORMED);
	memset(line, '1', sizeof(line));
	ck_assert_int_eq(read_bytes(line, sizeof(line), &m, why), PIAS_EMALFORMED);
	ck_assert_ptr_nonnull(strstr(why, ":1: a line of over "));
	ck_assert_int_eq(matrix_read(&m, "/tmp", why), PIAS_ESYSTEM);
	ck_assert_str_eq(why, "/tmp: Is a directory");
	ck_assert_ptr_null(m.rtt_ms);
}
END_TEST

START_TEST(test_packaged)
{
	struct topology t;
	struct matrix m;
	char why[160];
	unsigned a, b, i;

	ck_assert_int_eq(matrix_read(&m, "sim/data/planetlab/rtt-490.txt", why), 0);
	ck_assert_uint_eq(m.n, 490);
	topology_init_matrix(&t, 1, &m);
	for (i = 0; i < 50; i++)
		topology_add(&t, POINT_AP);
	for (a = 0; a < 50; a++)
		for (b = 0; b < 50; b++) {
			ck_assert_int_ge(topology_delay(&t, a, b), 1);
			ck_assert_int_le(topology_delay(&t, a, b), 2 * SEC);
		}
	topology_fini(&t);
	ck_assert_int_eq(matrix_read(&m, "no such file", why), PIAS_ESYSTEM);
	ck_assert_ptr_nonnull(strstr(why, "No such file"));
}
END_TEST

static int by_value(const void *a, const void *b)
{
	pias_time x = *(const pias_time *)a, y = *(const pias_time *)b;

	return x < y ? -1 : x > y;
}

/* The generated world is like the measured one: 34, 141 and 278 ms round trip. */
START_TEST(test_world)
{
	enum {
		N = 400,
	};
	static pias_time rtt[N * N];
	struct topology t, same;
	unsigned a, b, n = 0;

	ck_assert_int_eq(topology_init_world(&t, 5), 0);
	ck_assert_int_eq(topology_init_world(&same, 5), 0);
	for (a = 0; a < N; a++)
		ck_assert_uint_eq(topology_add(&t, POINT_AP),
				  topology_add(&same, POINT_AP));
	for (a = 0; a < N; a++)
		for (b = 0; b < a; b++) {
			rtt[n] = 2 * topology_delay(&t, a, b);
			ck_assert_int_eq(rtt[n], 2 * topology_delay(&same, b, a));
			n++;
		}
	qsort(rtt, n, sizeof(rtt[0]), by_value);
	ck_assert_int_ge(rtt[n / 10], 20 * MSEC);
	ck_assert_int_le(rtt[n / 10], 60 * MSEC);
	ck_assert_int_ge(rtt[n / 2], 110 * MSEC);
	ck_assert_int_le(rtt[n / 2], 190 * MSEC);
	ck_assert_int_ge(rtt[n * 9 / 10], 240 * MSEC);
	ck_assert_int_le(rtt[n * 9 / 10], 420 * MSEC);
	topology_fini(&t);
	topology_fini(&same);
}
END_TEST

/* One AP in each of the largest cities; everybody else is where he was. */
START_TEST(test_largest)
{
	struct topology t, drawn;
	unsigned i, p;

	ck_assert_int_eq(topology_init_world(&t, 5), 0);
	ck_assert_int_eq(topology_init_world(&drawn, 5), 0);
	t.aps_in_largest = true;
	for (i = 0; i < 50; i++) {
		p = topology_add(&t, POINT_AP);
		ck_assert_uint_eq(t.point[p].city, i);
		if (i)
			ck_assert_uint_le(t.cities.city[i].population,
					  t.cities.city[i - 1].population);
		topology_add(&drawn, POINT_AP);
		p = topology_add(&t, POINT_CLIENT);
		topology_add(&drawn, POINT_CLIENT);
		ck_assert_uint_eq(t.point[p].city, drawn.point[p].city);
		ck_assert_uint_eq(t.point[p].access_us, drawn.point[p].access_us);
	}
	topology_fini(&t);
	topology_fini(&drawn);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_loop_test(c, test_good, 0, 4);
	tcase_add_loop_test(c, test_bad, 0, N_BAD);
	tcase_add_test(c, test_no_matrix);
	tcase_add_test(c, test_packaged);
	tcase_add_test(c, test_world);
	tcase_add_test(c, test_largest);
}

int main(void)
{
	return suite_main("matrix", fill);
}
