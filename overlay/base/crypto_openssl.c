/* Sealing, by OpenSSL; and the same-size stand-in for simulations. */
#include "overlay/base/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/base/wire.h"

struct aead {
	EVP_CIPHER_CTX *ctx; /* NULL: the stand-in */
	uint64_t weak[2];    /* the stand-in's key */
};

bool crypto_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

void crypto_wipe(void *p, size_t len)
{
	OPENSSL_cleanse(p, len);
}

struct aead *aead_new(enum aead_kind kind, const uint8_t key[static AEAD_KEY_LEN])
{
	struct aead *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	if (kind == AEAD_STAND_IN) {
		a->weak[0] = be64_get(key);
		a->weak[1] = be64_get(key + 8);
		return a;
	}
	a->ctx = EVP_CIPHER_CTX_new();
	if (a->ctx && EVP_CipherInit_ex(a->ctx, EVP_aes_128_gcm(), NULL, key, NULL, 1))
		return a;
	aead_free(a);
	return NULL;
}

void aead_free(struct aead *a)
{
	if (!a)
		return;
	EVP_CIPHER_CTX_free(a->ctx);
	crypto_wipe(a, sizeof(*a));
	free(a);
}

/*
 * Enough to notice damage, not an enemy: every step is a bijection of @h, so that no
 * single changed word can cancel out.
 */
static uint64_t stand_in_mix(uint64_t h, const uint8_t *p, size_t len)
{
	uint8_t rest[8] = {0};

	for (; len >= 8; p += 8, len -= 8) {
		h = (h ^ be64_get(p)) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 32;
	}
	if (len)
		memcpy(rest, p, len);
	h = (h ^ be64_get(rest)) * 0x9e3779b97f4a7c15ull;
	return (h ^ h >> 32) + len;
}

static void stand_in_tag(struct aead *a, const uint8_t *nonce, const void *ad,
			 size_t ad_len, const void *in, size_t len, uint8_t *tag)
{
	uint64_t h = stand_in_mix(a->weak[0], nonce, AEAD_NONCE_LEN);

	h = stand_in_mix(h, ad, ad_len);
	h = stand_in_mix(h, in, len);
	be64_put(tag, h);
	be64_put(tag + 8, h * 0xd1342543de82ef95ull ^ a->weak[1]);
}

int aead_seal(struct aead *a, const uint8_t nonce[static AEAD_NONCE_LEN], const void *ad,
	      size_t ad_len, const void *in, size_t len, void *out)
{
	uint8_t *o = out;
	int n;

	if (!a->ctx) {
		memmove(o, in, len);
		stand_in_tag(a, nonce, ad, ad_len, o, len, o + len);
		return 0;
	}
	if (!EVP_CipherInit_ex(a->ctx, NULL, NULL, NULL, nonce, 1) ||
	    (ad_len && !EVP_CipherUpdate(a->ctx, NULL, &n, ad, (int)ad_len)) ||
	    !EVP_CipherUpdate(a->ctx, o, &n, in, (int)len) ||
	    !EVP_CipherFinal_ex(a->ctx, o + n, &n) ||
	    !EVP_CIPHER_CTX_ctrl(a->ctx, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_LEN, o + len))
		return PIAS_ECRYPTO;
	return 0;
}

int aead_open(struct aead *a, const uint8_t nonce[static AEAD_NONCE_LEN], const void *ad,
	      size_t ad_len, const void *in, size_t len, void *out)
{
	uint8_t tag[AEAD_TAG_LEN], *o = out;
	int n;

	if (len < AEAD_TAG_LEN)
		return PIAS_EMALFORMED;
	len -= AEAD_TAG_LEN;
	memcpy(tag, (const uint8_t *)in + len, AEAD_TAG_LEN);
	if (!a->ctx) {
		uint8_t want[AEAD_TAG_LEN];

		stand_in_tag(a, nonce, ad, ad_len, in, len, want);
		if (!crypto_equal(want, tag, sizeof(tag)))
			return PIAS_EAUTH;
		memmove(o, in, len);
		return 0;
	}
	if (!EVP_CipherInit_ex(a->ctx, NULL, NULL, NULL, nonce, 0) ||
	    (ad_len && !EVP_CipherUpdate(a->ctx, NULL, &n, ad, (int)ad_len)) ||
	    !EVP_CipherUpdate(a->ctx, o, &n, in, (int)len) ||
	    !EVP_CIPHER_CTX_ctrl(a->ctx, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_LEN, tag))
		return PIAS_ECRYPTO;
	return EVP_CipherFinal_ex(a->ctx, o + n, &n) ? 0 : PIAS_EAUTH;
}
