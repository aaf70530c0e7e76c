/*
 * A client's packet at its ingress AP: every branch of its way, and the counter that
 * tells of it. The layers below are fakes (tests/fixture/ap.h).
 */
#include "tests/fixture/ap.h"

#include "forwarder/encap.h"
#include "tests/fixture/suite.h"

#define V4                                                                               \
	{                                                                                \
		.family = 4, .src = "192.0.2.9", .dst = "198.18.0.1"                     \
	}
#define V6                                                                               \
	{                                                                                \
		.family = 6, .src = "2001:db8::9", .dst = "2001:db8:a::1"                \
	}

static uint8_t buf[70000];

static void setup(void)
{
	ap_start(64);
}

/* One UDP packet of client port @sport to 198.18.0.1:53. */
static size_t udp(uint16_t sport)
{
	struct ip_spec s = V4;
	size_t len = ip_udp(buf, &s, sport, 53, 30);

	ap_packet(buf, len);
	return len;
}

static struct target two[2];

static void make_two(uint8_t encap)
{
	two[0] = ap_target(1, "203.0.113.1", encap);
	two[1] = ap_target(2, "203.0.113.2", encap);
}

/* Delivery */

START_TEST(test_gue)
{
	static const uint8_t header[] = {2,    4,    0,	   0,	 0x11, 0x11,
					 0x11, 0x11, 0x11, 0x11, 0x11, 0x11};
	unsigned headroom = _i ? FORWARD_HEADROOM : 0;
	struct ip_spec s = V4;
	struct event *e;
	size_t len;

	make_two(ENCAP_GUE);
	ap_route("198.18.0.1:53/udp", two, 1);
	len = ip_udp(buf, &s, 1000, 53, 30);
	ap_packet_in(buf, len, (struct packet_in){.headroom = (uint16_t)headroom});
	e = ap_only(TUNNEL);
	ck_assert_int_eq(ap.n_events, 1);
	ck_assert_uint_eq(e->len, len + 12);
	ck_assert_uint_eq(e->tunnel.segment_len, e->len);
	ck_assert_mem_eq(e->data, header, 12);
	ck_assert_mem_eq(e->data + 12, buf, len);
	ck_assert(addr_eq(&e->tunnel.to, &two[0].to));
	ck_assert_uint_eq(e->tunnel.encap, ENCAP_GUE);
	ck_assert_uint_eq(e->tunnel.inner, 4);
	ck_assert_uint_eq(ap_counter(packets_in), 1);
	ck_assert_uint_eq(ap_counter(bytes_in), len);
	ck_assert_uint_eq(ap_counter(packets_two_hops), 1);
	ck_assert_uint_eq(ap_counter(packets_out), 1);
	ck_assert_uint_eq(ap_counter(bytes_out), len);
}
END_TEST

START_TEST(test_ipip_v6)
{
	struct ip_spec s = V6;
	struct event *e;
	size_t len;

	make_two(ENCAP_IPIP);
	ap_route("[2001:db8:a::1]:80/tcp", two, 2);
	len = ip_tcp(buf, &s, 1000, 80, 1, TCP_SYN, 4, 0);
	ap_packet(buf, len);
	e = ap_only(TUNNEL);
	ck_assert_uint_eq(e->len, len);
	ck_assert_mem_eq(e->data, buf, len);
	ck_assert_uint_eq(e->tunnel.encap, ENCAP_IPIP);
	ck_assert_uint_eq(e->tunnel.inner, 6);
}
END_TEST

/* The outer source port depends on the flow, and only on it. */
START_TEST(test_entropy)
{
	unsigned i, differing = 0;

	make_two(ENCAP_GUE);
	ap_route("198.18.0.1:53/udp", two, 1);
	for (i = 0; i < 20; i++)
		udp((uint16_t)(1000 + i % 10));
	for (i = 0; i < 10; i++) {
		ck_assert_uint_eq(ap.event[i].tunnel.entropy,
				  ap.event[i + 10].tunnel.entropy);
		differing += ap.event[i].tunnel.entropy != ap.event[0].tunnel.entropy;
	}
	ck_assert_uint_ge(differing, 8);
}
END_TEST

/* Drops */

static const struct {
	const char *src, *dst;
	uint8_t ttl;
	int damage; /* 1: IPv4 checksum */
	enum counter counter;
} drops[] = {
	{"192.0.2.9", "198.18.0.1", 5, 1, COUNTER_drop_packet_malformed},
	{"192.0.2.9", "198.18.0.1", 0, 0, COUNTER_drop_packet_ttl},
	{"127.0.0.1", "198.18.0.1", 5, 0, COUNTER_drop_packet_source},
	{"0.1.2.3", "198.18.0.1", 5, 0, COUNTER_drop_packet_source},
	{"239.1.2.3", "198.18.0.1", 5, 0, COUNTER_drop_packet_source},
	{"255.255.255.255", "198.18.0.1", 5, 0, COUNTER_drop_packet_source},
	{"198.18.0.77", "198.18.0.1", 5, 0, COUNTER_drop_packet_source},
	{"192.0.2.9", "198.18.1.1", 5, 0, COUNTER_drop_packet_prefix},
	{"192.0.2.9", "192.0.2.1", 5, 0, COUNTER_drop_packet_prefix},
};

