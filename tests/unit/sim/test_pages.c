/* Pages are zeroed, also where others were before, and begin where huge ones do. */
#include <malloc.h>
#include <stdint.h>

#include "sim/pages.h"
#include "tests/fixture/suite.h"

START_TEST(test_zeroed)
{
	static const size_t sizes[] = {1, PAGES_UNIT, PAGES_UNIT + 1};
	size_t size = sizes[_i], i;
	int again;

	/* What is freed is given out again, not fetched afresh. */
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	for (again = 0; again < 2; again++) {
		uint8_t *p = pages_new(size);

		ck_assert_ptr_nonnull(p);
		ck_assert_uint_eq((uintptr_t)p % PAGES_UNIT, 0);
		for (i = 0; i < size && !p[i];)
			i++;
		ck_assert_uint_eq(i, size);
		/* Volatile: it is written although it is freed then. */
		*(volatile uint8_t *)(p + size - 1) = 1;
		free(p);
	}
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_loop_test(c, test_zeroed, 0, 3);
}

int main(void)
{
	return suite_main("pages", fill);
}
