/*
 * Group name to route: what the rendezvous layer has told us, and what packets ask.
 */
#ifndef PIAS_FORWARDER_FIB_H
#define PIAS_FORWARDER_FIB_H

#include "overlay/base/htab.h"
#include "rendezvous/route.h"

struct fib {
	struct siphash_key key; /* names come from clients */
	struct htab routes;
};

void fib_init(struct fib *f, const struct siphash_key *key);
void fib_fini(struct fib *f);
/*
 * Takes @route, which replaces the one for @name; NULL: forget it. PIAS_ENOMEM, which
 * only a new name can meet: then @route is still the caller's.
 */
must_check int fib_set(struct fib *f, const struct group_name *name, struct route *route);
struct route *fib_find(const struct fib *f, const struct group_name *name);

/* Is there such a group? If not, the route is a negative answer. */
static inline bool route_exists(const struct route *r)
{
	return r->version > 0;
}

/*
 * Which group does a packet belong to? To the exact one if that exists, else to that
 * of the whole address; as long as it is unknown whether the exact one exists, nobody
 * can say.
 */
struct fib_match {
	struct group_name exact, wide; /* equal for packets without a port */
	struct route *exact_route;     /* as cached, negative ones too; NULL: unknown */
	struct route *wide_route;      /* the same, where it was looked up */
	struct route *route;	       /* of the group that matches */
	bool is_negative;	       /* for certain there is none */
	/* Neither: this name must be resolved first. */
	const struct group_name *unknown;
};

/* @exact: from packet_group(). */
void fib_match(const struct fib *f, const struct group_name *exact, struct fib_match *m);

#endif
