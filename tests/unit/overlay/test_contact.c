/* Contacts: golden bytes, what is refused, and which address is used. */
#include <string.h>

#include "overlay/contact.h"
#include "tests/fixture/suite.h"

static struct contact both(void)
{
	struct contact c;

	memset(&c, 0, sizeof(c));
	memset(c.id.b, 0xa1, ID_LEN);
	ck_assert_int_eq(addr_parse("192.0.2.1:7427", 0, &c.addr[0]), 0);
	ck_assert_int_eq(addr_parse("[2001:db8::1]:7427", 0, &c.addr[1]), 0);
	return c;
}

static const uint8_t both_wire[CONTACT_WIRE_MAX] = {
	0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1,
	0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 4,    192,  0,	  2,
	1,    0x1d, 0x03, 6,	0x20, 0x01, 0x0d, 0xb8, 0,    0,    0,	  0,
	0,    0,    0,	  0,	0,    0,    0,	  1,	0x1d, 0x03};

START_TEST(test_golden)
{
	struct contact c = both(), d;
	uint8_t buf[CONTACT_WIRE_MAX + 1] = {0}, *exact;
	struct wr w;
	struct rd r;
	size_t n;

	wr_init(&w, buf, sizeof(buf));
	contact_write(&w, &c);
	ck_assert_uint_eq(wr_len(&w), CONTACT_WIRE_MAX);
	ck_assert_mem_eq(buf, both_wire, CONTACT_WIRE_MAX);
	for (n = 0; n <= CONTACT_WIRE_MAX; n++) {
		exact = malloc(n ? n : 1);
		memcpy(exact, both_wire, n);
		rd_init(&r, exact, n);
		contact_read(&r, &d);
		ck_assert_int_eq(rd_done(&r),
				 n == CONTACT_WIRE_MAX ? 0 : PIAS_EMALFORMED);
		free(exact);
	}
	ck_assert(id_eq(&c.id, &d.id));
	ck_assert(addr_eq(&c.addr[0], &d.addr[0]) && addr_eq(&c.addr[1], &d.addr[1]));
	rd_init(&r, buf, sizeof(buf));
	contact_read(&r, &d);
	ck_assert_int_eq(rd_done(&r), PIAS_EMALFORMED);
}
END_TEST

/* A placeholder is an id and two "none". */
START_TEST(test_placeholder)
{
	struct contact c = both(), d;
	uint8_t buf[CONTACT_WIRE_MAX];
	struct wr w;
	struct rd r;

	memset(c.addr, 0, sizeof(c.addr));
	wr_init(&w, buf, sizeof(buf));
	contact_write(&w, &c);
	ck_assert_uint_eq(wr_len(&w), ID_LEN + 2);
	rd_init(&r, buf, wr_len(&w));
	contact_read(&r, &d);
	ck_assert_int_eq(rd_done(&r), 0);
	ck_assert(!contact_has_addr(&d) && id_eq(&c.id, &d.id));
}
END_TEST

START_TEST(test_family_in_wrong_place)
{
	uint8_t buf[CONTACT_WIRE_MAX];
	struct contact c = both(), d;
	struct addr swap = c.addr[0];
	struct wr w;
	struct rd r;

	c.addr[0] = c.addr[1];
	if (_i)
		memset(&c.addr[1], 0, sizeof(c.addr[1]));
	else
		c.addr[1] = swap;
	wr_init(&w, buf, sizeof(buf));
	contact_write(&w, &c);
	rd_init(&r, buf, wr_len(&w));
	contact_read(&r, &d);
	ck_assert_int_eq(rd_done(&r), PIAS_EMALFORMED);
}
END_TEST

/* Nobody is sent to dial a loopback, a multicast group or no port. */
START_TEST(test_nothing_to_dial)
{
	static const char *const at[] = {
		"127.0.0.1:22",		"0.0.0.0:7427",	   "224.0.0.1:7427",
		"255.255.255.255:7427", "192.0.2.1:0",	   "[::1]:22",
		"[ff02::1]:7427",	"[2001:db8::1]:0", "[::ffff:127.0.0.1]:22"};
	uint8_t buf[CONTACT_WIRE_MAX];
	struct contact c = both(), d;
	struct addr a;
	struct wr w;
	struct rd r;

	ck_assert_int_eq(addr_parse(at[_i], 0, &a), 0);
	c.addr[a.family == ADDR_V6] = a;
	wr_init(&w, buf, sizeof(buf));
	contact_write(&w, &c);
	rd_init(&r, buf, wr_len(&w));
	contact_read(&r, &d);
	ck_assert_int_eq(rd_done(&r), PIAS_EMALFORMED);
}
END_TEST

START_TEST(test_choice)
{
	struct contact full = both(), v4 = both(), v6 = both(), none = both();

	memset(&v4.addr[1], 0, sizeof(v4.addr[1]));
	memset(&v6.addr[0], 0, sizeof(v6.addr[0]));
	memset(none.addr, 0, sizeof(none.addr));
	ck_assert_ptr_eq(contact_addr(&full, &full), &full.addr[0]);
	ck_assert_ptr_eq(contact_addr(&full, &v6), &full.addr[1]);
	ck_assert_ptr_eq(contact_addr(&v6, &full), &v6.addr[1]);
	ck_assert_ptr_null(contact_addr(&v4, &v6));
	ck_assert_ptr_null(contact_addr(&none, &full));
	ck_assert_ptr_null(contact_addr(&full, &none));
}
END_TEST

START_TEST(test_is_at)
{
	static const struct addr none;
	struct contact c = both(), v4 = both();
	struct addr other_port = c.addr[0];

	memset(&v4.addr[1], 0, sizeof(v4.addr[1]));
	other_port.port++;
	ck_assert(contact_is_at(&c, &c.addr[0]));
	ck_assert(contact_is_at(&c, &c.addr[1]));
	ck_assert(!contact_is_at(&c, &other_port));
	ck_assert(!contact_is_at(&v4, &c.addr[1]));
	ck_assert(!contact_is_at(&v4, &none));
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_golden);
	tcase_add_test(c, test_placeholder);
	tcase_add_loop_test(c, test_family_in_wrong_place, 0, 2);
	tcase_add_loop_test(c, test_nothing_to_dial, 0, 9);
	tcase_add_test(c, test_choice);
	tcase_add_test(c, test_is_at);
}

int main(void)
{
	return suite_main("contact", fill);
}
