/*
 * Hand-over and anti-entropy. Everything moves by one primitive, the PULL of an arc:
 * the receiver asks, page by page, so that nobody is flooded; records merge in any
 * order and any number of times. Invitations only say that a pull would be worth it.
 *
 * What always holds: `own` runs exactly while part of our range may be missing here.
 */
#include "rendezvous/sync.h"

#include <stdlib.h>
#include <string.h>

static void own_ended(void *ctx, struct pull *p, enum pull_end how);
static void invited_ended(void *ctx, struct pull *p, enum pull_end how);
static void tick(void *ctx);
static void leave_timeout(void *ctx);
static void prune(struct sync *s);

static const struct id *self_id(const struct sync *s)
{
	return &overlay_self(s->post->overlay)->id;
}

int sync_init(struct sync *s, struct env *env, struct groups *groups,
	      struct replicas *replicas, struct post *post, void (*left)(void *ctx),
	      void *ctx)
{
	unsigned i;

	memset(s, 0, sizeof(*s));
	s->invited = calloc(PULLS_MAX, sizeof(*s->invited));
	if (!s->invited)
		return PIAS_ENOMEM;
	s->env = env;
	s->groups = groups;
	s->replicas = replicas;
	s->post = post;
	s->left = left;
	s->ctx = ctx;
	pull_init(&s->own, env, post, own_ended, s);
	for (i = 0; i < PULLS_MAX; i++)
		pull_init(&s->invited[i].pull, env, post, invited_ended, s);
	timer_init(&s->timer, tick, s);
	timer_init(&s->leave_timer, leave_timeout, s);
	return 0;
}

void sync_fini(struct sync *s)
{
	struct timers *ts = &s->env->timers;
	unsigned i;

	pull_stop(&s->own);
	for (i = 0; i < PULLS_MAX; i++)
		pull_stop(&s->invited[i].pull);
	timer_stop(ts, &s->timer);
	timer_stop(ts, &s->leave_timer);
	free(s->invited);
}

bool sync_is_complete(const struct sync *s)
{
	return s->has_range && !pull_is_active(&s->own);
}

bool sync_owns(const struct sync *s, const struct id *key)
{
	return s->has_range && overlay_owns(s->post->overlay, key) &&
	       !(pull_is_active(&s->own) && arc_has(&s->own.arc, key));
}

/*
 * As seen from its first key: every other one's owner is nearer to us, on the ring, so
 * that we are among those behind it as well.
 */
static bool is_replica_of(const struct sync *s, const struct arc *arc)
{
	struct contact holder[REPLICAS_MAX];
	struct id first = arc->from;
	unsigned i, n;

	id_inc(&first);
	n = overlay_owners(s->post->overlay, &first, holder, s->replicas->n_replicas);
	for (i = 0; i < n; i++)
		if (id_eq(&holder[i].id, self_id(s)))
			return true;
	return false;
}

/*
 * An owner that does not know yet that one of its replicas is back may invite us after
 * we have heard of it, and tells us nothing more once it knows.
 */
static const struct arc *find_copied(const struct sync *s, const struct id *key)
{
	const struct arc *a = arcs_find(&s->copied, key, s->env->now);

	return a && is_replica_of(s, a) ? a : NULL;
}

bool sync_holds(const struct sync *s, const struct id *key)
{
	return sync_owns(s, key) || find_copied(s, key);
}

/* What we hold completely, as owner and as replica together. */
static bool holds_arc(const struct sync *s, const struct arc *arc)
{
	const struct arc own = {s->range_from, *self_id(s)};
	const struct arc rest = {s->own.arc.to, *self_id(s)};
	struct arcs all = s->copied;
	pias_time now = s->env->now;
	unsigned i = all.n;

	while (i--)
		if (!is_replica_of(s, &all.a[i].arc))
			arcs_drop(&all, i);
	if (sync_is_complete(s))
		arcs_confirm(&all, &own, now, now + 1);
	else if (s->has_range && !id_eq(&rest.from, &rest.to))
		arcs_confirm(&all, &rest, now, now + 1);
	return arcs_cover(&all, arc, now);
}

static void sync_soon(struct sync *s)
{
	pias_time at = s->env->now + SYNC_SOON;

	if (!timer_is_set(&s->timer) || s->timer.at > at)
		timer_set(&s->env->timers, &s->timer, at);
}

/* Our own part */

