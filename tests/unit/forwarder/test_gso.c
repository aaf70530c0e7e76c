/*
 * Cutting super-packets, checked segment by segment against the plain checksum; and
 * merging them again: coalesce(cut(x)) is x.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "forwarder/checksum.h"
#include "forwarder/coalesce.h"
#include "forwarder/gso.h"
#include "tests/fixture/ip.h"
#include "tests/fixture/rng.h"
#include "tests/fixture/suite.h"

static const struct ip_spec v4 = {
	.family = 4, .src = "192.0.2.9", .dst = "198.18.0.1", .id = 0xfffe};
static const struct ip_spec v6 = {
	.family = 6, .src = "2001:db8::9", .dst = "2001:db8:a::1"};

static uint8_t big[70000], cut[70000], out[70000];

/* Collecting what coalesce passes on */

static struct packet_in got[200];
static uint8_t *got_data[200];
static int n_got;

static void collect(void *ctx, const struct packet_in *sp)
{
	ck_assert_int_lt(n_got, 200);
	got_data[n_got] = malloc(sp->len);
	memcpy(got_data[n_got], sp->data, sp->len);
	got[n_got++] = *sp;
}

static void forget(void)
{
	while (n_got)
		free(got_data[--n_got]);
}

/* Leaves only the pseudo-header's sum, as the kernel hands super-packets out. */
static void make_partial(uint8_t *ip, size_t len)
{
	struct packet p;
	uint16_t sum;

	ck_assert_int_eq(packet_parse(&p, ip, len), 0);
	sum = (uint16_t)ip_pseudo(ip, p.proto, len - p.l4);
	ip_put16(ip + p.l4 + (p.proto == 6 ? 16 : 6), sum);
}

static size_t make_super(int kind, size_t len)
{
	size_t n;

	switch (kind) {
	case 0:
		n = ip_tcp(big, &v4, 1000, 80, 0xfffffe00,
			   TCP_ACK | TCP_PSH | TCP_FIN | TCP_CWR, 12, len);
		break;
	case 1:
		n = ip_tcp(big, &v6, 1000, 80, 0xfffffe00, TCP_ACK | TCP_PSH, 12, len);
		break;
	case 2:
		n = ip_udp(big, &v4, 1000, 53, len);
		break;
	default:
		n = ip_udp(big, &v6, 1000, 53, len);
	}
	make_partial(big, n);
	return n;
}

/* Tests */

static void check_tcp(const struct packet *super, const uint8_t *seg, size_t len,
		      unsigned i, unsigned n, unsigned segment_len)
{
	const uint8_t *h = seg + super->l4, *from = super->data + super->l4;
	uint8_t flags = super->tcp_flags;

	if (i)
		flags &= (uint8_t)~TCP_CWR;
	if (i < n - 1)
		flags &= (uint8_t) ~(TCP_PSH | TCP_FIN);
	ck_assert_uint_eq(ip_get32(h + 4), ip_get32(from + 4) + i * segment_len);
	ck_assert_uint_eq(h[13], flags);
	ck_assert_mem_eq(h, from, 4);
	ck_assert_mem_eq(h + 8, from + 8, 5);
	ck_assert_mem_eq(h + 18, from + 18, super->payload - super->l4 - 18u);
	(void)len;
}

static void check_segments(const struct packet *super, struct gso *g,
			   unsigned segment_len)
{
	unsigned i, n = gso_count(g), at = super->payload;
	size_t len;

	ck_assert_uint_eq(n,
			  (super->len - super->payload + segment_len - 1) / segment_len);
	for (i = 0; (len = gso_next(g, cut)) > 0; i++) {
		size_t body = len - super->payload;

		ck_assert_uint_lt(i, n);
		ck_assert(ip_is_intact(cut, len));
		ck_assert_mem_eq(cut + super->payload, super->data + at, body);
		if (i < n - 1)
			ck_assert_uint_eq(len, gso_segment_size(g));
		if (super->family == 4)
			ck_assert_uint_eq(ip_get16(cut + 4), (0xfffe + i) & 0xffff);
		if (super->proto == 6)
			check_tcp(super, cut, len, i, n, segment_len);
		else
			ck_assert_uint_eq(ip_get16(cut + super->l4 + 4), 8 + body);
		at += body;
	}
	ck_assert_uint_eq(i, n);
	ck_assert_uint_eq(at, super->len);
}

