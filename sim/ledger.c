/* Open addressing, linear probing, at most half full. */
#include "sim/ledger.h"

#include <stdlib.h>
#include <string.h>

#define CAP_FIRST 1024

void ledger_fini(struct ledger *l)
{
	free(l->line);
	memset(l, 0, sizeof(*l));
}

static uint64_t hash(uint32_t from, uint32_t to)
{
	uint64_t h = ((uint64_t)from << 32 | to) * 0x9e3779b97f4a7c15; /* 2^64 / phi */

	return h ^ h >> 32;
}

/* The line of that pair, or the free one where it belongs. */
static struct ledger_line *find(const struct ledger *l, uint32_t from, uint32_t to)
{
	uint64_t at = hash(from, to);
	struct ledger_line *x;

	for (;; at++) {
		x = &l->line[at & (l->cap - 1)];
		if (!x->messages || (x->from == from && x->to == to))
			return x;
	}
}

static void grow(struct ledger *l)
{
	struct ledger old = *l;
	uint32_t i;

	l->cap = old.cap ? 2 * old.cap : CAP_FIRST;
	l->line = calloc(l->cap, sizeof(*l->line));
	if (!l->line)
		abort();
	for (i = 0; i < old.cap; i++)
		if (old.line[i].messages)
			*find(l, old.line[i].from, old.line[i].to) = old.line[i];
	free(old.line);
}

void ledger_add(struct ledger *l, uint32_t from, uint32_t to, size_t len)
{
	struct ledger_line *x;

	if (l->n >= l->cap / 2)
		grow(l);
	x = find(l, from, to);
	if (!x->messages) {
		x->from = from;
		x->to = to;
		l->n++;
	}
	x->messages++;
	x->bytes += len;
}

static int by_bytes(const void *a, const void *b)
{
	const struct ledger_line *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->to < y->to ? -1 : x->to > y->to;
}

struct ledger_line *ledger_sorted(const struct ledger *l)
{
	struct ledger_line *out = malloc((l->n + 1) * sizeof(*out));
	uint32_t i, n = 0;

	if (!out)
		abort();
	for (i = 0; i < l->cap; i++)
		if (l->line[i].messages)
			out[n++] = l->line[i];
	qsort(out, n, sizeof(*out), by_bytes);
	return out;
}
