/* How long a suspect has, and what its end is. */
#include <string.h>

#include "overlay/suspicion.h"
#include "tests/fixture/quiet_env.h"
#include "tests/fixture/suite.h"

struct world {
	struct env env;
	struct suspicion s;
	unsigned n_ours, n_rumours;
	struct id last;
};

static void on_expired(void *ctx, const struct id *id, bool is_ours)
{
	struct world *w = ctx;

	w->last = *id;
	if (is_ours)
		w->n_ours++;
	else
		w->n_rumours++;
}

static const struct suspicion_ops ops = {.expired = on_expired};

static struct id id_of(uint8_t i)
{
	return (struct id){{i}};
}

static void setup(struct world *w)
{
	memset(w, 0, sizeof(*w));
	env_init(&w->env, &quiet_env_ops, NULL);
	suspicion_init(&w->s, &w->env, 500 * MSEC, &ops, w);
}

static void teardown(struct world *w)
{
	suspicion_fini(&w->s);
	ck_assert_int_eq(timers_next(&w->env.timers), PIAS_NEVER);
	env_fini(&w->env);
}

static void run_until(struct world *w, pias_time until)
{
	while (timers_next(&w->env.timers) <= until) {
		w->env.now = timers_next(&w->env.timers);
		env_run(&w->env);
	}
	w->env.now = until;
}

/* One probe period in small rings, log2(n) / 3 of them in larger ones. */
START_TEST(test_time)
{
	static const struct {
		uint32_t n;
		pias_time want;
	} t[] = {{2, 500 * MSEC},
		 {15, 500 * MSEC},
		 {64, 1000 * MSEC},
		 {1000, 1500 * MSEC},
		 {16384, 500 * MSEC * 14 / 3}};
	struct id id = id_of(1);
	struct world w;

	setup(&w);
	suspicion_add(&w.s, &id, 1, true, t[_i].n);
	run_until(&w, t[_i].want - 1);
	ck_assert_uint_eq(w.n_ours, 0);
	run_until(&w, t[_i].want);
	ck_assert_uint_eq(w.n_ours, 1);
	ck_assert(id_eq(&w.last, &id));
	run_until(&w, 100 * SEC);
	ck_assert_uint_eq(w.n_ours, 1);
	teardown(&w);
}
END_TEST

/* A rumour is looked into, again and again until it ends. */
START_TEST(test_rumour)
{
	struct id id = id_of(1);
	struct world w;

	setup(&w);
	suspicion_add(&w.s, &id, 1, false, 5);
	run_until(&w, 35 * SEC);
	ck_assert_uint_eq(w.n_rumours, 3);
	/* Then it did not answer us either. */
	suspicion_add(&w.s, &id, 1, true, 5);
	run_until(&w, 36 * SEC);
	ck_assert_uint_eq(w.n_ours, 1);
	teardown(&w);
}
END_TEST

/* Suspected again under the same incarnation: the time does not begin anew. */
START_TEST(test_no_reprieve)
{
	struct id id = id_of(1);
	struct world w;

	setup(&w);
	suspicion_add(&w.s, &id, 1, true, 5);
	run_until(&w, 400 * MSEC);
	suspicion_add(&w.s, &id, 1, true, 5);
	suspicion_add(&w.s, &id, 1, false, 5);
	run_until(&w, 500 * MSEC);
	ck_assert_uint_eq(w.n_ours, 1);
	teardown(&w);
}
END_TEST

/* It answers in time: no verdict. And whoever errs, is slower to judge, for a while. */
START_TEST(test_health)
{
	struct id id = id_of(1);
	struct world w;
	int k;

	setup(&w);
	suspicion_add(&w.s, &id, 1, true, 5);
	suspicion_relent(&w.s, &id);
	run_until(&w, 9 * SEC);
	ck_assert_uint_eq(w.n_ours + w.n_rumours, 0);
	suspicion_end(&w.s, &id, true);
	for (k = 0; k < 10; k++) {
		suspicion_add(&w.s, &id, (uint64_t)k, true, 5);
		suspicion_end(&w.s, &id, true);
	}
	ck_assert_uint_eq(w.s.health, 4);
	suspicion_add(&w.s, &id, 20, true, 5);
	run_until(&w, w.env.now + 2499 * MSEC);
	ck_assert_uint_eq(w.n_ours, 0);
	run_until(&w, w.env.now + MSEC);
	ck_assert_uint_eq(w.n_ours, 1);
	run_until(&w, w.env.now + 120 * SEC);
	suspicion_add(&w.s, &id, 30, true, 5);
	run_until(&w, w.env.now + 500 * MSEC);
	ck_assert_uint_eq(w.n_ours, 2);
	teardown(&w);
}
END_TEST

/* Many at once: each gets its verdict; more than there is room for are counted. */
START_TEST(test_many)
{
	struct world w;
	unsigned i;

	setup(&w);
	for (i = 0; i < SUSPECTS_MAX + 3; i++) {
		struct id id = id_of((uint8_t)i);

		suspicion_add(&w.s, &id, 1, true, 5);
	}
	ck_assert_uint_eq(w.env.counters.v[COUNTER_drop_suspects_full], 3);
	run_until(&w, SEC);
	ck_assert_uint_eq(w.n_ours, SUSPECTS_MAX);
	teardown(&w);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_loop_test(c, test_time, 0, 5);
	tcase_add_test(c, test_rumour);
	tcase_add_test(c, test_no_reprieve);
	tcase_add_test(c, test_health);
	tcase_add_test(c, test_many);
}

int main(void)
{
	return suite_main("suspicion", fill);
}
