/* Cursors over the wire's bytes. The one place where big-endian is spelled. */
#include "overlay/base/wire.h"

#include <string.h>

#include "overlay/base/error.h"

void rd_init(struct rd *r, const void *buf, size_t len)
{
	r->p = buf;
	r->end = r->p + len;
	r->err = 0;
}

const uint8_t *rd_view(struct rd *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->err || (size_t)(r->end - r->p) < n) {
		r->err = PIAS_EMALFORMED;
		return NULL;
	}
	r->p += n;
	return p;
}

uint8_t rd_u8(struct rd *r)
{
	const uint8_t *p = rd_view(r, 1);

	return p ? *p : 0;
}

uint16_t rd_u16(struct rd *r)
{
	const uint8_t *p = rd_view(r, 2);

	return p ? be16_get(p) : 0;
}

uint32_t rd_u32(struct rd *r)
{
	const uint8_t *p = rd_view(r, 4);

	return p ? be32_get(p) : 0;
}

uint64_t rd_u64(struct rd *r)
{
	const uint8_t *p = rd_view(r, 8);

	return p ? be64_get(p) : 0;
}

float rd_f32(struct rd *r)
{
	uint32_t bits = rd_u32(r);
	float v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

void rd_bytes(struct rd *r, void *dst, size_t n)
{
	const uint8_t *p = rd_view(r, n);

	if (!n)
		return;
	if (p)
		memcpy(dst, p, n);
	else
		memset(dst, 0, n);
}

size_t rd_left(const struct rd *r)
{
	return r->err ? 0 : (size_t)(r->end - r->p);
}

int rd_done(const struct rd *r)
{
	if (r->err)
		return r->err;
	return r->p == r->end ? 0 : PIAS_EMALFORMED;
}

void wr_init(struct wr *w, void *buf, size_t len)
{
	w->start = w->p = buf;
	w->end = w->p + len;
	w->err = 0;
}

uint8_t *wr_reserve(struct wr *w, size_t n)
{
	uint8_t *p = w->p;

	if (w->err || (size_t)(w->end - w->p) < n) {
		w->err = PIAS_ETOOBIG;
		return NULL;
	}
	w->p += n;
	return p;
}

void wr_u8(struct wr *w, uint8_t v)
{
	uint8_t *p = wr_reserve(w, 1);

	if (p)
		*p = v;
}

void wr_u16(struct wr *w, uint16_t v)
{
	uint8_t *p = wr_reserve(w, 2);

	if (p)
		be16_put(p, v);
}

void wr_u32(struct wr *w, uint32_t v)
{
	uint8_t *p = wr_reserve(w, 4);

	if (p)
		be32_put(p, v);
}

void wr_u64(struct wr *w, uint64_t v)
{
	uint8_t *p = wr_reserve(w, 8);

	if (p)
		be64_put(p, v);
}

void wr_f32(struct wr *w, float v)
{
	uint32_t bits;

	memcpy(&bits, &v, sizeof(bits));
	wr_u32(w, bits);
}

void wr_bytes(struct wr *w, const void *src, size_t n)
{
	uint8_t *p = wr_reserve(w, n);

	if (p && n)
		memcpy(p, src, n);
}

void wr_zero(struct wr *w, size_t n)
{
	uint8_t *p = wr_reserve(w, n);

	if (p)
		memset(p, 0, n);
}

size_t wr_len(const struct wr *w)
{
	return (size_t)(w->p - w->start);
}