START_TEST(test_cut)
{
	static const unsigned sizes[] = {1, 2, 536, 537, 1388, 1448};
	static const size_t lens[] = {1, 1000, 1448, 1449, 2896, 12345, 64000};
	struct packet super;
	struct gso g;
	unsigned i, j;

	for (i = 0; i < 6; i++) {
		for (j = 0; j < 7; j++) {
			size_t len = make_super(_i, lens[j]);

			if (lens[j] / sizes[i] > 2000)
				continue;
			ck_assert_int_eq(packet_parse(&super, big, len), 0);
			ck_assert_int_eq(gso_init(&g, &super, (uint16_t)sizes[i], true),
					 0);
			check_segments(&super, &g, sizes[i]);
		}
	}
}
END_TEST

START_TEST(test_cut_refuses)
{
	struct ip_spec s = v4;
	struct packet p;
	struct gso g;
	size_t len = ip_icmp(big, &v4, 8, 0, 1, "abc", 3);

	ck_assert_int_eq(packet_parse(&p, big, len), 0);
	ck_assert_int_eq(gso_init(&g, &p, 2, false), PIAS_EMALFORMED);
	s.fragment = 0x2000;
	len = ip_udp(big, &s, 1, 2, 100);
	ck_assert_int_eq(packet_parse(&p, big, len), 0);
	ck_assert_int_eq(gso_init(&g, &p, 50, false), PIAS_EMALFORMED);
	len = ip_udp(big, &v4, 1, 2, 100);
	ck_assert_int_eq(packet_parse(&p, big, len), 0);
	ck_assert_int_eq(gso_init(&g, &p, 0, false), PIAS_EMALFORMED);
}
END_TEST

/* A UDP datagram over IPv4 may do without a checksum; its segments then do too. */
START_TEST(test_udp_without_checksum)
{
	struct packet p;
	struct gso g;
	size_t len = ip_udp(big, &v4, 1000, 53, 100);

	ip_put16(big + 26, 0);
	ck_assert_int_eq(packet_parse(&p, big, len), 0);
	ck_assert_int_eq(gso_init(&g, &p, 50, false), 0);
	ck_assert_uint_eq(gso_next(&g, cut), 78);
	ck_assert_uint_eq(ip_get16(cut + 26), 0);
}
END_TEST

static struct coalesce *coalescer(void)
{
	struct coalesce *c = malloc(sizeof(*c));

	coalesce_init(c, collect, NULL);
	return c;
}

static void feed(struct coalesce *c, uint8_t *data, size_t len)
{
	struct packet p;

	ck_assert_int_eq(packet_parse(&p, data, len), 0);
	coalesce_add(c, &p);
}

START_TEST(test_coalesce_of_cut)
{
	static const unsigned sizes[] = {100, 1388, 1448};
	struct coalesce *c = coalescer();
	struct packet super;
	struct gso g;
	unsigned i, n;
	size_t len, seg;

	for (i = 0; i < 3; i++) {
		for (n = 2; n <= 40; n += 13) {
			len = make_super(_i, n * sizes[i] - n);
			ck_assert_int_eq(packet_parse(&super, big, len), 0);
			ck_assert_int_eq(gso_init(&g, &super, (uint16_t)sizes[i], true),
					 0);
			while ((seg = gso_next(&g, out)) > 0)
				feed(c, out, seg);
			coalesce_flush(c);
			ck_assert_int_eq(n_got, 1);
			ck_assert_uint_eq(got[0].len, len);
			ck_assert_mem_eq(got_data[0], big, len);
			ck_assert_uint_eq(got[0].segment_len, sizes[i]);
			ck_assert_uint_eq(got[0].csum_start, super.l4);
			ck_assert_uint_eq(got[0].csum_offset, super.proto == 6 ? 16 : 6);
			forget();
		}
	}
	free(c);
}
END_TEST

/* Two segments where the second has something that forbids merging. */
enum spoiler {
	GAP,
	ACK_NUMBER,
	WINDOW,
	OPTION,
	TTL,
	TOS,
	PORT,
	LONGER,
	ID,
	SYN,
	CHECKSUM,
	FIRST_CHECKSUM,
	CWR,
	FIRST_PUSHED,
	N_SPOILERS
};

static void spoil(enum spoiler s, uint8_t *a, uint8_t *b)
{
	switch (s) {
	case GAP:
		b[27] ^= 1;
		break;
	case ACK_NUMBER:
		b[31] ^= 1;
		break;
	case WINDOW:
		b[35] ^= 1;
		break;
	case OPTION:
		b[41] ^= 1;
		break;
	case TTL:
		b[8]--;
		break;
	case TOS:
		b[1] = 4;
		break;
	case PORT:
		b[21] ^= 1;
		break;
	case ID:
		b[5] ^= 0x10;
		break;
	case SYN:
		b[33] |= TCP_SYN;
		break;
	case CWR:
		b[33] |= TCP_CWR;
		break;
	case FIRST_PUSHED:
		a[33] |= TCP_PSH;
		break;
	default:
		break;
	}
}

