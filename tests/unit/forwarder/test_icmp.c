/* Packet-too-big: golden bytes of both families, quotes, and the rate limit. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "forwarder/icmp.h"
#include "tests/fixture/ip.h"
#include "tests/fixture/suite.h"

static uint8_t buf[3000], out[ICMP_ROOM];

static struct packet parsed(size_t len)
{
	struct packet p;

	ck_assert_int_eq(packet_parse(&p, buf, len), 0);
	return p;
}

START_TEST(test_v4)
{
	static const uint8_t golden[] = {0x45, 0,    0,	   0x42, 0,    0,    0,
					 0,    0x40, 0x01, 0xf2, 0x9e, 0xc6, 0x12,
					 0,    1,    0xc0, 0x00, 0x02, 0x09, 3,
					 4,    0x7f, 0x88, 0,	 0,    0x05, 0xb4};
	struct ip_spec s = {.family = 4,
			    .src = "192.0.2.9",
			    .dst = "198.18.0.1",
			    .id = 0x1234,
			    .fragment = 0x4000};
	struct packet p = parsed(ip_udp(buf, &s, 1000, 53, 10));
	size_t len = icmp_too_big(out, &p, 1460);

	ck_assert_uint_eq(len, 28 + 38);
	ck_assert(ip_is_intact(out, len));
	ck_assert_mem_eq(out, golden, sizeof(golden));
	ck_assert_mem_eq(out + 28, buf, 38);
	p = parsed(ip_udp(buf, &s, 1000, 53, 1472));
	len = icmp_too_big(out, &p, 1460);
	ck_assert_uint_eq(len, 576);
	ck_assert(ip_is_intact(out, len));
	ck_assert_mem_eq(out + 28, buf, 576 - 28);
}
END_TEST

START_TEST(test_v6)
{
	static const uint8_t head[] = {0x60, 0, 0, 0, 0x04, 0xd8, 58, 64};
	struct ip_spec s = {.family = 6, .src = "2001:db8::9", .dst = "2001:db8:a::1"};
	struct packet p = parsed(ip_tcp(buf, &s, 1000, 80, 1, TCP_ACK, 0, 1440));
	size_t len = icmp_too_big(out, &p, 1440);

	ck_assert_uint_eq(len, 1280);
	ck_assert(ip_is_intact(out, len));
	ck_assert_mem_eq(out, head, sizeof(head));
	ck_assert_mem_eq(out + 8, buf + 24, 16);
	ck_assert_mem_eq(out + 24, buf + 8, 16);
	ck_assert_uint_eq(out[40], 2);
	ck_assert_uint_eq(out[41], 0);
	ck_assert_uint_eq(ip_get32(out + 44), 1440);
	ck_assert_mem_eq(out + 48, buf, 1280 - 48);
	icmp_too_big(out, &p, 100); /* below what IPv6 allows */
	ck_assert_uint_eq(ip_get32(out + 44), 1280);
}
END_TEST

START_TEST(test_may_answer)
{
	struct ip_spec s = {.family = 4, .src = "192.0.2.9", .dst = "198.18.0.1"};
	struct ip_spec quoted = {.family = 4, .src = "198.18.0.1", .dst = "192.0.2.9"};
	uint8_t q[28];
	struct packet p = parsed(ip_udp(buf, &s, 1, 2, 3));

	ck_assert(icmp_may_answer(&p));
	p = parsed(ip_icmp(buf, &s, 8, 0, 1, "abc", 3));
	ck_assert(icmp_may_answer(&p));
	ip_udp(q, &quoted, 2, 1, 0);
	p = parsed(ip_icmp(buf, &s, 3, 3, 0, q, sizeof(q)));
	ck_assert(!icmp_may_answer(&p));
	s.fragment = 0x2001;
	p = parsed(ip_udp(buf, &s, 1, 2, 3));
	ck_assert(!icmp_may_answer(&p));
	s.fragment = 0;
	s.src = "224.0.0.5";
	p = parsed(ip_udp(buf, &s, 1, 2, 3));
	ck_assert(!icmp_may_answer(&p));
}
END_TEST

static unsigned take(struct icmp_limit *l, pias_time now, uint32_t client, unsigned n)
{
	struct addr a = {.family = 4};
	unsigned i, got = 0;

	memcpy(a.ip, &client, 4);
	for (i = 0; i < n; i++)
		got += icmp_limit_take(l, now, &a);
	return got;
}

START_TEST(test_limit)
{
	const struct siphash_key key = {1, 2};
	struct icmp_limit l;
	unsigned i, got = 0;

	icmp_limit_init(&l, &key);
	ck_assert_uint_eq(take(&l, 0, 1, 1000), 10);
	ck_assert_uint_eq(take(&l, 99 * MSEC, 1, 1000), 0);
	ck_assert_uint_eq(take(&l, 100 * MSEC, 1, 1000), 1);
	ck_assert_uint_eq(take(&l, 10 * SEC, 1, 1000), 10);
	/* many clients share one limit of the AP */
	for (i = 0; i < 1000; i++)
		got += take(&l, 20 * SEC, 100 + i, 3);
	ck_assert_uint_eq(got, 100);
	ck_assert_uint_eq(take(&l, 20 * SEC + 5 * MSEC, 77777, 10), 5);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_v4);
	tcase_add_test(c, test_v6);
	tcase_add_test(c, test_may_answer);
	tcase_add_test(c, test_limit);
}

int main(void)
{
	return suite_main("icmp", fill);
}
