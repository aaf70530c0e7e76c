/*
 * Ingress APs and those who tell them: resolves, pushes, negative answers, renewal,
 * idleness, crashes, limits, order of members.
 */
#include "tests/fixture/fake_ring.h"
#include "tests/fixture/suite.h"

static struct fake_ring ring;
static struct group_name name;	   /* AP 2 owns it */
static struct overlay *in, *owner; /* the ingress AP is nobody to the group */

static void setup(void)
{
	unsigned i;

	ring_start(&ring, 8);
	name = ring_name_at(&ring, 2, 0);
	owner = &ring.ap[2];
	in = NULL;
	ring_update(owner, MEMBERSHIP_JOIN, &name, 99, 1);
	ring_update(owner, MEMBERSHIP_LEAVE, &name, 99, 2);
	for (i = 0; i < ring.n && (!in || ring_group(in, &name)); i++)
		in = &ring.ap[i];
	ck_assert_ptr_null(ring_group(in, &name));
	ring_run(&ring, 200 * SEC);
	ck_assert_ptr_null(ring_group(owner, &name));
	memset(ring.n_messages, 0, sizeof(ring.n_messages));
}

static struct route *flooded[8192]; /* by port, of test_flood_of_unknown_groups */

static void teardown(void)
{
	unsigned i;

	ring_free(&ring);
	/* As in the forwarder, routes outlive the cache, which looks at them to its end.
	 */
	for (i = 0; i < 8192; i++) {
		route_free(flooded[i]);
		flooded[i] = NULL;
	}
}

static void join(unsigned ap, unsigned server, uint64_t seq)
{
	ck_assert_int_eq(
		ring_update(&ring.ap[ap], MEMBERSHIP_JOIN, &name, server, seq)->err, 0);
}

static void leave(unsigned ap, unsigned server, uint64_t seq)
{
	ck_assert_int_eq(
		ring_update(&ring.ap[ap], MEMBERSHIP_LEAVE, &name, server, seq)->err, 0);
}

static bool is_server(const struct target *t, unsigned server)
{
	struct id id = ring_server(server);

	return id_eq(&t->server, &id);
}

static const struct route *routed(void)
{
	return ring_route_of(in, &name)->route;
}

START_TEST(test_resolve)
{
	struct route *r;
	pias_time before;

	join(3, 1, 1);
	before = ring.now;
	r = ring_resolve(in, &name, SEC);
	ck_assert_ptr_nonnull(r);
	ck_assert_int_le(ring.now - before, 2 * ring.delay + MSEC);
	ck_assert_uint_eq(r->n_targets, 1);
	ck_assert_uint_eq(r->n_slots, 1);
	ck_assert_uint_eq(r->slot[0], 0);
	ck_assert(is_server(&r->target[0], 1));
	ck_assert(id_eq(&r->target[0].join_ap, &ring.ap[3].self.id));
	ck_assert_uint_eq(r->target[0].cookie, 0xc00c1e01);
	ck_assert_uint_eq(r->target[0].mtu, 1500);
	ck_assert_uint_eq(r->target[0].encap, ENCAP_GUE);
	ck_assert_uint_ge(r->version, VERSION_EPOCH);
	ck_assert_uint_eq(ring_group(owner, &name)->n_subscribers, 1);
	ck_assert_uint_eq(ring.n_messages[MSG_RESOLVE], 1);
	/* Wanting it again costs nothing. */
	rendezvous_want(in->rv, &name);
	ring_run(&ring, SEC);
	ck_assert_uint_eq(ring.n_messages[MSG_RESOLVE], 1);
}
END_TEST

/* The owner's and the replicas' own packets need no message. */
START_TEST(test_holders_resolve_locally)
{
	struct route *r;
	unsigned i, n = 0;

	join(3, 1, 1);
	ring_run(&ring, SEC);
	for (i = 0; i < ring.n; i++) {
		if (!ring_has(&ring.ap[i], &name, 1))
			continue;
		n++;
		r = ring_resolve(&ring.ap[i], &name, 2 * MSEC);
		ck_assert_ptr_nonnull(r);
		ck_assert(is_server(&r->target[0], 1));
	}
	ck_assert_uint_eq(n, 3);
	ck_assert_uint_eq(ring.n_messages[MSG_RESOLVE], 0);
	ck_assert_uint_eq(ring.n_messages[MSG_PUSH], 0);
	/* And they hear of changes like anybody. */
	leave(3, 1, 2);
	ring_run(&ring, 100 * MSEC);
	for (i = 0; i < ring.n; i++)
		if (ring.ap[i].n_routes)
			ck_assert_uint_eq(ring.ap[i].route[0].route->n_targets, 0);
}
END_TEST