static void seal(uint8_t *ip, size_t len)
{
	ip_fix(ip);
	ip_put16(ip + 36, 0);
	ip_put16(ip + 36,
		 ~ip_sum16(ip_pseudo(ip, 6, len - 20), ip + 20, len - 20) & 0xffff);
}

START_TEST(test_coalesce_keeps_apart)
{
	struct coalesce *c = coalescer();
	struct ip_spec s = v4;
	size_t a, b;

	a = ip_tcp(cut, &s, 1000, 80, 5, TCP_ACK, 4, 100);
	s.id++;
	b = ip_tcp(out, &s, 1000, 80, 105, TCP_ACK, 4, _i == LONGER ? 101 : 100);
	spoil((enum spoiler)_i, cut, out);
	seal(cut, a);
	seal(out, b);
	if (_i == CHECKSUM)
		out[b - 1] ^= 1;
	if (_i == FIRST_CHECKSUM)
		cut[a - 1] ^= 1;
	feed(c, cut, a);
	feed(c, out, b);
	coalesce_flush(c);
	ck_assert_int_eq(n_got, 2);
	ck_assert_uint_eq(got[0].segment_len, 0);
	ck_assert_uint_eq(got[1].segment_len, 0);
	ck_assert_mem_eq(got_data[0], cut, a);
	ck_assert_mem_eq(got_data[1], out, b);
	forget();
	free(c);
}
END_TEST

/* Without any spoiler the same two do merge: the test above can fail. */
START_TEST(test_coalesce_pair)
{
	struct coalesce *c = coalescer();
	struct ip_spec s = v4;
	size_t a = ip_tcp(cut, &s, 1000, 80, 5, TCP_ACK, 4, 100), b;

	s.id = _i ? 3 : s.id + 1u; /* with DF the id does not matter */
	if (_i) {
		s.fragment = 0x4000;
		cut[6] = 0x40;
	}
	b = ip_tcp(out, &s, 1000, 80, 105, TCP_ACK | TCP_FIN, 4, 60);
	seal(cut, a);
	feed(c, cut, a);
	feed(c, out, b);
	ck_assert_int_eq(n_got, 1);
	ck_assert_uint_eq(got[0].len, a + 60);
	ck_assert_uint_eq(got[0].segment_len, 100);
	ck_assert_uint_eq(got_data[0][33], TCP_ACK | TCP_FIN);
	forget();
	free(c);
}
END_TEST

/* What cannot be part of a super-packet passes by, in order. */
START_TEST(test_coalesce_passes)
{
	struct coalesce *c = coalescer();
	struct ip_spec s = v4;
	size_t len;

	feed(c, cut, ip_tcp(cut, &v4, 1, 2, 3, TCP_ACK, 0, 10));
	ck_assert_int_eq(n_got, 0); /* held back */
	feed(c, cut, ip_tcp(cut, &v4, 1, 2, 13, TCP_ACK, 0, 0));
	ck_assert_int_eq(n_got, 2); /* a pure acknowledgement */
	feed(c, cut, ip_icmp(cut, &v4, 8, 0, 0, "abc", 3));
	ck_assert_int_eq(n_got, 3);
	len = ip_udp(cut, &v4, 1, 2, 10);
	ip_put16(cut + 26, 0);
	feed(c, cut, len);
	ck_assert_int_eq(n_got, 4); /* UDP without a checksum */
	s.options = 4;
	feed(c, cut, ip_udp(cut, &s, 1, 2, 10));
	ck_assert_int_eq(n_got, 5);
	s.options = 0;
	s.fragment = 0x2000;
	feed(c, cut, ip_udp(cut, &s, 1, 2, 10));
	ck_assert_int_eq(n_got, 6);
	coalesce_flush(c);
	ck_assert_int_eq(n_got, 6);
	forget();
	free(c);
}
END_TEST

