/* The rendezvous AP's answers to updates: order, leases, health, limits, words. */
#include "tests/fixture/fake_ring.h"
#include "tests/fixture/suite.h"

static struct fake_ring ring;
static struct group_name name; /* AP 2 owns it; AP 0 is nobody to it */

static void setup(void)
{
	ring_start(&ring, 6);
	name = ring_name_at(&ring, 2, 0);
}

static void teardown(void)
{
	ring_free(&ring);
}

static int update(unsigned ap, enum membership_op op, unsigned server, uint64_t seq)
{
	return ring_update(&ring.ap[ap], op, &name, server, seq)->err;
}

static uint64_t counted(enum counter c)
{
	uint64_t n = 0;
	unsigned i;

	for (i = 0; i < ring.n; i++)
		if (ring.ap[i].is_up)
			n += ring.ap[i].env.counters.v[c];
	return n;
}

START_TEST(test_join_is_copied_before_it_is_answered)
{
	const struct ring_done *d =
		ring_update(&ring.ap[0], MEMBERSHIP_JOIN, &name, 1, 7);

	ck_assert_int_eq(d->err, 0);
	ck_assert_uint_eq(d->cookie, 7);
	ck_assert_uint_eq(d->seq, 7);
	ck_assert_int_eq(d->lease, 30 * SEC);
	ck_assert_str_eq(d->reason, "");
	ck_assert_uint_eq(ring_n_copies(&ring, &name, 1), 3);
	ck_assert(ring_has(&ring.ap[2], &name, 1));
	ck_assert(id_eq(&ring_member(&ring.ap[2], &name, 1)->join_ap->contact.id,
			&ring.ap[0].self.id));
	/* There, to the replicas, back, back: no wait in between. */
	ck_assert_int_eq(d->at, ring.now);
}
END_TEST

START_TEST(test_join_at_the_owner_itself)
{
	ck_assert_int_eq(update(2, MEMBERSHIP_JOIN, 1, 7), 0);
	ck_assert_uint_eq(ring_n_copies(&ring, &name, 1), 3);
}
END_TEST

/* A replica that never answers delays the join by COPY_WAIT and no more. */
START_TEST(test_silent_replica)
{
	struct membership_request q = ring_request(MEMBERSHIP_JOIN, &name, 1, 7);
	pias_time before = ring.now;

	ring.lose_type = MSG_RECORDS_ACK;
	ring.lose_n = 1;
	ck_assert_int_eq(ring_do(&ring.ap[2], &q)->err, 0);
	ck_assert_int_eq(ring.now - before, COPY_WAIT);
}
END_TEST

static const unsigned orders[24][4] = {
	{0, 1, 2, 3}, {0, 1, 3, 2}, {0, 2, 1, 3}, {0, 2, 3, 1}, {0, 3, 1, 2},
	{0, 3, 2, 1}, {1, 0, 2, 3}, {1, 0, 3, 2}, {1, 2, 0, 3}, {1, 2, 3, 0},
	{1, 3, 0, 2}, {1, 3, 2, 0}, {2, 0, 1, 3}, {2, 0, 3, 1}, {2, 1, 0, 3},
	{2, 1, 3, 0}, {2, 3, 0, 1}, {2, 3, 1, 0}, {3, 0, 1, 2}, {3, 0, 2, 1},
	{3, 1, 0, 2}, {3, 1, 2, 0}, {3, 2, 0, 1}, {3, 2, 1, 0},
};

/* Whatever arrives when: the last word of the server counts, at all three. */
static void check_order(const enum membership_op op[4], const unsigned order[4])
{
	bool is_live = op[3] != MEMBERSHIP_LEAVE;
	const struct member *m;
	uint64_t highest = 0;
	unsigned i, seq;

	for (i = 0; i < 4; i++) {
		seq = order[i] + 1;
		ck_assert_int_eq(update(order[i] % 2, op[order[i]], 1, seq),
				 seq > highest ? 0 : PIAS_EREPLAY);
		if (seq > highest)
			highest = seq;
		ck_assert_uint_eq(ring_last(&ring.ap[order[i] % 2])->seq, highest);
	}
	ring_run(&ring, COPY_PERIOD + SEC);
	ck_assert_uint_eq(ring_n_copies(&ring, &name, 1), is_live ? 3 : 0);
	m = ring_member(&ring.ap[2], &name, 1);
	ck_assert_ptr_nonnull(m);
	ck_assert_uint_eq(m->seq, 4);
	ck_assert_uint_eq(ring_group(&ring.ap[2], &name)->n_live, is_live);
}

