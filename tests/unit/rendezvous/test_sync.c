/*
 * Groups follow their keys: APs that join, leave and crash, one after the other and in
 * random order; partitions that heal; copies that went astray. After every quiet time
 * each group is at its owner and at the r-1 APs behind it, and nowhere else.
 */
#include "tests/fixture/fake_ring.h"
#include "tests/fixture/suite.h"

#define N_GROUPS  60
#define N_SERVERS 3 /* per group */

static struct fake_ring ring;
static uint64_t seq[N_GROUPS][N_SERVERS];

static void setup(void)
{
	ring_new(&ring, 10);
	memset(seq, 0, sizeof(seq));
}

static void teardown(void)
{
	ring_free(&ring);
}

static struct group_name group(unsigned i)
{
	struct group_name g = ring_name("198.18.7.1:1/udp");

	g.port = (uint16_t)(i + 1);
	return g;
}

/* A long lease: nothing here is rebuilt by refreshes, it must not be lost. */
static void tell(unsigned ap, enum membership_op op, unsigned g, unsigned s)
{
	struct group_name name = group(g);
	struct membership_request q = ring_request(op, &name, s, ++seq[g][s]);

	q.lease = LEASE_WISH_MAX;
	ck_assert_int_eq(ring_do(&ring.ap[ap], &q)->err, 0);
}

static void fill_groups(void)
{
	unsigned g, s;

	for (g = 0; g < N_GROUPS; g++)
		for (s = 0; s < N_SERVERS; s++)
			tell(0, MEMBERSHIP_JOIN, g, s);
}

static unsigned n_running(void)
{
	unsigned i, n = 0;

	for (i = 0; i < ring.n; i++)
		n += ring.ap[i].is_member;
	return n;
}

/* Every group at its owner and its replicas, with all members at their latest. */
static void check_placed(bool nowhere_else)
{
	unsigned g, s, i, n, want;
	struct contact holder[REPLICAS_MAX];
	struct id key;

	for (g = 0; g < N_GROUPS; g++) {
		struct group_name name = group(g);
		struct overlay *o = ring_owner_of(&ring, &name);

		group_name_key(&name, &key);
		n = overlay_owners(o, &key, holder, ring.config.n_replicas);
		want = n_running() < ring.config.n_replicas ? n_running()
							    : ring.config.n_replicas;
		ck_assert_uint_eq(n, want);
		for (i = 0; i < n; i++) {
			struct overlay *h = &ring.ap[ring_index(&ring, &holder[i].id)];

			for (s = 0; s < N_SERVERS; s++) {
				ck_assert_msg(ring_has(h, &name, s),
					      "group %u server %u: not at holder %u", g,
					      s, i);
				ck_assert_uint_eq(ring_member(h, &name, s)->seq,
						  seq[g][s]);
			}
		}
		for (i = 0, n = 0; i < ring.n; i++)
			n += ring.ap[i].is_up && ring_group(&ring.ap[i], &name);
		if (nowhere_else)
			ck_assert_uint_eq(n, want);
	}
}

static void check_ready(void)
{
	unsigned i;

	for (i = 0; i < ring.n; i++)
		if (ring.ap[i].is_member)
			ck_assert(rendezvous_is_ready(ring.ap[i].rv));
}

START_TEST(test_growing)
{
	unsigned i;

	ring_join(&ring.ap[0]);
	ring_run(&ring, SEC);
	fill_groups();
	check_placed(true);
	for (i = 1; i < ring.n; i++) {
		ring_join(&ring.ap[i]);
		ck_assert(!rendezvous_is_ready(ring.ap[i].rv));
		ring_run(&ring, 2 * SEC);
		check_ready();
		check_placed(false);
	}
	/* Copies beyond the replicas are given up once their owner has them. */
	ring_run(&ring, ARC_TIME + 2 * SYNC_PERIOD);
	check_placed(true);
}
END_TEST

