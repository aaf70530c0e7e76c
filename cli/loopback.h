/*
 * Anycast addresses on the loopback interface, so that unmodified servers can bind to
 * them. They are host addresses that the kernel never chooses as the source of
 * anything by itself. Errors are negative errno values.
 */
#ifndef PIAS_CLI_LOOPBACK_H
#define PIAS_CLI_LOOPBACK_H

#include "cli/netlink.h"

enum loopback_state {
	LOOPBACK_ABSENT,
	LOOPBACK_OURS,	   /* put there by a program like this */
	LOOPBACK_OPERATOR, /* put there by somebody else, on any interface */
};

must_check int loopback_state(struct netlink *n, const struct addr *host,
			      enum loopback_state *out);
/* -EEXIST: it is there. */
must_check int loopback_add(struct netlink *n, const struct addr *host);
must_check int loopback_del(struct netlink *n, const struct addr *host);

#endif
