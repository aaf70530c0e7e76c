/*
 * The ring: who comes before us and who after, kept right under joins, leaves and
 * crashes by Zave's corrected Chord (arXiv 1502.06461; IEEE TSE 43(12), 2017), not by
 * the paper of 2001. PROTOCOL 4 has the messages and timers.
 *
 * Differences from her model, which wants L + 1 members at all times: lists are cut
 * before they would reach their owner, so they are shorter than L in small rings and
 * empty in a ring of one, where the predecessor is oneself. Who else may be near comes
 * from the membership table, as candidates that must answer before they are adopted.
 */
#ifndef PIAS_OVERLAY_RING_H
#define PIAS_OVERLAY_RING_H

#include "overlay/message.h"

enum ring_change {
	RING_PRED = 1, /* what we own has changed */
	RING_SUCC = 2, /* the successor list has */
};

struct ring_ops {
	int (*send)(void *ctx, const struct contact *to, uint8_t type, const void *body,
		    size_t len);
	/* How long an answer from @to may take. */
	pias_time (*patience)(void *ctx, const struct contact *to);
	/* The nearest live AP strictly between, clockwise after @from. NULL: no table. */
	bool (*after)(void *ctx, const struct id *from, const struct id *to,
		      struct contact *out);
	/* The last live AP before ourselves, another than us. NULL: no table. */
	bool (*before)(void *ctx, struct contact *out);
	/* Is it known to be dead or gone? */
	bool (*is_gone)(void *ctx, const struct id *id);
	/* It let our questions go unanswered: worth a probe. */
	void (*silent)(void *ctx, const struct contact *who);
	/* @what: of enum ring_change. Called in mid-update: take note and return. */
	void (*changed)(void *ctx, unsigned what);
	/* A timer of the ring has done its work. */
	void (*done)(void *ctx);
};

enum ring_state {
	RING_OUT, /* not yet a member */
	RING_MEMBER,
	RING_LEFT,
};

/* A question that somebody has not answered yet. */
struct ring_query {
	struct timer timer;
	struct contact to;
	uint32_t nonce; /* 0 = nothing asked */
	uint8_t tries;
};

struct ring {
	struct env *env;
	const struct ring_ops *ops;
	void *ctx;
	struct contact self;
	uint64_t incarnation;
	pias_time period;
	enum ring_state state;
	bool is_early; /* the next stabilisation was moved up */
	uint8_t n_succ;
	struct contact pred; /* ourselves: nobody else is known */
	struct contact succ[RING_L];
	struct timer stabilise;
	uint32_t nonce;

	struct ring_query ask; /* stabilise: the successor, or a candidate */
	bool ask_candidate;
	struct id shunned; /* a candidate that did not answer */
	pias_time shunned_until;

	struct ring_query check; /* rectify: is the old predecessor alive? */
	struct contact claimant; /* if not, this is the new one */
};

void ring_init(struct ring *r, struct env *env, const struct contact *self,
	       uint64_t incarnation, pias_time period, const struct ring_ops *ops,
	       void *ctx);
void ring_fini(struct ring *r);
void ring_set_incarnation(struct ring *r, uint64_t incarnation);

/* A new ring, of one. */
void ring_create(struct ring *r);
/* Becomes a member after @m, which admitted us and gave its list. */
void ring_join(struct ring *r, const struct contact *m, const struct msg_list *list);
/* Tells the neighbours and goes. */
void ring_leave(struct ring *r);

/* Is @joiner's place right after us? Then @list is what it needs to know. */
bool ring_admits(const struct ring *r, const struct id *joiner, struct msg_list *list);

/* Messages; types GET_LIST, LIST, NOTIFY and LEAVE, decoded. */
void ring_on_get_list(struct ring *r, const struct contact *from,
		      const struct msg_ask *m);
void ring_on_list(struct ring *r, const struct contact *from, const struct msg_list *m);
void ring_on_notify(struct ring *r, const struct contact *from);
void ring_on_leave(struct ring *r, const struct contact *from, const struct msg_list *m);

/* No link to @id, or none any more: what we asked it is asked again, or given up. */
void ring_on_down(struct ring *r, const struct id *id);
/* The detector's verdict, or a LEAVE heard of: it is no longer there. */
void ring_on_gone(struct ring *r, const struct id *id);
/* Somebody turned up: look soon whether he belongs next to us. */
void ring_on_news(struct ring *r, const struct id *id);

/* @who may belong between us and our successor: ask him, and adopt him if he answers. */
void ring_suggest(struct ring *r, const struct contact *who);

bool ring_owns(const struct ring *r, const struct id *key);
/* The first successor; NULL in a ring of one. It may be a placeholder. */
const struct contact *ring_head(const struct ring *r);

#endif
