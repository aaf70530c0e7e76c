/*
 * Who may talk to whom: real TLS handshakes in memory between credentials that fit and
 * credentials that do not, and what both ends then say about it.
 */
#include <check.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fixture/ring_folder.h"
#include "tests/fixture/suite.h"

static struct ring_folder lab, other_ring, foreign;

static void setup(void)
{
	folder_init(&lab, "lab");
	folder_init(&other_ring, "other");
	folder_init(&foreign, "lab");
}

static void teardown(void)
{
	folder_fini(&lab);
	folder_fini(&other_ring);
	folder_fini(&foreign);
}

/* A handshake */

struct meeting {
	struct tls dialer, accepter;
	SSL *d, *a;
	bool d_failed, a_failed;
	char d_why[TLS_WHY_MAX], a_why[TLS_WHY_MAX];
	int d_err, a_err;
};

static void step(SSL *ssl, bool *failed, char *why, int *err)
{
	unsigned long code;
	char byte;
	int n, e;

	if (*failed)
		return;
	ERR_clear_error();
	n = SSL_is_init_finished(ssl) ? SSL_read(ssl, &byte, 1) : SSL_do_handshake(ssl);
	e = SSL_get_error(ssl, n);
	if (n > 0 || e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE)
		return;
	code = ERR_get_error();
	*failed = true;
	*err = tls_explain(ssl, code, why);
}

static void meet(struct meeting *m)
{
	BIO *left, *right;
	int i;

	ck_assert_int_eq(BIO_new_bio_pair(&left, 0, &right, 0), 1);
	m->d = tls_dial(&m->dialer);
	m->a = tls_accept(&m->accepter);
	SSL_set_bio(m->d, left, left);
	SSL_set_bio(m->a, right, right);
	for (i = 0; i < 10; i++) {
		step(m->d, &m->d_failed, m->d_why, &m->d_err);
		step(m->a, &m->a_failed, m->a_why, &m->a_err);
	}
}

static void part(struct meeting *m)
{
	SSL_free(m->d);
	SSL_free(m->a);
	tls_fini(&m->dialer);
	tls_fini(&m->accepter);
}

static void check_refused(struct meeting *m, const char *accepter_says,
			  const char *dialer_says)
{
	struct tls_name who;

	ck_assert(m->a_failed && m->d_failed);
	ck_assert_int_eq(m->a_err, PIAS_EAUTH);
	ck_assert_int_eq(m->d_err, PIAS_EDENIED);
	ck_assert_msg(strstr(m->a_why, accepter_says), "accepter: %s", m->a_why);
	ck_assert_msg(strstr(m->d_why, dialer_says), "dialer: %s", m->d_why);
	ck_assert_int_eq(tls_peer(m->a, &who), PIAS_EAUTH);
}

/* Those who fit */

START_TEST(test_two_aps)
{
	struct id one = folder_issue(&lab, PEER_KIND_AP, "ap1");
	struct id two = folder_issue(&lab, PEER_KIND_AP, "ap2");
	uint8_t key_d[OVERLAY_LINK_KEY_LEN], key_a[OVERLAY_LINK_KEY_LEN];
	struct meeting m = {0};
	struct tls_name who;

	folder_tls(&lab, "ap1", &lab, &m.dialer);
	folder_tls(&lab, "ap2", &lab, &m.accepter);
	meet(&m);
	ck_assert(!m.d_failed && !m.a_failed);
	ck_assert_int_eq(SSL_version(m.d), TLS1_3_VERSION);
	ck_assert_int_eq(tls_peer(m.d, &who), 0);
	ck_assert(id_eq(&who.id, &two) && who.kind == PEER_KIND_AP);
	ck_assert_str_eq(who.ring, "lab");
	ck_assert_int_eq(tls_peer(m.a, &who), 0);
	ck_assert(id_eq(&who.id, &one) && who.kind == PEER_KIND_AP);
	ck_assert_int_eq(tls_export(m.d, key_d), 0);
	ck_assert_int_eq(tls_export(m.a, key_a), 0);
	ck_assert_mem_eq(key_d, key_a, sizeof(key_d));
	part(&m);
}
END_TEST

