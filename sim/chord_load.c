/*
 * The work of chord_load.h. Nodes lie sorted by id, so the true owner of a key is found
 * by bisection, and a perfect ring is written down rather than converged to.
 */
#include "sim/chord_load.h"

#include <stdlib.h>
#include <string.h>

#include "overlay/hop.h"
#include "sim/pages.h"
#include "sim/world.h"

#define ONE_WAY		 (25 * MSEC)
#define STABILISE_PERIOD (20 * SEC)
#define FINGER_PERIOD	 (120 * SEC)
#define CHECK_PERIOD	 (120 * SEC)
#define LOOKUP_PERIOD	 (10 * SEC)
#define NODES_MAX	 1000000
#define CACHE_LINE	 64
#define FINGERS_FAR	 16 /* the nearer ones all mean the successor */

struct load;

struct node {
	struct load *load;
	struct host *host;
	struct ring ring;
	struct fingers fingers;
	struct timer lookup, check;
	uint64_t checked; /* answers of the predecessor */
} __attribute__((aligned(CACHE_LINE)));

struct load {
	struct world world;
	struct book *book;
	struct node *node; /* in order of id */
	struct contact *contact;
	uint64_t *prefix; /* of each id: many of them in a cache line */
	unsigned n;
	struct chord_load_result *result;
};

static unsigned owner_of(const struct load *l, const struct id *key)
{
	uint64_t prefix = id_prefix(key);
	unsigned lo = 0, hi = l->n;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (l->prefix[mid] < prefix)
			lo = mid + 1;
		else
			hi = mid;
	}
	while (lo < l->n && l->prefix[lo] == prefix &&
	       id_cmp(&l->contact[lo].id, key) < 0)
		lo++;
	return lo == l->n ? 0 : lo;
}

/* --- a node's transport: type and body in one datagram ---------------------- */

static int node_send(void *ctx, const struct contact *to, uint8_t type, const void *body,
		     size_t len)
{
	struct node *n = ctx;
	uint8_t buf[1 + MSG_LIST_MAX];

	buf[0] = type;
	memcpy(buf + 1, body, len);
	n->load->result->messages++;
	n->host->env.ops->datagram(n->host, &to->addr[0], buf, len + 1);
	return 0;
}

static int on_ask(struct node *n, const struct contact *from, uint8_t type,
		  struct rd *body)
{
	struct msg_ask m;
	int err = msg_ask_read(body, &m);

	if (err)
		return err;
	if (type == MSG_GET_LIST)
		ring_on_get_list(&n->ring, from, &m);
	else
		ring_on_notify(&n->ring, from);
	return 0;
}

static int on_list(struct node *n, const struct contact *from, struct rd *body)
{
	struct msg_list m;
	int err = msg_list_read(body, &m);

	if (err)
		return err;
	if (id_eq(&from->id, &n->ring.pred.id))
		n->checked++;
	ring_on_list(&n->ring, from, &m);
	return 0;
}

static int node_message(struct node *n, const struct contact *from, uint8_t type,
			struct rd *body)
{
	switch (type) {
	case MSG_GET_LIST:
	case MSG_NOTIFY:
		return on_ask(n, from, type, body);
	case MSG_LIST:
		return on_list(n, from, body);
	case MSG_FIND:
		return fingers_on_find(&n->fingers, body);
	case MSG_FOUND:
		return fingers_on_found(&n->fingers, body);
	default:
		return PIAS_EMALFORMED;
	}
}

static void door_datagram(void *core, const struct addr *from, const uint8_t *data,
			  size_t len)
{
	struct node *n = core;
	uint32_t sender = world_index_by_addr(&n->load->world, from);
	struct rd body;

	rd_init(&body, data + 1, len - 1);
	if (node_message(n, &n->load->contact[sender], data[0], &body))
		abort(); /* nothing damages messages here */
}

static void door_wake(void *core)
{
	struct node *n = core;

	env_run(&n->host->env);
}

