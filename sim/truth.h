/* How it is in a trial: who lives, who is where, what was sent. */
#ifndef PIAS_SIM_TRUTH_H
#define PIAS_SIM_TRUTH_H

#include "sim/query.h"
#include "sim/trial.h"

#define SUCCESSORS 8 /* L */

bool trial_ap_is_live(const struct ap *ap);
bool trial_server_is_live(const struct server *s);
/* Has it joined its group @i? */
bool trial_is_member(const struct server *s, unsigned i);

/* The live APs in ring order. */
unsigned truth_ring(const struct trial *t, const struct ap *out[PLAN_APS_MAX]);
const struct ap *truth_find_ap(const struct ap *const *ring, unsigned n,
			       const struct id *id);
/* Is it the AP itself, where it lives, and not another one with its key? */
bool truth_is_at(const struct contact *c, const struct ap *ap);
/* Is it an AP's host, that of one with another's key included? */
bool truth_is_ap(const struct trial *t, const struct host *h);
/* Which server lives there, and which of its groups it is; -1: none. */
int truth_server_of(const struct trial *t, const struct host *h);
int truth_group_of(const struct server *s, const struct group_name *g);

/* The packet of a query; what a server gets must be that to the byte. */
size_t truth_packet(const struct trial *t, const struct query *q,
		    uint8_t out[static QUERY_LEN_MAX]);
/* The query of a packet; false where its bytes are not what they were. */
bool truth_is_intact(const struct trial *t, const struct packet *p, struct query *q);
/* A packet for @s that nobody sent. */
size_t truth_forgery(const struct server *s, uint8_t out[static QUERY_LEN_MAX]);

/* Of all that forgers would like to change at an AP. */
uint64_t truth_digest(const struct trial *t, const struct ap *ap);

#endif
