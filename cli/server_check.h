/*
 * What would break a server on this host, found before it joins, and said in a way that
 * a person can act on. Each check returns 0, or PIAS_E* with the explanation in @why.
 */
#ifndef PIAS_CLI_SERVER_CHECK_H
#define PIAS_CLI_SERVER_CHECK_H

#include "overlay/base/addr.h"

#define SERVER_CHECK_WHY_MAX 400
#define SERVER_SYSCTL_ROOT   "/proc/sys"

/* CAP_NET_ADMIN, and CAP_NET_RAW for raw sockets. */
must_check int server_check_rights(bool needs_raw, char why[static SERVER_CHECK_WHY_MAX]);
/*
 * Switches reverse path filtering off for interface @tun; the filter of all interfaces
 * together is the operator's, and must not be strict. @root: where sysctls are.
 */
must_check int server_check_rp_filter(const char *root, const char *tun,
				      char why[static SERVER_CHECK_WHY_MAX]);
/* IPv6 must not be disabled where an IPv6 group needs it. */
must_check int server_check_ipv6(const char *root, const char *tun,
				 char why[static SERVER_CHECK_WHY_MAX]);
/* @unicast must be an address of this host, and none of the anycast addresses. */
must_check int server_check_unicast(const struct addr *unicast,
				    const struct addr *anycast, unsigned n_anycast,
				    char why[static SERVER_CHECK_WHY_MAX]);
/* Inner packets of that size must carry what the group's family guarantees. */
must_check int server_check_mtu(unsigned path_mtu, unsigned inner_mtu, bool has_v6_group,
				char why[static SERVER_CHECK_WHY_MAX]);

/*
 * The source address that the kernel would use towards @anycast, which must not be on
 * this host; if it is, its neighbour serves. Family none if there is no route.
 */
struct addr server_source_towards(const struct addr *anycast);
/* The MTU of the interface that has @unicast, at most @max; @max if none has. */
unsigned server_mtu_of(const struct addr *unicast, unsigned max);

#endif