/* A joiner answers for its arc only when it has it; nobody is told "no such group". */
START_TEST(test_no_false_negatives)
{
	struct group_name name;
	struct overlay *in;
	const struct route *r;
	unsigned g;

	ring.n = 9;
	for (g = 0; g < 9; g++)
		ring_join(&ring.ap[g]);
	ring_run(&ring, SEC);
	fill_groups();
	ring.n = 10;
	ring.lose_type = MSG_PULL_DONE; /* the first page's end: 1 s more */
	ring.lose_n = 1;
	ring_join(&ring.ap[9]);
	in = &ring.ap[0];
	for (g = 0; g < N_GROUPS; g++) {
		name = group(g);
		rendezvous_want(in->rv, &name);
		ring_settle(in);
		ring_run(&ring, 25 * MSEC);
		r = ring_route_of(in, &name)->route;
		ck_assert_ptr_nonnull(r);
		ck_assert_uint_eq(r->n_targets, N_SERVERS);
	}
}
END_TEST

START_TEST(test_crashes)
{
	unsigned i;

	ring.n = 10;
	for (i = 0; i < ring.n; i++)
		ring_join(&ring.ap[i]);
	ring_run(&ring, SEC);
	fill_groups();
	for (i = 1; i < ring.n; i++) {
		ring_crash(&ring.ap[i]);
		ring_run(&ring, 3 * SEC);
		ring_notice(&ring, PEER_DEAD);
		/* R5: at once, from the copies, without waiting for anybody. */
		check_ready();
		ring_run(&ring, 2 * SEC);
		check_placed(false);
	}
}
END_TEST

/* Two neighbours at once: r = 3 copies bear it. */
START_TEST(test_two_crashes_at_once)
{
	struct overlay *o;
	unsigned i;

	for (i = 0; i < ring.n; i++)
		ring_join(&ring.ap[i]);
	ring_run(&ring, SEC);
	fill_groups();
	o = (struct overlay *)ring_after(&ring.ap[0], &ring.ap[0]);
	ring_crash(&ring.ap[ring_after(&ring.ap[0], o)->i]);
	ring_crash(o);
	ring_notice(&ring, PEER_DEAD);
	ring_run(&ring, 2 * SEC);
	check_ready();
	check_placed(false);
}
END_TEST

START_TEST(test_leaving)
{
	unsigned i;

	for (i = 0; i < ring.n; i++)
		ring_join(&ring.ap[i]);
	ring_run(&ring, SEC);
	fill_groups();
	for (i = 1; i < ring.n; i++) {
		pias_time before = ring.now;

		ring_leave(&ring.ap[i]);
		ck_assert_int_lt(ring.now - before, LEAVE_TIMEOUT);
		ring_run(&ring, 2 * SEC);
		check_ready();
		check_placed(false);
	}
	ring_run(&ring, SEC);
	rendezvous_leave(ring.ap[0].rv);
	ring_run(&ring, 1 * MSEC);
	ck_assert(ring.ap[0].has_left);
}
END_TEST

/* Even r = 1 loses nothing when an AP leaves in order. */
START_TEST(test_leaving_without_replicas)
{
	unsigned i;

	ring.config.n_replicas = 1;
	for (i = 0; i < 4; i++)
		ring_join(&ring.ap[i]);
	ring_run(&ring, SEC);
	fill_groups();
	check_placed(true);
	for (i = 1; i < 4; i++) {
		ring_leave(&ring.ap[i]);
		check_placed(true);
	}
	/* And when one joins. */
	ring_join(&ring.ap[5]);
	ring_run(&ring, SEC);
	check_placed(false);
}
END_TEST

START_TEST(test_dead_successor_does_not_keep_us)
{
	unsigned i;

	for (i = 0; i < 4; i++)
		ring_join(&ring.ap[i]);
	ring_run(&ring, SEC);
	ring_crash(&ring.ap[ring_after(&ring.ap[0], &ring.ap[0])->i]);
	rendezvous_leave(ring.ap[0].rv);
	ring_settle(&ring.ap[0]);
	ring_run(&ring, LEAVE_TIMEOUT - MSEC);
	ck_assert(!ring.ap[0].has_left);
	ring_run(&ring, 2 * MSEC);
	ck_assert(ring.ap[0].has_left);
}
END_TEST

