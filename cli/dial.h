/*
 * One attempt to reach an AP: TCP and TLS to each of its addresses in turn, until one
 * holds who we look for.
 */
#ifndef PIAS_CLI_DIAL_H
#define PIAS_CLI_DIAL_H

#include "cli/stream.h"

#define DIAL_CONNECT_S 3 /* PROTOCOL 2: time limit of a TCP connect */

struct dial_request {
	struct event_base *base;
	struct tls *tls;
	struct id id; /* all zero: whoever answers */
	struct addr addr[2];
	struct addr from[2]; /* v4, v6: bind there; none: the system chooses */
};

struct dial;

/*
 * @bev NULL: none answered; @err and @why are the last one's. Else as with
 * handshake_fn; @who is verified and was reached at @at.
 */
typedef void dial_fn(void *ctx, struct dial *d, struct bufferevent *bev,
		     const struct tls_name *who, const struct addr *at, int err,
		     const char *why);

/* Copies @request. NULL without memory. @done comes once, never from within. */
struct dial *dial_start(const struct dial_request *request, dial_fn *done, void *ctx);
/* Frees; before @done it also ends the attempt, without a word. */
void dial_free(struct dial *d);

#endif