START_TEST(test_changes_are_pushed_at_once)
{
	pias_time before;

	join(3, 1, 1);
	join(4, 2, 1);
	ck_assert_uint_eq(ring_resolve(in, &name, SEC)->n_targets, 2);
	ring_run(&ring, SEC);
	before = ring.now;
	join(5, 3, 1);
	ring_run(&ring, 50 * MSEC);
	ck_assert_uint_eq(routed()->n_targets, 3);
	/* To the owner, and on to us: one way each. */
	ck_assert_int_le(ring_route_of(in, &name)->changed_at - before, 2 * ring.delay);
	/* Right after a change, too, where a member goes. */
	before = ring.now;
	leave(5, 3, 2);
	leave(4, 2, 2);
	ring_run(&ring, 50 * MSEC);
	ck_assert_uint_eq(routed()->n_targets, 1);
	ck_assert(is_server(&routed()->target[0], 1));
	/* The second leave began when the first was answered. */
	ck_assert_int_le(ring_route_of(in, &name)->changed_at - before, 6 * ring.delay);
}
END_TEST

START_TEST(test_down_and_up)
{
	struct membership_request q = ring_request(MEMBERSHIP_HEALTH, &name, 1, 1);

	join(3, 1, 1);
	join(3, 2, 1);
	ring_resolve(in, &name, SEC);
	q.member.flags = 0;
	q.member.stamp = 1;
	ck_assert_int_eq(ring_do(&ring.ap[3], &q)->err, 0);
	ring_run(&ring, 10 * MSEC);
	ck_assert_uint_eq(routed()->n_targets, 1);
	ck_assert(is_server(&routed()->target[0], 2));
	q.member.flags = MEMBER_UP;
	q.member.stamp = 2;
	ck_assert_int_eq(ring_do(&ring.ap[3], &q)->err, 0);
	ring_run(&ring, 50 * MSEC);
	ck_assert_uint_eq(routed()->n_targets, 2);
}
END_TEST

START_TEST(test_drain_comes_last)
{
	struct membership_request q = ring_request(MEMBERSHIP_HEALTH, &name, 1, 1);

	join(3, 1, 1);
	join(7, 2, 1);
	ring_place(in, 30);
	ring_resolve(in, &name, SEC);
	ck_assert(is_server(&routed()->target[0], 1));
	q.member.flags = MEMBER_UP | MEMBER_DRAINING;
	q.member.stamp = 1;
	ck_assert_int_eq(ring_do(&ring.ap[3], &q)->err, 0);
	ring_run(&ring, 10 * MSEC);
	ck_assert_uint_eq(routed()->n_targets, 2);
	ck_assert(is_server(&routed()->target[0], 2));
	ck_assert(!routed()->target[0].is_draining);
	ck_assert(is_server(&routed()->target[1], 1));
	ck_assert(routed()->target[1].is_draining);
}
END_TEST

/* A burst of joins costs two pushes, not twenty. */
START_TEST(test_bursts_are_gathered)
{
	unsigned i, before;

	join(3, 1, 1);
	ring_resolve(in, &name, SEC);
	ring_run(&ring, SEC);
	before = ring.n_messages[MSG_PUSH];
	for (i = 0; i < 10; i++) {
		struct membership_request q =
			ring_request(MEMBERSHIP_JOIN, &name, 10 + i, 1);

		ring_ask(&ring.ap[4], &q);
	}
	ring_run(&ring, 100 * MSEC);
	ck_assert_uint_eq(routed()->n_targets, 11);
	ck_assert_uint_eq(ring.n_messages[MSG_PUSH] - before, 2);
}
END_TEST

START_TEST(test_negative_answer)
{
	const struct route *r = ring_resolve(in, &name, SEC);

	ck_assert_ptr_nonnull(r);
	ck_assert_uint_eq(r->n_targets, 0);
	ck_assert_uint_eq(r->version, 0);
	/* Without packets it is forgotten after its time. */
	ring_run(&ring, ring.config.negative_ttl + 100 * MSEC);
	ck_assert_ptr_null(routed());
	ck_assert_uint_eq(cache_n(in->rv->cache), 0);
}
END_TEST