START_TEST(test_every_order_ending_in_a_leave)
{
	static const enum membership_op op[4] = {MEMBERSHIP_JOIN, MEMBERSHIP_REFRESH,
						 MEMBERSHIP_REFRESH, MEMBERSHIP_LEAVE};

	check_order(op, orders[_i]);
}
END_TEST

START_TEST(test_every_order_with_a_leave_in_between)
{
	static const enum membership_op op[4] = {MEMBERSHIP_JOIN, MEMBERSHIP_REFRESH,
						 MEMBERSHIP_LEAVE, MEMBERSHIP_JOIN};

	check_order(op, orders[_i]);
}
END_TEST

START_TEST(test_the_same_again)
{
	uint64_t version;
	pias_time ends;

	ck_assert_int_eq(update(0, MEMBERSHIP_JOIN, 1, 7), 0);
	version = ring_group(&ring.ap[2], &name)->version;
	ends = ring_member(&ring.ap[2], &name, 1)->lease.ends;
	ring_run(&ring, 5 * SEC);
	ck_assert_int_eq(update(0, MEMBERSHIP_JOIN, 1, 7), 0);
	ck_assert_int_eq(ring_member(&ring.ap[2], &name, 1)->lease.ends, ends);
	ck_assert_uint_eq(ring_group(&ring.ap[2], &name)->version, version);
	ck_assert_uint_eq(ring_group(&ring.ap[2], &name)->n_members, 1);
}
END_TEST

START_TEST(test_lease_ends)
{
	ck_assert_int_eq(update(0, MEMBERSHIP_JOIN, 1, 7), 0);
	ring_run(&ring, 29 * SEC);
	ck_assert_uint_eq(ring_n_copies(&ring, &name, 1), 3);
	ring_run(&ring, 1 * SEC + LEASE_GRAIN);
	ck_assert(!ring_has(&ring.ap[2], &name, 1));
	ck_assert_uint_eq(counted(COUNTER_leases_expired), 1);
	ring_run(&ring, 2 * SEC);
	ck_assert_uint_eq(ring_n_copies(&ring, &name, 1), 0);
	/* The delayed refresh of a dead server does not revive it; its next does. */
	ck_assert_int_eq(update(0, MEMBERSHIP_REFRESH, 1, 6), PIAS_EREPLAY);
	ck_assert_int_eq(update(0, MEMBERSHIP_REFRESH, 1, 8), 0);
	ck_assert_uint_eq(ring_n_copies(&ring, &name, 1), 3);
}
END_TEST

START_TEST(test_refreshes_keep_the_lease)
{
	uint64_t seq, version;

	ck_assert_int_eq(update(0, MEMBERSHIP_JOIN, 1, 1), 0);
	version = ring_group(&ring.ap[2], &name)->version;
	for (seq = 2; seq < 10; seq++) {
		ring_run(&ring, 10 * SEC);
		ck_assert_int_eq(update(0, MEMBERSHIP_REFRESH, 1, seq), 0);
	}
	ck_assert_uint_eq(ring_n_copies(&ring, &name, 1), 3);
	ck_assert_uint_eq(counted(COUNTER_leases_expired), 0);
	ck_assert_uint_eq(ring_group(&ring.ap[2], &name)->version, version);
}
END_TEST

START_TEST(test_lease_wish)
{
	static const struct {
		pias_time wish, granted;
	} t[] = {
		{0, 30 * SEC},
		{5 * SEC, 5 * SEC},
		{1 * MSEC, LEASE_MIN},
		{2 * LEASE_WISH_MAX, LEASE_WISH_MAX},
	};
	struct membership_request q = ring_request(MEMBERSHIP_JOIN, &name, 1, 7);

	q.lease = t[_i].wish;
	ck_assert_int_eq(ring_do(&ring.ap[0], &q)->lease, t[_i].granted);
	ck_assert_int_le(ring_member(&ring.ap[2], &name, 1)->lease.ends,
			 ring.now + t[_i].granted);
	ck_assert_int_ge(ring_member(&ring.ap[2], &name, 1)->lease.ends,
			 ring.now + t[_i].granted - 100 * MSEC);
}
END_TEST

START_TEST(test_tombstone_and_group_are_forgotten)
{
	ck_assert_int_eq(update(0, MEMBERSHIP_JOIN, 1, 7), 0);
	ck_assert_int_eq(update(0, MEMBERSHIP_LEAVE, 1, 8), 0);
	ck_assert_uint_eq(ring_n_copies(&ring, &name, 1), 0);
	ring_run(&ring, TOMBSTONE_TIME - SEC);
	ck_assert_int_eq(update(1, MEMBERSHIP_REFRESH, 1, 7), PIAS_EREPLAY);
	ck_assert_ptr_nonnull(ring_group(&ring.ap[2], &name));
	ring_run(&ring, 3 * SEC);
	ck_assert_ptr_null(ring_group(&ring.ap[2], &name));
	ck_assert_uint_eq(ring.ap[2].rv->owner.groups.n_members, 0);
}
END_TEST