static void own_done(struct sync *s)
{
	pull_stop(&s->own);
	log_info(s->env, "sync: range complete groups=%u", s->groups->by_name.n);
	sync_soon(s);
}

/*
 * Our own part: from one successor after the other until one says that it was
 * complete there. Should none, we have what there is.
 */
static void own_ask_next(struct sync *s)
{
	struct contact to[REPLICAS_MAX];
	unsigned max = s->replicas->n_replicas ? s->replicas->n_replicas : 1;
	unsigned n = overlay_successors(s->post->overlay, to, max);

	if (s->n_asked >= n) {
		own_done(s);
		return;
	}
	s->own.peer = to[s->n_asked++];
	pull_start(&s->own);
}

static void own_start(struct sync *s, const struct id *from, const struct id *to)
{
	s->own.arc.from = *from;
	s->own.arc.to = *to;
	s->own.buckets = 0xffff;
	s->n_asked = 0;
	own_ask_next(s);
}

static void invite(struct sync *s, uint8_t kind, const struct arc *arc,
		   const struct contact *to, unsigned n)
{
	struct msg_invite m = {.kind = kind, .from = arc->from, .to = arc->to};
	uint8_t buf[MESSAGE_WIRE_MAX];
	struct wr w;
	unsigned i;

	groups_digest(s->groups, &m.from, &m.to, m.digest, &m.n_groups);
	wr_init(&w, buf, sizeof(buf));
	msg_write_invite(&w, &m);
	for (i = 0; i < n; i++)
		(void)post_send(s->post, &to[i], MSG_INVITE, &w);
}

static void send_taken(struct sync *s, const struct contact *to, const struct arc *arc)
{
	struct msg_taken m = {arc->from, arc->to};
	uint8_t buf[MESSAGE_WIRE_MAX];
	struct wr w;

	wr_init(&w, buf, sizeof(buf));
	msg_write_taken(&w, &m);
	(void)post_send(s->post, to, MSG_TAKEN, &w);
}

/* The buckets of @arc in which we and a peer differ. */
static uint16_t compare(const struct sync *s, const struct arc *arc,
			const uint64_t digest[static DIGEST_BUCKETS])
{
	uint64_t ours[DIGEST_BUCKETS];
	uint16_t differ = 0;
	uint32_t n;
	unsigned i;

	groups_digest(s->groups, &arc->from, &arc->to, ours, &n);
	for (i = 0; i < DIGEST_BUCKETS; i++)
		if (ours[i] != digest[i])
			differ |= (uint16_t)(1u << i);
	return differ;
}

/* We have all that the inviting peer has. */
static void settle(struct sync *s, uint8_t kind, const struct contact *peer,
		   const struct arc *arc)
{
	if (kind == INVITE_COPY)
		arcs_confirm(&s->copied, arc, s->env->now, s->env->now + ARC_TIME);
	else
		send_taken(s, peer, arc);
}

static void own_ended(void *ctx, struct pull *p, enum pull_end how)
{
	if (how == PULL_ENDED_COMPLETE)
		own_done(ctx);
	else
		own_ask_next(ctx);
}

/*
 * Whatever differs still is what we have and the owner lacks: it may take it. An
 * invitation that we could not follow comes again.
 */
static void invited_ended(void *ctx, struct pull *p, enum pull_end how)
{
	struct invited *i = (struct invited *)p;
	struct sync *s = ctx;

	if (how == PULL_ENDED_FAILED)
		return;
	settle(s, i->kind, &p->peer, &p->arc);
	if (i->kind == INVITE_COPY && compare(s, &p->arc, i->digest))
		invite(s, INVITE_TAKE, &p->arc, &p->peer, 1);
}

int sync_on_pull_done(struct sync *s, const struct contact *from, struct rd *body)
{
	struct msg_pull_done m;
	unsigned i;

	msg_read_pull_done(body, &m);
	if (body->err)
		return body->err;
	if (pull_expects(&s->own, from, &m)) {
		pull_on_done(&s->own, &m);
		return 0;
	}
	for (i = 0; i < PULLS_MAX; i++)
		if (pull_expects(&s->invited[i].pull, from, &m)) {
			pull_on_done(&s->invited[i].pull, &m);
			return 0;
		}
	count(s->env, drop_message_state);
	return 0;
}

