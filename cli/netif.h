/*
 * The daemon's own interface and this host's addresses, through rtnetlink. All calls
 * wait for the kernel's answer and return 0 or a negative errno value.
 */
#ifndef PIAS_CLI_NETIF_H
#define PIAS_CLI_NETIF_H

#include <stdbool.h>

#include "overlay/base/addr.h"

/* Index of the interface, or -ENODEV. */
must_check int netif_index(const char *name);
must_check int netif_set_up(int index, bool is_up);
must_check int netif_set_mtu(int index, unsigned mtu);
/* No IPv6 link-local address, and so no neighbour or router chatter. */
must_check int netif_no_autoconf(int index);
/* @prefix through the interface; -EEXIST if there is such a route already. */
must_check int netif_add_route(int index, const struct prefix *prefix);
/* Is @addr an address of this host, any interface? (its port does not matter) */
bool netif_has_addr(const struct addr *addr);

#endif
