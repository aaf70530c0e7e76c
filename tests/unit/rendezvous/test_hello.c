/* Cookies: the same at every AP of a ring, worth nothing elsewhere, and silence. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "rendezvous/hello.h"

static const uint8_t golden_cookie[] = {
	0x73, 0x65, 0x78, 0xc5, 0x7b, 0x11, 0xa2, 0x7e,
	0x68, 0x96, 0x8f, 0x2e, 0x54, 0x36, 0x8b, 0x10,
};

static const struct env_ops ops;
static struct env env;
static struct contact self;
static struct addr from;

static struct hello an_ap(const char *ring, uint8_t ring_key_byte)
{
	uint8_t ring_key[HASH_LEN];
	struct hello h;

	ck_assert_int_eq(crypto_init(), 0);
	memset(ring_key, ring_key_byte, sizeof(ring_key));
	hello_init(&h, ring, ring_key);
	env_init(&env, &ops, NULL);
	ck_assert_int_eq(addr_parse("192.0.2.1", CONTROL_PORT, &self.addr[0]), 0);
	ck_assert_int_eq(addr_parse("10.0.0.1", 40000, &from), 0);
	return h;
}

/* A HELLO of ring "lab" with the golden nonce. */
static size_t ask(const struct hello *h, struct server_cookie *c)
{
	struct server_hello hello = {.nonce = 0x0102030405060708};
	uint8_t data[SERVER_HELLO_LEN], out[SERVER_COOKIE_MAX];
	struct server_mark mark;
	size_t len;

	server_mark_init(&mark, "lab");
	server_hello_encode(data, &hello, &mark);
	len = hello_answer(h, &env, &self, &from, data, sizeof(data), out);
	if (len)
		ck_assert_int_eq(server_cookie_decode(c, out, len, &mark), 0);
	return len;
}

START_TEST(test_answer)
{
	struct hello h = an_ap("lab", 0x77), same = h, other = an_ap("lab", 0x78);
	struct server_cookie c;
	size_t len = ask(&h, &c);

	ck_assert_uint_gt(len, 0);
	ck_assert_uint_le(len, SERVER_HELLO_LEN);
	ck_assert_uint_eq(c.nonce, 0x0102030405060708);
	ck_assert(addr_eq(&c.seen, &from));
	ck_assert(addr_eq(&c.ap.addr[0], &self.addr[0]));
	ck_assert_mem_eq(c.cookie, golden_cookie, sizeof(golden_cookie));
	ck_assert(hello_cookie_is_ours(&same, c.nonce, &c.seen, c.cookie));
	ck_assert(!hello_cookie_is_ours(&other, c.nonce, &c.seen, c.cookie));
	ck_assert(!hello_cookie_is_ours(&h, c.nonce + 1, &c.seen, c.cookie));
	c.seen.port++;
	ck_assert(!hello_cookie_is_ours(&h, c.nonce, &c.seen, c.cookie));
}
END_TEST

START_TEST(test_silence)
{
	struct hello h = an_ap("another", 0x77);
	uint8_t data[SERVER_HELLO_LEN] = {MSG_SERVER_HELLO, SERVER_VERSION};
	uint8_t out[SERVER_COOKIE_MAX];
	struct server_cookie c;

	ck_assert_uint_eq(ask(&h, &c), 0);
	ck_assert_uint_eq(env.counters.v[COUNTER_drop_hello_mark], 1);
	ck_assert_uint_eq(
		hello_answer(&h, &env, &self, &from, data, sizeof(data) - 1, out), 0);
	ck_assert_uint_eq(env.counters.v[COUNTER_drop_server_datagram], 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hello");
	TCase *c = tcase_create("hello");
	SRunner *r;
	int failed;

	tcase_add_test(c, test_answer);
	tcase_add_test(c, test_silence);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
