/*
 * Events and tables over a perfect network of tables, without rings or links: everybody
 * hears of an event, about once, a few hops away; what is lost is made good.
 */
#include <string.h>

#include "overlay/gossip.h"
#include "tests/fixture/quiet_env.h"
#include "tests/fixture/suite.h"

#define NODES_MAX 600
#define DELAY	  (10 * MSEC)

struct world;

struct node {
	struct world *w;
	struct env env;
	struct table table;
	struct gossip g;
	unsigned n_events, n_news, n_pulled;
	pias_time news_at;
	bool is_deaf;
};

struct parcel {
	pias_time at;
	struct parcel *next;
	unsigned to, from;
	uint8_t type;
	size_t len;
	uint8_t body[];
};

struct world {
	struct book *book;
	struct rng rng;
	unsigned n;
	pias_time now;
	struct node *node;
	struct parcel *first, **last;
	uint64_t n_parcels, bytes;
	unsigned n_by_type[256];
};

static struct contact contact_of(unsigned i)
{
	struct contact c;
	uint8_t ip[4] = {10, 0, (uint8_t)(i >> 8), (uint8_t)i};
	struct rng r = {i + 1};

	memset(&c, 0, sizeof(c));
	rng_fill(&r, &c.id, sizeof(c.id));
	c.addr[0] = addr_v4(ip, 7427);
	return c;
}

static unsigned index_of(const struct contact *c)
{
	return (unsigned)c->addr[0].ip[2] << 8 | c->addr[0].ip[3];
}

static int on_send(void *ctx, const struct contact *to, uint8_t type, const void *body,
		   size_t len)
{
	struct node *x = ctx;
	struct world *w = x->w;
	struct parcel *p;

	if (index_of(to) >= w->n)
		return 0; /* not one of ours: reported, but not running */
	p = malloc(sizeof(*p) + len);

	*p = (struct parcel){.at = w->now + DELAY,
			     .to = index_of(to),
			     .from = (unsigned)(x - w->node),
			     .type = type,
			     .len = len};
	memcpy(p->body, body, len);
	*w->last = p;
	w->last = &p->next;
	w->n_parcels++;
	w->n_by_type[type]++;
	w->bytes += len;
	return 0;
}

static enum claim on_learn(void *ctx, const struct contact *from, const struct member *m,
			   bool is_hearsay)
{
	struct node *x = ctx;
	enum peer_status was;

	x->n_events++;
	if (table_apply(&x->table, m, x->env.now, &was) != TABLE_NEWS)
		return CLAIM_KNOWN;
	x->n_news++;
	x->news_at = x->w->now;
	return CLAIM_NEWS;
}

static void on_pulled(void *ctx)
{
	((struct node *)ctx)->n_pulled++;
}

static const struct gossip_ops ops = {
	.send = on_send, .learn = on_learn, .pulled = on_pulled};

static void learn(struct node *x, unsigned i, uint64_t incarnation,
		  enum peer_status status)
{
	struct member m = {contact_of(i), incarnation, status};
	enum peer_status was;

	table_apply(&x->table, &m, x->env.now, &was);
}

/* @n APs that all know each other. */
static struct world *world_new(unsigned n)
{
	struct world *w = calloc(1, sizeof(*w));
	unsigned i, k;

	w->n = n;
	w->now = SEC;
	w->rng.s = n;
	w->book = book_new();
	w->node = calloc(n, sizeof(*w->node));
	w->last = &w->first;
	for (i = 0; i < n; i++) {
		struct node *x = &w->node[i];
		struct contact self = contact_of(i);

		x->w = w;
		env_init(&x->env, &quiet_env_ops, &w->rng);
		x->env.now = w->now;
		table_init(&x->table, w->book, TABLE_MAX);
		gossip_init(&x->g, &x->env, &self, &x->table, &ops, x);
		for (k = 0; k < n; k++)
			learn(x, k, 1, PEER_ALIVE);
		gossip_start(&x->g);
	}
	return w;
}

static void deliver(struct world *w, const struct parcel *p)
{
	struct node *x = &w->node[p->to];
	struct contact from = contact_of(p->from);
	int err = 0;
	struct rd r;

	if (x->is_deaf)
		return;
	x->env.now = w->now;
	rd_init(&r, p->body, p->len);
	if (p->type == MSG_EVENTS)
		err = gossip_on_events(&x->g, &from, &r);
	else if (p->type == MSG_SYNC)
		err = gossip_on_sync(&x->g, &from, &r);
	else if (p->type == MSG_ENTRIES)
		err = gossip_on_entries(&x->g, &from, &r);
	ck_assert_int_eq(err, 0);
}

