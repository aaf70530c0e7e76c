/*
 * Who gives way when too many strangers wait at once: of those from the most crowded
 * place the one that waits longest. A place is an IPv4 address or an IPv6 /64, so that
 * whoever connects again and again crowds out himself first, and a crowd from
 * everywhere only those that are slow.
 */
#ifndef PIAS_CLI_CROWD_H
#define PIAS_CLI_CROWD_H

#include "overlay/base/addr.h"

/* Counted apart; others share a count: many more than handshakes there can be. */
#define CROWD_BITS   12
#define CROWD_PLACES (1 << CROWD_BITS)

struct crowd {
	uint16_t n[CROWD_PLACES];
};

void crowd_add(struct crowd *c, const struct addr *from);
void crowd_del(struct crowd *c, const struct addr *from);
/* How many wait from the place of @from, as far as they are told apart. */
unsigned crowd_at(const struct crowd *c, const struct addr *from);

#endif
