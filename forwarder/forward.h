/*
 * Where does this packet go? The packet path of an AP: parse, find the group's route,
 * pick, encapsulate; or wrap it to the group's rendezvous AP; or answer with
 * packet-too-big. Never waits for anything (DESIGN, principle 2).
 */
#ifndef PIAS_FORWARDER_FORWARD_H
#define PIAS_FORWARDER_FORWARD_H

#include "forwarder/packet.h"
#include "overlay/overlay.h"
#include "rendezvous/rendezvous.h"

/* A host that reads packets this far into its buffer saves us a copy of each. */
#define FORWARD_HEADROOM 128

struct forward_config {
	struct prefix prefix[RENDEZVOUS_PREFIXES_MAX];
	unsigned n_prefixes;
	struct addr self[2]; /* our unicast addresses: v4, v6 */
	uint32_t max_flows;  /* flow table entries; 65,536 */
	uint16_t mtu;	     /* of our own uplink; 1500 */
};

struct forward;

struct forward *forward_new(struct env *env, struct overlay *overlay,
			    struct rendezvous *rendezvous,
			    const struct forward_config *config);
void forward_free(struct forward *f);

/* A packet for the anycast prefix that arrived here from outside. */
void forward_on_packet(struct forward *f, const struct packet_in *packet);
/* From another AP (types >= MSG_FORWARDER_FIRST). */
int forward_on_message(struct forward *f, const struct contact *from, uint8_t type,
		       struct rd *body);

/* What rendezvous_ops asks of the forwarder; same contracts. */
must_check int forward_route(struct forward *f, const struct group_name *name,
			     struct route *route);
void forward_tunnel_control(struct forward *f, const struct target *to,
			    const struct group_name *group, uint16_t port,
			    const void *payload, size_t len);
void forward_answer(struct forward *f, const struct addr *from, const struct addr *to,
		    const void *payload, size_t len);

/* For the operator */

struct flow_info {
	struct addr client, group; /* with ports */
	uint8_t proto;
	struct id server;
	uint64_t packets, bytes;
	pias_time idle;
};

void forward_each_flow(struct forward *f,
		       void (*fn)(void *ctx, const struct flow_info *info), void *ctx);
uint32_t forward_n_flows(const struct forward *f);

/* Where a packet would go if it came in here now, and why. Sends nothing. */
enum trace_step {
	TRACE_CACHED,	  /* this AP has the group's route */
	TRACE_RENDEZVOUS, /* it would wrap it to the rendezvous AP */
	TRACE_LOCAL,	  /* this AP is the rendezvous AP, or holds a copy */
	TRACE_NEGATIVE,	  /* cached: no such group */
	TRACE_NO_PREFIX,  /* not an address of ours */
};

struct trace {
	enum trace_step step;
	struct group_name group;   /* the group that matched, exact or wide */
	struct contact rendezvous; /* who owns it; its own id if ourselves */
	bool has_target;
	struct target target;
	bool by_flow;	     /* an established flow decided */
	bool sender_skipped; /* the client itself is a member and was passed over */
};

/* @client with port (0 = any); @group by name. */
must_check int forward_trace(struct forward *f, const struct addr *client,
			     const struct group_name *group, struct trace *out);

#endif
