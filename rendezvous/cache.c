/*
 * Cached groups. One entry per name, with one timer: for the next try while it waits
 * for an answer, else for its renewal (positive: half its subscription; negative: its
 * time to live). Whether an entry is still needed shows in its route's used_at, which
 * the forwarder writes.
 *
 * What always holds: the forwarder has exactly the routes that entries point at. An
 * entry without route waits for an answer.
 */
#include "rendezvous/cache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/base/rate.h"

struct entry {
	struct cache *cache;
	struct timer timer;
	TAILQ_ENTRY(entry) by_age;
	struct group_name name;
	struct id source; /* who answered */
	uint64_t hash;
	struct siphash_key flow_key; /* the same in all versions: flows stay */
	struct route *route;	     /* the forwarder's; NULL: none */
	struct origin *origin;	     /* of each of its targets */
	unsigned n_origins;
	uint32_t n_all;
	uint8_t n_tries;
	bool is_asking;
	bool is_settled;   /* the first of its targets was chosen when all was measured */
	pias_time seen_at; /* the used_at of the last renewal */
};

TAILQ_HEAD(entry_list, entry);

struct cache {
	struct env *env;
	struct overlay *overlay;
	struct owner *owner;
	struct survey *survey;
	const struct rendezvous_ops *ops;
	void *ctx;
	struct siphash_key key;
	struct htab by_name;
	/* Oldest news first; which list tells what the route is. */
	struct entry_list waiting, negative, positive;
	uint32_t max;
	pias_time idle;
	struct timer recost;
	struct rate strangers; /* resolves of groups that may not exist */
};

static void on_timer(void *ctx);
static void recost(void *ctx);

static void on_measured(void *ctx, const struct group_name *name);

struct cache *cache_new(struct env *env, struct overlay *overlay, struct owner *owner,
			struct survey *survey, const struct rendezvous_config *config,
			const struct rendezvous_ops *ops, void *ctx)
{
	struct cache *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->env = env;
	c->overlay = overlay;
	c->owner = owner;
	c->survey = survey;
	survey->measured = on_measured;
	survey->ctx = c;
	c->ops = ops;
	c->ctx = ctx;
	c->max = config->max_cached;
	c->idle = config->cache_idle;
	env_random(env, &c->key, sizeof(c->key));
	htab_init(&c->by_name);
	TAILQ_INIT(&c->waiting);
	TAILQ_INIT(&c->negative);
	TAILQ_INIT(&c->positive);
	timer_init(&c->recost, recost, c);
	return c;
}

static bool is_negative(const struct entry *e)
{
	return e->route && !e->route->version;
}

static struct entry_list *list_of(struct entry *e)
{
	if (!e->route)
		return &e->cache->waiting;
	return is_negative(e) ? &e->cache->negative : &e->cache->positive;
}

static void put_origins(struct entry *e)
{
	unsigned i;

	for (i = 0; i < e->n_origins; i++)
		ap_put(&e->cache->owner->groups.interns, e->origin[i].ap);
	free(e->origin);
	e->origin = NULL;
	e->n_origins = 0;
}

/* The route itself is the forwarder's to free. */
static void entry_free(struct entry *e)
{
	struct cache *c = e->cache;

	put_origins(e);
	timer_stop(&c->env->timers, &e->timer);
	TAILQ_REMOVE(list_of(e), e, by_age);
	htab_del(&c->by_name, e->hash, e);
	free(e);
}

static void free_list(struct entry_list *list)
{
	while (!TAILQ_EMPTY(list))
		entry_free(TAILQ_FIRST(list));
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	free_list(&c->waiting);
	free_list(&c->negative);
	free_list(&c->positive);
	timer_stop(&c->env->timers, &c->recost);
	htab_fini(&c->by_name);
	free(c);
}

static bool is_named(const void *item, const void *key)
{
	const struct entry *e = item;

	return group_name_eq(&e->name, key);
}

static struct entry *entry_find(const struct cache *c, const struct group_name *name)
{
	return htab_find(&c->by_name, group_name_hash(name, &c->key), is_named, name);
}

static void entry_timer(struct entry *e, pias_time at)
{
	timer_set(&e->cache->env->timers, &e->timer, at);
}

/* Asking */

/*
 * Ourselves if we hold the group, else its owner by way of the ring. If that does not
 * answer, the next one who should hold it: the owner may be dead and nobody know.
 */
