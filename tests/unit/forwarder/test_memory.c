/*
 * Memory runs out: whichever single allocation fails while a client's packet is on its
 * way and its group is looked up, that packet may be lost, but nothing breaks, nothing
 * leaks, and the service is there again a moment later.
 */
#include "tests/fixture/memory.h"

#include "tests/fixture/service.h"
#include "tests/fixture/suite.h"

#define NTH_MAX 300 /* none of the steps below allocates that often */

static void setup(void)
{
	svc_start(8);
	svc_run(10 * SEC);
}

static void teardown(void)
{
	svc_stop();
}

static void ask(int place, uint16_t port)
{
	struct ip_spec s = {.family = 4, .src = "192.0.2.200", .dst = "198.18.0.1"};
	uint8_t buf[100];

	svc_client(place, buf, ip_udp(buf, &s, 4000, port, 20));
}

static bool is_served(int place, uint16_t port)
{
	unsigned before = svc_server(0)->n_served;

	ask(place, port);
	svc_run(500 * MSEC);
	return svc_server(0)->n_served > before;
}

/*
 * One fails, or all for two seconds. Each port is a group that nobody has asked for yet,
 * and all belong to one server.
 */
START_TEST(test_lookup)
{
	unsigned nth = 0;
	bool has_failed;

	svc_add_server(0, 5, ENCAP_GUE, "198.18.0.1");
	svc_run(5 * SEC);
	ck_assert_int_eq(svc_server(0)->state[0], AGENT_JOINED);
	do {
		int place = svc.node[nth % 8].place;
		uint16_t port = (uint16_t)(1000 + nth);

		ck_assert_uint_lt(++nth, NTH_MAX);
		memory_fail(nth, _i);
		ask(place, port);
		svc_run(2 * SEC);
		has_failed = memory_end();
		svc_run(20 * SEC);
		ck_assert_msg(is_served(place, port), "allocation %u", nth);
		ck_assert_msg(is_served(place, port), "allocation %u, again", nth);
	} while (has_failed);
	ck_assert_uint_gt(nth, 50);
}
END_TEST

/* The same while a server joins, which is entered and copied, and told to who asked. */
START_TEST(test_join)
{
	unsigned nth = 0;
	bool has_failed;

	svc_add_server(0, 5, ENCAP_GUE, "198.18.0.1");
	svc_run(5 * SEC);
	do {
		int place = svc.node[nth % 8].place;

		ck_assert_uint_lt(++nth, NTH_MAX);
		ck_assert(is_served(place, 1000));
		svc_add_server(1, 135, ENCAP_GUE, "198.18.0.1");
		memory_fail(nth, _i);
		svc_run(1 * SEC);
		has_failed = memory_end();
		svc_run(20 * SEC);
		ck_assert_msg(svc_server(1)->state[0] == AGENT_JOINED, "allocation %u",
			      nth);
		ck_assert_msg(is_served(5, (uint16_t)(1000 + nth)), "allocation %u", nth);
		svc_kill(svc_server(1));
		svc_run(5 * SEC);
	} while (has_failed);
	ck_assert_uint_gt(nth, 50);
}
END_TEST

static void fill(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, test_lookup, 0, 2);
	tcase_add_loop_test(tc, test_join, 0, 2);
}

int main(void)
{
	return suite_main("memory", fill);
}
