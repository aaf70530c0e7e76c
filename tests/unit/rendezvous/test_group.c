/* Records at rest: the last word counts in any order; digests; arcs; shared parts. */
#include "overlay/base/crypto.h"
#include "rendezvous/group.h"
#include "rendezvous/route.h"
#include "tests/fixture/quiet_env.h"
#include "tests/fixture/suite.h"

#define N_SERVERS 6

static struct env env;
static struct rng rng;
static struct groups gs;
static unsigned n_expired, n_abandoned;

static void on_expired(void *ctx, struct group *g, struct member *m)
{
	ck_assert(m->flags & MEMBER_GONE);
	ck_assert_ptr_eq(m->group, g);
	n_expired++;
}

static void on_abandoned(void *ctx, struct group *g)
{
	ck_assert_uint_eq(g->n_live, 0);
	group_del(&gs, g);
	n_abandoned++;
}

static const struct groups_ops ops = {.expired = on_expired, .abandoned = on_abandoned};
static const struct groups_limits limits = {100, 100, 50};

static void setup(void)
{
	ck_assert_int_eq(crypto_init(), 0);
	rng.s = 1;
	env_init(&env, &quiet_env_ops, &rng);
	env.now = 100 * SEC;
	n_expired = n_abandoned = 0;
	groups_init(&gs, &env, &limits, &ops, NULL);
}

static void teardown(void)
{
	groups_fini(&gs);
	ck_assert_int_eq(timers_next(&env.timers), PIAS_NEVER);
	env_fini(&env);
}

static void run(pias_time time)
{
	pias_time until = env.now + time;

	while (timers_next(&env.timers) <= until) {
		if (timers_next(&env.timers) > env.now)
			env.now = timers_next(&env.timers);
		env_run(&env);
	}
	env.now = until;
}

static struct group_name name(unsigned i)
{
	struct group_name g;

	ck_assert_int_eq(group_name_parse("198.18.0.1:1/udp", &g), 0);
	g.port = (uint16_t)(i + 1);
	return g;
}

static struct group *add(unsigned i)
{
	struct group_name n = name(i);
	struct id creator = {{1}};
	struct group *g;
	int err;

	g = group_add(&gs, &n, &creator, 1, VERSION_EPOCH, &err);
	ck_assert_ptr_nonnull(g);
	return g;
}

START_TEST(test_versions)
{
	ck_assert_uint_eq(version_after(1, 1), 2);
	ck_assert_uint_eq(version_after(0, VERSION_EPOCH), VERSION_EPOCH);
	ck_assert_uint_eq(version_after(VERSION_EPOCH, VERSION_EPOCH), 2 * VERSION_EPOCH);
	ck_assert_uint_eq(version_after(VERSION_EPOCH + 7, VERSION_EPOCH),
			  2 * VERSION_EPOCH);
	/* What somebody made up is no way back to "no such group". */
	ck_assert_uint_eq(version_after(UINT64_MAX, 1), UINT64_MAX);
	ck_assert_uint_eq(version_after(UINT64_MAX - 1, 1), UINT64_MAX);
	ck_assert_uint_eq(version_after(UINT64_MAX, VERSION_EPOCH), UINT64_MAX);
	ck_assert_uint_eq(version_after(UINT64_MAX - VERSION_EPOCH + 1, VERSION_EPOCH),
			  UINT64_MAX);
}
END_TEST

static struct member_record record(unsigned server, uint64_t seq)
{
	struct member_record r;

	memset(&r, 0, sizeof(r));
	r.server.b[0] = (uint8_t)(server * 37);
	r.join_ap.id.b[5] = (uint8_t)(seq % 3);
	r.unicast = addr_v4((uint8_t[]){203, 0, 113, 1}, 6080);
	strcpy(r.name, seq % 2 ? "odd" : "even");
	r.mtu = 1500;
	r.encap = ENCAP_GUE;
	r.flags = MEMBER_UP;
	r.seq = seq;
	r.left = 30 * SEC;
	return r;
}

static bool comes_after(const struct member_record *a, const struct member_record *b)
{
	if (a->seq != b->seq)
		return a->seq > b->seq;
	if (a->stamp != b->stamp)
		return a->stamp > b->stamp;
	return a->flags & ~b->flags & MEMBER_GONE;
}

static void check_sound(const struct group *g)
{
	uint32_t i, n_live = 0;

	for (i = 0; i < g->n_members; i++) {
		n_live += !(g->member[i]->flags & MEMBER_GONE);
		ck_assert(lease_is_set(&g->member[i]->lease));
		if (i)
			ck_assert_int_lt(
				id_cmp(&g->member[i - 1]->server, &g->member[i]->server),
				0);
	}
	ck_assert_uint_eq(g->n_live, n_live);
	ck_assert(lease_is_set(&g->grace) == !n_live);
}