START_TEST(test_drops)
{
	struct ip_spec s = {.family = 4, .src = drops[_i].src, .dst = drops[_i].dst};
	size_t len = ip_udp(buf, &s, 1000, 53, 30);

	make_two(ENCAP_GUE);
	ap_route("198.18.0.1:53/udp", two, 1);
	buf[8] = drops[_i].ttl;
	ip_fix(buf);
	buf[10] ^= (uint8_t)drops[_i].damage;
	ap_packet(buf, len);
	ck_assert_int_eq(ap.n_events, 0);
	ck_assert_uint_eq(ap.env.counters.v[drops[_i].counter], 1);
	ck_assert_uint_eq(ap_counter(packets_in), 1);
	ck_assert_uint_eq(ap_counter(packets_two_hops), 0);
}
END_TEST

/* Which group */

/* For both caches in all states: deliver to 1 (exact) or 2 (wide), wrap, or drop. */
START_TEST(test_match)
{
	enum { UNKNOWN, NEGATIVE, POSITIVE };
	static const struct {
		int exact, wide;
		const char *want; /* 1, 2, 'w'rapped, 'd'ropped; then what is wanted */
	} t[] = {
		{POSITIVE, UNKNOWN, "1"},  {POSITIVE, POSITIVE, "1"},
		{NEGATIVE, POSITIVE, "2"}, {NEGATIVE, NEGATIVE, "d"},
		{NEGATIVE, UNKNOWN, "ww"}, {UNKNOWN, UNKNOWN, "wew"},
		{UNKNOWN, POSITIVE, "we"}, {UNKNOWN, NEGATIVE, "we"},
	};
	const char *want = t[_i].want;
	int i;

	make_two(ENCAP_GUE);
	if (t[_i].exact == POSITIVE)
		ap_route("198.18.0.1:53/udp", &two[0], 1);
	if (t[_i].exact == NEGATIVE)
		ap_negative("198.18.0.1:53/udp");
	if (t[_i].wide == POSITIVE)
		ap_route("198.18.0.1", &two[1], 1);
	if (t[_i].wide == NEGATIVE)
		ap_negative("198.18.0.1");
	udp(1000);
	switch (*want) {
	case '1':
	case '2':
		ck_assert(addr_eq(&ap_only(TUNNEL)->tunnel.to, &two[*want - '1'].to));
		break;
	case 'w':
		ck_assert(id_eq(&ap_only(SENT)->to, &ap.owner.id));
		ck_assert_uint_eq(ap_counter(packets_wrapped), 1);
		break;
	default:
		ck_assert_uint_eq(ap_counter(drop_no_group), 1);
	}
	ck_assert_int_eq(ap.n_events, (*want != 'd') + (int)strlen(want + 1));
	for (i = 1; want[i]; i++)
		ck_assert(group_name_is_wide(&ap.event[i].name) == (want[i] == 'w'));
}
END_TEST

/* Echo requests, other protocols and port 0 belong to the whole address only. */
START_TEST(test_wide_only)
{
	struct ip_spec s4 = V4, s6 = V6;
	size_t len;

	make_two(ENCAP_GUE);
	ap_route("198.18.0.1:53/udp", &two[0], 1);
	ap_route("198.18.0.1", &two[1], 1);
	ap_route("2001:db8:a::1", &two[1], 1);
	switch (_i) {
	case 0:
		len = ip_icmp(buf, &s4, 8, 0, 1, "abc", 3);
		break;
	case 1:
		s4.proto = 47;
		len = ip_header(buf, &s4, 4) + 4;
		break;
	case 2:
		len = ip_udp(buf, &s4, 1000, 0, 4);
		break;
	case 3:
		len = ip_icmp(buf, &s4, 0, 0, 1, "abc", 3);
		break;
	default:
		len = ip_icmp(buf, &s6, 128, 0, 1, "abc", 3);
	}
	ap_packet(buf, len);
	ck_assert(addr_eq(&ap_only(TUNNEL)->tunnel.to, &two[1].to));
	ck_assert_int_eq(ap.n_events, 1);
}
END_TEST

START_TEST(test_empty_group)
{
	make_two(ENCAP_GUE);
	ap_route("198.18.0.1:53/udp", two, 0);
	ap_route("198.18.0.1", &two[1], 1); /* the exact group exists: no way out */
	udp(1000);
	ck_assert_int_eq(ap.n_events, 0);
	ck_assert_uint_eq(ap_counter(drop_no_member), 1);
}
END_TEST

/* Every route that was looked at counts as used, negative ones too. */
START_TEST(test_used_at)
{
	struct route *wide, *exact;

	make_two(ENCAP_GUE);
	ap_negative("198.18.0.1:53/udp");
	wide = ap_route("198.18.0.1", &two[1], 1);
	ck_assert_int_eq(wide->used_at, 0);
	udp(1000);
	ck_assert_int_eq(wide->used_at, 1000 * SEC);
	exact = ap_route("198.18.0.1:53/udp", two, 1);
	ck_assert_int_eq(exact->used_at, 1000 * SEC); /* handed on by the negative */
}
END_TEST

/* Flows */

static const struct addr *target_of(uint16_t sport)
{
	ap_forget();
	udp(sport);
	return &ap_only(TUNNEL)->tunnel.to;
}

