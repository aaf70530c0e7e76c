/* The ring's small CA: what it writes, with what rights, and what it refuses to do. */
#include <check.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fixture/ring_folder.h"
#include "tests/fixture/suite.h"

static const struct pki_validity usual;

static X509 *read_cert(const struct ring_folder *f, const char *name)
{
	char path[FOLDER_PATH_MAX];
	FILE *file = fopen(folder_path(f, name, path), "r");
	X509 *cert;

	ck_assert_ptr_nonnull(file);
	cert = PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	ck_assert_ptr_nonnull(cert);
	return cert;
}

static unsigned mode_of(const struct ring_folder *f, const char *name)
{
	char path[FOLDER_PATH_MAX];
	struct stat st;

	ck_assert_int_eq(stat(folder_path(f, name, path), &st), 0);
	return st.st_mode & 0777;
}

START_TEST(test_files_and_modes)
{
	struct ring_folder f;

	folder_init(&f, "lab");
	folder_issue(&f, PEER_KIND_AP, "ap1");
	ck_assert_uint_eq(mode_of(&f, "ca.key"), 0600);
	ck_assert_uint_eq(mode_of(&f, "ring.key"), 0600);
	ck_assert_uint_eq(mode_of(&f, "ap1.key"), 0600);
	ck_assert_uint_eq(mode_of(&f, "ca.crt") & 0444, 0444 & ~022);
	ck_assert_uint_eq(mode_of(&f, "ap1.crt") & 0111, 0);
	folder_fini(&f);
}
END_TEST

START_TEST(test_certificates)
{
	struct ring_folder f;
	struct tls_name name;
	char why[TLS_WHY_MAX];
	X509 *ca, *ap, *as;
	struct id id;

	folder_init(&f, "lab");
	id = folder_issue(&f, PEER_KIND_AP, "ap1");
	folder_issue(&f, PEER_KIND_SERVER, "web");
	ca = read_cert(&f, "ca.crt");
	ap = read_cert(&f, "ap1.crt");
	as = read_cert(&f, "web.crt");
	ck_assert_int_eq(X509_check_ca(ca), 1);
	ck_assert_int_eq(X509_check_ca(ap), 0);
	ck_assert_int_eq(X509_verify(ap, X509_get0_pubkey(ca)), 1);
	ck_assert_uint_eq(X509_get_extended_key_usage(ap),
			  XKU_SSL_SERVER | XKU_SSL_CLIENT);
	ck_assert_uint_eq(X509_get_extended_key_usage(as), XKU_SSL_CLIENT);
	ck_assert_uint_eq(X509_get_key_usage(ap), KU_DIGITAL_SIGNATURE);
	ck_assert_uint_eq(X509_get_key_usage(ca), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	ck_assert_int_eq(EVP_PKEY_get_id(X509_get0_pubkey(ap)), EVP_PKEY_ED25519);
	ck_assert_int_ne(
		ASN1_INTEGER_cmp(X509_get0_serialNumber(ap), X509_get0_serialNumber(as)),
		0);
	ck_assert_int_eq(tls_name_of(ap, &name, why), 0);
	ck_assert(id_eq(&name.id, &id) && name.kind == PEER_KIND_AP);
	ck_assert_int_eq(tls_name_of(as, &name, why), 0);
	ck_assert_str_eq(name.name, "web");
	X509_free(ca);
	X509_free(ap);
	X509_free(as);
	folder_fini(&f);
}
END_TEST

static int days_left(X509 *cert)
{
	int days, seconds;

	ck_assert(ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)));
	return seconds > 43200 ? days + 1 : days;
}

START_TEST(test_days)
{
	struct pki_validity v = {.days = 7};
	struct ring_folder f;
	X509 *cert;

	folder_init(&f, "lab");
	folder_issue(&f, PEER_KIND_AP, "a");
	folder_issue(&f, PEER_KIND_SERVER, "b");
	folder_issue_at(&f, PEER_KIND_SERVER, "c", &v);
	cert = read_cert(&f, "ca.crt");
	ck_assert_int_eq(days_left(cert), PKI_DAYS_CA);
	X509_free(cert);
	cert = read_cert(&f, "a.crt");
	ck_assert_int_eq(days_left(cert), PKI_DAYS_AP);
	ck_assert_int_lt(X509_cmp_current_time(X509_get0_notBefore(cert)), 0);
	X509_free(cert);
	cert = read_cert(&f, "b.crt");
	ck_assert_int_eq(days_left(cert), PKI_DAYS_AS);
	X509_free(cert);
	cert = read_cert(&f, "c.crt");
	ck_assert_int_eq(days_left(cert), 7);
	X509_free(cert);
	folder_fini(&f);
}
END_TEST

