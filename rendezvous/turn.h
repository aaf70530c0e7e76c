/*
 * Whose turn is it to be challenged? A server may claim any address; until it has
 * answered at one, only one of its JOINs is challenged at a time and the others wait,
 * so that a certificate is no means to have strangers flooded with probes. Those for the
 * address that answered then go on together.
 */
#ifndef PIAS_RENDEZVOUS_TURN_H
#define PIAS_RENDEZVOUS_TURN_H

#include "overlay/base/env.h"
#include "overlay/base/htab.h"
#include "rendezvous/server.h"

#define TURN_WAITING_MAX 128 /* of one server */

struct turns {
	struct env *env;
	struct siphash_key key;
	struct htab by_server;
	/* It is the turn of @s, which waited. */
	void (*start)(void *ctx, struct server *s);
	void *ctx;
};

void turns_init(struct turns *t, struct env *env,
		void (*start)(void *ctx, struct server *s), void *ctx);
/* When no server is left. */
void turns_fini(struct turns *t);

/*
 * @s wants to be challenged: at once if *@is_now, else later, by start. PIAS_EFULL or
 * PIAS_ENOMEM: never.
 */
must_check int turn_take(struct turns *t, struct server *s, bool *is_now);
/* It waits or is challenged no more; another one's turn comes soon. */
void turn_end(struct server *s);
/* One that waits behind @s and claims the same address, now out of the line; or NULL. */
struct server *turn_next_alike(struct server *s);
/* One of @server that waits and came by that link; or NULL. */
struct server *turn_find_waiting(const struct turns *t, const struct id *server,
				 uint64_t link_serial);

#endif