START_TEST(test_last_word_counts)
{
	struct member_record last[N_SERVERS], r;
	struct group *g = add(0);
	struct merge c;
	unsigned i, s;

	rng.s = (uint64_t)_i;
	memset(last, 0, sizeof(last));
	for (i = 0; i < 300; i++) {
		bool is_later;

		s = rng_below(&rng, N_SERVERS);
		r = record(s, 1 + rng_below(&rng, 8));
		r.stamp = rng_below(&rng, 3);
		if (!rng_below(&rng, 3))
			r.flags = MEMBER_GONE;
		is_later = comes_after(&r, &last[s]);
		ck_assert_int_eq(group_merge(&gs, g, &r, &c), 0);
		ck_assert((c.kind != MERGE_OLD) == is_later);
		if (is_later)
			last[s] = r;
		check_sound(g);
	}
	ck_assert_uint_eq(gs.n_members, g->n_members);
	for (s = 0; s < N_SERVERS; s++) {
		const struct member *m = member_find(g, &last[s].server);

		ck_assert_uint_eq(m->seq, last[s].seq);
		ck_assert_uint_eq(m->stamp, last[s].stamp);
		ck_assert_uint_eq(m->flags, last[s].flags);
		ck_assert_str_eq(m->name->text, last[s].name);
		ck_assert(id_eq(&m->join_ap->contact.id, &last[s].join_ap.id));
	}
}
END_TEST

START_TEST(test_what_merging_reports)
{
	struct member_record r = record(1, 1);
	struct group *g = add(0);
	struct merge c;

	r.rtt_us = 10000;
	ck_assert_int_eq(group_merge(&gs, g, &r, &c), 0);
	ck_assert(c.kind == MERGE_CHANGED && c.is_new && !c.has_moved);
	r.seq = 4; /* the same join AP */
	ck_assert_int_eq(group_merge(&gs, g, &r, &c), 0);
	ck_assert(c.kind == MERGE_RENEWED && !c.is_new && !c.has_moved);
	/* Jitter is no news; a fifth more is. */
	r.seq = 7;
	r.rtt_us = 11900;
	ck_assert_int_eq(group_merge(&gs, g, &r, &c), 0);
	ck_assert(c.kind == MERGE_RENEWED);
	ck_assert_uint_eq(c.member->rtt_us, 10000);
	r.seq = 10;
	r.rtt_us = 12100;
	ck_assert_int_eq(group_merge(&gs, g, &r, &c), 0);
	ck_assert(c.kind == MERGE_CHANGED && c.old_rtt_us == 10000);
	r.seq = 11;
	r.join_ap.id.b[5]++;
	ck_assert_int_eq(group_merge(&gs, g, &r, &c), 0);
	ck_assert(c.kind == MERGE_CHANGED && c.has_moved);
	ck_assert_uint_eq(c.was.id.b[5], 1);
	ck_assert_uint_eq(gs.interns.aps.n, 1); /* the one before is forgotten */
	r.seq = 12;
	r.flags = MEMBER_GONE;
	ck_assert_int_eq(group_merge(&gs, g, &r, &c), 0);
	ck_assert(c.kind == MERGE_CHANGED);
	r.seq = 13;
	ck_assert_int_eq(group_merge(&gs, g, &r, &c), 0);
	ck_assert(c.kind == MERGE_RENEWED); /* still gone */
}
END_TEST

START_TEST(test_ends)
{
	struct member_record r = record(1, 1), back;
	struct group *g = add(0);
	struct merge c;

	ck_assert_int_eq(group_merge(&gs, g, &r, &c), 0);
	run(10 * SEC);
	member_tell(&gs, c.member, &back);
	ck_assert_int_eq(back.left, 20 * SEC);
	run(20 * SEC + LEASE_GRAIN);
	ck_assert_uint_eq(n_expired, 1);
	check_sound(g);
	/* The very same record is not alive again. */
	ck_assert_int_eq(group_merge(&gs, g, &r, &c), 0);
	ck_assert(c.kind == MERGE_OLD);
	run(GROUP_GRACE + LEASE_GRAIN);
	ck_assert_uint_eq(n_abandoned, 1);
	ck_assert_uint_eq(gs.by_name.n, 0);
	ck_assert_uint_eq(gs.n_members, 0);
	ck_assert_uint_eq(gs.interns.aps.n, 0);
	ck_assert_uint_eq(gs.interns.labels.n, 0);
}
END_TEST

