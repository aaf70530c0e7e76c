/* Copies of routes: what is taken over, what is left out, what is changed. */
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "cli/route_copy.h"
#include "cli/route_table.h"
#include "tests/fixture/suite.h"

#define TABLE 74271460

/* A route as a dump shows it, built attribute by attribute. */
static _Alignas(8) char dumped[NETLINK_MESSAGE_MAX];
static _Alignas(8) char made[NETLINK_MESSAGE_MAX];
static struct nlmsghdr *const route = (struct nlmsghdr *)dumped;
static const struct nlmsghdr *const copy = (struct nlmsghdr *)made;

static const uint8_t gateway[4] = {192, 0, 2, 1};
static const uint8_t network[4] = {10, 9, 0, 0};

static struct rtmsg *begin(uint8_t family)
{
	struct nlmsghdr *h;
	struct rtmsg *rt;
	void *body;

	memset(dumped, 0, sizeof(dumped));
	h = netlink_begin(dumped, RTM_NEWROUTE, 0, &body, sizeof(*rt));
	ck_assert_ptr_eq(h, route);
	rt = body;
	rt->rtm_family = family;
	rt->rtm_table = RT_TABLE_MAIN;
	rt->rtm_type = RTN_UNICAST;
	rt->rtm_protocol = RTPROT_STATIC;
	return rt;
}

static struct rtmsg *default_route(void)
{
	struct rtmsg *rt = begin(AF_INET);

	mnl_attr_put_u32(route, RTA_TABLE, RT_TABLE_MAIN);
	mnl_attr_put(route, RTA_GATEWAY, 4, gateway);
	mnl_attr_put_u32(route, RTA_OIF, 2);
	return rt;
}

static const struct nlattr *attr_of(const struct nlmsghdr *h, uint16_t type)
{
	const struct nlattr *a, *found = NULL;

	mnl_attr_for_each(a, h, sizeof(struct rtmsg)) {
		if (mnl_attr_get_type(a) != type)
			continue;
		ck_assert_ptr_null(found); /* each at most once */
		found = a;
	}
	return found;
}

/* The metric, or 0 where the route has none. */
static uint32_t metric_of(const struct nlmsghdr *h, uint16_t type)
{
	const struct nlattr *metrics = attr_of(h, RTA_METRICS), *a;

	if (!metrics)
		return 0;
	mnl_attr_for_each_nested(a, metrics) {
		if (mnl_attr_get_type(a) == type)
			return mnl_attr_get_u32(a);
	}
	return 0;
}

static void put_metrics(uint32_t mtu, uint32_t advmss)
{
	struct nlattr *nest = mnl_attr_nest_start(route, RTA_METRICS);

	if (mtu)
		mnl_attr_put_u32(route, RTAX_MTU, mtu);
	if (advmss)
		mnl_attr_put_u32(route, RTAX_ADVMSS, advmss);
	mnl_attr_nest_end(route, nest);
}

static bool make(uint32_t advmss)
{
	struct route_copy c = {.table = TABLE, .advmss = advmss};

	return route_copy_request(&c, route, made);
}

START_TEST(test_default_route)
{
	struct rtmsg *from = default_route();
	const struct rtmsg *to = mnl_nlmsg_get_payload(copy);

	from->rtm_flags = RTNH_F_LINKDOWN | RTNH_F_ONLINK;
	ck_assert(make(1420));
	ck_assert_uint_eq(copy->nlmsg_type, RTM_NEWROUTE);
	ck_assert_uint_eq(route_table_of(copy), TABLE);
	ck_assert_uint_eq(route_protocol_of(copy), NETLINK_PROTOCOL);
	ck_assert_uint_eq(to->rtm_flags, RTNH_F_ONLINK);
	ck_assert_uint_eq(to->rtm_type, RTN_UNICAST);
	ck_assert_mem_eq(mnl_attr_get_payload(attr_of(copy, RTA_GATEWAY)), gateway, 4);
	ck_assert_uint_eq(mnl_attr_get_u32(attr_of(copy, RTA_OIF)), 2);
	ck_assert_uint_eq(metric_of(copy, RTAX_ADVMSS), 1420);
}
END_TEST

static const struct {
	uint32_t had, bound, gets;
} sizes[] = {
	{0, 1420, 1420},    {1460, 1420, 1420}, {1000, 1420, 1000},
	{1420, 1420, 1420}, {1000, 0, 1000},	{0, 0, 0},
};

START_TEST(test_segment_size)
{
	default_route();
	put_metrics(1400, sizes[_i].had);
	ck_assert(make(sizes[_i].bound));
	ck_assert_uint_eq(metric_of(copy, RTAX_ADVMSS), sizes[_i].gets);
	ck_assert_uint_eq(metric_of(copy, RTAX_MTU), 1400);
}
END_TEST

/* What route_table.c relies on: the copy of a copy is the same bytes. */
START_TEST(test_copy_of_copy)
{
	struct addr source = addr_v4((const uint8_t[4]){192, 0, 2, 10}, 0);
	struct route_copy c = {.table = TABLE, .advmss = 1420, .source = source};
	struct route_copy same = {.table = TABLE};
	char first[NETLINK_MESSAGE_MAX];

	default_route();
	mnl_attr_put(route, RTA_PREFSRC, 4, network);
	mnl_attr_put_u32(route, RTA_PRIORITY, 100);
	put_metrics(1400, 1460);
	ck_assert(route_copy_request(&c, route, made));
	memcpy(first, made, sizeof(first));
	memcpy(dumped, made, sizeof(dumped));
	ck_assert(route_copy_request(&c, route, made));
	ck_assert_mem_eq(made, first, sizeof(first));
	ck_assert(route_copy_request(&same, route, made));
	ck_assert_mem_eq(made, first, sizeof(first));
}
END_TEST

