/* The table of servers: two ways to find one, a maximum, and leases that run out. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "rendezvous/server.h"

static struct env env;
static struct contact self;
static struct prober prober;
static struct servers servers;
static unsigned n_expired;
static uint8_t next_random;

static void draw(void *host, void *buf, size_t len)
{
	memset(buf, ++next_random, len);
}

static const struct env_ops env_ops = {.random = draw};
static const struct health_ops health_ops;

static void on_expired(void *ctx, struct server *s)
{
	n_expired++;
	server_del(s);
}

static void setup(void)
{
	ck_assert_int_eq(crypto_init(), 0);
	env_init(&env, &env_ops, NULL);
	prober_init(&prober, &env, &self, 250 * MSEC, 3, &health_ops, NULL);
	servers_init(&servers, &env, 10, on_expired, NULL);
	n_expired = 0;
}

static void teardown(void)
{
	servers_fini(&servers);
	ck_assert_int_eq(timers_next(&env.timers), PIAS_NEVER);
	env_fini(&env);
}

static struct admission who(unsigned group, unsigned server)
{
	struct admission a = {.unicast = {.family = ADDR_V4}};
	char text[] = "198.18.0.0";

	text[sizeof(text) - 2] = (char)('0' + group);
	ck_assert_int_eq(group_name_parse(text, &a.group), 0);
	memset(a.server.b, (int)server, ID_LEN);
	return a;
}

START_TEST(test_find)
{
	struct server *s[4];
	unsigned i;

	for (i = 0; i < 4; i++) {
		struct admission a = who(1 + i / 2, 1 + i % 2);

		ck_assert_int_eq(server_add(&servers, &a, &prober, &s[i]), 0);
	}
	for (i = 0; i < 4; i++) {
		struct admission a = who(1 + i / 2, 1 + i % 2);

		ck_assert_ptr_eq(server_find(&servers, &a.group, &a.server), s[i]);
		ck_assert_ptr_eq(server_find_session(&servers, s[i]->health.session),
				 s[i]);
	}
	server_del(s[2]);
	for (i = 0; i < 4; i++) {
		struct admission a = who(1 + i / 2, 1 + i % 2);

		ck_assert_ptr_eq(server_find(&servers, &a.group, &a.server),
				 i == 2 ? NULL : s[i]);
	}
	ck_assert_uint_eq(servers.by_session.n, 3);
}
END_TEST

START_TEST(test_full)
{
	struct server *s = NULL;
	unsigned i;

	for (i = 0; i <= 10; i++) {
		struct admission a = who(1, 1 + i);

		ck_assert_int_eq(server_add(&servers, &a, &prober, &s),
				 i < 10 ? 0 : PIAS_EFULL);
	}
	ck_assert_uint_eq(servers.by_member.n, 10);
	server_del(s);
	ck_assert_uint_eq(servers.by_member.n, 9);
}
END_TEST

START_TEST(test_lease)
{
	struct admission a = who(1, 1);
	struct server *s;

	ck_assert_int_eq(server_add(&servers, &a, &prober, &s), 0);
	server_extend(s, 30 * SEC);
	env.now = 20 * SEC;
	server_extend(s, 30 * SEC);
	env.now = 50 * SEC - 1;
	env_run(&env);
	ck_assert_uint_eq(n_expired, 0);
	env.now = 50 * SEC;
	env_run(&env);
	ck_assert_uint_eq(n_expired, 1);
	ck_assert_ptr_null(server_find(&servers, &a.group, &a.server));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("server");
	TCase *c = tcase_create("server");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_find);
	tcase_add_test(c, test_full);
	tcase_add_test(c, test_lease);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
