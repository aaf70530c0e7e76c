/* What a server lets in, and what it does not: cookies, destinations, sources. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "forwarder/decap.h"
#include "forwarder/encap.h"
#include "tests/fixture/ip.h"
#include "tests/fixture/rng.h"
#include "tests/fixture/suite.h"

#define COOKIE 0x0123456789abcdefULL

static struct decap_config config;
static uint8_t buf[2000];

static void add_group(const char *name, uint16_t probe_port)
{
	ck_assert_int_eq(group_name_parse(name, &config.group[config.n_groups]), 0);
	config.probe_port[config.n_groups++] = probe_port;
}

static void setup(void)
{
	memset(&config, 0, sizeof(config));
	config.cookie = COOKIE;
	config.unicast = ip_addr("192.0.2.77");
	add_group("198.18.0.1:53/udp", 40001);
	add_group("[2001:db8:a::1]:80/tcp", 40002);
	add_group("198.18.0.2", 0);
}

static enum decap_verdict open_gue(uint64_t cookie, size_t inner_len, struct packet *out)
{
	uint8_t *copy = malloc(ENCAP_GUE_LEN + inner_len);
	enum decap_verdict v;

	encap_write(copy, ENCAP_GUE, buf[0] >> 4, cookie);
	memcpy(copy + ENCAP_GUE_LEN, buf, inner_len);
	v = decap_gue(&config, copy, ENCAP_GUE_LEN + inner_len, out);
	free(copy);
	return v;
}

START_TEST(test_cookie)
{
	struct ip_spec s = {.family = 4, .src = "192.0.2.9", .dst = "198.18.0.1"};
	size_t len = ip_udp(buf, &s, 1000, 53, 20);
	struct packet p;
	int bit;

	ck_assert_int_eq(open_gue(COOKIE, len, &p), DECAP_OK);
	ck_assert_uint_eq(p.len, len);
	for (bit = 0; bit < 64; bit++)
		ck_assert_int_eq(open_gue(COOKIE ^ 1ULL << bit, len, &p), DECAP_COOKIE);
}
END_TEST

START_TEST(test_truncation)
{
	struct ip_spec s = {.family = 4, .src = "192.0.2.9", .dst = "198.18.0.1"};
	size_t i, len = ip_udp(buf, &s, 1000, 53, 20), all = ENCAP_GUE_LEN + len;
	uint8_t whole[100];
	struct packet p;

	encap_write(whole, ENCAP_GUE, 4, COOKIE);
	memcpy(whole + ENCAP_GUE_LEN, buf, len);
	for (i = 0; i < all; i++) {
		uint8_t *copy = malloc(i ? i : 1);

		memcpy(copy, whole, i);
		ck_assert_int_eq(decap_gue(&config, copy, i, &p),
				 i < ENCAP_GUE_LEN ? DECAP_TUNNEL : DECAP_MALFORMED);
		free(copy);
	}
	ck_assert_int_eq(decap_gue(&config, whole, all, &p), DECAP_OK);
	whole[1] = IPPROTO_NUM_IPV6; /* says IPv6, holds IPv4 */
	ck_assert_int_eq(decap_gue(&config, whole, all, &p), DECAP_MALFORMED);
}
END_TEST

/* kind: 'u'dp, 't'cp, 'e'cho, 'f' later fragment of UDP, 'q' ICMP error about UDP. */
static const struct {
	const char *src, *dst;
	uint16_t port;
	char kind;
	enum decap_verdict want;
} cases[] = {
	{"192.0.2.9", "198.18.0.1", 53, 'u', DECAP_OK},
	{"192.0.2.9", "198.18.0.1", 54, 'u', DECAP_GROUP},
	{"192.0.2.9", "198.18.0.1", 53, 't', DECAP_GROUP},
	{"192.0.2.9", "198.18.0.1", 40001, 'u', DECAP_OK}, /* its probe port */
	{"192.0.2.9", "198.18.0.1", 40001, 't', DECAP_GROUP},
	{"192.0.2.9", "198.18.0.1", 40002, 'u', DECAP_GROUP}, /* the other group's */
	{"192.0.2.9", "198.18.0.1", 0, 'e', DECAP_GROUP},
	{"192.0.2.9", "198.18.0.1", 0, 'f', DECAP_OK},
	{"192.0.2.9", "198.18.0.1", 53, 'q', DECAP_OK},
	{"192.0.2.9", "198.18.0.1", 54, 'q', DECAP_GROUP},
	{"192.0.2.9", "198.18.0.2", 1, 'u', DECAP_OK}, /* the whole address */
	{"192.0.2.9", "198.18.0.2", 2, 't', DECAP_OK},
	{"192.0.2.9", "198.18.0.2", 0, 'e', DECAP_OK},
	{"192.0.2.9", "198.18.0.2", 0, 'u', DECAP_OK}, /* no probe port is not port 0 */
	{"192.0.2.9", "198.18.0.3", 53, 'u', DECAP_GROUP},
	{"192.0.2.9", "192.0.2.77", 53, 'u', DECAP_GROUP}, /* our unicast address */
	{"192.0.2.9", "127.0.0.1", 53, 'u', DECAP_GROUP},
	{"2001:db8::9", "2001:db8:a::1", 80, 't', DECAP_OK},
	{"2001:db8::9", "2001:db8:a::1", 81, 't', DECAP_GROUP},
	{"2001:db8::9", "2001:db8:a::1", 40002, 'u', DECAP_OK},
	{"2001:db8::9", "2001:db8:a::2", 80, 't', DECAP_GROUP},
	{"2001:db8::9", "::1", 80, 't', DECAP_GROUP},
	{"127.0.0.1", "198.18.0.1", 53, 'u', DECAP_SOURCE},
	{"0.0.0.0", "198.18.0.1", 53, 'u', DECAP_SOURCE},
	{"224.0.0.1", "198.18.0.1", 53, 'u', DECAP_SOURCE},
	{"255.255.255.255", "198.18.0.1", 53, 'u', DECAP_SOURCE},
	{"192.0.2.77", "198.18.0.1", 53, 'u', DECAP_SOURCE}, /* ourselves */
	{"198.18.0.2", "198.18.0.1", 53, 'u', DECAP_SOURCE}, /* one of our groups */
	{"::1", "2001:db8:a::1", 80, 't', DECAP_SOURCE},
	{"ff02::1", "2001:db8:a::1", 80, 't', DECAP_SOURCE},
	{"2001:db8:a::1", "2001:db8:a::1", 80, 't', DECAP_SOURCE},
};

