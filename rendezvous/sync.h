/*
 * Who holds what: keeps our part of the ring's groups complete as the ring changes
 * (PROTOCOL 7.5). Whoever comes to own an arc of keys pulls its groups from the
 * successors that copied it; whoever loses one offers it to the new owner; owners
 * invite their replicas to compare digests every SYNC_PERIOD.
 */
#ifndef PIAS_RENDEZVOUS_SYNC_H
#define PIAS_RENDEZVOUS_SYNC_H

#include "rendezvous/arc.h"
#include "rendezvous/pull.h"
#include "rendezvous/replica.h"

#define SYNC_PERIOD   (30 * SEC)
#define SYNC_SOON     (100 * MSEC) /* after a change of the ring */
#define ARC_TIME      (75 * SEC)   /* an invitation confirms an arc for so long */
#define PULLS_MAX     4		   /* on invitation, at the same time */
#define LEAVE_TIMEOUT (2 * SEC)
#define STRAYS_MAX    16 /* arcs offered to their owners in one period */

/* A pull that a peer invited us to. */
struct invited {
	struct pull pull;		 /* first */
	uint8_t kind;			 /* enum invite_kind */
	uint64_t digest[DIGEST_BUCKETS]; /* the peer's */
};

struct sync {
	struct env *env;
	struct groups *groups;
	struct replicas *replicas;
	struct post *post;
	void (*left)(void *ctx);
	void *ctx;
	bool has_range;
	struct id range_from;	 /* we own (range_from, self] */
	struct pull own;	 /* what of it we still fetch */
	unsigned n_asked;	 /* successors that did not have all of it */
	struct invited *invited; /* PULLS_MAX of them */
	struct arcs copied;
	struct timer timer;	  /* invitations */
	struct timer leave_timer; /* set: we are leaving */
};

/* PIAS_ENOMEM. @left: see sync_leave. */
must_check int sync_init(struct sync *s, struct env *env, struct groups *groups,
			 struct replicas *replicas, struct post *post,
			 void (*left)(void *ctx), void *ctx);
void sync_fini(struct sync *s);

/* Do we hold all groups of our own range? */
bool sync_is_complete(const struct sync *s);
/* Do we own @key and hold its groups, so that our "no such group" counts? */
bool sync_owns(const struct sync *s, const struct id *key);
/* The same, or as a replica. */
bool sync_holds(const struct sync *s, const struct id *key);

void sync_on_range_changed(struct sync *s);
void sync_on_successors_changed(struct sync *s);
void sync_on_peer_changed(struct sync *s, const struct id *id, enum peer_status now);
/* Gives our groups to the successor; ends in left(), never from within. */
void sync_leave(struct sync *s);

/* Bodies of the messages; 0 or PIAS_EMALFORMED. */
int sync_on_invite(struct sync *s, const struct contact *from, struct rd *body);
int sync_on_pull(struct sync *s, const struct contact *from, struct rd *body);
int sync_on_pull_done(struct sync *s, const struct contact *from, struct rd *body);
int sync_on_taken(struct sync *s, struct rd *body);

#endif
