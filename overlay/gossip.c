/*
 * The tree. For an event whose arc is (self, until), an AP tells the owners of
 * self + k * 2^160 / 8^j for j = 1, 2 ... and k = 7 ... 1, from far to near, each with
 * the part of the arc that begins at him; so that the arcs of those told are disjoint
 * and cover the whole, and the depth is at most log8 of the number of members, give
 * or take. The same few APs are told again and again, over links that are up.
 *
 * Several APs may report one death at once. recent[] remembers how far each event
 * was passed on from here, and only what goes beyond is passed on again.
 */
#include "overlay/gossip.h"

#include <stdlib.h>
#include <string.h>

#define GOSSIP_PERIOD	  (1 * SEC)
#define GOSSIP_BURST	  8 /* flushes at once in one period */
#define GOSSIP_REMEMBER	  (10 * SEC)
#define EVENTS_PER_FRAME  128
#define ENTRIES_PER_FRAME 250
#define FANOUT_BITS	  3
#define SYNC_MIN	  (30 * SEC) /* between comparisons: min to 2 * min */
#define SYNC_SOON	  (1 * SEC)  /* after one that brought news: half to 1.5 */
#define SYNC_FIRST	  (4 * SEC)  /* after joining */
#define PULL_RETRY	  (3 * SEC)
#define QUEUE_KEPT	  16 /* events there is always room for */
#define NEWCOMER_TIME	  (10 * SEC)
#define RESPREAD_MAX	  8 /* news from one comparison that are spread as events */

static void on_flush(void *ctx);
static void on_sync_timer(void *ctx);
static void on_pull_retry(void *ctx);
static void end_pull(struct gossip *g);

void gossip_init(struct gossip *g, struct env *env, const struct contact *self,
		 const struct table *table, const struct gossip_ops *ops, void *ctx)
{
	memset(g, 0, sizeof(*g));
	g->env = env;
	g->self = *self;
	g->table = table;
	g->ops = ops;
	g->ctx = ctx;
	g->budget = GOSSIP_BURST;
	timer_init(&g->flush, on_flush, g);
	timer_init(&g->sync, on_sync_timer, g);
	timer_init(&g->pull_retry, on_pull_retry, g);
}

void gossip_fini(struct gossip *g)
{
	timer_stop(&g->env->timers, &g->flush);
	timer_stop(&g->env->timers, &g->sync);
	timer_stop(&g->env->timers, &g->pull_retry);
	free(g->queue);
	g->queue = NULL;
}

static void sync_in(struct gossip *g, pias_time delay)
{
	pias_time at =
		g->env->now + delay / 2 + env_random_below(g->env, (uint32_t)delay);

	if (!timer_is_set(&g->sync) || at < g->sync.at)
		timer_set(&g->env->timers, &g->sync, at);
}

void gossip_start(struct gossip *g)
{
	g->is_on = true;
	g->since = g->env->now;
	sync_in(g, SYNC_FIRST);
}

void gossip_stop(struct gossip *g)
{
	g->is_on = false;
	timer_stop(&g->env->timers, &g->sync);
	timer_stop(&g->env->timers, &g->pull_retry);
}

/* Events */

static uint64_t event_key(const struct member *m)
{
	return id_prefix(&m->contact.id) ^ m->incarnation * 0x9e3779b97f4a7c15u ^
	       (uint64_t)m->status << 56;
}

/* Does (self, @until) hold anything that this event was not yet passed on to? */
static bool goes_beyond(struct gossip *g, const struct msg_event *e)
{
	uint64_t key = event_key(&e->member);
	struct recent *r = &g->recent[(key >> 32) % GOSSIP_RECENT];

	if (r->key == key && g->env->now - r->at < GOSSIP_REMEMBER && r->at &&
	    (id_eq(&r->until, &g->self.id) ||
	     id_in_arc(&e->until, &g->self.id, &r->until)))
		return false;
	r->key = key;
	r->until = e->until;
	r->at = g->env->now;
	return true;
}

