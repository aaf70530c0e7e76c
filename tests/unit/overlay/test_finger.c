/*
 * Fingers by themselves: against brute force, in lookups over a perfect ring, when
 * answers are lost, late or not asked for.
 */
#include <string.h>

#include "overlay/finger.h"
#include "tests/fixture/quiet_env.h"
#include "tests/fixture/suite.h"

#define NODES 200

struct sent {
	unsigned to;
	uint8_t type;
	uint8_t body[MSG_FIND_MAX];
	size_t len;
};

struct world;

struct node {
	struct world *w;
	struct env env;
	struct fingers f;
	unsigned n_found, n_lost, hops;
	struct contact owner;
};

struct world {
	struct book *book;
	struct rng rng;
	struct node node[NODES]; /* sorted by id */
	struct sent queue[64];
	unsigned n_queue;
	uint64_t n_sent;
	bool is_deaf; /* nothing arrives */
};

static unsigned index_of(const struct world *w, const struct id *id)
{
	unsigned i;

	for (i = 0; i < NODES; i++)
		if (id_eq(&w->node[i].f.self.id, id))
			return i;
	ck_abort_msg("unknown id");
	return 0;
}

static unsigned owner_of(const struct world *w, const struct id *key)
{
	unsigned i;

	for (i = 0; i < NODES; i++)
		if (id_cmp(&w->node[i].f.self.id, key) >= 0)
			return i;
	return 0;
}

static int on_send(void *ctx, const struct contact *to, uint8_t type, const void *body,
		   size_t len)
{
	struct world *w = ((struct node *)ctx)->w;
	struct sent *s = &w->queue[w->n_queue++];

	ck_assert_uint_le(w->n_queue, 64);
	s->to = index_of(w, &to->id);
	s->type = type;
	s->len = len;
	memcpy(s->body, body, len);
	w->n_sent++;
	return 0;
}

/* As the overlay does it, with a successor list of one. */
static enum hop on_route(void *ctx, const struct id *key, struct contact *out)
{
	struct node *x = ctx;
	struct world *w = x->w;
	unsigned i = (unsigned)(x - w->node);
	const struct contact *succ = &w->node[(i + 1) % NODES].f.self;

	*out = x->f.self;
	if (owner_of(w, key) == i)
		return HOP_OWNER;
	*out = *succ;
	if (id_in_arc(key, &x->f.self.id, &succ->id))
		return HOP_OWNER;
	if (!fingers_closest(&x->f, key, out))
		*out = *succ;
	return HOP_NEXT;
}

static void on_found(void *ctx, const struct id *key, const struct contact *owner,
		     unsigned hops)
{
	struct node *x = ctx;

	if (!owner) {
		x->n_lost++;
		return;
	}
	ck_assert_uint_eq(index_of(x->w, &owner->id), owner_of(x->w, key));
	x->n_found++;
	x->hops += hops;
	x->owner = *owner;
}

static const struct fingers_ops ops = {
	.send = on_send, .route = on_route, .found = on_found};

static int by_id(const void *a, const void *b)
{
	return id_cmp(a, b);
}

static struct world *world_new(uint64_t seed)
{
	struct world *w = calloc(1, sizeof(*w));
	struct id id[NODES];
	unsigned i;

	w->rng.s = seed;
	w->book = book_new();
	rng_fill(&w->rng, id, sizeof(id));
	qsort(id, NODES, sizeof(*id), by_id);
	for (i = 0; i < NODES; i++) {
		struct node *x = &w->node[i];
		uint8_t ip[4] = {192, 0, 2, (uint8_t)i};
		struct contact self = {.id = id[i], .addr = {addr_v4(ip, 7427)}};

		x->w = w;
		env_init(&x->env, &quiet_env_ops, &w->rng);
		fingers_init(&x->f, &x->env, w->book, &self, 30 * SEC, &ops, x);
	}
	return w;
}

static void world_free(struct world *w)
{
	unsigned i;

	for (i = 0; i < NODES; i++) {
		fingers_fini(&w->node[i].f);
		ck_assert_int_eq(timers_next(&w->node[i].env.timers), PIAS_NEVER);
		env_fini(&w->node[i].env);
	}
	ck_assert_uint_eq(book_n(w->book), 0);
	book_free(w->book);
	free(w);
}

