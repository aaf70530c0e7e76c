/* Every message about groups, four ways; and one field wrong at a time. */
#include "rendezvous/message.h"
#include "tests/fixture/codec.h"
#include "tests/fixture/suite.h"

#define ID1  "0101010101010101010101010101010101010101 "
#define ID2  "0202020202020202020202020202020202020202 "
#define ID3  "0303030303030303030303030303030303030303 "
#define NAME "04 11 0035 c6120001000000000000000000000000 "
#define ADDR "04 c0000201 1d03 00 " /* 192.0.2.1:7427, no IPv6 */
#define COORD                                                                            \
	"3c23d70a 00000000 00000000 00000000 00000000 00000000 00000000 "                \
	"00000000 00000000 3f000000 " /* 0.01, ...; height 0; error 0.5 */
#define MEMBER                                                                           \
	ID1 ID2 ADDR COORD                                                               \
		"04 64656d6f "	    /* "demo" */                                         \
		"04 cb007102 17c0 " /* 203.0.113.2:6080 */                               \
		"00000000c00c1e01 0000000000000007 00000002 00000bb8 05dc 01 01 00007530 "

static struct id fill_id(uint8_t v)
{
	struct id id;

	memset(&id, v, sizeof(id));
	return id;
}

static struct group_name name(void)
{
	struct group_name g;

	ck_assert_int_eq(group_name_parse("198.18.0.1:53/udp", &g), 0);
	return g;
}

static struct contact contact(void)
{
	return (struct contact){
		.id = fill_id(2),
		.addr = {addr_v4((uint8_t[]){192, 0, 2, 1}, 7427)},
	};
}

static struct coord coord(void)
{
	return (struct coord){.vec = {0.01f}, .error = 0.5f};
}

static void fill_member(struct member_record *m)
{
	memset(m, 0, sizeof(*m));
	m->server = fill_id(1);
	m->join_ap = contact();
	m->coord = coord();
	strcpy(m->name, "demo");
	m->unicast = addr_v4((uint8_t[]){203, 0, 113, 2}, 6080);
	m->cookie = 0xc00c1e01;
	m->seq = 7;
	m->stamp = 2;
	m->rtt_us = 3000;
	m->mtu = 1500;
	m->encap = ENCAP_GUE;
	m->flags = MEMBER_UP;
	m->left = 30 * SEC;
}

/* The codecs under the types that codec.h wants. */
#define CODEC(what)                                                                      \
	static int read_##what(struct rd *r, void *m)                                    \
	{                                                                                \
		msg_read_##what(r, m);                                                   \
		return r->err;                                                           \
	}                                                                                \
	static void write_##what(struct wr *w, const void *m)                            \
	{                                                                                \
		msg_write_##what(w, m);                                                  \
	}
CODEC(update)
CODEC(update_ack)
CODEC(moved)
CODEC(resolve)
CODEC(push)
CODEC(negative)
CODEC(unsubscribe)
CODEC(records_ack)
CODEC(invite)
CODEC(pull)
CODEC(pull_done)
CODEC(taken)
CODEC(borrow)
CODEC(lend)