/* Members come, the pick table is another: flows stay; a member goes: its flows move. */
START_TEST(test_flow_affinity)
{
	struct target three[3], swapped[2];
	struct addr before[20];
	unsigned i, kept = 0;

	make_two(ENCAP_GUE);
	three[2] = ap_target(3, "203.0.113.3", ENCAP_GUE);
	ap_route("198.18.0.1:53/udp", two, 2);
	for (i = 0; i < 20; i++)
		before[i] = *target_of((uint16_t)(1000 + i));
	swapped[0] = three[2];
	swapped[1] = two[0];
	three[0] = two[1];
	three[1] = two[0];
	ap_route("198.18.0.1:53/udp", three, 3);
	for (i = 0; i < 20; i++)
		ck_assert(addr_eq(target_of((uint16_t)(1000 + i)), &before[i]));
	ap_route("198.18.0.1:53/udp", swapped, 2); /* without the second */
	for (i = 0; i < 20; i++) {
		const struct addr *now = target_of((uint16_t)(1000 + i));

		ck_assert(!addr_eq(now, &two[1].to));
		if (addr_eq(&before[i], &two[0].to)) {
			ck_assert(addr_eq(now, &two[0].to));
			kept++;
		}
	}
	ck_assert_uint_gt(kept, 2);
	ck_assert_uint_lt(kept, 18);
	ck_assert_uint_eq(forward_n_flows(ap.f), 20);
}
END_TEST

static const struct addr *tcp_target(uint16_t sport, uint8_t flags)
{
	struct ip_spec s = V4;

	ap_forget();
	ap_packet(buf, ip_tcp(buf, &s, sport, 80, 1, flags, 0, 0));
	return &ap_only(TUNNEL)->tunnel.to;
}

/* A draining member keeps its connections and gets no new one. */
START_TEST(test_draining)
{
	struct route *r;
	struct target t[2];

	make_two(ENCAP_GUE);
	ap_route("198.18.0.1:80/tcp", two, 1);
	ck_assert(addr_eq(tcp_target(1000, TCP_SYN), &two[0].to));
	tcp_target(1000, TCP_ACK);
	ck_assert(addr_eq(tcp_target(1001, TCP_SYN), &two[0].to));
	t[0] = two[0];
	t[0].is_draining = 1;
	t[1] = two[1];
	r = ap_route("198.18.0.1:80/tcp", t, 2);
	r->n_slots = 1;
	r->slot[0] = 1;
	ck_assert(addr_eq(tcp_target(1000, TCP_ACK), &two[0].to));
	ck_assert(addr_eq(tcp_target(1000, TCP_SYN), &two[0].to)); /* stray or forged */
	ck_assert(addr_eq(tcp_target(1001, TCP_SYN), &two[1].to)); /* never established */
	ck_assert(addr_eq(tcp_target(1002, TCP_SYN), &two[1].to));
}
END_TEST

/* While the exact group is being asked for anew, flows to the wide one go on. */
START_TEST(test_meanwhile)
{
	struct group_name exact = ap_name("198.18.0.1:53/udp");

	make_two(ENCAP_GUE);
	ap_negative("198.18.0.1:53/udp");
	ap_route("198.18.0.1", &two[1], 1);
	ck_assert(addr_eq(target_of(1000), &two[1].to));
	ck_assert_int_eq(forward_route(ap.f, &exact, NULL), 0); /* the negative answer has aged */
	ap_forget();
	udp(1000);
	ck_assert(addr_eq(&ap_only(TUNNEL)->tunnel.to, &two[1].to));
	ck_assert(group_name_eq(&ap_only(WANT)->name, &exact));
	ck_assert_int_eq(ap.n_events, 2);
	ap_forget();
	udp(1001); /* a new flow: nobody knows yet whose it is */
	ap_only(SENT);
	ck_assert_int_eq(ap_count(TUNNEL), 0);
}
END_TEST

static void one_flow(void *ctx, const struct flow_info *info)
{
	*(struct flow_info *)ctx = *info;
}

START_TEST(test_each_flow)
{
	struct flow_info info;
	char s[ADDR_STR_MAX];
	size_t len;

	make_two(ENCAP_GUE);
	ap_route("198.18.0.1:53/udp", two, 1);
	udp(1000);
	len = udp(1000);
	ap.env.now += 5 * SEC;
	forward_each_flow(ap.f, one_flow, &info);
	ck_assert_str_eq(addr_str(&info.client, s), "192.0.2.9:1000");
	ck_assert_str_eq(addr_str(&info.group, s), "198.18.0.1:53");
	ck_assert_uint_eq(info.proto, PROTO_UDP);
	ck_assert(id_eq(&info.server, &two[0].server));
	ck_assert_uint_eq(info.packets, 2);
	ck_assert_uint_eq(info.bytes, 2 * len);
	ck_assert_int_ge(info.idle, 4 * SEC);
	ck_assert_int_le(info.idle, 6 * SEC);
}
END_TEST

/* Whom not to choose */

