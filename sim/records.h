/*
 * What an AP's rendezvous layer holds, as it lies there: more than an operator sees,
 * for the oracle.
 */
#ifndef PIAS_SIM_RECORDS_H
#define PIAS_SIM_RECORDS_H

#include "rendezvous/rendezvous.h"

struct records_sizes {
	uint32_t groups, members, cached;
};

struct records_group {
	uint32_t n_members, n_live; /* with tombstones, and without */
	uint32_t n_subscribers;
	pias_time last_end; /* of its leases and tombstones, by the AP's clock */
};

enum records_member {
	MEMBER_MISSING, /* or a tombstone */
	MEMBER_LISTED,	/* but not fit for packets */
	MEMBER_FIT,
};

struct records_sizes records_sizes(const struct rendezvous *rv);
/* False, and all zero: it is not held here, neither as owner nor as a copy. */
bool records_find(const struct rendezvous *rv, const struct group_name *name,
		  struct records_group *out);
enum records_member records_member(const struct rendezvous *rv,
				   const struct group_name *name,
				   const struct id *server);
/* Goes on from @hash over all of the group. */
uint64_t records_digest(const struct rendezvous *rv, const struct group_name *name,
			uint64_t hash);

#endif
