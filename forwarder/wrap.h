/*
 * Client packets between APs (PROTOCOL 8.2): to a group's rendezvous AP, in a sealed
 * datagram; and the note back where the flow was placed.
 */
#ifndef PIAS_FORWARDER_WRAP_H
#define PIAS_FORWARDER_WRAP_H

#include "forwarder/packet.h"
#include "overlay/coord.h"
#include "overlay/overlay.h"

#define MSG_WRAPPED (MSG_FORWARDER_FIRST + 0)
#define MSG_PLACED  (MSG_FORWARDER_FIRST + 1)

#define WRAP_HOPS_MAX	2 /* between APs */
#define WRAP_HEADER_LEN (1 + 1 + 2 + 2 + ID_LEN + COORD_WIRE_LEN + GROUP_NAME_LEN)

/* What stands before the packet. */
struct wrap {
	uint8_t hops; /* between APs, the one under way included: 1 or 2 */
	/* Of the flow: what later fragments do not have. */
	uint8_t proto;
	uint16_t sport, dport;
	struct id ingress;
	struct coord coord;	/* of the ingress AP */
	struct group_name name; /* the group being looked for */
};

void wrap_write(struct wr *w, const struct wrap *wrap);
/* Reads the header; the packet is what remains in @r. */
void wrap_read(struct rd *r, struct wrap *wrap);

/* A flow from a client was delivered to that server. */
struct placed {
	struct addr client;	/* with port */
	struct group_name name; /* of the flow: exact, whatever group it went to */
	uint64_t server;	/* id_prefix */
};

#define PLACED_MAX (19 + GROUP_NAME_LEN + 8)

void placed_write(struct wr *w, const struct placed *p);
void placed_read(struct rd *r, struct placed *p);

#endif
