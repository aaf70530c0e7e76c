/*
 * The three parts of an AP put together, and the messages given to whom they are for.
 * Who speaks to whom: joins -> membership -> (post) -> owner -> (post) -> cache ->
 * forwarder. Messages to ourselves take the same way as all others (post.h).
 */
#include "rendezvous/rendezvous.h"

#include <stdlib.h>
#include <string.h>

#include "rendezvous/rendezvous_state.h"

static void deliver(void *ctx, const struct contact *from, uint8_t type, struct rd *body)
{
	/* Our own messages are well formed. */
	(void)rendezvous_on_message(ctx, from, type, body);
}

static void on_left(void *ctx)
{
	struct rendezvous *rv = ctx;

	rv->ops->left(rv->ctx);
}

struct rendezvous *rendezvous_new(struct env *env, struct overlay *overlay,
				  const struct rendezvous_config *config,
				  const struct rendezvous_ops *ops, void *ctx)
{
	struct rendezvous *rv = calloc(1, sizeof(*rv));

	if (!rv)
		return NULL;
	rv->env = env;
	rv->overlay = overlay;
	rv->ops = ops;
	rv->ctx = ctx;
	post_init(&rv->post, env, overlay, deliver, rv);
	if (owner_init(&rv->owner, env, overlay, &rv->post, config, on_left, rv))
		goto fini_post;
	survey_init(&rv->survey, env, &rv->post, ops, ctx);
	rv->cache = cache_new(env, overlay, &rv->owner, &rv->survey, config, ops, ctx);
	if (!rv->cache)
		goto fini_survey;
	rv->joins = joins_new(env, overlay, config, ops, ctx);
	if (!rv->joins)
		goto free_cache;
	rv->membership =
		membership_new(env, overlay, &rv->post, &joins_membership_ops, rv->joins);
	if (!rv->membership)
		goto free_joins;
	joins_set_membership(rv->joins, rv->membership);
	return rv;

free_joins:
	joins_free(rv->joins);
free_cache:
	cache_free(rv->cache);
fini_survey:
	survey_fini(&rv->survey);
	owner_fini(&rv->owner);
fini_post:
	post_fini(&rv->post);
	free(rv);
	return NULL;
}

void rendezvous_free(struct rendezvous *rv)
{
	if (!rv)
		return;
	membership_free(rv->membership);
	joins_free(rv->joins);
	cache_free(rv->cache);
	survey_fini(&rv->survey);
	owner_fini(&rv->owner);
	post_fini(&rv->post);
	free(rv);
}

void rendezvous_leave(struct rendezvous *rv)
{
	joins_leave(rv->joins);
	sync_leave(&rv->owner.sync);
}

bool rendezvous_is_ready(const struct rendezvous *rv)
{
	return overlay_is_joined(rv->overlay) && sync_is_complete(&rv->owner.sync);
}

/* From the overlay */

static int on_borrow(struct rendezvous *rv, const struct contact *from, struct rd *body)
{
	uint8_t buf[MESSAGE_WIRE_MAX];
	struct msg_borrow m;
	struct msg_lend lend;
	struct wr w;

	msg_read_borrow(body, &m);
	if (body->err)
		return body->err;
	if (!joins_lend(rv->joins, from, &m, &lend))
		return 0;
	wr_init(&w, buf, sizeof(buf));
	msg_write_lend(&w, &lend);
	/* Should it get lost, it is borrowed again. */
	(void)post_send(&rv->post, from, MSG_LEND, &w);
	return 0;
}

int rendezvous_on_message(struct rendezvous *rv, const struct contact *from, uint8_t type,
			  struct rd *body)
{
	struct owner *o = &rv->owner;

	switch (type) {
	case MSG_UPDATE:
		return owner_on_update(o, from, body);
	case MSG_UPDATE_ACK:
		return membership_on_ack(rv->membership, body);
	case MSG_MOVED:
		return membership_on_moved(rv->membership, body);
	case MSG_RESOLVE:
		return owner_on_resolve(o, body);
	case MSG_PUSH:
		return cache_on_push(rv->cache, from, body);
	case MSG_NEGATIVE:
		return cache_on_negative(rv->cache, from, body);
	case MSG_UNSUBSCRIBE:
		return owner_on_unsubscribe(o, from, body);
	case MSG_RECORDS:
		return replicas_on_records(&o->replicas, from, body);
	case MSG_RECORDS_ACK:
		return replicas_on_ack(&o->replicas, body);
	case MSG_INVITE:
		return sync_on_invite(&o->sync, from, body);
	case MSG_PULL:
		return sync_on_pull(&o->sync, from, body);
	case MSG_PULL_DONE:
		return sync_on_pull_done(&o->sync, from, body);
	case MSG_TAKEN:
		return sync_on_taken(&o->sync, body);
	case MSG_BORROW:
		return on_borrow(rv, from, body);
	case MSG_LEND:
		return survey_on_lend(&rv->survey, from, body);
	case MSG_JOIN_RELAY:
		return joins_on_relay(rv->joins, from, body);
	default:
		/* Maybe of a later version: no reason to end the link. */
		count(rv->env, drop_message_unknown);
		return 0;
	}
}