/* Never past 64 segments or 65,535 bytes, however long the train. */
START_TEST(test_coalesce_bounds)
{
	struct coalesce *c = coalescer();
	struct ip_spec s = v6;
	unsigned i, len = _i ? 1400 : 10, held = 0;
	size_t bytes = 0;

	for (i = 0; i < 150; i++)
		feed(c, cut, ip_tcp(cut, &s, 1, 2, i * len, TCP_ACK, 0, len));
	coalesce_flush(c);
	ck_assert_int_gt(n_got, 2);
	for (i = 0; i < (unsigned)n_got; i++) {
		unsigned n = (unsigned)(got[i].len - 60) / len;

		ck_assert_uint_le(n, 64);
		ck_assert_uint_le(got[i].len, 65535);
		held += n;
		bytes += got[i].len - 60;
	}
	ck_assert_uint_eq(held, 150);
	ck_assert_uint_eq(bytes, 150 * len);
	forget();
	free(c);
}
END_TEST

/* cut(coalesce(x)) is x */

#define TRAIN 150

static uint8_t train[TRAIN][1500];
static size_t train_len[TRAIN];

/* The next packet of one of a few flows, mostly in sequence, sometimes odd. */
static size_t next_packet(struct rng *r, uint8_t *p)
{
	static struct {
		uint32_t seq;
		uint16_t id;
	} flow[4];
	static const unsigned sizes[] = {100, 100, 100, 100, 100, 60, 0, 700};
	unsigned k = rng_below(r, 4), n = sizes[rng_below(r, 8)];
	struct ip_spec s = k & 1 ? v6 : v4;
	uint8_t flags = TCP_ACK;
	size_t len;

	s.id = flow[k].id++;
	if (!rng_below(r, 10))
		flags |= (uint8_t)(1 << rng_below(r, 8));
	if (k < 2) {
		len = ip_tcp(p, &s, 1000, 80, flow[k].seq, flags, 12, n);
		flow[k].seq += n;
	} else {
		len = ip_udp(p, &s, 1000, 53, n);
	}
	if (!rng_below(r, 20))
		flow[k].seq++; /* a hole */
	if (!rng_below(r, 20)) /* damage, mostly noticed by the checksum */
		p[len - 1 - rng_below(r, 20)] ^= (uint8_t)rng_u64(r);
	return len;
}

static int check_cut(const struct packet_in *in, uint8_t *data, int at)
{
	struct packet p;
	struct gso g;
	size_t len;

	ck_assert_int_eq(packet_parse(&p, data, in->len), 0);
	if (!in->segment_len) {
		ck_assert_uint_eq(in->len, train_len[at]);
		ck_assert_mem_eq(data, train[at], in->len);
		return at + 1;
	}
	ck_assert_int_eq(gso_init(&g, &p, in->segment_len, true), 0);
	for (; (len = gso_next(&g, cut)) > 0; at++) {
		ck_assert_int_lt(at, TRAIN);
		ck_assert_uint_eq(len, train_len[at]);
		ck_assert_mem_eq(cut, train[at], len);
	}
	return at;
}

START_TEST(test_cut_of_coalesce)
{
	struct coalesce *c = coalescer();
	struct rng r = {(uint64_t)_i};
	int i, at, round, supers = 0;
	struct packet p;

	for (round = 0; round < 100; round++) {
		unsigned run = 0;

		for (i = 0; i < TRAIN; i++) {
			/* In a run the dice stand still: the same flow goes on. */
			struct rng copy = {r.s};

			train_len[i] = next_packet(run ? &copy : &r, train[i]);
			run = run ? run - 1 : rng_below(&r, 12);
			if (packet_parse(&p, train[i], train_len[i])) {
				i--; /* the damage hit what parsing needs */
				rng_u64(&r);
				run = 0;
				continue;
			}
			coalesce_add(c, &p);
		}
		coalesce_flush(c);
		for (i = 0, at = 0; i < n_got; i++) {
			supers += got[i].segment_len != 0;
			at = check_cut(&got[i], got_data[i], at);
		}
		ck_assert_int_eq(at, TRAIN);
		forget();
	}
	ck_assert_int_gt(supers, 100);
	free(c);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_loop_test(c, test_cut, 0, 4);
	tcase_add_test(c, test_cut_refuses);
	tcase_add_test(c, test_udp_without_checksum);
	tcase_add_loop_test(c, test_coalesce_of_cut, 0, 4);
	tcase_add_loop_test(c, test_coalesce_keeps_apart, 0, N_SPOILERS);
	tcase_add_loop_test(c, test_coalesce_pair, 0, 2);
	tcase_add_test(c, test_coalesce_passes);
	tcase_add_loop_test(c, test_coalesce_bounds, 0, 2);
	tcase_add_loop_test(c, test_cut_of_coalesce, 0, 3);
}

int main(void)
{
	return suite_main("gso", fill);
}