static int queue_room(struct gossip *g)
{
	uint32_t cap = g->cap_queue ? 2 * g->cap_queue : 16;
	struct msg_event *q;

	if (g->n_queue < g->cap_queue)
		return 0;
	if (g->n_queue == GOSSIP_QUEUE_MAX)
		return PIAS_EFULL;
	q = realloc(g->queue, cap * sizeof(*q));
	if (!q)
		return PIAS_ENOMEM;
	g->queue = q;
	g->cap_queue = cap;
	return 0;
}

/* The room that a burst took is given back. */
static void empty_queue(struct gossip *g)
{
	g->n_queue = 0;
	if (g->cap_queue <= QUEUE_KEPT)
		return;
	free(g->queue);
	g->queue = NULL;
	g->cap_queue = 0;
}

static void arm_flush(struct gossip *g)
{
	pias_time now = g->env->now;

	if (timer_is_set(&g->flush))
		return;
	if (now - g->budget_since >= GOSSIP_PERIOD) {
		g->budget = GOSSIP_BURST;
		g->budget_since = now;
	}
	timer_set(&g->env->timers, &g->flush,
		  g->budget ? now : g->budget_since + GOSSIP_PERIOD);
	if (g->budget)
		g->budget--;
}

static void pass_on(struct gossip *g, const struct msg_event *e)
{
	if (!goes_beyond(g, e))
		return;
	if (queue_room(g)) {
		count(g->env, drop_gossip_full);
		return;
	}
	g->queue[g->n_queue++] = *e;
	arm_flush(g);
}

void gossip_spread(struct gossip *g, const struct member *m)
{
	struct msg_event e = {.member = *m, .until = g->self.id};

	pass_on(g, &e);
}

/* self + k * 2^160 / 8^level */
static void tree_point(const struct gossip *g, unsigned level, unsigned k, struct id *out)
{
	unsigned bit, low = ID_BITS - FANOUT_BITS * level;

	*out = g->self.id;
	for (bit = 0; bit < FANOUT_BITS; bit++)
		if (k >> bit & 1) {
			struct id sum;

			id_add_pow2(&sum, out, low + bit);
			*out = sum;
		}
}

/* Tells @to every queued event in whose arc he lies, and cuts the arcs there. */
static void tell_queued(struct gossip *g, const struct contact *to)
{
	uint8_t body[2 + EVENTS_PER_FRAME * EVENT_WIRE_MAX];
	uint32_t i, n = 0;
	struct wr w;

	wr_init(&w, body, sizeof(body));
	wr_u16(&w, 0);
	for (i = 0; i < g->n_queue; i++) {
		struct msg_event *e = &g->queue[i];

		if (!id_between(&g->self.id, &to->id, &e->until))
			continue;
		msg_event_write(&w, e);
		e->until = to->id;
		if (++n == EVENTS_PER_FRAME) {
			be16_put(body, (uint16_t)n);
			g->ops->send(g->ctx, to, MSG_EVENTS, body, wr_len(&w));
			wr_init(&w, body, sizeof(body));
			wr_u16(&w, 0);
			n = 0;
		}
	}
	if (!n)
		return;
	be16_put(body, (uint16_t)n);
	g->ops->send(g->ctx, to, MSG_EVENTS, body, wr_len(&w));
}

/* The first live AP from @point on, before ourselves; NULL if there is none. */
static const struct contact *told_at(const struct gossip *g, const struct id *point)
{
	uint32_t i = table_owner(g->table, point);
	const struct contact *c;

	if (i == TABLE_NONE)
		return NULL;
	c = &table_record(g->table, i)->contact;
	if (id_eq(&c->id, &g->self.id))
		return NULL;
	if (!id_eq(&c->id, point) && !id_between(point, &c->id, &g->self.id))
		return NULL;
	return c;
}