/* Anything may happen, as long as there are two quiet seconds in between. */
START_TEST(test_random_changes)
{
	struct rng r = {.s = (uint64_t)_i + 1};
	unsigned round, i;

	for (i = 0; i < 4; i++)
		ring_join(&ring.ap[i]);
	ring_run(&ring, SEC);
	fill_groups();
	for (round = 0; round < 30; round++) {
		struct overlay *o = &ring.ap[1 + rng_below(&r, ring.n - 1)];

		if (!o->is_up) {
			o->has_left = false;
			ring_join(o);
		} else if (rng_below(&r, 2)) {
			ring_leave(o);
		} else {
			ring_crash(o);
			ring_run(&ring, (pias_time)rng_below(&r, 5) * SEC);
			ring_notice(&ring, PEER_DEAD);
		}
		ring_run(&ring, (pias_time)rng_below(&r, 30) * MSEC);
		for (i = 0; i < 5; i++)
			tell(0, MEMBERSHIP_REFRESH, rng_below(&r, N_GROUPS),
			     rng_below(&r, N_SERVERS));
		ring_run(&ring, 2 * SEC);
		check_ready();
		check_placed(false);
		ring_run(&ring, (pias_time)rng_below(&r, 60) * SEC);
	}
	ring_run(&ring, ARC_TIME + 2 * SYNC_PERIOD);
	check_placed(true);
}
END_TEST

/* Half the ring does not see the other; both go on; then they meet again. */
START_TEST(test_partition_heals)
{
	uint32_t side[2] = {0x3f, 0x3c0}, all = 0x3ff;
	unsigned i, g;

	for (i = 0; i < ring.n; i++)
		ring_join(&ring.ap[i]);
	ring_run(&ring, SEC);
	fill_groups();
	for (i = 0; i < ring.n; i++)
		ring.ap[i].reach = side[i > 5];
	for (i = 0; i < ring.n; i++)
		ring_believe(&ring.ap[i], side[i > 5], PEER_DEAD);
	ring_run(&ring, 5 * SEC);
	/* Even groups move on here, odd ones there. */
	for (g = 0; g < N_GROUPS; g++) {
		tell(g % 2 ? 9 : 0, MEMBERSHIP_REFRESH, g, 0);
		tell(g % 2 ? 0 : 9, MEMBERSHIP_LEAVE, g, 1);
		tell(g % 2 ? 0 : 9, MEMBERSHIP_JOIN, g, 1);
	}
	for (i = 0; i < ring.n; i++)
		ring.ap[i].reach = UINT32_MAX;
	for (i = 0; i < ring.n; i++)
		ring_believe(&ring.ap[i], all, PEER_DEAD);
	ring_run(&ring, 2 * SYNC_PERIOD);
	check_ready();
	check_placed(false);
	ring_run(&ring, ARC_TIME + 2 * SYNC_PERIOD);
	check_placed(true);
}
END_TEST

/* A copy that missed an update is put right by the next comparison. */
START_TEST(test_lost_copies_are_repaired)
{
	unsigned i, g;

	for (i = 0; i < ring.n; i++)
		ring_join(&ring.ap[i]);
	ring_run(&ring, SEC);
	fill_groups();
	ring.lose_type = MSG_RECORDS;
	ring.lose_n = UINT32_MAX;
	for (g = 0; g < N_GROUPS; g++)
		tell(0, MEMBERSHIP_JOIN, g, 1);
	ring_run(&ring, 2 * SEC);
	ring.lose_n = 0;
	ring_run(&ring, 2 * SYNC_PERIOD);
	check_placed(false);
}
END_TEST

/* Where nothing differs, comparing is all that goes over the wire. */
START_TEST(test_quiet_when_equal)
{
	unsigned i;

	for (i = 0; i < ring.n; i++)
		ring_join(&ring.ap[i]);
	ring_run(&ring, SEC);
	fill_groups();
	ring_run(&ring, 3 * SYNC_PERIOD);
	memset(ring.n_messages, 0, sizeof(ring.n_messages));
	ring_run(&ring, 4 * SYNC_PERIOD);
	ck_assert_uint_eq(ring.n_messages[MSG_PULL], 0);
	ck_assert_uint_eq(ring.n_messages[MSG_RECORDS], 0);
	/* Each AP, both replicas, every 30 s plus or minus an eighth. */
	ck_assert_uint_ge(ring.n_messages[MSG_INVITE], 10 * 2 * 3);
	ck_assert_uint_le(ring.n_messages[MSG_INVITE], 10 * 2 * 5);
}
END_TEST

