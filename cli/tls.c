/*
 * Sessions and their verification, by OpenSSL. The verify callback runs inside the
 * handshake, so that whoever presents a certificate we refuse is told by an alert:
 * OpenSSL turns the X509_V_ERR_* code we choose into one. What exactly was wrong is
 * kept with the session, in words, for our own log.
 */
#include "cli/tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALPN_LEN 9

/* In the form of SSL_set_alpn_protos: length, then name. By enum peer_kind. */
static const unsigned char alpn[][ALPN_LEN + 1] = {
	[PEER_KIND_AP] = "\x09pias-ap/1",
	[PEER_KIND_SERVER] = "\x09pias-as/1",
};

/* Ours, for each SSL. */
struct session {
	struct tls_name peer;
	bool has_peer;
	char why[TLS_WHY_MAX];
};

static void free_session(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl,
			 void *argp)
{
	free(ptr);
}

/* OpenSSL's own way of hanging something on a session and freeing it with it. */
static int session_index(void)
{
	static int index = -1;

	if (index < 0)
		index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_session);
	return index;
}

static struct session *session_of(const SSL *ssl)
{
	return SSL_get_ex_data(ssl, session_index());
}

bool tls_word_is_valid(const char *word, size_t max)
{
	size_t n = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"0123456789._-");

	return n > 0 && n <= max && !word[n];
}

/* Copies the next '/'-separated piece of *@p; advances past the slash. */
static int take_word(const char **p, char *out, size_t max)
{
	const char *slash = strchr(*p, '/');
	size_t n = slash ? (size_t)(slash - *p) : strlen(*p);

	if (n > max)
		return PIAS_EMALFORMED;
	memcpy(out, *p, n);
	out[n] = '\0';
	*p += slash ? n + 1 : n;
	return tls_word_is_valid(out, max) ? 0 : PIAS_EMALFORMED;
}

int tls_name_parse(const char *uri, size_t len, struct tls_name *out)
{
	static const char scheme[] = "spiffe://";
	char text[256], kind[4];
	const char *p = text;

	memset(out, 0, sizeof(*out));
	if (len >= sizeof(text) || memchr(uri, 0, len))
		return PIAS_EMALFORMED;
	memcpy(text, uri, len);
	text[len] = '\0';
	if (strncmp(p, scheme, sizeof(scheme) - 1))
		return PIAS_EMALFORMED;
	p += sizeof(scheme) - 1;
	if (take_word(&p, out->ring, RING_NAME_MAX) || take_word(&p, kind, 3))
		return PIAS_EMALFORMED;
	if (!strcmp(kind, "as"))
		out->kind = PEER_KIND_SERVER;
	else if (!strcmp(kind, "ap"))
		out->kind = PEER_KIND_AP;
	else
		return PIAS_EMALFORMED;
	if (out->kind == PEER_KIND_SERVER && take_word(&p, out->name, SERVER_NAME_MAX))
		return PIAS_EMALFORMED;
	return id_parse(p, &out->id) ? PIAS_EMALFORMED : 0;
}

int tls_key_id(EVP_PKEY *key, struct id *out)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der);

	if (len <= 0)
		return PIAS_ECRYPTO;
	crypto_id(out, der, (size_t)len);
	OPENSSL_free(der);
	return 0;
}

/* The only URI among the subject's alternative names, parsed. */
static int read_uri(X509 *cert, struct tls_name *out)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int i, n_uris = 0, err = PIAS_ENOTFOUND;

	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type != GEN_URI || n_uris++)
			continue;
		err = tls_name_parse((const char *)ASN1_STRING_get0_data(name->d.ia5),
				     (size_t)ASN1_STRING_length(name->d.ia5), out);
	}
	GENERAL_NAMES_free(names);
	return n_uris > 1 ? PIAS_EMALFORMED : err;
}