static size_t build(int i)
{
	struct ip_spec s = {.family = strchr(cases[i].dst, ':') ? 6 : 4,
			    .src = cases[i].src,
			    .dst = cases[i].dst};
	struct ip_spec quoted = {.family = 4, .src = cases[i].dst, .dst = "203.0.113.5"};
	uint8_t q[28];

	switch (cases[i].kind) {
	case 't':
		return ip_tcp(buf, &s, 1000, cases[i].port, 1, 2, 0, 0);
	case 'e':
		return ip_icmp(buf, &s, 8, 0, 1, "abc", 3);
	case 'f':
		s.fragment = 0x0010;
		return ip_udp(buf, &s, 1000, cases[i].port, 20);
	case 'q':
		ip_udp(q, &quoted, cases[i].port, 1000, 0);
		return ip_icmp(buf, &s, 3, 3, 0, q, sizeof(q));
	default:
		return ip_udp(buf, &s, 1000, cases[i].port, 20);
	}
}

START_TEST(test_inner)
{
	size_t len = build(_i);
	struct packet p;

	ck_assert_int_eq(open_gue(COOKIE, len, &p), cases[_i].want);
	ck_assert_int_eq(decap_ipip(&config, buf[0] >> 4, buf, len, &p), cases[_i].want);
	ck_assert_int_eq(decap_ipip(&config, buf[0] >> 4 ^ 2, buf, len, &p),
			 DECAP_MALFORMED);
}
END_TEST

/* Whatever is let in is for us, from somebody else, and lies within what came. */
START_TEST(test_anything)
{
	struct ip_spec s = {.family = 4, .src = "192.0.2.9", .dst = "198.18.0.1"};
	size_t len = ip_udp(buf, &s, 1000, 53, 20), n;
	struct addr ours = ip_addr("198.18.0.1"), wide = ip_addr("198.18.0.2");
	struct rng r = {1};
	unsigned i, k, let_in = 0;
	struct packet p;
	uint8_t good[100];

	memcpy(good, buf, len);
	for (i = 0; i < 40000; i++) {
		memcpy(buf, good, len);
		for (k = rng_below(&r, 4); k; k--)
			buf[rng_below(&r, (uint32_t)len)] = (uint8_t)rng_u64(&r);
		if (rng_below(&r, 2))
			ip_fix(buf);
		n = rng_below(&r, 8) ? len : rng_below(&r, (uint32_t)len);
		if (open_gue(COOKIE, n, &p) != DECAP_OK)
			continue;
		let_in++;
		ck_assert_uint_le(p.len, n);
		ck_assert_uint_le(p.payload, p.len);
		ck_assert(addr_host_eq(&p.dst, &ours) || addr_host_eq(&p.dst, &wide));
		ck_assert(addr_is_unicast(&p.src));
		ck_assert(!addr_host_eq(&p.src, &config.unicast));
	}
	ck_assert_uint_gt(let_in, 1000);
	ck_assert_uint_lt(let_in, 39000);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, test_cookie);
	tcase_add_test(c, test_truncation);
	tcase_add_test(c, test_anything);
	tcase_add_loop_test(c, test_inner, 0, sizeof(cases) / sizeof(cases[0]));
}

int main(void)
{
	return suite_main("decap", fill);
}
