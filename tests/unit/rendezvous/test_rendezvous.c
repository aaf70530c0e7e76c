/* The facade: what the operator sees, unknown messages, and what state costs. */
#include <malloc.h>

#include "tests/fixture/fake_ring.h"
#include "tests/fixture/suite.h"

static struct fake_ring ring;

static void setup(void)
{
	ring_start(&ring, 6);
}

static void teardown(void)
{
	ring_free(&ring);
}

static struct group_info group[16];
static struct member_info member[16];
static unsigned n_groups, n_members;

static void on_group(void *ctx, const struct group_info *info)
{
	group[n_groups++ % 16] = *info;
}

static void on_member(void *ctx, const struct member_info *info)
{
	member[n_members++ % 16] = *info;
}

static const struct group_info *group_info(unsigned ap, const struct group_name *name)
{
	unsigned i;

	n_groups = 0;
	rendezvous_each_group(ring.ap[ap].rv, on_group, NULL);
	for (i = 0; i < n_groups; i++)
		if (group_name_eq(&group[i].name, name))
			return &group[i];
	return NULL;
}

static int list_members(unsigned ap, const struct group_name *name)
{
	n_members = 0;
	return rendezvous_each_member(ring.ap[ap].rv, name, on_member, NULL);
}

START_TEST(test_roles)
{
	struct group_name name = ring_name_at(&ring, 2, 0);
	unsigned i, n_owner = 0, n_replica = 0, out = RING_APS;

	ring_update(&ring.ap[0], MEMBERSHIP_JOIN, &name, 1, 1);
	for (i = 0; i < ring.n; i++) {
		const struct group_info *g = group_info(i, &name);

		if (!g) {
			out = i;
			continue;
		}
		n_owner += g->roles == ROLE_OWNER;
		n_replica += g->roles == ROLE_REPLICA;
		ck_assert_uint_eq(g->n_members, 1);
		ck_assert(!g->is_negative);
	}
	ck_assert_uint_eq(n_owner, 1);
	ck_assert_uint_eq(n_replica, 2);
	ck_assert_int_eq(list_members(out, &name), PIAS_ENOTFOUND);
	ring_resolve(&ring.ap[out], &name, SEC);
	ck_assert_uint_eq(group_info(out, &name)->roles, ROLE_CACHE);
	ck_assert_uint_eq(group_info(2, &name)->n_subscribers, 1);
	ck_assert_uint_eq(group_info(out, &name)->version, group_info(2, &name)->version);
	ring_resolve(&ring.ap[2], &name, SEC);
	ck_assert_uint_eq(group_info(2, &name)->roles, ROLE_OWNER | ROLE_CACHE);
}
END_TEST

START_TEST(test_negative_group)
{
	struct group_name name = ring_name_at(&ring, 2, 0);

	ring_resolve(&ring.ap[1], &name, SEC);
	ck_assert(group_info(1, &name)->is_negative);
	ck_assert_uint_eq(group_info(1, &name)->roles, ROLE_CACHE);
	ck_assert_int_eq(list_members(1, &name), PIAS_ENOTFOUND);
}
END_TEST

START_TEST(test_groups_are_sorted)
{
	static const char *const names[] = {"198.18.0.9:53/udp", "198.18.0.1",
					    "198.18.0.9:53/tcp", "2001:db8::1",
					    "198.18.0.1:80/tcp"};
	unsigned i;

	for (i = 0; i < 5; i++) {
		struct group_name name = ring_name(names[i]);

		rendezvous_want(ring.ap[0].rv, &name);
		ring_update(ring_owner_of(&ring, &name), MEMBERSHIP_JOIN, &name, 1, 1);
	}
	ring_run(&ring, 3 * SEC);
	n_groups = 0;
	rendezvous_each_group(ring.ap[0].rv, on_group, NULL);
	for (i = 0; i < 5; i++) {
		struct group_name name = ring_name(names[i]);

		ring_resolve(&ring.ap[0], &name, SEC);
	}
	n_groups = 0;
	rendezvous_each_group(ring.ap[0].rv, on_group, NULL);
	ck_assert_uint_eq(n_groups, 5);
	for (i = 1; i < n_groups; i++)
		ck_assert_int_lt(group_name_cmp(&group[i - 1].name, &group[i].name), 0);
}
END_TEST

