/* What rendezvous.c puts together. Only for it, and for tests that look inside. */
#ifndef PIAS_RENDEZVOUS_RENDEZVOUS_STATE_H
#define PIAS_RENDEZVOUS_RENDEZVOUS_STATE_H

#include "rendezvous/cache.h"
#include "rendezvous/join.h"
#include "rendezvous/owner.h"

struct rendezvous {
	struct env *env;
	struct overlay *overlay;
	const struct rendezvous_ops *ops;
	void *ctx;
	struct post post;
	struct owner owner;
	struct survey survey;
	struct cache *cache;
	struct joins *joins;
	struct membership *membership;
};

#endif
