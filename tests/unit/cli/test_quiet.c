/* Once per address and minute, also when there are many addresses. */
#include <check.h>
#include <stdlib.h>

#include "cli/quiet.h"
#include "tests/fixture/suite.h"

static struct addr host(unsigned i)
{
	uint8_t ip[4] = {10, 0, (uint8_t)(i >> 8), (uint8_t)i};

	return addr_v4(ip, (uint16_t)(1000 + i));
}

START_TEST(test_once_a_minute)
{
	struct quiet q = {0};
	struct addr one = host(1), two = host(2), port = host(1);
	uint32_t kept;

	port.port = 1;
	ck_assert(quiet_may_say(&q, &one, "no", 0, &kept));
	ck_assert_uint_eq(kept, 0);
	ck_assert(!quiet_may_say(&q, &one, "no", 1, &kept));
	ck_assert(!quiet_may_say(&q, &port, "no", QUIET_PERIOD - 1, &kept));
	ck_assert(quiet_may_say(&q, &two, "no", 1, &kept));
	ck_assert(quiet_may_say(&q, &one, "another reason", 1, &kept));
	ck_assert(quiet_may_say(&q, &one, "no", QUIET_PERIOD, &kept));
	ck_assert_uint_eq(kept, 2);
	ck_assert(!quiet_may_say(&q, &one, "no", QUIET_PERIOD + 1, &kept));
}
END_TEST

START_TEST(test_flood)
{
	static struct quiet q;
	unsigned i, said = 0;
	struct addr a;
	uint32_t kept;

	for (i = 0; i < 10 * QUIET_MAX; i++) {
		a = host(i);
		said += quiet_may_say(&q, &a, "no", (pias_time)i, &kept);
	}
	ck_assert_uint_eq(said, QUIET_MAX);
	a = host(9999);
	ck_assert(!quiet_may_say(&q, &a, "no", QUIET_PERIOD - 1, &kept));
	ck_assert(quiet_may_say(&q, &a, "no", QUIET_PERIOD, &kept)); /* the oldest went */
	a = host(1);
	ck_assert(!quiet_may_say(&q, &a, "no", QUIET_PERIOD, &kept));
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_once_a_minute);
	tcase_add_test(c, test_flood);
}

int main(void)
{
	return suite_main("quiet", fill);
}