int sync_on_pull(struct sync *s, const struct contact *from, struct rd *body)
{
	struct msg_pull m;

	msg_read_pull(body, &m);
	if (body->err)
		return body->err;
	pull_serve(s->post, s->groups, from, &m,
		   holds_arc(s, &(struct arc){m.from, m.to}));
	return 0;
}

/* Invitations */

/* An arc that the sender may invite us for, as far as we can know. */
static bool is_sound(const struct sync *s, const struct contact *from,
		     const struct msg_invite *m, const struct arc *arc)
{
	const struct arc own = {s->range_from, *self_id(s)};

	if (m->kind == INVITE_TAKE)
		return s->has_range && arc_lies_in(arc, &own);
	return id_eq(&m->to, &from->id);
}

/* NULL: all busy, or one with that peer is. */
static struct invited *free_pull(struct sync *s, const struct contact *peer)
{
	struct invited *found = NULL;
	unsigned i;

	for (i = 0; i < PULLS_MAX; i++) {
		if (!pull_is_active(&s->invited[i].pull))
			found = &s->invited[i];
		else if (id_eq(&s->invited[i].pull.peer.id, &peer->id))
			return NULL;
	}
	return found;
}

int sync_on_invite(struct sync *s, const struct contact *from, struct rd *body)
{
	struct invited *i;
	struct msg_invite m;
	struct arc arc;
	uint16_t differ;

	msg_read_invite(body, &m);
	if (body->err)
		return body->err;
	arc = (struct arc){m.from, m.to};
	if (!is_sound(s, from, &m, &arc)) {
		count(s->env, drop_message_state);
		return 0;
	}
	differ = compare(s, &arc, m.digest);
	if (!differ) {
		settle(s, m.kind, from, &arc);
		return 0;
	}
	i = free_pull(s, from);
	if (!i)
		return 0; /* it comes again */
	i->kind = m.kind;
	memcpy(i->digest, m.digest, sizeof(i->digest));
	i->pull.peer = *from;
	i->pull.arc = arc;
	i->pull.buckets = differ;
	pull_start(&i->pull);
	return 0;
}

/* The owner has them safely: what is not ours in any role can go. */
int sync_on_taken(struct sync *s, struct rd *body)
{
	struct msg_taken m;
	struct group *g;
	struct id at;

	msg_read_taken(body, &m);
	if (body->err)
		return body->err;
	at = m.from;
	while ((g = group_after(s->groups, &at, &m.to))) {
		at = g->node.key;
		if (!overlay_owns(s->post->overlay, &at) && !sync_holds(s, &at)) {
			count(s->env, handovers);
			replicas_drop(s->replicas, g, 0);
		}
		if (id_eq(&at, &m.to))
			break;
	}
	if (timer_is_set(&s->leave_timer) && id_eq(&m.to, self_id(s)))
		timer_set(&s->env->timers, &s->leave_timer, s->env->now);
	return 0;
}

/* Just before it: the largest id smaller than @x. */
static struct id before(const struct id *x)
{
	struct id out = *x;
	int i;

	for (i = ID_LEN - 1; i >= 0 && !out.b[i]--; i--)
		;
	return out;
}

/*
 * Groups that we neither own nor were invited to copy lately. Walks the ring from
 * ourselves; our own range comes last.
 */
static void offer_strays(struct sync *s)
{
	struct id at = *self_id(s);
	struct contact owner;
	struct group *g;
	unsigned i;

	for (i = 0; i < STRAYS_MAX; i++) {
		const struct arc *held;
		struct arc arc;

		g = group_after(s->groups, &at, &s->range_from);
		if (!g)
			return;
		held = find_copied(s, &g->node.key);
		if (held) {
			at = held->to;
		} else {
			if (overlay_owner(s->post->overlay, &g->node.key, &owner))
				return;
			arc = (struct arc){before(&g->node.key), owner.id};
			invite(s, INVITE_TAKE, &arc, &owner, 1);
			at = owner.id;
		}
		if (id_in_arc(&at, &s->range_from, self_id(s)))
			return;
	}
}

static void tick(void *ctx)
{
	struct sync *s = ctx;
	struct contact to[REPLICAS_MAX];
	struct arc own = {s->range_from, *self_id(s)};
	unsigned n = replicas_list(s->replicas, to);

	timer_set(&s->env->timers, &s->timer,
		  s->env->now + env_jitter(s->env, SYNC_PERIOD));
	replicas_flush(s->replicas);
	prune(s);
	if (!sync_is_complete(s))
		return;
	invite(s, INVITE_COPY, &own, to, n);
	if (!id_eq(&own.from, &own.to))
		offer_strays(s);
}