/* A9: a member that writes to its own group reaches another, or nobody. */
START_TEST(test_sender_excluded)
{
	struct ip_spec s = V4;
	unsigned i;

	make_two(ENCAP_GUE);
	s.src = "203.0.113.1";
	ap_route("198.18.0.1:53/udp", two, 2);
	for (i = 0; i < 20; i++) {
		ap_forget();
		ap_packet(buf, ip_udp(buf, &s, (uint16_t)i, 53, 10));
		ck_assert(addr_eq(&ap_only(TUNNEL)->tunnel.to, &two[1].to));
	}
	ap_route("198.18.0.1:53/udp", two, 1);
	ap_forget();
	ap_packet(buf, ip_udp(buf, &s, 99, 53, 10));
	ck_assert_int_eq(ap.n_events, 0);
	ck_assert_uint_eq(ap_counter(drop_no_member), 1);
}
END_TEST

/* Passing over the sender does not lead to a member that wants no new clients. */
START_TEST(test_sender_excluded_draining)
{
	struct ip_spec s = V4;
	struct target t[3];
	unsigned i;

	make_two(ENCAP_GUE);
	t[0] = two[0];
	t[1] = two[1];
	t[1].is_draining = 1;
	t[2] = ap_target(3, "203.0.113.3", ENCAP_GUE);
	s.src = "203.0.113.1";
	for (i = 0; i < 8; i++) {
		struct route *r = ap_route("198.18.0.1:53/udp", t, 3);

		memset(r->slot, 0, r->n_slots * sizeof(r->slot[0]));
		ap_forget();
		ap_packet(buf, ip_udp(buf, &s, (uint16_t)i, 53, 10));
		ck_assert(addr_eq(&ap_only(TUNNEL)->tunnel.to, &t[2].to));
	}
}
END_TEST

/* Without an address of a server's family another server is taken, if there is one. */
START_TEST(test_family)
{
	struct target t[2];

	ap_start_with(NULL, "2001:db8::1");
	t[0] = ap_target(1, "203.0.113.1", ENCAP_GUE);
	t[1] = ap_target(2, "2001:db8:5::2", ENCAP_GUE);
	ap_route("198.18.0.1:53/udp", t, 2);
	ck_assert(addr_eq(target_of(1000), &t[1].to));
	ck_assert(addr_eq(target_of(1001), &t[1].to));
	ck_assert(addr_eq(target_of(1002), &t[1].to));
	ap_route("198.18.0.1:53/udp", t, 1);
	ap_forget();
	udp(1000);
	ck_assert_int_eq(ap.n_events, 0);
	ck_assert_uint_eq(ap_counter(drop_no_family), 1);
}
END_TEST

/* Too big */

START_TEST(test_too_big)
{
	static const struct {
		uint8_t encap;
		const char *to;
		uint16_t mtu;
		unsigned inner4, inner6;
	} t[] = {
		{ENCAP_GUE, "203.0.113.1", 1500, 1460, 1460},
		{ENCAP_GUE, "2001:db8:5::1", 1500, 1440, 1440},
		{ENCAP_IPIP, "203.0.113.1", 1500, 1480, 1480},
		{ENCAP_IPIP, "2001:db8:5::1", 1500, 1460, 1460},
		{ENCAP_GUE, "203.0.113.1", 1400, 1360, 1360},
		{ENCAP_GUE, "203.0.113.1", 9000, 1460, 1460}, /* our own uplink's */
		{ENCAP_GUE, "203.0.113.1", 1000, 960, 1280},
	};
	struct target to = ap_target(1, t[_i].to, t[_i].encap);
	struct ip_spec s4 = V4, s6 = V6;
	struct event *e;
	size_t len;

	to.mtu = t[_i].mtu;
	ap_route("198.18.0.1:53/udp", &to, 1);
	ap_route("[2001:db8:a::1]:53/udp", &to, 1);
	s4.fragment = 0x4000;
	ap_packet(buf, ip_udp(buf, &s4, 1, 53, t[_i].inner4 - 28));
	ap_packet(buf, ip_udp(buf, &s6, 1, 53, t[_i].inner6 - 48));
	ck_assert_int_eq(ap_count(TUNNEL), 2);
	ck_assert_int_eq(ap_count(EMIT), 0);
	ap_forget();
	len = ip_udp(buf, &s4, 1, 53, t[_i].inner4 - 27);
	ap_packet(buf, len);
	e = ap_only(EMIT);
	ck_assert(ip_is_intact(e->data, e->len));
	ck_assert_mem_eq(e->data + 12, buf + 16, 4);
	ck_assert_mem_eq(e->data + 16, buf + 12, 4);
	ck_assert_uint_eq(ip_get32(e->data + 24), t[_i].inner4);
	ap_forget();
	len = ip_udp(buf, &s6, 1, 53, t[_i].inner6 - 47);
	ap_packet(buf, len);
	e = ap_only(EMIT);
	ck_assert(ip_is_intact(e->data, e->len));
	ck_assert_uint_eq(ip_get32(e->data + 44), t[_i].inner6);
	ck_assert_uint_eq(ap_counter(drop_too_big), 2);
	ck_assert_uint_eq(ap_counter(packet_too_big), 2);
	ap_forget();
	s4.fragment = 0; /* may be fragmented: let the outer packet be */
	ap_packet(buf, ip_udp(buf, &s4, 1, 53, 2000));
	ap_only(TUNNEL);
}
END_TEST

