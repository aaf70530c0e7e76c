/*
 * The prober alone, on a script of echoes: when it sends, when it gives up, when it
 * comes back, what it measures, and what does not count as an echo.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "rendezvous/health.h"

static struct env env;
static struct contact self;
static struct prober prober;
static struct health health;
static const uint8_t key[SERVER_KEY_LEN] = {0x42};

static struct server_probe sent[64]; /* the latest probes */
static pias_time sent_at[64];
static unsigned n_sent, n_challenged, n_changed;

static void draw(void *host, void *buf, size_t len)
{
	memset(buf, 0x5c, len);
}

static void wake(void *host, pias_time at)
{
}

static const struct env_ops env_ops = {.random = draw, .wake = wake};

static void on_send(void *ctx, struct health *h, const uint8_t *data, size_t len)
{
	ck_assert_uint_lt(n_sent, 64);
	ck_assert_int_eq(server_probe_decode(&sent[n_sent], data, len, key), 0);
	ck_assert(addr_eq(&sent[n_sent].reply, &self.addr[0]));
	sent_at[n_sent++] = env.now;
}

static void on_challenged(void *ctx, struct health *h)
{
	n_challenged++;
}

static void on_changed(void *ctx, struct health *h)
{
	n_changed++;
}

static unsigned n_measured;

static void on_measured(void *ctx, struct health *h)
{
	ck_assert_uint_eq(h->state, HEALTH_UP);
	n_measured++;
}

static const struct health_ops ops = {on_send, on_challenged, on_changed, on_measured};

static void setup(void)
{
	ck_assert_int_eq(crypto_init(), 0);
	env_init(&env, &env_ops, NULL);
	env.now = 100 * SEC;
	ck_assert_int_eq(addr_parse("192.0.2.1", CONTROL_PORT, &self.addr[0]), 0);
	prober_init(&prober, &env, &self, 250 * MSEC, 3, &ops, NULL);
	health_init(&health, &prober, ADDR_V4, key);
	n_sent = n_challenged = n_changed = n_measured = 0;
}

static void teardown(void)
{
	health_stop(&health);
	ck_assert_int_eq(timers_next(&env.timers), PIAS_NEVER);
	env_fini(&env);
}

static void run_until(pias_time until)
{
	pias_time next;

	while ((next = timers_next(&env.timers)) <= until) {
		env.now = next;
		env_run(&env);
	}
	env.now = until;
}

static void echo_with(const struct server_probe *p, const uint8_t k[SERVER_KEY_LEN])
{
	struct server_echo e = {p->session, p->stamp, p->token, NULL};
	uint8_t data[SERVER_ECHO_LEN];
	size_t len = server_echo_encode(data, &e, k);

	ck_assert_int_eq(server_echo_decode(&e, data, len), 0);
	health_on_echo(&health, &e);
}

/* Echoes every probe @rtt after it was sent, up to @until. */
static void run_echoing(pias_time until, pias_time rtt)
{
	unsigned next = n_sent;

	for (;;) {
		pias_time at = next < n_sent ? sent_at[next] + rtt : PIAS_NEVER;
		pias_time timer = timers_next(&env.timers);

		if (at > until && timer > until)
			break;
		run_until(at < timer ? at : timer);
		if (at < timer)
			echo_with(&sent[next++], key);
	}
	env.now = until;
}

static void become_up(void)
{
	health_challenge(&health);
	env.now += 2 * MSEC;
	echo_with(&sent[n_sent - 1], key);
	ck_assert_int_eq(health.state, HEALTH_UP);
}

static uint64_t n_dropped(void)
{
	return env.counters.v[COUNTER_drop_echo];
}

START_TEST(test_challenge_met)
{
	become_up();
	ck_assert_uint_eq(n_challenged, 1);
	ck_assert_uint_eq(n_sent, 1);
	ck_assert_uint_eq(health.rtt_us, 2000);
	/* The next probe is due a period after the first. */
	run_until(100 * SEC + 249 * MSEC);
	ck_assert_uint_eq(n_sent, 1);
	run_until(100 * SEC + 250 * MSEC);
	ck_assert_uint_eq(n_sent, 2);
}
END_TEST

START_TEST(test_challenge_failed)
{
	health_challenge(&health);
	run_until(100 * SEC + 1499 * MSEC);
	ck_assert_uint_eq(n_sent, 4);
	ck_assert_uint_eq(n_challenged, 0);
	run_until(100 * SEC + 1500 * MSEC);
	ck_assert_uint_eq(n_challenged, 1);
	ck_assert_int_eq(health.state, HEALTH_OFF);
	ck_assert_uint_eq(n_sent, 4);
	/* Too late. */
	echo_with(&sent[3], key);
	ck_assert_int_eq(health.state, HEALTH_OFF);
	ck_assert_uint_eq(n_dropped(), 1);
}
END_TEST

START_TEST(test_steady)
{
	become_up();
	run_echoing(100 * SEC + 10 * SEC, 3 * MSEC);
	ck_assert_uint_eq(n_sent, 41);
	ck_assert_uint_eq(n_changed, 0);
	ck_assert_uint_ge(health.rtt_us, 2900);
	ck_assert_uint_le(health.rtt_us, 3000);
	ck_assert_uint_eq(n_dropped(), 0);
	ck_assert_uint_eq(n_measured, 39);
}
END_TEST

