/*
 * A server's membership in a group, as it is told from AP to AP (PROTOCOL 7.1).
 *
 * Members are ordered by (seq, stamp): seq is the server's own counter, grown with
 * every datagram it sends; stamp counts what its join AP has to say about it in
 * between (health, round-trip time) and starts at 0 with every new seq. The later
 * record wins, wherever and in whatever order records arrive; of two equal ones a
 * tombstone wins.
 */
#ifndef PIAS_RENDEZVOUS_MEMBER_H
#define PIAS_RENDEZVOUS_MEMBER_H

#include "overlay/contact.h"
#include "overlay/coord.h"

#define SERVER_NAME_MAX 63 /* owner name in a server's certificate */

enum member_flag {
	MEMBER_UP = 1,	     /* answers through the tunnel */
	MEMBER_DRAINING = 2, /* established flows only */
	MEMBER_GONE = 4,     /* a tombstone: left, or its lease ended */
	MEMBER_FLAGS = 7
};

struct member_record {
	struct id server;
	struct contact join_ap;
	struct coord coord; /* of the join AP */
	char name[SERVER_NAME_MAX + 1];
	struct addr unicast;
	uint64_t cookie;
	uint64_t seq;
	uint32_t stamp;
	uint32_t rtt_us; /* join AP to server and back; 0 = not known */
	uint16_t mtu;
	uint8_t encap;	/* enum encap */
	uint8_t flags;	/* enum member_flag */
	pias_time left; /* of the lease, or of the tombstone */
};

#define MEMBER_WIRE_MAX                                                                  \
	(ID_LEN + CONTACT_WIRE_MAX + COORD_WIRE_LEN + 1 + SERVER_NAME_MAX + 19 + 8 + 8 + \
	 4 + 4 + 2 + 1 + 1 + 4)

/* Whether (seq, stamp) of @a comes before, with or after that of @b. */
int member_order(uint64_t seq_a, uint32_t stamp_a, uint64_t seq_b, uint32_t stamp_b);

/* Refuses (PIAS_EMALFORMED in @r) whatever no AP of ours would write. */
void member_read(struct rd *r, struct member_record *m);
void member_write(struct wr *w, const struct member_record *m);

#endif
