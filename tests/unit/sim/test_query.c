/* Clients' packets are sound, say what they are, and the journal keeps them apart. */
#include <string.h>

#include "sim/journal.h"
#include "sim/query.h"
#include "tests/fixture/suite.h"

static struct addr address(unsigned family, uint8_t last, uint16_t port)
{
	uint8_t ip4[4] = {198, 18, 0, last};
	uint8_t ip6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = last};

	return family == 4 ? addr_v4(ip4, port) : addr_v6(ip6, port);
}

/* Of every kind, family and size: parsed, read, and built again to the byte. */
START_TEST(test_queries)
{
	unsigned family = _i & 1 ? 6 : 4;
	struct addr from = address(family, 1, 7427), to = address(family, 2, 53);
	uint8_t a[QUERY_LEN_MAX], b[QUERY_LEN_MAX];
	struct query q = {.number = 0x1234, .sender = 7, .group = 3, .port = 4242};
	struct query read;
	struct packet p;
	size_t len;

	q.kind = (uint8_t)(_i >> 1);
	for (q.size = 0; q.size < 1400; q.size = (uint16_t)(q.size + 61))
		for (q.part = 0; q.part < query_parts(&q); q.part++) {
			if (q.kind == QUERY_FRAGMENTS && q.size > 400)
				continue;
			len = query_build(&q, &from, &to, a);
			ck_assert_int_eq(packet_parse(&p, a, len), 0);
			ck_assert_uint_eq(p.len, len);
			ck_assert(addr_host_eq(&p.src, &from));
			ck_assert(addr_host_eq(&p.dst, &to));
			ck_assert_int_eq(p.fragment == FRAGMENT_NONE,
					 q.kind != QUERY_FRAGMENTS);
			ck_assert_int_eq(p.fragment == FRAGMENT_LATER, q.part > 0);
			ck_assert(q.kind != QUERY_UDP || packet_udp_is_intact(&p));
			if (p.fragment != FRAGMENT_LATER && q.kind != QUERY_PING)
				ck_assert_uint_eq(p.flow.dport, 53);
			ck_assert(query_read(&p, &read));
			ck_assert_uint_eq(query_build(&read, &from, &to, b), len);
			ck_assert_mem_eq(a, b, len);
		}
}
END_TEST

/* The parts of a datagram, put together, have one valid checksum. */
START_TEST(test_fragments)
{
	unsigned family = _i ? 6 : 4;
	struct addr from = address(family, 1, 0), to = address(family, 2, 53);
	struct query q = {.number = 9, .kind = QUERY_FRAGMENTS, .size = 100};
	uint8_t whole[5000], part[QUERY_LEN_MAX];
	size_t at = IPV6_HEADER_LEN;
	struct packet p;

	for (q.part = 0; q.part < query_parts(&q); q.part++) {
		size_t len = query_build(&q, &from, &to, part);

		ck_assert_int_eq(packet_parse(&p, part, len), 0);
		ck_assert_uint_eq(p.fragment_id, 9);
		memcpy(whole + at, part + p.l4, len - p.l4);
		at += len - p.l4;
	}
	at -= IPV6_HEADER_LEN;
	memmove(whole + packet_build_ip(whole, &from, &to, PROTO_UDP, 0, at),
		whole + IPV6_HEADER_LEN, at);
	at += family == 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN;
	ck_assert_int_eq(packet_parse(&p, whole, at), 0);
	ck_assert_uint_eq(p.len, at);
	ck_assert(packet_udp_is_intact(&p));
}
END_TEST

START_TEST(test_journal)
{
	struct journal j = {0};
	uint64_t i;

	ck_assert(!journal_has(&j, (const uint8_t *)"x", 1));
	for (i = 0; i < 20000; i++) {
		journal_note(&j, (const uint8_t *)&i, sizeof(i));
		journal_passage(&j, i, i % 3)->entered = (uint16_t)i;
	}
	for (i = 0; i < 40000; i++)
		ck_assert_int_eq(journal_has(&j, (const uint8_t *)&i, sizeof(i)),
				 i < 20000);
	for (i = 0; i < 20000; i++)
		ck_assert_uint_eq(journal_passage(&j, i, i % 3)->entered, i);
	journal_fini(&j);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_loop_test(c, test_queries, 0, 2 * N_QUERY_KINDS);
	tcase_add_loop_test(c, test_fragments, 0, 2);
	tcase_add_test(c, test_journal);
}

int main(void)
{
	return suite_main("query", fill);
}
