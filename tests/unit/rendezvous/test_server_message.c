/*
 * The bytes of PROTOCOL 6, four ways: golden vectors (made by another implementation,
 * from the text of the protocol) encoded and decoded, every prefix and a one-byte
 * overrun refused on exact-size copies, and every flipped bit of what is marked, tagged
 * or sealed refused.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/base/env.h"
#include "overlay/base/frame.h"
#include "rendezvous/server_message.h"

static const uint8_t hello_head[] = {
	0xa0, 0x01, 0x25, 0x88, 0x6a, 0x0f, 0x76, 0xb6, 0x11, 0x03, 0x2a, 0xa1, 0xdf,
	0xca, 0xb5, 0x1e, 0xa8, 0x65, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
};

static const uint8_t cookie[] = {
	0xa1, 0x01, 0xd2, 0xbc, 0x1e, 0x53, 0x46, 0xaf, 0x2f, 0x9b, 0xcf, 0xa5, 0x3c,
	0x41, 0x27, 0x61, 0xcb, 0x54, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
	0x04, 0x0a, 0x00, 0x00, 0x01, 0x9c, 0x40, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05,
	0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x11, 0x11, 0x11,
	0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11,
	0x11, 0x11, 0x11, 0x11, 0x04, 0xc0, 0x00, 0x02, 0x01, 0x1d, 0x03, 0x00,
};

static const uint8_t join_frame[] = {
	0x00, 0x6a, 0xa2, 0x00, 0x01, 0x01, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06,
	0x07, 0x08, 0x04, 0x0a, 0x00, 0x00, 0x01, 0x9c, 0x40, 0x00, 0x01, 0x02,
	0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e,
	0x0f, 0x04, 0x11, 0x00, 0x35, 0xc6, 0x12, 0x00, 0x01, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x01, 0x04,
	0x0a, 0x00, 0x00, 0x01, 0x17, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0xc0,
	0x0c, 0x1e, 0x05, 0xdc, 0xc3, 0x50, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x63, 0x00, 0x00, 0x75, 0x30, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42,
	0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42,
};

static const uint8_t accept_frame[] = {
	0x00, 0x49, 0xa3, 0x00, 0x04, 0x11, 0x00, 0x35, 0xc6, 0x12, 0x00, 0x01, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x75, 0x30, 0x00, 0x00, 0x27, 0x10, 0x28, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85,
	0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90, 0x91, 0x92,
	0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f,
	0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,
};

static const uint8_t refuse_frame[] = {
	0x00, 0x26, 0xa4, 0x00, 0x04, 0x11, 0x00, 0x35, 0xc6, 0x12, 0x00, 0x01, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x09, 0x01,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x6e, 0x6f, 0x21,
};

static const uint8_t probe[] = {
	0xa5, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x22, 0x22, 0x22,
	0x22, 0x22, 0x22, 0x22, 0x22, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33,
	0x33, 0x04, 0xc0, 0x00, 0x02, 0x01, 0x1d, 0x03, 0x1f, 0xd2, 0x41, 0x7c,
	0x01, 0x62, 0x84, 0x8c, 0xad, 0xfd, 0x09, 0xfb, 0x29, 0x5d, 0xd1, 0xf6,
};

static const uint8_t echo[] = {
	0xa6, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x22, 0x22,
	0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x33, 0x33, 0x33, 0x33, 0x33,
	0x33, 0x33, 0x33, 0xc0, 0xd2, 0xd3, 0x61, 0x61, 0xb3, 0xd6, 0xfb,
	0x3e, 0x13, 0x2d, 0x64, 0xea, 0x65, 0x7e, 0xf8,
};

static const uint8_t lease[] = {
	0xa7, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x07, 0x28, 0x80, 0x81,
	0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d,
	0x8e, 0x8f, 0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
	0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5,
	0xa6, 0xa7, 0x8b, 0xba, 0x43, 0xce, 0x0e, 0x36, 0xaf, 0x7c, 0xc9, 0x0c,
	0xfa, 0xfe, 0xf7, 0x36, 0xab, 0x27, 0xbd, 0x5f, 0x69, 0xb6,
};

static const uint8_t ack[] = {
	0xa8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x07, 0x81, 0x01, 0x02,
	0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x00, 0x9d, 0x34,
	0xc3, 0xdc, 0x86, 0x4a, 0x72, 0xea, 0xda, 0x4b, 0x63, 0x8b, 0xed, 0x15,
	0x71, 0xff, 0x08, 0x24, 0x81, 0x90, 0xab, 0xd2, 0x61, 0xdf, 0x77, 0x05,
	0x7c, 0xa2, 0x12, 0xb5, 0x5c, 0x3f, 0x8d, 0x6a, 0xf3, 0xed, 0x59, 0x70,
	0x1a, 0x97, 0xa0, 0x4f, 0xc1, 0x7e, 0x58, 0xc9, 0x0a, 0x15, 0xaf, 0x70,
	0xf1, 0x94, 0x9b, 0xdf, 0x67, 0x9d, 0xcf, 0x4d, 0x40, 0xea, 0x0e, 0xc1,
	0x93, 0x2b, 0x03, 0xab, 0xe7, 0xce, 0x8e, 0xe4, 0xf6, 0x28, 0x02, 0xd8,
	0x68, 0xf3, 0x72, 0xba, 0xd7, 0x51, 0x19, 0x5e, 0x55, 0x06, 0xc3, 0x7d,
	0xcb, 0x3f, 0x7c, 0x6a, 0xae, 0xb4, 0x84, 0x7d, 0x79, 0x50, 0xa5, 0x7d,
	0xd6, 0xa5, 0x1b, 0xb3, 0x74, 0x1e, 0xeb, 0xb1, 0x03, 0xde, 0xb7, 0x11,
	0x7b, 0x4a, 0xed, 0x8b, 0xa5, 0x29, 0x79, 0x8c, 0x50, 0x28, 0xac, 0x34,
};

static const uint8_t cookie16[SERVER_COOKIE_LEN] = {0, 1, 2,  3,  4,  5,  6,  7,
						    8, 9, 10, 11, 12, 13, 14, 15};
static const uint8_t key[SERVER_KEY_LEN] = {0x42, 0x42, 0x42, 0x42, 0x42, 0x42,
					    0x42, 0x42, 0x42, 0x42, 0x42, 0x42,
					    0x42, 0x42, 0x42, 0x42};

static struct server_mark mark;
static struct server_keys keys;
static struct aead *seal;
static uint8_t ticket[40];

static void setup(void)
{
	unsigned i;

	ck_assert_int_eq(crypto_init(), 0);
	server_mark_init(&mark, "lab");
	server_keys_init(&keys, key);
	seal = aead_new(AEAD_AES128GCM, keys.seal);
	ck_assert_ptr_nonnull(seal);
	for (i = 0; i < sizeof(ticket); i++)
		ticket[i] = (uint8_t)(0x80 + i);
}

static void teardown(void)
{
	aead_free(seal);
}

static struct addr v4(const char *text, uint16_t port)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(text, port, &a), 0);
	return a;
}

static struct group_name group(void)
{
	struct group_name g;

	ck_assert_int_eq(group_name_parse("198.18.0.1:53/udp", &g), 0);
	return g;
}

static struct contact ap(void)
{
	struct contact c = {.addr = {v4("192.0.2.1", 7427)}};

	memset(c.id.b, 0x11, ID_LEN);
	return c;
}

/* One decoder of every message, each on a copy of exactly its size. */
static int decode(unsigned which, const uint8_t *data, size_t len)
{
	struct server_hello h;
	struct server_cookie c;
	struct server_join j;
	struct server_accept a;
	struct server_refuse r;
	struct server_probe p;
	struct server_echo e;
	struct server_lease l;
	struct server_ack k;
	int err = PIAS_EINVALID;

	switch (which) {
	case MSG_SERVER_HELLO:
		return server_hello_decode(&h, data, len, &mark);
	case MSG_SERVER_COOKIE:
		return server_cookie_decode(&c, data, len, &mark);
	case MSG_SERVER_JOIN:
		return server_join_decode(&j, data, len);
	case MSG_SERVER_ACCEPT:
		return server_accept_decode(&a, data, len);
	case MSG_SERVER_REFUSE:
		return server_refuse_decode(&r, data, len);
	case MSG_SERVER_PROBE:
		return server_probe_decode(&p, data, len, keys.probe);
	case MSG_SERVER_ECHO:
		err = server_echo_decode(&e, data, len);
		if (!err && !server_echo_is_authentic(&e, keys.probe))
			err = PIAS_EAUTH;
		return err;
	case MSG_SERVER_LEASE:
		err = server_lease_decode(&l, data, len);
		return err ? err : server_lease_open(&l, seal);
	case MSG_SERVER_ACK:
		err = server_ack_decode(&k, data, len);
		return err ? err : server_ack_open(&k, seal);
	default:
		return err;
	}
}

