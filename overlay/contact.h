/*
 * How to reach an AP: its id and its unicast addresses, one of each family at most.
 * The port is that of its control port (UDP and TCP). A contact with no address is a
 * placeholder: a point on the ring where somebody might be (Zave's "last + 1").
 */
#ifndef PIAS_OVERLAY_CONTACT_H
#define PIAS_OVERLAY_CONTACT_H

#include <stdbool.h>

#include "overlay/base/addr.h"
#include "overlay/base/id.h"

struct contact {
	struct id id;
	struct addr addr[2]; /* [0] IPv4, [1] IPv6; family 0 = none */
};

/* id, then both addresses in addr_write's form: 22 to 46 bytes. */
#define CONTACT_WIRE_MAX (ID_LEN + 7 + 19)

void contact_read(struct rd *r, struct contact *c);
void contact_write(struct wr *w, const struct contact *c);
bool contact_has_addr(const struct contact *c);
/* Is @a, port included, one of its addresses? */
bool contact_is_at(const struct contact *c, const struct addr *a);
/* Do they have an address in common, port included? */
bool contact_shares_addr(const struct contact *a, const struct contact *b);
/* The address to use for a peer, given which families @self has; NULL if none fits. */
const struct addr *contact_addr(const struct contact *c, const struct contact *self);

#endif
