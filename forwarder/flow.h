/*
 * The flow table: which member a TCP or UDP flow went to, so that it stays there when
 * others come and go. Fixed size, eight-way sets, 64 bytes a flow. A full set gives up
 * flows that are idle or were never established, never one in use: whoever floods
 * only competes with other newcomers, and a flow that finds no room still goes where
 * the pick table says.
 */
#ifndef PIAS_FORWARDER_FLOW_H
#define PIAS_FORWARDER_FLOW_H

#include "forwarder/packet.h"
#include "overlay/base/timer.h"

#define FLOW_WAYS 8

enum flow_state {
	FLOW_FREE,
	FLOW_NEW,
	FLOW_ESTABLISHED, /* the client went on: TCP past its SYN, or a third datagram */
	FLOW_CLOSING,	  /* FIN or RST seen */
};

/* 62 bytes, so that a set with its tags is 512. Addresses as in struct pick_flow. */
struct flow {
	uint8_t src[16], dst[16];
	uint64_t server; /* id_prefix of the member */
	uint32_t used;	 /* in ticks, see flow.c */
	uint32_t packets;
	uint32_t bytes_low;
	uint16_t sport, dport;
	uint16_t target; /* where in the route it was last; only a hint */
	uint16_t bytes_high;
	uint8_t proto;
	uint8_t family : 4, state : 4;
} __attribute__((packed, aligned(2)));

struct flow_set {
	uint16_t tag[FLOW_WAYS];
	struct flow flow[FLOW_WAYS];
};

_Static_assert(sizeof(struct flow_set) == 64 * FLOW_WAYS, "64 bytes a flow");

struct flows {
	struct siphash_key key;
	uint32_t max;
	uint32_t n_sets;
	uint32_t n; /* in use, the expired ones included until they are replaced */
	struct flow_set *set; /* allocated with the first flow */
};

enum flow_added { FLOW_ADDED, FLOW_EVICTED_ONE, FLOW_REFUSED };

void flows_init(struct flows *t, const struct siphash_key *key, uint32_t max);
void flows_fini(struct flows *t);

/* The keyed hash by which the functions below know a flow. */
static inline uint64_t flows_hash(const struct flows *t, const struct pick_flow *key)
{
	return pick_hash(&t->key, key);
}

/* NULL: not there, or too long idle. */
struct flow *flows_find(const struct flows *t, pias_time now, uint64_t hash,
			const struct pick_flow *key);
/* The key must not be there. *out is set unless refused. */
enum flow_added flows_add(struct flows *t, pias_time now, uint64_t hash,
			  const struct pick_flow *key, struct flow **out);
/* Puts it on a server, as a new flow. */
void flow_place(struct flow *f, uint64_t server, uint16_t hint);
/* Counts @n packets of @bytes in all towards @f, and moves its state. */
void flow_touch(struct flow *f, pias_time now, uint8_t tcp_flags, uint32_t n,
		uint64_t bytes);

uint64_t flow_bytes(const struct flow *f);
pias_time flow_idle(const struct flow *f, pias_time now);
struct addr flow_client(const struct flow *f);
struct addr flow_group(const struct flow *f);

/* Walks the flows that are not expired: start with *pos = 0, ends with NULL. */
const struct flow *flows_next(const struct flows *t, pias_time now, uint32_t *pos);

#endif