START_TEST(test_join_needs_a_group)
{
	struct membership_request q = ring_request(MEMBERSHIP_JOIN, &name, 1, 7);

	q.create = false;
	ck_assert_int_eq(ring_do(&ring.ap[0], &q)->err, PIAS_ENOTFOUND);
	ck_assert_str_eq(ring_last(&ring.ap[0])->reason, "no such group; use --create");
	ck_assert_ptr_null(ring_group(&ring.ap[2], &name));
	ck_assert_int_eq(update(0, MEMBERSHIP_JOIN, 2, 7), 0);
	ck_assert_int_eq(ring_do(&ring.ap[0], &q)->err, 0);
	ck_assert_uint_eq(ring_group(&ring.ap[2], &name)->n_live, 2);
}
END_TEST

START_TEST(test_unknown_policy)
{
	struct membership_request q = ring_request(MEMBERSHIP_JOIN, &name, 1, 7);

	q.policy = 9;
	ck_assert_int_eq(ring_do(&ring.ap[0], &q)->err, PIAS_EINVALID);
	ck_assert_ptr_nonnull(strstr(ring_last(&ring.ap[0])->reason, "policy"));
	ck_assert_ptr_null(ring_group(&ring.ap[2], &name));
}
END_TEST

/* The ticket proves that it was admitted: everything else can be rebuilt from it. */
START_TEST(test_refresh_rebuilds_what_was_lost)
{
	ck_assert_int_eq(update(0, MEMBERSHIP_REFRESH, 1, 7), 0);
	ck_assert_uint_eq(ring_n_copies(&ring, &name, 1), 3);
}
END_TEST

static struct membership_request health(unsigned server, uint64_t seq, uint32_t stamp,
					uint8_t flags)
{
	struct membership_request q = ring_request(MEMBERSHIP_HEALTH, &name, server, seq);

	q.member.stamp = stamp;
	q.member.flags = flags;
	return q;
}

START_TEST(test_health)
{
	struct membership_request down = health(1, 7, 1, 0),
				  up = health(1, 7, 2, MEMBER_UP);
	pias_time ends;

	ck_assert_int_eq(ring_do(&ring.ap[0], &down)->err, PIAS_ENOTFOUND);
	ck_assert_int_eq(update(0, MEMBERSHIP_JOIN, 1, 7), 0);
	ends = ring_member(&ring.ap[2], &name, 1)->lease.ends;
	ring_run(&ring, 5 * SEC);
	ck_assert_int_eq(ring_do(&ring.ap[0], &down)->err, 0);
	ck_assert(!member_is_eligible(ring_member(&ring.ap[2], &name, 1)));
	ck_assert_uint_eq(ring_n_copies(&ring, &name, 1), 3);
	ck_assert_int_eq(ring_member(&ring.ap[2], &name, 1)->lease.ends, ends);
	ck_assert_int_eq(ring_do(&ring.ap[0], &up)->err, 0);
	ck_assert(member_is_eligible(ring_member(&ring.ap[2], &name, 1)));
	/* An old report, overtaken by a refresh. */
	ck_assert_int_eq(update(0, MEMBERSHIP_REFRESH, 1, 8), 0);
	down.member.stamp = 9;
	ck_assert_int_eq(ring_do(&ring.ap[0], &down)->err, PIAS_EREPLAY);
	ck_assert(member_is_eligible(ring_member(&ring.ap[2], &name, 1)));
	ck_assert_uint_eq(counted(COUNTER_drop_refresh_old), 1);
}
END_TEST

START_TEST(test_only_the_join_ap_speaks_for_health)
{
	struct membership_request down = health(1, 8, 1, 0);

	ck_assert_int_eq(update(0, MEMBERSHIP_JOIN, 1, 7), 0);
	ck_assert_int_eq(update(1, MEMBERSHIP_REFRESH, 1, 8), 0);
	ring_run(&ring, SEC);
	ck_assert_uint_eq(ring.ap[0].n_moved, 1);
	ck_assert_uint_eq(ring.ap[1].n_moved, 0);
	ck_assert(id_eq(&ring.ap[0].moved_to, &ring.ap[1].self.id));
	ck_assert_int_eq(ring_do(&ring.ap[0], &down)->err, PIAS_EREPLAY);
	ring_run(&ring, SEC);
	ck_assert_uint_eq(ring.ap[0].n_moved, 2);
	ck_assert(member_is_eligible(ring_member(&ring.ap[2], &name, 1)));
}
END_TEST

