/* The wheel: nothing ends early, nothing late, whatever is prolonged or stopped. */
#include "rendezvous/lease.h"
#include "tests/fixture/quiet_env.h"
#include "tests/fixture/suite.h"

#define N 200

struct item {
	struct lease lease;
	pias_time ended_at; /* 0: not yet */
};

static struct env env;
static struct leases leases;
static struct item item[N];
static unsigned n_ended;
static struct item *to_stop, *to_set; /* by the next that ends */

static void on_ended(void *ctx, struct lease *l)
{
	struct item *i = (struct item *)l;

	ck_assert_ptr_eq(ctx, &n_ended);
	ck_assert(!lease_is_set(l));
	ck_assert_int_eq(i->ended_at, 0);
	i->ended_at = env.now;
	n_ended++;
	if (to_stop)
		lease_stop(&to_stop->lease);
	if (to_set)
		lease_set(&leases, &to_set->lease, env.now + SEC);
	to_stop = to_set = NULL;
}

static void setup(void)
{
	env_init(&env, &quiet_env_ops, NULL);
	env.now = 1234567;
	leases_init(&leases, &env, on_ended, &n_ended);
	memset(item, 0, sizeof(item));
	n_ended = 0;
	to_stop = to_set = NULL;
}

static void teardown(void)
{
	leases_fini(&leases);
	ck_assert_int_eq(timers_next(&env.timers), PIAS_NEVER);
	env_fini(&env);
}

static void run_until(pias_time t)
{
	while (timers_next(&env.timers) <= t) {
		if (timers_next(&env.timers) > env.now)
			env.now = timers_next(&env.timers);
		env_run(&env);
	}
	env.now = t;
}

START_TEST(test_one)
{
	static const pias_time spans[] = {
		1, LEASE_GRAIN, SEC, 30 * SEC, 32 * SEC, 33 * SEC, 3600 * SEC,
	};
	pias_time ends = env.now + spans[_i];

	lease_set(&leases, &item[0].lease, ends);
	run_until(ends - 1);
	ck_assert_uint_eq(n_ended, 0);
	run_until(ends + LEASE_GRAIN);
	ck_assert_uint_eq(n_ended, 1);
	ck_assert_int_ge(item[0].ended_at, ends);
	/* Nothing hangs any more: no timer. */
	ck_assert_int_eq(timers_next(&env.timers), PIAS_NEVER);
}
END_TEST

START_TEST(test_prolonged_shortened_stopped)
{
	pias_time t = env.now;

	lease_set(&leases, &item[0].lease, t + 10 * SEC);
	lease_set(&leases, &item[1].lease, t + 10 * SEC);
	lease_set(&leases, &item[2].lease, t + 10 * SEC);
	lease_set(&leases, &item[0].lease, t + 20 * SEC);
	lease_set(&leases, &item[1].lease, t + 5 * SEC);
	lease_stop(&item[2].lease);
	lease_stop(&item[2].lease);
	run_until(t + 30 * SEC);
	ck_assert_uint_eq(n_ended, 2);
	ck_assert_int_ge(item[0].ended_at, t + 20 * SEC);
	ck_assert_int_le(item[0].ended_at, t + 20 * SEC + LEASE_GRAIN);
	ck_assert_int_ge(item[1].ended_at, t + 5 * SEC);
	ck_assert_int_le(item[1].ended_at, t + 5 * SEC + LEASE_GRAIN);
}
END_TEST

/* The one that ends may stop its neighbour in the same slot, and start others. */
START_TEST(test_changes_from_within)
{
	lease_set(&leases, &item[0].lease, env.now + SEC);
	lease_set(&leases, &item[1].lease, env.now + SEC);
	to_stop = &item[0];
	to_set = &item[2];
	run_until(env.now + 10 * SEC);
	ck_assert_uint_eq(n_ended, 2);
	ck_assert_int_eq(item[0].ended_at, 0);
	ck_assert_int_ne(item[2].ended_at, 0);
}
END_TEST

/* The host slept through the whole wheel. */
START_TEST(test_long_sleep)
{
	unsigned i;

	for (i = 0; i < N; i++)
		lease_set(&leases, &item[i].lease, env.now + (pias_time)i * SEC / 8);
	env.now += 600 * SEC;
	env_run(&env);
	ck_assert_uint_eq(n_ended, N);
	lease_set(&leases, &item[0].lease, env.now + SEC);
	item[0].ended_at = 0;
	run_until(env.now + SEC + LEASE_GRAIN);
	ck_assert_uint_eq(n_ended, N + 1);
}
END_TEST

START_TEST(test_random)
{
	struct rng r = {.s = (uint64_t)_i};
	pias_time ends[N] = {0};
	unsigned round, i;

	for (round = 0; round < 3000; round++) {
		i = rng_below(&r, N);
		if (rng_below(&r, 4)) {
			item[i].ended_at = 0;
			ends[i] = env.now + rng_below(&r, 90 * SEC);
			lease_set(&leases, &item[i].lease, ends[i]);
		} else {
			lease_stop(&item[i].lease);
			ends[i] = 0;
		}
		run_until(env.now + rng_below(&r, 300 * MSEC));
		for (i = 0; i < N; i++) {
			if (!ends[i])
				continue;
			if (lease_is_set(&item[i].lease)) {
				ck_assert_int_gt(ends[i] + LEASE_GRAIN, env.now);
				continue;
			}
			ck_assert_int_ge(item[i].ended_at, ends[i]);
			ck_assert_int_le(item[i].ended_at, ends[i] + LEASE_GRAIN);
		}
	}
	ck_assert_uint_gt(n_ended, 500);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, test_one, 0, 7);
	tcase_add_test(c, test_prolonged_shortened_stopped);
	tcase_add_test(c, test_changes_from_within);
	tcase_add_test(c, test_long_sleep);
	tcase_add_loop_test(c, test_random, 0, 5);
}

int main(void)
{
	return suite_main("lease", fill);
}