static void on_flush(void *ctx)
{
	struct gossip *g = ctx;
	struct id point = g->self.id;
	struct contact first, to;
	const struct contact *c;
	unsigned level, k;

	id_inc(&point);
	c = told_at(g, &point);
	if (!c) {
		empty_queue(g);
		return;
	}
	first = *c;
	for (level = 1; level * FANOUT_BITS <= ID_BITS; level++) {
		for (k = (1u << FANOUT_BITS) - 1; k; k--) {
			tree_point(g, level, k, &point);
			c = told_at(g, &point);
			if (!c)
				continue;
			to = *c;
			tell_queued(g, &to);
			if (id_eq(&to.id, &first.id)) {
				empty_queue(g);
				return;
			}
		}
	}
	tell_queued(g, &first);
	empty_queue(g);
}

int gossip_on_events(struct gossip *g, const struct contact *from, struct rd *body)
{
	struct msg_event e;
	struct rd again;
	uint16_t n = rd_u16(body), i;
	int err;

	again = *body;
	for (i = 0; i < n && !body->err; i++)
		msg_event_read(body, &e);
	err = rd_done(body);
	if (err)
		return err;
	for (i = 0; i < n; i++) {
		msg_event_read(&again, &e);
		count(g->env, gossip_events_in);
		if (g->ops->learn(g->ctx, from, &e.member, false) != CLAIM_STALE &&
		    g->is_on)
			pass_on(g, &e);
	}
	return 0;
}

/* Entries */

struct entries_out {
	uint8_t body[ENTRIES_HEADER_LEN + ENTRIES_PER_FRAME * MEMBER_WIRE_MAX];
	struct msg_entries head;
	struct wr w;
};

static void entries_begin(struct entries_out *o)
{
	o->head.n = 0;
	wr_init(&o->w, o->body, sizeof(o->body));
	wr_zero(&o->w, ENTRIES_HEADER_LEN);
}

static void entries_send(struct gossip *g, const struct contact *to,
			 struct entries_out *o, uint8_t flags)
{
	struct wr head;

	o->head.flags = flags;
	wr_init(&head, o->body, ENTRIES_HEADER_LEN);
	msg_entries_write(&head, &o->head);
	g->ops->send(g->ctx, to, MSG_ENTRIES, o->body, wr_len(&o->w));
	entries_begin(o);
}

static void entries_add(struct gossip *g, const struct contact *to, struct entries_out *o,
			const struct member *m)
{
	if (o->head.n == ENTRIES_PER_FRAME)
		entries_send(g, to, o, 0);
	msg_member_write(&o->w, m);
	o->head.n++;
}

void gossip_tell(struct gossip *g, const struct contact *to, const struct member *m)
{
	struct entries_out o;

	memset(&o.head, 0, sizeof(o.head));
	entries_begin(&o);
	entries_add(g, to, &o, m);
	entries_send(g, to, &o, 0);
}

static bool has_bucket(const uint8_t *buckets, uint8_t b)
{
	return buckets[b / 8] >> (b % 8) & 1;
}

/* Everything that we know in @buckets, the dead included. */
static void send_buckets(struct gossip *g, const struct contact *to,
			 const uint8_t *buckets, uint8_t flags)
{
	struct entries_out o;
	struct member m;
	uint32_t i;

	memset(&o.head, 0, sizeof(o.head));
	memcpy(o.head.buckets, buckets, sizeof(o.head.buckets));
	entries_begin(&o);
	for (i = 0; i < g->table->n; i++) {
		if (!has_bucket(buckets, (uint8_t)(g->table->e[i].prefix >> 24)))
			continue;
		table_member(g->table, i, &m);
		entries_add(g, to, &o, &m);
	}
	entries_send(g, to, &o, flags | ENTRIES_LAST);
}

void gossip_sync(struct gossip *g, const struct contact *with)
{
	uint8_t body[MSG_SYNC_LEN];
	struct msg_sync m;
	struct wr w;

	memcpy(m.digest, g->table->digest, sizeof(m.digest));
	wr_init(&w, body, sizeof(body));
	msg_sync_write(&w, &m);
	g->ops->send(g->ctx, with, MSG_SYNC, body, wr_len(&w));
}

