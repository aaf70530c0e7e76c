/* The bounded table of what we know about peers. */
#include <string.h>

#include "overlay/gauge.h"
#include "tests/fixture/suite.h"

static struct id numbered(unsigned n)
{
	struct id id = {{0}};

	be32_put(id.b, n * 2654435761u);
	be32_put(id.b + 8, n);
	return id;
}

START_TEST(test_keeps_and_forgets)
{
	struct id a = numbered(1), b = numbered(2);
	struct gauge *x;
	struct gauges g;
	struct coord c;

	gauges_init(&g);
	coord_init(&c);
	ck_assert_ptr_null(gauge_find(&g, &a));
	x = gauge_heard(&g, &a, &c, 10);
	rtt_add(&x->rtt, 500);
	c.vec[0] = 1;
	ck_assert_ptr_eq(gauge_heard(&g, &a, &c, 20), x);
	ck_assert(x->heard_at == 20 && x->coord.vec[0] == 1 && x->rtt.srtt_us == 500);
	gauge_heard(&g, &b, &c, 30);
	gauge_forget(&g, &a);
	gauge_forget(&g, &a);
	ck_assert_ptr_null(gauge_find(&g, &a));
	ck_assert_ptr_nonnull(gauge_find(&g, &b));
	gauges_fini(&g);
}
END_TEST

START_TEST(test_bounded)
{
	struct gauges g;
	struct coord c;
	struct id id;
	unsigned i;

	gauges_init(&g);
	coord_init(&c);
	for (i = 0; i < GAUGES_MAX; i++) {
		id = numbered(i);
		ck_assert_ptr_nonnull(gauge_heard(&g, &id, &c, 1000 + i));
	}
	id = numbered(0);
	gauge_heard(&g, &id, &c, 9000); /* no longer the oldest */
	id = numbered(GAUGES_MAX);
	ck_assert_ptr_nonnull(gauge_heard(&g, &id, &c, 9001));
	ck_assert_uint_eq(g.by_id.n, GAUGES_MAX);
	for (i = 0; i <= GAUGES_MAX; i++) {
		id = numbered(i);
		ck_assert((gauge_find(&g, &id) != NULL) == (i != 1));
	}
	gauges_fini(&g);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_keeps_and_forgets);
	tcase_add_test(c, test_bounded);
}

int main(void)
{
	return suite_main("gauge", fill);
}
