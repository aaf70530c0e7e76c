/*
 * Whole overlays over a scripted network: rings of every size form, heal and merge, and
 * keys reach their owners meanwhile. NET_LOG=1 shows what happens.
 */
#include "tests/fixture/net.h"
#include "tests/fixture/suite.h"

#define JOINED (10 * SEC)
#define HEALED (20 * SEC)

static struct net *ring_of_mode(uint64_t seed, unsigned n, enum table_mode mode)
{
	struct net *net = net_new(seed);
	unsigned i;

	net->log = getenv("NET_LOG") != NULL;
	net->mode = mode;
	net_add_many(net, n);
	for (i = 0; i < n; i++)
		net_start(&net->node[i]);
	net_converge(net, 0, JOINED + n * SEC);
	return net;
}

static struct net *ring_of(uint64_t seed, unsigned n)
{
	return ring_of_mode(seed, n, TABLE_FULL);
}

/* All start at once, from one seed. */
START_TEST(test_form)
{
	struct net *net = ring_of((uint64_t)_i, (unsigned)_i);
	unsigned i;

	for (i = 0; i < net->n; i++) {
		const struct counters *c = &net->node[i].env.counters;

		ck_assert_uint_eq(net->node[i].n_joined, 1);
		ck_assert_uint_eq(c->v[COUNTER_peers_suspected], 0);
		ck_assert_uint_eq(c->v[COUNTER_drop_message_malformed], 0);
	}
	net_free(net);
}
END_TEST

START_TEST(test_form_by_fingers)
{
	net_free(ring_of_mode((uint64_t)_i, (unsigned)_i, TABLE_FINGERS));
}
END_TEST

/* Every order */

static bool has_member(const struct net *net)
{
	unsigned i;

	for (i = 0; i < net->n; i++)
		if (net->node[i].o && overlay_is_joined(net->node[i].o))
			return true;
	return false;
}

/* One step of a schedule: AP @i comes, or goes in one of two ways. */
static void step(struct net *net, unsigned i, unsigned how)
{
	struct net_node *x = &net->node[i];

	if (!x->o)
		net_start(x);
	else if (how)
		net_kill(x);
	else
		net_leave(x, 50 * MSEC);
}

/*
 * Schedule number @number of @n_steps steps over @n APs, all of them seeds of all, a
 * little apart in time. Only the first can create a ring: where nobody is left, it comes
 * back. Afterwards the ring must be what it should be.
 */
static void run_schedule(uint64_t number, unsigned n, unsigned n_steps,
			 enum table_mode mode)
{
	struct net *net = net_new(number + 1);
	unsigned i, k, choice;
	struct id id;

	net->log = getenv("NET_LOG") != NULL;
	net->mode = mode;
	for (i = 0; i < n; i++) {
		rng_fill(&net->rng, &id, sizeof(id));
		net_add(net, &id, n);
	}
	net_start(&net->node[0]);
	net_run(net, 4 * SEC);
	for (k = 0; k < n_steps; k++) {
		choice = (unsigned)(number % (2 * n));
		number /= 2 * n;
		i = choice / 2;
		step(net, i, choice % 2);
		net_run(net, rng_below(&net->rng, 4) * 400 * MSEC);
	}
	if (!has_member(net) && !net->node[0].o)
		net_start(&net->node[0]);
	net_converge(net, 0, HEALED);
	net_free(net);
}

#define SCHEDULES_2 1024 /* 4^5 */
#define SCHEDULES_3 1296 /* 6^4 */
#define SLICES	    16

START_TEST(test_every_order_of_two)
{
	int k;

	for (k = _i; k < SCHEDULES_2; k += SLICES)
		run_schedule((uint64_t)k, 2, 5, TABLE_FULL);
}
END_TEST

START_TEST(test_every_order_of_three)
{
	int k;

	for (k = _i; k < SCHEDULES_3; k += SLICES)
		run_schedule((uint64_t)k, 3, 4, TABLE_FULL);
}
END_TEST