void gossip_pull(struct gossip *g, const struct contact *from)
{
	g->pull_from = *from;
	timer_set(&g->env->timers, &g->pull_retry, g->env->now + PULL_RETRY);
	gossip_sync(g, from);
}

/* A live AP drawn at random, not ourselves. */
static bool random_peer(const struct gossip *g, struct contact *out)
{
	struct id at;
	uint32_t i;

	env_random(g->env, &at, sizeof(at));
	i = table_owner(g->table, &at);
	if (i != TABLE_NONE && id_eq(&table_record(g->table, i)->contact.id, &g->self.id))
		i = table_next(g->table, i);
	if (i == TABLE_NONE)
		return false;
	*out = table_record(g->table, i)->contact;
	return !id_eq(&out->id, &g->self.id);
}

/* Whoever answers will do: the one who admitted us may be gone by now. */
static void on_pull_retry(void *ctx)
{
	struct gossip *g = ctx;
	struct contact from;

	/* Who admitted us is dead, and we know nobody else: the table is all there is. */
	if (random_peer(g, &from))
		gossip_pull(g, &from);
	else
		end_pull(g);
}

static void on_sync_timer(void *ctx)
{
	struct gossip *g = ctx;
	struct contact with;

	timer_set(&g->env->timers, &g->sync,
		  g->env->now + SYNC_MIN + env_random_below(g->env, SYNC_MIN));
	if (random_peer(g, &with))
		gossip_sync(g, &with);
}

int gossip_on_sync(struct gossip *g, const struct contact *from, struct rd *body)
{
	uint8_t buckets[SYNC_BUCKETS / 8] = {0};
	struct msg_sync m;
	bool differs = false;
	int i, err = msg_sync_read(body, &m);

	if (err)
		return err;
	for (i = 0; i < SYNC_BUCKETS; i++) {
		if (m.digest[i] == g->table->digest[i])
			continue;
		buckets[i / 8] |= (uint8_t)(1u << (i % 8));
		differs = true;
	}
	send_buckets(g, from, buckets, differs ? ENTRIES_WANT_BACK : 0);
	return 0;
}

static void end_pull(struct gossip *g)
{
	memset(&g->pull_from, 0, sizeof(g->pull_from));
	timer_stop(&g->env->timers, &g->pull_retry);
	g->ops->pulled(g->ctx);
}

/*
 * News that a comparison brought: what we missed, others may have missed as well;
 * unless we are new, and missed what came before we were told of anything.
 */
static void on_late_news(struct gossip *g, const struct member *news, unsigned n)
{
	bool is_new = g->env->now - g->since < NEWCOMER_TIME;
	unsigned i;

	if (!n || !g->is_on)
		return;
	for (i = 0; i < n && n <= RESPREAD_MAX && !is_new; i++)
		gossip_spread(g, &news[i]);
	sync_in(g, SYNC_SOON);
}

int gossip_on_entries(struct gossip *g, const struct contact *from, struct rd *body)
{
	struct member m, news[RESPREAD_MAX];
	struct msg_entries head;
	unsigned i, n_news = 0;
	struct rd again;
	bool is_pull =
		contact_has_addr(&g->pull_from) && id_eq(&g->pull_from.id, &from->id);
	int err;

	msg_entries_read(body, &head);
	again = *body;
	for (i = 0; i < head.n && !body->err; i++)
		msg_member_read(body, &m);
	err = rd_done(body);
	if (err)
		return err;
	for (i = 0; i < head.n; i++) {
		msg_member_read(&again, &m);
		if (g->ops->learn(g->ctx, from, &m, true) != CLAIM_NEWS)
			continue;
		if (n_news < RESPREAD_MAX)
			news[n_news] = m;
		n_news++;
	}
	if (head.flags & ENTRIES_WANT_BACK)
		send_buckets(g, from, head.buckets, 0);
	if (!is_pull)
		on_late_news(g, news, n_news);
	else if (head.flags & ENTRIES_LAST)
		end_pull(g);
	return 0;
}
