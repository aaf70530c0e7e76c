/*
 * Copies of what we own at our r-1 live successors. What a server waits for (join,
 * leave, health) is copied at once and acknowledged; mere refreshes and ended leases
 * go along once a second. Records from others are merged here, whoever sent them.
 */
#ifndef PIAS_RENDEZVOUS_REPLICA_H
#define PIAS_RENDEZVOUS_REPLICA_H

#include "rendezvous/packer.h"
#include "rendezvous/push.h"

#define COPY_WAIT   (300 * MSEC) /* for acknowledgements of copies */
#define COPY_PERIOD (1 * SEC)	 /* between copies of refreshes */
#define WAITS_MAX   4096	 /* updates that wait for acknowledgements */

/* What the join AP is told once the copies are safe. */
struct answer {
	struct contact to;
	struct msg_update_ack ack;
};

struct wait;

struct replicas {
	struct env *env;
	struct groups *groups;
	struct pushes *pushes;
	struct post *post;
	unsigned n_replicas; /* r */
	void (*copied)(void *ctx, const struct answer *a);
	void *ctx;
	TAILQ_HEAD(copy_queue, group) due;
	struct timer copy_timer;
	/* A ring by serial; finished ones are skipped when they come first. */
	struct wait *wait;
	uint32_t waits_cap, n_waits;
	uint32_t first_serial; /* of the first one in the ring */
	struct timer wait_timer;
};

/* @copied: every replica acknowledged, or COPY_WAIT is over. */
void replicas_init(struct replicas *r, struct env *env, struct groups *groups,
		   struct pushes *pushes, struct post *post, unsigned n_replicas,
		   void (*copied)(void *ctx, const struct answer *a), void *ctx);
void replicas_fini(struct replicas *r);

/* Live successors that hold our copies; returns how many. */
unsigned replicas_list(const struct replicas *r, struct contact out[static REPLICAS_MAX]);

/* Copies now; ops->copied follows, but not from within. False: nobody to wait for. */
bool replica_copy(struct replicas *r, struct group *g, struct member *m,
		  const struct answer *answer);
void replica_copy_later(struct replicas *r, struct group *g, struct member *m);
/* Sends what is due to be copied. */
void replicas_flush(struct replicas *r);
/* We hold it no more: its subscribers shall ask elsewhere. */
void replicas_release(struct replicas *r, struct group *g);
/* Deletes a group and tells its subscribers; @ttl as in struct msg_negative. */
void replicas_drop(struct replicas *r, struct group *g, pias_time ttl);

/* Bodies of MSG_RECORDS and MSG_RECORDS_ACK. */
int replicas_on_records(struct replicas *r, const struct contact *from, struct rd *body);
int replicas_on_ack(struct replicas *r, struct rd *body);

#endif
