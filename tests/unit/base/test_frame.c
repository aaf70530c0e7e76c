/* Frames: golden bytes, what is too short, too long or marked wrongly. */
#include <string.h>

#include "overlay/base/error.h"
#include "overlay/base/frame.h"
#include "tests/fixture/suite.h"

START_TEST(test_golden)
{
	static const uint8_t want[] = {0, 7, 0x42, 0, 0xab, 0xcd, 0xef};
	uint8_t buf[16];
	struct wr w;

	frame_begin(&w, buf, sizeof(buf), 0x42);
	wr_u16(&w, 0xabcd);
	wr_u8(&w, 0xef);
	ck_assert_int_eq(frame_end(&w), sizeof(want));
	ck_assert_mem_eq(buf, want, sizeof(want));
	ck_assert_int_eq(frame_length(buf, sizeof(want)), sizeof(want));
}
END_TEST

START_TEST(test_header)
{
	static const struct {
		uint8_t b[4];
		size_t len;
		int want;
	} t[] = {
		{{0, 4, 1, 0}, 0, 0},
		{{0, 4, 1, 0}, 3, 0}, /* no whole header yet */
		{{0, 4, 1, 0}, 4, 4},
		{{0, 3, 1, 0}, 4, PIAS_EMALFORMED},
		{{0, 0, 1, 0}, 4, PIAS_EMALFORMED},
		{{0, 9, 1, 1}, 4, PIAS_EMALFORMED}, /* the zero byte is not */
		{{0xff, 0xff, 1, 0}, 4, FRAME_MAX},
	};

	ck_assert_int_eq(frame_length(t[_i].b, t[_i].len), t[_i].want);
}
END_TEST

START_TEST(test_limits)
{
	static uint8_t big[FRAME_MAX + 100], body[FRAME_BODY_MAX + 1];
	struct wr w;

	frame_begin(&w, big, sizeof(big), 1);
	wr_bytes(&w, body, FRAME_BODY_MAX);
	ck_assert_int_eq(frame_end(&w), FRAME_MAX);
	ck_assert_int_eq(frame_length(big, 4), FRAME_MAX);
	frame_begin(&w, big, sizeof(big), 1);
	wr_bytes(&w, body, FRAME_BODY_MAX + 1);
	ck_assert_int_eq(frame_end(&w), PIAS_ETOOBIG);
	frame_begin(&w, big, 5, 1);
	wr_u16(&w, 1);
	ck_assert_int_eq(frame_end(&w), PIAS_ETOOBIG);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_golden);
	tcase_add_loop_test(c, test_header, 0, 7);
	tcase_add_test(c, test_limits);
}

int main(void)
{
	return suite_main("frame", fill);
}
