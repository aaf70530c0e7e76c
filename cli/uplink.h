/*
 * The daemon's datagram sockets: the control port on each of its unicast addresses, a
 * pool of source ports for GUE, and raw sockets for IP-in-IP. What is sent leaves at
 * uplink_flush, in bursts.
 */
#ifndef PIAS_CLI_UPLINK_H
#define PIAS_CLI_UPLINK_H

#include <event2/event.h>

#include "cli/udp.h"
#include "overlay/base/env.h"

#define UPLINK_PORTS   16 /* source ports of GUE, for each family: a power of two */
#define UPLINK_WHY_MAX 256

/* A datagram came to our control port at @to. After a burst: @from NULL. */
typedef void uplink_fn(void *ctx, const struct addr *from, const struct addr *to,
		       const uint8_t *data, size_t len);

struct uplink {
	struct addr self[2]; /* v4, v6, with the control port */
	int control[2];
	int pool[2][UPLINK_PORTS];
	int raw[2][2]; /* by outer, then inner family */
	struct event *readable[2];
	struct udp_in *in;
	struct udp_out *control_out, *tunnel_out;
	uplink_fn *fn;
	void *ctx;
	int reading; /* which family's control socket, within fn */
};

/* @self: family none where we have no address. On failure @why says what is wrong. */
must_check int uplink_open(struct uplink *u, struct event_base *base,
			   const struct addr self[2], uplink_fn *fn, void *ctx,
			   char why[static UPLINK_WHY_MAX]);
void uplink_close(struct uplink *u);

/* As env_ops.datagram and env_ops.tunnel. False: no address of that family. */
bool uplink_datagram(struct uplink *u, const struct addr *to, const void *data,
		     size_t len);
bool uplink_tunnel(struct uplink *u, const struct tunnel_packet *packet);
/* Sends what was gathered; counts what the system refused. */
void uplink_flush(struct uplink *u, struct counters *counters);

#endif
