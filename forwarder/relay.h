/*
 * Packets between APs (PROTOCOL 8.2): a packet of a group that this AP has no route
 * for goes to the group's rendezvous AP, which chooses the member for that ingress.
 * It never takes more than two hops between APs, so no loop can form.
 */
#ifndef PIAS_FORWARDER_RELAY_H
#define PIAS_FORWARDER_RELAY_H

#include "forwarder/delivery.h"
#include "forwarder/forward.h"

/* At the ingress AP: delivers from a copy that we hold ourselves, or passes it on. */
void relay_unknown(struct forward *f, struct cargo *c, uint64_t hash,
		   const struct group_name *name);
int relay_on_wrapped(struct forward *f, const struct contact *from, struct rd *body);
/* At the ingress AP: the rendezvous AP tells where it put a flow of ours. */
int relay_on_placed(struct forward *f, struct rd *body);

#endif