static void run_until(struct world *w, pias_time until)
{
	for (;;) {
		pias_time at = w->first ? w->first->at : PIAS_NEVER;
		struct node *first = NULL;
		unsigned i;

		for (i = 0; i < w->n; i++)
			if (timers_next(&w->node[i].env.timers) < at) {
				first = &w->node[i];
				at = timers_next(&first->env.timers);
			}
		if (at > until)
			break;
		w->now = at > w->now ? at : w->now;
		if (first) {
			first->env.now = w->now;
			env_run(&first->env);
		} else {
			struct parcel *p = w->first;

			w->first = p->next;
			if (!w->first)
				w->last = &w->first;
			deliver(w, p);
			free(p);
		}
	}
	w->now = until;
	{
		unsigned i;

		for (i = 0; i < w->n; i++)
			w->node[i].env.now = until;
	}
}

static void world_free(struct world *w)
{
	unsigned i;

	while (w->first) {
		struct parcel *p = w->first;

		w->first = p->next;
		free(p);
	}
	for (i = 0; i < w->n; i++) {
		gossip_fini(&w->node[i].g);
		table_fini(&w->node[i].table);
		env_fini(&w->node[i].env);
	}
	ck_assert_uint_eq(book_n(w->book), 0);
	book_free(w->book);
	free(w->node);
	free(w);
}

/* @who says that @subject is something, to everybody. */
static void report(struct world *w, unsigned who, unsigned subject, uint64_t incarnation,
		   enum peer_status status)
{
	struct node *x = &w->node[who];
	struct member m = {contact_of(subject), incarnation, status};

	x->env.now = w->now;
	learn(x, subject, incarnation, status);
	gossip_spread(&x->g, &m);
}

static enum peer_status status_at(const struct world *w, unsigned i, unsigned subject)
{
	struct contact c = contact_of(subject);
	uint32_t at = table_find(&w->node[i].table, &c.id);

	return at == TABLE_NONE ? PEER_UNKNOWN : table_status(&w->node[i].table, at);
}

/* Everybody hears it exactly once, within a depth of about log8(n). */
START_TEST(test_tree)
{
	static const struct {
		unsigned n, depth;
	} t[] = {{2, 1}, {3, 2}, {5, 3}, {9, 4}, {30, 5}, {100, 6}, {600, 8}};
	unsigned n = t[_i].n, i, heard = 0, once = 0;
	struct world *w = world_new(n);
	pias_time since = w->now, last = 0;

	report(w, 0, n - 1, 1, PEER_DEAD);
	run_until(w, since + 500 * MSEC);
	for (i = 1; i + 1 < n; i++) {
		const struct node *x = &w->node[i];

		ck_assert_int_eq(status_at(w, i, n - 1), PEER_DEAD);
		heard += x->n_news;
		once += x->n_events;
		if (x->news_at > last)
			last = x->news_at;
	}
	ck_assert_uint_eq(heard, n - 2);
	ck_assert_uint_eq(once, n - 2);
	ck_assert_uint_eq(w->n_by_type[MSG_EVENTS], n - 2);
	ck_assert_int_le((last - since) / DELAY, t[_i].depth);
	world_free(w);
}
END_TEST

/* Many report the same death at once: half the messages of as many trees. */
START_TEST(test_many_reporters)
{
	unsigned n = 100, i;
	struct world *w = world_new(n);

	for (i = 0; i < 10; i++)
		report(w, i * 9, n - 1, 1, PEER_DEAD);
	run_until(w, w->now + 500 * MSEC);
	for (i = 0; i + 1 < n; i++)
		ck_assert_int_eq(status_at(w, i, n - 1), PEER_DEAD);
	ck_assert_uint_lt(w->n_by_type[MSG_EVENTS], 10 * n / 2);
	world_free(w);
}
END_TEST

/*
 * Two reporters of which one's tree is cut: what the other's tree passes on must not
 * be held back because it is known already.
 */
