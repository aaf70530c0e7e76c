/*
 * The server's end of a tunnel: which inner packets are let in. The cookie of a GUE
 * packet must be ours, the inner packet must be for one of our groups (or a probe of
 * one), and from somebody who can be answered. No I/O, no state.
 */
#ifndef PIAS_FORWARDER_DECAP_H
#define PIAS_FORWARDER_DECAP_H

#include "forwarder/packet.h"
#include "overlay/base/env.h"

#define DECAP_GROUPS_MAX 64

/* clang-format off */
#define DECAP_VERDICTS(X)                                                       \
	X(OK,        "let in")                                                  \
	X(TUNNEL,    "not a tunnel packet of ours")                             \
	X(COOKIE,    "a wrong cookie: not from a proxy that admitted us")       \
	X(MALFORMED, "an inner packet that can't be parsed")                    \
	X(GROUP,     "for none of our groups")                                  \
	X(SOURCE,    "from an impossible source")
/* clang-format on */

enum decap_verdict {
#define X(name, text) DECAP_##name,
	DECAP_VERDICTS(X)
#undef X
		N_DECAP_VERDICTS
};

struct decap_config {
	struct group_name group[DECAP_GROUPS_MAX];
	uint16_t probe_port[DECAP_GROUPS_MAX];
	unsigned n_groups;
	struct addr unicast; /* our own end of the tunnel */
	uint64_t cookie;     /* GUE's */
};

/* What came in a UDP datagram to our GUE port; @out is set when it is DECAP_OK. */
enum decap_verdict decap_gue(const struct decap_config *c, uint8_t *data, size_t len,
			     struct packet *out);
/* What came behind an outer IP header of protocol 4 (@family 4) or 41 (@family 6). */
enum decap_verdict decap_ipip(const struct decap_config *c, unsigned family,
			      uint8_t *data, size_t len, struct packet *out);

const char *decap_verdict_text(enum decap_verdict v);

#endif
