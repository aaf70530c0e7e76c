/*
 * What would keep an AP from working on this host, found when it starts, and said so
 * that a person can act on it.
 */
#ifndef PIAS_CLI_HOST_CHECK_H
#define PIAS_CLI_HOST_CHECK_H

#include "cli/config.h"
#include "cli/tls.h"

#define HOST_CHECK_WHY_MAX     400
#define HOST_CHECK_SYSCTL_ROOT "/proc/sys"

/* CAP_NET_ADMIN and CAP_NET_RAW. */
must_check int host_check_rights(char why[static HOST_CHECK_WHY_MAX]);
/* The kernel must forward packets, in the families of the prefixes. */
must_check int host_check_forwarding(const char *root, const struct config *c,
				     char why[static HOST_CHECK_WHY_MAX]);
/* The unicast addresses must be this host's. */
must_check int host_check_addresses(const struct config *c,
				    char why[static HOST_CHECK_WHY_MAX]);
/* The certificate must be an AP's, of the configured ring. */
must_check int host_check_name(const struct config *c, const struct tls_name *name,
			       char why[static HOST_CHECK_WHY_MAX]);

#endif
