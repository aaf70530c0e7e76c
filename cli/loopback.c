/*
 * IPv4 addresses get scope "host" and IPv6 ones a preferred lifetime of zero: both
 * keep them out of source selection, in which a server's replies, bound to them, have
 * no part. Without NOPREFIXROUTE IPv6 would also put a route into the main table, and
 * the copy of it that is to lead away from here would lead back.
 */
#include "cli/loopback.h"

#include <linux/if_addr.h>
#include <string.h>

#define LOOPBACK_INDEX 1
#define FOREVER	       UINT32_MAX

struct search {
	const struct addr *host;
	enum loopback_state state;
};

static void look(void *ctx, const struct nlmsghdr *h)
{
	const struct ifaddrmsg *m = mnl_nlmsg_get_payload(h);
	struct addr local = {0}, address = {0};
	struct search *s = ctx;
	const struct nlattr *a;
	uint8_t protocol = 0;

	mnl_attr_for_each(a, h, sizeof(*m)) {
		if (mnl_attr_get_type(a) == IFA_LOCAL)
			(void)netlink_get_addr(a, m->ifa_family, &local);
		else if (mnl_attr_get_type(a) == IFA_ADDRESS)
			(void)netlink_get_addr(a, m->ifa_family, &address);
		else if (mnl_attr_get_type(a) == IFA_PROTO)
			protocol = mnl_attr_get_u8(a);
	}
	/* IPv6 gives the local one only where there is a peer. */
	if (!addr_host_eq(addr_is_none(&local) ? &address : &local, s->host))
		return;
	s->state = protocol == NETLINK_PROTOCOL ? LOOPBACK_OURS : LOOPBACK_OPERATOR;
}

int loopback_state(struct netlink *n, const struct addr *host, enum loopback_state *out)
{
	struct search s = {host, LOOPBACK_ABSENT};
	int err = netlink_dump(n, RTM_GETADDR, netlink_family(host), look, &s);

	*out = s.state;
	return err;
}

static struct nlmsghdr *begin(void *buf, uint16_t type, uint16_t flags,
			      const struct addr *host)
{
	struct ifaddrmsg *m;
	struct nlmsghdr *h;
	void *body;

	h = netlink_begin(buf, type, flags, &body, sizeof(*m));
	m = body;
	m->ifa_family = netlink_family(host);
	m->ifa_prefixlen = (uint8_t)(8 * addr_ip_len(host));
	m->ifa_index = LOOPBACK_INDEX;
	m->ifa_scope = host->family == ADDR_V4 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
	netlink_put_addr(h, IFA_LOCAL, host);
	netlink_put_addr(h, IFA_ADDRESS, host);
	return h;
}

int loopback_add(struct netlink *n, const struct addr *host)
{
	struct ifa_cacheinfo life = {.ifa_prefered = 0, .ifa_valid = FOREVER};
	char buf[256] __attribute__((aligned(8)));
	struct nlmsghdr *h;

	h = begin(buf, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, host);
	mnl_attr_put_u8(h, IFA_PROTO, NETLINK_PROTOCOL);
	if (host->family == ADDR_V6) {
		mnl_attr_put_u32(h, IFA_FLAGS, IFA_F_NODAD | IFA_F_NOPREFIXROUTE);
		mnl_attr_put(h, IFA_CACHEINFO, sizeof(life), &life);
	}
	return netlink_ask(n, h);
}

int loopback_del(struct netlink *n, const struct addr *host)
{
	char buf[256] __attribute__((aligned(8)));

	return netlink_ask(n, begin(buf, RTM_DELADDR, 0, host));
}