static void send_resolve(struct entry *e)
{
	struct cache *c = e->cache;
	struct msg_resolve m = {
		.name = e->name,
		.version = e->route ? e->route->version : 0,
		.hops_left = RESOLVE_HOPS,
		.ingress = *overlay_self(c->overlay),
		.coord = *overlay_coord(c->overlay),
	};
	struct contact to[REPLICAS_MAX];
	uint8_t buf[MESSAGE_WIRE_MAX];
	struct id key;
	unsigned n = 0;
	struct wr w;

	group_name_key(&e->name, &key);
	wr_init(&w, buf, sizeof(buf));
	msg_write_resolve(&w, &m);
	if (e->n_tries)
		n = overlay_owners(c->overlay, &key, to, c->owner->replicas.n_replicas);
	/* What cannot be sent is tried again. */
	if (n)
		(void)post_send(c->owner->post, &to[e->n_tries % n], MSG_RESOLVE, &w);
	else if (sync_holds(&c->owner->sync, &key) &&
		 group_find(&c->owner->groups, &e->name))
		(void)post_send(c->owner->post, &m.ingress, MSG_RESOLVE, &w);
	else
		(void)post_route(c->owner->post, &key, MSG_RESOLVE, &w);
}

static void ask(struct entry *e)
{
	unsigned shift = e->n_tries < 3 ? e->n_tries : 3;

	e->is_asking = true;
	entry_timer(e, e->cache->env->now + (RESOLVE_TIMEOUT << shift));
	send_resolve(e);
}

static void ask_anew(struct entry *e)
{
	e->n_tries = 0;
	ask(e);
}

static void unsubscribe(struct entry *e)
{
	struct msg_unsubscribe m = {.name = e->name};
	struct contact to[REPLICAS_MAX];
	uint8_t buf[MESSAGE_WIRE_MAX];
	struct id key;
	unsigned i, n;
	struct wr w;

	group_name_key(&e->name, &key);
	wr_init(&w, buf, sizeof(buf));
	msg_write_unsubscribe(&w, &m);
	n = overlay_owners(e->cache->overlay, &key, to,
			   e->cache->owner->replicas.n_replicas);
	/* Any other who keeps telling us stops when the subscription ends. */
	for (i = 0; i < n; i++)
		if (id_eq(&to[i].id, &e->source))
			(void)post_send(e->cache->owner->post, &to[i], MSG_UNSUBSCRIBE,
					&w);
}

/* Forgets the entry and withdraws its route. */
static void forget(struct entry *e)
{
	struct cache *c = e->cache;
	struct group_name name = e->name;
	bool has_route = e->route != NULL;

	if (has_route && !is_negative(e))
		unsubscribe(e);
	entry_free(e);
	if (has_route)
		(void)!c->ops->route(c->ctx, &name, NULL); /* takes no memory */
}

/* Full: the negative answer, else the positive one, that is oldest makes room. */
static bool make_room(struct cache *c)
{
	if (c->by_name.n < c->max)
		return true;
	if (!TAILQ_EMPTY(&c->negative))
		forget(TAILQ_FIRST(&c->negative));
	else if (!TAILQ_EMPTY(&c->positive))
		forget(TAILQ_FIRST(&c->positive));
	else
		count(c->env, drop_cache_full);
	return c->by_name.n < c->max;
}

static struct entry *entry_new(struct cache *c, const struct group_name *name)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->cache = c;
	e->name = *name;
	e->hash = group_name_hash(name, &c->key);
	if (htab_add(&c->by_name, e->hash, e)) {
		free(e);
		return NULL;
	}
	env_random(c->env, &e->flow_key, sizeof(e->flow_key));
	timer_init(&e->timer, on_timer, e);
	TAILQ_INSERT_TAIL(&c->waiting, e, by_age);
	return e;
}

/*
 * Whoever sends packets to random ports must not make us, and the rendezvous APs, work
 * more than that. Packets of a group that has to wait go the long way meanwhile.
 */
static bool may_ask(struct cache *c)
{
	if (rate_take(&c->strangers, c->env->now, RESOLVE_INTERVAL, RESOLVE_BURST))
		return true;
	count(c->env, drop_resolve_limit);
	return false;
}

void cache_want(struct cache *c, const struct group_name *name)
{
	struct entry *e = entry_find(c, name);

	if (e || !may_ask(c) || !make_room(c))
		return;
	e = entry_new(c, name);
	if (e)
		ask_anew(e);
}

/* Timers */

static bool is_used(const struct entry *e)
{
	pias_time since =
		is_negative(e) ? e->seen_at : e->cache->env->now - e->cache->idle;

	return e->route->used_at > since;
}

