/*
 * Checks of an AP's host. Without forwarding, or with an address that is not there, the
 * daemon would run, announce its prefix, and lose every packet.
 */
#include "cli/host_check.h"

#include <stdio.h>
#include <string.h>

#include "cli/capability.h"
#include "cli/netif.h"
#include "cli/sysctl.h"

/* Rights */

int host_check_rights(char why[static HOST_CHECK_WHY_MAX])
{
	const char *missing = NULL;

	if (!capability_has(CAP_NET_ADMIN))
		missing = "CAP_NET_ADMIN (for the interface that takes in packets)";
	else if (!capability_has(CAP_NET_RAW))
		missing = "CAP_NET_RAW (for IP in IP)";
	if (!missing)
		return 0;
	snprintf(why, HOST_CHECK_WHY_MAX,
		 "missing privilege: %s. Run it as root, or with the unit file that "
		 "comes with it",
		 missing);
	return PIAS_EDENIED;
}

/* Sysctls */

static int check_sysctl(const char *root, const char *name, int bad, const char *effect,
			char *why)
{
	if (sysctl_read(root, name) != bad)
		return 0;
	snprintf(why, HOST_CHECK_WHY_MAX, "/proc/sys/%s is %d: %s. Run: sysctl -w %s=%d",
		 name, bad, effect, name, !bad);
	return PIAS_ESYSTEM;
}

static bool serves(const struct config *c, enum addr_family family)
{
	const struct forward_config *f = &c->proxy.forward;
	unsigned i;

	for (i = 0; i < f->n_prefixes; i++)
		if (f->prefix[i].base.family == family)
			return true;
	return false;
}

int host_check_forwarding(const char *root, const struct config *c,
			  char why[static HOST_CHECK_WHY_MAX])
{
	static const char effect[] = "packets for the anycast prefixes would not be "
				     "forwarded to the AP";
	int err = 0;

	if (serves(c, ADDR_V4))
		err = check_sysctl(root, "net/ipv4/ip_forward", 0, effect, why);
	if (!err && serves(c, ADDR_V6))
		err = check_sysctl(root, "net/ipv6/conf/all/disable_ipv6", 1,
				   "there is an IPv6 prefix to serve", why);
	if (!err && serves(c, ADDR_V6))
		err = check_sysctl(root, "net/ipv6/conf/all/forwarding", 0, effect, why);
	return err;
}

/* Addresses, names */

int host_check_addresses(const struct config *c, char why[static HOST_CHECK_WHY_MAX])
{
	const struct addr *self = c->proxy.forward.self;
	char text[ADDR_STR_MAX];
	int i;

	for (i = 0; i < 2; i++) {
		if (addr_is_none(&self[i]) || netif_has_addr(&self[i]))
			continue;
		snprintf(why, HOST_CHECK_WHY_MAX,
			 "address %s is not configured on this host (ip addr shows "
			 "those that are)",
			 addr_str(&self[i], text));
		return PIAS_ENOTFOUND;
	}
	return 0;
}

int host_check_name(const struct config *c, const struct tls_name *name,
		    char why[static HOST_CHECK_WHY_MAX])
{
	if (name->kind != PEER_KIND_AP) {
		snprintf(why, HOST_CHECK_WHY_MAX,
			 "certificate %.200s is that of a server; an AP needs one made "
			 "with piasctl pki ap",
			 c->certificate);
		return PIAS_EAUTH;
	}
	if (strcmp(name->ring, c->proxy.overlay.ring)) {
		snprintf(why, HOST_CHECK_WHY_MAX,
			 "certificate %.200s is of ring \"%s\", the configuration says "
			 "ring \"%s\"",
			 c->certificate, name->ring, c->proxy.overlay.ring);
		return PIAS_ERING;
	}
	return 0;
}