/* B3: as soon as the group exists, whoever asked in vain knows. */
START_TEST(test_negative_answer_flips)
{
	unsigned i;

	ring_resolve(in, &name, SEC);
	for (i = 0; i < 50; i++) {
		ring_packet(in, &name);
		ring_run(&ring, 100 * MSEC);
		ck_assert_ptr_nonnull(routed());
		ck_assert_uint_eq(routed()->version, 0);
	}
	join(3, 1, 1);
	ring_run(&ring, ring.delay);
	ck_assert_uint_eq(routed()->n_targets, 1);
	ck_assert_uint_eq(ring_group(owner, &name)->n_subscribers, 1);
}
END_TEST

START_TEST(test_group_without_members)
{
	join(3, 1, 1);
	ring_resolve(in, &name, SEC);
	leave(3, 1, 2);
	ring_run(&ring, 100 * MSEC);
	ck_assert_uint_eq(routed()->n_targets, 0);
	ck_assert_uint_ge(routed()->version, VERSION_EPOCH);
	/* The group is forgotten: a negative answer, without being asked. */
	ring_run(&ring, GROUP_GRACE + SEC);
	ck_assert(!routed() || !routed()->version);
}
END_TEST

START_TEST(test_lease_end_is_pushed)
{
	join(3, 1, 1);
	join(3, 2, 1);
	ring_resolve(in, &name, SEC);
	ring_run(&ring, 20 * SEC);
	ck_assert_int_eq(ring_update(&ring.ap[3], MEMBERSHIP_REFRESH, &name, 2, 2)->err,
			 0);
	ring_run(&ring, 11 * SEC);
	ck_assert_uint_eq(routed()->n_targets, 1);
	ck_assert(is_server(&routed()->target[0], 2));
}
END_TEST

static void keep_joined(unsigned ap, unsigned server, uint64_t *seq, pias_time time)
{
	for (; time > 0; time -= 10 * SEC) {
		ck_assert_int_eq(ring_update(&ring.ap[ap], MEMBERSHIP_REFRESH, &name,
					     server, ++*seq)
					 ->err,
				 0);
		ring_run(&ring, 10 * SEC);
	}
}

START_TEST(test_used_routes_are_renewed)
{
	uint64_t seq = 1;
	unsigned i;

	join(3, 1, seq);
	ring_resolve(in, &name, SEC);
	for (i = 0; i < 30; i++) {
		keep_joined(3, 1, &seq, 10 * SEC);
		ck_assert_ptr_nonnull(ring_packet(in, &name));
		ck_assert_uint_eq(ring_group(owner, &name)->n_subscribers, 1);
	}
	/* Half of 60 s: about 10 in 300 s; and refreshes are no news. */
	ck_assert_uint_ge(ring.n_messages[MSG_RESOLVE], 9);
	ck_assert_uint_le(ring.n_messages[MSG_RESOLVE], 12);
	ck_assert_uint_eq(ring.n_messages[MSG_PUSH], ring.n_messages[MSG_RESOLVE]);
}
END_TEST

START_TEST(test_idle_routes_are_forgotten)
{
	uint64_t seq = 1;

	join(3, 1, seq);
	ring_resolve(in, &name, SEC);
	keep_joined(3, 1, &seq, ring.config.cache_idle + 40 * SEC);
	ck_assert_ptr_null(routed());
	ck_assert_uint_eq(cache_n(in->rv->cache), 0);
	ck_assert_uint_eq(ring.n_messages[MSG_UNSUBSCRIBE], 1);
	ck_assert_uint_eq(ring_group(owner, &name)->n_subscribers, 0);
}
END_TEST

/* The link broke under the RESOLVE: the next try is made after half a second. */
START_TEST(test_lost_resolve)
{
	pias_time before = ring.now;

	join(3, 1, 1);
	ring.lose_type = MSG_RESOLVE;
	ring.lose_n = 1;
	before = ring.now;
	ck_assert_ptr_nonnull(ring_resolve(in, &name, 2 * SEC));
	ck_assert_int_le(ring.now - before, RESOLVE_TIMEOUT + 2 * ring.delay + MSEC);
}
END_TEST

