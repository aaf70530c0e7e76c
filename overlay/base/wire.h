/*
 * Bytes of the wire, read and written through cursors with a sticky error: read
 * ten fields, check once. All integers are big-endian. A cursor never moves past
 * its end; after the first overrun every read gives zeros and every write is
 * dropped, and the cursor's `err` stays PIAS_EMALFORMED (read) or PIAS_ETOOBIG
 * (write).
 */
#ifndef PIAS_OVERLAY_BASE_WIRE_H
#define PIAS_OVERLAY_BASE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rd {
	const uint8_t *p;
	const uint8_t *end;
	int err;
};

struct wr {
	uint8_t *p;
	uint8_t *start;
	uint8_t *end;
	int err;
};

void rd_init(struct rd *r, const void *buf, size_t len);
uint8_t rd_u8(struct rd *r);
uint16_t rd_u16(struct rd *r);
uint32_t rd_u32(struct rd *r);
uint64_t rd_u64(struct rd *r);
float rd_f32(struct rd *r); /* IEEE 754 binary32 */
/* Copies @n bytes to @dst, or zeroes @dst on overrun. */
void rd_bytes(struct rd *r, void *dst, size_t n);
/* Borrows @n bytes of the input; NULL on overrun. */
const uint8_t *rd_view(struct rd *r, size_t n);
size_t rd_left(const struct rd *r);
/* 0 if everything was read without error and nothing is left over. */
int rd_done(const struct rd *r);

void wr_init(struct wr *w, void *buf, size_t len);
void wr_u8(struct wr *w, uint8_t v);
void wr_u16(struct wr *w, uint16_t v);
void wr_u32(struct wr *w, uint32_t v);
void wr_u64(struct wr *w, uint64_t v);
void wr_f32(struct wr *w, float v);
void wr_bytes(struct wr *w, const void *src, size_t n);
void wr_zero(struct wr *w, size_t n);
/* Reserves @n bytes and returns them to fill in later; NULL on overrun. */
uint8_t *wr_reserve(struct wr *w, size_t n);
size_t wr_len(const struct wr *w);

/* Plain big-endian loads and stores, for packet headers. */
static inline uint16_t be16_get(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t be32_get(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t be64_get(const uint8_t *p)
{
	return (uint64_t)be32_get(p) << 32 | be32_get(p + 4);
}

static inline void be16_put(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void be32_put(uint8_t *p, uint32_t v)
{
	be16_put(p, (uint16_t)(v >> 16));
	be16_put(p + 2, (uint16_t)v);
}

static inline void be64_put(uint8_t *p, uint64_t v)
{
	be32_put(p, (uint32_t)(v >> 32));
	be32_put(p + 4, (uint32_t)v);
}

#endif
