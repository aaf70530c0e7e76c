/*
 * A hash table of pointers: open addressing, linear probing, no tombstones. The
 * caller gives the 64-bit hash (keyed where the keys come from outside) and compares
 * keys itself. Items are borrowed. Iteration order depends on hashes and history:
 * nothing that can be observed may depend on it.
 */
#ifndef PIAS_OVERLAY_BASE_HTAB_H
#define PIAS_OVERLAY_BASE_HTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "overlay/base/error.h"

struct htab_slot {
	uint64_t hash;
	void *item; /* NULL = empty */
};

struct htab {
	struct htab_slot *slot;
	uint32_t n;
	uint32_t cap; /* power of two, or 0 */
};

typedef bool htab_eq_fn(const void *item, const void *key);

void htab_init(struct htab *h);
void htab_fini(struct htab *h);
void *htab_find(const struct htab *h, uint64_t hash, htab_eq_fn *eq, const void *key);
/* The key must not be present. PIAS_ENOMEM leaves the table as it was. */
must_check int htab_add(struct htab *h, uint64_t hash, void *item);
/* Removes exactly this pointer; it must be present under @hash. */
void htab_del(struct htab *h, uint64_t hash, const void *item);
/* Walks all items: start with *pos = 0, ends with NULL. No changes meanwhile. */
void *htab_next(const struct htab *h, uint32_t *pos);

#endif
