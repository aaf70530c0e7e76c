/* The checks of a server's host, on sysctls of a folder of our own. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/server_check.h"
#include "tests/fixture/suite.h"

static char root[64];
static char why[SERVER_CHECK_WHY_MAX];

static void make_folders(const char *path)
{
	char part[256];
	size_t i;

	snprintf(part, sizeof(part), "%s", path);
	for (i = 1; part[i]; i++) {
		if (part[i] != '/')
			continue;
		part[i] = '\0';
		ck_assert(mkdir(part, 0700) == 0 || errno == EEXIST);
		part[i] = '/';
	}
}

static void sysctl_set(const char *name, const char *value)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	make_folders(path);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fprintf(f, "%s\n", value);
	fclose(f);
}

static int sysctl_get(const char *name)
{
	char path[256];
	int v = -1;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%d", &v), 1);
	fclose(f);
	return v;
}

static void setup(void)
{
	strcpy(root, "/tmp/pias-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	why[0] = '\0';
}

static void teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", root);
	ck_assert_int_eq(system(command), 0);
}

static const struct {
	const char *all, *tun;
	int err, tun_after;
} filters[] = {
	{"0", "0", 0, 0},
	{"0", "1", 0, 0},
	{"0", "2", 0, 0},
	{"2", "1", 0, 0},
	{"1", "0", PIAS_ENOTREADY, 0},
	{"1", "2", PIAS_ENOTREADY, 2},
};

START_TEST(test_rp_filter)
{
	sysctl_set("net/ipv4/conf/all/rp_filter", filters[_i].all);
	sysctl_set("net/ipv4/conf/pj0/rp_filter", filters[_i].tun);
	ck_assert_int_eq(server_check_rp_filter(root, "pj0", why), filters[_i].err);
	ck_assert_int_eq(sysctl_get("net/ipv4/conf/pj0/rp_filter"),
			 filters[_i].tun_after);
	if (filters[_i].err)
		ck_assert_ptr_nonnull(
			strstr(why, "sysctl -w net.ipv4.conf.all.rp_filter=2"));
}
END_TEST

START_TEST(test_ipv6)
{
	ck_assert_int_eq(server_check_ipv6(root, "pj0", why), PIAS_ENOTREADY);
	ck_assert_ptr_nonnull(strstr(why, "no IPv6"));
	sysctl_set("net/ipv6/conf/lo/disable_ipv6", "1");
	sysctl_set("net/ipv6/conf/pj0/disable_ipv6", "1");
	ck_assert_int_eq(server_check_ipv6(root, "pj0", why), PIAS_ENOTREADY);
	ck_assert_ptr_nonnull(strstr(why, "sysctl -w net.ipv6.conf.lo.disable_ipv6=0"));
	sysctl_set("net/ipv6/conf/lo/disable_ipv6", "0");
	ck_assert_int_eq(server_check_ipv6(root, "pj0", why), PIAS_ENOTREADY);
	ck_assert_ptr_nonnull(strstr(why, "net.ipv6.conf.default.disable_ipv6=0"));
	sysctl_set("net/ipv6/conf/pj0/disable_ipv6", "0");
	ck_assert_int_eq(server_check_ipv6(root, "pj0", why), 0);
}
END_TEST

static struct addr address(const char *s)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(s, 0, &a), 0);
	return a;
}

/* 203.0.113.0/24 is for documentation: no host has it. */
static const struct {
	const char *unicast, *says;
} unicasts[] = {
	{"127.0.0.1", "can be sent to"},
	{"224.0.0.5", "can be sent to"},
	{"203.0.113.77", "not an address of this host"},
	{"2001:db8:ffff::77", "not an address of this host"},
};

START_TEST(test_unicast)
{
	struct addr unicast = address(unicasts[_i].unicast);
	struct addr anycast = address("198.18.0.1");

	ck_assert_int_eq(server_check_unicast(&unicast, &anycast, 1, why), PIAS_EINVALID);
	ck_assert_ptr_nonnull(strstr(why, unicasts[_i].says));
	ck_assert_ptr_nonnull(strstr(why, unicasts[_i].unicast));
}
END_TEST

static const struct {
	unsigned path, inner;
	bool has_v6;
	int err;
} mtus[] = {
	{1500, 1460, true, 0},
	{1500, 1460, false, 0},
	{1320, 1280, true, 0},
	{1319, 1279, true, PIAS_ENOTREADY},
	{1319, 1279, false, 0},
	{616, 576, false, 0},
	{615, 575, false, PIAS_ENOTREADY},
	{40, 0, false, PIAS_ENOTREADY},
};

START_TEST(test_mtu)
{
	ck_assert_int_eq(
		server_check_mtu(mtus[_i].path, mtus[_i].inner, mtus[_i].has_v6, why),
		mtus[_i].err);
	ck_assert(!mtus[_i].err == !strlen(why));
}
END_TEST

START_TEST(test_mtu_of_an_address)
{
	struct addr loopback = address("127.0.0.1"), foreign = address("203.0.113.77");

	ck_assert_uint_eq(server_mtu_of(&loopback, 1500), 1500);
	ck_assert_uint_eq(server_mtu_of(&foreign, 1400), 1400);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, test_rp_filter, 0, sizeof(filters) / sizeof(*filters));
	tcase_add_test(c, test_ipv6);
	tcase_add_loop_test(c, test_unicast, 0, sizeof(unicasts) / sizeof(*unicasts));
	tcase_add_loop_test(c, test_mtu, 0, sizeof(mtus) / sizeof(*mtus));
	tcase_add_test(c, test_mtu_of_an_address);
}

int main(void)
{
	return suite_main("server_check", fill);
}