/* The owner is dead and nobody has noticed: its replicas answer. */
START_TEST(test_replica_answers)
{
	join(3, 1, 1);
	ring_run(&ring, 40 * SEC);
	ck_assert_int_eq(ring_update(&ring.ap[3], MEMBERSHIP_JOIN, &name, 1, 2)->err, 0);
	ring_run(&ring, 2 * SEC);
	ring_crash(owner);
	ck_assert_ptr_nonnull(ring_resolve(in, &name, 4 * SEC));
	ck_assert_uint_eq(routed()->n_targets, 1);
}
END_TEST

/* D4: cached groups lose nothing, and hear of changes again within half a second. */
START_TEST(test_owner_crash)
{
	struct overlay *heir;

	join(3, 1, 1);
	join(4, 2, 1);
	ring_resolve(in, &name, SEC);
	ring_crash(owner);
	ring_notice(&ring, PEER_DEAD);
	ck_assert_uint_eq(routed()->n_targets, 2);
	/* Whatever the old owner told last, the new one's versions lie above. */
	ck_assert_uint_ge(ring_group(ring_owner_of(&ring, &name), &name)->version,
			  2 * VERSION_EPOCH);
	ring_run(&ring, RESOLVE_SPREAD + 3 * ring.delay);
	ck_assert_uint_eq(routed()->n_targets, 2);
	heir = ring_owner_of(&ring, &name);
	ck_assert(heir != owner);
	ck_assert_uint_ge(ring_group(heir, &name)->n_subscribers, 1);
	leave(4, 2, 2);
	ring_run(&ring, 20 * MSEC);
	ck_assert_uint_eq(routed()->n_targets, 1);
}
END_TEST

/* All holders crash; refreshes rebuild the group under versions that start anew. */
START_TEST(test_all_holders_crash)
{
	uint64_t version;
	unsigned i;

	join(3, 1, 1);
	for (i = 1; i < 9; i++) {
		join(3, 50, 2 * i);
		leave(3, 50, 2 * i + 1);
	}
	ring_resolve(in, &name, SEC);
	version = routed()->version;
	for (i = 0; i < ring.n; i++)
		if (ring.ap[i].is_up && ring_group(&ring.ap[i], &name))
			ring_crash(&ring.ap[i]);
	ring_notice(&ring, PEER_DEAD);
	for (i = 0; i < ring.n && (!ring.ap[i].is_up || &ring.ap[i] == in); i++)
		;
	ck_assert_int_eq(ring_update(&ring.ap[i], MEMBERSHIP_REFRESH, &name, 1, 2)->err,
			 0);
	ring_packet(in, &name);
	ring_run(&ring, 2 * SEC);
	ck_assert_uint_gt(routed()->version, version);
	ck_assert_uint_eq(routed()->n_targets, 1);
	ck_assert_int_eq(ring_update(&ring.ap[i], MEMBERSHIP_JOIN, &name, 2, 1)->err, 0);
	ring_run(&ring, 100 * MSEC);
	ck_assert_uint_eq(routed()->n_targets, 2);
}
END_TEST

START_TEST(test_nobody_answers)
{
	ring_crash(owner);
	ring.lose_type = MSG_RESOLVE;
	ring.lose_n = UINT32_MAX;
	ck_assert_ptr_null(ring_packet(in, &name));
	ring_run(&ring, 30 * SEC);
	ck_assert_uint_eq(cache_n(in->rv->cache), 0);
	ck_assert_uint_eq(ring.n_messages[MSG_RESOLVE], RESOLVE_TRIES);
}
END_TEST

static struct group_name unknown(unsigned i)
{
	struct group_name g = ring_name("198.18.9.9:1/tcp");

	g.port = (uint16_t)(i + 1);
	return g;
}

/* Negative answers make room, oldest first; a route in use stays. */
START_TEST(test_full_cache)
{
	struct group_name g;
	unsigned i;

	join(3, 1, 1);
	ring_resolve(in, &name, SEC);
	for (i = 0; i < ring.config.max_cached + 8; i++) {
		g = unknown(i);
		rendezvous_want(in->rv, &g);
		ring_run(&ring, 12 * MSEC);
		ck_assert_uint_le(cache_n(in->rv->cache), ring.config.max_cached);
	}
	ck_assert_ptr_nonnull(routed());
	g = unknown(0);
	ck_assert_ptr_null(ring_route_of(in, &g)->route);
	g = unknown(i - 1);
	ck_assert_ptr_nonnull(ring_route_of(in, &g)->route);
}
END_TEST

