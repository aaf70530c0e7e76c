/*
 * Keys and certificates by OpenSSL. The CA's certificate names its ring in a URI SAN,
 * so that issuing needs nothing but the folder. Files are created exclusively, keys
 * with mode 0600; what a failed call has created it removes.
 */
#include "cli/pki.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_LEN   4096
#define URI_LEN	   256
#define RING_URI   "spiffe://"
#define SERIAL_LEN 20

struct ca {
	X509 *cert;
	EVP_PKEY *key;
	char ring[RING_NAME_MAX + 1];
};

/* What makes one certificate different from another. */
struct profile {
	const char *common_name;
	const char *uri;
	const char *basic, *usage, *extended; /* X.509v3 extensions; NULL: none */
	const struct pki_validity *validity;
	int default_days;
};

__attribute__((format(printf, 2, 3))) static int problem(char *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, PKI_WHY_MAX, fmt, ap);
	va_end(ap);
	return PIAS_ESYSTEM;
}

static int crypto_problem(char *why)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	problem(why, "OpenSSL: %s", text ? text : "failed");
	return PIAS_ECRYPTO;
}

/* Files */

static int make_path(char out[PATH_LEN], const char *dir, const char *name,
		     const char *suffix, char *why)
{
	if (snprintf(out, PATH_LEN, "%s/%s%s", dir, name, suffix) < PATH_LEN)
		return 0;
	return problem(why, "the path of the folder is too long");
}

static FILE *create(const char *path, mode_t mode, char *why)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (f)
		return f;
	problem(why, "%.200s: %s%s", path, strerror(errno),
		errno == EEXIST ? "; it is not overwritten: choose another name, or "
				  "remove it yourself"
				: "");
	if (fd >= 0)
		close(fd);
	return NULL;
}

/* Closes @f; a file that could not be written completely is removed. */
static int finish(FILE *f, const char *path, bool is_ok, char *why)
{
	int err = is_ok && !fflush(f) && !fsync(fileno(f)) ? 0 : errno;

	if (fclose(f) && !err)
		err = errno;
	if (!err && is_ok)
		return 0;
	unlink(path);
	return problem(why, "%.200s: %s", path,
		       err ? strerror(err) : "cannot be written");
}

static int write_key(const char *path, EVP_PKEY *key, char *why)
{
	FILE *f = create(path, 0600, why);

	if (!f)
		return PIAS_ESYSTEM;
	return finish(f, path, PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL),
		      why);
}

static int write_cert(const char *path, X509 *cert, char *why)
{
	FILE *f = create(path, 0644, why);

	if (!f)
		return PIAS_ESYSTEM;
	return finish(f, path, PEM_write_X509(f, cert), why);
}

static int write_pair(const char *dir, const char *name, EVP_PKEY *key, X509 *cert,
		      char *why)
{
	char key_path[PATH_LEN], cert_path[PATH_LEN];
	int err = make_path(key_path, dir, name, ".key", why);

	if (!err)
		err = make_path(cert_path, dir, name, ".crt", why);
	if (!err)
		err = write_key(key_path, key, why);
	if (err)
		return err;
	err = write_cert(cert_path, cert, why);
	if (err)
		unlink(key_path);
	return err;
}

static int write_ring_key(const char *dir, char *why)
{
	uint8_t key[HASH_LEN];
	char path[PATH_LEN];
	FILE *f;
	int i, err = make_path(path, dir, "ring", ".key", why);

	if (err)
		return err;
	if (RAND_bytes(key, sizeof(key)) != 1)
		return crypto_problem(why);
	f = create(path, 0600, why);
	for (i = 0; f && i < HASH_LEN; i++)
		fprintf(f, "%02x", key[i]);
	crypto_wipe(key, sizeof(key));
	if (!f)
		return PIAS_ESYSTEM;
	return finish(f, path, fputc('\n', f) == '\n' && !ferror(f), why);
}

static int hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int pki_read_ring_key(const char *file, uint8_t out[static HASH_LEN],
		      char why[static PKI_WHY_MAX])
{
	FILE *f = fopen(file, "re");
	char text[2 * HASH_LEN + 2] = "";
	size_t i, n;
	int hi, lo;

	if (!f)
		return problem(why, "ring key %.200s: %s", file, strerror(errno));
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	if (n == 2 * HASH_LEN + 1 && text[n - 1] == '\n')
		n--;
	for (i = 0; n == 2 * HASH_LEN && i < HASH_LEN; i++) {
		hi = hex_digit(text[2 * i]);
		lo = hex_digit(text[2 * i + 1]);
		if (hi < 0 || lo < 0)
			break;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	crypto_wipe(text, sizeof(text));
	if (n == 2 * HASH_LEN && i == HASH_LEN)
		return 0;
	problem(why, "ring key %.200s: it must hold 64 hexadecimal digits on one line",
		file);
	return PIAS_EMALFORMED;
}

/* Certificates */

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX ctx;
	int ok;

	if (!value)
		return true;
	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext && X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
	return ok;
}

