/* Bodies of HELLO, REFUSED and the probes. */
#include <string.h>

#include "overlay/message.h"
#include "tests/fixture/codec.h"
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

CODEC(hello)
CODEC(refused)
CODEC(probe)
CODEC(probe_ask)
CODEC(probe_ask_ack)

#define CHECK(name, m, hex, min_len, grows)                                              \
	codec_check(write_##name, read_##name, m, sizeof(*(m)), hex, min_len, grows)

#define ID_HEX "11111111 11111111 11111111 11111111 11111111"
/* 192.0.2.1:7427, no IPv6 */
#define CONTACT_HEX ID_HEX "04 c0000201 1d03 00"

static void set_contact(struct contact *c)
{
	memset(c->id.b, 0x11, ID_LEN);
	ck_assert_int_eq(addr_parse("192.0.2.1:7427", 0, &c->addr[0]), 0);
}

START_TEST(test_hello)
{
	struct msg_hello m;

	memset(&m, 0, sizeof(m));
	m.version = PROTOCOL_VERSION;
	memset(m.ring.b, 0xab, ID_LEN);
	m.index = 0x01020304;
	m.incarnation = 0x1112131415161718ull;
	set_contact(&m.sender);
	CHECK(hello, &m,
	      "0001 abababab abababab abababab abababab abababab 01020304 "
	      "1112131415161718" CONTACT_HEX,
	      62, false);
}
END_TEST

/* Of another version, whatever follows, only the version is read. */
START_TEST(test_hello_of_another_version)
{
	static const uint8_t body[] = {0, 2, 9, 9, 9};
	struct msg_hello m;

	ck_assert_int_eq(codec_read_exact(read_hello, body, 5, &m), 0);
	ck_assert_uint_eq(m.version, 2);
	ck_assert_int_eq(codec_read_exact(read_hello, body, 2, &m), 0);
	ck_assert_int_ne(codec_read_exact(read_hello, body, 1, &m), 0);
}
END_TEST

START_TEST(test_hello_without_address)
{
	struct msg_hello m;
	uint8_t buf[MSG_HELLO_MAX];
	struct wr w;

	memset(&m, 0, sizeof(m));
	m.version = PROTOCOL_VERSION;
	wr_init(&w, buf, sizeof(buf));
	msg_hello_write(&w, &m);
	ck_assert_int_eq(codec_read_exact(read_hello, buf, wr_len(&w), &m),
			 PIAS_EMALFORMED);
}
END_TEST

START_TEST(test_refused)
{
	struct msg_refused m;

	memset(&m, 0, sizeof(m));
	m.why = PIAS_ERING;
	strcpy(m.text, "no");
	CHECK(refused, &m, "0012 6e6f", 2, true); /* the text is what is left */
}
END_TEST

/* What others write ends up in our log: printable, and not too long. */
START_TEST(test_refused_text)
{
	uint8_t body[2 + REFUSED_TEXT_MAX + 1];
	struct msg_refused m;

	memset(body, 'x', sizeof(body));
	memcpy(body, "\0\4a\nb\x1b\xff", 7);
	ck_assert_int_eq(codec_read_exact(read_refused, body, 7, &m), 0);
	ck_assert_int_eq(m.why, PIAS_EVERSION);
	ck_assert_str_eq(m.text, "a?b??");
	ck_assert_int_eq(codec_read_exact(read_refused, body, sizeof(body) - 1, &m), 0);
	ck_assert_uint_eq(strlen(m.text), REFUSED_TEXT_MAX);
	ck_assert_int_eq(codec_read_exact(read_refused, body, sizeof(body), &m),
			 PIAS_EMALFORMED);
}
END_TEST

#define COORD_HEX                                                                        \
	"3f800000 bf800000 3f000000 00000000 3e800000 40000000 c0000000 41000000 "       \
	"3e000000 3fc00000"

START_TEST(test_probe)
{
	struct msg_probe m;

	memset(&m, 0, sizeof(m));
	m.nonce = 0x0102030405060708ull;
	m.incarnation = 9;
	m.by_link = 1;
	m.coord = (struct coord){.vec = {1, -1, 0.5f, 0, 0.25f, 2, -2, 8},
				 .height = 0.125f,
				 .error = 1.5f};
	CHECK(probe, &m, "0102030405060708 0000000000000009 01" COORD_HEX, MSG_PROBE_LEN,
	      false);
}
END_TEST

START_TEST(test_probe_absurd)
{
	uint8_t body[MSG_PROBE_LEN];
	struct msg_probe m;

	codec_unhex("0102030405060708 0000000000000009 02" COORD_HEX, body);
	ck_assert_int_eq(codec_read_exact(read_probe, body, sizeof(body), &m),
			 PIAS_EMALFORMED);
	body[16] = 0;
	ck_assert_int_eq(codec_read_exact(read_probe, body, sizeof(body), &m), 0);
	memset(body + 17, 0xff, 4); /* a NaN */
	ck_assert_int_eq(codec_read_exact(read_probe, body, sizeof(body), &m),
			 PIAS_EMALFORMED);
}
END_TEST

START_TEST(test_probe_ask)
{
	struct msg_probe_ask m;
	uint8_t buf[MSG_PROBE_ASK_MAX];
	struct wr w;

	memset(&m, 0, sizeof(m));
	m.nonce = 0x0102030405060708ull;
	set_contact(&m.subject);
	CHECK(probe_ask, &m, "0102030405060708" CONTACT_HEX, 36, false);
	memset(m.subject.addr, 0, sizeof(m.subject.addr));
	wr_init(&w, buf, sizeof(buf));
	msg_probe_ask_write(&w, &m);
	ck_assert_int_eq(codec_read_exact(read_probe_ask, buf, wr_len(&w), &m),
			 PIAS_EMALFORMED);
}
END_TEST

START_TEST(test_probe_ask_ack)
{
	struct msg_probe_ask_ack m;

	memset(&m, 0, sizeof(m));
	m.nonce = 0x0102030405060708ull;
	m.incarnation = 0x1112131415161718ull;
	CHECK(probe_ask_ack, &m, "0102030405060708 1112131415161718",
	      MSG_PROBE_ASK_ACK_LEN, false);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_hello);
	tcase_add_test(c, test_hello_of_another_version);
	tcase_add_test(c, test_hello_without_address);
	tcase_add_test(c, test_refused);
	tcase_add_test(c, test_refused_text);
	tcase_add_test(c, test_probe);
	tcase_add_test(c, test_probe_absurd);
	tcase_add_test(c, test_probe_ask);
	tcase_add_test(c, test_probe_ask_ack);
}

int main(void)
{
	return suite_main("message_link", fill);
}
