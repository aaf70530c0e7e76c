/*
 * Checks of the host. Each of them is here because the thing it looks for was seen to
 * lose packets without a word: a strict reverse path filter drops clients' packets that
 * come out of the tunnel, since the way back to the client leads elsewhere.
 */
#include "cli/server_check.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/capability.h"
#include "cli/netif.h"
#include "cli/sysctl.h"
#include "cli/udp.h"
#include "overlay/overlay.h"

#define IPV6_MTU_MIN 1280 /* RFC 8200: what every link must carry */
#define IPV4_MTU_MIN 576  /* RFC 791: what every host must take */

/* Rights */

int server_check_rights(bool needs_raw, char why[static SERVER_CHECK_WHY_MAX])
{
	const char *missing = NULL;

	if (!capability_has(CAP_NET_ADMIN))
		missing = "CAP_NET_ADMIN (for the tunnel interface and the anycast "
			  "address)";
	else if (needs_raw && !capability_has(CAP_NET_RAW))
		missing = "CAP_NET_RAW (for IP in IP; or use --encap gue)";
	if (!missing)
		return 0;
	snprintf(why, SERVER_CHECK_WHY_MAX, "missing privilege: %s. Run it as root",
		 missing);
	return PIAS_EDENIED;
}

/* Sysctls */

int server_check_rp_filter(const char *root, const char *tun,
			   char why[static SERVER_CHECK_WHY_MAX])
{
	char name[64];
	int err;

	if (sysctl_read(root, "net/ipv4/conf/all/rp_filter") == 1) {
		snprintf(why, SERVER_CHECK_WHY_MAX,
			 "net.ipv4.conf.all.rp_filter is 1 (strict): the kernel would "
			 "drop every client packet that comes out of the tunnel, because "
			 "the way back to the client leads through another interface. "
			 "Set it to loose:  sysctl -w net.ipv4.conf.all.rp_filter=2");
		return PIAS_ENOTREADY;
	}
	/* The larger of the two counts; 0 here leaves it to `all`. */
	snprintf(name, sizeof(name), "net/ipv4/conf/%s/rp_filter", tun);
	if (sysctl_read(root, name) <= 0)
		return 0;
	err = sysctl_write(root, name, "0");
	if (!err)
		return 0;
	snprintf(why, SERVER_CHECK_WHY_MAX,
		 "cannot set net.ipv4.conf.%s.rp_filter to 0: %s", tun, strerror(-err));
	return PIAS_ESYSTEM;
}

int server_check_ipv6(const char *root, const char *tun,
		      char why[static SERVER_CHECK_WHY_MAX])
{
	const char *where[2] = {"lo", tun};
	char name[64];
	unsigned i;
	int v;

	for (i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "net/ipv6/conf/%s/disable_ipv6", where[i]);
		v = sysctl_read(root, name);
		if (v == 0)
			continue;
		if (v < 0)
			snprintf(why, SERVER_CHECK_WHY_MAX,
				 "this kernel has no IPv6: it can't serve IPv6 groups");
		else
			snprintf(why, SERVER_CHECK_WHY_MAX,
				 "IPv6 is switched off on %s, so IPv6 groups can't be "
				 "served. Switch it on:  sysctl -w "
				 "net.ipv6.conf.%s.disable_ipv6=0",
				 where[i], i ? "default" : "lo");
		return PIAS_ENOTREADY;
	}
	return 0;
}

/* Addresses */

int server_check_unicast(const struct addr *unicast, const struct addr *anycast,
			 unsigned n_anycast, char why[static SERVER_CHECK_WHY_MAX])
{
	const char *fault = NULL;
	char s[ADDR_STR_MAX];
	struct addr host = *unicast;
	unsigned i;

	host.port = 0;
	if (!addr_is_unicast(&host))
		fault = "is not an address that packets can be sent to";
	else if (!netif_has_addr(&host))
		fault = "is not an address of this host";
	for (i = 0; i < n_anycast && !fault; i++) {
		if (addr_host_eq(&host, &anycast[i]))
			fault = "is the group's own address; tunnel packets need another";
	}
	if (!fault)
		return 0;
	snprintf(why, SERVER_CHECK_WHY_MAX, "unicast address: %s %s (see --unicast)",
		 addr_str(&host, s), fault);
	return PIAS_EINVALID;
}

/* What a socket connected to @to would send from; nothing is sent. */
static struct addr source_of(const struct addr *to)
{
	struct sockaddr_storage sa;
	socklen_t len = udp_sockaddr(to, &sa);
	int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct addr source = {0};

	if (fd < 0)
		return source;
	if (connect(fd, (struct sockaddr *)&sa, len) == 0)
		source = udp_local(fd);
	close(fd);
	source.port = 0;
	return source;
}

struct addr server_source_towards(const struct addr *anycast)
{
	struct addr to = *anycast, source;

	to.port = CONTROL_PORT;
	source = source_of(&to);
	if (!addr_host_eq(&source, &to))
		return source;
	to.ip[addr_ip_len(&to) - 1] ^= 1;
	source = source_of(&to);
	return addr_host_eq(&source, &to) ? (struct addr){0} : source;
}

/* MTU */

static unsigned interface_mtu(const char *name)
{
	struct ifreq r = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = -1;

	if (fd < 0)
		fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	err = ioctl(fd, SIOCGIFMTU, &r);
	close(fd);
	return err || r.ifr_mtu < 0 ? 0 : (unsigned)r.ifr_mtu;
}

unsigned server_mtu_of(const struct addr *unicast, unsigned max)
{
	struct ifaddrs *all, *i;
	struct addr a;
	unsigned mtu = 0;

	if (getifaddrs(&all))
		return max;
	for (i = all; i && !mtu; i = i->ifa_next) {
		if (!i->ifa_addr)
			continue;
		a = udp_addr(i->ifa_addr);
		if (!addr_is_none(&a) && addr_host_eq(&a, unicast))
			mtu = interface_mtu(i->ifa_name);
	}
	freeifaddrs(all);
	return mtu && mtu < max ? mtu : max;
}

int server_check_mtu(unsigned path_mtu, unsigned inner_mtu, bool has_v6_group,
		     char why[static SERVER_CHECK_WHY_MAX])
{
	unsigned min = has_v6_group ? IPV6_MTU_MIN : IPV4_MTU_MIN;

	if (inner_mtu >= min && inner_mtu < path_mtu)
		return 0;
	snprintf(why, SERVER_CHECK_WHY_MAX,
		 "the path to this host carries packets of %u bytes: %d are left for "
		 "clients' packets in the tunnel, but an IPv%d group needs %u. Raise the "
		 "interface's MTU%s (see --mtu)",
		 path_mtu, (int)inner_mtu, has_v6_group ? 6 : 4, min,
		 has_v6_group ? ", or serve IPv4 only" : "");
	return PIAS_ENOTREADY;
}
