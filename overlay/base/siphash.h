/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012) with a 64-bit result, inline and
 * without any library call, so that the packet path and a BPF program can share it.
 */
#ifndef PIAS_OVERLAY_BASE_SIPHASH_H
#define PIAS_OVERLAY_BASE_SIPHASH_H

#include <stdint.h>

struct siphash_key {
	uint64_t k0, k1;
};

#define SIPHASH_ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

static inline void siphash_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = SIPHASH_ROTL(v[1], 13) ^ v[0];
	v[0] = SIPHASH_ROTL(v[0], 32);
	v[2] += v[3];
	v[3] = SIPHASH_ROTL(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = SIPHASH_ROTL(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = SIPHASH_ROTL(v[1], 17) ^ v[2];
	v[2] = SIPHASH_ROTL(v[2], 32);
}

static inline void siphash_start(uint64_t v[4], const struct siphash_key *k)
{
	v[0] = k->k0 ^ 0x736f6d6570736575ULL;
	v[1] = k->k1 ^ 0x646f72616e646f6dULL;
	v[2] = k->k0 ^ 0x6c7967656e657261ULL;
	v[3] = k->k1 ^ 0x7465646279746573ULL;
}

static inline void siphash_word(uint64_t v[4], uint64_t m)
{
	v[3] ^= m;
	siphash_round(v);
	siphash_round(v);
	v[0] ^= m;
}

/* Spelled so that compilers see one load in it. */
static inline uint64_t siphash_load(const uint8_t *p)
{
	return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
	       (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 |
	       (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

static inline uint64_t siphash_end(uint64_t v[4])
{
	int i;

	v[2] ^= 0xff;
	for (i = 0; i < 4; i++)
		siphash_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Over @n whole 64-bit words, as little-endian bytes would give it. */
static inline uint64_t siphash_words(const struct siphash_key *k, const uint64_t *w,
				     unsigned n)
{
	uint64_t v[4];
	unsigned i;

	siphash_start(v, k);
	for (i = 0; i < n; i++)
		siphash_word(v, w[i]);
	siphash_word(v, (uint64_t)(8 * n) << 56);
	return siphash_end(v);
}

/* Over @len bytes. */
static inline uint64_t siphash(const struct siphash_key *k, const void *data,
			       unsigned long len)
{
	const uint8_t *p = data;
	uint64_t v[4], m;
	unsigned long i, j;

	siphash_start(v, k);
	for (i = 0; i + 8 <= len; i += 8)
		siphash_word(v, siphash_load(p + i));
	m = (uint64_t)len << 56;
	for (j = 0; i + j < len; j++)
		m |= (uint64_t)p[i + j] << (8 * j);
	siphash_word(v, m);
	return siphash_end(v);
}

#endif
