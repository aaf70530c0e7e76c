/*
 * The ingress AP's part: resolves what packets ask for, subscribes, compiles routes
 * for the forwarder, renews while they are used and forgets them when they are not.
 * PROTOCOL 7.6.
 */
#ifndef PIAS_RENDEZVOUS_CACHE_H
#define PIAS_RENDEZVOUS_CACHE_H

#include "rendezvous/owner.h"
#include "rendezvous/survey.h"

#define RESOLVE_TIMEOUT (500 * MSEC) /* doubled up to 4 s; then to the next replica */
#define RESOLVE_TRIES	6	     /* then the next packet has to ask again */
#define RESOLVE_SPREAD	(500 * MSEC) /* over which a dead AP's groups are asked for */
#define RECOST_PERIOD	(5 * SEC)

/* Of groups of which nobody knows whether they exist: packets name what they like. */
#define RESOLVE_INTERVAL (SEC / 4000)
#define RESOLVE_BURST	 4000

struct cache;

struct cached_info {
	const struct route *route;   /* NULL: being resolved */
	const struct origin *origin; /* of each of its targets */
	uint32_t n_all;		     /* members of the whole group */
};

/* NULL: no memory. @ops and @ctx: for ops->route. Takes @survey's news. */
struct cache *cache_new(struct env *env, struct overlay *overlay, struct owner *owner,
			struct survey *survey, const struct rendezvous_config *config,
			const struct rendezvous_ops *ops, void *ctx);
/* Withdraws nothing: the forwarder frees its routes itself. */
void cache_free(struct cache *c);

void cache_want(struct cache *c, const struct group_name *name);
/* An AP died or left: what it told us must be asked of others. */
void cache_on_peer_gone(struct cache *c, const struct id *id);

int cache_on_push(struct cache *c, const struct contact *from, struct rd *body);
int cache_on_negative(struct cache *c, const struct contact *from, struct rd *body);

/* False: not cached. */
bool cache_find(const struct cache *c, const struct group_name *name,
		struct cached_info *out);
uint32_t cache_n(const struct cache *c);
/* Groups with a route, negative ones included, in no order. */
void cache_each_route(const struct cache *c,
		      void (*fn)(void *ctx, const struct group_name *name), void *ctx);

#endif
