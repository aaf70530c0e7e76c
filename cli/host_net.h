/*
 * What pias-join changes on its host while it runs, kept as it should be and undone at
 * the end:
 *
 *  - each anycast address on the loopback interface;
 *  - a routing table: a copy of the main one whose routes make TCP advertise segments
 *    that fit the tunnel;
 *  - rules: replies from the anycast addresses use that table; datagrams to their
 *    control port leave this host in spite of the address on it; with @also_client
 *    everything that this host sends to them does.
 *
 * All of it is marked, so that what a killed run left is found and taken over. Several
 * programs can work on one host: they see each other (fellow.h), the last one clears
 * up, and what somebody takes away all the same is put back.
 */
#ifndef PIAS_CLI_HOST_NET_H
#define PIAS_CLI_HOST_NET_H

#include "cli/fellow.h"
#include "cli/netlink.h"
#include "cli/route_copy.h"

#define HOST_NET_ADDRS_MAX 64
#define HOST_NET_WHY_MAX   256

struct host_net_config {
	struct addr anycast[HOST_NET_ADDRS_MAX]; /* each once, without port */
	unsigned n_anycast;
	bool leave_addresses; /* the operator sees to them */
	bool leave_mss;	      /* no smaller segments */
	bool also_client;
	unsigned inner_mtu;
	/* What IPv6 sockets of this host shall send from; for also_client. */
	struct addr source_v6;
};

struct host_net {
	struct host_net_config config;
	struct netlink requests, events;
	struct fellow fellow;
	int sign[HOST_NET_ADDRS_MAX];
	unsigned n_signs;
	bool is_up;
	bool is_large; /* said already: the main table is too large to copy */
};

must_check int host_net_open(struct host_net *h, char why[static HOST_NET_WHY_MAX]);
/* Removes what an earlier run left about these addresses, before anything is looked up.
 */
must_check int host_net_clean(struct host_net *h, const struct addr *anycast, unsigned n,
			      char why[static HOST_NET_WHY_MAX]);
must_check int host_net_up(struct host_net *h, const struct host_net_config *config,
			   char why[static HOST_NET_WHY_MAX]);
void host_net_close(struct host_net *h); /* undoes everything */

/* Becomes readable when anything about addresses, rules or routes changes. */
int host_net_fd(const struct host_net *h);

enum host_net_change {
	HOST_NET_NOTHING,
	HOST_NET_ROUTES, /* synchronise when it has calmed down */
	HOST_NET_OURS,	 /* something of ours may be gone: synchronise now */
};

enum host_net_change host_net_on_events(struct host_net *h);
/* Puts right what is not. On failure @why says what is missing now. */
must_check int host_net_sync(struct host_net *h, char why[static HOST_NET_WHY_MAX]);

#endif
