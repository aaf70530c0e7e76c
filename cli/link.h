/*
 * Links as overlay/base/env.h has them, over TLS: reliable ordered streams of frames
 * to authenticated programs. What the core asks for is queued; what comes of it is
 * delivered from the event loop, never from within a call of links_*. The program must
 * ignore SIGPIPE.
 */
#ifndef PIAS_CLI_LINK_H
#define PIAS_CLI_LINK_H

#include <event2/event.h>

#include "cli/tls.h"

#define LINK_BACKLOG_MAX (4u << 20) /* unsent bytes before a peer counts as stuck */
#define LINK_HALF_MAX	 256	    /* accepted connections still shaking hands */
#define LINK_DIAL_MAX	 1024	    /* dials under way */
#define LINK_MAX	 65536
#define LINK_CLOSE_S	 5 /* to flush what was sent before a close */

struct links_ops {
	/* Authenticated and open. An error means: refuse (flush and close) it. */
	int (*up)(void *ctx, uint32_t link, const struct peer_identity *who, bool dialed,
		  const uint8_t key[OVERLAY_LINK_KEY_LEN]);
	/* One whole frame. An error means: flush and close it; `down` follows. */
	int (*frame)(void *ctx, uint32_t link, enum peer_kind kind, const uint8_t *frame,
		     size_t len);
	/*
	 * It ended, by its own or by links_ops.frame's doing, not by links_close. @err
	 * is 0 when the other end just closed it, else PIAS_E* with @why in words;
	 * PIAS_EDENIED: it refused our certificate. PIAS_EFULL: it stopped reading.
	 */
	void (*down)(void *ctx, uint32_t link, const struct peer_identity *who, int err,
		     const char *why);
	/*
	 * No link came of links_dial. @why says what happened at the last address.
	 * PIAS_EAUTH: we refused its certificate; PIAS_EDENIED: it refused ours.
	 */
	void (*dial_failed)(void *ctx, const struct id *id, const struct addr addr[2],
			    int err, const char *why);
	/*
	 * Somebody connected to us in vain. PIAS_EAUTH, PIAS_EDENIED: as above;
	 * PIAS_EFULL: it gave way to others (crowd.h). NULL where nobody listens.
	 */
	void (*refused)(void *ctx, const struct addr *from, int err, const char *why);
};

struct links_config {
	struct event_base *base;
	struct tls *tls;
	/*
	 * v4, v6. A family is used for dialing if has_family says so, from local
	 * (none: the system chooses).
	 */
	bool has_family[2];
	struct addr local[2];
};

struct links;

/* Copies @config. NULL without memory. */
struct links *links_new(const struct links_config *config, const struct links_ops *ops,
			void *ctx);
/* Drops everything, silently. */
void links_free(struct links *ls);
/* Accepts connections at @on. On failure @why says what is wrong. */
must_check int links_listen(struct links *ls, const struct addr *on,
			    char why[static TLS_WHY_MAX]);
/* As env_ops.dial, link_send and link_close. */
void links_dial(struct links *ls, const struct id *id, const struct addr addr[2]);
void links_send(struct links *ls, uint32_t link, const void *frame, size_t len);
void links_close(struct links *ls, uint32_t link);
unsigned links_n(const struct links *ls); /* open ones */

#endif
