/* Tunnel headers: golden bytes both ways, truncation, foreign GUE. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "forwarder/encap.h"
#include "tests/fixture/suite.h"

static const uint8_t golden[] = {0x02, 0x29, 0,	   0,	 0x01, 0x02,
				 0x03, 0x04, 0x05, 0x06, 7,    8};

START_TEST(test_write)
{
	uint8_t out[ENCAP_GUE_LEN];

	ck_assert_uint_eq(encap_header_len(ENCAP_GUE), sizeof(golden));
	ck_assert_uint_eq(encap_header_len(ENCAP_IPIP), 0);
	encap_write(out, ENCAP_GUE, 6, 0x0102030405060708);
	ck_assert_mem_eq(out, golden, sizeof(golden));
	encap_write(out, ENCAP_GUE, 4, 0x0102030405060708);
	ck_assert_uint_eq(out[1], 4);
}
END_TEST

START_TEST(test_read)
{
	struct encap_gue gue;
	size_t i;

	ck_assert_int_eq(encap_gue_read(golden, sizeof(golden), &gue), 0);
	ck_assert_uint_eq(gue.inner, 6);
	ck_assert(gue.cookie == 0x0102030405060708);
	for (i = 0; i < sizeof(golden); i++) {
		uint8_t *copy = malloc(i ? i : 1);

		memcpy(copy, golden, i);
		ck_assert_int_eq(encap_gue_read(copy, i, &gue), PIAS_EMALFORMED);
		free(copy);
	}
}
END_TEST

/* Another version, control, other lengths, another protocol, flags. */
START_TEST(test_foreign)
{
	static const struct {
		int at;
		uint8_t v;
	} t[] = {{0, 0x42}, {0, 0x22}, {0, 0x01}, {0, 0x03}, {1, 17}, {2, 1}, {3, 1}};
	uint8_t b[sizeof(golden)];
	struct encap_gue gue;

	memcpy(b, golden, sizeof(b));
	b[t[_i].at] = t[_i].v;
	ck_assert_int_eq(encap_gue_read(b, sizeof(b), &gue), PIAS_EMALFORMED);
}
END_TEST

/* PROTOCOL 8.1 gives these figures. */
START_TEST(test_mtu)
{
	ck_assert_uint_eq(encap_inner_mtu(ENCAP_GUE, 4, 1500), 1460);
	ck_assert_uint_eq(encap_inner_mtu(ENCAP_GUE, 6, 1500), 1440);
	ck_assert_uint_eq(encap_inner_mtu(ENCAP_IPIP, 4, 1500), 1480);
	ck_assert_uint_eq(encap_inner_mtu(ENCAP_IPIP, 6, 1500), 1460);
	ck_assert_uint_eq(encap_inner_mtu(ENCAP_GUE, 6, 20), 0);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_write);
	tcase_add_test(c, test_read);
	tcase_add_loop_test(c, test_foreign, 0, 7);
	tcase_add_test(c, test_mtu);
}

int main(void)
{
	return suite_main("encap", fill);
}