START_TEST(test_cache_full_of_questions)
{
	struct group_name g;
	unsigned i;

	for (i = 0; i < ring.config.max_cached + 5; i++) {
		g = unknown(i);
		rendezvous_want(in->rv, &g);
	}
	ck_assert_uint_eq(cache_n(in->rv->cache), ring.config.max_cached);
	ck_assert_uint_eq(in->env.counters.v[COUNTER_drop_cache_full], 5);
	ring_settle(in);
}
END_TEST

/* By port, of the groups of unknown(). */
static int on_flooded(void *ctx, const struct group_name *g, struct route *route)
{
	if (group_name_eq(g, &name))
		return ring_on_route(ctx, g, route);
	ck_assert_uint_lt(g->port, 8192);
	route_free(flooded[g->port]);
	flooded[g->port] = route;
	return 0;
}

/* Answered by any AP, ourselves included. */
static uint64_t n_resolves(void)
{
	uint64_t n = 0;
	unsigned i;

	for (i = 0; i < ring.n; i++)
		n += ring.ap[i].env.counters.v[COUNTER_resolves];
	return n;
}

static void flood(unsigned n)
{
	struct group_name g;
	unsigned i;

	for (i = 0; i < n; i++) {
		g = unknown(i);
		if (flooded[g.port])
			flooded[g.port]->used_at = in->env.now;
		else
			rendezvous_want(in->rv, &g);
	}
}

/*
 * Packets to random ports: so many resolves at once, and then by and by, whether or not
 * there is a negative answer yet; and a group that is there is found all the same.
 */
START_TEST(test_flood_of_unknown_groups)
{
	static const struct rendezvous_ops ops = {.route = on_flooded};
	const uint64_t *limited = &in->env.counters.v[COUNTER_drop_resolve_limit];
	struct rendezvous_config config = ring.config;
	uint64_t before;
	unsigned i;

	config.max_cached = 20000;
	cache_free(in->rv->cache);
	in->rv->cache = cache_new(&in->env, in, &in->rv->owner, &in->rv->survey, &config,
				  &ops, in);
	join(3, 1, 1);
	flood(RESOLVE_BURST + 1000);
	ck_assert_uint_eq(cache_n(in->rv->cache), RESOLVE_BURST);
	ck_assert_uint_eq(*limited, 1000);
	ck_assert_ptr_null(ring_packet(in, &name));
	ck_assert_uint_eq(*limited, 1001);
	ring_run(&ring, 20 * MSEC);
	ck_assert_ptr_nonnull(ring_resolve(in, &name, 20 * MSEC));
	before = n_resolves();
	for (i = 0; i < 50; i++) {
		flood(8000);
		ring_run(&ring, 100 * MSEC);
	}
	ck_assert_uint_ge(n_resolves() - before, 4 * SEC / RESOLVE_INTERVAL);
	ck_assert_uint_le(n_resolves() - before, 6 * SEC / RESOLVE_INTERVAL);
	ck_assert_ptr_nonnull(routed());
}
END_TEST

/* More members than a push holds: the nearest, and news only of what concerns us. */
START_TEST(test_large_group)
{
	unsigned i, before;

	ring_place(in, 0);
	for (i = 0; i < 40; i++) {
		struct membership_request q = ring_request(MEMBERSHIP_JOIN, &name, i, 1);

		q.member.rtt_us = 1000 * (i + 1);
		ck_assert_int_eq(ring_do(owner, &q)->err, 0);
	}
	ring_resolve(in, &name, SEC);
	ck_assert_uint_eq(routed()->n_targets, PUSH_MEMBERS_MAX);
	for (i = 0; i < PUSH_MEMBERS_MAX; i++)
		ck_assert(is_server(&routed()->target[i], i));
	ring_run(&ring, SEC);
	before = ring.n_messages[MSG_PUSH];
	leave(2, 30, 2);
	ring_run(&ring, 100 * MSEC);
	ck_assert_uint_eq(ring.n_messages[MSG_PUSH], before);
	leave(2, 3, 2);
	ring_run(&ring, 100 * MSEC);
	ck_assert_uint_eq(ring.n_messages[MSG_PUSH], before + 1);
	ck_assert_uint_eq(routed()->n_targets, PUSH_MEMBERS_MAX);
	ck_assert(is_server(&routed()->target[15], 16));
}
END_TEST

