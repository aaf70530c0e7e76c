/*
 * Which ingress AP do a client's packets reach? Decided as BGP decides: by policy and
 * AS-path length, not by distance. An AS graph after Elmokashfi, Kvalbein and Dovrolis
 * (IEEE JSAC 2010): a clique of tier-1 networks (T), transit providers (M), content
 * providers (CP) and customers (C), in five regions, attached preferentially; routes
 * are valley-free and preferred customer, then peer, then provider (Gao and Rexford
 * 2001), then by length.
 */
#ifndef PIAS_SIM_ASGRAPH_H
#define PIAS_SIM_ASGRAPH_H

#include <stdbool.h>

#include "overlay/base/error.h"
#include "sim/rng.h"

#define AS_REGIONS 5
#define AS_NONE	   UINT32_MAX

enum as_type {
	AS_T,
	AS_M,
	AS_CP,
	AS_C,
};

enum as_rel {
	REL_PROVIDER, /* the neighbour is my provider */
	REL_CUSTOMER,
	REL_PEER,
};

struct as_edge {
	uint32_t to;
	uint8_t rel; /* enum as_rel */
};

struct as_node {
	struct as_edge *edge;
	uint32_t n_edges, cap_edges;
	uint32_t n_customers;
	uint8_t regions; /* bit mask */
	uint8_t type;	 /* enum as_type */
};

struct asgraph {
	struct as_node *as;
	uint32_t n;
	uint64_t salt; /* breaks ties between equal routes, for each AS its own way */
};

/* One AS's best route to the anycast prefix. */
struct as_route {
	uint32_t origin; /* the announcing AS it leads to; AS_NONE = unreachable */
	uint16_t hops;
	uint8_t pref; /* 3 own or customer, 2 peer, 1 provider, 0 none */
};

/* @n networks, 20 to 100,000. */
must_check int asgraph_make(struct asgraph *g, uint32_t n, struct rng *r);
void asgraph_free(struct asgraph *g);
/* A customer network in @region, for hosts to live in. */
uint32_t asgraph_draw_customer(const struct asgraph *g, unsigned region, struct rng *r);

/*
 * Best routes of all ASes when exactly the ASes with announces[as] true announce.
 * @out has room for g->n. @epoch perturbs ties: another epoch, another choice among
 * equals, as after a routing change.
 */
must_check int asgraph_routes(const struct asgraph *g, const bool *announces,
			      uint64_t epoch, struct as_route *out);

/*
 * Which origins does traffic leave for? Networks that span a region (T and M) hand it
 * over at the nearest of all equally good exits; others have one exit. @out holds
 * @words 64-bit words for each AS; the rows of the announcing ones are filled in by the
 * caller, the others' come out as the union of what they can choose from.
 */
void asgraph_exits(const struct asgraph *g, const struct as_route *route, uint64_t epoch,
		   uint64_t *out, unsigned words);

#endif