static void fetch(const void *from, const void *to)
{
	uintptr_t p = (uintptr_t)from & ~(uintptr_t)(CACHE_LINE - 1);

	for (; p < (uintptr_t)to; p += CACHE_LINE)
		__builtin_prefetch((const void *)p);
}

/*
 * Most events are FINDs: what routes them lies in the ring's head, its last successor
 * and the farther fingers.
 */
static void door_approach(void *core)
{
	const struct node *n = core;
	const struct ring *r = &n->ring;
	const struct fingers *f = &n->fingers;

	fetch(r, &r->succ[1]);
	fetch(&r->succ[RING_L - 1], &r->succ[RING_L]);
	fetch(f, &f->dist[FINGERS_FAR]);
	fetch(f->ref, &f->ref[FINGERS_FAR]);
}

static const struct host_doors doors = {
	.approach = door_approach,
	.wake = door_wake,
	.datagram = door_datagram,
};

/* --- what a node does by itself --------------------------------------------- */

static pias_time ring_patience(void *ctx, const struct contact *to)
{
	return 4 * ONE_WAY;
}

static bool ring_is_gone(void *ctx, const struct id *id)
{
	return false;
}

static void ring_silent(void *ctx, const struct contact *who)
{
}

static void ring_changed(void *ctx, unsigned what)
{
}

static void ring_done(void *ctx)
{
	struct node *n = ctx;

	n->load->result->timers++;
}

static bool ring_after(void *ctx, const struct id *from, const struct id *to,
		       struct contact *out)
{
	return false;
}

static bool ring_before(void *ctx, struct contact *out)
{
	return false;
}

static const struct ring_ops ring_ops = {
	.send = node_send,
	.patience = ring_patience,
	.after = ring_after,
	.before = ring_before,
	.is_gone = ring_is_gone,
	.silent = ring_silent,
	.changed = ring_changed,
	.done = ring_done,
};

static enum hop finger_route(void *ctx, const struct id *key, struct contact *out)
{
	struct node *n = ctx;

	return hop_towards(&n->ring, &n->fingers, key, out);
}

static void finger_found(void *ctx, const struct id *key, const struct contact *owner,
			 unsigned hops)
{
	struct node *n = ctx;
	struct chord_load_result *r = n->load->result;

	r->lookups++;
	if (!owner)
		return;
	r->correct += id_eq(&owner->id, &n->load->contact[owner_of(n->load, key)].id);
	r->hops += hops;
}

static const struct fingers_ops finger_ops = {
	.send = node_send,
	.route = finger_route,
	.found = finger_found,
};

static void on_lookup(void *ctx)
{
	struct node *n = ctx;
	struct env *env = &n->host->env;
	struct id key;

	n->load->result->timers++;
	timer_set(&env->timers, &n->lookup, env->now + LOOKUP_PERIOD);
	env_random(env, key.b, ID_LEN);
	if (fingers_lookup(&n->fingers, &key))
		n->load->result->lookups++; /* and not answered */
}

/* The predecessor is asked for its list: its answer is its sign of life. */
static void on_check(void *ctx)
{
	struct node *n = ctx;
	struct env *env = &n->host->env;
	struct msg_ask m = {.nonce = env_random_u32(env) | 1u << 31, .incarnation = 1};
	uint8_t body[MSG_ASK_LEN];
	struct wr w;

	n->load->result->timers++;
	timer_set(&env->timers, &n->check, env->now + CHECK_PERIOD);
	wr_init(&w, body, sizeof(body));
	msg_ask_write(&w, &m);
	node_send(n, &n->ring.pred, MSG_GET_LIST, body, wr_len(&w));
}

