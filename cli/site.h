/*
 * A server's place on its host: where tunnel packets arrive and how they reach the
 * anycast addresses. Checks the host, changes what has to be changed, keeps it so, and
 * undoes it at the end.
 */
#ifndef PIAS_CLI_SITE_H
#define PIAS_CLI_SITE_H

#include "cli/decap_io.h"
#include "cli/host_net.h"
#include "cli/join_options.h"
#include "cli/tun.h"

#define SITE_WHY_MAX 512

struct site {
	struct event_base *base;
	const struct join_options *options;
	struct host_net_config net_config;
	struct host_net net;
	struct tun tun;
	struct decap_io *decap;
	int claim[AGENT_GROUPS_MAX]; /* of each group, fellow.h */
	unsigned n_claims;
	struct event *net_event, *resync;
	struct addr unicast;  /* GUE: with port */
	struct addr local[2]; /* v4, v6: for datagrams to the anycast addresses */
	unsigned mtu, inner_mtu;
	bool is_large_told;
	char last_trouble[HOST_NET_WHY_MAX];
};

/* Everything but the tunnel's sockets. On failure nothing is left changed. */
must_check int site_open(struct site *s, struct event_base *base,
			 const struct join_options *o, char why[static SITE_WHY_MAX]);
/* Lets packets in, for what the agent says it serves. */
must_check int site_listen(struct site *s, const struct agent_config *agent,
			   char why[static SITE_WHY_MAX]);
void site_close(struct site *s);

#endif