START_TEST(test_cut_tree)
{
	unsigned n = 60, i, n_ignorant = 0;
	struct world *w = world_new(n);

	for (i = 1; i < 6; i++)
		w->node[i].is_deaf = true;
	report(w, 0, n - 1, 1, PEER_DEAD);
	run_until(w, w->now + 200 * MSEC);
	for (i = 1; i < 6; i++)
		w->node[i].is_deaf = false;
	report(w, 30, n - 1, 1, PEER_DEAD);
	report(w, 40, n - 1, 1, PEER_DEAD);
	run_until(w, w->now + 200 * MSEC);
	for (i = 0; i + 1 < n; i++)
		n_ignorant += status_at(w, i, n - 1) != PEER_DEAD;
	ck_assert_uint_eq(n_ignorant, 0);
	world_free(w);
}
END_TEST

/* Beyond the burst, events wait for their period and go out together. */
START_TEST(test_aggregation)
{
	unsigned n = 20, k, i, after_burst;
	struct world *w = world_new(n);
	pias_time since = w->now;

	for (k = 0; k < 100; k++) {
		report(w, 0, k % n, 2 + k, PEER_ALIVE);
		run_until(w, w->now + MSEC);
	}
	run_until(w, since + 150 * MSEC);
	after_burst = w->n_by_type[MSG_EVENTS];
	run_until(w, since + 900 * MSEC);
	ck_assert_uint_eq(w->n_by_type[MSG_EVENTS], after_burst);
	run_until(w, since + 5 * SEC);
	for (i = 0; i < n; i++)
		for (k = 0; k < n; k++)
			ck_assert_uint_eq(
				table_record(&w->node[i].table, k)->incarnation,
				table_record(&w->node[0].table, k)->incarnation);
	ck_assert_uint_eq(w->node[0].env.counters.v[COUNTER_drop_gossip_full], 0);
	world_free(w);
}
END_TEST

/* The queue has an end; what did not fit is counted, and comparisons bring it. */
START_TEST(test_queue_full)
{
	struct world *w = world_new(3);
	unsigned k, n = GOSSIP_QUEUE_MAX + 100;

	for (k = 0; k < n; k++)
		report(w, 0, 1000 + k, 2, PEER_ALIVE);
	ck_assert_uint_eq(w->node[0].env.counters.v[COUNTER_drop_gossip_full], 100);
	run_until(w, w->now + 200 * SEC);
	for (k = 0; k < n; k++) {
		ck_assert_int_eq(status_at(w, 1, 1000 + k), PEER_ALIVE);
		ck_assert_int_eq(status_at(w, 2, 1000 + k), PEER_ALIVE);
	}
	world_free(w);
}
END_TEST

/* Whoever heard nothing for a while is put right by comparing tables. */
START_TEST(test_anti_entropy)
{
	unsigned n = 12, i;
	struct world *w = world_new(n);

	w->node[5].is_deaf = true;
	report(w, 0, 11, 1, PEER_DEAD);
	report(w, 0, 10, 3, PEER_ALIVE);
	report(w, 0, 500, 1, PEER_ALIVE);
	run_until(w, w->now + SEC);
	ck_assert_int_eq(status_at(w, 5, 11), PEER_ALIVE);
	w->node[5].is_deaf = false;
	run_until(w, w->now + 130 * SEC);
	for (i = 0; i < n - 2; i++) {
		ck_assert_int_eq(status_at(w, i, 11), PEER_DEAD);
		ck_assert_int_eq(status_at(w, i, 500), PEER_ALIVE);
		ck_assert_mem_eq(w->node[i].table.digest, w->node[0].table.digest,
				 sizeof(w->node[0].table.digest));
	}
	world_free(w);
}
END_TEST

/* Equal tables say so in one small answer. */
START_TEST(test_sync_of_equals)
{
	struct world *w = world_new(50);
	struct contact with = contact_of(7);

	gossip_sync(&w->node[3].g, &with);
	run_until(w, w->now + 100 * MSEC);
	ck_assert_uint_eq(w->n_parcels, 2);
	ck_assert_uint_eq(w->bytes, MSG_SYNC_LEN + ENTRIES_HEADER_LEN);
	world_free(w);
}
END_TEST