/* At the owner and at an ingress AP: nearest first, with all there is to know. */
START_TEST(test_members)
{
	struct group_name name = ring_name_at(&ring, 2, 0);
	struct membership_request down = ring_request(MEMBERSHIP_HEALTH, &name, 3, 1);
	struct id id = ring_server(2);

	ring_update(&ring.ap[5], MEMBERSHIP_JOIN, &name, 1, 1);
	ring_update(&ring.ap[3], MEMBERSHIP_JOIN, &name, 2, 4);
	ring_update(&ring.ap[2], MEMBERSHIP_JOIN, &name, 3, 1);
	ring_update(&ring.ap[2], MEMBERSHIP_JOIN, &name, 4, 1);
	ring_update(&ring.ap[2], MEMBERSHIP_LEAVE, &name, 4, 2);
	down.member.flags = 0;
	down.member.stamp = 1;
	ck_assert_int_eq(ring_do(&ring.ap[2], &down)->err, 0);
	ck_assert_int_eq(list_members(2, &name), 0);
	ck_assert_uint_eq(n_members, 3); /* who left is no member */
	ck_assert(!member[0].is_up && member[1].is_up && member[2].is_up);
	ck_assert(id_eq(&member[1].server, &id));
	ck_assert_str_eq(member[1].name, "owner");
	ck_assert(id_eq(&member[1].join_ap.id, &ring.ap[3].self.id));
	ck_assert_uint_eq(member[1].rtt_us, 1000);
	ck_assert(member[1].cost_us >= 10900 && member[1].cost_us <= 11100);
	ck_assert_uint_eq(member[1].seq, 4);
	ck_assert(member[1].expires_in > 29 * SEC && member[1].expires_in <= 30 * SEC);
	ck_assert_uint_lt(member[1].cost_us, member[2].cost_us);

	ck_assert_ptr_null(ring_group(&ring.ap[0], &name));
	ring_resolve(&ring.ap[0], &name, SEC);
	ck_assert_int_eq(list_members(0, &name), 0);
	ck_assert_uint_eq(n_members, 2);
	ck_assert(id_eq(&member[0].server, &id));
	ck_assert_str_eq(member[0].name, "");
	ck_assert(addr_eq(&member[0].join_ap.addr[0], &ring.ap[3].self.addr[0]));
	ck_assert_uint_eq(member[0].rtt_us, 1000);
	ck_assert_int_eq(member[0].expires_in, PIAS_NEVER);
	ck_assert_uint_eq(group_info(0, &name)->n_members, 2);
}
END_TEST

START_TEST(test_messages_of_a_later_version)
{
	struct overlay *o = &ring.ap[0];
	struct rd r;

	rd_init(&r, "xyz", 3);
	ck_assert_int_eq(rendezvous_on_message(o->rv, &ring.ap[1].self, 0x7e, &r), 0);
	ck_assert_uint_eq(o->env.counters.v[COUNTER_drop_message_unknown], 1);
}
END_TEST

/* Whatever the type, three bytes of nonsense are refused. */
START_TEST(test_malformed)
{
	struct overlay *o = &ring.ap[0];
	struct rd r;

	rd_init(&r, "xyz", 3);
	ck_assert_int_eq(rendezvous_on_message(o->rv, &ring.ap[1].self, (uint8_t)_i, &r),
			 PIAS_EMALFORMED);
}
END_TEST

/* TARGETS P8, with the allocator's overhead; the simulator counts on it. */
START_TEST(test_memory)
{
	const unsigned n = 20000;
	struct overlay *o = &ring.ap[0];
	struct groups *gs = &o->rv->owner.groups;
	struct group_name name = ring_name("198.18.0.1:1/udp");
	struct member_record r = ring_request(MEMBERSHIP_JOIN, &name, 0, 1).member;
	struct group *g = NULL;
	struct merge c;
	size_t before;
	unsigned i;
	int err;

	gs->limits = (struct groups_limits){n, n, n};
	r.join_ap = o->self;
	r.coord = o->coord;
	r.left = 30 * SEC;
	before = mallinfo2().uordblks + mallinfo2().hblkhd;
	for (i = 0; i < n; i++) {
		name.port = (uint16_t)(i + 1);
		g = group_add(gs, &name, &r.server, POLICY_NEAREST, 1, &err);
		ck_assert_ptr_nonnull(g);
	}
	ck_assert_uint_le((mallinfo2().uordblks + mallinfo2().hblkhd - before) / n, 512);
	before = mallinfo2().uordblks + mallinfo2().hblkhd;
	for (i = 0; i < n; i++) {
		r.server = ring_server(i);
		ck_assert_int_eq(group_merge(gs, g, &r, &c), 0);
	}
	ck_assert_uint_le((mallinfo2().uordblks + mallinfo2().hblkhd - before) / n, 200);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_roles);
	tcase_add_test(c, test_negative_group);
	tcase_add_test(c, test_groups_are_sorted);
	tcase_add_test(c, test_members);
	tcase_add_test(c, test_messages_of_a_later_version);
	tcase_add_loop_test(c, test_malformed, MSG_UPDATE, MSG_LEND + 1);
	tcase_add_test(c, test_memory);
}

int main(void)
{
	return suite_main("rendezvous", fill);
}