/* Joins of four in every order, then each goes, in every order, in both ways. */
START_TEST(test_every_order_of_four)
{
	struct net *net = net_new((uint64_t)_i + 1);
	unsigned at[4] = {0, 1, 2, 3}, k, order = (unsigned)_i % 24,
		 how = (unsigned)_i / 24;
	struct id id;

	for (k = 0; k < 4; k++) {
		rng_fill(&net->rng, &id, sizeof(id));
		net_add(net, &id, 4);
	}
	for (k = 4; k > 1; k--) {
		unsigned j = order % k, t = at[j];

		order /= k;
		at[j] = at[k - 1];
		at[k - 1] = t;
	}
	for (k = 0; k < 4; k++) {
		net_start(&net->node[at[k]]);
		net_run(net, 30 * MSEC);
	}
	net_converge(net, 0, JOINED);
	for (k = 0; k < 3; k++) {
		step(net, at[(k + how) % 4], how >> k & 1);
		net_converge(net, 0, HEALED);
	}
	net_free(net);
}
END_TEST

/* Larger rings under a random schedule, some steps at the same instant. */
static void random_schedule(uint64_t seed, enum table_mode mode)
{
	struct net *net = net_new(seed);
	unsigned n = 4 + rng_below(&net->rng, 12), i, k;
	struct id id;

	net->log = getenv("NET_LOG") != NULL;
	net->mode = mode;
	net->loss = rng_below(&net->rng, 3) * 20;
	for (i = 0; i < n; i++) {
		rng_fill(&net->rng, &id, sizeof(id));
		net_add(net, &id, 3);
		net_start(&net->node[i]);
	}
	net_run(net, 6 * SEC);
	for (k = 0; k < 3 * n; k++) {
		/* The first seed stays: nobody else can create a ring. */
		i = 1 + rng_below(&net->rng, n - 1);
		step(net, i, rng_below(&net->rng, 2));
		net_run(net, rng_below(&net->rng, 3) * 500 * MSEC);
	}
	net->loss = 0;
	net_converge(net, 0, 2 * HEALED);
	net_free(net);
}

START_TEST(test_random_schedule)
{
	random_schedule((uint64_t)_i, TABLE_FULL);
}
END_TEST

START_TEST(test_random_schedule_by_fingers)
{
	random_schedule((uint64_t)_i, TABLE_FINGERS);
}
END_TEST

/* Crashes */

static pias_time worst_notice(const struct net *net, const struct net_node *victim,
			      pias_time since, pias_time *first)
{
	pias_time worst = 0;
	unsigned i;

	*first = PIAS_NEVER;
	for (i = 0; i < net->n; i++) {
		const struct net_node *x = &net->node[i];
		pias_time t = x->seen_at[victim->i] - since;

		if (!x->o || x == victim)
			continue;
		ck_assert_int_eq(x->seen[victim->i], PEER_DEAD);
		worst = t > worst ? t : worst;
		*first = t < *first ? t : *first;
	}
	return worst;
}

/* Dead within 1.5 s, even without a reset; known everywhere soon after. */
START_TEST(test_crash_is_noticed)
{
	static const unsigned sizes[] = {2, 3, 5, 9, 14};
	unsigned n = sizes[_i / 2 % 5];
	bool hangs = _i % 2;
	struct net *net = ring_of((uint64_t)_i, n);
	struct net_node *victim = &net->node[n - 1];
	pias_time since, first, worst;

	net_run(net, 5 * SEC + rng_below(&net->rng, 1000) * MSEC);
	since = net->now;
	if (hangs)
		net_hang(victim);
	else
		net_kill(victim);
	net_run(net, 3 * SEC);
	worst = worst_notice(net, victim, since, &first);
	ck_assert_int_le(worst, 1500 * MSEC);
	ck_assert_int_le(worst - first, 300 * MSEC);
	if (hangs)
		net_kill(victim);
	net_converge(net, 0, HEALED);
	net_free(net);
}
END_TEST

