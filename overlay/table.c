/*
 * A sorted array. The leading 32 bits of each id stand in the entry itself, so that a
 * search touches records only where those are equal. digest[] always equals the sums
 * over live entries; tomb[] holds exactly the entries that are dead or left, in the
 * order in which they became so.
 */
#include "overlay/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void table_init(struct table *t, struct book *book, uint32_t max)
{
	memset(t, 0, sizeof(*t));
	t->book = book;
	t->max = max;
}

void table_fini(struct table *t)
{
	uint32_t i;

	for (i = 0; i < t->n; i++)
		book_drop(t->book, t->e[i].ref);
	free(t->e);
	free(t->tomb);
	memset(t, 0, sizeof(*t));
}

static bool is_live(enum peer_status s)
{
	return s == PEER_ALIVE || s == PEER_SUSPECT;
}

const struct record *table_record(const struct table *t, uint32_t i)
{
	assert(i < t->n);
	return book_get(t->book, t->e[i].ref);
}

enum peer_status table_status(const struct table *t, uint32_t i)
{
	assert(i < t->n);
	return (enum peer_status)t->e[i].status;
}

bool table_is_live(const struct table *t, uint32_t i)
{
	return is_live(table_status(t, i));
}

void table_member(const struct table *t, uint32_t i, struct member *out)
{
	const struct record *r = table_record(t, i);

	out->contact = r->contact;
	out->incarnation = r->incarnation;
	out->status = table_status(t, i);
}

