/*
 * Things that end by themselves: memberships, tombstones, groups without members.
 * One coarse wheel per AP and one timer for all of them. A lease ends at its time or
 * up to a quarter of a second later, never before; prolonging one costs a store.
 */
#ifndef PIAS_RENDEZVOUS_LEASE_H
#define PIAS_RENDEZVOUS_LEASE_H

#include <stdbool.h>

#include "overlay/base/env.h"

#define LEASE_GRAIN (250 * MSEC)
#define LEASE_SLOTS 128

struct lease {
	struct lease *next;
	struct lease **pprev; /* NULL: not held */
	int64_t ends : 56;    /* a pias_time */
	uint64_t kind : 8;    /* the owner's business */
};

struct leases {
	struct env *env;
	void (*ended)(void *ctx, struct lease *l);
	void *ctx;
	int64_t swept; /* the last tick whose slot was emptied */
	struct timer timer;
	struct lease *slot[LEASE_SLOTS];
};

/* @ended: the lease is no longer held; it may be set again or freed, like any other. */
void leases_init(struct leases *ls, struct env *env,
		 void (*ended)(void *ctx, struct lease *l), void *ctx);
void leases_fini(struct leases *ls); /* forgets them all */

/* Starts, prolongs or shortens. */
void lease_set(struct leases *ls, struct lease *l, pias_time ends);
void lease_stop(struct lease *l);
bool lease_is_set(const struct lease *l);

#endif
