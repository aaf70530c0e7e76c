/*
 * Records live in chunks that never move, chained by hash: of the whole record, and of
 * each of its addresses. Free ones are chained through the first of these fields. A
 * record lives while its count of references is above zero.
 */
#include "overlay/book.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/base/siphash.h"

#define CHUNK 256 /* records */

enum chain {
	BY_RECORD,
	BY_HOST, /* IPv4; and IPv6 */
	N_CHAINS = BY_HOST + 2
};

struct slot {
	struct record record;
	uint32_t n_refs;
	uint32_t next[N_CHAINS]; /* BY_RECORD: or in the free list */
};

struct book {
	struct slot **chunk;
	uint32_t n_chunks;
	uint32_t *head[N_CHAINS]; /* a power of two of them each */
	uint32_t n_heads;
	uint32_t free;
	uint32_t n;
};

struct book *book_new(void)
{
	return calloc(1, sizeof(struct book));
}

void book_free(struct book *b)
{
	uint32_t i;

	if (!b)
		return;
	for (i = 0; i < b->n_chunks; i++)
		free(b->chunk[i]);
	free(b->chunk);
	free(b->head[0]);
	free(b);
}

static struct slot *slot_at(const struct book *b, uint32_t ref)
{
	assert(ref && ref <= b->n_chunks * CHUNK);
	return &b->chunk[(ref - 1) / CHUNK][(ref - 1) % CHUNK];
}

/* Not keyed: ids are hashes of certified keys, only their owners move incarnations. */
static uint64_t record_digest(const struct contact *c, uint64_t incarnation)
{
	static const struct siphash_key key = {0x70696173, 0x626f6f6b};
	const uint8_t *id = c->id.b;
	uint64_t w[10] = {be64_get(id), be64_get(id + 8), be32_get(id + 16), incarnation};
	int i;

	for (i = 0; i < 2; i++) {
		w[4 + 3 * i] = (uint64_t)c->addr[i].family << 16 | c->addr[i].port;
		w[5 + 3 * i] = be64_get(c->addr[i].ip);
		w[6 + 3 * i] = be64_get(c->addr[i].ip + 8);
	}
	return siphash_words(&key, w, 10);
}

static uint32_t host_hash(const struct addr *a)
{
	static const struct siphash_key key = {0x70696173, 0x686f7374};
	uint64_t w[2] = {be64_get(a->ip), be64_get(a->ip + 8)};

	return (uint32_t)siphash_words(&key, w, 2);
}

/* The head of the chain that @s hangs in, or would; NULL: in none of that kind. */
static uint32_t *head_of(const struct book *b, const struct slot *s, unsigned chain)
{
	const struct addr *a;

	if (chain == BY_RECORD)
		return &b->head[chain][s->record.digest & (b->n_heads - 1)];
	a = &s->record.contact.addr[chain - BY_HOST];
	if (addr_is_none(a))
		return NULL;
	return &b->head[chain][host_hash(a) & (b->n_heads - 1)];
}

static void link_slot(struct book *b, uint32_t ref)
{
	struct slot *s = slot_at(b, ref);
	unsigned chain;

	for (chain = 0; chain < N_CHAINS; chain++) {
		uint32_t *head = head_of(b, s, chain);

		if (!head)
			continue;
		s->next[chain] = *head;
		*head = ref;
	}
}

static void unlink_slot(struct book *b, uint32_t ref)
{
	struct slot *s = slot_at(b, ref);
	unsigned chain;

	for (chain = 0; chain < N_CHAINS; chain++) {
		uint32_t *at = head_of(b, s, chain);

		if (!at)
			continue;
		while (*at != ref)
			at = &slot_at(b, *at)->next[chain];
		*at = s->next[chain];
	}
}

