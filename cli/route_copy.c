/*
 * A dumped route becomes a request by leaving out what only the kernel may set (flags
 * of the moment, lifetimes) and what refers to the table it came from. All else is
 * taken over byte by byte in the kernel's own order, gateways, multipath, weights and
 * encapsulations included, so that this code need not know them.
 */
#include "cli/route_copy.h"

#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

#define METRIC_BYTES 256 /* of one route's metrics */

uint32_t route_table_of(const struct nlmsghdr *route)
{
	const struct rtmsg *rt = mnl_nlmsg_get_payload(route);
	const struct nlattr *a;

	mnl_attr_for_each(a, route, sizeof(*rt)) {
		if (mnl_attr_get_type(a) == RTA_TABLE)
			return mnl_attr_get_u32(a);
	}
	return rt->rtm_table;
}

uint8_t route_protocol_of(const struct nlmsghdr *route)
{
	const struct rtmsg *rt = mnl_nlmsg_get_payload(route);

	return rt->rtm_protocol;
}

static const struct nlattr *find_attr(const struct nlmsghdr *route, uint16_t type)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, route, sizeof(struct rtmsg)) {
		if (mnl_attr_get_type(a) == type)
			return a;
	}
	return NULL;
}

static bool is_copied(const struct nlmsghdr *route)
{
	static const struct in6_addr link_local = {{{0xfe, 0x80}}};
	const struct rtmsg *rt = mnl_nlmsg_get_payload(route);
	const struct nlattr *oif = find_attr(route, RTA_OIF);
	const struct nlattr *dst = find_attr(route, RTA_DST);

	if (rt->rtm_flags & RTM_F_CLONED)
		return false;
	if (rt->rtm_type == RTN_LOCAL || rt->rtm_type == RTN_BROADCAST ||
	    rt->rtm_type == RTN_ANYCAST || rt->rtm_type == RTN_MULTICAST)
		return false;
	/* An address on the loopback has a route there, ours among them. */
	if (rt->rtm_type == RTN_UNICAST && oif && mnl_attr_get_u32(oif) == 1)
		return false;
	return !(rt->rtm_family == AF_INET6 && dst && rt->rtm_dst_len == 64 &&
		 !memcmp(mnl_attr_get_payload(dst), &link_local, 16));
}

/* Nexthop objects stand alone: the kernel explains them in dumps, but refuses both. */
static bool is_explained_by_nexthop(uint16_t type)
{
	return type == RTA_OIF || type == RTA_GATEWAY || type == RTA_VIA ||
	       type == RTA_MULTIPATH || type == RTA_ENCAP || type == RTA_ENCAP_TYPE;
}

/* Source and metrics follow at the end, whether changed or not. */
static bool is_left_out(uint16_t type, bool has_nexthop)
{
	if (type == RTA_TABLE || type == RTA_METRICS || type == RTA_CACHEINFO ||
	    type == RTA_EXPIRES || type == RTA_PREFSRC)
		return true;
	return has_nexthop && is_explained_by_nexthop(type);
}

/* The state of a link is the kernel's business; "onlink" is the operator's word. */
static void clean_nexthops(struct nlattr *multipath)
{
	struct rtnexthop *nh = mnl_attr_get_payload(multipath);
	int left = mnl_attr_get_payload_len(multipath);

	while (left >= (int)sizeof(*nh) && nh->rtnh_len >= sizeof(*nh) &&
	       nh->rtnh_len <= left) {
		nh->rtnh_flags &= RTNH_F_ONLINK;
		left -= (int)RTNH_ALIGN(nh->rtnh_len);
		nh = RTNH_NEXT(nh);
	}
}

static bool copy_attrs(const struct route_copy *copy, const struct nlmsghdr *route,
		       struct nlmsghdr *out)
{
	bool has_nexthop = find_attr(route, RTA_NH_ID) != NULL;
	const struct nlattr *a;
	struct nlattr *mine;
	uint16_t type;

	mnl_attr_for_each(a, route, sizeof(struct rtmsg)) {
		type = mnl_attr_get_type(a);
		if (is_left_out(type, has_nexthop))
			continue;
		mine = mnl_nlmsg_get_payload_tail(out);
		if (!mnl_attr_put_check(out, NETLINK_MESSAGE_MAX, a->nla_type,
					mnl_attr_get_payload_len(a),
					mnl_attr_get_payload(a)))
			return false;
		if (type == RTA_MULTIPATH)
			clean_nexthops(mine);
	}
	return true;
}

/* The route's metrics with our bound on the advertised segment size. */
static bool put_metrics(const struct route_copy *copy, const struct nlmsghdr *route,
			struct nlmsghdr *out)
{
	const struct nlattr *old = find_attr(route, RTA_METRICS), *a;
	uint32_t advmss = copy->advmss, v;
	struct nlattr *nest;

	if (!old && !advmss)
		return true;
	nest = mnl_attr_nest_start_check(out, NETLINK_MESSAGE_MAX - METRIC_BYTES,
					 RTA_METRICS);
	if (!nest || (old && mnl_attr_get_payload_len(old) > METRIC_BYTES / 2))
		return false;
	if (old) {
		mnl_attr_for_each_nested(a, old) {
			v = mnl_attr_get_payload_len(a) == 4 ? mnl_attr_get_u32(a) : 0;
			if (mnl_attr_get_type(a) != RTAX_ADVMSS)
				mnl_attr_put(out, a->nla_type,
					     mnl_attr_get_payload_len(a),
					     mnl_attr_get_payload(a));
			else if (v && (!advmss || v < advmss))
				advmss = v;
		}
	}
	if (advmss)
		mnl_attr_put_u32(out, RTAX_ADVMSS, advmss);
	mnl_attr_nest_end(out, nest);
	return true;
}

static bool put_source(const struct route_copy *copy, const struct nlmsghdr *route,
		       struct nlmsghdr *out)
{
	const struct rtmsg *rt = mnl_nlmsg_get_payload(route);
	const struct nlattr *old = find_attr(route, RTA_PREFSRC);
	struct addr source;

	if (rt->rtm_type == RTN_UNICAST && !addr_is_none(&copy->source) &&
	    netlink_family(&copy->source) == rt->rtm_family)
		source = copy->source;
	else if (!netlink_get_addr(old, rt->rtm_family, &source))
		return true;
	return mnl_attr_put_check(out, NETLINK_MESSAGE_MAX, RTA_PREFSRC,
				  addr_ip_len(&source), source.ip);
}

bool route_copy_request(const struct route_copy *copy, const struct nlmsghdr *route,
			void *out)
{
	const struct rtmsg *from = mnl_nlmsg_get_payload(route);
	struct nlmsghdr *h;
	struct rtmsg *to;
	void *body;

	if (!is_copied(route))
		return false;
	memset(out, 0, NETLINK_MESSAGE_MAX);
	h = netlink_begin(out, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &body,
			  sizeof(*to));
	to = body;
	*to = *from;
	to->rtm_table = RT_TABLE_UNSPEC;
	to->rtm_protocol = NETLINK_PROTOCOL;
	to->rtm_flags &= RTNH_F_ONLINK;
	mnl_attr_put_u32(h, RTA_TABLE, copy->table);
	if (!copy_attrs(copy, route, h) || !put_metrics(copy, route, h))
		return false;
	return put_source(copy, route, h);
}
