/*
 * How a link begins, and how it is refused (PROTOCOL 2.2). Part of peer.h's inside.
 */
#ifndef PIAS_OVERLAY_HELLO_H
#define PIAS_OVERLAY_HELLO_H

#include "overlay/link.h"

void hello_send(struct link *l);
/*
 * A HELLO or REFUSED came by @l, which may be gone afterwards. An error: the host is
 * to close the link, and nothing is known of it here any more.
 */
must_check int hello_on_hello(struct link *l, struct rd *body);
must_check int hello_on_refused(struct link *l, struct rd *body);
/*
 * @l ended without the peer's saying why, or broke the protocol: forgets it and
 * reports. Returns @why.
 */
int hello_on_lost(struct link *l, int why);

#endif
