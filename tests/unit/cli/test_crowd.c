/* Places are counted apart; of IPv6 only the network counts. */
#include "cli/crowd.h"
#include "tests/fixture/suite.h"

static struct addr host(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(text, 0, &a), 0);
	return a;
}

START_TEST(test_places)
{
	struct addr a = host("192.0.2.1"), b = host("192.0.2.2");
	struct addr c = host("2001:db8::1"), d = host("2001:db8::ffff:2");
	struct addr e = host("2001:db8:0:1::1");
	struct crowd crowd = {{0}};

	crowd_add(&crowd, &a);
	crowd_add(&crowd, &a);
	crowd_add(&crowd, &b);
	crowd_add(&crowd, &c);
	crowd_add(&crowd, &d);
	crowd_add(&crowd, &e);
	ck_assert_uint_eq(crowd_at(&crowd, &a), 2);
	ck_assert_uint_eq(crowd_at(&crowd, &b), 1);
	ck_assert_uint_eq(crowd_at(&crowd, &c), 2);
	ck_assert_uint_eq(crowd_at(&crowd, &e), 1);
	crowd_del(&crowd, &a);
	crowd_del(&crowd, &d);
	ck_assert_uint_eq(crowd_at(&crowd, &a), 1);
	ck_assert_uint_eq(crowd_at(&crowd, &c), 1);
}
END_TEST

/* Neighbours are not lumped together: a /16 spreads over most of the counts. */
START_TEST(test_spread)
{
	struct addr a = host("10.0.0.0");
	struct crowd crowd = {{0}};
	unsigned i, used = 0;

	for (i = 0; i < 65536; i++) {
		a.ip[2] = (uint8_t)(i >> 8);
		a.ip[3] = (uint8_t)i;
		crowd_add(&crowd, &a);
	}
	for (i = 0; i < CROWD_PLACES; i++)
		used += crowd.n[i] > 0;
	ck_assert_uint_ge(used, CROWD_PLACES / 2);
}
END_TEST

/* Of 200 strangers next door none is counted with who comes alone. */
START_TEST(test_alone)
{
	struct addr alone = host("198.19.21.1"), a = host("198.19.31.0");
	struct crowd crowd = {{0}};
	unsigned i;

	for (i = 1; i <= 200; i++) {
		a.ip[3] = (uint8_t)i;
		crowd_add(&crowd, &a);
		ck_assert_uint_eq(crowd_at(&crowd, &a), 1);
	}
	ck_assert_uint_eq(crowd_at(&crowd, &alone), 0);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_places);
	tcase_add_test(c, test_spread);
	tcase_add_test(c, test_alone);
}

int main(void)
{
	return suite_main("crowd", fill);
}