START_TEST(test_server_and_ap)
{
	struct id server = folder_issue(&lab, PEER_KIND_SERVER, "web");
	struct meeting m = {0};
	struct tls_name who;

	folder_issue(&lab, PEER_KIND_AP, "ap1");
	folder_tls(&lab, "web", &lab, &m.dialer);
	folder_tls(&lab, "ap1", &lab, &m.accepter);
	meet(&m);
	ck_assert(!m.d_failed && !m.a_failed);
	ck_assert_int_eq(tls_peer(m.a, &who), 0);
	ck_assert(id_eq(&who.id, &server) && who.kind == PEER_KIND_SERVER);
	ck_assert_str_eq(who.name, "web");
	part(&m);
}
END_TEST

START_TEST(test_keys_differ_between_sessions)
{
	uint8_t first[OVERLAY_LINK_KEY_LEN], second[OVERLAY_LINK_KEY_LEN];
	struct meeting m = {0}, n = {0};

	folder_issue(&lab, PEER_KIND_AP, "ap1");
	folder_tls(&lab, "ap1", &lab, &m.dialer);
	folder_tls(&lab, "ap1", &lab, &m.accepter);
	folder_tls(&lab, "ap1", &lab, &n.dialer);
	folder_tls(&lab, "ap1", &lab, &n.accepter);
	meet(&m);
	meet(&n);
	ck_assert_int_eq(tls_export(m.d, first), 0);
	ck_assert_int_eq(tls_export(n.d, second), 0);
	ck_assert_mem_ne(first, second, sizeof(first));
	part(&m);
	part(&n);
}
END_TEST

/* Those who do not */

START_TEST(test_foreign_ca)
{
	struct meeting m = {0};

	folder_issue(&foreign, PEER_KIND_AP, "evil");
	folder_issue(&lab, PEER_KIND_AP, "ap1");
	folder_tls(&foreign, "evil", &lab, &m.dialer);
	folder_tls(&lab, "ap1", &lab, &m.accepter);
	meet(&m);
	check_refused(&m, "not signed by our CA", "not signed by its CA");
	part(&m);
}
END_TEST

START_TEST(test_dialer_refuses_foreign_accepter)
{
	struct meeting m = {0};

	folder_issue(&foreign, PEER_KIND_AP, "evil");
	folder_issue(&lab, PEER_KIND_AP, "ap1");
	folder_tls(&lab, "ap1", &lab, &m.dialer);
	folder_tls(&foreign, "evil", &lab, &m.accepter);
	meet(&m);
	ck_assert(m.d_failed && m.a_failed);
	ck_assert_ptr_nonnull(strstr(m.d_why, "not signed by our CA"));
	ck_assert_ptr_nonnull(strstr(m.a_why, "not signed by its CA"));
	part(&m);
}
END_TEST

START_TEST(test_expired)
{
	struct pki_validity v = {.days = 1, .not_before = 1577836800};
	struct meeting m = {0};

	folder_issue_at(&lab, PEER_KIND_AP, "old", &v);
	folder_issue(&lab, PEER_KIND_AP, "ap1");
	folder_tls(&lab, "old", &lab, &m.dialer);
	folder_tls(&lab, "ap1", &lab, &m.accepter);
	meet(&m);
	check_refused(&m, "expired on 2020-01-02 00:00:00 UTC", "expired");
	part(&m);
}
END_TEST

START_TEST(test_not_yet_valid)
{
	struct pki_validity v = {.days = 1, .not_before = time(NULL) + 3600};
	struct meeting m = {0};

	folder_issue_at(&lab, PEER_KIND_AP, "new", &v);
	folder_issue(&lab, PEER_KIND_AP, "ap1");
	folder_tls(&lab, "new", &lab, &m.dialer);
	folder_tls(&lab, "ap1", &lab, &m.accepter);
	meet(&m);
	check_refused(&m, "not valid before", "not yet valid there");
	part(&m);
}
END_TEST

