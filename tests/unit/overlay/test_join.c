/*
 * Who may create a ring: the first of the seeds, when nobody else has one; but not one
 * that a seed has refused, because then there is a ring, and it is not ours to join.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/join.h"
#include "tests/fixture/suite.h"

static struct env env;
static struct join join;
static unsigned n_created, n_dialed, n_failed;

static void op_wake(void *host, pias_time at)
{
}

static void op_random(void *host, void *buf, size_t len)
{
	memset(buf, 7, len);
}

static const struct env_ops env_ops = {.wake = op_wake, .random = op_random};

static int on_send(void *ctx, const struct contact *to, uint8_t type, const void *body,
		   size_t len)
{
	return 0;
}

static void on_dial(void *ctx, const struct addr *seed)
{
	n_dialed++;
}

static void on_admitted(void *ctx, const struct contact *m, const struct msg_list *list)
{
}

static void on_create(void *ctx)
{
	n_created++;
}

static void on_failed(void *ctx, int err, const char *why)
{
	n_failed++;
}

static const struct join_ops ops = {
	.send = on_send,
	.dial_seed = on_dial,
	.admitted = on_admitted,
	.create = on_create,
	.failed = on_failed,
};

static struct addr host(uint8_t last)
{
	uint8_t ip[4] = {192, 0, 2, last};

	return addr_v4(ip, CONTROL_PORT);
}

/* Seeds 1 and 2; we are host @self. */
static void start(uint8_t self)
{
	static struct overlay_config config;

	memset(&config, 0, sizeof(config));
	config.self.id.b[0] = self;
	config.self.addr[0] = host(self);
	config.seed[0] = host(1);
	config.seed[1] = host(2);
	config.n_seeds = 2;
	n_created = n_dialed = n_failed = 0;
	env_init(&env, &env_ops, NULL);
	join_init(&join, &env, &config, &ops, NULL);
	join_start(&join);
}

static void finish(void)
{
	join_fini(&join);
	env_fini(&env);
}

/* Whoever dials seed 2 for @time gets @why at once. */
static void run(pias_time time, int why)
{
	struct addr two = host(2);
	pias_time end = env.now + time;
	unsigned seen = 0;

	while (env.now < end && !n_created) {
		if (n_dialed != seen)
			join_on_seed_failed(&join, &two, why, error_text(why));
		seen = n_dialed;
		env.now += 100 * MSEC;
		env_run(&env);
	}
}

static const int kind[] = {PIAS_EUNREACH,   PIAS_ETIMEOUT, PIAS_EAUTH,	 PIAS_EDENIED,
			   PIAS_EDUPLICATE, PIAS_ERING,	   PIAS_EVERSION};

START_TEST(test_first_seed)
{
	bool is_refusal = _i >= 3;

	start(1);
	run(20 * SEC, kind[_i]);
	ck_assert_uint_eq(n_created, !is_refusal);
	ck_assert_uint_ge(n_failed, 1);
	finish();
}
END_TEST

START_TEST(test_other_seed)
{
	start(2);
	run(20 * SEC, PIAS_EUNREACH);
	ck_assert_uint_eq(n_created, 0);
	finish();
}
END_TEST

/* What refused us is gone: now it is our turn. */
START_TEST(test_refusal_is_forgotten)
{
	start(1);
	run(10 * SEC, PIAS_EDENIED);
	ck_assert_uint_eq(n_created, 0);
	run(10 * SEC, PIAS_EUNREACH);
	ck_assert_uint_eq(n_created, 1);
	finish();
}
END_TEST

/* A link that came up and ended in a refusal counts as well. */
START_TEST(test_refused_after_hello)
{
	struct contact two = {.id = {{2}}, .addr = {host(2)}};
	int i;

	start(1);
	for (i = 0; i < 20; i++) {
		join_on_seed_up(&join, &two);
		join_on_peer_down(&join, &two.id, PIAS_EDUPLICATE);
		env.now += SEC;
		env_run(&env);
	}
	ck_assert_uint_eq(n_created, 0);
	finish();
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_loop_test(c, test_first_seed, 0, 7);
	tcase_add_test(c, test_other_seed);
	tcase_add_test(c, test_refusal_is_forgotten);
	tcase_add_test(c, test_refused_after_hello);
}

int main(void)
{
	return suite_main("join", fill);
}
