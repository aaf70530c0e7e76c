/*
 * The few rtnetlink requests that the programs need, each one message and one
 * acknowledgement over a socket of its own: none of this is on a path where a
 * millisecond matters, and no state is kept.
 */
#include "cli/netif.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct request {
	struct nlmsghdr h;
	union {
		struct ifinfomsg link;
		struct rtmsg route;
		struct ifaddrmsg addr;
	} u;
	char attrs[128];
};

static void begin(struct request *r, uint16_t type, uint16_t flags, size_t body_len)
{
	memset(r, 0, sizeof(*r));
	r->h.nlmsg_type = type;
	r->h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	r->h.nlmsg_len = (uint32_t)NLMSG_LENGTH(body_len);
}

static struct rtattr *put(struct request *r, uint16_t type, const void *data, size_t len)
{
	struct rtattr *a = (struct rtattr *)((char *)r + NLMSG_ALIGN(r->h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(a), data, len);
	r->h.nlmsg_len = (uint32_t)(NLMSG_ALIGN(r->h.nlmsg_len) + RTA_ALIGN(a->rta_len));
	return a;
}

/* Closes the nest that began at @a: everything put since belongs to it. */
static void end_nest(struct request *r, struct rtattr *a)
{
	a->rta_len = (uint16_t)((char *)r + r->h.nlmsg_len - (char *)a);
}

static int talk(struct request *r)
{
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char echo[512];
	} answer;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t n;
	int err;

	if (fd < 0)
		return -errno;
	if (send(fd, r, r->h.nlmsg_len, 0) < 0)
		err = -errno;
	else if ((n = recv(fd, &answer, sizeof(answer), 0)) < 0)
		err = -errno;
	else if ((size_t)n < sizeof(answer.h) + sizeof(answer.e) ||
		 answer.h.nlmsg_type != NLMSG_ERROR)
		err = -EPROTO;
	else
		err = answer.e.error;
	close(fd);
	return err;
}

int netif_index(const char *name)
{
	unsigned index = if_nametoindex(name);

	return index ? (int)index : -ENODEV;
}

int netif_set_up(int index, bool is_up)
{
	struct request r;

	begin(&r, RTM_NEWLINK, 0, sizeof(r.u.link));
	r.u.link.ifi_index = index;
	r.u.link.ifi_change = IFF_UP;
	r.u.link.ifi_flags = is_up ? IFF_UP : 0;
	return talk(&r);
}

int netif_set_mtu(int index, unsigned mtu)
{
	struct request r;
	uint32_t v = mtu;

	begin(&r, RTM_NEWLINK, 0, sizeof(r.u.link));
	r.u.link.ifi_index = index;
	put(&r, IFLA_MTU, &v, sizeof(v));
	return talk(&r);
}

int netif_no_autoconf(int index)
{
	uint8_t mode = IN6_ADDR_GEN_MODE_NONE;
	struct rtattr *spec, *inet6;
	struct request r;

	begin(&r, RTM_NEWLINK, 0, sizeof(r.u.link));
	r.u.link.ifi_index = index;
	spec = put(&r, IFLA_AF_SPEC, NULL, 0);
	inet6 = put(&r, AF_INET6, NULL, 0);
	put(&r, IFLA_INET6_ADDR_GEN_MODE, &mode, sizeof(mode));
	end_nest(&r, inet6);
	end_nest(&r, spec);
	return talk(&r);
}

static uint8_t family_of(const struct addr *a)
{
	return a->family == ADDR_V4 ? AF_INET : AF_INET6;
}

int netif_add_route(int index, const struct prefix *prefix)
{
	uint32_t oif = (uint32_t)index;
	struct request r;

	begin(&r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof(r.u.route));
	r.u.route.rtm_family = family_of(&prefix->base);
	r.u.route.rtm_dst_len = prefix->len;
	r.u.route.rtm_table = RT_TABLE_MAIN;
	r.u.route.rtm_protocol = RTPROT_STATIC;
	r.u.route.rtm_type = RTN_UNICAST;
	r.u.route.rtm_scope =
		prefix->base.family == ADDR_V4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	put(&r, RTA_DST, prefix->base.ip, addr_ip_len(&prefix->base));
	put(&r, RTA_OIF, &oif, sizeof(oif));
	return talk(&r);
}

static void put_host(struct request *r, int index, const struct addr *addr)
{
	r->u.addr.ifa_family = family_of(addr);
	r->u.addr.ifa_prefixlen = (uint8_t)(8 * addr_ip_len(addr));
	r->u.addr.ifa_index = (uint32_t)index;
	r->u.addr.ifa_flags = addr->family == ADDR_V6 ? IFA_F_NODAD : 0;
	put(r, IFA_LOCAL, addr->ip, addr_ip_len(addr));
	put(r, IFA_ADDRESS, addr->ip, addr_ip_len(addr));
}

int netif_add_addr(int index, const struct addr *addr)
{
	struct request r;

	begin(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(r.u.addr));
	put_host(&r, index, addr);
	return talk(&r);
}

int netif_del_addr(int index, const struct addr *addr)
{
	struct request r;

	begin(&r, RTM_DELADDR, 0, sizeof(r.u.addr));
	put_host(&r, index, addr);
	return talk(&r);
}

static bool same_host(const struct addr *a, const struct sockaddr *sa)
{
	if (!sa)
		return false;
	if (a->family == ADDR_V4 && sa->sa_family == AF_INET)
		return !memcmp(a->ip, &((const struct sockaddr_in *)sa)->sin_addr, 4);
	if (a->family == ADDR_V6 && sa->sa_family == AF_INET6)
		return !memcmp(a->ip, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
	return false;
}

bool netif_has_addr(const struct addr *addr)
{
	struct ifaddrs *all, *i;
	bool found = false;

	if (getifaddrs(&all))
		return false;
	for (i = all; i && !found; i = i->ifa_next)
		found = same_host(addr, i->ifa_addr);
	freeifaddrs(all);
	return found;
}