/* The first position whose id is not below @id; t->n if there is none. */
static uint32_t lower_bound(const struct table *t, const struct id *id)
{
	uint32_t lo = 0, hi = t->n, prefix = be32_get(id->b);

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		bool below = t->e[mid].prefix < prefix;

		if (t->e[mid].prefix == prefix)
			below = id_cmp(&table_record(t, mid)->contact.id, id) < 0;
		if (below)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

uint32_t table_find(const struct table *t, const struct id *id)
{
	uint32_t i = lower_bound(t, id);

	if (i < t->n && id_eq(&table_record(t, i)->contact.id, id))
		return i;
	return TABLE_NONE;
}

pias_time table_gone_since(const struct table *t, uint32_t i)
{
	uint32_t k = 0;

	while (t->tomb[k].ref != t->e[i].ref) {
		k++;
		assert(k < t->n_tombs);
	}
	return (pias_time)t->tomb[k].since_s * SEC;
}

/* Changes */

static void digest_add(struct table *t, const struct record *r, bool plus)
{
	uint64_t *d = &t->digest[r->contact.id.b[0]];

	*d = plus ? *d + r->digest : *d - r->digest;
}

static void tomb_del(struct table *t, uint32_t ref)
{
	uint32_t i = 0;

	while (t->tomb[i].ref != ref) {
		i++;
		assert(i < t->n_tombs);
	}
	t->n_tombs--;
	memmove(&t->tomb[i], &t->tomb[i + 1], (t->n_tombs - i) * sizeof(*t->tomb));
}

/* Takes entry @i out of the sums that its status put it in. */
static void unaccount(struct table *t, uint32_t i)
{
	if (table_is_live(t, i)) {
		digest_add(t, table_record(t, i), false);
		t->n_live--;
	} else {
		tomb_del(t, t->e[i].ref);
	}
}

static void account(struct table *t, uint32_t i, pias_time now)
{
	if (table_is_live(t, i)) {
		digest_add(t, table_record(t, i), true);
		t->n_live++;
		return;
	}
	t->tomb[t->n_tombs].ref = t->e[i].ref;
	t->tomb[t->n_tombs++].since_s = (uint32_t)(now / SEC);
}

static void del_at(struct table *t, uint32_t i)
{
	unaccount(t, i);
	book_drop(t->book, t->e[i].ref);
	t->n--;
	memmove(&t->e[i], &t->e[i + 1], (t->n - i) * sizeof(*t->e));
}

void table_del(struct table *t, const struct id *id)
{
	uint32_t i = table_find(t, id);

	if (i != TABLE_NONE)
		del_at(t, i);
}

static void evict_tombstone(struct table *t)
{
	struct id id = book_get(t->book, t->tomb[0].ref)->contact.id;

	table_del(t, &id);
}

/* Room for one more tombstone, at the cost of the oldest. */
static int make_tomb_room(struct table *t)
{
	if (!t->tomb) {
		t->tomb = calloc(TOMBSTONES_MAX, sizeof(*t->tomb));
		if (!t->tomb)
			return PIAS_ENOMEM;
	}
	if (t->n_tombs == TOMBSTONES_MAX)
		evict_tombstone(t);
	return 0;
}

static int make_room(struct table *t)
{
	uint32_t cap;
	struct entry *e;

	if (t->n >= t->max && t->n_tombs)
		evict_tombstone(t);
	if (t->n >= t->max)
		return PIAS_EFULL;
	if (t->n < t->cap)
		return 0;
	cap = t->cap ? t->cap + t->cap / 2 : 8;
	e = realloc(t->e, cap * sizeof(*e));
	if (!e)
		return PIAS_ENOMEM;
	t->e = e;
	t->cap = cap;
	return 0;
}

static enum table_news insert(struct table *t, const struct member *m, pias_time now)
{
	uint32_t i, ref;

	if (!is_live(m->status))
		return TABLE_OLD;
	if (make_room(t))
		return TABLE_FULL_UP;
	ref = book_take(t->book, &m->contact, m->incarnation);
	if (!ref)
		return TABLE_FULL_UP;
	i = lower_bound(t, &m->contact.id);
	memmove(&t->e[i + 1], &t->e[i], (t->n - i) * sizeof(*t->e));
	t->n++;
	t->e[i].prefix = be32_get(m->contact.id.b);
	t->e[i].ref = ref & BOOK_MAX;
	t->e[i].status = m->status;
	account(t, i, now);
	return TABLE_NEWS;
}

static bool is_newer(const struct table *t, uint32_t i, const struct member *m)
{
	uint64_t known = table_record(t, i)->incarnation;

	if (m->incarnation != known)
		return m->incarnation > known;
	return m->status > table_status(t, i);
}

enum table_news table_apply(struct table *t, const struct member *m, pias_time now,
			    enum peer_status *was)
{
	uint32_t i = table_find(t, &m->contact.id), ref;

	*was = i == TABLE_NONE ? PEER_UNKNOWN : table_status(t, i);
	if (i == TABLE_NONE)
		return insert(t, m, now);
	if (!is_newer(t, i, m))
		return TABLE_OLD;
	if (!is_live(m->status) && is_live(*was)) {
		if (make_tomb_room(t))
			return TABLE_FULL_UP;
		i = table_find(t, &m->contact.id);
	}
	/* Under one incarnation an AP has one address: its own claim, not a rumour's. */
	if (m->incarnation == table_record(t, i)->incarnation) {
		ref = t->e[i].ref;
		book_take_again(t->book, ref);
	} else {
		ref = book_take(t->book, &m->contact, m->incarnation);
		if (!ref)
			return TABLE_FULL_UP;
	}
	unaccount(t, i);
	book_drop(t->book, t->e[i].ref);
	t->e[i].ref = ref & BOOK_MAX;
	t->e[i].status = m->status;
	account(t, i, now);
	return TABLE_NEWS;
}

void table_expire(struct table *t, pias_time now)
{
	uint32_t i = 0;

	while (i < t->n_tombs) {
		struct id id = book_get(t->book, t->tomb[i].ref)->contact.id;
		uint32_t at = table_find(t, &id);
		pias_time keep = table_status(t, at) == PEER_LEFT ? TOMBSTONE_LEFT
								  : TOMBSTONE_DEAD;

		if ((pias_time)t->tomb[i].since_s * SEC + keep <= now)
			del_at(t, at);
		else
			i++;
	}
}

/* Who comes where */

/* The first live position from @i on, clockwise. */
static uint32_t live_from(const struct table *t, uint32_t i)
{
	uint32_t k;

	if (!t->n_live)
		return TABLE_NONE;
	for (k = 0; k < t->n; k++, i++) {
		if (i >= t->n)
			i = 0;
		if (table_is_live(t, i))
			return i;
	}
	return TABLE_NONE;
}

uint32_t table_owner(const struct table *t, const struct id *key)
{
	return live_from(t, lower_bound(t, key));
}

uint32_t table_next(const struct table *t, uint32_t i)
{
	return live_from(t, i + 1);
}

uint32_t table_before(const struct table *t, const struct id *key)
{
	uint32_t i = lower_bound(t, key), k;

	if (!t->n_live)
		return TABLE_NONE;
	for (k = 0; k < t->n; k++) {
		i = i ? i - 1 : t->n - 1;
		if (table_is_live(t, i))
			return i;
	}
	return TABLE_NONE;
}
