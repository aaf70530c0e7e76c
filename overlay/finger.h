/*
 * Chord's fingers: finger i is the owner of self + 2^(159 - i), so that each halves
 * the way that is left. They route where the ring has outgrown the membership table
 * (PROTOCOL 4.6); each is found again, in turn, by a lookup that the fingers of others
 * carry, hop by hop, and whose answer comes straight back.
 */
#ifndef PIAS_OVERLAY_FINGER_H
#define PIAS_OVERLAY_FINGER_H

#include "overlay/book.h"
#include "overlay/message.h"

#define FINGERS		   32
#define FINGER_HOPS	   64
#define FINGER_LOOKUPS_MAX 16 /* unanswered at a time */

enum hop {
	HOP_NONE,  /* nobody is known */
	HOP_NEXT,  /* he is closer to the owner */
	HOP_OWNER, /* that is the owner, as far as we know */
};

struct fingers_ops {
	int (*send)(void *ctx, const struct contact *to, uint8_t type, const void *body,
		    size_t len);
	/* Who owns @key, or knows better? @out may be ourselves: then we own it. */
	enum hop (*route)(void *ctx, const struct id *key, struct contact *out);
	/*
	 * The end of fingers_lookup: the owner, after so many hops; NULL: no answer in
	 * time. May be called before fingers_lookup returns. May be NULL.
	 */
	void (*found)(void *ctx, const struct id *key, const struct contact *owner,
		      unsigned hops);
};

struct lookup {
	uint32_t nonce; /* 0 = free */
	int8_t finger;	/* which one it is for; -1: somebody asked */
	struct id key;
	pias_time deadline;
};

struct fingers {
	struct env *env;
	struct book *book;
	const struct fingers_ops *ops;
	void *ctx;
	struct contact self;
	uint64_t dist[FINGERS]; /* leading bits of its distance from us */
	uint32_t ref[FINGERS];	/* 0 = unknown */
	pias_time period;
	struct timer refresh, expire;
	uint8_t next;	/* to be refreshed: from the nearest to the farthest */
	bool is_filled; /* all were looked for once */
	uint32_t nonce;
	struct lookup lookup[FINGER_LOOKUPS_MAX];
};

void fingers_init(struct fingers *f, struct env *env, struct book *book,
		  const struct contact *self, pias_time period,
		  const struct fingers_ops *ops, void *ctx);
void fingers_fini(struct fingers *f);
/* Begins to look for them, one after the other, and then keeps them fresh. */
void fingers_start(struct fingers *f);
void fingers_stop(struct fingers *f);

void fingers_set(struct fingers *f, unsigned i, const struct contact *c);
bool fingers_get(const struct fingers *f, unsigned i, struct contact *out);
bool fingers_has(const struct fingers *f, const struct id *id);
void fingers_on_gone(struct fingers *f, const struct id *id);
/* The finger that most closely precedes @key; false: none does. */
bool fingers_closest(const struct fingers *f, const struct id *key, struct contact *out);

/* Looks up the owner of @key; PIAS_EFULL when too many are under way. */
int fingers_lookup(struct fingers *f, const struct id *key);
/* The same, through @via whoever that is. */
int fingers_lookup_via(struct fingers *f, const struct contact *via,
		       const struct id *key);
int fingers_on_find(struct fingers *f, struct rd *body);
int fingers_on_found(struct fingers *f, struct rd *body);

#endif