START_TEST(test_source)
{
	struct addr v4 = addr_v4((const uint8_t[4]){192, 0, 2, 10}, 0);
	struct addr v6 = addr_v6((const uint8_t[16]){0x20, 1, 0x0d, 0xb8}, 0);
	struct route_copy c = {.table = TABLE, .source = v4};

	default_route();
	mnl_attr_put(route, RTA_PREFSRC, 4, network);
	ck_assert(route_copy_request(&c, route, made));
	ck_assert_mem_eq(mnl_attr_get_payload(attr_of(copy, RTA_PREFSRC)), v4.ip, 4);
	c.source = v6; /* another family's: no business of this route */
	ck_assert(route_copy_request(&c, route, made));
	ck_assert_mem_eq(mnl_attr_get_payload(attr_of(copy, RTA_PREFSRC)), network, 4);
	c.source = v4;
	default_route()->rtm_type = RTN_BLACKHOLE;
	ck_assert(route_copy_request(&c, route, made));
	ck_assert_ptr_null(attr_of(copy, RTA_PREFSRC));
}
END_TEST

START_TEST(test_left_out)
{
	struct rta_cacheinfo life = {.rta_expires = 100};

	default_route();
	mnl_attr_put(route, RTA_CACHEINFO, sizeof(life), &life);
	ck_assert(make(1420));
	ck_assert_ptr_null(attr_of(copy, RTA_CACHEINFO));
}
END_TEST

/* The kernel lists a nexthop object's content beside its number. */
START_TEST(test_nexthop_object)
{
	default_route();
	mnl_attr_put_u32(route, RTA_NH_ID, 5);
	ck_assert(make(1420));
	ck_assert_uint_eq(mnl_attr_get_u32(attr_of(copy, RTA_NH_ID)), 5);
	ck_assert_ptr_null(attr_of(copy, RTA_GATEWAY));
	ck_assert_ptr_null(attr_of(copy, RTA_OIF));
}
END_TEST

START_TEST(test_multipath)
{
	struct rtnexthop hop[2] = {
		{sizeof(hop[0]), RTNH_F_DEAD | RTNH_F_LINKDOWN, 0, 2},
		{sizeof(hop[1]), RTNH_F_ONLINK | RTNH_F_DEAD, 3, 3},
	};
	const struct rtnexthop *got;

	begin(AF_INET);
	mnl_attr_put(route, RTA_MULTIPATH, sizeof(hop), hop);
	ck_assert(make(1420));
	ck_assert_uint_eq(mnl_attr_get_payload_len(attr_of(copy, RTA_MULTIPATH)),
			  sizeof(hop));
	got = mnl_attr_get_payload(attr_of(copy, RTA_MULTIPATH));
	ck_assert_uint_eq(got[0].rtnh_flags, 0);
	ck_assert_uint_eq(got[1].rtnh_flags, RTNH_F_ONLINK);
	ck_assert_uint_eq(got[1].rtnh_hops, 3);
	ck_assert_int_eq(got[1].rtnh_ifindex, 3);
}
END_TEST

START_TEST(test_not_copied)
{
	static const uint8_t refused[] = {RTN_LOCAL, RTN_BROADCAST, RTN_ANYCAST,
					  RTN_MULTICAST};
	static const uint8_t link_local[16] = {0xfe, 0x80};
	unsigned i;

	for (i = 0; i < sizeof(refused); i++) {
		default_route()->rtm_type = refused[i];
		ck_assert(!make(1420));
	}
	default_route()->rtm_flags = RTM_F_CLONED;
	ck_assert(!make(1420));
	begin(AF_INET); /* through the loopback */
	mnl_attr_put_u32(route, RTA_OIF, 1);
	ck_assert(!make(1420));
	begin(AF_INET6)->rtm_dst_len = 64;
	mnl_attr_put(route, RTA_DST, 16, link_local);
	mnl_attr_put_u32(route, RTA_OIF, 2);
	ck_assert(!make(1420));
}
END_TEST

/* A route as large as can be: refused rather than cut. */
START_TEST(test_does_not_fit)
{
	static char encapsulation[NETLINK_MESSAGE_MAX - 128];

	default_route();
	mnl_attr_put(route, RTA_ENCAP, sizeof(encapsulation), encapsulation);
	ck_assert(!make(1420));
}
END_TEST

START_TEST(test_table_numbers)
{
	ck_assert_uint_eq(route_table_number(1460, false), TABLE);
	ck_assert_uint_ne(route_table_number(1460, true), TABLE);
	ck_assert_uint_ne(route_table_number(1480, false), TABLE);
	ck_assert(route_table_is_ours(TABLE));
	ck_assert(route_table_is_ours(route_table_number(9999, true)));
	ck_assert(!route_table_is_ours(RT_TABLE_MAIN));
	ck_assert(!route_table_is_ours(RT_TABLE_LOCAL));
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_default_route);
	tcase_add_loop_test(c, test_segment_size, 0, sizeof(sizes) / sizeof(*sizes));
	tcase_add_test(c, test_copy_of_copy);
	tcase_add_test(c, test_source);
	tcase_add_test(c, test_left_out);
	tcase_add_test(c, test_nexthop_object);
	tcase_add_test(c, test_multipath);
	tcase_add_test(c, test_not_copied);
	tcase_add_test(c, test_does_not_fit);
	tcase_add_test(c, test_table_numbers);
}

int main(void)
{
	return suite_main("route_copy", fill);
}
