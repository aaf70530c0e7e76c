/* Tickets: sealed and opened by any AP of the ring, by nobody else, unchanged. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "rendezvous/ticket.h"

static const uint8_t golden[] = {
	0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c,
	0xcb, 0x76, 0xb1, 0xb1, 0x61, 0xed, 0xe3, 0x40, 0x72, 0x72, 0xd9, 0xe0,
	0xe7, 0x2e, 0x59, 0x5a, 0xaf, 0x66, 0x79, 0x2b, 0xa0, 0x9c, 0xbf, 0xa9,
	0x9e, 0x28, 0x2a, 0x05, 0x80, 0xdb, 0x37, 0xb1, 0x55, 0x82, 0xb5, 0xf1,
	0xa3, 0xd1, 0xaf, 0x1d, 0x03, 0xe0, 0x07, 0x2c, 0x81, 0x16, 0x51, 0x97,
	0x75, 0x67, 0x44, 0x92, 0x76, 0x4d, 0xe7, 0x41, 0xe9, 0x55, 0x94, 0xe1,
	0x4c, 0x33, 0x3e, 0x82, 0x26, 0xe7, 0x73, 0xa8, 0x91, 0xf3, 0xcf, 0x4b,
	0x25, 0xb7, 0x32, 0xde, 0x18, 0xd9, 0x29, 0x23, 0x49, 0x4d, 0x6d, 0xed,
	0x10, 0x95, 0xb4, 0xcc, 0xbe, 0xf2, 0x52, 0x8f, 0x00, 0xde, 0x2f, 0x18,
	0x04, 0xc6, 0xa0, 0xac, 0x42, 0x52, 0xea, 0x53, 0xdc, 0x47, 0x36, 0x5c,
	0xe5, 0x3f, 0xb3, 0x5a, 0xc1, 0xb3, 0xd6, 0xf4, 0x83, 0xed, 0x36, 0x5c,
	0xb8, 0x2e, 0xbd, 0xbc, 0x21, 0x4c, 0xa0, 0x55, 0x76, 0x39, 0x82, 0xe9,
};

static uint8_t next_random;

static void count_up(void *host, void *buf, size_t len)
{
	uint8_t *p = buf;

	while (len--)
		*p++ = ++next_random;
}

static const struct env_ops ops = {.random = count_up};

static struct aead *sealer(uint8_t ring_key_byte)
{
	uint8_t ring_key[HASH_LEN];
	struct aead *a;

	ck_assert_int_eq(crypto_init(), 0);
	memset(ring_key, ring_key_byte, sizeof(ring_key));
	a = ticket_sealer_new(AEAD_AES128GCM, ring_key);
	ck_assert_ptr_nonnull(a);
	return a;
}

static struct ticket a_ticket(void)
{
	struct ticket t = {.who = {.gue_cookie = 0xc00c1e,
				   .lease_ms = 30000,
				   .mtu = 1500,
				   .probe_port = 50000,
				   .encap = ENCAP_GUE,
				   .policy = POLICY_NEAREST,
				   .name = "team0"}};

	ck_assert_int_eq(group_name_parse("198.18.0.1:53/udp", &t.who.group), 0);
	ck_assert_int_eq(addr_parse("10.0.0.1", 6080, &t.who.unicast), 0);
	ck_assert_int_eq(addr_parse("192.0.2.1", 7427, &t.join_ap.addr[0]), 0);
	memset(t.who.server.b, 0xa0, ID_LEN);
	memset(t.join_ap.id.b, 0x11, ID_LEN);
	memset(t.who.key, 0x42, sizeof(t.who.key));
	return t;
}

static void assert_same(const struct ticket *a, const struct ticket *b)
{
	ck_assert(group_name_eq(&a->who.group, &b->who.group));
	ck_assert(id_eq(&a->who.server, &b->who.server));
	ck_assert_str_eq(a->who.name, b->who.name);
	ck_assert(addr_eq(&a->who.unicast, &b->who.unicast));
	ck_assert_uint_eq(a->who.gue_cookie, b->who.gue_cookie);
	ck_assert_uint_eq(a->who.lease_ms, b->who.lease_ms);
	ck_assert_uint_eq(a->who.mtu, b->who.mtu);
	ck_assert_uint_eq(a->who.probe_port, b->who.probe_port);
	ck_assert_uint_eq(a->who.encap, b->who.encap);
	ck_assert_uint_eq(a->who.policy, b->who.policy);
	ck_assert_mem_eq(a->who.key, b->who.key, SERVER_KEY_LEN);
	ck_assert(id_eq(&a->join_ap.id, &b->join_ap.id));
	ck_assert(addr_eq(&a->join_ap.addr[0], &b->join_ap.addr[0]));
	ck_assert(addr_eq(&a->join_ap.addr[1], &b->join_ap.addr[1]));
}

START_TEST(test_golden)
{
	struct ticket t = a_ticket(), got;
	struct aead *a = sealer(0x77);
	uint8_t out[SERVER_TICKET_MAX];
	struct env env;

	env_init(&env, &ops, NULL);
	next_random = 0;
	ck_assert_uint_eq(ticket_seal(out, &t, a, &env), sizeof(golden));
	ck_assert_mem_eq(out, golden, sizeof(golden));
	ck_assert_int_eq(ticket_open(&got, golden, sizeof(golden), a), 0);
	assert_same(&got, &t);
	aead_free(a);
}
END_TEST

/* The longest name, two IPv6 addresses: it still fits, with every byte in use. */
START_TEST(test_longest)
{
	struct ticket t = a_ticket(), got;
	struct aead *a = sealer(0x77);
	uint8_t out[SERVER_TICKET_MAX];
	struct env env;
	size_t len;

	env_init(&env, &ops, NULL);
	memset(t.who.name, 'x', SERVER_NAME_MAX);
	ck_assert_int_eq(addr_parse("2001:db8::1", 6080, &t.who.unicast), 0);
	ck_assert_int_eq(addr_parse("2001:db8::2", 7427, &t.join_ap.addr[1]), 0);
	len = ticket_seal(out, &t, a, &env);
	ck_assert_uint_gt(len, sizeof(golden));
	ck_assert_uint_le(len, SERVER_TICKET_MAX);
	ck_assert_int_eq(ticket_open(&got, out, len, a), 0);
	assert_same(&got, &t);
	aead_free(a);
}
END_TEST

START_TEST(test_refused)
{
	struct aead *a = sealer(0x77), *other = sealer(0x78);
	uint8_t longer[sizeof(golden) + 1] = {0}, *copy;
	struct ticket got;
	size_t len, bit;

	for (len = 0; len < sizeof(golden); len++) {
		copy = calloc(1, len ? len : 1);
		memcpy(copy, golden, len);
		ck_assert_int_ne(ticket_open(&got, copy, len, a), 0);
		free(copy);
	}
	memcpy(longer, golden, sizeof(golden));
	ck_assert_int_ne(ticket_open(&got, longer, sizeof(longer), a), 0);
	for (bit = 0; bit < 8 * sizeof(golden); bit++) {
		longer[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_eq(ticket_open(&got, longer, sizeof(golden), a),
				 PIAS_EAUTH);
		longer[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	ck_assert_int_eq(ticket_open(&got, golden, sizeof(golden), other), PIAS_EAUTH);
	aead_free(a);
	aead_free(other);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ticket");
	TCase *c = tcase_create("ticket");
	SRunner *r;
	int failed;

	tcase_add_test(c, test_golden);
	tcase_add_test(c, test_longest);
	tcase_add_test(c, test_refused);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
