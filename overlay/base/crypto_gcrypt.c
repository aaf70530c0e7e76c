/* Hashing, by libgcrypt. */
#include "overlay/base/crypto.h"

#include <gcrypt.h>
#include <stdlib.h>
#include <string.h>

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

void crypto_hmac(uint8_t out[static HASH_LEN], const void *key, size_t key_len,
		 const void *data, size_t len)
{
	gcry_buffer_t parts[2] = {
		{.data = (void *)key, .len = key_len},
		{.data = (void *)data, .len = len},
	};

	if (gcry_md_hash_buffers(GCRY_MD_SHA256, GCRY_MD_FLAG_HMAC, out, parts, 2))
		abort(); /* only a library that was never initialised does this */
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
