/*
 * Updates, resolves and selections at the rendezvous AP.
 *
 * An update is checked, merged, pushed to those who cache the group and copied; the
 * join AP is answered when the copies are safe, so that what it tells its server
 * survives our crash. Until our range is complete (sync.h) we say neither "no such
 * group" nor refuse a join for lack of it.
 */
#include "rendezvous/owner.h"

#include <string.h>

static void on_expired(void *ctx, struct group *g, struct member *m);
static void on_abandoned(void *ctx, struct group *g);
static void on_copied(void *ctx, const struct answer *a);

static const struct groups_ops groups_ops = {
	.expired = on_expired,
	.abandoned = on_abandoned,
};

int owner_init(struct owner *o, struct env *env, struct overlay *overlay,
	       struct post *post, const struct rendezvous_config *config,
	       void (*left)(void *ctx), void *ctx)
{
	const struct groups_limits limits = {
		.max_groups = config->max_groups,
		.max_members = config->max_members,
		.max_group_members = config->max_group_members,
	};

	memset(o, 0, sizeof(*o));
	if (sync_init(&o->sync, env, &o->groups, &o->replicas, post, left, ctx))
		return PIAS_ENOMEM;
	o->env = env;
	o->overlay = overlay;
	o->post = post;
	o->lease = config->lease;
	o->negative_ttl = config->negative_ttl;
	o->selector.overlay = overlay;
	groups_init(&o->groups, env, &limits, &groups_ops, o);
	pushes_init(&o->pushes, env, &o->groups, post, &o->selector);
	replicas_init(&o->replicas, env, &o->groups, &o->pushes, post, config->n_replicas,
		      on_copied, o);
	return 0;
}

void owner_fini(struct owner *o)
{
	sync_fini(&o->sync);
	replicas_fini(&o->replicas);
	pushes_fini(&o->pushes);
	groups_fini(&o->groups);
}

/* Updates */

static void send_answer(struct owner *o, const struct answer *a)
{
	uint8_t buf[MESSAGE_WIRE_MAX];
	struct wr w;

	wr_init(&w, buf, sizeof(buf));
	msg_write_update_ack(&w, &a->ack);
	/* Lost answers are asked for again. */
	(void)post_send(o->post, &a->to, MSG_UPDATE_ACK, &w);
}

static void on_copied(void *ctx, const struct answer *a)
{
	send_answer(ctx, a);
}

static int refuse(struct msg_update_ack *ack, int err, const char *reason)
{
	ack->err = err;
	ack->lease = 0;
	strncpy(ack->reason, reason, REASON_MAX);
	return err;
}

static int refuse_full(struct owner *o, struct msg_update_ack *ack, int err)
{
	if (err == PIAS_ENOMEM)
		return refuse(ack, err, "the group's rendezvous AP is out of memory");
	if (o->groups.by_name.n >= o->groups.limits.max_groups)
		return refuse(ack, err,
			      "the group's rendezvous AP holds as many groups as it may "
			      "(max-groups)");
	if (o->groups.n_members >= o->groups.limits.max_members)
		return refuse(ack, err,
			      "the group's rendezvous AP holds as many members as it may "
			      "(max-members)");
	return refuse(
		ack, err,
		"the group is full: it has as many members as it may (max-group-members)");
}

/*
 * A refresh proves that its server was admitted. A leave needs a group for its
 * tombstone, lest a delayed refresh enter the server again.
 */
static bool may_create(const struct msg_update *u)
{
	switch (u->op) {
	case MEMBERSHIP_JOIN:
		return u->create;
	case MEMBERSHIP_REFRESH:
	case MEMBERSHIP_LEAVE:
		return true;
	default:
		return false;
	}
}

/* The group of the update, created where that is wanted. NULL: *ack says why. */
static struct group *find_or_create(struct owner *o, const struct msg_update *u,
				    const struct id *key, struct msg_update_ack *ack)
{
	struct group *g = group_find(&o->groups, &u->name);
	int err;

	if (g)
		return g;
	if (!may_create(u) && !sync_owns(&o->sync, key)) {
		refuse(ack, PIAS_EBUSY, "the group's rendezvous AP has just changed");
		return NULL;
	}
	if (!may_create(u)) {
		refuse(ack, PIAS_ENOTFOUND,
		       u->op == MEMBERSHIP_JOIN ? "no such group; use --create" : "");
		return NULL;
	}
	if (u->policy != POLICY_NEAREST) {
		refuse(ack, PIAS_EINVALID, "unknown selection policy; use nearest");
		return NULL;
	}
	g = group_add(&o->groups, &u->name, &u->member.server, u->policy, VERSION_EPOCH,
		      &err);
	if (!g)
		refuse_full(o, ack, err);
	return g;
}