static void on_timer(void *ctx)
{
	struct entry *e = ctx;

	if (e->is_asking && ++e->n_tries < RESOLVE_TRIES) {
		ask(e);
		return;
	}
	/* Nobody knows. A positive answer is better than none as long as it is used. */
	if (!e->route || (e->is_asking && is_negative(e)) || !is_used(e) ||
	    (is_negative(e) && !may_ask(e->cache))) {
		forget(e);
		return;
	}
	ask_anew(e);
}

/* With a route: as if it were time to renew. Without: the next try, and all after it. */
static void ask_soon(struct entry *e)
{
	struct env *env = e->cache->env;

	e->is_asking = !e->route;
	e->n_tries = 0;
	entry_timer(e, env->now + env_random_below(env, (uint32_t)RESOLVE_SPREAD));
}

void cache_on_peer_gone(struct cache *c, const struct id *id)
{
	struct entry *e;

	TAILQ_FOREACH(e, &c->positive, by_age)
		if (id_eq(&e->source, id))
			ask_soon(e);
	/* What waits for an answer may wait for this AP's. */
	TAILQ_FOREACH(e, &c->waiting, by_age)
		ask_soon(e);
}

/* Answers */

/* As measured; else by way of the join AP, which is the longer one. */
static uint32_t cost_of(const struct cache *c, const struct choice *choice)
{
	uint32_t us = survey_us(c->survey, &choice->target.to);

	if (us)
		return us;
	return select_cost(&c->owner->selector, &overlay_self(c->overlay)->id,
			   overlay_coord(c->overlay), choice->ap, choice->rtt_us);
}

static void fill_route(struct route *r, const struct entry *e, uint64_t version,
		       const struct choice *choice, unsigned n)
{
	unsigned i;

	r->version = version;
	r->key = e->flow_key;
	r->used_at = e->route ? e->route->used_at : e->cache->env->now;
	for (i = 0; i < n; i++)
		r->target[i] = choice[i].target;
}

/* The entry takes over what the forwarder has taken, and the choices' references. */
static void commit_route(struct entry *e, struct route *r, struct origin *origin,
			 const struct choice *choice, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		origin[i].ap = choice[i].ap;
		origin[i].rtt_us = choice[i].rtt_us;
	}
	put_origins(e);
	e->route = r;
	e->origin = origin;
	e->n_origins = n;
	TAILQ_INSERT_TAIL(list_of(e), e, by_age);
}

/*
 * Hands a new route to the forwarder in place of the old one. Takes over the choices'
 * references, also when it fails: then all is as before.
 */
static int set_route(struct entry *e, uint64_t version, const struct choice *choice,
		     unsigned n)
{
	struct cache *c = e->cache;
	struct route *r = route_new(&e->name, n, n ? 1 : 0);
	struct origin *origin = calloc(n ? n : 1, sizeof(*origin));
	struct entry_list *list = list_of(e);

	if (r && origin) {
		fill_route(r, e, version, choice, n);
		/* It frees the old one: from here on that is not looked at. */
		if (!c->ops->route(c->ctx, &e->name, r)) {
			TAILQ_REMOVE(list, e, by_age);
			commit_route(e, r, origin, choice, n);
			return 0;
		}
	}
	choices_put(choice, n, &c->owner->groups.interns);
	route_free(r);
	free(origin);
	return PIAS_ENOMEM;
}

/* No memory for an answer: a part of it would be a lie, so it is asked for again. */
static void not_taken(struct entry *e)
{
	if (!e->is_asking)
		ask_soon(e);
}

static void answered(struct entry *e, const struct contact *from, pias_time again)
{
	e->source = from->id;
	e->is_asking = false;
	e->n_tries = 0;
	e->seen_at = e->cache->env->now;
	entry_timer(e, e->cache->env->now + again);
}

static const struct id *nearest(const struct entry *e)
{
	return e->route && e->route->n_targets ? &e->route->target[0].server : NULL;
}

/* The one to stay with. Who was chosen by a guess has to stand the first measurement. */
static const struct id *current(const struct entry *e)
{
	const struct id *id = nearest(e);

	if (id && !e->is_settled && survey_us(e->cache->survey, &e->route->target[0].to))
		return NULL;
	return id;
}

/* Those that may come to be the nearest, of a group that has packets. */
static void measure(struct entry *e)
{
	if (e->cache->env->now - e->route->used_at <= SURVEY_PERIOD)
		survey_want_nearest(e->cache->survey, e->route, e->origin);
}

