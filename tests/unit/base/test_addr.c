/* Addresses and prefixes: text, bytes, membership, and what may be sent to. */
#include <string.h>

#include "overlay/base/addr.h"
#include "tests/fixture/suite.h"

static const struct {
	const char *in;
	uint16_t port;
	const char *out; /* NULL: refused */
} texts[] = {
	{"192.0.2.1", 0, "192.0.2.1"},
	{"192.0.2.1", 53, "192.0.2.1:53"},
	{"192.0.2.1:80", 53, "192.0.2.1:80"},
	{"192.0.2.1:65535", 0, "192.0.2.1:65535"},
	{"2001:db8::1", 0, "2001:db8::1"},
	{"2001:db8::1", 7427, "[2001:db8::1]:7427"},
	{"[2001:db8::1]", 0, "2001:db8::1"},
	{"[2001:db8::1]:53", 7427, "[2001:db8::1]:53"},
	{"::", 0, "::"},
	{"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", 65535,
	 "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
	{"", 0, NULL},
	{"192.0.2", 0, NULL},
	{"192.0.2.256", 0, NULL},
	{"192.0.2.1:", 0, NULL},
	{"192.0.2.1:65536", 0, NULL},
	{"192.0.2.1:99999999999999999999", 0, NULL},
	{"192.0.2.1:8a", 0, NULL},
	{"192.0.2.1:-1", 0, NULL},
	{"[2001:db8::1", 0, NULL},
	{"[2001:db8::1]53", 0, NULL},
	{"[2001:db8::1]:", 0, NULL},
	{"2001:db8::g", 0, NULL},
	{"localhost", 0, NULL},
	{" 192.0.2.1", 0, NULL},
	{"00000000000000000000000000000000000000000000000000000000001", 0, NULL},
};

START_TEST(test_text)
{
	char s[ADDR_STR_MAX];
	struct addr a, b;
	int err = addr_parse(texts[_i].in, texts[_i].port, &a);

	if (!texts[_i].out) {
		ck_assert_int_eq(err, PIAS_EINVALID);
		return;
	}
	ck_assert_int_eq(err, 0);
	ck_assert_str_eq(addr_str(&a, s), texts[_i].out);
	ck_assert_int_eq(addr_parse(s, 0, &b), 0);
	ck_assert(addr_eq(&a, &b));
}
END_TEST

START_TEST(test_equality)
{
	uint8_t ip[16] = {192, 0, 2, 1};
	struct addr v4 = addr_v4(ip, 1), v6 = addr_v6(ip, 1), other = addr_v4(ip, 2);
	struct addr none = {0};
	char s[ADDR_STR_MAX];

	ck_assert(!addr_eq(&v4, &v6)); /* equal bytes of another family */
	ck_assert(!addr_host_eq(&v4, &v6));
	ck_assert(addr_host_eq(&v4, &other));
	ck_assert(!addr_eq(&v4, &other));
	ck_assert(addr_is_none(&none) && !addr_is_none(&v4));
	ck_assert_uint_eq(addr_ip_len(&v4), 4);
	ck_assert_uint_eq(addr_ip_len(&v6), 16);
	ck_assert_uint_eq(addr_ip_len(&none), 0);
	ck_assert_str_eq(addr_str(&none, s), "none");
}
END_TEST

static const struct {
	const char *text;
	bool is_unicast;
} uses[] = {
	{"192.0.2.1", true},
	{"198.18.0.1", true},
	{"10.0.0.1", true},
	{"223.255.255.255", true},
	{"0.0.0.0", false},
	{"0.1.2.3", false},
	{"127.0.0.1", false},
	{"127.255.0.1", false},
	{"224.0.0.1", false},
	{"240.0.0.1", false},
	{"255.255.255.255", false},
	{"2001:db8::1", true},
	{"fe80::1", true},
	{"::", false},
	{"::1", false},
	{"ff02::1", false},
	{"::ffff:192.0.2.1", false},
	{"::fffe:192.0.2.1", true},
};

START_TEST(test_unicast)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(uses[_i].text, 1, &a), 0);
	ck_assert(addr_is_unicast(&a) == uses[_i].is_unicast);
}
END_TEST

START_TEST(test_none_is_not_unicast)
{
	struct addr none = {0};

	ck_assert(!addr_is_unicast(&none));
}
END_TEST

static const struct {
	const char *text; /* NULL: none */
	uint16_t port;
	uint8_t len;
	uint8_t wire[19];
} wires[] = {
	{NULL, 0, 1, {0}},
	{"192.0.2.1", 7427, 7, {4, 192, 0, 2, 1, 0x1d, 0x03}},
	{"2001:db8::1",
	 53,
	 19,
	 {6, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 53}},
};

