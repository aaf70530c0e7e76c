/*
 * rtnetlink as this program needs it: requests that are acknowledged, dumps, and
 * notifications, each on a socket of its own. Thin over libmnl. Errors are negative
 * errno values.
 */
#ifndef PIAS_CLI_NETLINK_H
#define PIAS_CLI_NETLINK_H

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "overlay/base/addr.h"

#define NETLINK_MESSAGE_MAX 4096 /* bytes of one request */

/*
 * What pias-join puts into the kernel's tables carries this protocol number (the
 * kernel only stores it), so that it can tell its own things from the operator's
 * when it finds them after a crash.
 */
#define NETLINK_PROTOCOL 74

struct netlink {
	struct mnl_socket *socket;
	uint32_t seq;
};

/* @groups: RTMGRP_* bits of notifications to get; 0 for requests. */
must_check int netlink_open(struct netlink *n, uint32_t groups);
void netlink_close(struct netlink *n);
int netlink_fd(const struct netlink *n);

/* Begins a request of @type with a body of @body_len zeroed bytes in @buf. */
struct nlmsghdr *netlink_begin(void *buf, uint16_t type, uint16_t flags, void **body,
			       size_t body_len);
/* Sends it and waits for the kernel's verdict. */
must_check int netlink_ask(struct netlink *n, struct nlmsghdr *request);

/* Called for each message; borrowed for the call. */
typedef void netlink_fn(void *ctx, const struct nlmsghdr *message);

/* All objects of @type (RTM_GET*) in @family (AF_*). */
must_check int netlink_dump(struct netlink *n, uint16_t type, uint8_t family,
			    netlink_fn *fn, void *ctx);
/*
 * Reads the notifications at hand without waiting. -ENOBUFS: some were lost, anything
 * may have changed.
 */
must_check int netlink_events(struct netlink *n, netlink_fn *fn, void *ctx);

/* AF_INET or AF_INET6 for an address that is not none. */
uint8_t netlink_family(const struct addr *a);
void netlink_put_addr(struct nlmsghdr *h, uint16_t type, const struct addr *a);
/* An address attribute, without a port; false if absent or of another size. */
bool netlink_get_addr(const struct nlattr *attr, uint8_t family, struct addr *out);

#endif
