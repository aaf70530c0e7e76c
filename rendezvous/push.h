/*
 * Telling ingress APs: the subscribers of each group, and those that lately asked for
 * a group that did not exist. A change goes out at once; only when a group changes
 * again within PUSH_BURST do its further changes wait for the end of that time, unless
 * a member died, left or drains (PROTOCOL 7.4).
 */
#ifndef PIAS_RENDEZVOUS_PUSH_H
#define PIAS_RENDEZVOUS_PUSH_H

#include "rendezvous/message.h"
#include "rendezvous/post.h"
#include "rendezvous/select.h"

#define PUSH_BURST	(20 * MSEC)
#define SUBSCRIPTION	(60 * SEC)
#define REFUSED_TTL	(5 * SEC) /* of an answer without subscription */
#define SUBSCRIBERS_MAX 16384	  /* of one group */
#define ASKERS_MAX	4096	  /* for unknown groups */
#define ASKER_TIME	(5 * SEC)

struct asker {
	struct group_name name;
	struct ap *ap;
	pias_time ends;
};

struct pushes {
	struct env *env;
	struct groups *groups;
	struct post *post;
	struct selector *selector;
	struct timer timer;
	TAILQ_HEAD(group_queue, group) due; /* by pushed_at: the first is due first */
	/* A ring, oldest first: all live equally long. */
	struct asker *asker;
	uint32_t askers_cap, askers_first, n_askers;
};

void pushes_init(struct pushes *p, struct env *env, struct groups *groups,
		 struct post *post, struct selector *selector);
void pushes_fini(struct pushes *p);

/* Subscribes, or renews, and answers. */
void push_subscribe(struct pushes *p, struct group *g, const struct contact *ingress,
		    const struct coord *coord);
void push_unsubscribe(struct pushes *p, struct group *g, const struct id *ingress);
/* Answers that there is no such group, and remembers to tell when there is. */
void push_negative(struct pushes *p, const struct group_name *name,
		   const struct contact *ingress, const struct coord *coord,
		   pias_time ttl);

/* A group that did not exist, or had no live member, has its first. */
void push_created(struct pushes *p, struct group *g);
/* @c is what group_merge did; the version is already the new one. */
void push_changed(struct pushes *p, struct group *g, const struct merge *c);
/* Ends all subscriptions; @ttl as in struct msg_negative. */
void push_gone(struct pushes *p, struct group *g, pias_time ttl);

#endif