START_TEST(test_too_big_limit)
{
	struct ip_spec s = V6;
	unsigned i;

	make_two(ENCAP_GUE);
	ap_route("[2001:db8:a::1]:53/udp", two, 1);
	for (i = 0; i < 30; i++)
		ap_packet(buf, ip_udp(buf, &s, 1, 53, 1440));
	ck_assert_int_eq(ap_count(EMIT), 10);
	ck_assert_uint_eq(ap_counter(drop_too_big), 30);
	ck_assert_uint_eq(ap_counter(drop_icmp_limit), 20);
}
END_TEST

/* Super-packets */

static size_t super_tcp(uint16_t fragment, size_t len)
{
	struct ip_spec s = V4;
	size_t n;

	s.fragment = fragment;
	n = ip_tcp(buf, &s, 1000, 80, 77, TCP_ACK | TCP_PSH, 12, len);
	ip_put16(buf + 36, ip_pseudo(buf, 6, n - 20)); /* partial */
	return n;
}

static const struct packet_in offload = {
	.headroom = FORWARD_HEADROOM,
	.segment_len = 1400,
	.csum_start = 20,
	.csum_offset = 16,
};

/* All segments stand behind headers of their own, in as few sends as possible. */
START_TEST(test_segments)
{
	unsigned header = _i ? 0 : 12, stride = header + 52 + 1400, at, n = 0;
	int i;

	make_two(_i ? ENCAP_IPIP : ENCAP_GUE);
	ap_route("198.18.0.1:80/tcp", two, 1);
	ap_packet_in(buf, super_tcp(0x4000, 60000), offload);
	ck_assert_int_eq(ap_count(TUNNEL), ap.n_events);
	ck_assert_int_eq(ap.n_events, 1);
	for (i = 0; i < ap.n_events; i++) {
		struct event *e = &ap.event[i];

		ck_assert_uint_eq(e->tunnel.segment_len, stride);
		for (at = 0; at < e->len; at += stride, n++) {
			size_t len = e->len - at < stride ? e->len - at : stride;

			if (header)
				ck_assert_uint_eq(e->data[at + 11], 0x11);
			ck_assert(ip_is_intact(e->data + at + header, len - header));
			ck_assert_uint_eq(ip_get32(e->data + at + header + 24),
					  77 + n * 1400);
		}
	}
	ck_assert_uint_eq(n, 43);
	ck_assert_uint_eq(ap_counter(packets_in), 43);
	ck_assert_uint_eq(ap_counter(packets_out), 43);
	ck_assert_uint_eq(ap_counter(packets_two_hops), 43);
	ck_assert_uint_eq(ap_counter(bytes_out), 60000 + 43 * 52);
}
END_TEST

/* At most 64 segments and 65,507 bytes a send, whatever their size. */
START_TEST(test_batches)
{
	struct packet_in in = offload;
	struct ip_spec s = V4;
	unsigned n = 0, i;
	size_t len;

	make_two(ENCAP_GUE);
	ap_route("198.18.0.1:53/udp", two, 1);
	in.segment_len = _i ? 1400 : 100;
	in.csum_offset = 6;
	len = ip_udp(buf, &s, 1000, 53, _i ? 65000 : 20050);
	ip_put16(buf + 26, ip_pseudo(buf, 17, len - 20));
	ap_packet_in(buf, len, in);
	ck_assert_int_eq(ap.n_events, _i ? 2 : 4);
	for (i = 0; i < (unsigned)ap.n_events; i++) {
		struct event *e = &ap.event[i];
		size_t step = e->tunnel.segment_len;

		ck_assert_uint_le(e->len, 65507);
		ck_assert_uint_le((e->len + step - 1) / step, 64);
		n += (unsigned)((e->len + step - 1) / step);
	}
	ck_assert_uint_eq(n, _i ? 47 : 201);
	ck_assert_uint_eq(ap_counter(packets_out), n);
}
END_TEST

/* Segments that do not fit: told about the first one, with DF; else one at a time. */
START_TEST(test_segments_too_big)
{
	struct packet_in in = offload;
	struct event *e;
	int i;

	make_two(ENCAP_GUE);
	ap_route("198.18.0.1:80/tcp", two, 1);
	in.segment_len = 1448;
	ap_packet_in(buf, super_tcp(0x4000, 14480), in);
	e = ap_only(EMIT);
	ck_assert_int_eq(ap.n_events, 1);
	ck_assert(ip_is_intact(e->data, e->len));
	ck_assert_uint_eq(ip_get32(e->data + 24), 1460);
	ck_assert_uint_eq(ip_get16(e->data + 28 + 2), 1500); /* one segment's length */
	ck_assert_uint_eq(ip_get32(e->data + 28 + 24), 77);
	ck_assert_uint_eq(ap_counter(drop_too_big), 10);
	ck_assert_uint_eq(ap_counter(packet_too_big), 1);
	ap_forget();
	ap_packet_in(buf, super_tcp(0, 14480), in);
	ck_assert_int_eq(ap_count(TUNNEL), 10);
	for (i = 0; i < 10; i++)
		ck_assert_uint_eq(ap.event[i].tunnel.segment_len, ap.event[i].len);
}
END_TEST