static int decode_copy(unsigned which, const uint8_t *data, size_t len)
{
	uint8_t *copy = calloc(1, len ? len : 1);
	int err;

	if (len)
		memcpy(copy, data, len);
	err = decode(which, copy, len);
	free(copy);
	return err;
}

static uint8_t hello[SERVER_HELLO_LEN];

/* Every message as its decoder gets it: frames without their header. */
static const struct {
	uint8_t type;
	const uint8_t *data;
	size_t len;
	bool is_protected; /* by mark, tag or seal */
} message[] = {
	{MSG_SERVER_HELLO, hello, sizeof(hello), true},
	{MSG_SERVER_COOKIE, cookie, sizeof(cookie), true},
	{MSG_SERVER_JOIN, join_frame + 4, sizeof(join_frame) - 4, false},
	{MSG_SERVER_ACCEPT, accept_frame + 4, sizeof(accept_frame) - 4, false},
	{MSG_SERVER_REFUSE, refuse_frame + 4, sizeof(refuse_frame) - 4, false},
	{MSG_SERVER_PROBE, probe, sizeof(probe), true},
	{MSG_SERVER_ECHO, echo, sizeof(echo), true},
	{MSG_SERVER_LEASE, lease, sizeof(lease), true},
	{MSG_SERVER_ACK, ack, sizeof(ack), true},
};