/* One busy moment is soon forgotten, and one slow echo does not count for much. */
START_TEST(test_distance_not_load)
{
	become_up();
	run_echoing(100 * SEC + 3 * SEC, 20 * MSEC);
	ck_assert_uint_ge(health.rtt_us, 12000);
	run_echoing(100 * SEC + 4 * SEC, 2 * MSEC);
	ck_assert_uint_le(health.rtt_us, 4000);
	run_echoing(100 * SEC + 6 * SEC, 2 * MSEC);
	run_until(106 * SEC + 80 * MSEC);
	echo_with(&sent[n_sent - 1], key);
	ck_assert_uint_le(health.rtt_us, 15000);
}
END_TEST

/*
 * Farther away than the period is long, or than all the misses take: met, and still up,
 * and measured right.
 */
START_TEST(test_far)
{
	static const uint32_t rtt_ms[] = {400, 900};
	pias_time rtt = rtt_ms[_i] * MSEC;

	health_challenge(&health);
	run_until(100 * SEC + rtt);
	echo_with(&sent[0], key);
	n_sent = 0;
	run_echoing(100 * SEC + 10 * SEC, rtt);
	ck_assert_uint_eq(n_changed, 0);
	ck_assert_int_eq(health.state, HEALTH_UP);
	ck_assert_int_ge(health.rtt_us, rtt - 1000);
	ck_assert_int_le(health.rtt_us, rtt);
	/* And no more often probed than the near ones. */
	ck_assert_uint_le(n_sent, 42);
}
END_TEST

START_TEST(test_death_and_revival)
{
	pias_time died;

	become_up();
	run_echoing(102 * SEC, 1 * MSEC);
	died = env.now;
	run_until(died + 500 * MSEC);
	ck_assert_int_eq(health.state, HEALTH_UP);
	run_until(died + 813 * MSEC);
	ck_assert_int_eq(health.state, HEALTH_DOWN);
	ck_assert_uint_eq(n_changed, 1);
	/* Probed on once a second, for as long as it takes. */
	n_sent = 0;
	run_until(died + 20 * SEC + 813 * MSEC);
	ck_assert_uint_ge(n_sent, 19);
	ck_assert_uint_le(n_sent, 21);
	ck_assert_uint_eq(n_changed, 1);
	echo_with(&sent[n_sent - 1], key);
	ck_assert_int_eq(health.state, HEALTH_UP);
	ck_assert_uint_eq(n_changed, 2);
}
END_TEST

/* Two lost in a row are no death, ever so often. */
START_TEST(test_two_of_three_lost)
{
	unsigned i, seen = 0;

	become_up();
	for (i = 0; i < 60; i++) {
		run_until(timers_next(&env.timers));
		if (++seen % 3 == 0)
			echo_with(&sent[n_sent - 1], key);
		if (n_sent > 32)
			n_sent = 0;
	}
	ck_assert_uint_eq(n_changed, 0);
}
END_TEST

START_TEST(test_what_is_no_echo)
{
	static const uint8_t other_key[SERVER_KEY_LEN] = {0x43};
	struct server_probe guess;

	health_challenge(&health);
	echo_with(&sent[0], other_key);
	ck_assert_uint_eq(n_dropped(), 1);
	/* Knows the key, did not see the probe: has to guess the token. */
	guess = sent[0];
	guess.token ^= 1;
	echo_with(&guess, key);
	guess = sent[0];
	guess.stamp += 1;
	echo_with(&guess, key);
	ck_assert_uint_eq(n_dropped(), 3);
	ck_assert_int_eq(health.state, HEALTH_CHALLENGE);
	echo_with(&sent[0], key);
	ck_assert_int_eq(health.state, HEALTH_UP);
	/* Replayed. */
	run_until(env.now + 100 * MSEC);
	echo_with(&sent[0], key);
	ck_assert_uint_eq(n_dropped(), 4);
	/* Kept back too long: three seconds after it died, an old echo. */
	run_until(env.now + 400 * MSEC);
	ck_assert_uint_ge(n_sent, 2);
	guess = sent[1];
	run_until(env.now + 3 * SEC);
	ck_assert_int_eq(health.state, HEALTH_DOWN);
	echo_with(&guess, key);
	ck_assert_int_eq(health.state, HEALTH_DOWN);
	ck_assert_uint_eq(n_dropped(), 5);
}
END_TEST

/* For another AP: its session and address, our tag; an echo of it proves nothing here. */
START_TEST(test_lend)
{
	struct addr reply = addr_v4((uint8_t[]){192, 0, 2, 9}, CONTROL_PORT);
	uint8_t out[SERVER_PROBE_MAX];
	struct server_probe p;
	size_t len;

	ck_assert_uint_eq(health_lend(&health, 7, &reply, out), 0);
	become_up();
	len = health_lend(&health, health.session, &reply, out);
	ck_assert_uint_gt(len, 0);
	ck_assert_int_eq(server_probe_decode(&p, out, len, key), 0);
	ck_assert_uint_eq(p.session, health.session);
	ck_assert(addr_eq(&p.reply, &reply));
	n_measured = 0;
	echo_with(&p, key);
	ck_assert_uint_eq(n_measured, 0);
	ck_assert_uint_eq(n_dropped(), 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("health");
	TCase *c = tcase_create("health");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_challenge_met);
	tcase_add_test(c, test_challenge_failed);
	tcase_add_test(c, test_steady);
	tcase_add_test(c, test_distance_not_load);
	tcase_add_loop_test(c, test_far, 0, 2);
	tcase_add_test(c, test_death_and_revival);
	tcase_add_test(c, test_two_of_three_lost);
	tcase_add_test(c, test_what_is_no_echo);
	tcase_add_test(c, test_lend);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