/* Whom we told of groups in @arc that we hold no more shall ask again elsewhere. */
static void release(struct sync *s, const struct arc *arc)
{
	struct id at = arc->from;
	struct group *g;

	while ((g = group_after(s->groups, &at, &arc->to))) {
		at = g->node.key;
		if (!sync_holds(s, &at))
			replicas_release(s->replicas, g);
		if (id_eq(&at, &arc->to))
			break;
	}
}

/*
 * Copied arcs whose owner invites us no more, or has others between it and us by now,
 * so that it will not.
 */
static void prune(struct sync *s)
{
	unsigned i = s->copied.n;
	struct arc arc;

	while (i--) {
		arc = s->copied.a[i].arc;
		if (s->copied.a[i].ends > s->env->now && is_replica_of(s, &arc))
			continue;
		arcs_drop(&s->copied, i);
		release(s, &arc);
	}
}

/* Changes of the ring */

/* We own them now: our versions must lie above all that the last owner may have told. */
static void promote(struct sync *s, const struct arc *arc)
{
	struct id at = arc->from;
	struct group *g;

	while ((g = group_after(s->groups, &at, &arc->to))) {
		at = g->node.key;
		group_enter_epoch(g, g->version);
		if (id_eq(&at, &arc->to))
			break;
	}
}

static void on_grown(struct sync *s, const struct id *from, const struct id *old)
{
	struct arc gained = {*from, *old};

	promote(s, &gained);
	if (pull_is_active(&s->own))
		own_start(s, from, &s->own.arc.to);
	else if (!arcs_cover(&s->copied, &gained, s->env->now))
		own_start(s, from, old);
}

static void on_shrunk(struct sync *s, const struct id *from, const struct id *old)
{
	struct arc lost = {*old, *from};
	struct contact owner;

	if (!pull_is_active(&s->own)) {
		arcs_confirm(&s->copied, &lost, s->env->now, s->env->now + ARC_TIME);
	} else if (id_in_arc(&s->own.arc.to, from, self_id(s))) {
		own_start(s, from, &s->own.arc.to);
	} else {
		own_done(s);
	}
	prune(s);
	release(s, &lost);
	if (!overlay_owner(s->post->overlay, from, &owner) &&
	    !id_eq(&owner.id, self_id(s)))
		invite(s, INVITE_TAKE, &lost, &owner, 1);
}

void sync_on_range_changed(struct sync *s)
{
	struct id from = *overlay_range_from(s->post->overlay), old = s->range_from;

	sync_soon(s);
	s->range_from = from;
	prune(s);
	if (!s->has_range) {
		s->has_range = true;
		own_start(s, &from, self_id(s));
		return;
	}
	if (id_eq(&from, &old))
		return;
	if (!id_eq(&old, self_id(s)) &&
	    (id_eq(&from, self_id(s)) || id_between(&from, &old, self_id(s))))
		on_grown(s, &from, &old);
	else
		on_shrunk(s, &from, &old);
}

void sync_on_successors_changed(struct sync *s)
{
	prune(s);
	sync_soon(s);
}

/* A replica that comes back may have forgotten what it had copied. */
void sync_on_peer_changed(struct sync *s, const struct id *id, enum peer_status now)
{
	struct contact to[REPLICAS_MAX];
	unsigned i, n = replicas_list(s->replicas, to);

	prune(s);
	for (i = 0; i < n && now == PEER_ALIVE; i++)
		if (id_eq(&to[i].id, id))
			sync_soon(s);
}

/* Leaving */

static void leave_timeout(void *ctx)
{
	struct sync *s = ctx;

	s->left(s->ctx);
}

void sync_leave(struct sync *s)
{
	struct arc own = {s->range_from, *self_id(s)};
	struct contact to;
	bool is_alone = !s->has_range || !overlay_successors(s->post->overlay, &to, 1);

	timer_set(&s->env->timers, &s->leave_timer,
		  s->env->now + (is_alone ? 0 : LEAVE_TIMEOUT));
	if (is_alone)
		return;
	replicas_flush(s->replicas);
	invite(s, INVITE_LEAVE, &own, &to, 1);
}
