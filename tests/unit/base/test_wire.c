/* Cursors: big-endian, sticky errors, nothing past the end. */
#include <string.h>

#include "overlay/base/error.h"
#include "overlay/base/wire.h"
#include "tests/fixture/suite.h"

static const uint8_t bytes[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07,
				0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e,
				0x0f, 0x3f, 0x80, 0x00, 0x00};

START_TEST(test_read)
{
	struct rd r;
	uint8_t two[2];

	rd_init(&r, bytes, sizeof(bytes));
	ck_assert_uint_eq(rd_left(&r), sizeof(bytes));
	ck_assert_uint_eq(rd_u8(&r), 0x01);
	ck_assert_uint_eq(rd_u16(&r), 0x0203);
	ck_assert_uint_eq(rd_u32(&r), 0x04050607);
	ck_assert(rd_u64(&r) == 0x08090a0b0c0d0e0full);
	ck_assert(rd_f32(&r) == 1.0f);
	ck_assert_int_eq(rd_done(&r), 0);

	rd_init(&r, bytes, 4);
	rd_bytes(&r, two, 2);
	ck_assert_uint_eq(two[1], 0x02);
	ck_assert_int_eq(rd_done(&r), PIAS_EMALFORMED); /* left over */
	ck_assert_ptr_eq(rd_view(&r, 2), bytes + 2);
	ck_assert_int_eq(rd_done(&r), 0);
}
END_TEST

/* After the first overrun nothing more is read, however short. */
START_TEST(test_read_is_sticky)
{
	uint8_t two[2] = {9, 9};
	struct rd r;

	rd_init(&r, bytes, 3);
	ck_assert_uint_eq(rd_u32(&r), 0);
	ck_assert_int_eq(r.err, PIAS_EMALFORMED);
	ck_assert_uint_eq(rd_u8(&r), 0);
	ck_assert_uint_eq(rd_left(&r), 0);
	rd_bytes(&r, two, 2);
	ck_assert(two[0] == 0 && two[1] == 0);
	ck_assert_ptr_null(rd_view(&r, 0));
	ck_assert_int_eq(rd_done(&r), PIAS_EMALFORMED);
}
END_TEST

START_TEST(test_write)
{
	uint8_t buf[sizeof(bytes)], *hole;
	struct wr w;

	wr_init(&w, buf, sizeof(buf));
	hole = wr_reserve(&w, 1);
	wr_u16(&w, 0x0203);
	wr_u32(&w, 0x04050607);
	wr_u64(&w, 0x08090a0b0c0d0e0full);
	wr_f32(&w, 1.0f);
	ck_assert_int_eq(w.err, 0);
	ck_assert_uint_eq(wr_len(&w), sizeof(bytes));
	*hole = 0x01;
	ck_assert_mem_eq(buf, bytes, sizeof(bytes));
}
END_TEST

START_TEST(test_write_is_sticky)
{
	uint8_t buf[4];
	struct wr w;

	memset(buf, 0xee, sizeof(buf));
	wr_init(&w, buf, 3);
	wr_u8(&w, 1);
	wr_u32(&w, 2);
	ck_assert_int_eq(w.err, PIAS_ETOOBIG);
	wr_u8(&w, 3);
	wr_bytes(&w, bytes, 1);
	wr_zero(&w, 1);
	ck_assert_ptr_null(wr_reserve(&w, 0));
	ck_assert_uint_eq(wr_len(&w), 1);
	ck_assert(buf[1] == 0xee && buf[3] == 0xee);
	wr_init(&w, buf, 4);
	wr_zero(&w, 2);
	wr_bytes(&w, bytes, 2);
	ck_assert(!w.err && !buf[0] && !buf[1] && buf[2] == 1 && buf[3] == 2);
}
END_TEST

START_TEST(test_plain_loads)
{
	uint8_t b[8];

	be64_put(b, 0x1122334455667788ull);
	ck_assert_uint_eq(b[0], 0x11);
	ck_assert_uint_eq(be16_get(b + 6), 0x7788);
	ck_assert_uint_eq(be32_get(b), 0x11223344);
	ck_assert(be64_get(b) == 0x1122334455667788ull);
	be32_put(b, 0xffeeddcc);
	be16_put(b, 0x8001);
	ck_assert_uint_eq(be32_get(b), 0x8001ddcc);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_read);
	tcase_add_test(c, test_read_is_sticky);
	tcase_add_test(c, test_write);
	tcase_add_test(c, test_write_is_sticky);
	tcase_add_test(c, test_plain_loads);
}

int main(void)
{
	return suite_main("wire", fill);
}
