/*
 * Copies of routes in another table, changed in two points: TCP connections that use
 * them advertise a smaller maximum segment, and they may prefer a source address.
 * Pure functions over rtnetlink messages.
 */
#ifndef PIAS_CLI_ROUTE_COPY_H
#define PIAS_CLI_ROUTE_COPY_H

#include <linux/netlink.h>

#include "cli/netlink.h"

struct route_copy {
	uint32_t table;
	uint32_t advmss;    /* 0: leave as it is */
	struct addr source; /* none: leave as it is */
};

/* The table of a RTM_NEWROUTE message, and who put it there (RTPROT_*). */
uint32_t route_table_of(const struct nlmsghdr *route);
uint8_t route_protocol_of(const struct nlmsghdr *route);

/*
 * Writes to @out (NETLINK_MESSAGE_MAX bytes) the RTM_NEWROUTE request that puts a copy
 * of @route, a message of a dump, into the table of @copy. Equal routes give equal
 * bytes; a copy's copy is itself. False: this one is not to be copied (a cached or
 * loopback route), or does not fit.
 */
bool route_copy_request(const struct route_copy *copy, const struct nlmsghdr *route,
			void *out);

#endif
