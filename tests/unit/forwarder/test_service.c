/*
 * The service as its users see it, all layers at work: servers join, clients reach the
 * nearest one, three hops first and then two, and nobody notices who leaves or dies.
 */
#include "tests/fixture/service.h"

#include "tests/fixture/suite.h"

#define GROUP "198.18.0.1:53/udp"

static uint8_t buf[2000];

static void setup(void)
{
	unsigned i;

	svc_start(8);
	svc_run(10 * SEC);
	for (i = 0; i < 8; i++)
		ck_assert(svc.node[i].is_ready);
}

static void teardown(void)
{
	svc_stop();
}

static void ask_port(int place, uint16_t sport, uint16_t dport)
{
	struct ip_spec s = {.family = 4, .src = "192.0.2.200", .dst = "198.18.0.1"};

	svc_client(place, buf, ip_udp(buf, &s, sport, dport, 20));
}

/* Which server got the one packet sent from there; -1 = none, -2 = several. */
static int who_serves(int place, uint16_t sport)
{
	unsigned before[SVC_SERVERS];
	int i, who = -1;

	for (i = 0; i < SVC_SERVERS; i++)
		before[i] = svc_server((unsigned)i)->n_served;
	ask_port(place, sport, 53);
	svc_run(SEC);
	for (i = 0; i < SVC_SERVERS; i++) {
		if (svc_server((unsigned)i)->n_served == before[i])
			continue;
		who = who == -1 && svc_server((unsigned)i)->n_served == before[i] + 1
			      ? i
			      : -2;
	}
	return who;
}

/* Two servers, at both ends of the line. */
static void join_two(void)
{
	svc_add_server(0, 5, ENCAP_GUE, GROUP);
	svc_add_server(1, 135, ENCAP_IPIP, GROUP);
	svc_run(5 * SEC);
	ck_assert_int_eq(svc_server(0)->state[0], AGENT_JOINED);
	ck_assert_int_eq(svc_server(1)->state[0], AGENT_JOINED);
}

static uint64_t two(void)
{
	return svc_total(COUNTER_packets_two_hops);
}

static uint64_t three(void)
{
	return svc_total(COUNTER_packets_three_hops);
}

/* An AP that has no copy of the group, as only 3 of 8 have one. */
static unsigned far_from(const char *group)
{
	struct group_name name;
	struct contact holder[3];
	unsigned i, k, n;
	struct id key;

	ck_assert_int_eq(group_name_parse(group, &name), 0);
	group_name_key(&name, &key);
	n = overlay_owners(svc.node[0].proxy.overlay, &key, holder, 3);
	ck_assert_uint_eq(n, 3);
	for (i = 0; i < 8; i++) {
		struct id id = svc_id(i);

		for (k = 0; k < n && !id_eq(&holder[k].id, &id); k++)
			;
		if (k == n)
			return i;
	}
	ck_abort_msg("no such AP");
	return 0;
}

static unsigned owner_of(const char *group)
{
	struct group_name name;
	struct contact holder[1];
	struct id key, id;
	unsigned i;

	ck_assert_int_eq(group_name_parse(group, &name), 0);
	group_name_key(&name, &key);
	for (i = 0; i < 8 && !svc.node[i].is_running; i++)
		;
	ck_assert_uint_eq(overlay_owners(svc.node[i].proxy.overlay, &key, holder, 1), 1);
	for (i = 0; i < 8; i++) {
		id = svc_id(i);
		if (id_eq(&holder[0].id, &id))
			return i;
	}
	ck_abort_msg("no such AP");
	return 0;
}

START_TEST(test_hops)
{
	int place;
	uint64_t had;

	join_two();
	place = svc.node[far_from(GROUP)].place;
	had = two();
	ck_assert_int_ge(who_serves(place, 1000), 0);
	ck_assert_uint_eq(three(), 1);
	ck_assert_uint_eq(two(), had);
	ck_assert_int_ge(who_serves(place, 1000), 0);
	ck_assert_int_ge(who_serves(place, 1001), 0);
	ck_assert_uint_eq(three(), 1);
	ck_assert_uint_eq(two(), had + 2);
}
END_TEST

START_TEST(test_nearest)
{
	int i;

	join_two();
	svc_run(60 * SEC); /* coordinates settle */
	for (i = 0; i < 3; i++) {
		int first = who_serves(i * 20, 1000),
		    other = who_serves(140 - i * 20, 1001);

		ck_assert_int_eq(first, 0);
		ck_assert_int_eq(other, 1);
		ck_assert_int_eq(who_serves(i * 20, 1000), 0);
		ck_assert_int_eq(who_serves(140 - i * 20, 1001), 1);
	}
}
END_TEST

/* The first packet's choice, made elsewhere, holds for the rest of its flow. */
START_TEST(test_flow_stays)
{
	unsigned i;
	int place, who;

	join_two();
	place = svc.node[far_from(GROUP)].place;
	who = who_serves(place, 1000);
	ck_assert_int_ge(who, 0);
	svc_add_server(2, place, ENCAP_GUE, GROUP); /* the nearest by far */
	svc_run(5 * SEC);
	ck_assert_int_eq(svc_server(2)->state[0], AGENT_JOINED);
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(who_serves(place, 1000), who);
	ck_assert_int_eq(who_serves(place, 2000), 2);
}
END_TEST

START_TEST(test_unknown_group)
{
	ask_port(20, 1000, 99);
	svc_run(2 * SEC);
	ask_port(20, 1000, 99);
	svc_run(2 * SEC);
	ck_assert_uint_eq(svc_total(COUNTER_drop_no_group), 2);
	ck_assert_uint_eq(svc_total(COUNTER_packets_out), 0);
}
END_TEST

