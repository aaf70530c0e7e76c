/* Bodies of the messages of ring, lookups and membership, four ways. */
#include <string.h>

#include "overlay/message.h"
#include "tests/fixture/codec.h"
#include "tests/fixture/rng.h"
#include "tests/fixture/suite.h"

#define CODEC(name)                                                                      \
	static void write_##name(struct wr *w, const void *m)                            \
	{                                                                                \
		msg_##name##_write(w, m);                                                \
	}                                                                                \
	static int read_##name(struct rd *r, void *m)                                    \
	{                                                                                \
		return msg_##name##_read(r, m);                                          \
	}

CODEC(ask)
CODEC(list)
CODEC(join_goto)
CODEC(join_no)
CODEC(find)
CODEC(found)
CODEC(routed)

static int read_sync(struct rd *r, void *m)
{
	return msg_sync_read(r, m);
}

/* Elements of a body, read as if they were all of it. */
static void write_member(struct wr *w, const void *m)
{
	msg_member_write(w, m);
}

static int read_member(struct rd *r, void *m)
{
	msg_member_read(r, m);
	return rd_done(r);
}

static void write_event(struct wr *w, const void *m)
{
	msg_event_write(w, m);
}

static int read_event(struct rd *r, void *m)
{
	msg_event_read(r, m);
	return rd_done(r);
}

static void write_entries(struct wr *w, const void *m)
{
	msg_entries_write(w, m);
}

static int read_entries(struct rd *r, void *m)
{
	msg_entries_read(r, m);
	return rd_done(r);
}

#define CHECK(name, m, hex)                                                              \
	codec_check(write_##name, read_##name, m, sizeof(*(m)), hex, strip_len(hex),     \
		    false)

/* How many bytes a hex string has. */
static size_t strip_len(const char *hex)
{
	uint8_t buf[2048];

	return codec_unhex(hex, buf);
}

#define ID1_HEX "11111111 11111111 11111111 11111111 11111111"
#define ID2_HEX "22222222 22222222 22222222 22222222 22222222"
/* 192.0.2.1:7427, no IPv6 */
#define C1_HEX ID1_HEX "04 c0000201 1d03 00"
/* no IPv4, [2001:db8::2]:7427 */
#define C2_HEX ID2_HEX "00 06 20010db8 00000000 00000000 00000002 1d03"
/* a placeholder */
#define C0_HEX ID2_HEX "00 00"

static struct contact c1(void)
{
	struct contact c;

	memset(&c, 0, sizeof(c));
	memset(c.id.b, 0x11, ID_LEN);
	ck_assert_int_eq(addr_parse("192.0.2.1:7427", 0, &c.addr[0]), 0);
	return c;
}

static struct contact c2(void)
{
	struct contact c;

	memset(&c, 0, sizeof(c));
	memset(c.id.b, 0x22, ID_LEN);
	ck_assert_int_eq(addr_parse("[2001:db8::2]:7427", 0, &c.addr[1]), 0);
	return c;
}

START_TEST(test_ask)
{
	struct msg_ask m;

	memset(&m, 0, sizeof(m));
	m.nonce = 0x01020304;
	m.incarnation = 0x1112131415161718ull;
	CHECK(ask, &m, "01020304 1112131415161718");
}
END_TEST

START_TEST(test_list)
{
	struct msg_list m;

	memset(&m, 0, sizeof(m));
	m.nonce = 1;
	m.incarnation = 2;
	m.pred = c1();
	m.n_succ = 2;
	m.succ[0] = c2();
	memset(m.succ[1].id.b, 0x22, ID_LEN);
	CHECK(list, &m, "00000001 0000000000000002" C1_HEX "02" C2_HEX C0_HEX);
	m.n_succ = 0;
	memset(m.succ, 0, sizeof(m.succ));
	CHECK(list, &m, "00000001 0000000000000002" C1_HEX "00");
}
END_TEST

/* More successors than a list has, or a predecessor that cannot be reached. */
START_TEST(test_list_refused)
{
	struct msg_list m;
	uint8_t body[2048];
	struct wr w;
	int i;

	wr_init(&w, body, sizeof(body));
	wr_u32(&w, 1);
	wr_u64(&w, 2);
	m.pred = c1();
	contact_write(&w, &m.pred);
	wr_u8(&w, RING_L + 1);
	for (i = 0; i <= RING_L; i++)
		contact_write(&w, &m.pred);
	ck_assert_int_eq(codec_read_exact(read_list, body, wr_len(&w), &m),
			 PIAS_EMALFORMED);
	i = (int)codec_unhex("00000001 0000000000000002" C0_HEX "00", body);
	ck_assert_int_eq(codec_read_exact(read_list, body, (size_t)i, &m),
			 PIAS_EMALFORMED);
}
END_TEST

START_TEST(test_join_answers)
{
	struct msg_join_goto to;
	struct msg_join_no no;
	uint8_t body[64];
	size_t n;

	memset(&to, 0, sizeof(to));
	to.nonce = 7;
	to.to = c2();
	CHECK(join_goto, &to, "00000007" C2_HEX);
	memset(&no, 0, sizeof(no));
	no.nonce = 7;
	no.why = PIAS_ENOTREADY;
	CHECK(join_no, &no, "00000007 0f");
	n = codec_unhex("00000007" C0_HEX, body);
	ck_assert_int_eq(codec_read_exact(read_join_goto, body, n, &to), PIAS_EMALFORMED);
	n = codec_unhex("00000007 00", body);
	ck_assert_int_eq(codec_read_exact(read_join_no, body, n, &no), PIAS_EMALFORMED);
}
END_TEST

