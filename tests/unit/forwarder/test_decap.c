/* What a server lets in through its tunnel, and what not. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "forwarder/checksum.h"
#include "forwarder/decap.h"
#include "forwarder/encap.h"

#define COOKIE	   0x1122334455667788u
#define PROBE_PORT 40001

static struct decap_config config(void)
{
	static const char *const name[] = {"198.18.0.1:53/udp", "[2001:db8:a::1]:80/tcp",
					   "198.18.0.9"};
	struct decap_config c = {.cookie = COOKIE};
	unsigned i;

	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(group_name_parse(name[i], &c.group[i]), 0);
		c.probe_port[i] = (uint16_t)(PROBE_PORT + i);
	}
	c.n_groups = 3;
	ck_assert_int_eq(addr_parse("192.0.2.7", 0, &c.unicast), 0);
	return c;
}

static size_t udp(uint8_t *out, const char *from, const char *to)
{
	struct addr a, b;

	ck_assert_int_eq(addr_parse(from, 1234, &a), 0);
	ck_assert_int_eq(addr_parse(to, 0, &b), 0);
	return packet_build_udp(out, &a, &b, 1, "question", 8);
}

/* A TCP or other segment: header by hand, checksum nobody looks at here. */
static size_t other(uint8_t *out, const char *from, const char *to, uint8_t proto)
{
	struct addr a, b;
	size_t n;

	ck_assert_int_eq(addr_parse(from, 1234, &a), 0);
	ck_assert_int_eq(addr_parse(to, 0, &b), 0);
	n = packet_build_ip(out, &a, &b, proto, 1, 20);
	memset(out + n, 0, 20);
	be16_put(out + n, a.port);
	be16_put(out + n + 2, b.port);
	if (proto == PROTO_TCP)
		out[n + 12] = 0x50;
	else
		out[n] = proto == IPPROTO_NUM_ICMP ? 8 : 128; /* echo request */
	return n + 20;
}

static const struct {
	const char *from, *to;
	uint8_t proto;
	enum decap_verdict verdict;
} cases[] = {
	{"203.0.113.5", "198.18.0.1:53", PROTO_UDP, DECAP_OK},
	{"203.0.113.5", "198.18.0.1:54", PROTO_UDP, DECAP_GROUP},
	{"203.0.113.5", "198.18.0.1:53", PROTO_TCP, DECAP_GROUP},
	{"203.0.113.5", "198.18.0.2:53", PROTO_UDP, DECAP_GROUP},
	{"203.0.113.5", "192.0.2.7:22", PROTO_TCP, DECAP_GROUP},
	{"192.0.2.1", "198.18.0.1:40001", PROTO_UDP, DECAP_OK},
	{"192.0.2.1", "198.18.0.1:40002", PROTO_UDP, DECAP_GROUP},
	{"203.0.113.5", "198.18.0.1", IPPROTO_NUM_ICMP, DECAP_OK},
	{"203.0.113.5", "198.18.0.9:4000", PROTO_TCP, DECAP_OK},
	{"203.0.113.5", "198.18.0.9", 47, DECAP_OK},
	{"203.0.113.5", "198.18.0.1", 47, DECAP_GROUP},
	{"2001:db8:c::1", "[2001:db8:a::1]:80", PROTO_TCP, DECAP_OK},
	{"2001:db8:c::1", "[2001:db8:a::1]:81", PROTO_TCP, DECAP_GROUP},
	{"2001:db8:c::1", "2001:db8:a::1", IPPROTO_NUM_ICMPV6, DECAP_OK},
	{"127.0.0.1", "198.18.0.1:53", PROTO_UDP, DECAP_SOURCE},
	{"224.0.0.1", "198.18.0.1:53", PROTO_UDP, DECAP_SOURCE},
	{"198.18.0.1", "198.18.0.1:53", PROTO_UDP, DECAP_SOURCE},
	{"198.18.0.9", "198.18.0.1:53", PROTO_UDP, DECAP_SOURCE},
	{"192.0.2.7", "198.18.0.1:53", PROTO_UDP, DECAP_SOURCE},
	{"::1", "[2001:db8:a::1]:80", PROTO_TCP, DECAP_SOURCE},
};