/* A whole address serves every port, and echo requests; an exact group goes first. */
START_TEST(test_wide)
{
	struct ip_spec s = {.family = 4, .src = "192.0.2.200", .dst = "198.18.0.1"};
	unsigned i;

	svc_add_server(0, 5, ENCAP_GUE, "198.18.0.1");
	svc_run(5 * SEC);
	ck_assert_int_eq(svc_server(0)->state[0], AGENT_JOINED);
	for (i = 0; i < 8; i++) {
		ask_port((int)i * 20, 1000, (uint16_t)(100 + i));
		svc_client((int)i * 20, buf, ip_icmp(buf, &s, 8, 0, i, "abc", 3));
	}
	svc_run(SEC);
	ck_assert_uint_eq(svc_server(0)->n_served, 16);
	svc_add_server(1, 5, ENCAP_GUE, GROUP);
	svc_run(5 * SEC);
	for (i = 0; i < 8; i++)
		ck_assert_int_eq(who_serves((int)i * 20, 1000), 1);
	ask_port(20, 1000, 54);
	svc_run(SEC);
	ck_assert_uint_eq(svc_server(0)->n_served, 17);
}
END_TEST

/* A server that dies is noticed by its AP; its clients go to the other. */
START_TEST(test_server_dies)
{
	int place, who;

	join_two();
	place = svc.node[far_from(GROUP)].place;
	who = who_serves(place, 1000);
	ck_assert_int_ge(who, 0);
	svc_kill(svc_server((unsigned)who));
	svc_run(3 * SEC);
	ck_assert_int_eq(who_serves(place, 1000), !who);
	ck_assert_int_eq(who_serves(place, 1001), !who);
}
END_TEST

/* A server that leaves is gone from everywhere at once. */
START_TEST(test_server_leaves)
{
	int place, who;

	join_two();
	place = svc.node[far_from(GROUP)].place;
	who = who_serves(place, 1000);
	ck_assert_int_ge(who, 0);
	agent_leave(svc_server((unsigned)who)->agent);
	env_settle(&svc_server((unsigned)who)->env);
	svc_run(SEC);
	ck_assert_int_eq(svc_server((unsigned)who)->state[0], AGENT_LEFT);
	ck_assert_int_eq(who_serves(place, 1000), !who);
}
END_TEST

/* Cached groups do not feel the loss of their rendezvous AP; others soon do not. */
START_TEST(test_rendezvous_dies)
{
	unsigned owner, far, i;
	int place, who;

	join_two();
	far = far_from(GROUP);
	owner = owner_of(GROUP);
	ck_assert_uint_ne(far, owner);
	place = svc.node[far].place;
	who = who_serves(place, 1000);
	ck_assert_int_ge(who, 0);
	svc_kill(&svc.node[owner]);
	for (i = 0; i < 10; i++)
		ck_assert_int_eq(who_serves(place, 1000), who);
	svc_run(10 * SEC);
	for (i = 0; i < 8; i++)
		if (i != owner)
			ck_assert_int_ge(who_serves(svc.node[i].place, 2000), 0);
	svc_run(60 * SEC); /* leases live on, with the successor */
	ck_assert_int_eq(svc_server(0)->state[0], AGENT_JOINED);
	ck_assert_int_eq(svc_server(1)->state[0], AGENT_JOINED);
	ck_assert_int_ge(who_serves(place, 3000), 0);
}
END_TEST

/* An AP that leaves loses no packet: withdrawn first, and forwarding on. */
START_TEST(test_ap_leaves)
{
	unsigned owner, i, sent = 0, served;
	int place;

	join_two();
	owner = owner_of(GROUP);
	place = svc.node[far_from(GROUP)].place;
	ck_assert_int_ge(who_serves(place, 1000), 0);
	served = svc_server(0)->n_served + svc_server(1)->n_served;
	for (i = 0; i < 400; i++) {
		if (i == 100)
			proxy_leave(&svc.node[owner].proxy);
		if (i == 300)
			svc_kill(&svc.node[owner]);
		ask_port(place, (uint16_t)(2000 + i), 53);
		sent++;
		svc_run(20 * MSEC);
	}
	svc_run(SEC);
	ck_assert_uint_eq(svc_server(0)->n_served + svc_server(1)->n_served - served,
			  sent);
	for (i = 0; i < 8; i++)
		if (i != owner)
			ck_assert_int_ge(who_serves(svc.node[i].place, 3000), 0);
}
END_TEST

/* Same seed, same run: nothing depends on addresses or hash order. */
START_TEST(test_deterministic)
{
	static struct counters first[8];
	unsigned i, round;

	for (round = 0; round < 2; round++) {
		join_two();
		for (i = 0; i < 8; i++)
			ask_port((int)i * 20, 1000, 53);
		svc_run(20 * SEC);
		for (i = 0; i < 8; i++) {
			if (round)
				ck_assert_mem_eq(&first[i], &svc.node[i].env.counters,
						 sizeof(first[i]));
			first[i] = svc.node[i].env.counters;
		}
		if (!round) {
			svc_stop();
			setup();
		}
	}
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_hops);
	tcase_add_test(c, test_nearest);
	tcase_add_test(c, test_flow_stays);
	tcase_add_test(c, test_unknown_group);
	tcase_add_test(c, test_wide);
	tcase_add_test(c, test_server_dies);
	tcase_add_test(c, test_server_leaves);
	tcase_add_test(c, test_rendezvous_dies);
	tcase_add_test(c, test_ap_leaves);
	tcase_add_test(c, test_deterministic);
}

int main(void)
{
	return suite_main("service", fill);
}
