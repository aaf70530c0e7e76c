/* Arithmetic on the identifier circle. Nothing here knows what an id names. */
#include "overlay/base/id.h"

#include <string.h>

#include "overlay/base/error.h"

int id_cmp(const struct id *a, const struct id *b)
{
	uint64_t x = be64_get(a->b), y = be64_get(b->b);

	/* Ids are hashes: the leading bits nearly always decide. */
	if (x != y)
		return x < y ? -1 : 1;
	return memcmp(a->b + 8, b->b + 8, ID_LEN - 8);
}

bool id_eq(const struct id *a, const struct id *b)
{
	return id_cmp(a, b) == 0;
}

bool id_between(const struct id *from, const struct id *x, const struct id *to)
{
	bool after = id_cmp(from, x) < 0, before = id_cmp(x, to) < 0;

	return id_cmp(from, to) < 0 ? after && before : after || before;
}

bool id_in_arc(const struct id *x, const struct id *from, const struct id *to)
{
	return id_eq(from, to) || id_eq(x, to) || id_between(from, x, to);
}

void id_add_pow2(struct id *out, const struct id *a, unsigned bit)
{
	int i = ID_LEN - 1 - (int)(bit / 8);
	unsigned carry = 1u << (bit % 8);

	*out = *a;
	for (; i >= 0 && carry; i--) {
		carry += out->b[i];
		out->b[i] = (uint8_t)carry;
		carry >>= 8;
	}
}

void id_inc(struct id *x)
{
	struct id sum;

	id_add_pow2(&sum, x, 0);
	*x = sum;
}

void id_distance(struct id *out, const struct id *a, const struct id *b)
{
	int i, borrow = 0;

	for (i = ID_LEN - 1; i >= 0; i--) {
		int d = b->b[i] - a->b[i] - borrow;

		borrow = d < 0;
		out->b[i] = (uint8_t)d;
	}
}

uint64_t id_prefix(const struct id *x)
{
	return be64_get(x->b);
}

void id_read(struct rd *r, struct id *x)
{
	rd_bytes(r, x->b, ID_LEN);
}

void id_write(struct wr *w, const struct id *x)
{
	wr_bytes(w, x->b, ID_LEN);
}

static void hex(char *out, const uint8_t *b, int n)
{
	static const char digits[] = "0123456789abcdef";
	int i;

	for (i = 0; i < n; i++) {
		*out++ = digits[b[i] >> 4];
		*out++ = digits[b[i] & 15];
	}
	*out = '\0';
}

char *id_str(const struct id *x, char buf[static ID_STR_MAX])
{
	hex(buf, x->b, ID_LEN);
	return buf;
}

char *id_short(const struct id *x, char buf[static 9])
{
	hex(buf, x->b, 4);
	return buf;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int id_parse(const char *s, struct id *out)
{
	int i;

	if (strlen(s) != 2 * ID_LEN)
		return PIAS_EINVALID;
	for (i = 0; i < ID_LEN; i++) {
		int hi = nibble(s[2 * i]), lo = nibble(s[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return PIAS_EINVALID;
		out->b[i] = (uint8_t)(hi << 4 | lo);
	}
	return 0;
}