static void deliver_all(struct world *w)
{
	while (w->n_queue) {
		struct sent s = w->queue[--w->n_queue];
		struct fingers *f = &w->node[s.to].f;
		struct rd r;

		if (w->is_deaf)
			continue;
		rd_init(&r, s.body, s.len);
		if (s.type == MSG_FIND)
			ck_assert_int_eq(fingers_on_find(f, &r), 0);
		else
			ck_assert_int_eq(fingers_on_found(f, &r), 0);
	}
}

static void run_all(struct world *w, pias_time until)
{
	unsigned i;

	for (i = 0; i < NODES; i++) {
		struct node *x = &w->node[i];

		while (timers_next(&x->env.timers) <= until) {
			x->env.now = timers_next(&x->env.timers);
			env_run(&x->env);
			deliver_all(w);
		}
		x->env.now = until;
	}
}

static void check_fingers(const struct world *w, unsigned i)
{
	unsigned k;

	for (k = 0; k < FINGERS; k++) {
		struct contact c;
		struct id key;
		unsigned owner;

		id_add_pow2(&key, &w->node[i].f.self.id, ID_BITS - 1 - k);
		owner = owner_of(w, &key);
		if (owner == i) {
			ck_assert(!fingers_get(&w->node[i].f, k, &c));
			continue;
		}
		ck_assert(fingers_get(&w->node[i].f, k, &c));
		ck_assert_uint_eq(index_of(w, &c.id), owner);
	}
}

/* From nothing: all fingers are right after a few seconds, with few lookups. */
START_TEST(test_fill)
{
	struct world *w = world_new(1);
	unsigned i;

	for (i = 0; i < NODES; i++)
		fingers_start(&w->node[i].f);
	run_all(w, 10 * SEC);
	for (i = 0; i < NODES; i++) {
		check_fingers(w, i);
		ck_assert(w->node[i].f.is_filled);
		ck_assert_uint_le(w->node[i].env.counters.v[COUNTER_lookups], 20);
	}
	world_free(w);
}
END_TEST

/* Each lookup finds the owner, in about half of log2(N) hops. */
START_TEST(test_lookup)
{
	struct world *w = world_new(2);
	unsigned i, k, found = 0, hops = 0;
	struct id key;

	for (i = 0; i < NODES; i++)
		fingers_start(&w->node[i].f);
	run_all(w, 10 * SEC);
	for (k = 0; k < 2000; k++) {
		struct node *x = &w->node[k % NODES];

		rng_fill(&w->rng, &key, sizeof(key));
		ck_assert_int_eq(fingers_lookup(&x->f, &key), 0);
		deliver_all(w);
	}
	for (i = 0; i < NODES; i++) {
		found += w->node[i].n_found;
		hops += w->node[i].hops;
		ck_assert_uint_eq(w->node[i].n_lost, 0);
		ck_assert_uint_eq(w->node[i].env.counters.v[COUNTER_drop_hops], 0);
	}
	ck_assert_uint_eq(found, 2000);
	ck_assert_uint_lt(hops, 2000 * 5);
	ck_assert_uint_gt(hops, 2000 * 2);
	world_free(w);
}
END_TEST

/* The closest finger that precedes a key, against trying all of them. */
START_TEST(test_closest)
{
	struct world *w = world_new(3);
	struct fingers *f = &w->node[17].f;
	unsigned k, i;

	/* True ones, some of them unknown. */
	for (i = 0; i < FINGERS; i++) {
		struct id key;

		id_add_pow2(&key, &f->self.id, ID_BITS - 1 - i);
		if (rng_below(&w->rng, 4))
			fingers_set(f, i, &w->node[owner_of(w, &key)].f.self);
	}
	for (k = 0; k < 5000; k++) {
		struct contact got, want = f->self, c;
		bool found = false;
		struct id key;

		if (k % 3)
			rng_fill(&w->rng, &key, sizeof(key));
		else
			key = w->node[rng_below(&w->rng, NODES)].f.self.id;
		for (i = 0; i < FINGERS; i++)
			if (fingers_get(f, i, &c) &&
			    id_between(&f->self.id, &c.id, &key) &&
			    id_between(&want.id, &c.id, &key)) {
				want = c;
				found = true;
			}
		ck_assert(fingers_closest(f, &key, &got) == found);
		if (found)
			ck_assert(id_eq(&got.id, &want.id));
	}
	world_free(w);
}
END_TEST

