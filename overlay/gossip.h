/*
 * Spreading what is known of members (PROTOCOL 5.3). Events travel down a tree over
 * the ring, after D1HT's EDRA (Monnerat and Amorim, IPDPS 2006): who tells somebody
 * makes him responsible for the arc up to the next one told, so that each AP hears
 * each event about once. What a tree loses is found by comparing digests with a random
 * AP now and then, which is also how a joiner gets its table.
 */
#ifndef PIAS_OVERLAY_GOSSIP_H
#define PIAS_OVERLAY_GOSSIP_H

#include "overlay/table.h"

#define GOSSIP_QUEUE_MAX 512 /* events that wait to be passed on */
#define GOSSIP_RECENT	 64  /* events remembered for their arcs */

/* What we think of a claim. */
enum claim {
	CLAIM_STALE, /* we know better: it ends here */
	CLAIM_KNOWN, /* others may not know */
	CLAIM_NEWS,
};

struct gossip_ops {
	int (*send)(void *ctx, const struct contact *to, uint8_t type, const void *body,
		    size_t len);
	/*
	 * Take in a claim that @from passed on. Hearsay: it comes from his table, and
	 * may be old; else it is an event, just reported.
	 */
	enum claim (*learn)(void *ctx, const struct contact *from, const struct member *m,
			    bool is_hearsay);
	/* The table asked for by gossip_pull is here. */
	void (*pulled)(void *ctx);
};

/* How far an event was passed on from here: up to @until. */
struct recent {
	uint64_t key;
	struct id until;
	pias_time at;
};

struct gossip {
	struct env *env;
	const struct table *table;
	const struct gossip_ops *ops;
	void *ctx;
	struct contact self;
	bool is_on;
	pias_time since; /* it is on */

	struct msg_event *queue;
	uint32_t n_queue, cap_queue;
	struct timer flush;
	unsigned budget; /* flushes at once that are left in this period */
	pias_time budget_since;
	struct recent recent[GOSSIP_RECENT];

	struct timer sync;
	struct contact pull_from; /* no address: nothing asked */
	struct timer pull_retry;
};

void gossip_init(struct gossip *g, struct env *env, const struct contact *self,
		 const struct table *table, const struct gossip_ops *ops, void *ctx);
void gossip_fini(struct gossip *g);
/* We are a member: pass on events, and compare digests from time to time. */
void gossip_start(struct gossip *g);
/* Nothing is started any more; what is queued goes out. */
void gossip_stop(struct gossip *g);

/* To everybody, at once while the budget lasts. */
void gossip_spread(struct gossip *g, const struct member *m);
/* To @to alone. */
void gossip_tell(struct gossip *g, const struct contact *to, const struct member *m);
/* Compare digests with @with. */
void gossip_sync(struct gossip *g, const struct contact *with);
/* The whole table from @from, asked for again until it came; ends in ops->pulled. */
void gossip_pull(struct gossip *g, const struct contact *from);

int gossip_on_events(struct gossip *g, const struct contact *from, struct rd *body);
int gossip_on_sync(struct gossip *g, const struct contact *from, struct rd *body);
int gossip_on_entries(struct gossip *g, const struct contact *from, struct rd *body);

#endif