/* Filled in another order, with detours, the digests are the same. */
START_TEST(test_digests)
{
	uint64_t want[DIGEST_BUCKETS], got[DIGEST_BUCKETS];
	struct id whole = {{7}};
	struct member_record r;
	struct merge c;
	uint32_t n;
	unsigned i;

	for (i = 0; i < 20; i++) {
		r = record(i % 5, 2);
		ck_assert_int_eq(group_merge(&gs, add(i), &r, &c), 0);
	}
	add(30); /* without a member: as if it were not there */
	groups_digest(&gs, &whole, &whole, want, &n);
	ck_assert_uint_eq(n, 20);
	groups_fini(&gs);
	rng.s = 99;
	groups_init(&gs, &env, &limits, &ops, NULL);
	for (i = 20; i--;) {
		struct group *g = add(i);

		r = record(i % 5, 1);
		ck_assert_int_eq(group_merge(&gs, g, &r, &c), 0);
		r = record(i % 5, 2);
		r.left = 20 * SEC; /* time does not count */
		ck_assert_int_eq(group_merge(&gs, g, &r, &c), 0);
		r = record(9, 5);
		r.flags = MEMBER_GONE; /* nor do tombstones */
		ck_assert_int_eq(group_merge(&gs, g, &r, &c), 0);
	}
	groups_digest(&gs, &whole, &whole, got, &n);
	ck_assert_mem_eq(got, want, sizeof(want));
	/* Another flag shows, in one bucket. */
	r = record(0, 2);
	r.stamp = 1;
	r.flags = 0;
	ck_assert_int_eq(group_merge(&gs, c.member->group, &r, &c), 0);
	groups_digest(&gs, &whole, &whole, got, &n);
	ck_assert_mem_ne(got, want, sizeof(want));
}
END_TEST

/* Keys in an arc, clockwise, each once, over the wrap. */
START_TEST(test_walk)
{
	struct id from, to, at;
	struct group *g;
	unsigned i, round, n, want;

	for (i = 0; i < 60; i++)
		add(i);
	for (round = 0; round < 200; round++) {
		rng_fill(&rng, &from, ID_LEN);
		rng_fill(&rng, &to, ID_LEN);
		for (i = 0, want = 0; i < 60; i++) {
			struct group_name nm = name(i);

			want += id_in_arc(&group_find(&gs, &nm)->node.key, &from, &to);
		}
		for (n = 0, at = from; (g = group_after(&gs, &at, &to)); n++) {
			ck_assert(id_in_arc(&g->node.key, &at, &to));
			at = g->node.key;
		}
		ck_assert_uint_eq(n, want);
	}
}
END_TEST

START_TEST(test_interns)
{
	struct contact a = {.id = {{1}}}, b = {.id = {{2}}};
	struct coord near, far;
	struct label *x, *y;
	struct ap *p, *q;

	coord_init(&near);
	coord_init(&far);
	far.vec[0] = 1;
	p = ap_get(&gs.interns, &a, &near);
	q = ap_get(&gs.interns, &a, &far);
	ck_assert_ptr_eq(p, q);
	ck_assert(p->coord.vec[0] == 1); /* the newest told */
	q = ap_get(&gs.interns, &b, &near);
	ck_assert_ptr_ne(q, p);
	ck_assert_uint_eq(gs.interns.aps.n, 2);
	ap_put(&gs.interns, p);
	ck_assert_uint_eq(gs.interns.aps.n, 2);
	ap_put(&gs.interns, p);
	ck_assert_uint_eq(gs.interns.aps.n, 1);
	ap_put(&gs.interns, ap_hold(q));
	ck_assert_uint_eq(gs.interns.aps.n, 1);
	ap_put(&gs.interns, q);
	ck_assert_uint_eq(gs.interns.aps.n, 0);
	x = label_get(&gs.interns, "demo");
	y = label_get(&gs.interns, "demo");
	ck_assert_ptr_eq(x, y);
	label_put(&gs.interns, x);
	ck_assert_str_eq(y->text, "demo");
	label_put(&gs.interns, y);
	ck_assert_uint_eq(gs.interns.labels.n, 0);
}
END_TEST

START_TEST(test_routes)
{
	struct group_name n = name(3);
	struct route *r = route_new(&n, 5, 7);

	ck_assert(group_name_eq(&r->name, &n));
	ck_assert_uint_eq(r->n_targets, 5);
	ck_assert_uint_eq(r->n_slots, 7);
	ck_assert_uint_eq(r->version, 0);
	memset(r->target, 0x5a, 5 * sizeof(*r->target));
	memset(r->slot, 0x5a, 7 * sizeof(*r->slot));
	ck_assert_uint_eq(r->target[4].mtu, 0x5a5a);
	route_free(r);
	route_free(NULL);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_versions);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, test_last_word_counts, 0, 20);
	tcase_add_test(c, test_what_merging_reports);
	tcase_add_test(c, test_ends);
	tcase_add_test(c, test_digests);
	tcase_add_test(c, test_walk);
	tcase_add_test(c, test_interns);
	tcase_add_test(c, test_routes);
}

int main(void)
{
	return suite_main("group", fill);
}