START_TEST(test_unmeasured_refresh_keeps_the_rtt)
{
	struct membership_request q = ring_request(MEMBERSHIP_REFRESH, &name, 1, 8);

	ck_assert_int_eq(update(0, MEMBERSHIP_JOIN, 1, 7), 0);
	q.member.rtt_us = 0;
	ck_assert_int_eq(ring_do(&ring.ap[0], &q)->err, 0);
	ck_assert_uint_eq(ring_member(&ring.ap[2], &name, 1)->rtt_us, 1000);
	/* Another join AP's is another way. */
	q.member.seq++;
	ck_assert_int_eq(ring_do(&ring.ap[1], &q)->err, 0);
	ck_assert_uint_eq(ring_member(&ring.ap[2], &name, 1)->rtt_us, 0);
}
END_TEST

START_TEST(test_limits)
{
	struct groups_limits *l = &ring.ap[2].rv->owner.groups.limits;
	struct group_name second = ring_name_at(&ring, 2, 1);
	const struct ring_done *d;

	*l = (struct groups_limits){
		.max_groups = 1, .max_members = 2, .max_group_members = 9};
	ck_assert_int_eq(update(0, MEMBERSHIP_JOIN, 1, 1), 0);
	d = ring_update(&ring.ap[0], MEMBERSHIP_JOIN, &second, 1, 1);
	ck_assert_int_eq(d->err, PIAS_EFULL);
	ck_assert_ptr_nonnull(strstr(d->reason, "(max-groups)"));
	ck_assert_int_eq(update(0, MEMBERSHIP_JOIN, 2, 1), 0);
	ck_assert_int_eq(update(0, MEMBERSHIP_JOIN, 3, 1), PIAS_EFULL);
	ck_assert_ptr_nonnull(strstr(ring_last(&ring.ap[0])->reason, "(max-groups)"));
	l->max_groups = 9;
	ck_assert_int_eq(update(0, MEMBERSHIP_JOIN, 3, 1), PIAS_EFULL);
	ck_assert_ptr_nonnull(strstr(ring_last(&ring.ap[0])->reason, "(max-members)"));
	l->max_members = 9;
	l->max_group_members = 2;
	ck_assert_int_eq(update(0, MEMBERSHIP_JOIN, 3, 1), PIAS_EFULL);
	ck_assert_ptr_nonnull(
		strstr(ring_last(&ring.ap[0])->reason, "(max-group-members)"));
	ck_assert_uint_eq(ring.ap[2].env.counters.v[COUNTER_drop_group_full], 1);
	ck_assert_uint_eq(ring.ap[2].env.counters.v[COUNTER_drop_member_full], 3);
	/* Who is in may stay. */
	ck_assert_int_eq(update(0, MEMBERSHIP_REFRESH, 2, 2), 0);
	ck_assert_uint_eq(ring_group(&ring.ap[2], &name)->n_members, 2);
	/* Who leaves makes room at once, tombstone or not; and for one only. */
	ck_assert_int_eq(update(0, MEMBERSHIP_LEAVE, 1, 2), 0);
	ck_assert_int_eq(update(0, MEMBERSHIP_JOIN, 3, 1), 0);
	ck_assert_int_eq(update(0, MEMBERSHIP_JOIN, 4, 1), PIAS_EFULL);
	ck_assert_uint_eq(ring_group(&ring.ap[2], &name)->n_members, 2);
	ck_assert_uint_eq(ring_group(&ring.ap[2], &name)->n_live, 2);
}
END_TEST

/* R5: the owner crashes with the join on its way; its successor serves the retry. */
START_TEST(test_owner_crash_under_a_join)
{
	struct membership_request q = ring_request(MEMBERSHIP_JOIN, &name, 1, 7);
	struct overlay *o = &ring.ap[0];

	ring_ask(o, &q);
	ring_run(&ring, (pias_time)_i * MSEC);
	ring_crash(&ring.ap[2]);
	ring_run(&ring, 500 * MSEC);
	ring_notice(&ring, PEER_DEAD);
	ring_run(&ring, 1 * SEC);
	ck_assert_uint_eq(o->n_done, 1);
	ck_assert_int_eq(ring_last(o)->err, 0);
	ck_assert(ring_has(ring_owner_of(&ring, &name), &name, 1));
}
END_TEST