int tls_name_of(X509 *cert, struct tls_name *out, char why[static TLS_WHY_MAX])
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	struct id id;

	if (read_uri(cert, out)) {
		snprintf(why, TLS_WHY_MAX,
			 "its certificate carries no pias name (one URI of the form "
			 "spiffe://RING/ap/ID or spiffe://RING/as/NAME/ID)");
		return PIAS_EAUTH;
	}
	if (!key || tls_key_id(key, &id) || !id_eq(&id, &out->id)) {
		snprintf(why, TLS_WHY_MAX,
			 "the id in its certificate is not that of its key");
		return PIAS_EAUTH;
	}
	return 0;
}

/* Verification */

static const char *kind_text(enum peer_kind kind)
{
	return kind == PEER_KIND_AP ? "an anycast proxy" : "a server";
}

static void time_text(const ASN1_TIME *t, char *buf, size_t len)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(t, &tm) || !strftime(buf, len, "%F %T UTC", &tm))
		snprintf(buf, len, "an unreadable date");
}

/* The chain does not hold, says OpenSSL. Puts that into words. */
static void explain_chain(X509_STORE_CTX *store, char *why)
{
	int err = X509_STORE_CTX_get_error(store);
	const X509 *cert = X509_STORE_CTX_get_current_cert(store);
	char date[40];

	switch (err) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		time_text(X509_get0_notAfter(cert), date, sizeof(date));
		snprintf(why, TLS_WHY_MAX, "its certificate expired on %s", date);
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		time_text(X509_get0_notBefore(cert), date, sizeof(date));
		snprintf(why, TLS_WHY_MAX, "its certificate is not valid before %s",
			 date);
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		snprintf(why, TLS_WHY_MAX, "its certificate is not signed by our CA");
		break;
	default:
		snprintf(why, TLS_WHY_MAX, "its certificate does not verify: %s",
			 X509_verify_cert_error_string(err));
	}
}

/* Which kind of program must be at the other end of @ssl. */
static int expected_kind(const SSL *ssl, enum peer_kind *out)
{
	const unsigned char *name;
	unsigned len;

	*out = PEER_KIND_AP;
	if (!SSL_is_server(ssl))
		return 0; /* only APs accept */
	SSL_get0_alpn_selected(ssl, &name, &len);
	if (len != ALPN_LEN)
		return PIAS_EAUTH;
	if (!memcmp(name, alpn[PEER_KIND_SERVER] + 1, ALPN_LEN))
		*out = PEER_KIND_SERVER;
	return 0;
}

/* Returns an X509_V_ERR_* that OpenSSL translates to the alert we mean. */
static int check_name(const SSL *ssl, X509 *cert, struct session *s)
{
	const struct tls *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	enum peer_kind kind;

	if (tls_name_of(cert, &s->peer, s->why))
		return X509_V_ERR_APPLICATION_VERIFICATION;
	if (strcmp(s->peer.ring, t->self.ring)) {
		snprintf(s->why, sizeof(s->why),
			 "its certificate is of ring \"%s\", ours is \"%s\"",
			 s->peer.ring, t->self.ring);
		return X509_V_ERR_APPLICATION_VERIFICATION;
	}
	if (expected_kind(ssl, &kind) || s->peer.kind != kind) {
		snprintf(s->why, sizeof(s->why),
			 "its certificate is that of %s, where %s is needed",
			 kind_text(s->peer.kind), kind_text(kind));
		return X509_V_ERR_INVALID_PURPOSE;
	}
	s->has_peer = true;
	return X509_V_OK;
}

static int verify(int is_ok, X509_STORE_CTX *store)
{
	const SSL *ssl =
		X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct session *s = session_of(ssl);
	int err;

	if (!is_ok) {
		explain_chain(store, s->why);
		return 0;
	}
	if (X509_STORE_CTX_get_error_depth(store) > 0)
		return 1;
	err = check_name(ssl, X509_STORE_CTX_get_current_cert(store), s);
	if (err == X509_V_OK)
		return 1;
	X509_STORE_CTX_set_error(store, err);
	return 0;
}

