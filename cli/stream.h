/*
 * Establishing and ending TLS streams: the time between a connected socket and an
 * authenticated bufferevent, and the time between the last byte and the close.
 */
#ifndef PIAS_CLI_STREAM_H
#define PIAS_CLI_STREAM_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdbool.h>

#include "cli/tls.h"

#define STREAM_HANDSHAKE_S 5 /* PROTOCOL 2: time limit of a TLS handshake */
#define STREAM_LINGER_S	   1
#define STREAM_LINGER_MAX  256

/* Handshakes */

struct handshake;

/*
 * In TLS 1.3 the dialing end is done before the other one has judged its certificate.
 * Between APs, where the accepting end speaks at once (PROTOCOL 2.2), a dialed stream
 * therefore counts as established when its first bytes have come: so a refusal is a
 * failure to establish it. A server, which speaks first itself, can't wait.
 *
 * @bev NULL: failed, and why. Else it is the caller's, disabled, without callbacks,
 * and to be ended with stream_free or stream_close. The handshake is gone by then.
 */
typedef void handshake_fn(void *ctx, struct bufferevent *bev, int err, const char *why);

/*
 * Takes the connected, non-blocking socket @fd (also when it fails). NULL without
 * memory. @done is never called from within.
 */
struct handshake *handshake_start(struct event_base *base, struct tls *tls, int fd,
				  bool dialed, handshake_fn *done, void *ctx);
/* Ends it without a word. */
void handshake_cancel(struct handshake *h);

/* Ends */

/* Drops the stream at once. */
void stream_free(struct bufferevent *bev);
/*
 * Says goodbye in TLS, if @is_clean, and then reads and discards for up to a second,
 * so that the kernel does not answer late data with a reset that would overtake what
 * we sent last: an alert, a refusal.
 */
void stream_close(struct bufferevent *bev, bool is_clean);
/* Before @base goes: whoever is still being listened to is cut off. */
void stream_end_lingering(struct event_base *base);

#endif
