/* Hashing, by libgcrypt. */
#include "overlay/base/crypto.h"

#include <gcrypt.h>
#include <stdlib.h>
#include <string.h>

#define HASH_BLOCK 64 /* of SHA-256 */
/* RFC 2104's pads. */
#define INNER 0x36
#define OUTER 0x5c

int crypto_init(void)
{
	if (gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P))
		return 0;
	if (!gcry_check_version(NULL))
		return PIAS_ECRYPTO;
	gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
	gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
	return 0;
}

void crypto_hash(uint8_t out[static HASH_LEN], const void *data, size_t len)
{
	gcry_md_hash_buffer(GCRY_MD_SHA256, out, data, len);
}

static void hash_parts(uint8_t out[static HASH_LEN], const gcry_buffer_t parts[static 2])
{
	if (gcry_md_hash_buffers(GCRY_MD_SHA256, 0, out, parts, 2))
		abort(); /* only a library that was never initialised does this */
}

static void mask(uint8_t pad[static HASH_BLOCK], uint8_t with)
{
	unsigned i;

	for (i = 0; i < HASH_BLOCK; i++)
		pad[i] ^= with;
}

/*
 * RFC 2104, out of two hashes: the library's own HMAC allocates three times and takes
 * twice as long, and a server's health costs four of them at every probe.
 */
void crypto_hmac(uint8_t out[static HASH_LEN], const void *key, size_t key_len,
		 const void *data, size_t len)
{
	uint8_t pad[HASH_BLOCK] = {0}, inner[HASH_LEN];
	gcry_buffer_t parts[2] = {
		{.data = pad, .len = sizeof(pad)},
		{.data = (void *)data, .len = len},
	};

	if (key_len > sizeof(pad))
		crypto_hash(pad, key, key_len);
	else
		memcpy(pad, key, key_len);
	mask(pad, INNER);
	hash_parts(inner, parts);
	mask(pad, INNER ^ OUTER);
	parts[1].data = inner;
	parts[1].len = sizeof(inner);
	hash_parts(out, parts);
	crypto_wipe(pad, sizeof(pad));
	crypto_wipe(inner, sizeof(inner));
}

void crypto_id(struct id *out, const void *data, size_t len)
{
	uint8_t h[HASH_LEN];

	crypto_hash(h, data, len);
	memcpy(out->b, h, ID_LEN);
}

void crypto_derive(void *out, size_t out_len, const uint8_t secret[static HASH_LEN],
		   const char *label)
{
	uint8_t h[HASH_LEN];

	crypto_hmac(h, secret, HASH_LEN, label, strlen(label));
	memcpy(out, h, out_len < HASH_LEN ? out_len : HASH_LEN);
	crypto_wipe(h, sizeof(h));
}
