/*
 * The life of an overlay, and who tells whom: messages go to the part they belong to,
 * what a part learns goes to the others. The detector's verdict reaches the table
 * first, then the ring, then the layers above.
 *
 * The layers above are told at the end of every way in (emit), when all parts agree
 * again: never from the middle of a change.
 */
#include "overlay/overlay.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/parts.h"

#define STABILISE_PERIOD (1 * SEC)
#define PROBE_PERIOD	 (500 * MSEC)
#define FINGER_PERIOD	 (30 * SEC)
#define PATIENCE_MIN	 (300 * MSEC)
#define PATIENCE_MAX	 (3 * SEC) /* also where a link must be dialed first */
#define REPLICAS	 3

/* Telling the layers above */

static bool successors_differ(struct overlay *o)
{
	struct contact now[REPLICAS_MAX];
	unsigned i, n = overlay_successors(o, now, o->config.n_replicas - 1);
	bool differ = n != o->n_told;

	for (i = 0; i < n; i++) {
		differ |= !id_eq(&o->told[i], &now[i].id);
		o->told[i] = now[i].id;
	}
	o->n_told = n;
	return differ;
}

/* A callback may bring us here again; the outer call then finds nothing left. */
void overlay_emit(struct overlay *o)
{
	if (!o->is_joined && !o->joined)
		return;
	if (o->joined)
		o->is_joined = true;
	if (o->range_changed) {
		o->range_changed = false;
		o->ops->range_changed(o->ctx);
	}
	if (o->successors_changed) {
		o->successors_changed = false;
		if (successors_differ(o))
			o->ops->successors_changed(o->ctx);
	}
	if (o->joined) {
		o->joined = false;
		o->ops->joined(o->ctx);
	}
}

/* What the parts ask for */

int overlay_send_message(void *ctx, const struct contact *to, uint8_t type,
			 const void *body, size_t len)
{
	struct overlay *o = ctx;

	return peers_send(o->peers, to, type, body, len);
}

/* A few round trips; time to dial where there is no link. */
static pias_time ring_patience(void *ctx, const struct contact *to)
{
	struct overlay *o = ctx;
	uint32_t rtt_us = probes_rtt_us(o->probes, &to->id);
	pias_time t = 4 * (pias_time)rtt_us;

	if (!rtt_us || !peers_has_link(o->peers, &to->id) || t > PATIENCE_MAX)
		return PATIENCE_MAX;
	return t < PATIENCE_MIN ? PATIENCE_MIN : t;
}

static bool ring_after(void *ctx, const struct id *from, const struct id *to,
		       struct contact *out)
{
	struct overlay *o = ctx;
	const struct table *t = &o->membership.table;
	struct id next = *from;
	uint32_t i;

	id_inc(&next);
	i = table_owner(t, &next);
	if (i == TABLE_NONE)
		return false;
	*out = table_record(t, i)->contact;
	return id_between(from, &out->id, to);
}

static bool ring_before(void *ctx, struct contact *out)
{
	struct overlay *o = ctx;

	return o->config.mode == TABLE_FULL &&
	       route_preceding(o, &o->config.self.id, out);
}

static bool ring_is_gone(void *ctx, const struct id *id)
{
	struct overlay *o = ctx;

	return membership_is_gone(&o->membership, id);
}

static void ring_silent(void *ctx, const struct contact *who)
{
	struct overlay *o = ctx;

	probes_now(o->probes, who);
}

static void ring_changed(void *ctx, unsigned what)
{
	struct overlay *o = ctx;
	char id[9], pred[9], head[9] = "-";

	if (what & RING_PRED)
		o->range_changed = true;
	if (what & RING_SUCC)
		o->successors_changed = true;
	if (ring_head(&o->ring))
		id_short(&ring_head(&o->ring)->id, head);
	log_debug(o->env, "ring: self=%s pred=%s succ=%s n=%u",
		  id_short(&o->config.self.id, id), id_short(&o->ring.pred.id, pred),
		  head, o->ring.n_succ);
}

/* The ring's timers end in no callback of ours: what they changed is told here. */
static void ring_done(void *ctx)
{
	overlay_emit(ctx);
}

static const struct ring_ops ring_ops = {
	.send = overlay_send_message,
	.patience = ring_patience,
	.after = ring_after,
	.before = ring_before,
	.is_gone = ring_is_gone,
	.silent = ring_silent,
	.changed = ring_changed,
	.done = ring_done,
};

static void finger_found(void *ctx, const struct id *key, const struct contact *owner,
			 unsigned hops)
{
	struct overlay *o = ctx;

	/* The only lookups beside those for fingers: who follows us in another ring? */
	if (owner)
		ring_suggest(&o->ring, owner);
}

static const struct fingers_ops finger_ops = {
	.send = overlay_send_message, .route = route_hop, .found = finger_found};