static int rehash(struct book *b)
{
	uint32_t n = b->n_heads ? 2 * b->n_heads : CHUNK, i;
	uint32_t *head = calloc((size_t)N_CHAINS * n, sizeof(*head));

	if (!head)
		return PIAS_ENOMEM;
	free(b->head[0]);
	for (i = 0; i < N_CHAINS; i++)
		b->head[i] = head + (size_t)i * n;
	b->n_heads = n;
	for (i = 1; i <= b->n_chunks * CHUNK; i++)
		if (slot_at(b, i)->n_refs)
			link_slot(b, i);
	return 0;
}

static int grow(struct book *b)
{
	struct slot **chunk, *c;
	uint32_t i;

	if ((b->n_chunks + 1) * CHUNK > BOOK_MAX)
		return PIAS_ENOMEM;
	chunk = realloc(b->chunk, (b->n_chunks + 1) * sizeof(struct slot *));
	if (!chunk)
		return PIAS_ENOMEM;
	b->chunk = chunk;
	c = calloc(CHUNK, sizeof(*c));
	if (!c)
		return PIAS_ENOMEM;
	b->chunk[b->n_chunks] = c;
	for (i = CHUNK; i-- > 0;) {
		c[i].next[BY_RECORD] = b->free;
		b->free = b->n_chunks * CHUNK + i + 1;
	}
	b->n_chunks++;
	return 0;
}

static uint32_t find(const struct book *b, const struct contact *c, uint64_t incarnation,
		     uint64_t digest)
{
	uint32_t ref;

	if (!b->n_heads)
		return 0;
	for (ref = b->head[BY_RECORD][digest & (b->n_heads - 1)]; ref;
	     ref = slot_at(b, ref)->next[BY_RECORD]) {
		const struct record *r = &slot_at(b, ref)->record;

		if (r->incarnation == incarnation && id_eq(&r->contact.id, &c->id) &&
		    addr_eq(&r->contact.addr[0], &c->addr[0]) &&
		    addr_eq(&r->contact.addr[1], &c->addr[1]))
			return ref;
	}
	return 0;
}

uint32_t book_take(struct book *b, const struct contact *c, uint64_t incarnation)
{
	uint64_t digest = record_digest(c, incarnation);
	uint32_t ref = find(b, c, incarnation, digest);
	struct slot *s;

	if (ref) {
		slot_at(b, ref)->n_refs++;
		return ref;
	}
	if ((b->n >= b->n_heads && rehash(b)) || (!b->free && grow(b)))
		return 0;
	ref = b->free;
	s = slot_at(b, ref);
	b->free = s->next[BY_RECORD];
	s->record.contact = *c;
	s->record.incarnation = incarnation;
	s->record.digest = digest;
	s->n_refs = 1;
	link_slot(b, ref);
	b->n++;
	return ref;
}

void book_take_again(struct book *b, uint32_t ref)
{
	struct slot *s = slot_at(b, ref);

	assert(s->n_refs);
	s->n_refs++;
}

void book_drop(struct book *b, uint32_t ref)
{
	struct slot *s = slot_at(b, ref);

	assert(s->n_refs);
	if (--s->n_refs)
		return;
	unlink_slot(b, ref);
	s->next[BY_RECORD] = b->free;
	b->free = ref;
	b->n--;
}

const struct record *book_get(const struct book *b, uint32_t ref)
{
	const struct slot *s = slot_at(b, ref);

	assert(s->n_refs);
	return &s->record;
}

uint32_t book_next_at(const struct book *b, const struct addr *host, uint32_t after)
{
	unsigned family = host->family == ADDR_V6, chain = BY_HOST + family;
	uint32_t ref;

	if (!b->n_heads)
		return 0;
	ref = after ? slot_at(b, after)->next[chain]
		    : b->head[chain][host_hash(host) & (b->n_heads - 1)];
	while (ref && !addr_host_eq(&slot_at(b, ref)->record.contact.addr[family], host))
		ref = slot_at(b, ref)->next[chain];
	return ref;
}

uint32_t book_n(const struct book *b)
{
	return b->n;
}
