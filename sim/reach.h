/*
 * A prefix that several hosts announce: which of them do packets from elsewhere reach?
 * BGP's policies decide which announcing networks they may go to, networks that span a
 * region then take the nearest exit (sim/asgraph.h).
 */
#ifndef PIAS_SIM_REACH_H
#define PIAS_SIM_REACH_H

#include "sim/asgraph.h"
#include "sim/topology.h"

/* Where hosts are: in networks, and at points. Borrowed. */
struct reach_site {
	uint32_t as, point;
	uint32_t host;
};

struct reach {
	uint64_t *exits; /* for each AS, one bit for each site */
	unsigned words;
	struct reach_site *site;
	unsigned n;
};

/* PIAS_ENOMEM. @site is copied. */
must_check int reach_init(struct reach *r, const struct asgraph *g,
			  const struct reach_site *site, unsigned n, uint64_t epoch);
void reach_fini(struct reach *r);
/* The host of the site that packets from @point in network @as reach; UINT32_MAX: none.
 */
uint32_t reach_find(const struct reach *r, const struct topology *t, uint32_t as,
		    uint32_t point);
/* The nearest of all sites, whatever the routes. */
uint32_t reach_nearest(const struct reach *r, const struct topology *t, uint32_t as,
		       uint32_t point);

#endif
