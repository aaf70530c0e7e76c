/*
 * Which AP a host's packets to the anycast prefix reach: each host lives in a network
 * of an AS graph, and BGP's policies decide which announcing network its packets go
 * to; inside that, the nearest AP.
 */
#ifndef PIAS_SIM_CATCHMENT_H
#define PIAS_SIM_CATCHMENT_H

#include "sim/ap.h"
#include "sim/asgraph.h"

struct catchment {
	struct asgraph graph;
	struct rng rng;
	uint32_t *as_of; /* by host index */
	uint32_t n_hosts;
	bool *announces; /* by AS */
	struct as_route *route;
	uint64_t epoch;
	bool is_stale; /* who announces has changed */
};

/* @n_as networks; hosts 0 to @n_hosts - 1 are put into customer networks. */
must_check int catchment_init(struct catchment *c, uint64_t seed, uint32_t n_as,
			      uint32_t n_hosts);
void catchment_fini(struct catchment *c);
/* An AP became ready or stopped being so. */
void catchment_changed(struct catchment *c);
/* A routing change: among equally good routes, networks choose anew. */
void catchment_shift(struct catchment *c);
/* The host index of the AP; UINT32_MAX where no route leads to any. */
uint32_t catchment_find(struct catchment *c, const struct host *from,
			struct ap *const *ap, unsigned n_aps);

#endif