/* A partial checksum of a plain packet is finished before it leaves. */
START_TEST(test_partial)
{
	struct packet_in in = {.csum_start = 20, .csum_offset = 6};
	struct ip_spec s = V4;
	struct event *e;
	size_t len = ip_udp(buf, &s, 1000, 53, 33);

	make_two(ENCAP_IPIP);
	ap_route("198.18.0.1:53/udp", two, 1);
	ip_put16(buf + 26, ip_pseudo(buf, 17, len - 20));
	ap_packet_in(buf, len, in);
	e = ap_only(TUNNEL);
	ck_assert(ip_is_intact(e->data, e->len));
	ap_forget();
	in.csum_offset = 60; /* beyond the packet */
	ap_packet_in(buf, len, in);
	ck_assert_int_eq(ap.n_events, 0);
	ck_assert_uint_eq(ap_counter(drop_packet_malformed), 1);
}
END_TEST

START_TEST(test_super_malformed)
{
	struct ip_spec s = V4;

	make_two(ENCAP_GUE);
	ap_route("198.18.0.1", two, 1);
	ap_packet_in(buf, ip_icmp(buf, &s, 8, 0, 1, "abcdefgh", 8),
		     (struct packet_in){.segment_len = 4});
	ck_assert_int_eq(ap.n_events, 0);
	ck_assert_uint_eq(ap_counter(drop_packet_malformed), 1);
}
END_TEST

/* Fragments and ICMP errors */

START_TEST(test_fragments)
{
	struct ip_spec s = V4;
	struct event *e;
	size_t len;

	make_two(ENCAP_GUE);
	ap_route("198.18.0.1:53/udp", two, 2);
	s.id = 99;
	s.fragment = 0x2000 | 5;
	len = ip_udp(buf, &s, 1000, 53, 40);
	ap_packet(buf, len);
	ck_assert_uint_eq(ap_counter(drop_fragment), 1);
	s.fragment = 0x2000;
	ap_packet(buf, ip_udp(buf, &s, 1000, 53, 40));
	s.fragment = 0x2000 | 5;
	ap_packet(buf, ip_udp(buf, &s, 0x1234, 0x5678, 40)); /* what looks like ports */
	ck_assert_int_eq(ap_count(TUNNEL), 2);
	e = ap.event;
	ck_assert(addr_eq(&e[0].tunnel.to, &e[1].tunnel.to));
	ck_assert_uint_eq(e[0].tunnel.entropy, e[1].tunnel.entropy);
	ck_assert_uint_eq(forward_n_flows(ap.f), 1);
}
END_TEST

/* Fragments of an echo request have no port to be looked for. */
START_TEST(test_fragments_without_ports)
{
	struct ip_spec s = V4;

	make_two(ENCAP_GUE);
	ap_route("198.18.0.1", two, 1);
	s.fragment = 0x0005;
	s.proto = 1;
	ap_packet(buf, ip_header(buf, &s, 40) + 40);
	ap_only(TUNNEL);
}
END_TEST

/* A router's error about a server's reply goes to the member that the flow is on. */
START_TEST(test_icmp_error)
{
	struct ip_spec s = {.family = 4, .src = "203.0.113.99", .dst = "198.18.0.1"};
	struct ip_spec quoted = {.family = 4, .src = "198.18.0.1", .dst = "192.0.2.9"};
	struct target three[3];
	struct addr to;
	uint8_t q[48];
	int i;

	make_two(ENCAP_GUE);
	three[0] = ap_target(3, "203.0.113.3", ENCAP_GUE);
	three[1] = two[0];
	three[2] = two[1];
	for (i = 0; i < 20; i++) {
		uint16_t sport = (uint16_t)(2000 + i);

		ap_route("198.18.0.1:53/udp", two, 2);
		to = *target_of(sport);
		ap_route("198.18.0.1:53/udp", three, 3);
		ap_forget();
		ip_udp(q, &quoted, 53, sport, 20);
		ap_packet(buf, ip_icmp(buf, &s, 3, 4, 1400, q, 28));
		ck_assert(addr_eq(&ap_only(TUNNEL)->tunnel.to, &to));
	}
	ck_assert_uint_eq(forward_n_flows(ap.f), 20);
	ip_udp(q, &quoted, 53, 3000, 20); /* about a flow that nobody knows */
	ap_packet(buf, ip_icmp(buf, &s, 3, 4, 1400, q, 28));
	ck_assert_int_eq(ap_count(TUNNEL), 2);
	ck_assert_uint_eq(forward_n_flows(ap.f), 20); /* errors make none */
}
END_TEST

/* Control */

