/*
 * Identifiers of the ring: 160-bit numbers, big-endian, that wrap around. An AP's
 * id is the SHA-256 of its certified public key (SubjectPublicKeyInfo, DER) cut to
 * 160 bits; a group's key is the SHA-256 of its encoded name, likewise.
 */
#ifndef PIAS_OVERLAY_BASE_ID_H
#define PIAS_OVERLAY_BASE_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "overlay/base/wire.h"

#define ID_LEN	   20
#define ID_BITS	   160
#define ID_STR_MAX 41 /* 40 hex digits and NUL */

struct id {
	uint8_t b[ID_LEN];
};

int id_cmp(const struct id *a, const struct id *b);
bool id_eq(const struct id *a, const struct id *b);

/* Is @x in the half-open arc (from, to], clockwise? from == to is the whole ring. */
bool id_in_arc(const struct id *x, const struct id *from, const struct id *to);

/* Is @x strictly between, clockwise? from == to is the ring without that point. */
bool id_between(const struct id *from, const struct id *x, const struct id *to);

/* out = a + 2^bit (mod 2^160), 0 <= bit < 160. */
void id_add_pow2(struct id *out, const struct id *a, unsigned bit);
void id_inc(struct id *x);

/* Clockwise distance from @a to @b: b - a (mod 2^160). */
void id_distance(struct id *out, const struct id *a, const struct id *b);

/* The 64 leading bits; good as a hash value, ids being hashes themselves. */
uint64_t id_prefix(const struct id *x);

void id_read(struct rd *r, struct id *x);
void id_write(struct wr *w, const struct id *x);

/* All 40 hex digits / the 8 leading ones (logs); both return @buf. */
char *id_str(const struct id *x, char buf[static ID_STR_MAX]);
char *id_short(const struct id *x, char buf[static 9]);
/* Parses exactly 40 hex digits. */
int id_parse(const char *s, struct id *out);

#endif
