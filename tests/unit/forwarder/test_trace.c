/* `trace` says what a packet would meet, and changes nothing. */
#include <stdio.h>

#include "tests/fixture/ap.h"

#include "tests/fixture/suite.h"

static uint8_t buf[2000];
static struct trace tr;

static void setup(void)
{
	ap_start(64);
}

static int trace(const char *client, const char *group)
{
	struct addr a = ip_addr(client);
	struct group_name g = ap_name(group);

	return forward_trace(ap.f, &a, &g, &tr);
}

static void routes(void)
{
	struct target t[2] = {ap_target(1, "203.0.113.1", ENCAP_GUE),
			      ap_target(2, "203.0.113.2", ENCAP_GUE)};

	ap_route("198.18.0.1:53/udp", t, 2);
	ap_route("198.18.0.2", &t[1], 1);
	ap_negative("198.18.0.2:53/udp");
	ap_negative("198.18.0.3:53/udp");
	ap_negative("198.18.0.3");
}

START_TEST(test_cached)
{
	struct ip_spec s = {.family = 4, .src = "192.0.2.9", .dst = "198.18.0.1"};
	unsigned i;

	routes();
	for (i = 0; i < 20; i++) {
		char from[ADDR_STR_MAX];

		snprintf(from, sizeof(from), "192.0.2.9:%u", 1000 + i);
		ck_assert_int_eq(trace(from, "198.18.0.1:53/udp"), 0);
		ck_assert_int_eq(tr.step, TRACE_CACHED);
		ck_assert(tr.has_target && !tr.by_flow && !tr.sender_skipped);
		ck_assert(id_eq(&tr.rendezvous.id, &ap.owner.id));
		ck_assert_int_eq(ap.n_events, 0);
		/* and the packet does go there */
		ap_packet(buf, ip_udp(buf, &s, (uint16_t)(1000 + i), 53, 9));
		ck_assert(addr_eq(&ap_only(TUNNEL)->tunnel.to, &tr.target.to));
		ck_assert_int_eq(trace(from, "198.18.0.1:53/udp"), 0);
		ck_assert(tr.by_flow);
		ap_forget();
	}
	ck_assert_uint_eq(ap_counter(packets_in), 20);
}
END_TEST

START_TEST(test_steps)
{
	static const struct {
		const char *group;
		enum select_result exact, wide;
		enum trace_step step;
		bool has_target, is_wide;
	} t[] = {
		{"198.18.0.2:53/udp", 0, 0, TRACE_CACHED, true, true},
		{"198.18.0.2", 0, 0, TRACE_CACHED, true, true},
		{"198.18.0.3:53/udp", 0, 0, TRACE_NEGATIVE, false, false},
		{"203.0.113.1:53/udp", 0, 0, TRACE_NO_PREFIX, false, false},
		{"198.18.0.9:53/udp", SELECT_OK, 0, TRACE_LOCAL, true, false},
		{"198.18.0.9:53/udp", SELECT_NO_MEMBER, 0, TRACE_LOCAL, false, false},
		{"198.18.0.9:53/udp", SELECT_NOT_OURS, 0, TRACE_RENDEZVOUS, false, false},
		{"198.18.0.9:53/udp", SELECT_NO_GROUP, SELECT_OK, TRACE_LOCAL, true,
		 true},
		{"198.18.0.9:53/udp", SELECT_NO_GROUP, SELECT_NOT_OURS, TRACE_RENDEZVOUS,
		 false, true},
		{"198.18.0.9:53/udp", SELECT_NO_GROUP, SELECT_NO_GROUP, TRACE_NEGATIVE,
		 false, true},
	};

	routes();
	ap.exact = t[_i].exact;
	ap.wide = t[_i].wide;
	ck_assert_int_eq(trace("192.0.2.9:1000", t[_i].group), 0);
	ck_assert_int_eq(tr.step, t[_i].step);
	ck_assert(tr.has_target == t[_i].has_target);
	ck_assert(group_name_is_wide(&tr.group) == t[_i].is_wide);
	ck_assert_int_eq(ap.n_events, 0);
}
END_TEST

START_TEST(test_sender)
{
	routes();
	ck_assert_int_eq(trace("203.0.113.2", "198.18.0.2"), 0);
	ck_assert(tr.sender_skipped && !tr.has_target);
}
END_TEST

START_TEST(test_refused)
{
	ck_assert_int_eq(trace("2001:db8::9", "198.18.0.1"), PIAS_EINVALID);
	ck_assert_int_eq(trace("127.0.0.1", "198.18.0.1"), PIAS_EINVALID);
	ap.owner_err = PIAS_ENOTREADY;
	ck_assert_int_eq(trace("192.0.2.9", "198.18.0.1"), PIAS_ENOTREADY);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, ap_stop);
	tcase_add_test(c, test_cached);
	tcase_add_loop_test(c, test_steps, 0, 10);
	tcase_add_test(c, test_sender);
	tcase_add_test(c, test_refused);
}

int main(void)
{
	return suite_main("trace", fill);
}
