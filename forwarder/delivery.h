/*
 * Into the tunnel: a packet that has found its server gets its headers and goes out,
 * cut into segments where it is a super-packet; or its sender is told that it is too
 * big.
 */
#ifndef PIAS_FORWARDER_DELIVERY_H
#define PIAS_FORWARDER_DELIVERY_H

#include "forwarder/icmp.h"
#include "forwarder/packet.h"
#include "rendezvous/route.h"

#define DELIVERY_ROOM 65536

/* A packet on its way through the forwarder. */
struct cargo {
	struct packet packet;
	uint16_t headroom;    /* writable bytes before packet.data */
	uint16_t segment_len; /* payload of a segment; 0 = one packet */
	bool is_partial;      /* super-packet whose checksum is not final */
	uint32_t n;	      /* packets, as wires count */
};

struct delivery {
	struct env *env;
	struct addr self[2]; /* our unicast addresses; family 0 = none */
	uint16_t mtu;	     /* of our uplink */
	uint8_t *room;	     /* DELIVERY_ROOM bytes for what is being built */
	struct icmp_limit icmp;
};

must_check int delivery_init(struct delivery *d, struct env *env,
			     const struct addr self[2], uint16_t mtu);
void delivery_fini(struct delivery *d);

/* Have we an address of the family that reaches @to? */
bool delivery_reaches(const struct delivery *d, const struct target *to);
/* @entropy: of the flow. Counts what leaves and what does not. */
void delivery_send(struct delivery *d, const struct cargo *c, const struct target *to,
		   uint16_t entropy);

#endif