START_TEST(test_lookup)
{
	struct msg_find find;
	struct msg_found found;

	memset(&find, 0, sizeof(find));
	find.nonce = 9;
	find.hops_left = 63;
	memset(find.key.b, 0x22, ID_LEN);
	find.asker = c1();
	CHECK(find, &find, "00000009 3f" ID2_HEX C1_HEX);
	memset(&found, 0, sizeof(found));
	found.nonce = 9;
	found.hops_left = 60;
	found.owner = c2();
	CHECK(found, &found, "00000009 3c" C2_HEX);
}
END_TEST

/* The inner body follows: it is not the codec's business. */
START_TEST(test_routed)
{
	const char *hex = "08 41" ID2_HEX C1_HEX;
	struct msg_routed m;
	uint8_t body[128];
	size_t n;

	memset(&m, 0, sizeof(m));
	m.hops_left = 8;
	m.type = 0x41;
	memset(m.key.b, 0x22, ID_LEN);
	m.origin = c1();
	codec_check(write_routed, read_routed, &m, sizeof(m), hex, strip_len(hex), true);
	/* An envelope never holds a message of the overlay itself. */
	n = codec_unhex("08 1a" ID2_HEX C1_HEX, body);
	ck_assert_int_eq(codec_read_exact(read_routed, body, n, &m), PIAS_EMALFORMED);
}
END_TEST

START_TEST(test_member)
{
	struct msg_event e;

	memset(&e, 0, sizeof(e));
	e.member.contact = c1();
	e.member.incarnation = 5;
	e.member.status = PEER_DEAD;
	memset(e.until.b, 0x22, ID_LEN);
	CHECK(member, &e.member, C1_HEX "0000000000000005 03");
	CHECK(event, &e, C1_HEX "0000000000000005 03" ID2_HEX);
}
END_TEST

/* No status, one too many, an incarnation that could not grow, nowhere to reach it. */
START_TEST(test_member_refused)
{
	static const char *const bad[] = {
		C1_HEX "0000000000000005 00",
		C1_HEX "0000000000000005 05",
		C1_HEX "8000000000000000 01",
		C0_HEX "0000000000000005 01",
	};
	uint8_t body[128];
	size_t n = codec_unhex(bad[_i], body);
	struct member m;

	ck_assert_int_eq(codec_read_exact(read_member, body, n, &m), PIAS_EMALFORMED);
}
END_TEST

START_TEST(test_entries)
{
	struct msg_entries m;
	uint8_t body[64];
	size_t n;

	memset(&m, 0, sizeof(m));
	m.flags = ENTRIES_LAST | ENTRIES_WANT_BACK;
	m.buckets[0] = 1;
	m.buckets[31] = 0x80;
	m.n = 258;
	CHECK(entries, &m,
	      "03 01 000000000000000000000000000000 000000000000000000000000000000 80 "
	      "0102");
	n = codec_unhex("04 00000000000000000000000000000000"
			"00000000000000000000000000000000 0000",
			body);
	ck_assert_int_eq(codec_read_exact(read_entries, body, n, &m), PIAS_EMALFORMED);
}
END_TEST

START_TEST(test_sync)
{
	static struct msg_sync m, back;
	static uint8_t body[MSG_SYNC_LEN + 1];
	struct rng rng = {1};
	struct wr w;
	size_t n;

	rng_fill(&rng, &m, sizeof(m));
	m.digest[1] = 0x0102030405060708ull;
	wr_init(&w, body, sizeof(body));
	msg_sync_write(&w, &m);
	ck_assert_uint_eq(wr_len(&w), MSG_SYNC_LEN);
	ck_assert_uint_eq(be64_get(body + 8), 0x0102030405060708ull);
	for (n = 0; n <= sizeof(body); n++)
		ck_assert((codec_read_exact(read_sync, body, n, &back) == 0) ==
			  (n == MSG_SYNC_LEN));
	ck_assert_int_eq(codec_read_exact(read_sync, body, MSG_SYNC_LEN, &back), 0);
	ck_assert_mem_eq(&m, &back, sizeof(m));
}
END_TEST

/* Whatever bytes come: refused, or they write back as they were read. */
START_TEST(test_noise)
{
	static const struct {
		codec_read_fn *read;
		codec_write_fn *write;
	} t[] = {
		{read_list, write_list},     {read_find, write_find},
		{read_found, write_found},   {read_event, write_event},
		{read_member, write_member}, {read_join_goto, write_join_goto},
	};
	struct rng rng = {(uint64_t)_i};
	uint8_t body[512], out[512];
	union {
		struct msg_list list;
		struct msg_event event;
		struct msg_find find;
	} m;
	unsigned k, n_good = 0;

	for (k = 0; k < 200000; k++) {
		size_t n = rng_below(&rng, 80), i;
		struct wr w;

		/* Mostly small bytes: families and counts are often right. */
		for (i = 0; i < n; i++)
			body[i] =
				rng_below(&rng, 4) ? (uint8_t)rng_below(&rng, 2) * 4 : 1;
		if (codec_read_exact(t[_i].read, body, n, &m))
			continue;
		n_good++;
		wr_init(&w, out, sizeof(out));
		t[_i].write(&w, &m);
		ck_assert_uint_eq(wr_len(&w), n);
		ck_assert_mem_eq(out, body, n);
	}
	ck_assert_uint_gt(n_good, 0);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_ask);
	tcase_add_test(c, test_list);
	tcase_add_test(c, test_list_refused);
	tcase_add_test(c, test_join_answers);
	tcase_add_test(c, test_lookup);
	tcase_add_test(c, test_routed);
	tcase_add_test(c, test_member);
	tcase_add_loop_test(c, test_member_refused, 0, 4);
	tcase_add_test(c, test_entries);
	tcase_add_test(c, test_sync);
	tcase_add_loop_test(c, test_noise, 0, 6);
}

int main(void)
{
	return suite_main("message", fill);
}
