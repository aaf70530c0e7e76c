/* What waits for a link: in order, counted, and never more than its bounds. */
#include <string.h>

#include "overlay/outbox.h"
#include "tests/fixture/suite.h"

static uint8_t big[OUTBOX_BYTES + 1];

START_TEST(test_order)
{
	struct outbox o = {0};
	struct parcel *p;
	uint8_t i;

	ck_assert(outbox_is_empty(&o));
	for (i = 0; i < 10; i++)
		ck_assert_int_eq(outbox_add(&o, i % 3 == 0, i, &i, i % 2), 0);
	ck_assert(!outbox_is_empty(&o));
	for (i = 0; i < 10; i++) {
		p = outbox_take(&o);
		ck_assert(p->type == i && p->is_datagram == (i % 3 == 0));
		ck_assert_uint_eq(p->len, i % 2);
		ck_assert(!p->len || p->body[0] == i);
		free(p);
	}
	ck_assert_ptr_null(outbox_take(&o));
	ck_assert_uint_eq(o.bytes, 0);
	ck_assert_int_eq(outbox_add(&o, false, 1, NULL, 0), 0); /* usable again */
	ck_assert_uint_eq(outbox_clear(&o), 1);
	ck_assert(outbox_is_empty(&o));
}
END_TEST

START_TEST(test_counts_are_bounded)
{
	struct outbox o = {0};
	int i;

	for (i = 0; i < OUTBOX_MESSAGES; i++)
		ck_assert_int_eq(outbox_add(&o, false, 1, "x", 1), 0);
	ck_assert_int_eq(outbox_add(&o, false, 1, "x", 1), PIAS_EFULL);
	for (i = 0; i < OUTBOX_DATAGRAMS; i++)
		ck_assert_int_eq(outbox_add(&o, true, 1, "x", 1), 0);
	ck_assert_int_eq(outbox_add(&o, true, 1, "x", 1), PIAS_EFULL);
	free(outbox_take(&o));
	ck_assert_int_eq(outbox_add(&o, false, 1, "x", 1), 0);
	ck_assert_uint_eq(outbox_clear(&o), OUTBOX_MESSAGES + OUTBOX_DATAGRAMS);
}
END_TEST

START_TEST(test_bytes_are_bounded)
{
	struct outbox o = {0};

	ck_assert_int_eq(outbox_add(&o, false, 1, big, OUTBOX_BYTES + 1), PIAS_EFULL);
	ck_assert_int_eq(outbox_add(&o, false, 1, big, OUTBOX_BYTES - 10), 0);
	ck_assert_int_eq(outbox_add(&o, true, 1, big, 11), PIAS_EFULL);
	ck_assert_int_eq(outbox_add(&o, true, 1, big, 10), 0);
	ck_assert_int_eq(outbox_add(&o, false, 1, big, 1), PIAS_EFULL);
	ck_assert_int_eq(outbox_add(&o, false, 1, big, 0), 0);
	ck_assert_uint_eq(outbox_clear(&o), 3);
	ck_assert_uint_eq(o.bytes, 0);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_order);
	tcase_add_test(c, test_counts_are_bounded);
	tcase_add_test(c, test_bytes_are_bounded);
}

int main(void)
{
	return suite_main("outbox", fill);
}