START_TEST(test_nobody_answers)
{
	struct membership_request q = ring_request(MEMBERSHIP_JOIN, &name, 1, 7);
	pias_time before = ring.now;

	ring_crash(&ring.ap[2]);
	ck_assert_int_eq(ring_do(&ring.ap[0], &q)->err, PIAS_ETIMEOUT);
	ck_assert_int_eq(ring.now - before, MEMBERSHIP_TRIES * MEMBERSHIP_TRY);
	ck_assert_uint_gt(strlen(ring_last(&ring.ap[0])->reason), 10);
}
END_TEST

START_TEST(test_alone)
{
	struct group_name g;

	ring_free(&ring);
	ring_start(&ring, 1);
	g = ring_name_at(&ring, 0, 0);
	ck_assert_int_eq(ring_update(&ring.ap[0], MEMBERSHIP_JOIN, &g, 1, 1)->err, 0);
	ck_assert(ring_has(&ring.ap[0], &g, 1));
	ck_assert(rendezvous_is_ready(ring.ap[0].rv));
}
END_TEST

static enum select_result choose(unsigned at, const struct addr *src, struct target *out)
{
	const struct overlay *in = &ring.ap[0];

	return rendezvous_select(ring.ap[at].rv, &name, &in->self.id, &in->coord, src, 0,
				 out);
}

START_TEST(test_single_packets)
{
	struct addr client = addr_v4((uint8_t[]){198, 51, 100, 1}, 0), server1, server2;
	struct target t;
	unsigned i, n_ours = 0;

	ck_assert_int_eq(choose(2, &client, &t), SELECT_NO_GROUP);
	ck_assert_int_eq(choose(0, &client, &t), SELECT_NOT_OURS);
	ck_assert_int_eq(update(4, MEMBERSHIP_JOIN, 1, 1), 0);
	ck_assert_int_eq(update(1, MEMBERSHIP_JOIN, 2, 1), 0);
	server1 = ring_member(&ring.ap[2], &name, 1)->unicast;
	server2 = ring_member(&ring.ap[2], &name, 2)->unicast;
	/* Server 2 joined through the AP next to AP 0. */
	for (i = 0; i < ring.n; i++) {
		enum select_result r = choose(i, &client, &t);

		if (r == SELECT_NOT_OURS)
			continue;
		n_ours++;
		ck_assert_int_eq(r, SELECT_OK);
		ck_assert(addr_eq(&t.to, &server2));
		ck_assert_uint_eq(t.cookie, 0xc00c1e02);
		ck_assert(t.cost_us >= 10900 && t.cost_us <= 11100);
		ck_assert(id_eq(&t.join_ap, &ring.ap[1].self.id));
	}
	ck_assert_uint_ge(n_ours, 1);
	/* A9: a sender that is a member reaches another, never itself. */
	server2.port = 0;
	ck_assert_int_eq(choose(2, &server2, &t), SELECT_OK);
	ck_assert(addr_eq(&t.to, &server1));
	ck_assert_int_eq(update(4, MEMBERSHIP_LEAVE, 1, 2), 0);
	ck_assert_int_eq(choose(2, &server2, &t), SELECT_NO_MEMBER);
	ck_assert_int_eq(choose(2, &client, &t), SELECT_OK);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_join_is_copied_before_it_is_answered);
	tcase_add_test(c, test_join_at_the_owner_itself);
	tcase_add_test(c, test_silent_replica);
	tcase_add_loop_test(c, test_every_order_ending_in_a_leave, 0, 24);
	tcase_add_loop_test(c, test_every_order_with_a_leave_in_between, 0, 24);
	tcase_add_test(c, test_the_same_again);
	tcase_add_test(c, test_lease_ends);
	tcase_add_test(c, test_refreshes_keep_the_lease);
	tcase_add_loop_test(c, test_lease_wish, 0, 4);
	tcase_add_test(c, test_tombstone_and_group_are_forgotten);
	tcase_add_test(c, test_join_needs_a_group);
	tcase_add_test(c, test_unknown_policy);
	tcase_add_test(c, test_refresh_rebuilds_what_was_lost);
	tcase_add_test(c, test_health);
	tcase_add_test(c, test_only_the_join_ap_speaks_for_health);
	tcase_add_test(c, test_unmeasured_refresh_keeps_the_rtt);
	tcase_add_test(c, test_limits);
	tcase_add_loop_test(c, test_owner_crash_under_a_join, 0, 25);
	tcase_add_test(c, test_nobody_answers);
	tcase_add_test(c, test_alone);
	tcase_add_test(c, test_single_packets);
}

int main(void)
{
	return suite_main("owner", fill);
}
