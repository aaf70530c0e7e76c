/* Which route a packet's group name leads to, for every state of both caches. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "forwarder/fib.h"
#include "tests/fixture/suite.h"

static const struct siphash_key key = {1, 2};
static struct fib fib;
static struct group_name exact, wide;

static void setup(void)
{
	fib_init(&fib, &key);
	ck_assert_int_eq(group_name_parse("198.18.0.1:53/udp", &exact), 0);
	ck_assert_int_eq(group_name_parse("198.18.0.1", &wide), 0);
}

static void teardown(void)
{
	fib_fini(&fib);
}

static struct route *set(const struct group_name *name, uint64_t version)
{
	struct route *r = route_new(name, version ? 1 : 0, version ? 1 : 0);

	r->version = version;
	ck_assert_int_eq(fib_set(&fib, name, r), 0);
	return r;
}

enum known { UNKNOWN, NEGATIVE, POSITIVE };

START_TEST(test_match)
{
	static const struct {
		enum known exact, wide;
		char want; /* 'e'xact, 'w'ide, 'n'egative, ask for 'E'xact, 'W'ide */
	} t[] = {
		{POSITIVE, UNKNOWN, 'e'},  {POSITIVE, NEGATIVE, 'e'},
		{POSITIVE, POSITIVE, 'e'}, {NEGATIVE, UNKNOWN, 'W'},
		{NEGATIVE, NEGATIVE, 'n'}, {NEGATIVE, POSITIVE, 'w'},
		{UNKNOWN, UNKNOWN, 'E'},   {UNKNOWN, NEGATIVE, 'E'},
		{UNKNOWN, POSITIVE, 'E'},
	};
	struct route *e = NULL, *w = NULL;
	struct fib_match m;
	char got = '?';

	if (t[_i].exact)
		e = set(&exact, t[_i].exact == POSITIVE);
	if (t[_i].wide)
		w = set(&wide, t[_i].wide == POSITIVE);
	fib_match(&fib, &exact, &m);
	if (m.route)
		got = m.route == e ? 'e' : m.route == w ? 'w' : '?';
	else if (m.is_negative)
		got = 'n';
	else if (m.unknown)
		got = group_name_eq(m.unknown, &exact) ? 'E' : 'W';
	ck_assert_int_eq(got, t[_i].want);
	ck_assert_ptr_eq(m.exact_route, e);
	if (t[_i].exact != POSITIVE)
		ck_assert_ptr_eq(m.wide_route, w);
}
END_TEST

START_TEST(test_match_wide)
{
	struct fib_match m;
	struct route *r;

	fib_match(&fib, &wide, &m);
	ck_assert(m.unknown && group_name_eq(m.unknown, &wide));
	set(&wide, 0);
	fib_match(&fib, &wide, &m);
	ck_assert(m.is_negative && !m.route && !m.unknown);
	r = set(&wide, 1);
	fib_match(&fib, &wide, &m);
	ck_assert_ptr_eq(m.route, r);
}
END_TEST

START_TEST(test_set)
{
	struct route *a = set(&exact, 1), *b;

	a->used_at = 77;
	ck_assert_ptr_eq(fib_find(&fib, &exact), a);
	ck_assert_ptr_null(fib_find(&fib, &wide));
	b = set(&exact, 2);
	ck_assert_ptr_eq(fib_find(&fib, &exact), b);
	ck_assert_int_eq(b->used_at, 77); /* a newer version is not a newer use */
	ck_assert_int_eq(fib_set(&fib, &exact, NULL), 0);
	ck_assert_ptr_null(fib_find(&fib, &exact));
	ck_assert_int_eq(fib_set(&fib, &exact, NULL), 0);
}
END_TEST

START_TEST(test_many)
{
	struct group_name n = exact;
	unsigned i;

	for (i = 1; i <= 3000; i++) {
		n.port = (uint16_t)i;
		set(&n, i);
	}
	for (i = 1; i <= 3000; i += 2) {
		n.port = (uint16_t)i;
		ck_assert_int_eq(fib_set(&fib, &n, NULL), 0);
	}
	for (i = 1; i <= 3000; i++) {
		n.port = (uint16_t)i;
		ck_assert_uint_eq(fib_find(&fib, &n) ? fib_find(&fib, &n)->version : 0,
				  i % 2 ? 0 : i);
	}
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, test_match, 0, 9);
	tcase_add_test(c, test_match_wide);
	tcase_add_test(c, test_set);
	tcase_add_test(c, test_many);
}

int main(void)
{
	return suite_main("fib", fill);
}