static pias_time granted(const struct owner *o, pias_time wish)
{
	if (!wish)
		return o->lease;
	if (wish < LEASE_MIN)
		return LEASE_MIN;
	return wish < LEASE_WISH_MAX ? wish : LEASE_WISH_MAX;
}

static void tell_moved(struct owner *o, const struct group *g, const struct member *m,
		       const struct contact *to)
{
	struct msg_moved moved = {
		.name = g->name,
		.server = m->server,
		.seq = m->seq,
		.join_ap = m->join_ap->contact.id,
	};
	uint8_t buf[MESSAGE_WIRE_MAX];
	struct wr w;

	wr_init(&w, buf, sizeof(buf));
	msg_write_moved(&w, &moved);
	(void)post_send(o->post, to, MSG_MOVED, &w);
}

/*
 * What the update makes of the member, if it may: a join AP that is no longer the
 * member's has nothing to say about its health.
 */
static int prepare(struct owner *o, const struct group *g, const struct contact *from,
		   const struct msg_update *u, struct member_record *r,
		   struct msg_update_ack *ack)
{
	const struct member *m = member_find(g, &u->member.server);

	*r = u->member;
	r->left = ack->lease;
	if (u->op == MEMBERSHIP_LEAVE) {
		r->flags |= MEMBER_GONE;
		r->left = TOMBSTONE_TIME;
	}
	if (u->op != MEMBERSHIP_HEALTH)
		return 0;
	if (!m && !sync_owns(&o->sync, &g->node.key))
		return refuse(ack, PIAS_EBUSY,
			      "the group's rendezvous AP has just changed");
	if (!m || m->flags & MEMBER_GONE)
		return refuse(ack, PIAS_ENOTFOUND, "no such member");
	if (!id_eq(&m->join_ap->contact.id, &from->id)) {
		tell_moved(o, g, m, from);
		return refuse(ack, PIAS_EREPLAY, "another AP is its join AP now");
	}
	r->left = ack->lease =
		m->lease.ends > o->env->now ? m->lease.ends - o->env->now : 0;
	return 0;
}

/* Enters the update. True: the answer follows when the copies are safe. */
static bool enter(struct owner *o, struct group *g, const struct msg_update *u,
		  const struct member_record *r, struct answer *a)
{
	bool is_first = !g->n_live;
	struct merge c;
	int err = group_merge(&o->groups, g, r, &c);

	if (err) {
		refuse_full(o, &a->ack, err);
		return false;
	}
	a->ack.seq = c.member->seq;
	if (c.kind == MERGE_OLD) {
		if (member_order(r->seq, r->stamp, c.member->seq, c.member->stamp) < 0) {
			count(o->env, drop_refresh_old);
			refuse(&a->ack, PIAS_EREPLAY, "older than what is known");
		}
		return false;
	}
	if (c.has_moved && !c.is_new)
		tell_moved(o, g, c.member, &c.was);
	if (c.kind == MERGE_RENEWED) {
		replica_copy_later(&o->replicas, g, c.member);
		return false;
	}
	g->version = version_after(g->version, 1);
	if (is_first)
		push_created(&o->pushes, g);
	push_changed(&o->pushes, g, &c);
	return replica_copy(&o->replicas, g, c.member, a);
}

int owner_on_update(struct owner *o, const struct contact *from, struct rd *body)
{
	struct answer a = {.to = *from};
	struct member_record r;
	struct msg_update u;
	struct group *g;
	struct id key;

	msg_read_update(body, &u);
	if (body->err)
		return body->err;
	group_name_key(&u.name, &key);
	if (!overlay_owns(o->overlay, &key)) {
		/* The ring changed on the way; the join AP asks again. */
		count(o->env, drop_message_state);
		return 0;
	}
	a.ack.cookie = u.cookie;
	a.ack.lease = granted(o, u.lease);
	g = find_or_create(o, &u, &key, &a.ack);
	if (g && !prepare(o, g, from, &u, &r, &a.ack) && enter(o, g, &u, &r, &a))
		return 0;
	send_answer(o, &a);
	return 0;
}

