/* Bursts of datagrams over the loopback: order, segments, refusals, addresses. */
#include <check.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/udp.h"
#include "tests/fixture/suite.h"

#define LOOPBACK4                                                                        \
	(struct addr)                                                                    \
	{                                                                                \
		.family = ADDR_V4, .ip = { 127, 0, 0, 1 }                                \
	}

struct got {
	unsigned n;
	size_t bytes, segment_len;
	struct addr from;
	uint8_t first[1024]; /* first byte of each datagram */
};

static struct udp_out *out;
static struct udp_in *in;

static void setup(void)
{
	out = udp_out_new();
	in = udp_in_new();
	ck_assert(out && in);
}

static void teardown(void)
{
	udp_out_free(out);
	udp_in_free(in);
}

static int open_at(struct addr *at, unsigned flags)
{
	int fd = udp_open(at, flags);

	ck_assert_int_ge(fd, 0);
	*at = udp_local(fd);
	ck_assert_uint_ne(at->port, 0);
	return fd;
}

static void on_datagram(void *ctx, const struct udp_datagram *d)
{
	size_t step = d->segment_len ? d->segment_len : d->len, at;
	struct got *g = ctx;

	g->from = d->from;
	g->bytes += d->len;
	if (d->segment_len)
		g->segment_len = d->segment_len;
	for (at = 0; at < d->len; at += step)
		g->first[g->n++] = d->data[at];
}

static void receive(int fd, struct got *g, unsigned want)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	while (g->n < want && poll(&p, 1, 2000) > 0)
		ck_assert_int_ge(udp_in_read(in, fd, on_datagram, g), 0);
	ck_assert_uint_eq(g->n, want);
}

/* More than one batch, on two sockets at once: each keeps its order. */
START_TEST(test_order)
{
	struct addr to = LOOPBACK4, x = LOOPBACK4, y = LOOPBACK4;
	int fd = open_at(&to, 0), one = open_at(&x, UDP_DEAF),
	    two = open_at(&y, UDP_DEAF);
	struct got g = {0};
	uint8_t even = 0, odd = 1, byte;
	unsigned i;

	for (i = 0; i < 200; i++) {
		byte = (uint8_t)i;
		udp_out_add(out, i % 2 ? two : one, &to, &byte, 1, 0);
	}
	udp_out_flush(out);
	ck_assert_uint_eq(out->n_sent, 200);
	receive(fd, &g, 200);
	for (i = 0; i < 200; i++) {
		uint8_t *next = g.first[i] % 2 ? &odd : &even;

		ck_assert_uint_eq(g.first[i], *next);
		*next += 2;
	}
	close(fd);
	close(one);
	close(two);
}
END_TEST

/* A super-datagram arrives as its segments; coalesced where that was asked for. */
START_TEST(test_segments)
{
	static const size_t cases[][2] = {
		{2500, 1000}, {30000, 1000}, {60000, 500}, {1000, 1000}, {999, 1000}};
	size_t len = cases[_i / 2][0], step = cases[_i / 2][1], i;
	struct addr to = LOOPBACK4, x = LOOPBACK4;
	int fd = open_at(&to, _i % 2 ? UDP_COALESCED : 0), from = open_at(&x, 0);
	unsigned want = (unsigned)((len + step - 1) / step);
	static uint8_t data[65536];
	struct got g = {0};

	for (i = 0; i < len; i++)
		data[i] = (uint8_t)(i / step);
	udp_out_add(out, from, &to, data, len, step);
	udp_out_flush(out);
	ck_assert_uint_eq(out->n_sent, want);
	receive(fd, &g, want);
	ck_assert_uint_eq(g.bytes, len);
	ck_assert(addr_eq(&g.from, &x));
	for (i = 0; i < want; i++)
		ck_assert_uint_eq(g.first[i], (uint8_t)i);
	close(fd);
	close(from);
}
END_TEST

/* A super-datagram never overtakes what was added before it. */
START_TEST(test_super_keeps_order)
{
	struct addr to = LOOPBACK4, x = LOOPBACK4;
	int fd = open_at(&to, 0), from = open_at(&x, 0);
	static uint8_t data[20000];
	struct got g = {0};
	uint8_t a = 200, b = 201;

	memset(data, 7, sizeof(data));
	udp_out_add(out, from, &to, &a, 1, 0);
	udp_out_add(out, from, &to, data, sizeof(data), 1000);
	udp_out_add(out, from, &to, &b, 1, 0);
	udp_out_flush(out);
	receive(fd, &g, 22);
	ck_assert_uint_eq(g.first[0], a);
	ck_assert_uint_eq(g.first[1], 7);
	ck_assert_uint_eq(g.first[21], b);
	close(fd);
	close(from);
}
END_TEST

/* What the system does not take is counted, and does not stop the rest. */
START_TEST(test_refused)
{
	struct addr to = LOOPBACK4, bad = LOOPBACK4, x = LOOPBACK4;
	int fd = open_at(&to, 0), from = open_at(&x, 0);
	struct got g = {0};
	uint8_t byte = 1;

	bad.port = 0; /* EINVAL */
	udp_out_add(out, from, &to, &byte, 1, 0);
	udp_out_add(out, from, &bad, &byte, 1, 0);
	udp_out_add(out, from, &to, &byte, 1, 0);
	udp_out_flush(out);
	ck_assert_uint_eq(out->n_sent, 2);
	ck_assert_uint_eq(out->n_failed, 1);
	receive(fd, &g, 2);
	close(fd);
	close(from);
}
END_TEST

START_TEST(test_deaf)
{
	struct addr to = LOOPBACK4, x = LOOPBACK4;
	int deaf = open_at(&to, UDP_DEAF), from = open_at(&x, 0);
	struct pollfd p = {.fd = deaf, .events = POLLIN};
	uint8_t byte = 1;

	udp_out_add(out, from, &to, &byte, 1, 0);
	udp_out_flush(out);
	ck_assert_int_eq(poll(&p, 1, 50), 0);
	close(deaf);
	close(from);
}
END_TEST

START_TEST(test_addresses)
{
	static const char *const text[] = {"192.0.2.1:53", "[2001:db8::1]:80",
					   "10.0.0.1"};
	struct sockaddr_storage sa;
	struct addr a, back;
	unsigned i;

	for (i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		ck_assert_int_eq(addr_parse(text[i], 0, &a), 0);
		ck_assert_uint_gt(udp_sockaddr(&a, &sa), 0);
		back = udp_addr((struct sockaddr *)&sa);
		ck_assert(addr_eq(&a, &back));
	}
	ck_assert_int_eq(addr_parse("[::ffff:192.0.2.1]:53", 0, &a), 0);
	udp_sockaddr(&a, &sa);
	back = udp_addr((struct sockaddr *)&sa);
	ck_assert_int_eq(back.family, ADDR_V4);
	sa.ss_family = AF_UNIX;
	back = udp_addr((struct sockaddr *)&sa);
	ck_assert(addr_is_none(&back));
}
END_TEST

START_TEST(test_address_in_use)
{
	struct addr at = LOOPBACK4;
	int fd = open_at(&at, 0);

	ck_assert_int_lt(udp_open(&at, 0), 0);
	close(fd);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_order);
	tcase_add_loop_test(c, test_segments, 0, 10);
	tcase_add_test(c, test_super_keeps_order);
	tcase_add_test(c, test_refused);
	tcase_add_test(c, test_deaf);
	tcase_add_test(c, test_addresses);
	tcase_add_test(c, test_address_in_use);
}

int main(void)
{
	return suite_main("udp", fill);
}
