/* Counters by number, and a set of hashes. */
#include "sim/journal.h"

#include <stdlib.h>
#include <string.h>

#include "overlay/base/siphash.h"
#include "sim/query.h"

#define PASSAGES_MAX (1u << 22) /* a damaged number is no reason to fill the memory */

void journal_fini(struct journal *j)
{
	free(j->passage);
	free(j->seen);
	memset(j, 0, sizeof(*j));
}

struct passage *journal_passage(struct journal *j, uint64_t number, unsigned part)
{
	uint64_t i = number % (PASSAGES_MAX / QUERY_PARTS_MAX) * QUERY_PARTS_MAX + part;

	if (i >= j->n) {
		size_t n = j->n ? j->n : 4096;

		while (n <= i)
			n *= 2;
		j->passage = realloc(j->passage, n * sizeof(*j->passage));
		if (!j->passage)
			abort();
		memset(j->passage + j->n, 0, (n - j->n) * sizeof(*j->passage));
		j->n = n;
	}
	return &j->passage[i];
}

static uint64_t hash_of(const uint8_t *packet, size_t len)
{
	static const struct siphash_key key = {1, 2};
	uint64_t h = siphash(&key, packet, len);

	return h ? h : 1;
}

static void insert(uint64_t *seen, size_t cap, uint64_t h)
{
	size_t i = h & (cap - 1);

	while (seen[i] && seen[i] != h)
		i = (i + 1) & (cap - 1);
	seen[i] = h;
}

static void grow(struct journal *j)
{
	size_t cap = j->cap_seen ? 2 * j->cap_seen : 4096, i;
	uint64_t *seen = calloc(cap, sizeof(*seen));

	if (!seen)
		abort();
	for (i = 0; i < j->cap_seen; i++)
		if (j->seen[i])
			insert(seen, cap, j->seen[i]);
	free(j->seen);
	j->seen = seen;
	j->cap_seen = cap;
}

void journal_note(struct journal *j, const uint8_t *packet, size_t len)
{
	if (2 * ++j->n_seen > j->cap_seen)
		grow(j);
	insert(j->seen, j->cap_seen, hash_of(packet, len));
}

bool journal_has(const struct journal *j, const uint8_t *packet, size_t len)
{
	uint64_t h = hash_of(packet, len);
	size_t i = h & (j->cap_seen - 1);

	if (!j->cap_seen)
		return false;
	while (j->seen[i] && j->seen[i] != h)
		i = (i + 1) & (j->cap_seen - 1);
	return j->seen[i] == h;
}