static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		       const unsigned char *in, unsigned in_len, void *ctx)
{
	unsigned i, kind;

	for (i = 0; i + 1 < in_len; i += 1u + in[i]) {
		for (kind = PEER_KIND_AP; kind <= PEER_KIND_SERVER; kind++) {
			if (in_len - i < ALPN_LEN + 1 ||
			    memcmp(in + i, alpn[kind], ALPN_LEN + 1))
				continue;
			*out = alpn[kind] + 1;
			*out_len = ALPN_LEN;
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Credentials */

static void file_problem(char *why, const char *what, const char *file)
{
	unsigned long err = ERR_peek_last_error();

	snprintf(why, TLS_WHY_MAX, "%s %s: %s", what, file,
		 ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_SYS
			 ? strerror(ERR_GET_REASON(ERR_peek_error()))
			 : (err ? ERR_reason_error_string(err) : "cannot be used"));
}

static int load(struct tls *t, const char *cert, const char *key, const char *ca,
		char why[static TLS_WHY_MAX])
{
	char what[TLS_WHY_MAX];

	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(t->ctx, cert) != 1) {
		file_problem(why, "certificate", cert);
		return PIAS_EAUTH;
	}
	if (SSL_CTX_use_PrivateKey_file(t->ctx, key, SSL_FILETYPE_PEM) != 1) {
		if (ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH)
			snprintf(why, TLS_WHY_MAX,
				 "key %.100s does not belong to certificate %.100s", key,
				 cert);
		else
			file_problem(why, "key", key);
		return PIAS_EAUTH;
	}
	if (SSL_CTX_load_verify_file(t->ctx, ca) != 1) {
		file_problem(why, "CA certificate", ca);
		return PIAS_EAUTH;
	}
	if (tls_name_of(SSL_CTX_get0_certificate(t->ctx), &t->self, what)) {
		snprintf(why, TLS_WHY_MAX, "certificate %.100s: %.140s", cert, what);
		return PIAS_EAUTH;
	}
	return 0;
}

static void harden(SSL_CTX *ctx)
{
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
			   verify);
	SSL_CTX_set_verify_depth(ctx, 1);
	SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
}

int tls_init(struct tls *t, const char *cert, const char *key, const char *ca,
	     char why[static TLS_WHY_MAX])
{
	int err;

	memset(t, 0, sizeof(*t));
	t->ctx = SSL_CTX_new(TLS_method());
	if (!t->ctx) {
		snprintf(why, TLS_WHY_MAX, "out of memory");
		return PIAS_ENOMEM;
	}
	harden(t->ctx);
	SSL_CTX_set_app_data(t->ctx, t);
	err = load(t, cert, key, ca, why);
	if (err)
		tls_fini(t);
	return err;
}

int tls_check_time(const struct tls *t, char why[static TLS_WHY_MAX])
{
	const X509 *cert = SSL_CTX_get0_certificate(t->ctx);
	char date[40];

	if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0) {
		time_text(X509_get0_notAfter(cert), date, sizeof(date));
		snprintf(why, TLS_WHY_MAX,
			 "our certificate expired on %s, by this host's clock", date);
		return PIAS_EAUTH;
	}
	if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0) {
		time_text(X509_get0_notBefore(cert), date, sizeof(date));
		snprintf(why, TLS_WHY_MAX,
			 "our certificate is not yet valid, but from %s on, by this "
			 "host's clock",
			 date);
		return PIAS_EAUTH;
	}
	return 0;
}

void tls_fini(struct tls *t)
{
	SSL_CTX_free(t->ctx);
	t->ctx = NULL;
}

/* Sessions */