/* A joiner gets the whole table, and gives itself; it tells nobody else about it. */
START_TEST(test_pull)
{
	unsigned n = NODES_MAX;
	struct world *w = world_new(n);
	struct node *x = &w->node[n - 1];
	struct contact from = contact_of(0), self = contact_of(n - 1);
	unsigned k;

	table_fini(&x->table);
	table_init(&x->table, w->book, TABLE_MAX);
	learn(x, n - 1, 9, PEER_ALIVE);
	gossip_pull(&x->g, &from);
	run_until(w, w->now + 100 * MSEC);
	ck_assert_uint_eq(x->n_pulled, 1);
	ck_assert_uint_eq(x->table.n_live, n);
	k = table_find(&w->node[0].table, &self.id);
	ck_assert_uint_eq(table_record(&w->node[0].table, k)->incarnation, 9);
	run_until(w, w->now + 300 * MSEC);
	ck_assert_mem_eq(x->table.digest, w->node[0].table.digest,
			 sizeof(x->table.digest));
	world_free(w);
}
END_TEST

/* Who was to give it does not answer: somebody else does. */
START_TEST(test_pull_again)
{
	struct world *w = world_new(6);
	struct node *x = &w->node[5];
	struct contact from = contact_of(0);

	w->node[0].is_deaf = true;
	gossip_pull(&x->g, &from);
	run_until(w, w->now + SEC);
	ck_assert_uint_eq(x->n_pulled, 0);
	run_until(w, w->now + 30 * SEC);
	ck_assert_uint_eq(x->n_pulled, 1);
	world_free(w);
}
END_TEST

/* Who was to give it has died, and nobody else is known: ours is all there is. */
START_TEST(test_pull_from_nobody)
{
	struct world *w = world_new(2);
	struct node *x = &w->node[1];
	struct contact from = contact_of(0);

	w->node[0].is_deaf = true;
	gossip_pull(&x->g, &from);
	run_until(w, w->now + 10 * SEC);
	ck_assert_uint_eq(x->n_pulled, 0); /* it may only be slow */
	learn(x, 0, 9, PEER_DEAD);
	run_until(w, w->now + 4 * SEC);
	ck_assert_uint_eq(x->n_pulled, 1);
	world_free(w);
}
END_TEST

/* Counts that promise more than there is, bytes left over: nothing is learnt. */
START_TEST(test_malformed)
{
	struct world *w = world_new(3);
	struct node *x = &w->node[1];
	struct contact from = contact_of(0);
	struct msg_event e = {{contact_of(2), 1, PEER_DEAD}, from.id};
	struct msg_entries head = {.n = 1};
	uint8_t body[256];
	struct wr wr;
	struct rd r;
	size_t len, cut;

	wr_init(&wr, body, sizeof(body));
	wr_u16(&wr, 1);
	msg_event_write(&wr, &e);
	len = wr_len(&wr);
	for (cut = 0; cut < len; cut++) {
		rd_init(&r, body, cut);
		ck_assert_int_eq(gossip_on_events(&x->g, &from, &r), PIAS_EMALFORMED);
	}
	rd_init(&r, body, len + 1);
	ck_assert_int_eq(gossip_on_events(&x->g, &from, &r), PIAS_EMALFORMED);
	wr_init(&wr, body, sizeof(body));
	msg_entries_write(&wr, &head);
	msg_member_write(&wr, &e.member);
	len = wr_len(&wr);
	for (cut = 0; cut < len; cut++) {
		rd_init(&r, body, cut);
		ck_assert_int_eq(gossip_on_entries(&x->g, &from, &r), PIAS_EMALFORMED);
	}
	rd_init(&r, body, len + 1);
	ck_assert_int_eq(gossip_on_entries(&x->g, &from, &r), PIAS_EMALFORMED);
	ck_assert_uint_eq(x->n_events, 0);
	ck_assert_int_eq(status_at(w, 1, 2), PEER_ALIVE);
	world_free(w);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_loop_test(c, test_tree, 0, 7);
	tcase_add_test(c, test_many_reporters);
	tcase_add_test(c, test_cut_tree);
	tcase_add_test(c, test_aggregation);
	tcase_add_test(c, test_queue_full);
	tcase_add_test(c, test_anti_entropy);
	tcase_add_test(c, test_sync_of_equals);
	tcase_add_test(c, test_pull);
	tcase_add_test(c, test_pull_again);
	tcase_add_test(c, test_pull_from_nobody);
	tcase_add_test(c, test_malformed);
}

int main(void)
{
	return suite_main("gossip", fill);
}