/* --- setting up -------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
	return id_cmp(&((const struct contact *)a)->id, &((const struct contact *)b)->id);
}

/* Hosts in order of id, so that a host's index is its place on the ring. */
static void add_hosts(struct load *l, uint64_t seed)
{
	struct rng r;
	unsigned i;

	rng_init(&r, seed, RNG_TOPOLOGY, 1);
	for (i = 0; i < l->n; i++)
		rng_fill(&r, l->contact[i].id.b, ID_LEN);
	qsort(l->contact, l->n, sizeof(l->contact[0]), by_id);
	for (i = 0; i < l->n; i++) {
		struct host *h = world_add_host(
			&l->world, topology_add(&l->world.topology, POINT_AP),
			&l->contact[i].id);

		h->doors = &doors;
		h->core = &l->node[i];
		l->prefix[i] = id_prefix(&l->contact[i].id);
		l->contact[i].addr[0] = h->addr;
		l->node[i].host = h;
		l->node[i].load = l;
	}
}

static void start_ring(struct load *l, unsigned i)
{
	struct node *n = &l->node[i];
	struct msg_list list = {0};
	unsigned k;

	ring_init(&n->ring, &n->host->env, &l->contact[i], 1, STABILISE_PERIOD, &ring_ops,
		  n);
	if (l->n == 1) {
		ring_create(&n->ring);
		return;
	}
	for (k = 1; k <= RING_L && k < l->n; k++)
		list.succ[list.n_succ++] = l->contact[(i + k) % l->n];
	ring_join(&n->ring, &l->contact[(i + l->n - 1) % l->n], &list);
}

static void start_fingers(struct load *l, unsigned i)
{
	struct node *n = &l->node[i];
	unsigned k;

	fingers_init(&n->fingers, &n->host->env, l->book, &l->contact[i], FINGER_PERIOD,
		     &finger_ops, n);
	for (k = 0; k < FINGERS; k++) {
		struct id key;
		unsigned owner;

		id_add_pow2(&key, &l->contact[i].id, ID_BITS - 1 - k);
		owner = owner_of(l, &key);
		if (owner != i)
			fingers_set(&n->fingers, k, &l->contact[owner]);
	}
	n->fingers.is_filled = true;
	fingers_start(&n->fingers);
}

static void start_node(void *ctx, uint64_t i)
{
	struct load *l = ctx;
	struct node *n = &l->node[i];
	struct env *env = &n->host->env;

	world_start_host(&l->world, n->host);
	start_ring(l, (unsigned)i);
	start_fingers(l, (unsigned)i);
	timer_init(&n->lookup, on_lookup, n);
	timer_init(&n->check, on_check, n);
	timer_set(&env->timers, &n->lookup,
		  env->now + (pias_time)(env_random_u64(env) % LOOKUP_PERIOD));
	timer_set(&env->timers, &n->check,
		  env->now + (pias_time)(env_random_u64(env) % CHECK_PERIOD));
	world_leave(n->host);
}

static void finish(struct load *l)
{
	unsigned i;

	for (i = 0; i < l->n; i++) {
		ring_fini(&l->node[i].ring);
		fingers_fini(&l->node[i].fingers);
	}
	l->result->trace = l->world.trace;
	world_fini(&l->world);
}

int chord_load_run(unsigned nodes, pias_time duration, uint64_t seed,
		   enum queue_kind queue, struct chord_load_result *out)
{
	struct load l = {.n = nodes, .result = out};
	int err = PIAS_ENOMEM;
	unsigned i;

	memset(out, 0, sizeof(*out));
	if (!nodes || nodes > NODES_MAX)
		return PIAS_EINVALID;
	l.book = book_new();
	l.node = pages_new(nodes * sizeof(*l.node));
	l.contact = calloc(nodes, sizeof(*l.contact));
	l.prefix = calloc(nodes, sizeof(*l.prefix));
	if (l.book && l.node && l.contact && l.prefix) {
		topology_init_fixed(&l.world.topology, seed, ONE_WAY);
		world_init(&l.world, seed, queue);
		add_hosts(&l, seed);
		for (i = 0; i < nodes; i++)
			start_node(&l, i);
		world_run(&l.world, duration);
		finish(&l);
		err = 0;
	}
	free(l.node);
	free(l.contact);
	free(l.prefix);
	book_free(l.book);
	return err;
}