/* More than one page, and one message a page lost. */
START_TEST(test_large_transfer)
{
	const unsigned n = 5000;
	unsigned i;

	ring.config.max_groups = ring.config.max_members = 10000;
	ring_join(&ring.ap[0]);
	for (i = 0; i < n; i++) {
		struct group_name name = group(i);
		struct membership_request q =
			ring_request(MEMBERSHIP_JOIN, &name, i % 200, 1);

		q.lease = LEASE_WISH_MAX;
		ring_ask(&ring.ap[0], &q);
	}
	ring_run(&ring, SEC);
	ck_assert_uint_eq(ring.ap[0].rv->owner.groups.by_name.n, n);
	ring_join(&ring.ap[1]);
	ring_run(&ring, 20 * MSEC);
	ring.lose_type = MSG_PULL_DONE;
	ring.lose_n = 1;
	ring_run(&ring, 3 * SEC);
	check_ready();
	ck_assert_uint_ge(ring.n_messages[MSG_PULL], 3);
	ring_run(&ring, 2 * SYNC_PERIOD);
	ck_assert_uint_eq(ring.ap[1].rv->owner.groups.by_name.n, n);
	ck_assert_uint_eq(ring.ap[0].rv->owner.groups.by_name.n, n);
}
END_TEST

/* What does not concern us is refused, and counted. */
START_TEST(test_unsound_invitations)
{
	struct msg_invite m = {.kind = _i ? INVITE_TAKE : INVITE_COPY};
	struct overlay *o;
	uint8_t buf[512];
	struct wr w;
	struct rd r;
	unsigned i;

	for (i = 0; i < 4; i++)
		ring_join(&ring.ap[i]);
	ring_run(&ring, SEC);
	o = &ring.ap[0];
	m.from = ring.ap[1].self.id;
	m.to = _i ? ring_after(o, o)->self.id : ring.ap[2].self.id;
	m.digest[3] = 1;
	wr_init(&w, buf, sizeof(buf));
	msg_write_invite(&w, &m);
	rd_init(&r, buf, wr_len(&w));
	ring.n_messages[MSG_PULL] = 0;
	ck_assert_int_eq(sync_on_invite(&o->rv->owner.sync, &ring.ap[1].self, &r), 0);
	ck_assert_uint_eq(o->env.counters.v[COUNTER_drop_message_state], 1);
	ring_run(&ring, SEC);
	ck_assert_uint_eq(ring.n_messages[MSG_PULL], 0);
}
END_TEST

/*
 * An owner that has not heard yet that its replicas are back invites an AP that has:
 * nobody will tell that one of changes, so it must not answer.
 */
START_TEST(test_late_invitation_to_copy)
{
	struct msg_invite m = {.kind = INVITE_COPY};
	struct overlay *owner = &ring.ap[0], *o;
	struct contact holder[REPLICAS_MAX];
	uint8_t buf[512];
	struct wr w;
	struct rd r;
	unsigned i, k, n, held = 0;

	for (i = 0; i < 6; i++)
		ring_join(&ring.ap[i]);
	ring_run(&ring, SEC);
	m.from = *overlay_range_from(owner);
	m.to = owner->self.id;
	n = overlay_owners(owner, &m.to, holder, ring.config.n_replicas);
	for (i = 0; i < 6; i++) {
		bool is_holder = false;

		o = &ring.ap[i];
		wr_init(&w, buf, sizeof(buf));
		msg_write_invite(&w, &m);
		rd_init(&r, buf, wr_len(&w));
		ck_assert_int_eq(sync_on_invite(&o->rv->owner.sync, &owner->self, &r), 0);
		for (k = 0; k < n; k++)
			is_holder |= id_eq(&holder[k].id, &o->self.id);
		ck_assert_int_eq(sync_holds(&o->rv->owner.sync, &m.to), is_holder);
		held += is_holder;
	}
	ck_assert_uint_eq(held, ring.config.n_replicas);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_growing);
	tcase_add_test(c, test_no_false_negatives);
	tcase_add_test(c, test_crashes);
	tcase_add_test(c, test_two_crashes_at_once);
	tcase_add_test(c, test_leaving);
	tcase_add_test(c, test_leaving_without_replicas);
	tcase_add_test(c, test_dead_successor_does_not_keep_us);
	tcase_add_loop_test(c, test_random_changes, 0, 10);
	tcase_add_test(c, test_partition_heals);
	tcase_add_test(c, test_lost_copies_are_repaired);
	tcase_add_test(c, test_quiet_when_equal);
	tcase_add_test(c, test_large_transfer);
	tcase_add_loop_test(c, test_unsound_invitations, 0, 2);
	tcase_add_test(c, test_late_invitation_to_copy);
}

int main(void)
{
	return suite_main("sync", fill);
}
