/* What was asked for fits, nothing is lost, and asking for less changes nothing. */
#include "overlay/scratch.h"

#include <string.h>

#include "tests/fixture/suite.h"

START_TEST(test_grows)
{
	struct scratch s = {0};
	uint8_t *p;
	size_t len;

	for (len = 0; len < 200000; len = 3 * len + 1) {
		p = scratch_get(&s, len);
		ck_assert_ptr_nonnull(p);
		ck_assert_uint_ge(s.len, len);
		memset(p, 0xa5, len); /* a sanitizer's business */
	}
	scratch_fini(&s);
	ck_assert(!s.buf && !s.len);
}
END_TEST

START_TEST(test_keeps_its_size)
{
	struct scratch s = {0};
	uint8_t *large = scratch_get(&s, 70000);
	size_t len = s.len;

	memset(large, 7, 70000);
	ck_assert_ptr_eq(scratch_get(&s, 1), large);
	ck_assert_ptr_eq(scratch_get(&s, 70000), large);
	ck_assert_uint_eq(s.len, len);
	ck_assert_uint_eq(large[69999], 7);
	scratch_fini(&s);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_grows);
	tcase_add_test(c, test_keeps_its_size);
}

int main(void)
{
	return suite_main("scratch", fill);
}
