/*
 * Getting into the ring: dial the seeds, ask one that answers, follow its directions to
 * the member in whose arc we belong, take over its successor list. The AP that is the
 * first of its own seeds creates the ring if nobody else has one (PROTOCOL 4.1).
 */
#ifndef PIAS_OVERLAY_JOIN_H
#define PIAS_OVERLAY_JOIN_H

#include "overlay/message.h"

struct join_ops {
	int (*send)(void *ctx, const struct contact *to, uint8_t type, const void *body,
		    size_t len);
	void (*dial_seed)(void *ctx, const struct addr *seed);
	/* Member @m has admitted us. */
	void (*admitted)(void *ctx, const struct contact *m, const struct msg_list *list);
	/* There is no ring, and it is ours to create it. */
	void (*create)(void *ctx);
	/* For the operator; each cause at most once a minute for each seed. */
	void (*failed)(void *ctx, int err, const char *why);
};

struct join_seed {
	struct addr addr;
	struct contact who; /* who answered there; no address: nobody yet */
	bool refuses_us;    /* the last time; as far as we know it has a ring */
	int told;	    /* the last error reported */
	pias_time told_at;
};

struct join {
	struct env *env;
	const struct join_ops *ops;
	void *ctx;
	struct contact self;
	uint64_t incarnation;
	struct join_seed seed[OVERLAY_SEEDS_MAX]; /* without our own addresses */
	unsigned n_seeds, next_seed;
	bool is_first; /* ours is the first address in the list */
	bool is_done;
	pias_time started;
	struct timer timer;   /* look again */
	struct contact asked; /* who may admit us */
	uint32_t nonce;	      /* 0 = nobody is asked */
	unsigned n_redirects;
	struct timer patience;
};

void join_init(struct join *j, struct env *env, const struct overlay_config *config,
	       const struct join_ops *ops, void *ctx);
void join_fini(struct join *j);
void join_start(struct join *j);

void join_on_seed_up(struct join *j, const struct contact *who);
void join_on_seed_failed(struct join *j, const struct addr *seed, int why,
			 const char *text);
/* Whom we may be asking could not be reached, or refuses us. */
void join_on_peer_down(struct join *j, const struct id *who, int why);
/* JOIN_OK, JOIN_GOTO, JOIN_NO. */
int join_on_message(struct join *j, const struct contact *from, uint8_t type,
		    struct rd *body);

#endif