START_TEST(test_control)
{
	struct ip_spec s4 = V4, s6 = V6;
	struct event *e;
	char t[ADDR_STR_MAX];
	size_t len;

	make_two(ENCAP_GUE);
	ap_route("198.18.0.1", two, 1);
	ap_packet(buf, ip_udp(buf, &s4, 1000, 7427, 30));
	e = ap_only(CONTROL);
	ck_assert_int_eq(ap.n_events, 1);
	ck_assert_uint_eq(e->len, 30);
	ck_assert_mem_eq(e->data, buf + 28, 30);
	ck_assert_str_eq(addr_str(&e->from, t), "192.0.2.9:1000");
	ck_assert_str_eq(addr_str(&e->at, t), "198.18.0.1:7427");
	ap_forget();
	ap_packet(buf, ip_udp(buf, &s6, 1000, 7427, 30));
	e = ap_only(CONTROL);
	ck_assert_str_eq(addr_str(&e->from, t), "[2001:db8::9]:1000");
	ck_assert_str_eq(addr_str(&e->at, t), "[2001:db8:a::1]:7427");
	ap_forget();
	ap_packet(buf, ip_udp(buf, &s4, 1000, 7427, 0));
	ck_assert_uint_eq(ap_only(CONTROL)->len, 0); /* theirs to refuse */
	ap_forget();
	len = ip_udp(buf, &s4, 1000, 7427, 30);
	buf[40] ^= 1; /* damaged on the way */
	ap_packet(buf, len);
	ck_assert_int_eq(ap.n_events, 0);
	ck_assert_uint_eq(ap_counter(drop_packet_malformed), 1);
	s4.fragment = 0x2000;
	ap_packet(buf, ip_udp(buf, &s4, 1000, 7427, 30));
	ck_assert_int_eq(ap.n_events, 0);
	ck_assert_uint_eq(ap_counter(drop_fragment), 1);
	s4.fragment = 0;
	ap_packet(buf, ip_tcp(buf, &s4, 1000, 7427, 1, TCP_SYN, 0, 0));
	ck_assert_int_eq(ap_count(CONTROL), 0); /* only UDP is ours */
}
END_TEST

/* Two datagrams that the kernel merged on the way up are two again. */
START_TEST(test_control_merged)
{
	struct ip_spec s = V4;
	size_t len = ip_udp(buf, &s, 1000, 7427, 50);

	ip_put16(buf + 26, ip_pseudo(buf, 17, len - 20));
	ap_packet_in(buf, len,
		     (struct packet_in){
			     .segment_len = 30, .csum_start = 20, .csum_offset = 6});
	ck_assert_int_eq(ap_count(CONTROL), 2);
	ck_assert_uint_eq(ap.event[0].len, 30);
	ck_assert_uint_eq(ap.event[1].len, 20);
	ck_assert_mem_eq(ap.event[1].data, buf + 58, 20);
}
END_TEST

START_TEST(test_answer)
{
	struct addr from = ip_addr("198.18.0.1:7427"), to = ip_addr("192.0.2.9:1000");
	static uint8_t big[1401];
	struct event *e;

	forward_answer(ap.f, &from, &to, "hello", 5);
	e = ap_only(EMIT);
	ck_assert_uint_eq(e->len, 33);
	ck_assert(ip_is_intact(e->data, e->len));
	ck_assert_mem_eq(e->data + 28, "hello", 5);
	ap_forget();
	forward_answer(ap.f, &from, &to, big, sizeof(big));
	ck_assert_int_eq(ap.n_events, 0);
	ck_assert_uint_eq(ap_counter(drop_too_big), 1);
}
END_TEST

/* The AP's own datagrams take the way of a client's packet, header and all. */
START_TEST(test_tunnel_control)
{
	static const struct {
		const char *self4, *self6, *group, *to, *want;
	} t[] = {
		{"192.0.2.1", NULL, "198.18.0.1:53/udp", "203.0.113.1", "192.0.2.1"},
		{"192.0.2.1", NULL, "2001:db8:a::1", "203.0.113.1", "100::1"},
		{NULL, "2001:db8::1", "198.18.0.1", "2001:db8:5::1", "192.0.0.8"},
		{NULL, "2001:db8::1", "198.18.0.1", "203.0.113.1", NULL},
	};
	struct target to = ap_target(1, t[_i].to, ENCAP_GUE);
	struct group_name g = ap_name(t[_i].group);
	struct packet p;
	struct event *e;
	char s[ADDR_STR_MAX];

	ap_start_with(t[_i].self4, t[_i].self6);
	forward_tunnel_control(ap.f, &to, &g, 40001, "probe", 5);
	if (!t[_i].want) {
		ck_assert_int_eq(ap.n_events, 0);
		ck_assert_uint_eq(ap_counter(drop_no_family), 1);
		return;
	}
	e = ap_only(TUNNEL);
	ck_assert_uint_eq(e->data[11], 0x11);
	ck_assert_int_eq(packet_parse(&p, e->data + 12, e->len - 12), 0);
	ck_assert(ip_is_intact(e->data + 12, e->len - 12));
	p.src.port = 0;
	ck_assert_str_eq(addr_str(&p.src, s), t[_i].want);
	ck_assert_mem_eq(p.dst.ip, g.ip, 16);
	ck_assert_uint_eq(p.flow.dport, 40001);
	ck_assert_uint_eq(p.flow.sport, 7427);
	ck_assert_mem_eq(e->data + e->len - 5, "probe", 5);
	ck_assert_uint_eq(ap_counter(packets_out), 0); /* no client's packet */
}
END_TEST

/* Anything at all */

