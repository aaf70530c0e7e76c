/*
 * TLS 1.3 between the programs (PROTOCOL 2): one set of credentials, from which
 * sessions of both directions are made. A session is only ever established with a
 * certificate of our ring's CA whose URI SAN names our ring, the expected kind of
 * program and the id of the key it was made with; everything else ends in an alert,
 * and in words on both sides.
 */
#ifndef PIAS_CLI_TLS_H
#define PIAS_CLI_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#include "forwarder/proxy.h"

#define TLS_WHY_MAX 256

/* What a certificate's URI SAN says: spiffe://RING/ap/ID or spiffe://RING/as/NAME/ID. */
struct tls_name {
	char ring[RING_NAME_MAX + 1];
	enum peer_kind kind;
	char name[SERVER_NAME_MAX + 1]; /* servers only */
	struct id id;
};

struct tls {
	SSL_CTX *ctx;
	struct tls_name self; /* from our own certificate */
};

/* Letters, digits, '.', '_' and '-': what ring and owner names are made of. */
bool tls_word_is_valid(const char *word, size_t max);
must_check int tls_name_parse(const char *uri, size_t len, struct tls_name *out);
/* Reads the one pias URI of @cert; checks that the id is that of its key. */
must_check int tls_name_of(X509 *cert, struct tls_name *out,
			   char why[static TLS_WHY_MAX]);
/* SHA-256 of the SubjectPublicKeyInfo, cut to 160 bits. */
must_check int tls_key_id(EVP_PKEY *key, struct id *out);

/*
 * Loads a certificate (chain), its key and the ring's CA, all PEM. On failure @why
 * says which file and what is wrong with it.
 */
must_check int tls_init(struct tls *t, const char *cert, const char *key, const char *ca,
			char why[static TLS_WHY_MAX]);
void tls_fini(struct tls *t);
/*
 * Is our own certificate valid now, by this host's clock? If not, PIAS_EAUTH and words
 * in @why; others, with other clocks, will decide for themselves.
 */
must_check int tls_check_time(const struct tls *t, char why[static TLS_WHY_MAX]);

/* New sessions; NULL without memory. We dial as what our certificate says we are. */
SSL *tls_dial(struct tls *t);
SSL *tls_accept(struct tls *t);

/* After the handshake: who is there, and the link key (PROTOCOL 2). */
must_check int tls_peer(const SSL *ssl, struct tls_name *out);
must_check int tls_export(SSL *ssl, uint8_t key[static OVERLAY_LINK_KEY_LEN]);

/*
 * Why a session failed, for people: our verdict on the other certificate, or the
 * other end's on ours (its alert). @err is an OpenSSL error code, 0 for none.
 * Returns PIAS_EAUTH if we refused theirs, PIAS_EDENIED if they refused ours,
 * PIAS_EUNREACH if the connection broke, else PIAS_ECRYPTO.
 */
int tls_explain(const SSL *ssl, unsigned long err, char why[static TLS_WHY_MAX]);

#endif