START_TEST(test_wire)
{
	struct addr a = {0}, b;
	uint8_t buf[32], *exact;
	struct wr w;
	struct rd r;
	size_t n;

	if (wires[_i].text)
		ck_assert_int_eq(addr_parse(wires[_i].text, wires[_i].port, &a), 0);
	wr_init(&w, buf, sizeof(buf));
	addr_write(&w, &a);
	ck_assert_uint_eq(wr_len(&w), wires[_i].len);
	ck_assert_mem_eq(buf, wires[_i].wire, wires[_i].len);
	for (n = 0; n <= wires[_i].len; n++) {
		exact = malloc(n ? n : 1);
		memcpy(exact, buf, n);
		rd_init(&r, exact, n);
		addr_read(&r, &b);
		ck_assert_int_eq(rd_done(&r), n == wires[_i].len ? 0 : PIAS_EMALFORMED);
		free(exact);
	}
	ck_assert(addr_eq(&a, &b));
	rd_init(&r, buf, (size_t)wires[_i].len + 1);
	addr_read(&r, &b);
	ck_assert_int_eq(rd_done(&r), PIAS_EMALFORMED);
}
END_TEST

START_TEST(test_wire_bad_family)
{
	static const uint8_t bad[] = {5, 1, 2, 3, 4, 0, 1};
	struct addr a;
	struct rd r;

	rd_init(&r, bad, sizeof(bad));
	addr_read(&r, &a);
	ck_assert_int_eq(rd_done(&r), PIAS_EMALFORMED);
	ck_assert(addr_is_none(&a));
}
END_TEST

static const struct {
	const char *text;
	const char *in, *out; /* NULL text result: refused */
} prefixes[] = {
	{"198.18.0.0/24", "198.18.0.255", "198.18.1.0"},
	{"198.18.0.0/15", "198.19.255.255", "198.20.0.0"},
	{"192.0.2.1/32", "192.0.2.1", "192.0.2.0"},
	{"2001:db8:a::/48", "2001:db8:a:ffff::1", "2001:db8:b::1"},
	{"2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"},
	{"0.0.0.0/0", "203.0.113.9", "2001:db8::"},
	{"2001:db8::1/128", "2001:db8::1", "2001:db8::"},
	{"198.18.0.1/24", NULL, NULL},
	{"198.18.0.0/33", NULL, NULL},
	{"198.18.0.0", NULL, NULL},
	{"198.18.0.0/", NULL, NULL},
	{"198.18.0.0/x", NULL, NULL},
	{"198.18.0.0:53/24", NULL, NULL},
	{"2001:db8::1/64", NULL, NULL},
	{"2001:db8::/129", NULL, NULL},
};

START_TEST(test_prefix)
{
	char s[PREFIX_STR_MAX];
	struct addr in, out;
	struct prefix p;
	int err = prefix_parse(prefixes[_i].text, &p);

	if (!prefixes[_i].in) {
		ck_assert_int_eq(err, PIAS_EINVALID);
		return;
	}
	ck_assert_int_eq(err, 0);
	ck_assert_str_eq(prefix_str(&p, s), prefixes[_i].text);
	ck_assert_int_eq(addr_parse(prefixes[_i].in, 9, &in), 0);
	ck_assert_int_eq(addr_parse(prefixes[_i].out, 9, &out), 0);
	ck_assert(prefix_has(&p, &in));
	ck_assert(!prefix_has(&p, &out));
}
END_TEST

START_TEST(test_prefixes)
{
	struct prefix p[2];
	struct addr a;

	ck_assert_int_eq(prefix_parse("198.18.0.0/24", &p[0]), 0);
	ck_assert_int_eq(prefix_parse("2001:db8:a::/48", &p[1]), 0);
	ck_assert_int_eq(addr_parse("2001:db8:a::1", 0, &a), 0);
	ck_assert(prefixes_have(p, 2, &a));
	ck_assert(!prefixes_have(p, 1, &a));
	ck_assert(!prefixes_have(p, 0, &a));
	ck_assert_int_eq(addr_parse("198.18.1.1", 0, &a), 0);
	ck_assert(!prefixes_have(p, 2, &a));
}
END_TEST

#define N(table) ((int)(sizeof(table) / sizeof(table[0])))

static void fill(TCase *c)
{
	tcase_add_loop_test(c, test_text, 0, N(texts));
	tcase_add_test(c, test_equality);
	tcase_add_loop_test(c, test_unicast, 0, N(uses));
	tcase_add_test(c, test_none_is_not_unicast);
	tcase_add_loop_test(c, test_wire, 0, N(wires));
	tcase_add_test(c, test_wire_bad_family);
	tcase_add_loop_test(c, test_prefix, 0, N(prefixes));
	tcase_add_test(c, test_prefixes);
}

int main(void)
{
	return suite_main("addr", fill);
}
