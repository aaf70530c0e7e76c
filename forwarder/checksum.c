/*
 * One's complement sums, 32 bytes at a step: 32-bit halves are added up in 64-bit
 * lanes, so that no carry is lost and none has to be chased. A 16-bit loop would eat
 * all that segmentation offload gains.
 */
#include "forwarder/checksum.h"

typedef uint64_t lanes __attribute__((vector_size(16)));

static inline lanes load(const uint8_t *p)
{
	lanes v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t add_tail(uint64_t sum, const uint8_t *p, size_t len)
{
	uint8_t odd[2] = {0, 0};
	uint32_t w32;
	uint16_t w16;

	for (; len >= 4; p += 4, len -= 4) {
		memcpy(&w32, p, 4);
		sum += w32;
	}
	if (len >= 2) {
		memcpy(&w16, p, 2);
		sum += w16;
		p += 2;
		len -= 2;
	}
	if (len) {
		odd[0] = *p;
		memcpy(&w16, odd, 2);
		sum += w16;
	}
	return sum;
}

/* @dst NULL: only add. Inlined into both users, where that is constant. */
static inline __attribute__((always_inline)) uint64_t add(uint64_t sum, uint8_t *dst,
							  const uint8_t *p, size_t len)
{
	const lanes low = {0xffffffff, 0xffffffff};
	lanes a = {0, 0}, b = {0, 0}, c = {0, 0}, d = {0, 0};

	for (; len >= 32; p += 32, len -= 32) {
		lanes x = load(p), y = load(p + 16);

		if (dst) {
			memcpy(dst, &x, 16);
			memcpy(dst + 16, &y, 16);
			dst += 32;
		}
		a += x & low;
		b += x >> 32;
		c += y & low;
		d += y >> 32;
	}
	a += b + c + d;
	sum += a[0] + a[1];
	if (dst)
		memcpy(dst, p, len);
	return add_tail(sum, p, len);
}

uint64_t checksum_add(uint64_t sum, const void *data, size_t len)
{
	return add(sum, NULL, data, len);
}

uint64_t checksum_copy(uint64_t sum, void *dst, const void *src, size_t len)
{
	return add(sum, dst, src, len);
}

uint64_t checksum_pseudo(unsigned family, const void *src, const void *dst, uint8_t proto,
			 uint32_t len)
{
	size_t n = family == 4 ? 4 : 16;
	uint64_t sum = add_tail(add_tail(0, src, n), dst, n);

	return sum + checksum_word(proto) + checksum_word((uint16_t)(len >> 16)) +
	       checksum_word((uint16_t)len);
}