/* Ends */

static void on_expired(void *ctx, struct group *g, struct member *m)
{
	struct owner *o = ctx;
	struct merge c = {
		.kind = MERGE_CHANGED,
		.member = m,
		.old_rtt_us = m->rtt_us,
	};

	if (overlay_owns(o->overlay, &g->node.key)) {
		count(o->env, leases_expired);
		g->version = version_after(g->version, 1);
		replica_copy_later(&o->replicas, g, m);
	}
	push_changed(&o->pushes, g, &c);
}

static void on_abandoned(void *ctx, struct group *g)
{
	struct owner *o = ctx;

	replicas_drop(&o->replicas, g,
		      sync_owns(&o->sync, &g->node.key) ? o->negative_ttl : 0);
}

/* Resolves */

static void pass_on(struct owner *o, struct msg_resolve *m, const struct id *key)
{
	uint8_t buf[MESSAGE_WIRE_MAX];
	struct contact next;
	struct wr w;

	if (!m->hops_left) {
		count(o->env, drop_hops);
		return;
	}
	m->hops_left--;
	wr_init(&w, buf, sizeof(buf));
	msg_write_resolve(&w, m);
	if (!overlay_owns(o->overlay, key))
		(void)post_route(o->post, key, MSG_RESOLVE, &w);
	else if (overlay_successors(o->overlay, &next, 1))
		(void)post_send(o->post, &next, MSG_RESOLVE, &w);
}

/*
 * The ingress AP knows of a later state than we do. As the owner we go on from there;
 * as a replica we missed something, and our pushes would be ignored.
 */
static bool catch_up(struct owner *o, struct group *g, uint64_t version)
{
	if (version <= g->version)
		return true;
	if (!overlay_owns(o->overlay, &g->node.key))
		return false;
	group_enter_epoch(g, version);
	return true;
}

int owner_on_resolve(struct owner *o, struct rd *body)
{
	struct msg_resolve m;
	struct group *g;
	struct id key;

	msg_read_resolve(body, &m);
	if (body->err)
		return body->err;
	group_name_key(&m.name, &key);
	g = group_find(&o->groups, &m.name);
	if (g && sync_holds(&o->sync, &key) && catch_up(o, g, m.version)) {
		count(o->env, resolves);
		push_subscribe(&o->pushes, g, &m.ingress, &m.coord);
	} else if (!g && sync_owns(&o->sync, &key)) {
		count(o->env, resolves);
		push_negative(&o->pushes, &m.name, &m.ingress, &m.coord, o->negative_ttl);
	} else {
		pass_on(o, &m, &key);
	}
	return 0;
}

int owner_on_unsubscribe(struct owner *o, const struct contact *from, struct rd *body)
{
	struct msg_unsubscribe m;
	struct group *g;

	msg_read_unsubscribe(body, &m);
	if (body->err)
		return body->err;
	g = group_find(&o->groups, &m.name);
	if (g)
		push_unsubscribe(&o->pushes, g, &from->id);
	return 0;
}

/* Single packets */

/* While our range is incomplete a group known in part is better than none. */
bool owner_serves(const struct owner *o, const struct group *g)
{
	return overlay_owns(o->overlay, &g->node.key) ||
	       sync_holds(&o->sync, &g->node.key);
}

enum select_result owner_select(struct owner *o, const struct group_name *name,
				const struct id *ingress, const struct coord *coord,
				const struct addr *src, struct target *out)
{
	const struct group *g = group_find(&o->groups, name);
	struct ranked r[PUSH_MEMBERS_MAX];
	uint32_t n_all;
	unsigned i, n;
	struct id key;

	if (!g) {
		group_name_key(name, &key);
		return sync_owns(&o->sync, &key) ? SELECT_NO_GROUP : SELECT_NOT_OURS;
	}
	if (!owner_serves(o, g))
		return SELECT_NOT_OURS;
	n = select_nearest(&o->selector, g, ingress, coord, r, PUSH_MEMBERS_MAX, &n_all);
	for (i = 0; i < n; i++) {
		if (addr_host_eq(&r[i].member->unicast, src))
			continue;
		target_fill(out, r[i].member, r[i].cost_us);
		return SELECT_OK;
	}
	return SELECT_NO_MEMBER;
}
