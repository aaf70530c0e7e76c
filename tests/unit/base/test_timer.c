/* The timer heap: order, ties, re-arming from within, and a model to compare with. */
#include <string.h>

#include "overlay/base/timer.h"
#include "tests/fixture/rng.h"
#include "tests/fixture/suite.h"

struct probe {
	struct timer timer;
	struct timers *ts;
	int *log;
	int *n;
	int name;
	pias_time rearm; /* 0: no */
};

static void on_fire(void *ctx)
{
	struct probe *p = ctx;

	ck_assert(!timer_is_set(&p->timer)); /* disarmed before it runs */
	p->log[(*p->n)++] = p->name;
	if (p->rearm) {
		timer_set(p->ts, &p->timer, p->rearm);
		p->rearm = 0;
	}
}

static void setup(struct timers *ts, struct probe *p, int count, int *log, int *n)
{
	int i;

	timers_init(ts);
	memset(p, 0, (size_t)count * sizeof(*p));
	for (i = 0; i < count; i++) {
		p[i].ts = ts;
		p[i].log = log;
		p[i].n = n;
		p[i].name = i;
		timer_init(&p[i].timer, on_fire, &p[i]);
	}
	*n = 0;
}

START_TEST(test_order_and_ties)
{
	static const int want[] = {3, 1, 2, 0};
	struct probe p[4];
	struct timers ts;
	int log[8], n;

	setup(&ts, p, 4, log, &n);
	ck_assert(timers_next(&ts) == PIAS_NEVER);
	timer_set(&ts, &p[0].timer, 30);
	timer_set(&ts, &p[1].timer, 20);
	timer_set(&ts, &p[2].timer, 20); /* a tie: in the order of arming */
	timer_set(&ts, &p[3].timer, 10);
	ck_assert(timers_next(&ts) == 10);
	timers_run(&ts, 9);
	ck_assert_int_eq(n, 0);
	timers_run(&ts, 20);
	ck_assert_int_eq(n, 3);
	timers_run(&ts, 30);
	ck_assert_int_eq(n, 4);
	ck_assert_mem_eq(log, want, sizeof(want));
	timers_fini(&ts);
}
END_TEST

START_TEST(test_stop_and_move)
{
	struct probe p[3];
	struct timers ts;
	int log[8], n;

	setup(&ts, p, 3, log, &n);
	timer_set(&ts, &p[0].timer, 10);
	timer_set(&ts, &p[1].timer, 20);
	timer_set(&ts, &p[2].timer, 30);
	timer_set(&ts, &p[2].timer, 5);	 /* earlier */
	timer_set(&ts, &p[0].timer, 25); /* later */
	timer_stop(&ts, &p[1].timer);
	timer_stop(&ts, &p[1].timer); /* twice is fine */
	ck_assert(!timer_is_set(&p[1].timer) && timer_is_set(&p[0].timer));
	timers_run(&ts, 100);
	ck_assert_int_eq(n, 2);
	ck_assert(log[0] == 2 && log[1] == 0);
	timers_fini(&ts);
}
END_TEST

/* A timer armed for now while running fires in the same run, one for later not. */
START_TEST(test_rearm_within)
{
	struct probe p[2];
	struct timers ts;
	int log[8], n;

	setup(&ts, p, 2, log, &n);
	p[0].rearm = 10;
	p[1].rearm = 11;
	timer_set(&ts, &p[0].timer, 10);
	timer_set(&ts, &p[1].timer, 10);
	timers_run(&ts, 10);
	ck_assert_int_eq(n, 3);
	ck_assert(log[0] == 0 && log[1] == 1 && log[2] == 0);
	ck_assert(timers_next(&ts) == 11);
	timers_fini(&ts);
}
END_TEST

#define N_MODEL 200

/* Against a plain array: the earliest, then the one armed first. */
START_TEST(test_random_against_model)
{
	struct rng rng = {(uint64_t)_i};
	pias_time at[N_MODEL];
	uint64_t seq[N_MODEL], next_seq = 0;
	struct probe p[N_MODEL];
	struct timers ts;
	int log[4], n, step, i, best;

	setup(&ts, p, N_MODEL, log, &n);
	for (i = 0; i < N_MODEL; i++)
		at[i] = PIAS_NEVER;
	for (step = 0; step < 5000; step++) {
		i = (int)rng_below(&rng, N_MODEL);
		switch (rng_below(&rng, 4)) {
		case 0:
			timer_stop(&ts, &p[i].timer);
			at[i] = PIAS_NEVER;
			break;
		case 1:
		case 2:
			at[i] = rng_below(&rng, 50);
			seq[i] = next_seq++;
			timer_set(&ts, &p[i].timer, at[i]);
			break;
		default:
			best = -1;
			for (i = 0; i < N_MODEL; i++)
				if (at[i] != PIAS_NEVER &&
				    (best < 0 || at[i] < at[best] ||
				     (at[i] == at[best] && seq[i] < seq[best])))
					best = i;
			ck_assert(timers_next(&ts) == (best < 0 ? PIAS_NEVER : at[best]));
			if (best < 0)
				break;
			/* Fire exactly one: the others must wait for their turn. */
			ck_assert_ptr_eq(ts.heap[0].timer, &p[best].timer);
			timer_stop(&ts, &p[best].timer);
			at[best] = PIAS_NEVER;
		}
	}
	timers_fini(&ts);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_order_and_ties);
	tcase_add_test(c, test_stop_and_move);
	tcase_add_test(c, test_rearm_within);
	tcase_add_loop_test(c, test_random_against_model, 0, 8);
}

int main(void)
{
	return suite_main("timer", fill);
}
