/*
 * The membership table: every AP this one knows, sorted by id, 8 bytes each beside
 * the shared record. Two claims about one AP are ordered by incarnation, then by
 * status (alive < suspect < dead < left), and the greater wins, as in SWIM: so all
 * tables that have heard the same claims are equal, in whatever order they came.
 *
 * The dead and the departed stay as tombstones, oldest evicted first, so that late
 * news cannot revive them and split rings can find each other again.
 */
#ifndef PIAS_OVERLAY_TABLE_H
#define PIAS_OVERLAY_TABLE_H

#include "overlay/base/env.h"
#include "overlay/book.h"
#include "overlay/message.h"

#define TABLE_MAX      16384
#define TOMBSTONES_MAX 1024
#define TOMBSTONE_DEAD (24 * 3600 * SEC)
#define TOMBSTONE_LEFT (3600 * SEC)

struct entry {
	uint32_t prefix; /* leading 32 bits of the id */
	uint32_t ref : 28;
	uint32_t status : 4; /* enum peer_status */
};

struct tombstone {
	uint32_t ref;
	uint32_t since_s;
};

struct table {
	struct book *book;
	struct entry *e;
	uint32_t n, cap, max;
	uint32_t n_live;	/* alive or suspect */
	struct tombstone *tomb; /* oldest first */
	uint32_t n_tombs;
	uint64_t digest[SYNC_BUCKETS]; /* sums over live entries, by the first byte */
};

#define TABLE_NONE UINT32_MAX

/* @book is borrowed. */
void table_init(struct table *t, struct book *book, uint32_t max);
void table_fini(struct table *t);

enum table_news {
	TABLE_OLD,     /* nothing we did not know */
	TABLE_NEWS,    /* the table has changed */
	TABLE_FULL_UP, /* it would, but there is no room (or no memory) */
};

/*
 * Takes in a claim. @was: status before, PEER_UNKNOWN where there was none. The death
 * of somebody unknown is no news.
 */
enum table_news table_apply(struct table *t, const struct member *m, pias_time now,
			    enum peer_status *was);
/* Forgets an entry altogether. */
void table_del(struct table *t, const struct id *id);
/* Forgets tombstones older than their time. */
void table_expire(struct table *t, pias_time now);

/* Position of @id or TABLE_NONE. Positions hold until the next change. */
uint32_t table_find(const struct table *t, const struct id *id);
const struct record *table_record(const struct table *t, uint32_t i);
enum peer_status table_status(const struct table *t, uint32_t i);
bool table_is_live(const struct table *t, uint32_t i);
void table_member(const struct table *t, uint32_t i, struct member *out);

/* Since when entry @i is dead or left; it must be. */
pias_time table_gone_since(const struct table *t, uint32_t i);

/* Position of the first live AP at or clockwise after @key, or TABLE_NONE. */
uint32_t table_owner(const struct table *t, const struct id *key);
/* The next live one after position @i, clockwise; @i itself if it is the only one. */
uint32_t table_next(const struct table *t, uint32_t i);
/* The last live one strictly before @key. */
uint32_t table_before(const struct table *t, const struct id *key);

#endif
