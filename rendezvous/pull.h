/*
 * Fetching the groups of an arc from a peer, page by page (PROTOCOL 7.5), and serving
 * such requests. The records themselves come as RECORDS and are merged like any
 * (replica.h); here is only what has been asked for and how far it came.
 */
#ifndef PIAS_RENDEZVOUS_PULL_H
#define PIAS_RENDEZVOUS_PULL_H

#include "rendezvous/arc.h"
#include "rendezvous/packer.h"

#define PULL_TIMEOUT (1 * SEC)
#define PULL_TRIES   2		  /* of one page */
#define PULL_PAGE    (256 * 1024) /* bytes sent for one PULL */

enum pull_end {
	PULL_ENDED_COMPLETE, /* all came, and the peer held all of the arc */
	PULL_ENDED_PARTIAL,  /* all came that the peer held */
	PULL_ENDED_FAILED,   /* the peer does not answer */
};

struct pull {
	struct env *env;
	struct post *post;
	void (*ended)(void *ctx, struct pull *p, enum pull_end how);
	void *ctx;
	struct timer timer; /* runs while the pull does */
	struct contact peer;
	struct arc arc;
	struct id at; /* everything up to here has come */
	uint32_t nonce;
	uint16_t buckets;
	uint8_t n_tries;
};

void pull_init(struct pull *p, struct env *env, struct post *post,
	       void (*ended)(void *ctx, struct pull *p, enum pull_end how), void *ctx);
/* Peer, arc and buckets are set. */
void pull_start(struct pull *p);
void pull_stop(struct pull *p);
bool pull_is_active(const struct pull *p);

/* Is it the answer to what this pull asked? Then pull_on_done may have it. */
bool pull_expects(const struct pull *p, const struct contact *from,
		  const struct msg_pull_done *m);
void pull_on_done(struct pull *p, const struct msg_pull_done *m);

/* Serves one page of what @groups has; @is_complete: it has all of the arc. */
void pull_serve(struct post *post, const struct groups *groups, const struct contact *to,
		const struct msg_pull *m, bool is_complete);

#endif
