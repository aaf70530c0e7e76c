/*
 * What a rendezvous AP holds, seen from within: who is in a group, how many entries
 * there are, and what they take. (Apart from its callers because the rendezvous layer
 * calls its own records of APs and servers as the simulator calls its own.)
 */
#ifndef PIAS_SIM_HOLDING_H
#define PIAS_SIM_HOLDING_H

#include "overlay/base/timer.h"
#include "rendezvous/rendezvous.h"

/* The live members of @group that @rv holds, as owner or as copy, in order of id. */
void holding_each(const struct rendezvous *rv, const struct group_name *group,
		  void (*fn)(void *ctx, const struct id *server), void *ctx);
/* Live members of all groups. */
uint64_t holding_entries(const struct rendezvous *rv);

struct weight {
	double group_bytes;   /* of a group, idle and without its members */
	double join_ap_bytes; /* of an AP that any number of members joined through */
	double entry_bytes;   /* of a member in its group */
	double all_bytes;     /* of members and their join APs, for each member */
};

/*
 * Measured on what those of @rv hold: groups, then join APs, then members are entered
 * anew into tables of their own, and malloc is asked in between.
 */
void holding_weigh(struct rendezvous *const *rv, unsigned n, pias_time now,
		   struct weight *out);

#endif