void rendezvous_on_range_changed(struct rendezvous *rv)
{
	sync_on_range_changed(&rv->owner.sync);
}

void rendezvous_on_successors_changed(struct rendezvous *rv)
{
	sync_on_successors_changed(&rv->owner.sync);
}

void rendezvous_on_peer_changed(struct rendezvous *rv, const struct contact *peer,
				enum peer_status now)
{
	if (now == PEER_DEAD || now == PEER_LEFT)
		cache_on_peer_gone(rv->cache, &peer->id);
	sync_on_peer_changed(&rv->owner.sync, &peer->id, now);
}

/* From servers */

int rendezvous_on_server_up(struct rendezvous *rv, uint32_t link,
			    const struct server_identity *who)
{
	return joins_on_link_up(rv->joins, link, who);
}

int rendezvous_on_server_frame(struct rendezvous *rv, uint32_t link, const uint8_t *frame,
			       size_t len)
{
	return joins_on_frame(rv->joins, link, frame, len);
}

void rendezvous_on_server_down(struct rendezvous *rv, uint32_t link)
{
	joins_on_link_down(rv->joins, link);
}

void rendezvous_on_server_datagram(struct rendezvous *rv, const struct addr *from,
				   const struct addr *to, const uint8_t *data, size_t len)
{
	if (!survey_on_datagram(&rv->survey, data, len))
		joins_on_datagram(rv->joins, from, to, data, len);
}

/* For the forwarder */

void rendezvous_want(struct rendezvous *rv, const struct group_name *name)
{
	cache_want(rv->cache, name);
}

enum select_result rendezvous_select(struct rendezvous *rv, const struct group_name *name,
				     const struct id *ingress,
				     const struct coord *ingress_coord,
				     const struct addr *src, uint32_t hash,
				     struct target *out)
{
	return owner_select(&rv->owner, name, ingress, ingress_coord, src, out);
}

/* For the operator */

struct group_list {
	struct group_info *info;
	uint32_t n, max;
	unsigned role; /* of what is added now */
};

static void list_add(void *ctx, const struct group_name *name)
{
	struct group_list *l = ctx;

	if (l->n == l->max)
		return;
	l->info[l->n].name = *name;
	l->info[l->n++].roles = l->role;
}

static int name_order(const void *a, const void *b)
{
	const struct group_info *x = a, *y = b;

	return group_name_cmp(&x->name, &y->name);
}

/* Every name once, with all its roles. */
static void unite(struct group_list *l)
{
	uint32_t i, n = 0;

	qsort(l->info, l->n, sizeof(*l->info), name_order);
	for (i = 0; i < l->n; i++) {
		if (n && group_name_eq(&l->info[i].name, &l->info[n - 1].name))
			l->info[n - 1].roles |= l->info[i].roles;
		else
			l->info[n++] = l->info[i];
	}
	l->n = n;
}

static uint32_t count_eligible(const struct group *g)
{
	uint32_t i, n = 0;

	for (i = 0; i < g->n_members; i++)
		n += member_is_eligible(g->member[i]);
	return n;
}

static void fill_group(struct rendezvous *rv, struct group_info *info)
{
	const struct group *g = group_find(&rv->owner.groups, &info->name);
	struct cached_info cached;

	if (cache_find(rv->cache, &info->name, &cached) && cached.route) {
		info->version = cached.route->version;
		info->n_members = cached.n_all;
		info->is_negative = !cached.route->version;
	}
	if (!g)
		return;
	if (!owner_serves(&rv->owner, g)) {
		info->roles |= ROLE_STRAY;
		return;
	}
	info->roles |=
		overlay_owns(rv->overlay, &g->node.key) ? ROLE_OWNER : ROLE_REPLICA;
	info->version = g->version;
	info->n_members = count_eligible(g);
	info->n_subscribers = g->n_subscribers;
	info->is_negative = false;
}