static size_t build(uint8_t *out, int i)
{
	if (cases[i].proto == PROTO_UDP)
		return udp(out, cases[i].from, cases[i].to);
	return other(out, cases[i].from, cases[i].to, cases[i].proto);
}

START_TEST(test_verdict)
{
	struct decap_config c = config();
	uint8_t buf[256];
	struct packet p;
	size_t n;

	n = build(buf + ENCAP_GUE_LEN, _i);
	ck_assert_int_eq(
		decap_ipip(&c, buf[ENCAP_GUE_LEN] >> 4, buf + ENCAP_GUE_LEN, n, &p),
		cases[_i].verdict);
	encap_write(buf, ENCAP_GUE, buf[ENCAP_GUE_LEN] >> 4, COOKIE);
	ck_assert_int_eq(decap_gue(&c, buf, n + ENCAP_GUE_LEN, &p), cases[_i].verdict);
	if (cases[_i].verdict == DECAP_OK) {
		ck_assert_ptr_eq(p.data, buf + ENCAP_GUE_LEN);
		ck_assert_uint_eq(p.len, n);
	}
}
END_TEST

START_TEST(test_tunnel)
{
	struct decap_config c = config();
	uint8_t buf[256];
	struct packet p;
	size_t n = udp(buf + ENCAP_GUE_LEN, "203.0.113.5", "198.18.0.1:53");

	encap_write(buf, ENCAP_GUE, 4, COOKIE + 1);
	ck_assert_int_eq(decap_gue(&c, buf, n + ENCAP_GUE_LEN, &p), DECAP_COOKIE);
	encap_write(buf, ENCAP_GUE, 6, COOKIE); /* says IPv6, holds IPv4 */
	ck_assert_int_eq(decap_gue(&c, buf, n + ENCAP_GUE_LEN, &p), DECAP_MALFORMED);
	encap_write(buf, ENCAP_GUE, 4, COOKIE);
	buf[2] ^= 1;
	ck_assert_int_eq(decap_gue(&c, buf, n + ENCAP_GUE_LEN, &p), DECAP_TUNNEL);
}
END_TEST

/* Every prefix on an exact-size heap copy: no verdict but a refusal, no overrun. */
START_TEST(test_prefixes)
{
	struct decap_config c = config();
	uint8_t buf[256], *copy;
	struct packet p;
	size_t n, cut;

	n = ENCAP_GUE_LEN + udp(buf + ENCAP_GUE_LEN, "203.0.113.5", "198.18.0.1:53");
	encap_write(buf, ENCAP_GUE, 4, COOKIE);
	for (cut = 0; cut < n; cut++) {
		copy = malloc(cut ? cut : 1);
		memcpy(copy, buf, cut);
		ck_assert_int_ne(decap_gue(&c, copy, cut, &p), DECAP_OK);
		free(copy);
	}
	ck_assert_int_eq(decap_gue(&c, buf, n, &p), DECAP_OK);
}
END_TEST

static void finish_header(uint8_t *ip)
{
	be16_put(ip + 10, 0);
	checksum_put(ip + 10, checksum_add(0, ip, IPV4_HEADER_LEN));
}

START_TEST(test_fragments)
{
	struct decap_config c = config();
	uint8_t buf[256];
	struct packet p;
	size_t n = udp(buf, "203.0.113.5", "198.18.0.1:53");

	be16_put(buf + 6, 0x2001); /* more fragments, offset 8: no ports here */
	finish_header(buf);
	ck_assert_int_eq(decap_ipip(&c, 4, buf, n, &p), DECAP_OK);
	buf[19] = 2;
	finish_header(buf);
	ck_assert_int_eq(decap_ipip(&c, 4, buf, n, &p), DECAP_GROUP);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("decap");
	TCase *c = tcase_create("decap");
	SRunner *r;
	int failed;

	tcase_add_loop_test(c, test_verdict, 0, sizeof(cases) / sizeof(*cases));
	tcase_add_test(c, test_tunnel);
	tcase_add_test(c, test_prefixes);
	tcase_add_test(c, test_fragments);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
