/*
 * Fragments after the first carry no ports. This table remembers, for a while, which
 * flow a fragmented packet belongs to, so that they follow the first one. It has a
 * fixed size: a flood of first fragments pushes out the oldest, nothing more.
 */
#ifndef PIAS_FORWARDER_FRAGMENT_H
#define PIAS_FORWARDER_FRAGMENT_H

#include "forwarder/packet.h"
#include "overlay/base/timer.h"

#define FRAGMENT_SETS 512
#define FRAGMENT_WAYS 4

struct fragment_entry {
	uint64_t hash; /* of addresses and id, keyed */
	pias_time until;
	uint16_t sport, dport;
	uint8_t proto;
};

struct fragments {
	struct siphash_key key;
	struct fragment_entry *entry; /* allocated with the first fragment */
};

void fragments_init(struct fragments *t, const struct siphash_key *key);
void fragments_fini(struct fragments *t);
/* Remembers the flow of a first fragment. */
void fragments_add(struct fragments *t, pias_time now, const struct packet *first);
/* Completes the flow of a later fragment; false: its first has not been seen. */
bool fragments_follow(const struct fragments *t, pias_time now, struct packet *later);

#endif
