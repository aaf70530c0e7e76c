/*
 * HELLO and COOKIE (PROTOCOL 6.1): how a server finds the nearest AP. Stateless: all
 * APs of a ring make and check the same cookies, so that a routing flip between two
 * of them changes nothing.
 */
#ifndef PIAS_RENDEZVOUS_HELLO_H
#define PIAS_RENDEZVOUS_HELLO_H

#include "overlay/base/env.h"
#include "rendezvous/server_message.h"

struct hello {
	struct server_mark mark;
	uint8_t cookie_key[HASH_LEN];
};

void hello_init(struct hello *h, const char *ring, const uint8_t ring_key[HASH_LEN]);
void hello_fini(struct hello *h);

/*
 * The answer to a datagram of type HELLO that came from @from: its length, at most
 * that of the HELLO, or 0 for silence (counted).
 */
size_t hello_answer(const struct hello *h, struct env *env, const struct contact *self,
		    const struct addr *from, const uint8_t *data, size_t len,
		    uint8_t out[static SERVER_COOKIE_MAX]);

/* Did an AP of this ring answer a HELLO with @nonce from @seen with that cookie? */
bool hello_cookie_is_ours(const struct hello *h, uint64_t nonce, const struct addr *seen,
			  const uint8_t cookie[static SERVER_COOKIE_LEN]);

#endif
