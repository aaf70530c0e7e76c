/*
 * The decision for one packet: hash, index. Inline, no library call, bounded, so that
 * the userspace path, the simulator and a BPF program share it to the bit.
 */
#ifndef PIAS_FORWARDER_PICK_H
#define PIAS_FORWARDER_PICK_H

#include <stdint.h>

#include "overlay/base/siphash.h"

/*
 * A flow as the pick sees it: addresses as they stand in the packet, zero-padded. All
 * 40 bytes are defined, so that equal flows are equal bytes.
 */
struct pick_flow {
	uint64_t src[2];
	uint64_t dst[2];
	uint16_t sport, dport; /* host order; 0 where there are none */
	uint8_t proto;
	uint8_t family; /* 4 or 6; not hashed, the addresses tell */
	uint8_t zero[2];
};

static inline uint64_t pick_hash(const struct siphash_key *key, const struct pick_flow *f)
{
	uint64_t w[5] = {f->src[0], f->src[1], f->dst[0], f->dst[1],
			 (uint64_t)f->sport << 32 | (uint64_t)f->dport << 16 | f->proto};

	return siphash_words(key, w, 5);
}

/* Multiply-shift onto [0, n_slots): no division. */
static inline uint32_t pick_slot(uint64_t hash, uint32_t n_slots)
{
	return (uint32_t)(((hash >> 32) * n_slots) >> 32);
}

#endif