static bool set_serial(X509 *cert)
{
	uint8_t bytes[SERIAL_LEN];
	BIGNUM *n;
	bool ok;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	bytes[0] &= 0x7f; /* positive in 20 octets */
	bytes[0] |= 0x40;
	n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
	BN_free(n);
	return ok;
}

static time_t start_of(const struct pki_validity *v)
{
	return v->not_before ? v->not_before : time(NULL) - PKI_BACKDATE_S;
}

/* Counted from now where the start is the default, so that "30 days" are 30 days. */
static time_t end_of(const struct pki_validity *v, int default_days)
{
	time_t from = v->not_before ? v->not_before : time(NULL);

	return from + (time_t)(v->days ? v->days : default_days) * 86400;
}

static bool fill(X509 *cert, EVP_PKEY *key, X509 *issuer, const struct profile *p)
{
	X509_NAME *subject = X509_get_subject_name(cert);
	char san[URI_LEN + 8];

	snprintf(san, sizeof(san), "URI:%s", p->uri);
	return X509_set_version(cert, X509_VERSION_3) && set_serial(cert) &&
	       ASN1_TIME_set(X509_getm_notBefore(cert), start_of(p->validity)) &&
	       ASN1_TIME_set(X509_getm_notAfter(cert),
			     end_of(p->validity, p->default_days)) &&
	       X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
					  (const unsigned char *)p->common_name, -1, -1,
					  0) &&
	       X509_set_issuer_name(cert, X509_get_subject_name(issuer)) &&
	       X509_set_pubkey(cert, key) &&
	       add_extension(cert, issuer, NID_basic_constraints, p->basic) &&
	       add_extension(cert, issuer, NID_key_usage, p->usage) &&
	       add_extension(cert, issuer, NID_ext_key_usage, p->extended) &&
	       add_extension(cert, issuer, NID_subject_alt_name, san) &&
	       add_extension(cert, issuer, NID_subject_key_identifier, "hash") &&
	       add_extension(cert, issuer, NID_authority_key_identifier, "keyid");
}

/* @ca NULL: signed by its own key. NULL on failure. */
static X509 *make_cert(EVP_PKEY *key, const struct ca *ca, const struct profile *p)
{
	X509 *cert = X509_new();

	if (cert && fill(cert, key, ca ? ca->cert : cert, p) &&
	    X509_sign(cert, ca ? ca->key : key, NULL))
		return cert;
	X509_free(cert);
	return NULL;
}

/* The CA */

static int make_folder(const char *dir, char *why)
{
	if (!mkdir(dir, 0700) || errno == EEXIST)
		return 0;
	return problem(why, "%.200s: %s", dir, strerror(errno));
}

int pki_init(const char *dir, const char *ring, const struct pki_validity *v,
	     char why[static PKI_WHY_MAX])
{
	char name[RING_NAME_MAX + 16], uri[URI_LEN];
	struct profile p = {
		.common_name = name,
		.uri = uri,
		.basic = "critical,CA:TRUE,pathlen:0",
		.usage = "critical,keyCertSign,cRLSign",
		.validity = v,
		.default_days = PKI_DAYS_CA,
	};
	EVP_PKEY *key;
	X509 *cert;
	int err;

	if (!tls_word_is_valid(ring, RING_NAME_MAX))
		return problem(
			why,
			"\"%.80s\" is no name for a ring: 1 to %d letters, digits, "
			"'.', '_' or '-'",
			ring, RING_NAME_MAX);
	if (make_folder(dir, why))
		return PIAS_ESYSTEM;
	snprintf(name, sizeof(name), "pias ring %s", ring);
	snprintf(uri, sizeof(uri), RING_URI "%s", ring);
	key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	cert = key ? make_cert(key, NULL, &p) : NULL;
	err = cert ? write_pair(dir, "ca", key, cert, why) : crypto_problem(why);
	if (!err)
		err = write_ring_key(dir, why);
	X509_free(cert);
	EVP_PKEY_free(key);
	return err;
}

static FILE *open_part(const char *dir, const char *suffix, char *why)
{
	char path[PATH_LEN];
	FILE *f;

	if (make_path(path, dir, "ca", suffix, why))
		return NULL;
	f = fopen(path, "re");
	if (!f)
		problem(why, "%.200s: %s (piasctl pki init makes a ring's CA)", path,
			strerror(errno));
	return f;
}