/* Who left is gone at once, and nobody suspects him first. */
START_TEST(test_leave_is_known)
{
	unsigned n = (unsigned)_i, i;
	struct net *net = ring_of((uint64_t)_i, n);
	struct net_node *leaver = &net->node[n - 1];
	const struct addr *at = &leaver->config.self.addr[0];
	struct id key;

	net_run(net, 3 * SEC);
	for (i = 0; i < n; i++)
		ck_assert(overlay_is_host(net->node[i].o, at));
	leaver->env.now = net->now;
	overlay_leave(leaver->o);
	env_settle(&leaver->env);
	ck_assert(!overlay_owns(leaver->o, &leaver->config.self.id));
	net_run(net, 60 * MSEC);
	for (i = 0; i + 1 < n; i++) {
		struct overlay *o = net->node[i].o;

		ck_assert_int_eq(net->node[i].seen[n - 1], PEER_LEFT);
		ck_assert_int_eq(overlay_peer_status(o, &leaver->config.self.id),
				 PEER_LEFT);
		ck_assert(!overlay_is_host(o, at));
		ck_assert(overlay_is_host(o, &net->node[i].config.self.addr[0]));
		ck_assert_uint_eq(net->node[i].env.counters.v[COUNTER_peers_suspected],
				  0);
	}
	/* It still finds the owners of keys, now among the others. */
	for (i = 0; i < 20; i++) {
		struct contact owner;

		rng_fill(&net->rng, &key, sizeof(key));
		ck_assert_int_eq(overlay_owner(leaver->o, &key, &owner), 0);
		ck_assert(!id_eq(&owner.id, &leaver->config.self.id));
	}
	net_kill(leaver);
	net_converge(net, 0, HEALED);
	net_free(net);
}
END_TEST

/* Dead for others, but not for itself: it refutes, and nobody forgets it for good. */
START_TEST(test_false_death)
{
	struct net *net = ring_of((uint64_t)_i, 6);
	struct net_node *x = &net->node[3];
	unsigned i;

	net_hang(x);
	net_run(net, 3 * SEC);
	for (i = 0; i < net->n; i++)
		if (i != 3)
			ck_assert_int_eq(net->node[i].seen[3], PEER_DEAD);
	x->is_hung = false;
	net_converge(net, 0, 3 * HEALED);
	for (i = 0; i < net->n; i++)
		if (i != 3)
			ck_assert_int_eq(net->node[i].seen[3], PEER_ALIVE);
	net_free(net);
}
END_TEST

/* A quick restart: the same key, another process. Its clock may have gone back. */
START_TEST(test_restart)
{
	struct net *net = ring_of((uint64_t)_i, 5);
	struct net_node *x = &net->node[1 + _i % 4];

	net_run(net, 2 * SEC);
	net_kill(x);
	net_run(net, rng_below(&net->rng, 3) * 700 * MSEC);
	if (_i % 2)
		x->config.incarnation = NET_WALL - (uint64_t)3600 * SEC;
	net_start(x);
	net_converge(net, 0, HEALED);
	net_free(net);
}
END_TEST

/* Splits */

static void split(struct net *net, unsigned n_islands)
{
	unsigned i;

	for (i = 0; i < net->n; i++)
		net->node[i].island = i % n_islands;
}

static void unite(struct net *net)
{
	unsigned i;

	for (i = 0; i < net->n; i++)
		net->node[i].island = 0;
}

/* Each part forms a ring of its own; when the split ends, they merge. */
START_TEST(test_split_and_merge)
{
	unsigned n_islands = 2 + (unsigned)_i % 2, n = 4 + (unsigned)_i, k;
	struct net *net = ring_of((uint64_t)_i, n);

	net_run(net, 2 * SEC);
	split(net, n_islands);
	net_run(net, 10 * SEC);
	for (k = 0; k < n_islands; k++)
		net_converge(net, k, HEALED);
	unite(net);
	net_converge(net, 0, 60 * SEC);
	net_free(net);
}
END_TEST

START_TEST(test_split_and_merge_by_fingers)
{
	struct net *net = ring_of_mode((uint64_t)_i, 6 + (unsigned)_i, TABLE_FINGERS);

	net_run(net, 2 * SEC);
	split(net, 2);
	net_run(net, 15 * SEC);
	net_converge(net, 0, 2 * HEALED);
	net_converge(net, 1, 2 * HEALED);
	unite(net);
	net_converge(net, 0, 120 * SEC);
	net_free(net);
}
END_TEST

