/* The packet parser: a table of packets with what is to be made of each; truncations. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "forwarder/checksum.h"
#include "forwarder/packet.h"
#include "tests/fixture/ip.h"
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

struct expect {
	int err;
	uint8_t proto;
	unsigned l4, payload;
	uint16_t sport, dport;
	uint8_t fragment;
};

/* Parses a copy of exactly @len bytes, so that ASan sees any look beyond. */
static int parse(struct packet *p, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	int err;

	memcpy(copy, buf, len);
	err = packet_parse(p, copy, len);
	free(copy);
	p->data = buf;
	return err;
}

static void check(size_t len, const struct expect *e)
{
	struct packet p;

	ck_assert_int_eq(parse(&p, len), e->err);
	if (e->err)
		return;
	ck_assert_uint_eq(p.proto, e->proto);
	ck_assert_uint_eq(p.l4, e->l4);
	ck_assert_uint_eq(p.payload, e->payload);
	ck_assert_uint_eq(p.flow.sport, e->sport);
	ck_assert_uint_eq(p.flow.dport, e->dport);
	ck_assert_uint_eq(p.fragment, e->fragment);
}

START_TEST(test_udp_v4)
{
	struct ip_spec s = V4;
	size_t len = ip_udp(buf, &s, 1000, 53, 33);
	struct group_name g;
	struct packet p;
	char text[ADDR_STR_MAX];

	check(len, &(struct expect){0, 17, 20, 28, 1000, 53, FRAGMENT_NONE});
	check(len + 20, &(struct expect){0, 17, 20, 28, 1000, 53, FRAGMENT_NONE});
	ck_assert_int_eq(parse(&p, len + 20), 0);
	ck_assert_uint_eq(p.len, len);
	ck_assert_uint_eq(p.ttl, 61);
	ck_assert(!p.dont_fragment);
	ck_assert(packet_udp_is_intact(&p));
	ck_assert_str_eq(addr_str(&p.src, text), "192.0.2.9");
	ck_assert_str_eq(addr_str(&p.dst, text), "198.18.0.1");
	p.src = packet_client(&p);
	ck_assert_str_eq(addr_str(&p.src, text), "192.0.2.9:1000");
	packet_group(&p, &g);
	ck_assert_uint_eq(g.family, 4);
	ck_assert_uint_eq(g.proto, PROTO_UDP);
	ck_assert_uint_eq(g.port, 53);
	ck_assert_mem_eq(g.ip, "\xc6\x12\x00\x01\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	buf[len - 1] ^= 1;
	ck_assert_int_eq(parse(&p, len), 0);
	ck_assert(!packet_udp_is_intact(&p));
}
END_TEST

START_TEST(test_udp_v6)
{
	struct ip_spec s = V6;
	size_t len = ip_udp(buf, &s, 1000, 53, 33);
	struct packet p;

	check(len, &(struct expect){0, 17, 40, 48, 1000, 53, FRAGMENT_NONE});
	ck_assert_int_eq(parse(&p, len), 0);
	ck_assert(p.dont_fragment);
	ck_assert(packet_udp_is_intact(&p));
	ip_put16(buf + 46, 0); /* no checksum: not allowed in IPv6 */
	ck_assert_int_eq(parse(&p, len), 0);
	ck_assert(!packet_udp_is_intact(&p));
}
END_TEST

START_TEST(test_tcp)
{
	struct ip_spec s4 = V4, s6 = V6;
	struct packet p;
	size_t len;

	len = ip_tcp(buf, &s4, 1000, 80, 7, TCP_SYN, 12, 5);
	check(len, &(struct expect){0, 6, 20, 52, 1000, 80, FRAGMENT_NONE});
	ck_assert_int_eq(parse(&p, len), 0);
	ck_assert_uint_eq(p.tcp_flags, TCP_SYN);
	s4.options = 24;
	len = ip_tcp(buf, &s4, 1000, 80, 7, TCP_ACK, 40, 5);
	check(len, &(struct expect){0, 6, 44, 104, 1000, 80, FRAGMENT_NONE});
	len = ip_tcp(buf, &s6, 1000, 80, 7, TCP_ACK, 0, 0);
	check(len, &(struct expect){0, 6, 40, 60, 1000, 80, FRAGMENT_NONE});
	buf[52] = 0x40; /* header of 16 bytes */
	check(len, &(struct expect){.err = PIAS_EMALFORMED});
	buf[52] = 0x60; /* of 24, where 20 are left */
	check(len, &(struct expect){.err = PIAS_EMALFORMED});
}
END_TEST

START_TEST(test_other_protocols)
{
	struct ip_spec s4 = V4, s6 = V6;
	struct group_name g;
	struct packet p;
	size_t len;

	len = ip_icmp(buf, &s4, 8, 0, 0x10002, "abc", 3);
	check(len, &(struct expect){0, 1, 20, 20, 0, 0, FRAGMENT_NONE});
	ck_assert_int_eq(parse(&p, len), 0);
	ck_assert(!p.is_icmp_error);
	packet_group(&p, &g);
	ck_assert_uint_eq(g.proto, 0);
	ck_assert_uint_eq(g.port, 0);
	len = ip_icmp(buf, &s6, 128, 0, 0x10002, "abc", 3);
	check(len, &(struct expect){0, 58, 40, 40, 0, 0, FRAGMENT_NONE});
	s4.proto = 47;
	len = ip_header(buf, &s4, 1);
	check(len + 1, &(struct expect){0, 47, 20, 20, 0, 0, FRAGMENT_NONE});
	s6.proto = 59; /* no next header */
	len = ip_header(buf, &s6, 0);
	check(len, &(struct expect){0, 59, 40, 40, 0, 0, FRAGMENT_NONE});
	/* ports of 0 cannot name a group */
	len = ip_udp(buf, &s4, 1000, 0, 3);
	ck_assert_int_eq(parse(&p, len), 0);
	packet_group(&p, &g);
	ck_assert_uint_eq(g.proto, 0);
}
END_TEST

/* No prefix of a packet parses, whatever it holds. */
START_TEST(test_truncation)
{
	struct ip_spec s4 = V4, s6 = V6;
	struct packet p;
	size_t len, i;
	int kind;

	s4.options = 4;
	for (kind = 0; kind < 6; kind++) {
		switch (kind) {
		case 0:
			len = ip_udp(buf, &s4, 1, 2, 10);
			break;
		case 1:
			len = ip_udp(buf, &s6, 1, 2, 10);
			break;
		case 2:
			len = ip_tcp(buf, &s4, 1, 2, 3, TCP_ACK, 8, 4);
			break;
		case 3:
			len = ip_tcp(buf, &s6, 1, 2, 3, TCP_ACK, 8, 4);
			break;
		case 4:
			len = ip_icmp(buf, &s4, 8, 0, 0, "abcd", 4);
			break;
		default:
			len = ip_icmp(buf, &s6, 128, 0, 0, "abcd", 4);
		}
		ck_assert_int_eq(parse(&p, len), 0);
		for (i = 0; i < len; i++)
			ck_assert_int_eq(parse(&p, i), PIAS_EMALFORMED);
	}
}
END_TEST

/* The IP header admits to fewer bytes than the transport header needs. */
START_TEST(test_short_transport)
{
	static const struct {
		uint8_t proto4, proto6;
		size_t min;
	} t[] = {{17, 17, 8}, {6, 6, 20}, {1, 58, 8}};
	struct ip_spec s4 = V4, s6 = V6;
	struct packet p;
	size_t n, len;

	s4.proto = t[_i].proto4;
	s6.proto = t[_i].proto6;
	for (n = 0; n <= t[_i].min; n++) {
		int want = n < t[_i].min ? PIAS_EMALFORMED : 0;

		len = ip_header(buf, &s4, n);
		memset(buf + len, 0x50, n);
		buf[len] = 8;
		if (s4.proto == 17)
			ip_put16(buf + len + 4, 8);
		ck_assert_int_eq(parse(&p, len + n), want);
		len = ip_header(buf, &s6, n);
		memset(buf + len, 0x50, n);
		buf[len] = 128;
		if (s6.proto == 17)
			ip_put16(buf + len + 4, 8);
		ck_assert_int_eq(parse(&p, len + n), want);
	}
}
END_TEST

START_TEST(test_bogus_lengths)
{
	struct ip_spec s4 = V4, s6 = V6;
	struct expect bad = {.err = PIAS_EMALFORMED};
	size_t len = ip_udp(buf, &s4, 1, 2, 10);

	buf[0] = 0x44; /* header of 16 bytes */
	ip_fix(buf);
	check(len, &bad);
	len = ip_udp(buf, &s4, 1, 2, 10);
	ip_put16(buf + 2, 19); /* total length within the header */
	ip_fix(buf);
	check(len, &bad);
	len = ip_udp(buf, &s4, 1, 2, 10);
	buf[10] ^= 1; /* header checksum */
	check(len, &bad);
	len = ip_udp(buf, &s4, 1, 2, 10);
	ip_put16(buf + 24, 19); /* UDP length beyond the packet */
	check(len, &bad);
	ip_put16(buf + 24, 7); /* and too small */
	check(len, &bad);
	ip_put16(buf + 24, 17); /* less than there is: padding, legal */
	check(len, &(struct expect){0, 17, 20, 28, 1, 2, FRAGMENT_NONE});
	len = ip_udp(buf, &s6, 1, 2, 10);
	ip_put16(buf + 4, 19);
	check(len, &bad);
	len = ip_udp(buf, &s6, 1, 2, 10);
	buf[0] = 0x50;
	check(len, &bad);
	check(0, &bad);
}
END_TEST

START_TEST(test_fragments_v4)
{
	struct ip_spec s = V4;
	struct packet p;
	size_t len;

	s.id = 0x1234;
	s.fragment = 0x2000; /* first */
	len = ip_udp(buf, &s, 1000, 53, 40);
	ip_put16(buf + 24, 3000); /* length of the whole datagram */
	check(len, &(struct expect){0, 17, 20, 28, 1000, 53, FRAGMENT_FIRST});
	ck_assert_int_eq(parse(&p, len), 0);
	ck_assert_uint_eq(p.fragment_id, 0x1234);
	s.fragment = 0x2003; /* one in the middle */
	len = ip_udp(buf, &s, 1000, 53, 40);
	check(len, &(struct expect){0, 17, 20, 20, 0, 0, FRAGMENT_LATER});
	s.fragment = 0x0003; /* the last, 1 byte */
	s.proto = 6;
	len = ip_header(buf, &s, 1);
	check(len + 1, &(struct expect){0, 6, 20, 20, 0, 0, FRAGMENT_LATER});
	s.fragment = 0x4000; /* don't fragment */
	len = ip_udp(buf, &s, 1000, 53, 40);
	ck_assert_int_eq(parse(&p, len), 0);
	ck_assert(p.dont_fragment);
	ck_assert_uint_eq(p.fragment, FRAGMENT_NONE);
	s.fragment = 0x2000; /* a tiny first fragment of TCP */
	s.proto = 6;
	len = ip_header(buf, &s, 8);
	memset(buf + len, 0x50, 8);
	check(len + 8, &(struct expect){.err = PIAS_EMALFORMED});
}
END_TEST

/* Puts an extension header of @len bytes behind the IPv6 header of buf. */
static size_t extend(size_t packet_len, uint8_t type, size_t len)
{
	memmove(buf + 40 + len, buf + 40, packet_len - 40);
	memset(buf + 40, 0, len);
	buf[40] = buf[6];
	buf[41] = (uint8_t)(type == 51 ? len / 4 - 2 : len / 8 - 1);
	buf[6] = type;
	ip_put16(buf + 4, ip_get16(buf + 4) + (unsigned)len);
	return packet_len + len;
}

START_TEST(test_extensions)
{
	struct ip_spec s = V6;
	struct packet p;
	size_t len, i;

	len = ip_udp(buf, &s, 1000, 53, 6);
	len = extend(len, 60, 8);
	len = extend(len, 51, 24);
	len = extend(len, 43, 24);
	len = extend(len, 0, 16);
	check(len, &(struct expect){0, 17, 112, 120, 1000, 53, FRAGMENT_NONE});
	for (i = 0; i < len; i++)
		ck_assert_int_eq(parse(&p, i), PIAS_EMALFORMED);
	for (i = 0; i < 112; i += 8) { /* cut off inside the extensions, honestly */
		if (i < 40)
			continue;
		ip_put16(buf + 4, (unsigned)i - 40);
		ck_assert_int_eq(parse(&p, i), PIAS_EMALFORMED);
	}
	/* hop-by-hop options anywhere but in front */
	len = ip_udp(buf, &s, 1000, 53, 6);
	len = extend(len, 0, 8);
	len = extend(len, 60, 8);
	check(len, &(struct expect){.err = PIAS_EMALFORMED});
	/* too many */
	len = ip_udp(buf, &s, 1000, 53, 6);
	for (i = 0; i < 8; i++)
		len = extend(len, 60, 8);
	check(len, &(struct expect){0, 17, 104, 112, 1000, 53, FRAGMENT_NONE});
	len = extend(len, 60, 8);
	check(len, &(struct expect){.err = PIAS_EMALFORMED});
	/* a length that runs past the end */
	len = ip_udp(buf, &s, 1000, 53, 6);
	len = extend(len, 60, 8);
	buf[41] = 255;
	check(len, &(struct expect){.err = PIAS_EMALFORMED});
}
END_TEST

START_TEST(test_fragments_v6)
{
	struct ip_spec s = V6;
	struct packet p;
	size_t len = ip_udp(buf, &s, 1000, 53, 16);

	len = extend(len, 44, 8);
	ip_put32(buf + 44, 0xdeadbeef);
	/* offset 0 and no more: a whole packet */
	check(len, &(struct expect){0, 17, 48, 56, 1000, 53, FRAGMENT_NONE});
	ip_put16(buf + 42, 1);
	check(len, &(struct expect){0, 17, 48, 56, 1000, 53, FRAGMENT_FIRST});
	ck_assert_int_eq(parse(&p, len), 0);
	ck_assert_uint_eq(p.fragment_id, 0xdeadbeef);
	ip_put16(buf + 42, 8 | 1);
	check(len, &(struct expect){0, 17, 48, 48, 0, 0, FRAGMENT_LATER});
	ip_put16(buf + 42, 8);
	check(len, &(struct expect){0, 17, 48, 48, 0, 0, FRAGMENT_LATER});
	/* a fragment of a fragment */
	ip_put16(buf + 42, 1);
	len = extend(len, 44, 8);
	ip_put16(buf + 42, 1);
	check(len, &(struct expect){.err = PIAS_EMALFORMED});
}
END_TEST

/* An ICMP error names the flow of the packet that it quotes, turned round. */
START_TEST(test_icmp_error)
{
	struct ip_spec s = {.family = 4, .src = "203.0.113.1", .dst = "198.18.0.1"};
	struct ip_spec quoted = {.family = 4, .src = "198.18.0.1", .dst = "192.0.2.9"};
	uint8_t q[100];
	struct group_name g;
	struct packet p;
	struct addr client;
	char text[ADDR_STR_MAX];
	size_t len, i;

	ip_udp(q, &quoted, 53, 1000, 40);
	len = ip_icmp(buf, &s, 3, 4, 1400, q, 28);
	check(len, &(struct expect){0, 1, 20, 20, 1000, 53, FRAGMENT_NONE});
	ck_assert_int_eq(parse(&p, len), 0);
	ck_assert(p.is_icmp_error);
	client = packet_client(&p);
	ck_assert_str_eq(addr_str(&client, text), "192.0.2.9:1000");
	ck_assert_str_eq(addr_str(&p.src, text), "203.0.113.1");
	packet_group(&p, &g);
	ck_assert_uint_eq(g.proto, 17);
	ck_assert_uint_eq(g.port, 53);
	for (i = 0; i < 24; i++) { /* quotes that end before the ports */
		len = ip_icmp(buf, &s, 3, 4, 1400, q, i);
		check(len, &(struct expect){.err = PIAS_EMALFORMED});
	}
	q[15] ^= 1; /* about somebody else's packet */
	len = ip_icmp(buf, &s, 3, 4, 1400, q, 28);
	check(len, &(struct expect){.err = PIAS_EMALFORMED});
}
END_TEST

START_TEST(test_icmp_error_v6)
{
	struct ip_spec s = {.family = 6, .src = "2001:db8:1::1", .dst = "2001:db8:a::1"};
	struct ip_spec quoted = {
		.family = 6, .src = "2001:db8:a::1", .dst = "2001:db8::9"};
	uint8_t q[100];
	struct packet p;
	size_t len;

	ip_tcp(q, &quoted, 80, 1000, 1, TCP_ACK, 0, 20);
	len = ip_icmp(buf, &s, 2, 0, 1400, q, 60);
	check(len, &(struct expect){0, 58, 40, 40, 1000, 80, FRAGMENT_NONE});
	ck_assert_int_eq(parse(&p, len), 0);
	ck_assert(p.is_icmp_error);
	ck_assert_uint_eq(p.flow.proto, 6);
	len = ip_icmp(buf, &s, 2, 0, 1400, q, 43);
	check(len, &(struct expect){.err = PIAS_EMALFORMED});
}
END_TEST

START_TEST(test_build_udp)
{
	static const uint8_t golden[] = {0x45, 0x00, 0x00, 0x1f, 0x00, 0x07, 0x00, 0x00,
					 0x40, 0x11, 0xf2, 0xaa, 0xc6, 0x12, 0x00, 0x01,
					 0xc0, 0x00, 0x02, 0x09, 0x1d, 0x03, 0x03, 0xe8,
					 0x00, 0x0b, 0x92, 0x6d, 'a',  'b',  'c'};
	struct addr from = ip_addr("198.18.0.1:7427"), to = ip_addr("192.0.2.9:1000");
	size_t len = packet_build_udp(buf, &from, &to, 7, "abc", 3);

	ck_assert_uint_eq(len, sizeof(golden));
	ck_assert(ip_is_intact(buf, len));
	ck_assert_mem_eq(buf, golden, len);
	from = ip_addr("[2001:db8:a::1]:7427");
	to = ip_addr("[2001:db8::9]:1000");
	len = packet_build_udp(buf, &from, &to, 7, "abc", 3);
	ck_assert(ip_is_intact(buf, len));
	check(len, &(struct expect){0, 17, 40, 48, 7427, 1000, FRAGMENT_NONE});
}
END_TEST

/* The wide sum agrees with the plain one at every length and alignment. */
START_TEST(test_checksum)
{
	uint8_t *copy = malloc(2000);
	size_t len, at;

	ip_fill(buf, 2000, 3);
	memset(buf + 300, 0xff, 500); /* many carries */
	for (len = 0; len < 1500; len += len < 100 ? 1 : 37) {
		for (at = 0; at < 4; at++) {
			uint32_t want = ip_sum16(0, buf + at, len);
			uint8_t got[2];

			checksum_put(got, checksum_add(0, buf + at, len));
			ck_assert_uint_eq((~ip_get16(got) & 0xffff) % 0xffff,
					  want % 0xffff);
			checksum_put(got, checksum_copy(0, copy, buf + at, len));
			ck_assert_uint_eq((~ip_get16(got) & 0xffff) % 0xffff,
					  want % 0xffff);
			ck_assert_mem_eq(copy, buf + at, len);
		}
	}
	free(copy);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_udp_v4);
	tcase_add_test(c, test_udp_v6);
	tcase_add_test(c, test_tcp);
	tcase_add_test(c, test_other_protocols);
	tcase_add_test(c, test_truncation);
	tcase_add_loop_test(c, test_short_transport, 0, 3);
	tcase_add_test(c, test_bogus_lengths);
	tcase_add_test(c, test_fragments_v4);
	tcase_add_test(c, test_extensions);
	tcase_add_test(c, test_fragments_v6);
	tcase_add_test(c, test_icmp_error);
	tcase_add_test(c, test_icmp_error_v6);
	tcase_add_test(c, test_build_udp);
	tcase_add_test(c, test_checksum);
}

int main(void)
{
	return suite_main("packet", fill);
}
