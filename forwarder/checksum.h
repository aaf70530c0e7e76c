/*
 * The Internet checksum (RFC 1071). Sums are kept in memory order, so that neither
 * loads nor the final store swap bytes; they may be added in any order, as long as
 * every part begins at an even offset.
 */
#ifndef PIAS_FORWARDER_CHECKSUM_H
#define PIAS_FORWARDER_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* @sum plus that of @len bytes. Good for 2^32 bytes without folding. */
uint64_t checksum_add(uint64_t sum, const void *data, size_t len);
/* The same while copying to @dst, in one pass. */
uint64_t checksum_copy(uint64_t sum, void *dst, const void *src, size_t len);
/* Of the pseudo-header of either family; @len is the transport's length. */
uint64_t checksum_pseudo(unsigned family, const void *src, const void *dst, uint8_t proto,
			 uint32_t len);

/* A 16-bit number as it counts in a sum. */
static inline uint64_t checksum_word(uint16_t v)
{
	uint8_t b[2] = {(uint8_t)(v >> 8), (uint8_t)v};
	uint16_t w;

	memcpy(&w, b, 2);
	return w;
}

/* 16 bits, not complemented, to be stored with memcpy. */
static inline uint16_t checksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* Stores the complement of @sum: a finished checksum. */
static inline void checksum_put(uint8_t *p, uint64_t sum)
{
	uint16_t c = (uint16_t)~checksum_fold(sum);

	memcpy(p, &c, 2);
}

/* The same for UDP, where 0 would mean "none". */
static inline void checksum_put_nonzero(uint8_t *p, uint64_t sum)
{
	uint16_t c = (uint16_t)~checksum_fold(sum);

	if (!c)
		c = 0xffff;
	memcpy(p, &c, 2);
}

#endif