static SSL *new_session(struct tls *t)
{
	struct session *s = calloc(1, sizeof(*s));
	SSL *ssl = SSL_new(t->ctx);

	if (s && ssl && SSL_set_ex_data(ssl, session_index(), s))
		return ssl;
	SSL_free(ssl);
	free(s);
	return NULL;
}

SSL *tls_dial(struct tls *t)
{
	SSL *ssl = new_session(t);

	if (!ssl)
		return NULL;
	SSL_set_connect_state(ssl);
	if (!SSL_set_alpn_protos(ssl, alpn[t->self.kind], ALPN_LEN + 1))
		return ssl;
	SSL_free(ssl);
	return NULL;
}

SSL *tls_accept(struct tls *t)
{
	SSL *ssl = new_session(t);

	if (ssl)
		SSL_set_accept_state(ssl);
	return ssl;
}

int tls_peer(const SSL *ssl, struct tls_name *out)
{
	const struct session *s = session_of(ssl);

	if (!s->has_peer || SSL_get_verify_result(ssl) != X509_V_OK)
		return PIAS_EAUTH;
	*out = s->peer;
	return 0;
}

int tls_export(SSL *ssl, uint8_t key[static OVERLAY_LINK_KEY_LEN])
{
	static const char label[] = "EXPORTER-pias-link-1";

	return SSL_export_keying_material(ssl, key, OVERLAY_LINK_KEY_LEN, label,
					  sizeof(label) - 1, NULL, 0, 0) == 1
		       ? 0
		       : PIAS_ECRYPTO;
}

/* What an alert of the other end means for us; NULL for those not about certificates. */
static const char *alert_text(int alert)
{
	switch (alert) {
	case SSL_AD_HANDSHAKE_FAILURE:
		return "it refused our certificate: another ring, or an id that is not "
		       "that of the key";
	case SSL_AD_BAD_CERTIFICATE:
		return "it refused our certificate: not yet valid there (is one of the "
		       "clocks wrong?)";
	case SSL_AD_UNSUPPORTED_CERTIFICATE:
		return "it refused our certificate: not of the kind that is needed there";
	case SSL_AD_CERTIFICATE_REVOKED:
		return "it refused our certificate: revoked";
	case SSL_AD_CERTIFICATE_EXPIRED:
		return "it refused our certificate: expired (or one of the clocks is "
		       "wrong)";
	case SSL_AD_UNKNOWN_CA:
		return "it refused our certificate: not signed by its CA";
	case SSL_AD_CERTIFICATE_UNKNOWN:
	case SSL_AD_DECRYPT_ERROR:
		return "it refused our certificate";
	case SSL_AD_CERTIFICATE_REQUIRED:
		return "it wants a certificate and got none";
	default:
		return NULL;
	}
}

int tls_explain(const SSL *ssl, unsigned long err, char why[static TLS_WHY_MAX])
{
	const struct session *s = session_of(ssl);
	int reason = ERR_GET_REASON(err);
	const char *text = NULL;

	if (s->why[0]) {
		snprintf(why, TLS_WHY_MAX, "%s", s->why);
		return PIAS_EAUTH;
	}
	if (ERR_GET_LIB(err) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET)
		text = alert_text(reason - SSL_AD_REASON_OFFSET);
	if (text) {
		snprintf(why, TLS_WHY_MAX, "%s", text);
		return PIAS_EDENIED;
	}
	if (err && ERR_SYSTEM_ERROR(err)) {
		snprintf(why, TLS_WHY_MAX, "%s", strerror(reason));
		return PIAS_EUNREACH;
	}
	if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE &&
	    ERR_GET_LIB(err) == ERR_LIB_SSL) {
		snprintf(why, TLS_WHY_MAX, "it presented no certificate");
		return PIAS_EAUTH;
	}
	text = err ? ERR_reason_error_string(err) : NULL;
	snprintf(why, TLS_WHY_MAX, "TLS: %s", text ? text : "failed");
	return PIAS_ECRYPTO;
}