/* The clock of one host may be an hour behind the one that made the certificates. */
START_TEST(test_clock_an_hour_off)
{
	X509_VERIFY_PARAM *p;
	struct meeting m = {0};

	folder_issue(&lab, PEER_KIND_AP, "ap1");
	folder_issue(&lab, PEER_KIND_AP, "ap2");
	folder_tls(&lab, "ap1", &lab, &m.dialer);
	folder_tls(&lab, "ap2", &lab, &m.accepter);
	p = SSL_CTX_get0_param(m.accepter.ctx);
	X509_VERIFY_PARAM_set_time(p, time(NULL) - 3600);
	meet(&m);
	ck_assert(!m.d_failed && !m.a_failed);
	part(&m);
}
END_TEST

/* A certificate that the lab's own CA signed, but with a name of our making. */
static void forge(const char *file, const char *uri, const char *key_file)
{
	char path[FOLDER_PATH_MAX];
	FILE *f = fopen(folder_path(&lab, "ca.key", path), "r");
	EVP_PKEY *ca_key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	X509 *ca, *cert = X509_new();
	X509_EXTENSION *ext;

	fclose(f);
	f = fopen(folder_path(&lab, "ca.crt", path), "r");
	ca = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 7);
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_issuer_name(cert, X509_get_subject_name(ca));
	X509_set_pubkey(cert, key);
	ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, uri);
	ck_assert_ptr_nonnull(ext);
	X509_add_ext(cert, ext, -1);
	ck_assert_int_gt(X509_sign(cert, ca_key, NULL), 0);
	f = fopen(folder_path(&lab, file, path), "w");
	PEM_write_X509(f, cert);
	fclose(f);
	f = fopen(folder_path(&lab, key_file, path), "w");
	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	X509_EXTENSION_free(ext);
	X509_free(cert);
	X509_free(ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
}

/* Loads what tls_init would refuse, so that the other end has to. */
static void load_forged(struct tls *t, const char *cert, const char *key)
{
	char path[FOLDER_PATH_MAX];

	SSL_CTX_use_certificate_file(t->ctx, folder_path(&lab, cert, path),
				     SSL_FILETYPE_PEM);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey_file(t->ctx, folder_path(&lab, key, path),
						     SSL_FILETYPE_PEM),
			 1);
}

START_TEST(test_forged_name)
{
	static const struct {
		const char *uri, *says;
	} t[] = {
		{"URI:spiffe://lab/ap/00112233445566778899aabbccddeeff00112233",
		 "not that of its key"},
		{"URI:spiffe://lab/ap/0011", "carries no pias name"},
		{"URI:https://lab/ap/x", "carries no pias name"},
		{"DNS:lab", "carries no pias name"},
		{"URI:spiffe://lab/ap/00112233445566778899aabbccddeeff00112233,"
		 "URI:spiffe://lab/ap/00112233445566778899aabbccddeeff00112233",
		 "carries no pias name"},
	};
	struct meeting m = {0};

	folder_issue(&lab, PEER_KIND_AP, "ap1");
	forge("forged.crt", t[_i].uri, "forged.key");
	folder_tls(&lab, "ap1", &lab, &m.dialer);
	load_forged(&m.dialer, "forged.crt", "forged.key");
	folder_tls(&lab, "ap1", &lab, &m.accepter);
	meet(&m);
	check_refused(&m, t[_i].says, "refused our certificate");
	part(&m);
}
END_TEST

