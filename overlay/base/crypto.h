/*
 * All cryptography that the core uses. libgcrypt hashes, OpenSSL seals: one source
 * file per library, and nobody else includes their headers (TLS and certificates are
 * the host's business). AEAD is AES-128-GCM.
 */
#ifndef PIAS_OVERLAY_BASE_CRYPTO_H
#define PIAS_OVERLAY_BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "overlay/base/error.h"
#include "overlay/base/id.h"

#define HASH_LEN       32
#define AEAD_KEY_LEN   16
#define AEAD_NONCE_LEN 12
#define AEAD_TAG_LEN   16

/* Once per process, before anything else here. */
must_check int crypto_init(void);

void crypto_hash(uint8_t out[static HASH_LEN], const void *data, size_t len);
void crypto_hmac(uint8_t out[static HASH_LEN], const void *key, size_t key_len,
		 const void *data, size_t len);
/* SHA-256 of @data cut to 160 bits. */
void crypto_id(struct id *out, const void *data, size_t len);
/* out = first @out_len (at most 32) bytes of HMAC(secret, label). */
void crypto_derive(void *out, size_t out_len, const uint8_t secret[static HASH_LEN],
		   const char *label);

bool crypto_equal(const void *a, const void *b, size_t len); /* constant time */
void crypto_wipe(void *p, size_t len);

enum aead_kind {
	AEAD_AES128GCM,
	AEAD_STAND_IN, /* same sizes, no secrecy: the simulator's --fast-crypto */
};

struct aead;

struct aead *aead_new(enum aead_kind kind, const uint8_t key[static AEAD_KEY_LEN]);
void aead_free(struct aead *a); /* wipes; NULL is fine */

/* Writes len + AEAD_TAG_LEN bytes to @out; @out may be @in. */
must_check int aead_seal(struct aead *a, const uint8_t nonce[static AEAD_NONCE_LEN],
			 const void *ad, size_t ad_len, const void *in, size_t len,
			 void *out);
/* @len counts the tag; writes len - AEAD_TAG_LEN bytes. PIAS_EAUTH if forged. */
must_check int aead_open(struct aead *a, const uint8_t nonce[static AEAD_NONCE_LEN],
			 const void *ad, size_t ad_len, const void *in, size_t len,
			 void *out);

#endif
