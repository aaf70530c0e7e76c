/* Linear probing with backward-shift deletion, at most 3/4 full. */
#include "overlay/base/htab.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void htab_init(struct htab *h)
{
	memset(h, 0, sizeof(*h));
}

void htab_fini(struct htab *h)
{
	free(h->slot);
	memset(h, 0, sizeof(*h));
}

void *htab_find(const struct htab *h, uint64_t hash, htab_eq_fn *eq, const void *key)
{
	uint32_t i;

	if (!h->n)
		return NULL;
	for (i = (uint32_t)hash & (h->cap - 1); h->slot[i].item;
	     i = (i + 1) & (h->cap - 1))
		if (h->slot[i].hash == hash && eq(h->slot[i].item, key))
			return h->slot[i].item;
	return NULL;
}

static void insert(struct htab_slot *slot, uint32_t cap, uint64_t hash, void *item)
{
	uint32_t i = (uint32_t)hash & (cap - 1);

	while (slot[i].item)
		i = (i + 1) & (cap - 1);
	slot[i].hash = hash;
	slot[i].item = item;
}

static int grow(struct htab *h)
{
	uint32_t i, cap = h->cap ? 2 * h->cap : 8;
	struct htab_slot *slot = calloc(cap, sizeof(*slot));

	if (!slot)
		return PIAS_ENOMEM;
	for (i = 0; i < h->cap; i++)
		if (h->slot[i].item)
			insert(slot, cap, h->slot[i].hash, h->slot[i].item);
	free(h->slot);
	h->slot = slot;
	h->cap = cap;
	return 0;
}

int htab_add(struct htab *h, uint64_t hash, void *item)
{
	assert(item);
	if ((uint64_t)h->n + 1 > (uint64_t)h->cap * 3 / 4) {
		int err = grow(h);

		if (err)
			return err;
	}
	insert(h->slot, h->cap, hash, item);
	h->n++;
	return 0;
}

void htab_del(struct htab *h, uint64_t hash, const void *item)
{
	uint32_t mask = h->cap - 1, i = (uint32_t)hash & mask, j;

	while (h->slot[i].item != item) {
		assert(h->slot[i].item);
		i = (i + 1) & mask;
	}
	for (j = (i + 1) & mask; h->slot[j].item; j = (j + 1) & mask) {
		uint32_t home = (uint32_t)h->slot[j].hash & mask;

		/* Does j's home lie cyclically in (i, j]? Then it must stay. */
		if (((j - home) & mask) < ((j - i) & mask))
			continue;
		h->slot[i] = h->slot[j];
		i = j;
	}
	h->slot[i].item = NULL;
	h->n--;
}

void *htab_next(const struct htab *h, uint32_t *pos)
{
	while (*pos < h->cap) {
		void *item = h->slot[(*pos)++].item;

		if (item)
			return item;
	}
	return NULL;
}
