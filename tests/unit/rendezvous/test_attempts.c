/* Failed challenges: three a minute for a server and an address, whoever else fails. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "rendezvous/attempts.h"

static void draw(void *host, void *buf, size_t len)
{
	memset(buf, 0x5c, len);
}

static const struct env_ops ops = {.random = draw};
static struct attempts a;
static const struct id server, other = {{1}};

static void setup_attempts(void)
{
	struct env env;

	env_init(&env, &ops, NULL);
	attempts_init(&a, &env);
}

static struct addr host(uint32_t n, uint16_t port)
{
	uint8_t ip[4];

	be32_put(ip, 0x0a000000 + n);
	return addr_v4(ip, port);
}

START_TEST(test_three_a_minute)
{
	struct addr one = host(1, 6080), same = host(1, 7000), two = host(2, 6080);
	pias_time t = 5 * SEC;
	unsigned i;

	setup_attempts();
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(attempts_wait(&a, t + i * SEC, &server, &one), 0);
		attempts_failed(&a, t + i * SEC, &server, &one);
	}
	ck_assert_int_eq(attempts_wait(&a, t + 10 * SEC, &server, &one), 50 * SEC);
	ck_assert_int_eq(attempts_wait(&a, t + 10 * SEC, &server, &same), 50 * SEC);
	ck_assert_int_eq(attempts_wait(&a, t + 10 * SEC, &server, &two), 0);
	/* Another server may claim it: maybe it is his. */
	ck_assert_int_eq(attempts_wait(&a, t + 10 * SEC, &other, &one), 0);
	ck_assert_int_eq(attempts_wait(&a, t + 60 * SEC - 1, &server, &one), 1);
	ck_assert_int_eq(attempts_wait(&a, t + 60 * SEC, &server, &one), 0);
	ck_assert_uint_eq(a.n, 0);
	attempts_fini(&a);
}
END_TEST

/* More addresses than it remembers: the oldest go, the table stays what it is. */
START_TEST(test_full)
{
	struct addr h;
	uint32_t i, n;

	setup_attempts();
	for (n = 0; n < 3; n++)
		for (i = 0; i < ATTEMPTS_MAX; i++) {
			h = host(i, 0);
			attempts_failed(&a, 1 * SEC, &server, &h);
		}
	h = host(0, 0);
	ck_assert_int_gt(attempts_wait(&a, 2 * SEC, &server, &h), 0);
	for (i = 0; i < 10; i++) {
		h = host(100000 + i, 0);
		attempts_failed(&a, 3 * SEC, &server, &h);
	}
	ck_assert_uint_eq(a.n, ATTEMPTS_MAX);
	for (i = 0; i < 12; i++) {
		h = host(i, 0);
		ck_assert_int_eq(attempts_wait(&a, 3 * SEC, &server, &h) > 0, i >= 10);
	}
	ck_assert_int_eq(attempts_wait(&a, 200 * SEC, &server, &h), 0);
	ck_assert_uint_eq(a.n, 0);
	attempts_fini(&a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("attempts");
	TCase *c = tcase_create("attempts");
	SRunner *r;
	int failed;

	tcase_add_test(c, test_three_a_minute);
	tcase_add_test(c, test_full);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
