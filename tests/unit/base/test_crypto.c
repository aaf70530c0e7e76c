/*
 * Published vectors: SHA-256 (FIPS 180-4), HMAC-SHA-256 (RFC 4231), AES-128-GCM
 * (McGrew and Viega, test cases 1 to 4), SipHash-2-4 (Aumasson and Bernstein).
 */
#include <stdio.h>
#include <string.h>

#include "overlay/base/crypto.h"
#include "overlay/base/siphash.h"
#include "tests/fixture/rng.h"
#include "tests/fixture/suite.h"

/* Hex to bytes; returns how many. */
static size_t unhex(const char *s, uint8_t *out)
{
	size_t n = 0;
	unsigned v;

	for (; *s; s += 2, n++) {
		ck_assert_int_eq(sscanf(s, "%2x", &v), 1);
		out[n] = (uint8_t)v;
	}
	return n;
}

static const struct {
	const char *text, *digest;
} hashes[] = {
	{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

START_TEST(test_hash)
{
	uint8_t got[HASH_LEN], want[HASH_LEN];
	struct id id;

	unhex(hashes[_i].digest, want);
	crypto_hash(got, hashes[_i].text, strlen(hashes[_i].text));
	ck_assert_mem_eq(got, want, HASH_LEN);
	crypto_id(&id, hashes[_i].text, strlen(hashes[_i].text));
	ck_assert_mem_eq(id.b, want, ID_LEN);
}
END_TEST

static const struct {
	const char *key, *data, *mac; /* hex */
} macs[] = {
	{"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
	 "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
	{"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	 "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaa",
	 "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d20"
	 "48617368204b6579204669727374",
	 "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
};

START_TEST(test_hmac)
{
	uint8_t key[256], data[256], got[HASH_LEN], want[HASH_LEN];
	size_t key_len = unhex(macs[_i].key, key), len = unhex(macs[_i].data, data);

	unhex(macs[_i].mac, want);
	crypto_hmac(got, key, key_len, data, len);
	ck_assert_mem_eq(got, want, HASH_LEN);
}
END_TEST

/* A derived key is the head of HMAC(secret, label), and depends on both. */
START_TEST(test_derive)
{
	uint8_t secret[HASH_LEN] = {1, 2, 3}, mac[HASH_LEN], key[16], other[16];

	crypto_hmac(mac, secret, HASH_LEN, "label", 5);
	crypto_derive(key, sizeof(key), secret, "label");
	ck_assert_mem_eq(key, mac, sizeof(key));
	crypto_derive(other, sizeof(other), secret, "lapel");
	ck_assert_mem_ne(key, other, sizeof(key));
	secret[31] = 1;
	crypto_derive(other, sizeof(other), secret, "label");
	ck_assert_mem_ne(key, other, sizeof(key));
}
END_TEST

static const struct {
	const char *key, *iv, *ad, *plain, *sealed; /* with the tag */
} gcms[] = {
	{"00000000000000000000000000000000", "000000000000000000000000", "", "",
	 "58e2fccefa7e3061367f1d57a4e7455a"},
	{"00000000000000000000000000000000", "000000000000000000000000", "",
	 "00000000000000000000000000000000",
	 "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf"},
	{"feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", "",
	 "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	 "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
	 "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
	 "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985"
	 "4d5c2af327cd64a62cf35abd2ba6fab4"},
	{"feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
	 "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	 "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	 "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	 "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
	 "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
	 "5bc94fbc3221a5db94fae95ae7121a47"},
};

START_TEST(test_gcm)
{
	uint8_t key[16], iv[12], ad[64], plain[128], sealed[128], out[128];
	size_t ad_len, len, sealed_len;
	struct aead *a;

	unhex(gcms[_i].key, key);
	unhex(gcms[_i].iv, iv);
	ad_len = unhex(gcms[_i].ad, ad);
	len = unhex(gcms[_i].plain, plain);
	sealed_len = unhex(gcms[_i].sealed, sealed);
	ck_assert_uint_eq(sealed_len, len + AEAD_TAG_LEN);
	a = aead_new(AEAD_AES128GCM, key);
	ck_assert_ptr_nonnull(a);
	ck_assert_int_eq(aead_seal(a, iv, ad, ad_len, plain, len, out), 0);
	ck_assert_mem_eq(out, sealed, sealed_len);
	memcpy(out, plain, len); /* in place */
	ck_assert_int_eq(aead_seal(a, iv, ad, ad_len, out, len, out), 0);
	ck_assert_mem_eq(out, sealed, sealed_len);
	ck_assert_int_eq(aead_open(a, iv, ad, ad_len, out, sealed_len, out), 0);
	ck_assert(!memcmp(out, plain, len));
	aead_free(a);
}
END_TEST

/* Every flipped bit of datagram, nonce and associated data is noticed, by both kinds. */
START_TEST(test_tamper)
{
	uint8_t key[16] = {7}, iv[12] = {1}, ad[5] = "head", in[37], sealed[64], out[64];
	struct aead *a = aead_new(_i ? AEAD_STAND_IN : AEAD_AES128GCM, key);
	struct rng rng = {1};
	size_t n = sizeof(in) + AEAD_TAG_LEN, i;

	rng_fill(&rng, in, sizeof(in));
	ck_assert_int_eq(aead_seal(a, iv, ad, sizeof(ad), in, sizeof(in), sealed), 0);
	for (i = 0; i < 8 * n; i++) {
		sealed[i / 8] ^= (uint8_t)(1 << i % 8);
		ck_assert_int_eq(aead_open(a, iv, ad, sizeof(ad), sealed, n, out),
				 PIAS_EAUTH);
		sealed[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	ad[0] ^= 1;
	ck_assert_int_eq(aead_open(a, iv, ad, sizeof(ad), sealed, n, out), PIAS_EAUTH);
	ad[0] ^= 1;
	iv[11] ^= 1;
	ck_assert_int_eq(aead_open(a, iv, ad, sizeof(ad), sealed, n, out), PIAS_EAUTH);
	iv[11] ^= 1;
	for (i = 0; i < AEAD_TAG_LEN; i++)
		ck_assert_int_eq(aead_open(a, iv, ad, sizeof(ad), sealed, i, out),
				 PIAS_EMALFORMED);
	ck_assert_int_eq(aead_open(a, iv, ad, sizeof(ad), sealed, n, out), 0);
	ck_assert_mem_eq(out, in, sizeof(in));
	aead_free(a);
	aead_free(NULL);
}
END_TEST

START_TEST(test_wipe_and_equal)
{
	uint8_t a[9] = "12345678", b[9] = "12345678";

	ck_assert(crypto_equal(a, b, sizeof(a)));
	b[8] = 1;
	ck_assert(!crypto_equal(a, b, sizeof(a)));
	ck_assert(crypto_equal(a, b, 8));
	crypto_wipe(a, sizeof(a));
	memset(b, 0, sizeof(b));
	ck_assert_mem_eq(a, b, sizeof(a));
}
END_TEST

/* Input 00 01 02 ... of length _i, key 00 ... 0f, from the authors' vectors.h. */
static const uint8_t sip_vectors[][8] = {
	{0x31, 0x0e, 0x0e, 0xdd, 0x47, 0xdb, 0x6f, 0x72},
	{0xfd, 0x67, 0xdc, 0x93, 0xc5, 0x39, 0xf8, 0x74},
	{0x5a, 0x4f, 0xa9, 0xd9, 0x09, 0x80, 0x6c, 0x0d},
	{0x2d, 0x7e, 0xfb, 0xd7, 0x96, 0x66, 0x67, 0x85},
	{0xb7, 0x87, 0x71, 0x27, 0xe0, 0x94, 0x27, 0xcf},
	{0x8d, 0xa6, 0x99, 0xcd, 0x64, 0x55, 0x76, 0x18},
	{0xce, 0xe3, 0xfe, 0x58, 0x6e, 0x46, 0xc9, 0xcb},
	{0x37, 0xd1, 0x01, 0x8b, 0xf5, 0x00, 0x02, 0xab},
	{0x62, 0x24, 0x93, 0x9a, 0x79, 0xf5, 0xf5, 0x93},
	{0xb0, 0xe4, 0xa9, 0x0b, 0xdf, 0x82, 0x00, 0x9e},
	{0xf3, 0xb9, 0xdd, 0x94, 0xc5, 0xbb, 0x5d, 0x7a},
	{0xa7, 0xad, 0x6b, 0x22, 0x46, 0x2f, 0xb3, 0xf4},
	{0xfb, 0xe5, 0x0e, 0x86, 0xbc, 0x8f, 0x1e, 0x75},
	{0x90, 0x3d, 0x84, 0xc0, 0x27, 0x56, 0xea, 0x14},
	{0xee, 0xf2, 0x7a, 0x8e, 0x90, 0xca, 0x23, 0xf7},
	{0xe5, 0x45, 0xbe, 0x49, 0x61, 0xca, 0x29, 0xa1},
};

static uint64_t le64(const uint8_t *p)
{
	uint64_t v = 0;
	int i;

	for (i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

START_TEST(test_siphash)
{
	struct siphash_key k;
	uint8_t in[16];
	uint64_t word[2];
	int i;

	for (i = 0; i < 16; i++)
		in[i] = (uint8_t)i;
	k.k0 = word[0] = le64(in);
	k.k1 = word[1] = le64(in + 8);
	ck_assert(siphash(&k, in, (unsigned long)_i) == le64(sip_vectors[_i]));
	ck_assert(siphash_words(&k, word, 0) == le64(sip_vectors[0]));
	ck_assert(siphash_words(&k, word, 1) == le64(sip_vectors[8]));
	ck_assert(siphash_words(&k, word, 2) == siphash(&k, in, 16));
}
END_TEST

static void setup(void)
{
	ck_assert_int_eq(crypto_init(), 0);
	ck_assert_int_eq(crypto_init(), 0); /* again is fine */
}

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_loop_test(c, test_hash, 0, 3);
	tcase_add_loop_test(c, test_hmac, 0, 3);
	tcase_add_test(c, test_derive);
	tcase_add_loop_test(c, test_gcm, 0, 4);
	tcase_add_loop_test(c, test_tamper, 0, 2);
	tcase_add_test(c, test_wipe_and_equal);
	tcase_add_loop_test(c, test_siphash, 0, 16);
}

int main(void)
{
	return suite_main("crypto", fill);
}