static bool fill_choice(struct cache *c, struct choice *out,
			const struct member_record *m)
{
	if (!choice_fill(out, &c->owner->groups.interns, m))
		return false;
	out->target.cost_us = cost_of(c, out);
	return true;
}

int cache_on_push(struct cache *c, const struct contact *from, struct rd *body)
{
	struct choice choice[PUSH_MEMBERS_MAX];
	struct msg_push m;
	struct entry *e;
	unsigned n = 0;

	msg_read_push(body, &m);
	if (body->err)
		return body->err;
	e = entry_find(c, &m.name);
	if (!e || (e->route && m.version < e->route->version))
		return 0; /* not wanted any more, or overtaken */
	while (n < m.n && fill_choice(c, &choice[n], &m.member[n]))
		n++;
	if (n < m.n) {
		choices_put(choice, n, &c->owner->groups.interns);
		not_taken(e);
		return 0;
	}
	choices_sort(choice, n, current(e));
	if (set_route(e, m.version, choice, n)) {
		not_taken(e);
		return 0;
	}
	answered(e, from, m.ttl / 2);
	e->n_all = m.n_all;
	if (!timer_is_set(&c->recost))
		timer_set(&c->env->timers, &c->recost, c->env->now + RECOST_PERIOD);
	measure(e);
	return 0;
}

int cache_on_negative(struct cache *c, const struct contact *from, struct rd *body)
{
	struct msg_negative m;
	struct entry *e;

	msg_read_negative(body, &m);
	if (body->err)
		return body->err;
	e = entry_find(c, &m.name);
	if (!e)
		return 0;
	if (!m.ttl) {
		/* Only who told us last can take it back. */
		if (id_eq(&e->source, &from->id) && !e->is_asking)
			ask_anew(e);
		return 0;
	}
	if (set_route(e, 0, NULL, 0)) {
		not_taken(e);
		return 0;
	}
	answered(e, from, m.ttl);
	e->n_all = 0;
	return 0;
}

/* Moving coordinates, new measurements */

/* A new order only where another member would come first. */
static void recost_entry(struct entry *e)
{
	struct choice choice[PUSH_MEMBERS_MAX];
	unsigned i, n = e->route->n_targets;

	for (i = 0; i < n; i++) {
		choice[i].target = e->route->target[i];
		choice[i].ap = e->origin[i].ap;
		choice[i].rtt_us = e->origin[i].rtt_us;
		choice[i].target.cost_us = cost_of(e->cache, &choice[i]);
	}
	choices_sort(choice, n, current(e));
	if (n < 2 || id_eq(&choice[0].target.server, nearest(e)))
		return;
	for (i = 0; i < n; i++)
		ap_hold(choice[i].ap);
	(void)!set_route(e, e->route->version, choice, n); /* or in the next period */
}

/* When nothing more is to be measured, the choice is made. */
static void settle(struct entry *e)
{
	measure(e);
	if (!e->is_settled)
		e->is_settled = !survey_is_busy(e->cache->survey, &e->name);
}

static void on_measured(void *ctx, const struct group_name *name)
{
	struct entry *e = entry_find(ctx, name);

	if (!e || !e->route || is_negative(e))
		return;
	recost_entry(e);
	settle(e);
}

static void recost(void *ctx)
{
	struct cache *c = ctx;
	struct entry *e = TAILQ_FIRST(&c->positive);
	struct entry *last = TAILQ_LAST(&c->positive, entry_list), *next;

	survey_expire(c->survey);
	if (!e)
		return;
	timer_set(&c->env->timers, &c->recost, c->env->now + RECOST_PERIOD);
	for (; e; e = next) {
		/* A changed entry goes to the end: stop where the end was. */
		next = e == last ? NULL : TAILQ_NEXT(e, by_age);
		recost_entry(e);
		settle(e);
	}
}

/* For the operator */

bool cache_find(const struct cache *c, const struct group_name *name,
		struct cached_info *out)
{
	const struct entry *e = entry_find(c, name);

	if (!e)
		return false;
	out->route = e->route;
	out->origin = e->origin;
	out->n_all = e->n_all;
	return true;
}

uint32_t cache_n(const struct cache *c)
{
	return c->by_name.n;
}

void cache_each_route(const struct cache *c,
		      void (*fn)(void *ctx, const struct group_name *name), void *ctx)
{
	const struct entry *e;
	uint32_t pos = 0;

	while ((e = htab_next(&c->by_name, &pos)))
		if (e->route)
			fn(ctx, &e->name);
}
