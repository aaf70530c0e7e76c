/*
 * Four-way sets, oldest out. Entries are known by a keyed 64-bit hash alone: a
 * collision, were it ever to happen, sends a fragment to a server that drops it.
 */
#include "forwarder/fragment.h"

#include <stdlib.h>

#define FRAGMENT_LIFE (30 * SEC) /* as long as receivers wait for the rest */

void fragments_init(struct fragments *t, const struct siphash_key *key)
{
	t->key = *key;
	t->entry = NULL;
}

void fragments_fini(struct fragments *t)
{
	free(t->entry);
	t->entry = NULL;
}

/* RFC 791 counts the protocol among what identifies a packet, RFC 8200 does not. */
static uint64_t hash(const struct fragments *t, const struct packet *p)
{
	const struct pick_flow *f = &p->flow;
	uint64_t proto = p->family == ADDR_V4 ? p->proto : 0;
	uint64_t w[5] = {f->src[0], f->src[1], f->dst[0], f->dst[1],
			 (uint64_t)p->fragment_id << 16 | proto << 8 | p->family};

	return siphash_words(&t->key, w, 5);
}

static struct fragment_entry *set_of(const struct fragments *t, uint64_t h)
{
	return t->entry + h % FRAGMENT_SETS * FRAGMENT_WAYS;
}

void fragments_add(struct fragments *t, pias_time now, const struct packet *first)
{
	uint64_t h = hash(t, first);
	struct fragment_entry *set, *e;
	int i;

	if (!t->entry)
		t->entry = calloc(FRAGMENT_SETS * FRAGMENT_WAYS, sizeof(*t->entry));
	if (!t->entry)
		return; /* later fragments will be dropped, and counted */
	set = e = set_of(t, h);
	for (i = 0; i < FRAGMENT_WAYS; i++) {
		if (set[i].hash == h) {
			e = &set[i];
			break;
		}
		if (set[i].until < e->until)
			e = &set[i];
	}
	*e = (struct fragment_entry){
		.hash = h,
		.until = now + FRAGMENT_LIFE,
		.sport = first->flow.sport,
		.dport = first->flow.dport,
		.proto = first->flow.proto,
	};
}

bool fragments_follow(const struct fragments *t, pias_time now, struct packet *later)
{
	uint64_t h = hash(t, later);
	const struct fragment_entry *set;
	int i;

	if (!t->entry)
		return false;
	set = set_of(t, h);
	for (i = 0; i < FRAGMENT_WAYS; i++) {
		if (set[i].hash != h || set[i].until <= now)
			continue;
		later->flow.sport = set[i].sport;
		later->flow.dport = set[i].dport;
		later->flow.proto = set[i].proto;
		return true;
	}
	return false;
}
