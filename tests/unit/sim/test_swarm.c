/*
 * The swarm itself: runs repeat to the event, whatever the queue; the specification
 * holds with real cryptography; and it would notice if something did not hold.
 */
#include <string.h>

#include "overlay/base/crypto.h"
#include "sim/oracle.h"
#include "sim/swarm.h"
#include "tests/fixture/suite.h"

static struct swarm_result run(struct swarm_options o)
{
	struct swarm_result r;
	char why[160];

	ck_assert_int_eq(swarm_run(&o, stderr, &r, why), 0);
	ck_assert_uint_eq(r.violations, 0);
	return r;
}

START_TEST(test_same_seed_same_trace)
{
	struct swarm_options o = {.first = 1, .last = 6};
	struct swarm_result a = run(o), b, c;

	b = run(o);
	o.queue = QUEUE_HEAP;
	c = run(o);
	ck_assert_uint_eq(a.trace, b.trace);
	ck_assert_uint_eq(a.trace, c.trace);
	ck_assert_uint_eq(a.events, c.events);
	o.first = o.last = 7;
	ck_assert_uint_ne(run(o).trace, a.trace);
}
END_TEST

START_TEST(test_real_crypto)
{
	struct swarm_options o = {.first = 11, .last = 13, .real_crypto = true};

	ck_assert_uint_eq(run(o).seeds, 3);
}
END_TEST

START_TEST(test_measured_delays)
{
	struct swarm_options o = {
		.first = 1, .last = 2, .matrix = "sim/data/planetlab/rtt-490.txt"};
	struct swarm_result r;
	char why[160];

	run(o);
	o.matrix = "sim/data/README.md";
	ck_assert_int_eq(swarm_run(&o, stderr, &r, why), PIAS_EMALFORMED);
	ck_assert_ptr_nonnull(strstr(why, "sim/data/README.md:"));
}
END_TEST

/* Faults that never end are no state of rest: the specification must say so. */
START_TEST(test_notices)
{
	static const struct fault_rates all_lost = {.loss = 1};
	struct trial_result r;
	struct plan p;

	plan_draw(&p, 3);
	p.n_aps = 4;
	p.n_late_aps = p.n_late_servers = 0;
	p.n_servers = 6;
	p.never_heals = true;
	p.rates = all_lost;
	ck_assert_int_eq(trial_run(&p, &r), 0);
	ck_assert(r.violation.is_found);
	/* And most of what was drawn has nothing to do with it. */
	ck_assert_uint_gt(swarm_shrink(&p, &r.violation), 1);
	ck_assert_uint_le(p.n_ops, 1);
	ck_assert_uint_lt(p.n_aps, 4);
	ck_assert_int_eq(trial_run(&p, &r), 0);
	ck_assert(r.violation.is_found);
}
END_TEST

static void fill(TCase *c)
{
	tcase_set_timeout(c, 180);
	tcase_add_test(c, test_same_seed_same_trace);
	tcase_add_test(c, test_real_crypto);
	tcase_add_test(c, test_measured_delays);
	tcase_add_test(c, test_notices);
}

int main(void)
{
	return crypto_init() ? EXIT_FAILURE : suite_main("swarm", fill);
}
