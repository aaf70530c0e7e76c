/*
 * What clients send: packets of several protocols and sizes. Each carries its query in
 * its payload, and is made of nothing else, so that who gets it can tell to the byte
 * what was sent.
 */
#ifndef PIAS_SIM_QUERY_H
#define PIAS_SIM_QUERY_H

#include "forwarder/packet.h"

#define QUERY_PARTS_MAX 3
#define QUERY_LEN_MAX	1500

enum query_kind {
	QUERY_UDP,
	QUERY_TCP,	 /* a SYN */
	QUERY_PING,	 /* ICMP echo; only to a whole address */
	QUERY_FRAGMENTS, /* of one UDP datagram */
	N_QUERY_KINDS
};

struct query {
	uint64_t number;
	uint16_t sender, group; /* who asks whom; in the caller's numbering */
	uint16_t port;		/* of the sender */
	uint16_t size;		/* of the payload of each part */
	uint8_t kind, part;
};

unsigned query_parts(const struct query *q);
/* Part q->part, with @from's and @to's addresses; returns its length. */
size_t query_build(const struct query *q, const struct addr *from, const struct addr *to,
		   uint8_t out[static QUERY_LEN_MAX]);
/* What a parsed packet says that it is. False: no query. */
bool query_read(const struct packet *p, struct query *out);

#endif
