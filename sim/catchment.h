/*
 * Which AP a host's packets to the anycast prefix reach: each host lives in a network
 * of an AS graph, in its part of the world, and BGP's policies decide which announcing
 * networks its packets may go to; of those, the nearest AP.
 */
#ifndef PIAS_SIM_CATCHMENT_H
#define PIAS_SIM_CATCHMENT_H

#include "sim/ap.h"
#include "sim/reach.h"

struct catchment {
	struct asgraph graph;
	struct rng rng;
	uint32_t *as_of; /* by host index */
	uint32_t *found; /* by host index: what was found since the last change */
	uint32_t n_hosts;
	struct reach reach;
	uint64_t epoch;
	bool is_stale;	 /* who announces has changed */
	bool is_nearest; /* no policies: everybody reaches the nearest */
};

/* @n_as networks; all hosts of @w, which has them all, are put into customer networks. */
must_check int catchment_init(struct catchment *c, uint64_t seed, uint32_t n_as,
			      const struct world *w);
void catchment_fini(struct catchment *c);
/* An AP became ready or stopped being so. */
void catchment_changed(struct catchment *c);
/* A routing change: among equally good routes, networks choose anew. */
void catchment_shift(struct catchment *c);
/* The host index of the AP; UINT32_MAX where no route leads to any. */
uint32_t catchment_find(struct catchment *c, const struct host *from,
			struct ap *const *ap, unsigned n_aps);
/* Where a host is, for a prefix of somebody else's. */
struct reach_site catchment_site(const struct catchment *c, const struct host *h);

#endif