/* The first seed restarts alone and makes a ring of its own; the old one finds it. */
START_TEST(test_first_seed_comes_back_apart)
{
	struct net *net = ring_of(7, 5);
	struct net_node *first = &net->node[0];

	net_kill(first);
	net_converge(net, 0, HEALED);
	ck_assert_uint_eq(first->config.n_seeds, 1);
	net_start(first); /* it knows nobody but itself */
	net_run(net, SEC);
	ck_assert(overlay_is_joined(first->o));
	net_converge(net, 0, 60 * SEC);
	net_free(net);
}
END_TEST

/* Keys */

static struct net_node *owner_of(struct net *net, const struct id *key)
{
	struct net_node *m[NET_NODES];
	unsigned i, n = net_members(net, 0, m);

	for (i = 0; i < n; i++)
		if (id_cmp(&m[i]->config.self.id, key) >= 0)
			return m[i];
	return m[0];
}

static void route_and_check(struct net *net, struct net_node *from, const struct id *key)
{
	struct net_node *owner = owner_of(net, key);
	unsigned before = owner->n_messages;

	from->env.now = net->now;
	ck_assert_int_eq(overlay_route(from->o, key, 0x42, "hello", 5), 0);
	env_settle(&from->env);
	net_run(net, 300 * MSEC);
	ck_assert_uint_eq(owner->n_messages, before + 1);
	ck_assert(id_eq(&owner->last.from.id, &from->config.self.id));
	ck_assert_uint_eq(owner->last.type, 0x42);
	ck_assert_uint_eq(owner->last.len, 5);
	ck_assert_mem_eq(owner->last.body, "hello", 5);
}

START_TEST(test_route)
{
	struct net *net = ring_of_mode(5, 12, _i ? TABLE_FINGERS : TABLE_FULL);
	struct id key;
	int k;

	net_run(net, 10 * SEC);
	for (k = 0; k < 50; k++) {
		rng_fill(&net->rng, &key, sizeof(key));
		route_and_check(net, &net->node[k % 12], &key);
	}
	for (k = 0; k < 12; k++)
		ck_assert_uint_eq(net->node[k].env.counters.v[COUNTER_drop_hops], 0);
	net_free(net);
}
END_TEST

/* The sender's table is wrong: the message arrives, and the table is put right. */
START_TEST(test_wrong_owner)
{
	struct net *net = ring_of(11, 8);
	struct net_node *from = &net->node[1], *owner = &net->node[5];
	struct id key = owner->config.self.id;
	struct net_node *next;
	uint64_t redirected;

	net_run(net, 2 * SEC);
	table_del(&from->o->membership.table, &key);
	id_inc(&key);
	next = owner_of(net, &key);
	ck_assert_ptr_ne(next, from);
	redirected = next->env.counters.v[COUNTER_lookups_redirected];
	route_and_check(net, from, &owner->config.self.id);
	ck_assert_uint_eq(next->env.counters.v[COUNTER_lookups_redirected],
			  redirected + 1);
	ck_assert_int_eq(overlay_peer_status(from->o, &owner->config.self.id),
			 PEER_ALIVE);
	net_free(net);
}
END_TEST

/* Owners and successors are those that follow the key; every key has one owner. */
START_TEST(test_owners)
{
	unsigned n = (unsigned)_i, i, k, want = n < 3 ? n : 3;
	struct net *net = ring_of(3, n);
	struct net_node *m[NET_NODES];
	struct contact c[3];
	struct id key;

	net_members(net, 0, m);
	for (i = 0; i < n; i++) {
		ck_assert_uint_eq(overlay_owners(m[i]->o, &m[0]->config.self.id, c, 3),
				  want);
		for (k = 0; k < want; k++)
			ck_assert(id_eq(&c[k].id, &m[k]->config.self.id));
		ck_assert_uint_eq(overlay_successors(m[i]->o, c, 3),
				  n - 1 < 3 ? n - 1 : 3);
		if (n > 1)
			ck_assert(id_eq(&c[0].id, &m[(i + 1) % n]->config.self.id));
	}
	for (k = 0; k < 50; k++) {
		unsigned owners = 0;

		rng_fill(&net->rng, &key, sizeof(key));
		for (i = 0; i < n; i++)
			owners += overlay_owns(m[i]->o, &key);
		ck_assert_uint_eq(owners, 1);
		ck_assert(overlay_owns(owner_of(net, &key)->o, &key));
	}
	net_free(net);
}
END_TEST