START_TEST(test_never_overwrites)
{
	uint8_t before[HASH_LEN], after[HASH_LEN];
	char path[FOLDER_PATH_MAX], why[PKI_WHY_MAX];
	struct pki_result result;
	struct ring_folder f;

	folder_init(&f, "lab");
	folder_issue(&f, PEER_KIND_AP, "ap1");
	folder_path(&f, "ring.key", path);
	ck_assert_int_eq(pki_read_ring_key(path, before, why), 0);
	ck_assert_int_ne(pki_init(f.dir, "lab", &usual, why), 0);
	ck_assert_msg(strstr(why, "not overwritten"), "%s", why);
	ck_assert_int_ne(
		pki_issue(f.dir, PEER_KIND_AP, "ap1", NULL, &usual, &result, why), 0);
	ck_assert_msg(strstr(why, "ap1.key"), "%s", why);
	ck_assert_int_eq(pki_read_ring_key(path, after, why), 0);
	ck_assert_mem_eq(before, after, HASH_LEN);
	/* A certificate alone is in the way as well, and no key is left behind. */
	ck_assert_int_eq(unlink(folder_path(&f, "ap1.key", path)), 0);
	ck_assert_int_ne(
		pki_issue(f.dir, PEER_KIND_AP, "ap1", NULL, &usual, &result, why), 0);
	ck_assert_int_ne(access(path, F_OK), 0);
	folder_fini(&f);
}
END_TEST

START_TEST(test_several_servers_of_one_owner)
{
	struct pki_result one, other;
	char why[PKI_WHY_MAX] = "";
	struct ring_folder f;
	X509 *cert;

	folder_init(&f, "lab");
	ck_assert_msg(
		!pki_issue(f.dir, PEER_KIND_SERVER, "team", "web1", &usual, &one, why),
		"%s", why);
	ck_assert_msg(
		!pki_issue(f.dir, PEER_KIND_SERVER, "team", "web2", &usual, &other, why),
		"%s", why);
	ck_assert(!id_eq(&one.name.id, &other.name.id));
	cert = read_cert(&f, "web2.crt");
	ck_assert_int_eq(tls_name_of(cert, &one.name, why), 0);
	ck_assert_str_eq(one.name.name, "team");
	ck_assert(id_eq(&one.name.id, &other.name.id));
	X509_free(cert);
	ck_assert_int_ne(
		pki_issue(f.dir, PEER_KIND_SERVER, "team", "../x", &usual, &one, why), 0);
	ck_assert_msg(strstr(why, "is no name"), "%s", why);
	folder_fini(&f);
}
END_TEST

START_TEST(test_bad_names)
{
	static const char *const bad[] = {"",	"a b",	"a/b",	   "../x",
					  "ca", "ring", "\xc3\xa4"};
	struct pki_result result;
	char why[PKI_WHY_MAX];
	struct ring_folder f;

	folder_init(&f, "lab");
	ck_assert_int_ne(
		pki_issue(f.dir, PEER_KIND_SERVER, bad[_i], NULL, &usual, &result, why),
		0);
	ck_assert_msg(strstr(why, "is no name"), "%s", why);
	folder_fini(&f);
}
END_TEST

START_TEST(test_without_ca)
{
	char dir[] = "/tmp/pias-test-XXXXXX", why[PKI_WHY_MAX];
	struct pki_result result;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_ne(pki_issue(dir, PEER_KIND_AP, "ap1", NULL, &usual, &result, why),
			 0);
	ck_assert_msg(strstr(why, "piasctl pki init"), "%s", why);
	ck_assert_int_ne(pki_init(dir, "no ring", &usual, why), 0);
	ck_assert_msg(strstr(why, "no name for a ring"), "%s", why);
	ck_assert_int_eq(rmdir(dir), 0); /* nothing was written */
}
END_TEST

START_TEST(test_ring_key)
{
	static const struct {
		const char *text;
		bool ok;
	} t[] = {
		{"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n",
		 true},
		{"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		 true},
		{"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1",
		 false},
		{"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f0",
		 false},
		{"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1g",
		 false},
		{"", false},
	};
	char path[] = "/tmp/pias-test-XXXXXX", why[PKI_WHY_MAX];
	int i, fd = mkstemp(path);
	uint8_t key[HASH_LEN];

	ck_assert_int_eq(write(fd, t[_i].text, strlen(t[_i].text)),
			 (int)strlen(t[_i].text));
	close(fd);
	ck_assert(!pki_read_ring_key(path, key, why) == t[_i].ok);
	for (i = 0; t[_i].ok && i < HASH_LEN; i++)
		ck_assert_uint_eq(key[i], (unsigned)i);
	unlink(path);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_files_and_modes);
	tcase_add_test(c, test_certificates);
	tcase_add_test(c, test_days);
	tcase_add_test(c, test_never_overwrites);
	tcase_add_test(c, test_several_servers_of_one_owner);
	tcase_add_loop_test(c, test_bad_names, 0, 7);
	tcase_add_test(c, test_without_ca);
	tcase_add_loop_test(c, test_ring_key, 0, 6);
}

int main(void)
{
	if (crypto_init())
		return EXIT_FAILURE;
	return suite_main("pki", fill);
}