START_TEST(test_own_dates)
{
	struct pki_validity past = {.days = 1, .not_before = 1577836800};
	struct pki_validity future = {.days = 1, .not_before = time(NULL) + 3600};
	char why[TLS_WHY_MAX];
	struct tls t;

	folder_issue(&lab, PEER_KIND_AP, "now");
	folder_issue_at(&lab, PEER_KIND_AP, "past", &past);
	folder_issue_at(&lab, PEER_KIND_AP, "future", &future);
	folder_tls(&lab, "now", &lab, &t);
	ck_assert_int_eq(tls_check_time(&t, why), 0);
	tls_fini(&t);
	folder_tls(&lab, "past", &lab, &t);
	ck_assert_int_eq(tls_check_time(&t, why), PIAS_EAUTH);
	ck_assert_ptr_nonnull(strstr(why, "expired on 2020-01-02"));
	tls_fini(&t);
	folder_tls(&lab, "future", &lab, &t);
	ck_assert_int_eq(tls_check_time(&t, why), PIAS_EAUTH);
	ck_assert_ptr_nonnull(strstr(why, "not yet valid"));
	tls_fini(&t);
}
END_TEST

/* Two rings may share a CA: the name decides. */
START_TEST(test_wrong_ring)
{
	struct meeting m = {0};

	folder_issue(&other_ring, PEER_KIND_AP, "ap1");
	folder_issue(&lab, PEER_KIND_AP, "ap1");
	folder_tls(&other_ring, "ap1", &lab, &m.dialer);
	strcpy(m.dialer.self.ring, "lab"); /* would not mind, so that we have to */
	folder_tls(&lab, "ap1", &other_ring, &m.accepter);
	meet(&m);
	check_refused(&m, "of ring \"other\", ours is \"lab\"", "another ring");
	part(&m);
}
END_TEST

/* A server's certificate does not make an anycast proxy, whichever end it is at. */
START_TEST(test_wrong_kind)
{
	struct meeting m = {0};

	folder_issue(&lab, PEER_KIND_SERVER, "web");
	folder_issue(&lab, PEER_KIND_AP, "ap1");
	folder_tls(&lab, "web", &lab, &m.dialer);
	m.dialer.self.kind = PEER_KIND_AP; /* speaks as an AP would */
	folder_tls(&lab, "ap1", &lab, &m.accepter);
	meet(&m);
	check_refused(&m, "that of a server", "not of the kind");
	part(&m);
}
END_TEST

START_TEST(test_server_cannot_accept)
{
	struct meeting m = {0};

	folder_issue(&lab, PEER_KIND_SERVER, "web");
	folder_issue(&lab, PEER_KIND_AP, "ap1");
	folder_tls(&lab, "ap1", &lab, &m.dialer);
	folder_tls(&lab, "web", &lab, &m.accepter);
	meet(&m);
	ck_assert(m.d_failed && m.a_failed);
	ck_assert_int_eq(m.d_err, PIAS_EAUTH);
	part(&m);
}
END_TEST

START_TEST(test_no_certificate)
{
	struct meeting m = {0};
	SSL_CTX *bare = SSL_CTX_new(TLS_method());
	char byte;

	folder_issue(&lab, PEER_KIND_AP, "ap1");
	folder_tls(&lab, "ap1", &lab, &m.dialer);
	folder_tls(&lab, "ap1", &lab, &m.accepter);
	SSL_CTX_free(m.dialer.ctx);
	m.dialer.ctx = bare;
	meet(&m);
	ck_assert(m.a_failed);
	ck_assert_int_eq(m.a_err, PIAS_EAUTH);
	ck_assert_ptr_nonnull(strstr(m.a_why, "no certificate"));
	ck_assert_int_le(SSL_read(m.d, &byte, 1), 0);
	part(&m);
}
END_TEST

/* Names */

#define HEX "00112233445566778899aabbccddeeff00112233"

