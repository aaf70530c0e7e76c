/* The inside of a forwarder, shared by forward.c, relay.c and trace.c. */
#ifndef PIAS_FORWARDER_FORWARD_STATE_H
#define PIAS_FORWARDER_FORWARD_STATE_H

#include "forwarder/choice.h"
#include "forwarder/fib.h"
#include "forwarder/forward.h"
#include "forwarder/fragment.h"

struct forward {
	struct env *env;
	struct overlay *overlay;
	struct rendezvous *rendezvous;
	struct forward_config config;
	struct fib fib;
	struct flows flows;
	struct fragments fragments;
	struct delivery delivery;
	uint16_t ip_id; /* of IPv4 packets that we write ourselves */
	/*
	 * FORWARD_HEADROOM and then PACKET_LEN_MAX bytes: a packet that another AP
	 * sent, that we cut out of a super-packet, or that we write ourselves.
	 */
	uint8_t *room;
};

/* Drops a packet, or the segments of a super-packet, for a reason that has a counter. */
#define forward_drop(f, cargo, reason) count_n((f)->env, drop_##reason, (cargo)->n)

bool forward_has_prefix(const struct forward *f, const struct addr *a);
/* Can a client's packet come from there? */
bool forward_is_source(const struct forward *f, const struct addr *a);

/*
 * Puts the flow @hash on @server, where the flow table has room. @hint: its place in
 * the route, if known. Returns the flow or NULL.
 */
struct flow *forward_place(struct forward *f, uint64_t hash, const struct pick_flow *key,
			   uint64_t server, uint16_t hint);

#endif
