/* What the core asks of its host: wake-ups, randomness, log lines. And the two lists. */
#include <string.h>

#include "overlay/base/env.h"
#include "tests/fixture/rng.h"
#include "tests/fixture/suite.h"

struct host {
	struct rng rng;
	pias_time wake;
	int n_wakes, n_logs;
	enum log_level level;
	char text[512];
};

static void on_wake(void *ctx, pias_time at)
{
	struct host *h = ctx;

	h->wake = at;
	h->n_wakes++;
}

static void on_random(void *ctx, void *buf, size_t len)
{
	rng_fill(&((struct host *)ctx)->rng, buf, len);
}

static void on_log(void *ctx, enum log_level level, const char *text)
{
	struct host *h = ctx;

	h->n_logs++;
	h->level = level;
	strcpy(h->text, text);
}

static const struct env_ops ops = {.wake = on_wake, .random = on_random, .log = on_log};

static void nothing(void *ctx)
{
}

START_TEST(test_settle_asks_only_on_change)
{
	struct host h = {.wake = -1};
	struct timer a, b;
	struct env env;

	env_init(&env, &ops, &h);
	env_settle(&env);
	ck_assert_int_eq(h.n_wakes, 0);
	timer_init(&a, nothing, NULL);
	timer_init(&b, nothing, NULL);
	timer_set(&env.timers, &a, 50);
	env_settle(&env);
	ck_assert(h.n_wakes == 1 && h.wake == 50);
	timer_set(&env.timers, &b, 60);
	env_settle(&env);
	ck_assert_int_eq(h.n_wakes, 1);
	env.now = 55;
	env_run(&env);
	env_settle(&env);
	ck_assert(h.n_wakes == 2 && h.wake == 60);
	timer_stop(&env.timers, &b);
	env_settle(&env);
	ck_assert(h.n_wakes == 3 && h.wake == PIAS_NEVER);
	env_fini(&env);
}
END_TEST

START_TEST(test_random_ranges)
{
	static const uint32_t limits[] = {1, 2, 3, 1000, 0xffffffff};
	struct host h = {.rng = {1}};
	unsigned hit[3] = {0};
	struct env env;
	pias_time t;
	int i, j;

	env_init(&env, &ops, &h);
	for (i = 0; i < 5; i++)
		for (j = 0; j < 1000; j++)
			ck_assert_uint_lt(env_random_below(&env, limits[i]), limits[i]);
	for (i = 0; i < 3000; i++)
		hit[env_random_below(&env, 3)]++;
	for (i = 0; i < 3; i++) /* 1000 each, 26 = one sigma */
		ck_assert(hit[i] > 850 && hit[i] < 1150);
	for (i = 0; i < 1000; i++) {
		t = env_jitter(&env, 8000);
		ck_assert(t >= 7000 && t <= 9000);
		ck_assert_int_eq(env_jitter(&env, 7), 7);
	}
	env_fini(&env);
}
END_TEST

START_TEST(test_log)
{
	static const struct env_ops deaf = {.wake = on_wake, .random = on_random};
	struct host h = {.wake = 0};
	char longer[400];
	struct env env;

	env_init(&env, &ops, &h);
	log_debug(&env, "not wanted");
	ck_assert_int_eq(h.n_logs, 0);
	log_warn(&env, "noun: event n=%d", 5);
	ck_assert(h.n_logs == 1 && h.level == LOG_LEVEL_WARN);
	ck_assert_str_eq(h.text, "noun: event n=5");
	env.log_level = LOG_LEVEL_DEBUG;
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	log_debug(&env, "%s", longer);
	ck_assert_uint_eq(strlen(h.text), 255);
	env.ops = &deaf;
	log_error(&env, "nobody listens");
	ck_assert_int_eq(h.n_logs, 2);
	env_fini(&env);
}
END_TEST

/* Names are what scripts read: unique, lower case; and everything has its text. */
START_TEST(test_counters)
{
	const char *name, *p;
	struct env env;
	int i, j;

	env_init(&env, &ops, NULL);
	for (i = 0; i < N_COUNTERS; i++) {
		name = counter_name((enum counter)i);
		for (p = name; *p; p++)
			ck_assert((*p >= 'a' && *p <= 'z') || *p == '_');
		ck_assert_uint_gt(strlen(counter_help((enum counter)i)), 5);
		for (j = 0; j < i; j++)
			ck_assert_str_ne(name, counter_name((enum counter)j));
	}
	count(&env, joins);
	count_n(&env, joins, 4);
	ck_assert_uint_eq(env.counters.v[COUNTER_joins], 5);
	env_fini(&env);
}
END_TEST

START_TEST(test_errors)
{
	static const int codes[] = {
#define X(name, code, text) PIAS_E##name,
		PIAS_ERRORS(X)
#undef X
	};
	int i, j, n = (int)(sizeof(codes) / sizeof(codes[0]));

	ck_assert_str_eq(error_text(0), "success");
	ck_assert_str_eq(error_text(PIAS_ETOOBIG), "too big");
	ck_assert_str_eq(error_text(-9999), "unknown error");
	ck_assert_str_eq(error_text(1), "unknown error");
	for (i = 0; i < n; i++) {
		ck_assert_int_lt(codes[i], 0);
		ck_assert_str_ne(error_text(codes[i]), "unknown error");
		for (j = 0; j < i; j++)
			ck_assert_str_ne(error_text(codes[i]), error_text(codes[j]));
	}
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_settle_asks_only_on_change);
	tcase_add_test(c, test_random_ranges);
	tcase_add_test(c, test_log);
	tcase_add_test(c, test_counters);
	tcase_add_test(c, test_errors);
}

int main(void)
{
	return suite_main("env", fill);
}
