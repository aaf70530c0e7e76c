/*
 * Records live in chunks that never move, chained by hash; free ones are chained
 * through the same field. A record lives while its count of references is above zero.
 */
#include "overlay/book.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/base/siphash.h"

#define CHUNK 256 /* records */

struct slot {
	struct record record;
	uint32_t n_refs;
	uint32_t next; /* in its hash chain or the free list */
};

struct book {
	struct slot **chunk;
	uint32_t n_chunks;
	uint32_t *head; /* hash chains; a power of two of them */
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
	free(b->head);
	free(b);
}

static struct slot *slot_at(const struct book *b, uint32_t ref)
{
	assert(ref && ref <= b->n_chunks * CHUNK);
	return &b->chunk[(ref - 1) / CHUNK][(ref - 1) % CHUNK];
}

/* Not keyed: ids are hashes of certified keys, only their owners move incarnations. */
static uint64_t record_digest(const struct id *id, uint64_t incarnation)
{
	static const struct siphash_key key = {0x70696173, 0x626f6f6b};
	uint64_t w[4] = {id_prefix(id), be64_get(id->b + 8), be32_get(id->b + 16),
			 incarnation};

	return siphash_words(&key, w, 4);
}

static int rehash(struct book *b)
{
	uint32_t n = b->n_heads ? 2 * b->n_heads : CHUNK, i, ref, next;
	uint32_t *head = calloc(n, sizeof(*head));

	if (!head)
		return PIAS_ENOMEM;
	for (i = 0; i < b->n_heads; i++) {
		for (ref = b->head[i]; ref; ref = next) {
			struct slot *s = slot_at(b, ref);
			uint32_t h = (uint32_t)s->record.digest & (n - 1);

			next = s->next;
			s->next = head[h];
			head[h] = ref;
		}
	}
	free(b->head);
	b->head = head;
	b->n_heads = n;
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
		c[i].next = b->free;
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
	for (ref = b->head[digest & (b->n_heads - 1)]; ref; ref = slot_at(b, ref)->next) {
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
	uint64_t digest = record_digest(&c->id, incarnation);
	uint32_t ref = find(b, c, incarnation, digest), *head;
	struct slot *s;

	if (ref) {
		slot_at(b, ref)->n_refs++;
		return ref;
	}
	if ((b->n >= b->n_heads && rehash(b)) || (!b->free && grow(b)))
		return 0;
	ref = b->free;
	s = slot_at(b, ref);
	b->free = s->next;
	s->record.contact = *c;
	s->record.incarnation = incarnation;
	s->record.digest = digest;
	s->n_refs = 1;
	head = &b->head[digest & (b->n_heads - 1)];
	s->next = *head;
	*head = ref;
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
	uint32_t *p;

	assert(s->n_refs);
	if (--s->n_refs)
		return;
	p = &b->head[s->record.digest & (b->n_heads - 1)];
	while (*p != ref)
		p = &slot_at(b, *p)->next;
	*p = s->next;
	s->next = b->free;
	b->free = ref;
	b->n--;
}

const struct record *book_get(const struct book *b, uint32_t ref)
{
	const struct slot *s = slot_at(b, ref);

	assert(s->n_refs);
	return &s->record;
}

uint32_t book_n(const struct book *b)
{
	return b->n;
}