#define N_MESSAGES ((int)(sizeof(message) / sizeof(*message)))

static void fill_hello(void)
{
	memcpy(hello, hello_head, sizeof(hello_head));
}

START_TEST(test_cut_and_overrun)
{
	uint8_t longer[SERVER_HELLO_LEN + 1] = {0};
	size_t len;

	fill_hello();
	ck_assert_int_eq(decode_copy(message[_i].type, message[_i].data, message[_i].len),
			 0);
	for (len = 0; len < message[_i].len; len++)
		ck_assert_int_ne(decode_copy(message[_i].type, message[_i].data, len), 0);
	memcpy(longer, message[_i].data, message[_i].len);
	ck_assert_int_ne(decode_copy(message[_i].type, longer, message[_i].len + 1), 0);
}
END_TEST

START_TEST(test_every_bit_counts)
{
	uint8_t copy[SERVER_HELLO_LEN];
	size_t bit;

	fill_hello();
	if (!message[_i].is_protected)
		return;
	memcpy(copy, message[_i].data, message[_i].len);
	for (bit = 0; bit < 8 * message[_i].len; bit++) {
		copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_ne(decode_copy(message[_i].type, copy, message[_i].len), 0);
		copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}
END_TEST

START_TEST(test_hello)
{
	struct server_hello h = {.nonce = 0x0102030405060708}, got;
	struct server_mark other;
	uint8_t out[SERVER_HELLO_LEN];

	fill_hello();
	ck_assert_uint_eq(server_hello_encode(out, &h, &mark), SERVER_HELLO_LEN);
	ck_assert_mem_eq(out, hello, sizeof(hello));
	ck_assert_int_eq(server_hello_decode(&got, hello, sizeof(hello), &mark), 0);
	ck_assert_uint_eq(got.nonce, h.nonce);
	server_mark_init(&other, "lab2");
	ck_assert_int_eq(server_hello_decode(&got, hello, sizeof(hello), &other),
			 PIAS_EAUTH);
}
END_TEST

START_TEST(test_cookie)
{
	struct server_cookie c = {.nonce = 0x0102030405060708}, got;
	uint8_t out[SERVER_COOKIE_MAX];

	c.seen = v4("10.0.0.1", 40000);
	memcpy(c.cookie, cookie16, sizeof(cookie16));
	c.ap = ap();
	ck_assert_uint_eq(server_cookie_encode(out, &c, &mark), sizeof(cookie));
	ck_assert_mem_eq(out, cookie, sizeof(cookie));
	ck_assert_int_eq(server_cookie_decode(&got, cookie, sizeof(cookie), &mark), 0);
	ck_assert_uint_eq(got.nonce, c.nonce);
	ck_assert(addr_eq(&got.seen, &c.seen));
	ck_assert_mem_eq(got.cookie, cookie16, sizeof(cookie16));
	ck_assert(id_eq(&got.ap.id, &c.ap.id));
	ck_assert(addr_eq(&got.ap.addr[0], &c.ap.addr[0]));
}
END_TEST

/* No COOKIE is longer than the HELLO that asked for it. */
START_TEST(test_no_amplification)
{
	struct server_cookie c = {.nonce = 1};
	uint8_t out[SERVER_COOKIE_MAX];
	size_t len;

	c.seen = v4("2001:db8::1", 65535);
	c.ap.addr[0] = v4("192.0.2.1", 65535);
	c.ap.addr[1] = v4("2001:db8::2", 65535);
	len = server_cookie_encode(out, &c, &mark);
	ck_assert_uint_eq(len, SERVER_COOKIE_MAX);
	ck_assert_uint_le(len, SERVER_HELLO_LEN);
}
END_TEST

static struct server_join a_join(void)
{
	struct server_join j = {
		.nonce = 0x0102030405060708,
		.create = true,
		.policy = POLICY_NEAREST,
		.encap = ENCAP_GUE,
		.gue_cookie = 0xc00c1e,
		.mtu = 1500,
		.probe_port = 50000,
		.seq = 99,
		.lease_ms = 30000,
	};

	j.seen = v4("10.0.0.1", 40000);
	j.group = group();
	j.unicast = v4("10.0.0.1", 6080);
	memcpy(j.cookie, cookie16, sizeof(j.cookie));
	memcpy(j.key, key, sizeof(j.key));
	return j;
}

START_TEST(test_join)
{
	struct server_join j = a_join(), got;
	uint8_t out[SERVER_FRAME_MAX];

	ck_assert_uint_eq(server_join_encode(out, &j), sizeof(join_frame));
	ck_assert_mem_eq(out, join_frame, sizeof(join_frame));
	ck_assert_int_eq(server_join_decode(&got, join_frame + 4, sizeof(join_frame) - 4),
			 0);
	ck_assert_uint_eq(got.nonce, j.nonce);
	ck_assert(addr_eq(&got.seen, &j.seen));
	ck_assert_mem_eq(got.cookie, j.cookie, sizeof(j.cookie));
	ck_assert(group_name_eq(&got.group, &j.group));
	ck_assert(got.create);
	ck_assert_uint_eq(got.policy, j.policy);
	ck_assert_uint_eq(got.encap, j.encap);
	ck_assert(addr_eq(&got.unicast, &j.unicast));
	ck_assert_uint_eq(got.gue_cookie, j.gue_cookie);
	ck_assert_uint_eq(got.mtu, j.mtu);
	ck_assert_uint_eq(got.probe_port, j.probe_port);
	ck_assert_uint_eq(got.seq, j.seq);
	ck_assert_uint_eq(got.lease_ms, j.lease_ms);
	ck_assert_mem_eq(got.key, j.key, sizeof(j.key));
	ck_assert_uint_eq(got.not_understood, 0);
}
END_TEST

/* Optional characteristics are skipped, mandatory ones reported, torn ones refused. */
START_TEST(test_join_characteristics)
{
	static const struct {
		uint8_t tail[8];
		uint8_t len, not_understood;
		int err;
	} t[] = {
		{{0x01, 0}, 2, 0, 0},
		{{0x01, 2, 9, 9, 0x7f, 1, 0}, 7, 0, 0},
		{{0x01, 1, 0, 0x85, 1, 0, 0x86, 0}, 8, 0x85, 0},
		{{0x85, 0}, 2, 0x85, 0},
		{{0x01, 3, 9, 9}, 4, 0, PIAS_EMALFORMED},
		{{0x01}, 1, 0, PIAS_EMALFORMED},
	};
	uint8_t body[sizeof(join_frame) + 8];
	size_t len = sizeof(join_frame) - 4;
	struct server_join got;

	memcpy(body, join_frame + 4, len);
	memcpy(body + len, t[_i].tail, t[_i].len);
	ck_assert_int_eq(server_join_decode(&got, body, len + t[_i].len), t[_i].err);
	if (!t[_i].err)
		ck_assert_uint_eq(got.not_understood, t[_i].not_understood);
}
END_TEST

START_TEST(test_join_refused)
{
	uint8_t body[sizeof(join_frame) - 4];
	struct server_join got;

	memcpy(body, join_frame + 4, sizeof(body));
	body[0] = 2;
	ck_assert_int_eq(server_join_decode(&got, body, sizeof(body)), PIAS_EVERSION);
	body[0] = 1;
	body[1] = 3; /* a flag that does not exist */
	ck_assert_int_eq(server_join_decode(&got, body, sizeof(body)), PIAS_EMALFORMED);
}
END_TEST

START_TEST(test_accept)
{
	struct server_accept a = {.lease_ms = 30000, .refresh_ms = 10000}, got;
	uint8_t out[SERVER_FRAME_MAX], body[sizeof(accept_frame) - 4];

	a.group = group();
	a.ticket_len = sizeof(ticket);
	memcpy(a.ticket, ticket, sizeof(ticket));
	ck_assert_uint_eq(server_accept_encode(out, &a), sizeof(accept_frame));
	ck_assert_mem_eq(out, accept_frame, sizeof(accept_frame));
	memcpy(body, accept_frame + 4, sizeof(body));
	ck_assert_int_eq(server_accept_decode(&got, body, sizeof(body)), 0);
	ck_assert(group_name_eq(&got.group, &a.group));
	ck_assert_uint_eq(got.lease_ms, 30000);
	ck_assert_uint_eq(got.refresh_ms, 10000);
	ck_assert_uint_eq(got.ticket_len, sizeof(ticket));
	ck_assert_mem_eq(got.ticket, ticket, sizeof(ticket));
	/* A lease of nothing, or refreshed never, is none. */
	memset(body + GROUP_NAME_LEN, 0, 4);
	ck_assert_int_eq(server_accept_decode(&got, body, sizeof(body)), PIAS_EMALFORMED);
}
END_TEST

START_TEST(test_refuse)
{
	struct server_refuse r = {.err = PIAS_EDENIED, .is_final = true}, got;
	uint8_t out[SERVER_FRAME_MAX], body[sizeof(refuse_frame) - 4];

	r.group = group();
	strcpy(r.text, "no!");
	ck_assert_uint_eq(server_refuse_encode(out, &r), sizeof(refuse_frame));
	ck_assert_mem_eq(out, refuse_frame, sizeof(refuse_frame));
	memcpy(body, refuse_frame + 4, sizeof(body));
	ck_assert_int_eq(server_refuse_decode(&got, body, sizeof(body)), 0);
	ck_assert_int_eq(got.err, PIAS_EDENIED);
	ck_assert(got.is_final);
	ck_assert_str_eq(got.text, "no!");
	/* It ends on a terminal: nothing may move the cursor. */
	body[sizeof(body) - 2] = '\033';
	ck_assert_int_eq(server_refuse_decode(&got, body, sizeof(body)), 0);
	ck_assert_str_eq(got.text, "n?!");
	body[GROUP_NAME_LEN] = 0; /* refused for no reason */
	ck_assert_int_eq(server_refuse_decode(&got, body, sizeof(body)), PIAS_EMALFORMED);
}
END_TEST

START_TEST(test_probe_and_echo)
{
	struct server_probe p = {.session = 0x1111111111111111,
				 .stamp = 0x2222222222222222,
				 .token = 0x3333333333333333},
			    got;
	struct server_echo e = {p.session, p.stamp, p.token, NULL}, got_echo;
	uint8_t out[SERVER_PROBE_MAX];

	p.reply = v4("192.0.2.1", 7427);
	ck_assert_uint_eq(server_probe_encode(out, &p, keys.probe), sizeof(probe));
	ck_assert_mem_eq(out, probe, sizeof(probe));
	ck_assert_int_eq(server_probe_decode(&got, probe, sizeof(probe), keys.probe), 0);
	ck_assert_uint_eq(got.session, p.session);
	ck_assert_uint_eq(got.stamp, p.stamp);
	ck_assert_uint_eq(got.token, p.token);
	ck_assert(addr_eq(&got.reply, &p.reply));
	ck_assert_uint_eq(server_echo_encode(out, &e, keys.probe), sizeof(echo));
	ck_assert_mem_eq(out, echo, sizeof(echo));
	ck_assert_int_eq(server_echo_decode(&got_echo, echo, sizeof(echo)), 0);
	ck_assert(server_echo_is_authentic(&got_echo, keys.probe));
	ck_assert(!server_echo_is_authentic(&got_echo, keys.seal));
	ck_assert_uint_eq(got_echo.session, p.session);
	ck_assert_uint_eq(got_echo.stamp, p.stamp);
	ck_assert_uint_eq(got_echo.token, p.token);
	ck_assert_uint_lt(sizeof(echo), sizeof(probe));
}
END_TEST

START_TEST(test_lease)
{
	struct server_lease l = {.seq = 7,
				 .ticket = ticket,
				 .ticket_len = sizeof(ticket),
				 .op = SERVER_REFRESH,
				 .here = true},
			    got;
	uint8_t out[SERVER_LEASE_MAX];

	ck_assert_uint_eq(server_lease_encode(out, &l, seal), sizeof(lease));
	ck_assert_mem_eq(out, lease, sizeof(lease));
	ck_assert_int_eq(server_lease_decode(&got, lease, sizeof(lease)), 0);
	ck_assert_uint_eq(got.seq, 7);
	ck_assert_uint_eq(got.ticket_len, sizeof(ticket));
	ck_assert_mem_eq(got.ticket, ticket, sizeof(ticket));
	ck_assert_int_eq(server_lease_open(&got, seal), 0);
	ck_assert_int_eq(got.op, SERVER_REFRESH);
	ck_assert(got.here);
}
END_TEST

START_TEST(test_ack)
{
	const uint8_t nonce[SERVER_NONCE_LEN] = {1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
	struct server_ack a = {.seq = 7,
			       .status = SERVER_ACK_OK,
			       .is_up = true,
			       .lease_ms = 30000,
			       .refresh_ms = 10000},
			  got;
	uint8_t out[SERVER_ACK_MAX];

	memset(a.via.b, 0x22, ID_LEN);
	a.join_ap = ap();
	a.ticket_len = sizeof(ticket);
	memcpy(a.ticket, ticket, sizeof(ticket));
	ck_assert_uint_eq(server_ack_encode(out, &a, nonce, seal), sizeof(ack));
	ck_assert_mem_eq(out, ack, sizeof(ack));
	ck_assert_int_eq(server_ack_decode(&got, ack, sizeof(ack)), 0);
	ck_assert_uint_eq(got.seq, 7);
	ck_assert_int_eq(server_ack_open(&got, seal), 0);
	ck_assert_int_eq(got.status, SERVER_ACK_OK);
	ck_assert(got.is_up);
	ck_assert_uint_eq(got.lease_ms, 30000);
	ck_assert_uint_eq(got.refresh_ms, 10000);
	ck_assert(id_eq(&got.via, &a.via));
	ck_assert(id_eq(&got.join_ap.id, &a.join_ap.id));
	ck_assert_uint_eq(got.ticket_len, sizeof(ticket));
	ck_assert_mem_eq(got.ticket, ticket, sizeof(ticket));
}
END_TEST

/* What one direction sealed is nothing in the other. */
START_TEST(test_directions_are_apart)
{
	struct server_lease l;
	struct server_ack a;
	uint8_t copy[sizeof(ack)];

	memcpy(copy, lease, sizeof(lease));
	copy[0] = MSG_SERVER_ACK;
	if (!server_ack_decode(&a, copy, sizeof(lease)))
		ck_assert_int_eq(server_ack_open(&a, seal), PIAS_EAUTH);
	memcpy(copy, ack, sizeof(ack));
	copy[0] = MSG_SERVER_LEASE;
	if (!server_lease_decode(&l, copy, sizeof(ack)))
		ck_assert_int_eq(server_lease_open(&l, seal), PIAS_EAUTH);
	memcpy(copy, probe, sizeof(echo));
	copy[0] = MSG_SERVER_ECHO;
	ck_assert_int_eq(decode(MSG_SERVER_ECHO, copy, sizeof(echo)), PIAS_EAUTH);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("server_message");
	TCase *c = tcase_create("server_message");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, test_cut_and_overrun, 0, N_MESSAGES);
	tcase_add_loop_test(c, test_every_bit_counts, 0, N_MESSAGES);
	tcase_add_test(c, test_hello);
	tcase_add_test(c, test_cookie);
	tcase_add_test(c, test_no_amplification);
	tcase_add_test(c, test_join);
	tcase_add_loop_test(c, test_join_characteristics, 0, 6);
	tcase_add_test(c, test_join_refused);
	tcase_add_test(c, test_accept);
	tcase_add_test(c, test_refuse);
	tcase_add_test(c, test_probe_and_echo);
	tcase_add_test(c, test_lease);
	tcase_add_test(c, test_ack);
	tcase_add_test(c, test_directions_are_apart);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
