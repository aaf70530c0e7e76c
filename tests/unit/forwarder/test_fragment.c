/* Later fragments follow their first; nothing else does; the table stays bounded. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "forwarder/fragment.h"
#include "tests/fixture/ip.h"
#include "tests/fixture/suite.h"

static const struct siphash_key key = {1, 2};
static struct fragments t;
static uint8_t buf[2000];

static void setup(void)
{
	fragments_init(&t, &key);
}

static void teardown(void)
{
	fragments_fini(&t);
}

static struct packet v4(const char *src, uint16_t id, uint16_t fragment, uint8_t proto)
{
	struct ip_spec s = {.family = 4,
			    .src = src,
			    .dst = "198.18.0.1",
			    .id = id,
			    .fragment = fragment};
	struct packet p;
	size_t len;

	if (proto == PROTO_TCP)
		len = ip_tcp(buf, &s, 1000, 80, 1, TCP_ACK, 0, 40);
	else
		len = ip_udp(buf, &s, 1000, 53, 40);
	ck_assert_int_eq(packet_parse(&p, buf, len), 0);
	return p;
}

START_TEST(test_follow)
{
	struct packet first = v4("192.0.2.9", 7, 0x2000, PROTO_UDP);
	struct packet later = v4("192.0.2.9", 7, 0x2005, PROTO_UDP);

	ck_assert(!fragments_follow(&t, 0, &later)); /* the first is not yet there */
	fragments_add(&t, 0, &first);
	ck_assert(fragments_follow(&t, 29 * SEC, &later));
	ck_assert_uint_eq(later.flow.sport, 1000);
	ck_assert_uint_eq(later.flow.dport, 53);
	ck_assert_uint_eq(later.flow.proto, PROTO_UDP);
}
END_TEST

START_TEST(test_strangers)
{
	struct packet first = v4("192.0.2.9", 7, 0x2000, PROTO_UDP), p;

	fragments_add(&t, 0, &first);
	p = v4("192.0.2.9", 8, 5, PROTO_UDP);
	ck_assert(!fragments_follow(&t, 0, &p));
	p = v4("192.0.2.8", 7, 5, PROTO_UDP);
	ck_assert(!fragments_follow(&t, 0, &p));
	p = v4("192.0.2.9", 7, 5, PROTO_TCP);
	ck_assert(!fragments_follow(&t, 0, &p));
	p = v4("192.0.2.9", 7, 5, PROTO_UDP);
	ck_assert(!fragments_follow(&t, 30 * SEC, &p)); /* too late */
	ck_assert(fragments_follow(&t, 0, &p));
}
END_TEST

/* IPv6: an extension header behind the fragment header hides the protocol. */
START_TEST(test_v6)
{
	static uint8_t b[200];
	struct ip_spec s = {.family = 6, .src = "2001:db8::9", .dst = "2001:db8:a::1"};
	struct packet p;
	size_t len;

	s.proto = 44;
	len = ip_header(b, &s, 8 + 8 + 8 + 4);
	memset(b + len, 0, 28);
	b[40] = 60; /* fragment header: destination options follow */
	ip_put16(b + 42, 1);
	ip_put32(b + 44, 99);
	b[48] = 17;
	ip_put16(b + 56, 1000);
	ip_put16(b + 58, 53);
	ip_put16(b + 60, 2000);
	ck_assert_int_eq(packet_parse(&p, b, 68), 0);
	ck_assert_int_eq(p.fragment, FRAGMENT_FIRST);
	fragments_add(&t, 0, &p);
	ip_put16(b + 42, 8 * 3 | 1);
	ck_assert_int_eq(packet_parse(&p, b, 68), 0);
	ck_assert_int_eq(p.fragment, FRAGMENT_LATER);
	ck_assert_uint_eq(p.flow.proto, 60);
	ck_assert(fragments_follow(&t, 0, &p));
	ck_assert_uint_eq(p.flow.proto, PROTO_UDP);
	ck_assert_uint_eq(p.flow.dport, 53);
}
END_TEST

/* A flood of firsts pushes out the oldest; a new one still finds its place. */
START_TEST(test_flood)
{
	struct packet victim = v4("192.0.2.9", 7, 0x2000, PROTO_UDP), p;
	unsigned i;

	fragments_add(&t, 0, &victim);
	for (i = 0; i < 60000; i++) {
		p = victim;
		p.flow.src[0] += 1 + i;
		p.fragment_id = i;
		fragments_add(&t, SEC + (pias_time)i, &p);
	}
	ck_assert(fragments_follow(&t, 2 * SEC, &p));
	ck_assert(!fragments_follow(&t, 2 * SEC, &victim));
	fragments_add(&t, 2 * SEC, &victim);
	ck_assert(fragments_follow(&t, 2 * SEC, &victim));
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_follow);
	tcase_add_test(c, test_strangers);
	tcase_add_test(c, test_v6);
	tcase_add_test(c, test_flood);
}

int main(void)
{
	return suite_main("fragment", fill);
}