/* The ring that a CA's certificate names. */
static bool ring_of(X509 *cert, char out[static RING_NAME_MAX + 1])
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, 0);
	const size_t skip = sizeof(RING_URI) - 1;
	const char *uri;
	size_t len;
	bool ok = false;

	if (name && name->type == GEN_URI) {
		uri = (const char *)ASN1_STRING_get0_data(name->d.ia5);
		len = (size_t)ASN1_STRING_length(name->d.ia5);
		if (len > skip && len - skip <= RING_NAME_MAX &&
		    !memcmp(uri, RING_URI, skip)) {
			memcpy(out, uri + skip, len - skip);
			out[len - skip] = '\0';
			ok = tls_word_is_valid(out, RING_NAME_MAX);
		}
	}
	GENERAL_NAMES_free(names);
	return ok;
}

static void free_ca(struct ca *ca)
{
	X509_free(ca->cert);
	EVP_PKEY_free(ca->key);
}

static int load_ca(struct ca *ca, const char *dir, char *why)
{
	FILE *f = open_part(dir, ".crt", why);

	memset(ca, 0, sizeof(*ca));
	if (!f)
		return PIAS_ESYSTEM;
	ca->cert = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	f = open_part(dir, ".key", why);
	if (!f)
		goto fail;
	ca->key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	if (ca->cert && ca->key && X509_check_private_key(ca->cert, ca->key) &&
	    ring_of(ca->cert, ca->ring))
		return 0;
	problem(why, "%.200s: ca.crt and ca.key are not the CA of a ring", dir);
fail:
	free_ca(ca);
	return PIAS_ESYSTEM;
}

/* APs and servers */

static void make_uri(char uri[URI_LEN], const struct tls_name *n)
{
	char id[ID_STR_MAX];

	if (n->kind == PEER_KIND_AP)
		snprintf(uri, URI_LEN, "spiffe://%s/ap/%s", n->ring, id_str(&n->id, id));
	else
		snprintf(uri, URI_LEN, "spiffe://%s/as/%s/%s", n->ring, n->name,
			 id_str(&n->id, id));
}

static X509 *issue(EVP_PKEY *key, const struct ca *ca, const char *common_name,
		   const struct pki_validity *v, struct pki_result *out)
{
	bool is_ap = out->name.kind == PEER_KIND_AP;
	char uri[URI_LEN];
	struct profile p = {
		.common_name = common_name,
		.uri = uri,
		.basic = "critical,CA:FALSE",
		.usage = "critical,digitalSignature",
		.extended = is_ap ? "serverAuth,clientAuth" : "clientAuth",
		.validity = v,
		.default_days = is_ap ? PKI_DAYS_AP : PKI_DAYS_AS,
	};

	if (tls_key_id(key, &out->name.id))
		return NULL;
	make_uri(uri, &out->name);
	out->not_after = end_of(v, p.default_days);
	return make_cert(key, ca, &p);
}

/* May files be called so, and a certificate name that? */
static int check_word(const char *word, char *why)
{
	if (tls_word_is_valid(word, SERVER_NAME_MAX) && strcmp(word, "ca") != 0 &&
	    strcmp(word, "ring") != 0)
		return 0;
	return problem(why,
		       "\"%.80s\" is no name here: 1 to %d letters, digits, '.', "
		       "'_' or '-', and neither \"ca\" nor \"ring\"",
		       word, SERVER_NAME_MAX);
}

int pki_issue(const char *dir, enum peer_kind kind, const char *name, const char *file,
	      const struct pki_validity *v, struct pki_result *out,
	      char why[static PKI_WHY_MAX])
{
	EVP_PKEY *key;
	struct ca ca;
	X509 *cert;
	int err;

	file = file ? file : name;
	if (check_word(name, why) || check_word(file, why))
		return PIAS_EINVALID;
	err = load_ca(&ca, dir, why);
	if (err)
		return err;
	memset(out, 0, sizeof(*out));
	out->name.kind = kind;
	memcpy(out->name.ring, ca.ring, sizeof(ca.ring));
	if (kind == PEER_KIND_SERVER)
		snprintf(out->name.name, sizeof(out->name.name), "%s", name);
	key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	cert = key ? issue(key, &ca, name, v, out) : NULL;
	err = cert ? write_pair(dir, file, key, cert, why) : crypto_problem(why);
	X509_free(cert);
	EVP_PKEY_free(key);
	free_ca(&ca);
	return err;
}
