/* What keeps an AP from working on its host, on a made-up tree of sysctls. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/host.h"
#include "cli/host_check.h"
#include "tests/fixture/ring_folder.h"
#include "tests/fixture/suite.h"

static char root[64], why[HOST_CHECK_WHY_MAX];
static struct config c;

static void put(const char *name, const char *value)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(value, f);
	fclose(f);
}

static void setup(void)
{
	static const char *const folder[] = {
		"",	     "/net",	       "/net/ipv4",
		"/net/ipv6", "/net/ipv6/conf", "/net/ipv6/conf/all"};
	char path[256];
	unsigned i;

	strcpy(root, "/tmp/pias-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	for (i = 1; i < sizeof(folder) / sizeof(folder[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", root, folder[i]);
		ck_assert_int_eq(mkdir(path, 0700), 0);
	}
	put("net/ipv4/ip_forward", "1\n");
	put("net/ipv6/conf/all/forwarding", "1\n");
	put("net/ipv6/conf/all/disable_ipv6", "0\n");
	memset(&c, 0, sizeof(c));
	c.proxy.forward.n_prefixes = 2;
	ck_assert(!prefix_parse("198.18.0.0/24", &c.proxy.forward.prefix[0]));
	ck_assert(!prefix_parse("2001:db8:a::/48", &c.proxy.forward.prefix[1]));
	why[0] = '\0';
}

static void teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", root);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(test_forwarding)
{
	ck_assert_int_eq(host_check_forwarding(root, &c, why), 0);
	put("net/ipv4/ip_forward", "0\n");
	ck_assert_int_ne(host_check_forwarding(root, &c, why), 0);
	ck_assert_ptr_nonnull(strstr(why, "sysctl -w net/ipv4/ip_forward=1"));
	put("net/ipv4/ip_forward", "1\n");
	put("net/ipv6/conf/all/forwarding", "0\n");
	ck_assert_int_ne(host_check_forwarding(root, &c, why), 0);
	ck_assert_ptr_nonnull(strstr(why, "sysctl -w net/ipv6/conf/all/forwarding=1"));
	put("net/ipv6/conf/all/disable_ipv6", "1\n");
	ck_assert_int_ne(host_check_forwarding(root, &c, why), 0);
	ck_assert_ptr_nonnull(strstr(why, "disable_ipv6=0"));
}
END_TEST

/* A family without a prefix needs no forwarding. */
START_TEST(test_only_what_is_served)
{
	put("net/ipv6/conf/all/forwarding", "0\n");
	c.proxy.forward.n_prefixes = 1;
	ck_assert_int_eq(host_check_forwarding(root, &c, why), 0);
}
END_TEST

START_TEST(test_addresses)
{
	ck_assert_int_eq(addr_parse("127.0.0.1", 0, &c.proxy.forward.self[0]), 0);
	ck_assert_int_eq(host_check_addresses(&c, why), 0);
	ck_assert_int_eq(addr_parse("203.0.113.77", 0, &c.proxy.forward.self[0]), 0);
	ck_assert_int_ne(host_check_addresses(&c, why), 0);
	ck_assert_ptr_nonnull(strstr(why, "203.0.113.77 is not configured"));
}
END_TEST

START_TEST(test_name)
{
	struct tls_name n = {.ring = "lab", .kind = PEER_KIND_AP};

	strcpy(c.proxy.overlay.ring, "lab");
	strcpy(c.certificate, "/x/ap.crt");
	ck_assert_int_eq(host_check_name(&c, &n, why), 0);
	strcpy(n.ring, "other");
	ck_assert_int_eq(host_check_name(&c, &n, why), PIAS_ERING);
	ck_assert_ptr_nonnull(strstr(why, "of ring \"other\""));
	n.kind = PEER_KIND_SERVER;
	ck_assert_int_eq(host_check_name(&c, &n, why), PIAS_EAUTH);
	ck_assert_ptr_nonnull(strstr(why, "that of a server"));
}
END_TEST

START_TEST(test_credentials)
{
	char why_not[HOST_WHY_MAX];
	struct pki_validity past = {.days = 1, .not_before = 1577836800};
	struct ring_folder f;

	folder_init(&f, "lab");
	folder_issue(&f, PEER_KIND_AP, "ap1");
	folder_issue(&f, PEER_KIND_AP, "ap2");
	folder_path(&f, "ap1.crt", c.certificate);
	folder_path(&f, "ap1.key", c.key);
	folder_path(&f, "ca.crt", c.ca);
	folder_path(&f, "ring.key", c.ring_key);
	strcpy(c.proxy.overlay.ring, "lab");
	ck_assert_msg(!host_check_credentials(&c, why_not), "%s", why_not);
	folder_path(&f, "ap2.key", c.key);
	ck_assert_int_ne(host_check_credentials(&c, why_not), 0);
	ck_assert_ptr_nonnull(strstr(why_not, "ap2.key"));
	folder_path(&f, "ap1.key", c.key);
	strcpy(c.proxy.overlay.ring, "other");
	ck_assert_int_ne(host_check_credentials(&c, why_not), 0);
	ck_assert_ptr_nonnull(strstr(why_not, "of ring \"lab\""));
	strcpy(c.proxy.overlay.ring, "lab");
	folder_path(&f, "none.key", c.ring_key);
	ck_assert_int_ne(host_check_credentials(&c, why_not), 0);
	ck_assert_ptr_nonnull(strstr(why_not, "none.key"));
	folder_path(&f, "ring.key", c.ring_key);
	folder_issue_at(&f, PEER_KIND_AP, "old", &past);
	folder_path(&f, "old.crt", c.certificate);
	folder_path(&f, "old.key", c.key);
	ck_assert_int_ne(host_check_credentials(&c, why_not), 0);
	ck_assert_ptr_nonnull(strstr(why_not, "expired"));
	folder_fini(&f);
}
END_TEST

static void fill(TCase *t)
{
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_forwarding);
	tcase_add_test(t, test_only_what_is_served);
	tcase_add_test(t, test_addresses);
	tcase_add_test(t, test_name);
	tcase_add_test(t, test_credentials);
}

int main(void)
{
	return suite_main("host_check", fill);
}
