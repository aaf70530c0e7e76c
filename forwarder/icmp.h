/*
 * Packet-too-big: the one ICMP message that we write ourselves (RFC 1191, RFC 8201),
 * and the limit on how often. Its source is the anycast address that the client wrote
 * to; nothing else of ours would be a believable source on the client's path.
 */
#ifndef PIAS_FORWARDER_ICMP_H
#define PIAS_FORWARDER_ICMP_H

#include "forwarder/packet.h"
#include "overlay/base/rate.h"

#define ICMP_ROOM    1280 /* bytes that icmp_too_big may write */
#define ICMP_BUCKETS 256

/* Clients share buckets by hash. */
struct icmp_limit {
	struct siphash_key key;
	struct rate all;
	struct rate client[ICMP_BUCKETS];
};

void icmp_limit_init(struct icmp_limit *l, const struct siphash_key *key);
/* May we send one to @to now? If so, it counts. */
bool icmp_limit_take(struct icmp_limit *l, pias_time now, const struct addr *to);

/* Never about ICMP errors, later fragments or senders that no answer can reach. */
bool icmp_may_answer(const struct packet *p);
/* Writes the message that @p is larger than @mtu; returns its length. */
size_t icmp_too_big(uint8_t out[static ICMP_ROOM], const struct packet *p, unsigned mtu);

#endif
