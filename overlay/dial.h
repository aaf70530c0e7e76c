/*
 * When to dial whom, and what a failure means: backoff, the timer of each peer, and
 * the seeds, which are dialed by address alone. Part of peer.h's inside.
 */
#ifndef PIAS_OVERLAY_DIAL_H
#define PIAS_OVERLAY_DIAL_H

#include "overlay/link.h"

/*
 * Call as the last thing after @peer changed: dials if something waits for a link,
 * arms its timer, frees it if nothing keeps it. @why not 0: a link to it ended or
 * could not be had, which is reported if no other is left.
 */
void dial_settle(struct peer *peer, int why);
/*
 * The peer can't be had, for @why: throws away what waits for it (unless it has
 * another link), waits at least @backoff before the next dial, and settles.
 */
void dial_failed(struct peer *peer, int why, pias_time backoff);

void dial_seed(struct peers *p, const struct addr *seed);
/*
 * Takes the seed at one of @who's addresses off the list; else (@is_any) the one
 * dialed first. False: none.
 */
bool dial_take_seed(struct peers *p, const struct contact *who, bool is_any,
		    struct addr *out);
/* Reports a seed taken off the list as failed. */
void dial_seed_failed(struct peers *p, const struct addr *seed, int why,
		      const char *text);
void dial_on_seed_timer(void *ctx);

#endif