static void list_groups(struct rendezvous *rv, struct group_list *l)
{
	const struct htab *groups = &rv->owner.groups.by_name;
	const struct group *g;
	uint32_t pos = 0;

	while ((g = htab_next(groups, &pos)))
		list_add(l, &g->name);
	l->role = ROLE_CACHE;
	cache_each_route(rv->cache, list_add, l);
	l->role = ROLE_JOIN;
	joins_each_group(rv->joins, list_add, l);
	unite(l);
}

void rendezvous_each_group(struct rendezvous *rv,
			   void (*fn)(void *ctx, const struct group_info *info),
			   void *ctx)
{
	struct group_list l = {
		.max = rv->owner.groups.by_name.n + cache_n(rv->cache) +
		       joins_n_servers(rv->joins),
	};
	uint32_t i;

	l.info = calloc(l.max ? l.max : 1, sizeof(*l.info));
	if (!l.info)
		return;
	list_groups(rv, &l);
	for (i = 0; i < l.n; i++) {
		fill_group(rv, &l.info[i]);
		fn(ctx, &l.info[i]);
	}
	free(l.info);
}

struct member_list {
	struct member_info *info;
	uint32_t n;
};

static int cost_order(const void *a, const void *b)
{
	const struct member_info *x = a, *y = b;

	if (x->cost_us != y->cost_us)
		return x->cost_us < y->cost_us ? -1 : 1;
	return id_cmp(&x->server, &y->server);
}

static uint32_t cost_of(const struct rendezvous *rv, const struct addr *server,
			uint32_t estimate_us)
{
	uint32_t us = survey_us(&rv->survey, server);

	return us ? us : estimate_us;
}

static void fill_member(struct rendezvous *rv, const struct member *m,
			struct member_info *info)
{
	info->server = m->server;
	strcpy(info->name, m->name->text);
	info->join_ap = m->join_ap->contact;
	info->unicast = m->unicast;
	info->encap = m->encap;
	info->is_up = m->flags & MEMBER_UP;
	info->is_draining = m->flags & MEMBER_DRAINING;
	info->rtt_us = m->rtt_us;
	info->cost_us =
		cost_of(rv, &m->unicast,
			select_cost(&rv->owner.selector, &overlay_self(rv->overlay)->id,
				    overlay_coord(rv->overlay), m->join_ap, m->rtt_us));
	info->expires_in =
		m->lease.ends > rv->env->now ? m->lease.ends - rv->env->now : 0;
	info->seq = m->seq;
}

static void list_members(struct rendezvous *rv, const struct group *g,
			 struct member_list *l)
{
	uint32_t i;

	for (i = 0; i < g->n_members; i++)
		if (!(g->member[i]->flags & MEMBER_GONE))
			fill_member(rv, g->member[i], &l->info[l->n++]);
}

static void list_targets(const struct rendezvous *rv, const struct cached_info *cached,
			 struct member_list *l)
{
	const struct route *r = cached->route;
	unsigned i;

	for (i = 0; i < r->n_targets; i++) {
		struct member_info *info = &l->info[l->n++];
		const struct target *t = &r->target[i];

		info->server = t->server;
		info->join_ap = cached->origin[i].ap->contact;
		info->unicast = t->to;
		info->encap = t->encap;
		info->is_up = true;
		info->is_draining = t->is_draining;
		info->rtt_us = cached->origin[i].rtt_us;
		info->cost_us = cost_of(rv, &t->to, t->cost_us);
		info->expires_in = PIAS_NEVER;
	}
}

int rendezvous_each_member(struct rendezvous *rv, const struct group_name *name,
			   void (*fn)(void *ctx, const struct member_info *info),
			   void *ctx)
{
	const struct group *g = group_find(&rv->owner.groups, name);
	struct cached_info cached = {0};
	struct member_list l = {0};
	uint32_t i, max = 0;

	if (g && !owner_serves(&rv->owner, g))
		g = NULL;
	if (g)
		max = g->n_members;
	else if (cache_find(rv->cache, name, &cached) && cached.route &&
		 cached.route->version)
		max = cached.route->n_targets;
	else
		return PIAS_ENOTFOUND;
	l.info = calloc(max ? max : 1, sizeof(*l.info));
	if (!l.info)
		return PIAS_ENOMEM;
	if (g)
		list_members(rv, g, &l);
	else
		list_targets(rv, &cached, &l);
	qsort(l.info, l.n, sizeof(*l.info), cost_order);
	for (i = 0; i < l.n; i++)
		fn(ctx, &l.info[i]);
	free(l.info);
	return 0;
}

uint32_t rendezvous_n_servers(const struct rendezvous *rv)
{
	return joins_n_servers(rv->joins);
}