/* Refusals */

/* A second AP with a key in use is refused and told why; the first one stays. */
START_TEST(test_duplicate_key)
{
	struct net *net = ring_of(13, 4);
	struct net_node *twin = net_add(net, &net->node[2].config.self.id, 1);
	unsigned i;

	net_start(twin);
	net_run(net, 10 * SEC);
	ck_assert_uint_eq(twin->n_joined, 0);
	ck_assert_uint_gt(twin->n_failed, 0);
	ck_assert_int_eq(twin->failed, PIAS_EDUPLICATE);
	ck_assert_uint_gt(net->node[0].env.counters.v[COUNTER_drop_peer_duplicate], 0);
	for (i = 0; i < 4; i++)
		ck_assert_uint_eq(overlay_n_peers(net->node[i].o), 4);
	net_kill(twin);
	net_converge(net, 0, HEALED);
	net_free(net);
}
END_TEST

/*
 * Two with one key, each at home in a ring of its own, and the rings meet: both owners
 * are told, and they do not outbid each other for ever.
 */
START_TEST(test_duplicate_key_across_rings)
{
	struct net *net = ring_of(29, 4);
	struct id id = {{0x77}};
	struct net_node *other = net_add(net, &id, 0), *twin;
	uint64_t frames;

	twin = net_add(net, &net->node[2].config.self.id, 0);
	other->island = twin->island = 1;
	other->config.n_seeds = 2; /* itself first, and one of the other ring */
	other->config.seed[0] = other->config.self.addr[0];
	other->config.seed[1] = net->node[0].config.self.addr[0];
	twin->config.n_seeds = 1;
	twin->config.seed[0] = other->config.self.addr[0];
	net_start(other);
	net_start(twin);
	net_run(net, 10 * SEC);
	ck_assert(overlay_is_joined(other->o) && overlay_is_joined(twin->o));
	other->n_failed = twin->n_failed = 0;
	unite(net);
	net_run(net, 60 * SEC);
	ck_assert_uint_ge(net->node[2].n_failed + twin->n_failed, 1);
	ck_assert_int_eq(net->node[2].n_failed ? net->node[2].failed : twin->failed,
			 PIAS_EDUPLICATE);
	ck_assert_int_eq(overlay_peer_status(net->node[0].o, &id), PEER_ALIVE);
	frames = net->n_frames;
	net_run(net, 60 * SEC);
	ck_assert_uint_lt(net->n_frames - frames, 6 * 60 * 20);
	net_kill(twin);
	net_converge(net, 0, 60 * SEC);
	net_free(net);
}
END_TEST

/* An AP of another ring does not get in. */
START_TEST(test_other_ring)
{
	struct net *net = ring_of(17, 3);
	struct id id = {{0x42}};
	struct net_node *x = net_add(net, &id, 1);

	strcpy(x->config.ring, "another");
	net_start(x);
	net_run(net, 5 * SEC);
	ck_assert_uint_eq(x->n_joined, 0);
	ck_assert_int_eq(x->failed, PIAS_ERING);
	net_kill(x);
	net_free(net);
}
END_TEST

/* No seed answers: it says so and keeps trying, until one does. */
START_TEST(test_seed_comes_late)
{
	struct net *net = net_new(19);

	net_add_many(net, 2);
	net_start(&net->node[1]);
	net_run(net, 20 * SEC);
	ck_assert(!overlay_is_joined(net->node[1].o));
	ck_assert_uint_ge(net->node[1].n_failed, 1);
	ck_assert_uint_le(net->node[1].n_failed, 3);
	net_start(&net->node[0]);
	net_converge(net, 0, JOINED);
	net_free(net);
}
END_TEST

/* Who has joined is known everywhere, before anybody compares tables. */
START_TEST(test_join_is_told)
{
	struct net *net = net_new(29);
	struct net_node *x;
	unsigned i, n = 24;

	net_add_many(net, n);
	for (i = 0; i + 1 < n; i++)
		net_start(&net->node[i]);
	net_run(net, 60 * SEC);
	x = &net->node[n - 1];
	net_start(x);
	for (i = 0; i < 100 && !overlay_is_joined(x->o); i++)
		net_run(net, 50 * MSEC);
	net_run(net, 500 * MSEC);
	for (i = 0; i + 1 < n; i++)
		ck_assert_int_eq(overlay_peer_status(net->node[i].o, &x->config.self.id),
				 PEER_ALIVE);
	net_free(net);
}
END_TEST

