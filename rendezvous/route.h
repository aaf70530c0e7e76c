/*
 * What the forwarder needs to know of a group, compiled by the rendezvous layer:
 * targets (members it may choose) and a pick table of indices into them. A route is
 * immutable but for used_at; a new version is built beside the live one and swapped.
 */
#ifndef PIAS_RENDEZVOUS_ROUTE_H
#define PIAS_RENDEZVOUS_ROUTE_H

#include "overlay/base/env.h"
#include "rendezvous/name.h"

#define ROUTE_TARGETS_MAX 65535

/* One member as the packet path sees it. */
struct target {
	struct id server;    /* the member's id */
	struct id join_ap;   /* the AP it joined through */
	struct addr to;	     /* unicast address; GUE: and port */
	uint64_t cookie;     /* GUE: chosen by the server */
	uint32_t cost_us;    /* from the ingress AP this route was made for */
	uint16_t mtu;	     /* largest outer packet towards it; 1500 unless told */
	uint8_t encap;	     /* enum encap */
	uint8_t is_draining; /* established flows only */
};

struct route {
	struct group_name name;
	uint64_t version;	/* of the group at the rendezvous AP; 0: no such group */
	struct siphash_key key; /* for the flow hash: clients cannot aim */
	pias_time used_at;	/* last packet; written by the forwarder */
	uint32_t n_slots;	/* >= 1 if n_targets */
	uint16_t n_targets;	/* 0: no such group, or no live member in it */
	struct target *target;	/* in order of preference */
	uint16_t *slot;		/* n_slots indices into target */
};

/* Room for that many; NULL without memory. All zero but the sizes and pointers. */
struct route *route_new(const struct group_name *name, unsigned n_targets,
			uint32_t n_slots);
void route_free(struct route *r); /* NULL is fine */

#endif