static size_t any_packet(struct rng *r)
{
	static const char *const dst4[] = {"198.18.0.1", "198.18.0.2", "198.18.0.3",
					   "192.0.2.1"};
	static const uint16_t fragment[] = {0, 0, 0, 0x4000, 0x2000, 0x2005};
	static const uint16_t port[] = {53, 54, 80, 7427};
	struct ip_spec s4 = V4, s6 = V6, quoted = {.family = 4, .dst = "192.0.2.9"};
	size_t n = rng_below(r, 8) ? rng_below(r, 100) : rng_below(r, 3000);
	uint16_t dport = port[rng_below(r, 4)], sport = (uint16_t)rng_below(r, 8);
	uint8_t q[28];

	s4.dst = quoted.src = dst4[rng_below(r, 4)];
	s4.fragment = fragment[rng_below(r, 6)];
	s4.id = (uint16_t)rng_below(r, 4);
	s4.options = 4 * rng_below(r, 2);
	switch (rng_below(r, 7)) {
	case 0:
		return ip_udp(buf, &s6, sport, dport, n);
	case 1:
		return ip_tcp(buf, &s4, sport, dport, 1, (uint8_t)rng_u64(r), 4, n);
	case 2:
		return ip_tcp(buf, &s6, sport, dport, 1, (uint8_t)rng_u64(r), 4, n);
	case 3:
		return ip_icmp(buf, &s4, 8, 0, 1, "abcdefgh", 8);
	case 4:
		ip_udp(q, &quoted, dport, sport, 0);
		return ip_icmp(buf, &s4, 3, 3, 0, q, sizeof(q));
	default:
		return ip_udp(buf, &s4, sport, dport, n);
	}
}

/* Everything that became of packets, but for what comes beside it. */
static uint64_t outcomes(void)
{
	uint64_t n = ap_counter(packets_out) + ap_counter(packets_wrapped);
	unsigned i;

	for (i = 0; i < N_COUNTERS; i++)
		if (!strncmp(counter_name(i), "drop_", 5) && i != COUNTER_drop_icmp_limit)
			n += ap.env.counters.v[i];
	return n + (uint64_t)ap_count(CONTROL);
}

/* Whatever comes in is sent on or counted as dropped, once. ASan watches the rest. */
START_TEST(test_anything)
{
	struct rng r = {(uint64_t)_i};
	unsigned i, k;

	make_two(ENCAP_GUE);
	two[1].encap = ENCAP_IPIP;
	ap_route("198.18.0.1:53/udp", two, 2);
	ap_route("198.18.0.1:80/tcp", two, 2);
	ap_route("198.18.0.1", &two[1], 1);
	ap_negative("198.18.0.2:53/udp");
	ap_negative("198.18.0.2");
	for (i = 0; i < 40000; i++) {
		size_t len = any_packet(&r);
		struct packet_in in = {.headroom = (uint16_t)(rng_below(&r, 2) * 128)};
		uint64_t packets = ap_counter(packets_in), before = outcomes();

		for (k = rng_below(&r, 4); k; k--)
			buf[rng_below(&r, len < 64 ? (uint32_t)len : 64)] =
				(uint8_t)rng_u64(&r);
		if (rng_below(&r, 2) && buf[0] >> 4 == 4 && (buf[0] & 15) >= 5)
			ip_fix(buf);
		if (!rng_below(&r, 4))
			in.segment_len = (uint16_t)(16 + rng_below(&r, 1500));
		if (!rng_below(&r, 4)) {
			in.csum_start = (uint16_t)(1 + rng_below(&r, 60));
			in.csum_offset = (uint16_t)rng_below(&r, 20);
		}
		if (!rng_below(&r, 16))
			len = rng_below(&r, (uint32_t)len + 1);
		if (in.csum_start > len)
			in.csum_start = (uint16_t)len;
		ap_packet_in(buf, len, in);
		ck_assert_uint_eq(outcomes() - before, ap_counter(packets_in) - packets);
		ap_forget();
	}
	ck_assert_uint_gt(ap_counter(packets_out), 1000); /* not all of it was noise */
	ck_assert_uint_gt(ap_counter(packets_wrapped), 1000);
	ck_assert_uint_gt(ap_counter(drop_no_group), 100);
	ck_assert_uint_gt(ap_counter(drop_fragment), 100);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, ap_stop);
	tcase_add_loop_test(c, test_gue, 0, 2);
	tcase_add_test(c, test_ipip_v6);
	tcase_add_test(c, test_entropy);
	tcase_add_loop_test(c, test_drops, 0, sizeof(drops) / sizeof(drops[0]));
	tcase_add_loop_test(c, test_match, 0, 8);
	tcase_add_loop_test(c, test_wide_only, 0, 5);
	tcase_add_test(c, test_empty_group);
	tcase_add_test(c, test_used_at);
	tcase_add_test(c, test_flow_affinity);
	tcase_add_test(c, test_draining);
	tcase_add_test(c, test_meanwhile);
	tcase_add_test(c, test_each_flow);
	tcase_add_test(c, test_sender_excluded);
	tcase_add_test(c, test_sender_excluded_draining);
	tcase_add_test(c, test_family);
	tcase_add_loop_test(c, test_too_big, 0, 7);
	tcase_add_test(c, test_too_big_limit);
	tcase_add_loop_test(c, test_segments, 0, 2);
	tcase_add_loop_test(c, test_batches, 0, 2);
	tcase_add_test(c, test_segments_too_big);
	tcase_add_test(c, test_partial);
	tcase_add_test(c, test_super_malformed);
	tcase_add_test(c, test_fragments);
	tcase_add_test(c, test_fragments_without_ports);
	tcase_add_test(c, test_icmp_error);
	tcase_add_test(c, test_control);
	tcase_add_test(c, test_control_merged);
	tcase_add_test(c, test_answer);
	tcase_add_loop_test(c, test_tunnel_control, 0, 4);
	tcase_add_loop_test(c, test_anything, 0, 4);
}

int main(void)
{
	return suite_main("forward", fill);
}