/* Messages */

static int on_ask(struct overlay *o, const struct contact *from, uint8_t type,
		  struct rd *body)
{
	struct msg_ask m;
	int err = msg_ask_read(body, &m);

	if (err)
		return err;
	membership_on_heard(&o->membership, from, m.incarnation);
	if (type == MSG_GET_LIST)
		ring_on_get_list(&o->ring, from, &m);
	else
		ring_on_notify(&o->ring, from);
	return 0;
}

/* LEAVE: first take its place in the ring from its own hands, then forget it. */
static int on_list(struct overlay *o, const struct contact *from, uint8_t type,
		   struct rd *body)
{
	struct msg_list m;
	int err = msg_list_read(body, &m);

	if (err)
		return err;
	if (type == MSG_LIST) {
		membership_on_heard(&o->membership, from, m.incarnation);
		ring_on_list(&o->ring, from, &m);
	} else {
		ring_on_leave(&o->ring, from, &m);
		membership_on_left(&o->membership, from, m.incarnation);
	}
	return 0;
}

static int dispatch(struct overlay *o, const struct contact *from, uint8_t type,
		    struct rd *body)
{
	if (type >= MSG_RENDEZVOUS_FIRST)
		return o->ops->message(o->ctx, from, type, body);
	switch (type) {
	case MSG_PROBE:
	case MSG_PROBE_ACK:
	case MSG_PROBE_ASK:
	case MSG_PROBE_ASK_ACK:
		return probes_on_message(o->probes, from, type, body);
	case MSG_JOIN:
		return admit_on_join(o, from, body);
	case MSG_JOIN_OK:
	case MSG_JOIN_GOTO:
	case MSG_JOIN_NO:
		return join_on_message(&o->join, from, type, body);
	case MSG_GET_LIST:
	case MSG_NOTIFY:
		return on_ask(o, from, type, body);
	case MSG_LIST:
	case MSG_LEAVE:
		return on_list(o, from, type, body);
	case MSG_FIND:
		return fingers_on_find(&o->fingers, body);
	case MSG_FOUND:
		return fingers_on_found(&o->fingers, body);
	case MSG_ROUTED:
		return route_on_message(o, from, body);
	case MSG_EVENTS:
	case MSG_SYNC:
	case MSG_ENTRIES:
		return membership_on_message(&o->membership, from, type, body);
	}
	count(o->env, drop_message_unknown);
	return 0;
}

static int peer_message(void *ctx, const struct contact *from, uint8_t type,
			struct rd *body, bool is_datagram)
{
	struct overlay *o = ctx;
	int err = dispatch(o, from, type, body);

	overlay_emit(o);
	return err;
}

/* Links */

static int peer_up(void *ctx, const struct contact *who, uint64_t incarnation)
{
	struct overlay *o = ctx;

	return membership_on_contact(&o->membership, who);
}

static void peer_down(void *ctx, const struct id *who, int why)
{
	struct overlay *o = ctx;
	uint32_t i = table_find(&o->membership.table, who);
	struct contact c;

	join_on_peer_down(&o->join, who, why);
	ring_on_down(&o->ring, who);
	if (i == TABLE_NONE || !table_is_live(&o->membership.table, i) ||
	    !o->membership.is_active)
		return;
	c = table_record(&o->membership.table, i)->contact;
	probes_now(o->probes, &c);
}

static void note_seed(struct overlay *o, const struct contact *who)
{
	unsigned i;

	for (i = 0; i < o->config.n_seeds; i++) {
		if (!contact_is_at(who, &o->config.seed[i]))
			continue;
		o->seed[i].id = who->id;
		o->seed[i].is_known = true;
	}
}

static void seed_up(void *ctx, const struct contact *who)
{
	struct overlay *o = ctx;

	note_seed(o, who);
	if (!o->ring.state)
		join_on_seed_up(&o->join, who);
	else if (overlay_peer_status(o, &who->id) != PEER_ALIVE)
		watch_merge(o, who);
}

static void seed_failed(void *ctx, const struct addr *seed, int why, const char *text)
{
	struct overlay *o = ctx;

	join_on_seed_failed(&o->join, seed, why, text);
}

static const struct peers_ops peers_ops = {
	.peer_up = peer_up,
	.peer_down = peer_down,
	.seed_up = seed_up,
	.seed_failed = seed_failed,
	.message = peer_message,
};

/* One seed that is not among the living, in turn: its ring and ours may merge. */
static void on_seeds(void *ctx)
{
	struct overlay *o = ctx;
	unsigned k;

	timer_set(&o->env->timers, &o->seeds,
		  o->env->now + env_jitter(o->env, OVERLAY_SEEDS_PERIOD));
	for (k = 0; k < o->config.n_seeds; k++) {
		unsigned i = o->next_seed++ % o->config.n_seeds;
		const struct addr *a = &o->config.seed[i];

		if (contact_is_at(&o->config.self, a))
			continue;
		if (o->seed[i].is_known &&
		    overlay_peer_status(o, &o->seed[i].id) == PEER_ALIVE)
			continue;
		peers_dial_seed(o->peers, a);
		return;
	}
}

