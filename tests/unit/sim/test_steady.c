/*
 * In steady state the engine allocates nothing: what an event takes comes from pools
 * that have grown as large as they get. The daemons' code on it has one allocation for
 * each probe under way, and a few when a lease is refreshed.
 */
#include <stdio.h>
#include <unistd.h>

#include "overlay/base/crypto.h"
#include "sim/chord_load.h"
#include "sim/service.h"
#include "tests/fixture/allocations.h"
#include "tests/fixture/suite.h"

#define GROWTH 16 /* times that some pool is still doubled */

static uint64_t load_allocations(pias_time duration, enum queue_kind queue)
{
	uint64_t before = allocations;
	struct chord_load_result r;

	ck_assert_int_eq(chord_load_run(100, duration, 1, queue, &r), 0);
	ck_assert_uint_ge(r.messages, (uint64_t)(duration / SEC * 50));
	return allocations - before;
}

/* The same events, and then twice as many again: 100,000 of them. */
START_TEST(test_engine)
{
	enum queue_kind queue = _i ? QUEUE_HEAP : QUEUE_RADIX;
	uint64_t some = load_allocations(1000 * SEC, queue);

	ck_assert_uint_gt(some, 0);
	ck_assert_uint_le(load_allocations(3000 * SEC, queue), some + GROWTH);
}
END_TEST

static struct scenario sc;
static struct service s;

static void make(void)
{
	char file[] = "/tmp/pias-test-XXXXXX", why[SETTINGS_WHY_MAX];
	FILE *f = fdopen(mkstemp(file), "w");

	ck_assert_ptr_nonnull(f);
	fprintf(f, "experiment = traffic\naps = 12\ngroups = 4\nservers = 20\n"
		   "clients = 30\nwarm-up = 20s\nnetworks = 200\n");
	fclose(f);
	ck_assert_msg(!scenario_read(&sc, file, NULL, 0, why), "%s", why);
	unlink(file);
	ck_assert_msg(!service_init(&s, &sc, 12, 0, TABLE_FULL, 9, why), "%s", why);
	ck_assert_msg(!service_form(&s, why), "%s", why);
}

START_TEST(test_service)
{
	uint64_t before, events;

	make();
	before = allocations;
	events = s.world.n_delivered;
	service_run(&s, s.world.now + 120 * SEC);
	events = s.world.n_delivered - events;
	ck_assert_uint_ge(events, 50000);
	ck_assert_uint_le(allocations - before, events / 5);
	service_fini(&s);
	scenario_free(&sc);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_loop_test(c, test_engine, 0, 2);
	tcase_add_test(c, test_service);
}

int main(void)
{
	return crypto_init() ? EXIT_FAILURE : suite_main("steady", fill);
}