/*
 * Many join at once: each is told of each other about once, or finds it in the table
 * that it gets. What newcomers have missed meanwhile is not told to all again.
 */
START_TEST(test_mass_join)
{
	struct net *net = net_new(30);
	unsigned i, n = 60;
	uint64_t told = 0;

	net_add_many(net, n);
	for (i = 0; i < n; i++) {
		net_start(&net->node[i]);
		net_run(net, 50 * MSEC);
	}
	net_converge(net, 0, JOINED + n * SEC);
	for (i = 0; i < n; i++)
		told += net->node[i].env.counters.v[COUNTER_gossip_events_in];
	ck_assert_msg(told <= n * n, "told %lu", (unsigned long)told);
	net_free(net);
}
END_TEST

/* Peace and order */

/* Nothing changes in a ring at rest, whatever datagrams are lost. */
START_TEST(test_rest)
{
	struct net *net = ring_of(23, 10);
	uint64_t changes[10];
	unsigned i;

	net_run(net, 10 * SEC);
	net->loss = 20;
	for (i = 0; i < 10; i++)
		changes[i] = net->node[i].env.counters.v[COUNTER_ring_changes];
	net_run(net, 120 * SEC);
	for (i = 0; i < 10; i++) {
		const struct counters *c = &net->node[i].env.counters;

		ck_assert_uint_eq(c->v[COUNTER_ring_changes], changes[i]);
		ck_assert_uint_eq(c->v[COUNTER_peers_dead], 0);
	}
	net_free(net);
}
END_TEST

static uint64_t run_once(uint64_t seed)
{
	struct net *net = ring_of(seed, 9);
	uint64_t hash;

	net->loss = 50;
	net_kill(&net->node[4]);
	net_run(net, SEC);
	net_leave(&net->node[6], 100 * MSEC);
	net_start(&net->node[4]);
	net_run(net, 30 * SEC);
	hash = net->hash;
	net_free(net);
	return hash;
}

START_TEST(test_same_seed_same_trace)
{
	uint64_t a = run_once(31), b = run_once(31), c = run_once(32);

	ck_assert_uint_eq(a, b);
	ck_assert_uint_ne(a, c);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_loop_test(c, test_form, 1, 14);
	tcase_add_loop_test(c, test_form_by_fingers, 1, 14);
	tcase_add_loop_test(c, test_every_order_of_two, 0, SLICES);
	tcase_add_loop_test(c, test_every_order_of_three, 0, SLICES);
	tcase_add_loop_test(c, test_every_order_of_four, 0, 24 * 8);
	tcase_add_loop_test(c, test_random_schedule, 1, 30);
	tcase_add_loop_test(c, test_random_schedule_by_fingers, 1, 20);
	tcase_add_loop_test(c, test_crash_is_noticed, 0, 20);
	tcase_add_loop_test(c, test_leave_is_known, 2, 12);
	tcase_add_loop_test(c, test_false_death, 1, 6);
	tcase_add_loop_test(c, test_restart, 0, 8);
	tcase_add_loop_test(c, test_split_and_merge, 0, 10);
	tcase_add_loop_test(c, test_split_and_merge_by_fingers, 0, 5);
	tcase_add_test(c, test_first_seed_comes_back_apart);
	tcase_add_loop_test(c, test_route, 0, 2);
	tcase_add_test(c, test_wrong_owner);
	tcase_add_loop_test(c, test_owners, 1, 6);
	tcase_add_test(c, test_duplicate_key);
	tcase_add_test(c, test_duplicate_key_across_rings);
	tcase_add_test(c, test_other_ring);
	tcase_add_test(c, test_seed_comes_late);
	tcase_add_test(c, test_join_is_told);
	tcase_add_test(c, test_mass_join);
	tcase_add_test(c, test_rest);
	tcase_add_test(c, test_same_seed_same_trace);
}

int main(void)
{
	return suite_main("overlay", fill);
}
