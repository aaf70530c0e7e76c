/* Group names: text both ways, bytes four ways, and the key they stand for. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/base/crypto.h"
#include "rendezvous/name.h"

static const char *const good[] = {
	"198.18.0.1:53/udp", "198.18.0.1:80/tcp",
	"198.18.0.1",	     "[2001:db8:a::1]:80/tcp",
	"2001:db8:a::1",     "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535/udp",
};

START_TEST(test_text_round_trip)
{
	char buf[GROUP_NAME_STR_MAX];
	struct group_name g, again;

	ck_assert_int_eq(group_name_parse(good[_i], &g), 0);
	ck_assert(group_name_is_valid(&g));
	ck_assert_str_eq(group_name_str(&g, buf), good[_i]);
	ck_assert_int_eq(group_name_parse(buf, &again), 0);
	ck_assert(group_name_eq(&g, &again));
	ck_assert(group_name_is_wide(&g) == !strchr(good[_i], '/'));
}
END_TEST

START_TEST(test_text_refused)
{
	static const char *const bad[] = {
		"",
		"/udp",
		"198.18.0.1/udp",
		"198.18.0.1:0/udp",
		"198.18.0.1:53",
		"198.18.0.1:53/",
		"198.18.0.1:53/sctp",
		"198.18.0.1:53/udpx",
		"198.18.0.1:65536/udp",
		"224.0.0.1:53/udp",
		"127.0.0.1:53/udp",
		"0.0.0.0",
		"[::1]:53/udp",
		"[ff02::1]:53/udp",
		"[2001:db8::1:53/udp",
		"example.org:53/udp",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111:2222:3333:4444/udp",
	};
	struct group_name g, before;

	ck_assert_int_lt(_i, (int)(sizeof(bad) / sizeof(*bad)));
	memset(&g, 0x5a, sizeof(g));
	before = g;
	ck_assert_int_eq(group_name_parse(bad[_i], &g), PIAS_EINVALID);
	ck_assert_mem_eq(&g, &before, sizeof(g));
}
END_TEST

START_TEST(test_order)
{
	static const char *const sorted[] = {
		"198.18.0.1",	     "198.18.0.1:53/tcp", "198.18.0.1:53/udp",
		"198.18.0.1:80/tcp", "198.18.0.2",	  "2001:db8:a::1",
	};
	struct group_name a, b;
	int i, j, n = sizeof(sorted) / sizeof(*sorted);

	for (i = 0; i < n; i++)
		for (j = 0; j < n; j++) {
			ck_assert_int_eq(group_name_parse(sorted[i], &a), 0);
			ck_assert_int_eq(group_name_parse(sorted[j], &b), 0);
			ck_assert((group_name_cmp(&a, &b) < 0) == (i < j));
			ck_assert((group_name_cmp(&a, &b) == 0) == (i == j));
		}
}
END_TEST

START_TEST(test_widen)
{
	struct group_name g, wide;

	ck_assert_int_eq(group_name_parse("198.18.0.1:53/udp", &g), 0);
	ck_assert_int_eq(group_name_parse("198.18.0.1", &wide), 0);
	g = group_name_widen(&g);
	ck_assert(group_name_eq(&g, &wide));
}
END_TEST

static const uint8_t golden[GROUP_NAME_LEN] = {4, 17, 0, 53, 198, 18, 0, 1};

START_TEST(test_wire)
{
	uint8_t buf[GROUP_NAME_LEN], *tight;
	struct group_name g, back;
	struct rd r;
	struct wr w;
	size_t n;

	ck_assert_int_eq(group_name_parse("198.18.0.1:53/udp", &g), 0);
	wr_init(&w, buf, sizeof(buf));
	group_name_write(&w, &g);
	ck_assert_int_eq(w.err, 0);
	ck_assert_mem_eq(buf, golden, sizeof(golden));
	for (n = 0; n <= sizeof(golden) + 1; n++) {
		tight = calloc(1, n ? n : 1);
		memcpy(tight, golden, n < sizeof(golden) ? n : sizeof(golden));
		rd_init(&r, tight, n);
		group_name_read(&r, &back);
		ck_assert_int_eq(rd_done(&r), n == sizeof(golden) ? 0 : PIAS_EMALFORMED);
		free(tight);
	}
	rd_init(&r, golden, sizeof(golden));
	group_name_read(&r, &back);
	ck_assert(group_name_eq(&g, &back));
}
END_TEST

/* One field wrong at a time. */
START_TEST(test_wire_invalid)
{
	static const struct {
		uint8_t at, value;
	} t[] = {{0, 5}, {0, 0}, {1, 1}, {1, 0}, {3, 0}, {4, 127}, {19, 1}};
	struct group_name g;
	uint8_t buf[GROUP_NAME_LEN];
	struct rd r;

	memcpy(buf, golden, sizeof(buf));
	buf[t[_i].at] = t[_i].value;
	rd_init(&r, buf, sizeof(buf));
	group_name_read(&r, &g);
	ck_assert_int_eq(rd_done(&r), PIAS_EMALFORMED);
}
END_TEST

/* sha256 of the golden bytes, computed with sha256sum. */
START_TEST(test_key)
{
	struct group_name g;
	char s[ID_STR_MAX];
	struct id key;

	ck_assert_int_eq(group_name_parse("198.18.0.1:53/udp", &g), 0);
	group_name_key(&g, &key);
	ck_assert_str_eq(id_str(&key, s), "063c0afcda883cc1ede50baf4c604779aac0081c");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("name");
	TCase *c = tcase_create("name");
	SRunner *r;
	int failed;

	if (crypto_init())
		return EXIT_FAILURE;
	tcase_add_loop_test(c, test_text_round_trip, 0, 6);
	tcase_add_loop_test(c, test_text_refused, 0, 17);
	tcase_add_test(c, test_order);
	tcase_add_test(c, test_widen);
	tcase_add_test(c, test_wire);
	tcase_add_loop_test(c, test_wire_invalid, 0, 7);
	tcase_add_test(c, test_key);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