START_TEST(test_gone)
{
	struct world *w = world_new(4);
	struct fingers *f = &w->node[0].f;
	struct contact c = w->node[50].f.self;

	fingers_set(f, 3, &c);
	fingers_set(f, 4, &c);
	fingers_set(f, 5, &w->node[10].f.self);
	ck_assert(fingers_has(f, &c.id));
	fingers_on_gone(f, &c.id);
	ck_assert(!fingers_has(f, &c.id));
	ck_assert(!fingers_get(f, 3, &c) && !fingers_get(f, 4, &c));
	ck_assert(fingers_get(f, 5, &c));
	/* Ourselves: the whole ring is nearer than that. */
	fingers_set(f, 5, &f->self);
	ck_assert(!fingers_get(f, 5, &c));
	world_free(w);
}
END_TEST

/* No answer: it ends, once, and makes room. */
START_TEST(test_lost)
{
	struct world *w = world_new(5);
	struct node *x = &w->node[9];
	struct id key;
	int k;

	w->is_deaf = true;
	for (k = 0; k < FINGER_LOOKUPS_MAX; k++) {
		rng_fill(&w->rng, &key, sizeof(key));
		if (owner_of(w, &key) == 9 || owner_of(w, &key) == 10) {
			k--;
			continue;
		}
		ck_assert_int_eq(fingers_lookup(&x->f, &key), 0);
		deliver_all(w);
	}
	ck_assert_int_eq(fingers_lookup(&x->f, &key), PIAS_EFULL);
	run_all(w, 4 * SEC);
	ck_assert_uint_eq(x->n_lost, 0);
	run_all(w, 6 * SEC);
	ck_assert_uint_eq(x->n_lost, FINGER_LOOKUPS_MAX);
	w->is_deaf = false;
	key = w->node[30].f.self.id;
	ck_assert_int_eq(fingers_lookup(&x->f, &key), 0);
	deliver_all(w);
	ck_assert_uint_eq(x->n_found, 1);
	world_free(w);
}
END_TEST

/* What nobody asked for, or somebody else, is not learnt. */
START_TEST(test_stray_answer)
{
	struct world *w = world_new(6);
	struct node *x = &w->node[9];
	struct msg_found m = {.nonce = 77, .hops_left = 3, .owner = w->node[70].f.self};
	uint8_t body[MSG_FOUND_MAX];
	struct wr wr;
	struct rd r;

	wr_init(&wr, body, sizeof(body));
	msg_found_write(&wr, &m);
	rd_init(&r, body, wr_len(&wr));
	ck_assert_int_eq(fingers_on_found(&x->f, &r), 0);
	ck_assert_uint_eq(x->n_found + x->n_lost, 0);
	ck_assert(!fingers_has(&x->f, &m.owner.id));
	rd_init(&r, body, wr_len(&wr) - 1);
	ck_assert_int_eq(fingers_on_found(&x->f, &r), PIAS_EMALFORMED);
	world_free(w);
}
END_TEST

/* A message that has no hops left is dropped, and counted. */
START_TEST(test_hops)
{
	struct world *w = world_new(7);
	struct node *x = &w->node[9];
	struct msg_find m = {.nonce = 1, .asker = w->node[0].f.self};
	uint8_t body[MSG_FIND_MAX];
	struct wr wr;
	struct rd r;
	int left;

	m.key = w->node[120].f.self.id;
	for (left = 0; left < 2; left++) {
		m.hops_left = (uint8_t)left;
		wr_init(&wr, body, sizeof(body));
		msg_find_write(&wr, &m);
		rd_init(&r, body, wr_len(&wr));
		ck_assert_int_eq(fingers_on_find(&x->f, &r), 0);
		ck_assert_uint_eq(w->n_sent, (uint64_t)left);
		ck_assert_uint_eq(x->env.counters.v[COUNTER_drop_hops], 1);
	}
	world_free(w);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_fill);
	tcase_add_test(c, test_lookup);
	tcase_add_test(c, test_closest);
	tcase_add_test(c, test_gone);
	tcase_add_test(c, test_lost);
	tcase_add_test(c, test_stray_answer);
	tcase_add_test(c, test_hops);
}

int main(void)
{
	return suite_main("finger", fill);
}
