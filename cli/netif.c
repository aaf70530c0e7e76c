/*
 * The few rtnetlink requests about interfaces that the programs need, each over a
 * socket of its own: none of this is on a path where a millisecond matters, and no
 * state is kept.
 */
#include "cli/netif.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "cli/netlink.h"

static int ask(struct nlmsghdr *request)
{
	struct netlink n;
	int err = netlink_open(&n, 0);

	if (err)
		return err;
	err = netlink_ask(&n, request);
	netlink_close(&n);
	return err;
}

int netif_index(const char *name)
{
	unsigned index = if_nametoindex(name);

	return index ? (int)index : -ENODEV;
}

/* A change to interface @index, to be completed. */
static struct nlmsghdr *begin_change(void *buf, int index, struct ifinfomsg **link)
{
	struct nlmsghdr *h;
	void *body;

	h = netlink_begin(buf, RTM_NEWLINK, 0, &body, sizeof(**link));
	*link = body;
	(*link)->ifi_index = index;
	return h;
}

int netif_set_up(int index, bool is_up)
{
	_Alignas(struct nlmsghdr) char buf[NETLINK_MESSAGE_MAX];
	struct ifinfomsg *link;
	struct nlmsghdr *h = begin_change(buf, index, &link);

	link->ifi_change = IFF_UP;
	link->ifi_flags = is_up ? IFF_UP : 0;
	return ask(h);
}

int netif_set_mtu(int index, unsigned mtu)
{
	_Alignas(struct nlmsghdr) char buf[NETLINK_MESSAGE_MAX];
	struct ifinfomsg *link;
	struct nlmsghdr *h = begin_change(buf, index, &link);

	mnl_attr_put_u32(h, IFLA_MTU, mtu);
	return ask(h);
}

int netif_no_autoconf(int index)
{
	_Alignas(struct nlmsghdr) char buf[NETLINK_MESSAGE_MAX] = {0};
	struct ifinfomsg *link;
	struct nlmsghdr *h = begin_change(buf, index, &link);
	struct nlattr *spec = mnl_attr_nest_start(h, IFLA_AF_SPEC);
	struct nlattr *inet6 = mnl_attr_nest_start(h, AF_INET6);

	mnl_attr_put_u8(h, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(h, inet6);
	mnl_attr_nest_end(h, spec);
	return ask(h);
}

int netif_add_route(int index, const struct prefix *prefix)
{
	_Alignas(struct nlmsghdr) char buf[NETLINK_MESSAGE_MAX];
	struct rtmsg *route;
	struct nlmsghdr *h;
	void *body;

	h = netlink_begin(buf, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &body,
			  sizeof(*route));
	route = body;
	route->rtm_family = netlink_family(&prefix->base);
	route->rtm_dst_len = prefix->len;
	route->rtm_table = RT_TABLE_MAIN;
	route->rtm_protocol = RTPROT_STATIC;
	route->rtm_type = RTN_UNICAST;
	route->rtm_scope =
		prefix->base.family == ADDR_V4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	netlink_put_addr(h, RTA_DST, &prefix->base);
	mnl_attr_put_u32(h, RTA_OIF, (uint32_t)index);
	return ask(h);
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