/* Life */

static void set_defaults(struct overlay_config *c)
{
	if (!c->stabilise_period)
		c->stabilise_period = STABILISE_PERIOD;
	if (!c->probe_period)
		c->probe_period = PROBE_PERIOD;
	if (!c->finger_period)
		c->finger_period = FINGER_PERIOD;
	if (!c->n_replicas)
		c->n_replicas = REPLICAS;
	if (c->n_replicas > REPLICAS_MAX)
		c->n_replicas = REPLICAS_MAX;
	if (c->n_seeds > OVERLAY_SEEDS_MAX)
		c->n_seeds = OVERLAY_SEEDS_MAX;
}

static int init_shared(struct overlay *o)
{
	const struct overlay_config *c = &o->config;

	if (!c->book)
		o->own_book = book_new();
	o->book = c->book ? c->book : o->own_book;
	o->peers = peers_new(o->env, c->ring, &c->self, c->incarnation, &peers_ops, o);
	if (!o->book || !o->peers)
		return PIAS_ENOMEM;
	o->probes = probes_new(o->env, o->peers, &c->self, c->incarnation,
			       c->probe_period, &watch_probe_ops, o);
	return o->probes ? 0 : PIAS_ENOMEM;
}

static void free_shared(struct overlay *o)
{
	probes_free(o->probes);
	peers_free(o->peers);
	book_free(o->own_book);
	scratch_fini(&o->envelope);
	free(o);
}

struct overlay *overlay_new(struct env *env, const struct overlay_config *config,
			    const struct overlay_ops *ops, void *ctx)
{
	struct overlay *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->env = env;
	o->config = *config;
	o->ops = ops;
	o->ctx = ctx;
	set_defaults(&o->config);
	config = &o->config;
	if (init_shared(o)) {
		free_shared(o);
		return NULL;
	}
	ring_init(&o->ring, env, &config->self, config->incarnation,
		  config->stabilise_period, &ring_ops, o);
	fingers_init(&o->fingers, env, o->book, &config->self, config->finger_period,
		     &finger_ops, o);
	membership_init(&o->membership, env, o->book, &config->self, config->incarnation,
			config->probe_period, config->mode == TABLE_FULL,
			&watch_membership_ops, o);
	join_init(&o->join, env, config, &admit_join_ops, o);
	timer_init(&o->seeds, on_seeds, o);
	return o;
}

void overlay_free(struct overlay *o)
{
	if (!o)
		return;
	timer_stop(&o->env->timers, &o->seeds);
	join_fini(&o->join);
	membership_fini(&o->membership);
	fingers_fini(&o->fingers);
	ring_fini(&o->ring);
	free_shared(o);
}

void overlay_start(struct overlay *o)
{
	assert(!o->is_started);
	o->is_started = true;
	join_start(&o->join);
}

void overlay_leave(struct overlay *o)
{
	join_fini(&o->join);
	if (o->ring.state != RING_MEMBER)
		return;
	log_info(o->env, "ring: leaving");
	ring_leave(&o->ring);
	membership_leave(&o->membership);
	fingers_stop(&o->fingers);
	timer_stop(&o->env->timers, &o->seeds);
	overlay_emit(o);
}

/* From the host */

int overlay_on_link_up(struct overlay *o, uint32_t link, const struct id *peer,
		       bool dialed, const uint8_t key[OVERLAY_LINK_KEY_LEN])
{
	return peers_on_link_up(o->peers, link, peer, dialed, key);
}

int overlay_on_frame(struct overlay *o, uint32_t link, const uint8_t *frame, size_t len)
{
	return peers_on_frame(o->peers, link, frame, len);
}

void overlay_on_link_down(struct overlay *o, uint32_t link)
{
	peers_on_link_down(o->peers, link);
}

void overlay_on_dial_failed(struct overlay *o, const struct id *id,
			    const struct addr addr[2], int why)
{
	peers_on_dial_failed(o->peers, id, addr, why);
}

void overlay_on_datagram(struct overlay *o, const struct addr *from, const uint8_t *data,
			 size_t len)
{
	peers_on_datagram(o->peers, from, data, len);
}

int overlay_send(struct overlay *o, const struct contact *to, uint8_t type,
		 const void *body, size_t len)
{
	return peers_send(o->peers, to, type, body, len);
}

int overlay_send_datagram(struct overlay *o, const struct contact *to, uint8_t type,
			  const void *body, size_t len)
{
	return peers_send_datagram(o->peers, to, type, body, len);
}