/* All of it or nothing: no shorter body is good. */
#define CHECK(what, m, hex)                                                              \
	codec_check(write_##what, read_##what, m, sizeof(*(m)), hex, SIZE_MAX, false)

START_TEST(test_update)
{
	struct msg_update *m = calloc(1, sizeof(*m));

	m->cookie = 0x01020304;
	m->op = MEMBERSHIP_JOIN;
	m->create = true;
	m->policy = POLICY_NEAREST;
	m->name = name();
	m->lease = 20 * SEC;
	fill_member(&m->member);
	CHECK(update, m, "01020304 01 01 01 " NAME "00004e20 " MEMBER);
	free(m);
}
END_TEST

START_TEST(test_update_ack)
{
	struct msg_update_ack m;

	memset(&m, 0, sizeof(m));
	m.cookie = 5;
	m.err = PIAS_EFULL;
	m.lease = 30 * SEC;
	m.seq = 9;
	strcpy(m.reason, "full up");
	CHECK(update_ack, &m, "00000005 02 00007530 0000000000000009 07 66756c6c207570");
}
END_TEST

START_TEST(test_moved)
{
	struct msg_moved m;

	memset(&m, 0, sizeof(m));
	m.name = name();
	m.server = fill_id(1);
	m.seq = 4;
	m.join_ap = fill_id(2);
	CHECK(moved, &m, NAME ID1 "0000000000000004 " ID2);
}
END_TEST

START_TEST(test_resolve)
{
	struct msg_resolve m;

	memset(&m, 0, sizeof(m));
	m.name = name();
	m.version = 0x100000002;
	m.hops_left = RESOLVE_HOPS;
	m.ingress = contact();
	m.coord = coord();
	CHECK(resolve, &m, NAME "0000000100000002 03 " ID2 ADDR COORD);
}
END_TEST

START_TEST(test_push)
{
	struct msg_push *m = calloc(1, sizeof(*m));

	m->name = name();
	m->version = 0x100000002;
	m->policy = POLICY_NEAREST;
	m->ttl = 60 * SEC;
	m->n_all = 17;
	m->n = 2;
	fill_member(&m->member[0]);
	fill_member(&m->member[1]);
	CHECK(push, m, NAME "0000000100000002 01 0000ea60 00000011 02 " MEMBER MEMBER);
	m->n = 0;
	m->n_all = 0;
	memset(m->member, 0, sizeof(m->member));
	CHECK(push, m, NAME "0000000100000002 01 0000ea60 00000000 00");
	free(m);
}
END_TEST

START_TEST(test_negative)
{
	struct msg_negative m;

	memset(&m, 0, sizeof(m));
	m.name = name();
	m.ttl = 1 * SEC;
	CHECK(negative, &m, NAME "000003e8");
}
END_TEST

START_TEST(test_unsubscribe)
{
	struct msg_unsubscribe m;

	memset(&m, 0, sizeof(m));
	m.name = name();
	CHECK(unsubscribe, &m, NAME);
}
END_TEST

START_TEST(test_records_ack)
{
	struct msg_records_ack m = {.serial = 0x0a0b0c0d};

	CHECK(records_ack, &m, "0a0b0c0d");
}
END_TEST

START_TEST(test_invite)
{
	struct msg_invite m;
	unsigned i;

	memset(&m, 0, sizeof(m));
	m.kind = INVITE_TAKE;
	m.from = fill_id(1);
	m.to = fill_id(3);
	m.n_groups = 258;
	for (i = 0; i < DIGEST_BUCKETS; i++)
		m.digest[i] = i;
	CHECK(invite, &m,
	      "02 " ID1 ID3 "00000102 "
	      "0000000000000000 0000000000000001 0000000000000002 0000000000000003 "
	      "0000000000000004 0000000000000005 0000000000000006 0000000000000007 "
	      "0000000000000008 0000000000000009 000000000000000a 000000000000000b "
	      "000000000000000c 000000000000000d 000000000000000e 000000000000000f");
}
END_TEST

START_TEST(test_pull)
{
	struct msg_pull m;

	memset(&m, 0, sizeof(m));
	m.nonce = 0x11223344;
	m.from = fill_id(1);
	m.to = fill_id(2);
	m.buckets = 0x8001;
	CHECK(pull, &m, "11223344 " ID1 ID2 "8001");
}
END_TEST

START_TEST(test_pull_done)
{
	struct msg_pull_done m;

	memset(&m, 0, sizeof(m));
	m.nonce = 0x11223344;
	m.end = fill_id(2);
	m.flags = PULL_COMPLETE;
	CHECK(pull_done, &m, "11223344 " ID2 "01");
}
END_TEST

START_TEST(test_taken)
{
	struct msg_taken m;

	memset(&m, 0, sizeof(m));
	m.from = fill_id(1);
	m.to = fill_id(2);
	CHECK(taken, &m, ID1 ID2);
}
END_TEST

static void refused(codec_read_fn *read, const char *hex)
{
	uint8_t wire[256];
	struct msg_lend m; /* the larger of those that are tried */

	ck_assert_int_eq(codec_read_exact(read, wire, codec_unhex(hex, wire), &m),
			 PIAS_EMALFORMED);
}

START_TEST(test_borrow)
{
	struct msg_borrow m;

	memset(&m, 0, sizeof(m));
	m.name = name();
	m.server = fill_id(1);
	m.session = 0x0102030405060708;
	CHECK(borrow, &m, NAME ID1 "0102030405060708");
	refused(read_borrow, NAME ID1 "0000000000000000");
}
END_TEST

/* The probe takes the rest of the body, so a longer body is a longer probe. */
START_TEST(test_lend)
{
	struct msg_lend m;

	memset(&m, 0, sizeof(m));
	m.session = 0x0102030405060708;
	m.port = 7428;
	m.len = 1;
	m.probe[0] = MSG_SERVER_PROBE;
	codec_check(write_lend, read_lend, &m, sizeof(m), "0102030405060708 1d04 a5",
		    SIZE_MAX, true);
	refused(read_lend, "0000000000000000 1d04 a5");
	refused(read_lend, "0102030405060708 0000 a5");
	refused(read_lend, "0102030405060708 1d04 a6");
	refused(read_lend, "0102030405060708 1d04 a5"
			   "0000000000000000000000000000000000000000"
			   "0000000000000000000000000000000000000000"
			   "0000000000000000000000000000000000000000");
}
END_TEST

#define GROUP NAME ID3 "01 0000000100000000 "

static int check_records(struct rd *r, void *m)
{
	return msg_check_records(*r);
}

START_TEST(test_records)
{
	uint8_t want[1024], got[1024];
	size_t i,
		n = codec_unhex("0000002a 0002 " GROUP "0001 " MEMBER GROUP "0000", want);
	struct msg_group g = {
		.name = name(),
		.creator = fill_id(3),
		.policy = POLICY_NEAREST,
		.version = VERSION_EPOCH,
		.n_members = 1,
	};
	struct msg_records m = {.serial = 42, .n_groups = 2}, back;
	struct member_record member, member_back;
	struct msg_group g_back;
	struct wr w;
	struct rd r;

	fill_member(&member);
	wr_init(&w, got, sizeof(got));
	msg_write_records(&w, &m);
	msg_write_group(&w, &g);
	member_write(&w, &member);
	g.n_members = 0;
	msg_write_group(&w, &g);
	ck_assert_uint_eq(wr_len(&w), n);
	ck_assert_mem_eq(got, want, n);
	for (i = 0; i < n; i++)
		ck_assert_int_eq(codec_read_exact(check_records, want, i, NULL),
				 PIAS_EMALFORMED);
	ck_assert_int_eq(codec_read_exact(check_records, want, n, NULL), 0);
	ck_assert_int_eq(codec_read_exact(check_records, want, n + 1, NULL),
			 PIAS_EMALFORMED);
	rd_init(&r, want, n);
	msg_read_records(&r, &back);
	ck_assert_uint_eq(back.serial, 42);
	ck_assert_uint_eq(back.n_groups, 2);
	memset(&g_back, 0, sizeof(g_back));
	msg_read_group(&r, &g_back);
	ck_assert(group_name_eq(&g_back.name, &g.name));
	ck_assert(id_eq(&g_back.creator, &g.creator));
	ck_assert_uint_eq(g_back.version, g.version);
	ck_assert_uint_eq(g_back.n_members, 1);
	memset(&member_back, 0x5a, sizeof(member_back));
	member_read(&r, &member_back);
	ck_assert_int_eq(r.err, 0);
	ck_assert_mem_eq(&member_back, &member, sizeof(member));
}
END_TEST

/* Offsets into MEMBER as it stands above. */
enum {
	AT_JOIN_ADDR = 40,
	AT_COORD = 48,
	AT_NAME = 88,
	AT_UNICAST = 93,
	AT_MTU = 124,
	AT_ENCAP = 126,
	AT_FLAGS = 127,
	AT_LEFT = 128,
	MEMBER_LEN = 132,
};

static int read_member(struct rd *r, void *m)
{
	member_read(r, m);
	return rd_done(r);
}

START_TEST(test_unsound_member)
{
	static const struct {
		uint8_t at, value;
	} t[] = {
		{AT_JOIN_ADDR, 0},     /* no address: the rest does not fit */
		{AT_JOIN_ADDR, 5},     /* no such family */
		{AT_COORD, 0x7f},      /* 2e38 s */
		{AT_NAME, 64},	       /* too long */
		{AT_NAME + 1, '\n'},   /* not printable */
		{AT_UNICAST + 1, 224}, /* multicast */
		{AT_UNICAST + 1, 127}, /* loopback */
		{AT_MTU, 0},	       /* 220 */
		{AT_ENCAP, 0},	       /* none */
		{AT_ENCAP, 3},	       /* unknown */
		{AT_FLAGS, 8},	       /* unknown */
		{AT_LEFT, 0xff},       /* years */
	};
	struct member_record m;
	uint8_t wire[256];

	ck_assert_uint_eq(codec_unhex(MEMBER, wire), MEMBER_LEN);
	ck_assert_int_eq(codec_read_exact(read_member, wire, MEMBER_LEN, &m), 0);
	wire[t[_i].at] = t[_i].value;
	ck_assert_int_eq(codec_read_exact(read_member, wire, MEMBER_LEN, &m),
			 PIAS_EMALFORMED);
}
END_TEST

/* GUE goes to a port; IP-in-IP has none. */
START_TEST(test_member_without_port)
{
	struct member_record m;
	uint8_t wire[256];

	codec_unhex(MEMBER, wire);
	wire[AT_UNICAST + 5] = wire[AT_UNICAST + 6] = 0;
	ck_assert_int_eq(codec_read_exact(read_member, wire, MEMBER_LEN, &m),
			 PIAS_EMALFORMED);
	wire[AT_ENCAP] = ENCAP_IPIP;
	ck_assert_int_eq(codec_read_exact(read_member, wire, MEMBER_LEN, &m), 0);
}
END_TEST

START_TEST(test_order)
{
	ck_assert_int_lt(member_order(1, 9, 2, 0), 0);
	ck_assert_int_lt(member_order(2, 0, 2, 1), 0);
	ck_assert_int_eq(member_order(2, 1, 2, 1), 0);
	ck_assert_int_gt(member_order(2, 2, 2, 1), 0);
	ck_assert_int_gt(member_order(UINT64_MAX, 0, 0, UINT32_MAX), 0);
}
END_TEST

START_TEST(test_unsound_messages)
{
	static const struct {
		codec_read_fn *read;
		const char *hex;
	} t[] = {
		/* no such operation */
		{read_update, "00000000 05 00 01 " NAME "00000000 " MEMBER},
		/* neither true nor false */
		{read_update, "00000000 01 02 01 " NAME "00000000 " MEMBER},
		/* a lease of weeks */
		{read_update, "00000000 01 00 01 " NAME "7fffffff " MEMBER},
		/* an unprintable reason */
		{read_update_ack, "00000000 02 00000000 0000000000000000 01 1b"},
		/* a reason too long for its buffer */
		{read_update_ack, "00000000 02 00000000 0000000000000000 80"},
		/* too many hops */
		{read_resolve, NAME "0000000000000000 04 " ID2 ADDR COORD},
		/* nowhere to answer to */
		{read_resolve, NAME "0000000000000000 03 " ID2 "00 00 " COORD},
		/* version 0 means no group */
		{read_push, NAME "0000000000000000 01 00000000 00000000 00"},
		/* unknown policy */
		{read_push, NAME "0000000000000001 02 00000000 00000000 00"},
		/* more members here than in all */
		{read_push, NAME "0000000000000001 01 00000000 00000000 01 " MEMBER},
		{read_pull_done, "00000000 " ID1 "04"},
		/* a group's version and policy */
		{check_records, "00000000 0001 " NAME ID3 "01 0000000000000000 0000"},
		{check_records, "00000000 0001 " NAME ID3 "02 0000000000000001 0000"},
	};
	void *m = calloc(1, sizeof(struct msg_push));
	uint8_t wire[1024];
	size_t n = codec_unhex(t[_i].hex, wire);

	ck_assert_int_eq(codec_read_exact(t[_i].read, wire, n, m), PIAS_EMALFORMED);
	free(m);
}
END_TEST

/* The largest of everything fits into the buffers that are named after it. */
START_TEST(test_sizes)
{
	struct msg_push *m = calloc(1, sizeof(*m));
	struct member_record *r = &m->member[0];
	struct msg_update u = {.op = MEMBERSHIP_JOIN};
	uint8_t buf[PUSH_WIRE_MAX];
	struct wr w;
	unsigned i;

	fill_member(r);
	memset(r->name, 'x', SERVER_NAME_MAX);
	r->unicast = addr_v6((uint8_t[16]){0x20, 1}, 6080);
	r->join_ap.addr[1] = r->unicast;
	for (i = 1; i < PUSH_MEMBERS_MAX; i++)
		m->member[i] = *r;
	m->n = PUSH_MEMBERS_MAX;
	m->name = u.name = name();
	u.member = *r;
	wr_init(&w, buf, sizeof(buf));
	msg_write_push(&w, m);
	ck_assert_int_eq(w.err, 0);
	ck_assert_uint_eq(wr_len(&w), PUSH_WIRE_MAX);
	wr_init(&w, buf, MESSAGE_WIRE_MAX);
	msg_write_update(&w, &u);
	ck_assert_int_eq(w.err, 0);
	ck_assert_uint_eq(wr_len(&w), MESSAGE_WIRE_MAX);
	wr_init(&w, buf, sizeof(buf));
	msg_write_group(&w, &(struct msg_group){.name = name()});
	ck_assert_uint_eq(wr_len(&w), GROUP_WIRE_LEN);
	free(m);
}
END_TEST

START_TEST(test_one_member_too_many)
{
	const size_t at_n = GROUP_NAME_LEN + 8 + 1 + 4 + 4;
	struct msg_push *m = calloc(1, sizeof(*m));
	uint8_t buf[PUSH_WIRE_MAX + MEMBER_WIRE_MAX];
	struct wr w;
	unsigned i;

	m->name = name();
	m->version = 1;
	m->policy = POLICY_NEAREST;
	m->n_all = 99;
	m->n = PUSH_MEMBERS_MAX;
	for (i = 0; i < PUSH_MEMBERS_MAX; i++)
		fill_member(&m->member[i]);
	wr_init(&w, buf, sizeof(buf));
	msg_write_push(&w, m);
	ck_assert_int_eq(codec_read_exact(read_push, buf, wr_len(&w), m), 0);
	member_write(&w, &m->member[0]);
	ck_assert_uint_eq(buf[at_n], PUSH_MEMBERS_MAX);
	buf[at_n]++;
	ck_assert_int_eq(codec_read_exact(read_push, buf, wr_len(&w), m),
			 PIAS_EMALFORMED);
	free(m);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_update);
	tcase_add_test(c, test_update_ack);
	tcase_add_test(c, test_moved);
	tcase_add_test(c, test_resolve);
	tcase_add_test(c, test_push);
	tcase_add_test(c, test_negative);
	tcase_add_test(c, test_unsubscribe);
	tcase_add_test(c, test_records_ack);
	tcase_add_test(c, test_invite);
	tcase_add_test(c, test_pull);
	tcase_add_test(c, test_pull_done);
	tcase_add_test(c, test_taken);
	tcase_add_test(c, test_borrow);
	tcase_add_test(c, test_lend);
	tcase_add_test(c, test_records);
	tcase_add_loop_test(c, test_unsound_member, 0, 12);
	tcase_add_test(c, test_member_without_port);
	tcase_add_test(c, test_order);
	tcase_add_loop_test(c, test_unsound_messages, 0, 13);
	tcase_add_test(c, test_one_member_too_many);
	tcase_add_test(c, test_sizes);
}

int main(void)
{
	return suite_main("message", fill);
}