START_TEST(test_name_parse)
{
	static const struct {
		const char *uri;
		bool ok;
	} t[] = {
		{"spiffe://lab/ap/" HEX, true},
		{"spiffe://lab/as/web.example/" HEX, true},
		{"spiffe://lab/as/" HEX, false},
		{"spiffe://lab/ap/web/" HEX, false},
		{"spiffe://lab/ax/" HEX, false},
		{"spiffe:///ap/" HEX, false},
		{"spiffe://l b/ap/" HEX, false},
		{"spiffe://lab/ap/" HEX "0", false},
		{"spiffe://lab/ap/" HEX "/", false},
		{"spiffe://lab/as//" HEX, false},
		{"spiffe://lab", false},
		{"", false},
		{"spiffe://"
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		 "/ap/" HEX,
		 false},
	};
	struct tls_name n;

	ck_assert(!tls_name_parse(t[_i].uri, strlen(t[_i].uri), &n) == t[_i].ok);
}
END_TEST

/* Every cut of a good name is refused, and so is a name with a NUL in it. */
START_TEST(test_name_cut)
{
	static const char uri[] = "spiffe://lab/as/web/" HEX;
	char bad[sizeof(uri)];
	struct tls_name n;
	size_t i;

	for (i = 0; i < sizeof(uri) - 1; i++)
		ck_assert_int_eq(tls_name_parse(uri, i, &n), PIAS_EMALFORMED);
	memcpy(bad, uri, sizeof(uri));
	bad[12] = '\0';
	ck_assert_int_eq(tls_name_parse(bad, sizeof(uri) - 1, &n), PIAS_EMALFORMED);
}
END_TEST

/* Files */

START_TEST(test_files)
{
	char crt[FOLDER_PATH_MAX], key[FOLDER_PATH_MAX], ca[FOLDER_PATH_MAX];
	char other[FOLDER_PATH_MAX], none[FOLDER_PATH_MAX], why[TLS_WHY_MAX];
	struct tls t;

	folder_issue(&lab, PEER_KIND_AP, "ap1");
	folder_issue(&lab, PEER_KIND_AP, "ap2");
	folder_path(&lab, "ap1.crt", crt);
	folder_path(&lab, "ap1.key", key);
	folder_path(&lab, "ap2.key", other);
	folder_path(&lab, "ca.crt", ca);
	folder_path(&lab, "absent", none);
	ck_assert_int_eq(tls_init(&t, crt, other, ca, why), PIAS_EAUTH);
	ck_assert_msg(strstr(why, "does not belong to"), "%s", why);
	ck_assert_int_eq(tls_init(&t, none, key, ca, why), PIAS_EAUTH);
	ck_assert_msg(strstr(why, "absent: No such file"), "%s", why);
	ck_assert_int_eq(tls_init(&t, crt, none, ca, why), PIAS_EAUTH);
	ck_assert_msg(strstr(why, "absent: No such file"), "%s", why);
	ck_assert_int_eq(tls_init(&t, crt, key, none, why), PIAS_EAUTH);
	ck_assert_msg(strstr(why, "absent: No such file"), "%s", why);
	ck_assert_int_eq(tls_init(&t, key, key, ca, why), PIAS_EAUTH);
	ck_assert_int_eq(tls_init(&t, ca, other, ca, why), PIAS_EAUTH);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_two_aps);
	tcase_add_test(c, test_server_and_ap);
	tcase_add_test(c, test_keys_differ_between_sessions);
	tcase_add_test(c, test_foreign_ca);
	tcase_add_test(c, test_dialer_refuses_foreign_accepter);
	tcase_add_test(c, test_expired);
	tcase_add_test(c, test_not_yet_valid);
	tcase_add_test(c, test_clock_an_hour_off);
	tcase_add_loop_test(c, test_forged_name, 0, 5);
	tcase_add_test(c, test_own_dates);
	tcase_add_test(c, test_wrong_ring);
	tcase_add_test(c, test_wrong_kind);
	tcase_add_test(c, test_server_cannot_accept);
	tcase_add_test(c, test_no_certificate);
	tcase_add_loop_test(c, test_name_parse, 0, 13);
	tcase_add_test(c, test_name_cut);
	tcase_add_test(c, test_files);
}

int main(void)
{
	return suite_main("tls", fill);
}
