/*
 * Which member of a route gets this packet: the one its flow is on, else the one that
 * the pick table names, else the next that is possible at all.
 */
#ifndef PIAS_FORWARDER_CHOICE_H
#define PIAS_FORWARDER_CHOICE_H

#include "forwarder/delivery.h"
#include "forwarder/flow.h"

struct choice {
	const struct target *target; /* NULL: none is possible */
	bool sender_skipped; /* the sender itself is a member, and was preferred */
	bool family_skipped; /* one of a family that we cannot reach was */
};

/* By the pick table. @src: the packet's sender, who never gets its own packet (A9). */
void choice_pick(struct choice *ch, const struct delivery *d, const struct route *route,
		 const struct pick_flow *flow, const struct addr *src);
/* Is the member that @f is on one of the route's? */
bool choice_knows(const struct route *route, struct flow *f);
/* The member that @f is on, if it still is one and may have this packet; else NULL. */
const struct target *choice_of_flow(const struct delivery *d, const struct route *route,
				    struct flow *f, uint8_t tcp_flags,
				    const struct addr *src);

#endif