/* The nearest stays unless another is clearly nearer, also when we move. */
START_TEST(test_moving_coordinates)
{
	const struct ring_route *r;
	unsigned changes;

	ck_assert(in != &ring.ap[3] && in != &ring.ap[4]);
	ring_place(&ring.ap[3], 0);
	ring_place(&ring.ap[4], 70);
	join(3, 1, 1);
	join(4, 2, 1);
	ring_place(in, 30);
	ring_resolve(in, &name, SEC);
	r = ring_route_of(in, &name);
	ck_assert(is_server(&r->route->target[0], 1));
	changes = r->n_changes;
	ring_place(in, 37);
	ring_run(&ring, 6 * SEC);
	ck_assert(is_server(&r->route->target[0], 1));
	ck_assert_uint_eq(r->n_changes, changes);
	ring_place(in, 45);
	ring_run(&ring, 6 * SEC);
	ck_assert(is_server(&r->route->target[0], 2));
	ck_assert_uint_eq(r->n_changes, changes + 1);
	ck_assert(r->route->target[0].cost_us < r->route->target[1].cost_us);
}
END_TEST

/* Flows keep their place: the hash key is the same in every version. */
START_TEST(test_key_and_use_survive_versions)
{
	struct siphash_key key;
	pias_time used_at;

	join(3, 1, 1);
	key = ring_resolve(in, &name, SEC)->key;
	used_at = routed()->used_at;
	ring_run(&ring, SEC);
	join(4, 2, 1);
	ring_run(&ring, 100 * MSEC);
	ck_assert_uint_eq(routed()->n_targets, 2);
	ck_assert_mem_eq(&routed()->key, &key, sizeof(key));
	ck_assert_int_eq(routed()->used_at, used_at);
}
END_TEST

/* What overtakes, or comes for a group that is not cached, changes nothing. */
START_TEST(test_old_and_unwanted_pushes)
{
	struct msg_push m = {.name = name, .version = 5, .policy = POLICY_NEAREST};
	struct group_name other = unknown(1);
	uint8_t buf[512];
	uint64_t version;
	struct wr w;
	struct rd r;

	join(3, 1, 1);
	ring_resolve(in, &name, SEC);
	version = routed()->version;
	wr_init(&w, buf, sizeof(buf));
	msg_write_push(&w, &m);
	rd_init(&r, buf, wr_len(&w));
	ck_assert_int_eq(cache_on_push(in->rv->cache, &owner->self, &r), 0);
	ck_assert_uint_eq(routed()->version, version);
	m.name = other;
	wr_init(&w, buf, sizeof(buf));
	msg_write_push(&w, &m);
	rd_init(&r, buf, wr_len(&w));
	ck_assert_int_eq(cache_on_push(in->rv->cache, &owner->self, &r), 0);
	ck_assert_uint_eq(cache_n(in->rv->cache), 1);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_resolve);
	tcase_add_test(c, test_holders_resolve_locally);
	tcase_add_test(c, test_changes_are_pushed_at_once);
	tcase_add_test(c, test_down_and_up);
	tcase_add_test(c, test_drain_comes_last);
	tcase_add_test(c, test_bursts_are_gathered);
	tcase_add_test(c, test_negative_answer);
	tcase_add_test(c, test_negative_answer_flips);
	tcase_add_test(c, test_group_without_members);
	tcase_add_test(c, test_lease_end_is_pushed);
	tcase_add_test(c, test_used_routes_are_renewed);
	tcase_add_test(c, test_idle_routes_are_forgotten);
	tcase_add_test(c, test_lost_resolve);
	tcase_add_test(c, test_replica_answers);
	tcase_add_test(c, test_owner_crash);
	tcase_add_test(c, test_all_holders_crash);
	tcase_add_test(c, test_nobody_answers);
	tcase_add_test(c, test_full_cache);
	tcase_add_test(c, test_flood_of_unknown_groups);
	tcase_add_test(c, test_cache_full_of_questions);
	tcase_add_test(c, test_large_group);
	tcase_add_test(c, test_moving_coordinates);
	tcase_add_test(c, test_key_and_use_survive_versions);
	tcase_add_test(c, test_old_and_unwanted_pushes);
}

int main(void)
{
	return suite_main("cache", fill);
}
