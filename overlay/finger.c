/*
 * Distances stand beside the references in one small array, cut to 64 bits, so that
 * routing a message touches three cache lines and one record. A finger whose distance
 * equals the key's in those bits is not used: the successor list knows such neighbours
 * exactly. Equal fingers (most, in all but huge rings) are found by one lookup.
 */
#include "overlay/finger.h"

#include <assert.h>
#include <string.h>

#define LOOKUP_TIME (5 * SEC)	 /* then it counts as lost */
#define FILL_PERIOD (250 * MSEC) /* between the first lookups */

static void on_refresh(void *ctx);
static void on_expire(void *ctx);

void fingers_init(struct fingers *f, struct env *env, struct book *book,
		  const struct contact *self, pias_time period,
		  const struct fingers_ops *ops, void *ctx)
{
	memset(f, 0, sizeof(*f));
	f->env = env;
	f->book = book;
	f->self = *self;
	f->period = period;
	f->ops = ops;
	f->ctx = ctx;
	f->next = FINGERS - 1;
	timer_init(&f->refresh, on_refresh, f);
	timer_init(&f->expire, on_expire, f);
}

static void clear(struct fingers *f, unsigned i)
{
	if (f->ref[i])
		book_drop(f->book, f->ref[i]);
	f->ref[i] = 0;
	f->dist[i] = 0;
}

void fingers_fini(struct fingers *f)
{
	unsigned i;

	fingers_stop(f);
	for (i = 0; i < FINGERS; i++)
		clear(f, i);
}

void fingers_start(struct fingers *f)
{
	timer_set(&f->env->timers, &f->refresh,
		  f->env->now + env_jitter(f->env, FILL_PERIOD));
}

void fingers_stop(struct fingers *f)
{
	timer_stop(&f->env->timers, &f->refresh);
	timer_stop(&f->env->timers, &f->expire);
}

/* Of the leading bits alone: in order like the whole, where they differ. */
static uint64_t distance(const struct fingers *f, const struct id *to)
{
	return id_prefix(to) - id_prefix(&f->self.id);
}

void fingers_set(struct fingers *f, unsigned i, const struct contact *c)
{
	uint32_t ref;

	assert(i < FINGERS);
	if (id_eq(&c->id, &f->self.id)) {
		clear(f, i);
		return;
	}
	ref = book_take(f->book, c, 0);
	if (!ref)
		return;
	clear(f, i);
	f->ref[i] = ref;
	f->dist[i] = distance(f, &c->id);
}

bool fingers_get(const struct fingers *f, unsigned i, struct contact *out)
{
	if (i >= FINGERS || !f->ref[i])
		return false;
	*out = book_get(f->book, f->ref[i])->contact;
	return true;
}

static bool is_finger(const struct fingers *f, unsigned i, const struct id *id)
{
	return f->ref[i] && id_eq(&book_get(f->book, f->ref[i])->contact.id, id);
}

bool fingers_has(const struct fingers *f, const struct id *id)
{
	unsigned i;

	for (i = 0; i < FINGERS; i++)
		if (is_finger(f, i, id))
			return true;
	return false;
}

void fingers_on_gone(struct fingers *f, const struct id *id)
{
	unsigned i;

	for (i = 0; i < FINGERS; i++)
		if (is_finger(f, i, id))
			clear(f, i);
}

/* Farther fingers stand first: the first that is nearer than the key is the closest. */
bool fingers_closest(const struct fingers *f, const struct id *key, struct contact *out)
{
	uint64_t limit = distance(f, key);
	unsigned i;

	/* Nothing at all is nearer than our own place: the way once around. */
	if (id_eq(key, &f->self.id))
		limit = UINT64_MAX;
	for (i = 0; i < FINGERS; i++) {
		if (!f->ref[i] || f->dist[i] >= limit)
			continue;
		*out = book_get(f->book, f->ref[i])->contact;
		return true;
	}
	return false;
}

/* Lookups */

static void finger_key(const struct fingers *f, unsigned i, struct id *key)
{
	id_add_pow2(key, &f->self.id, ID_BITS - 1 - i);
}

static void refresh_next(struct fingers *f, int i)
{
	if (i < 0) {
		i = FINGERS - 1;
		f->is_filled = true;
	}
	f->next = (uint8_t)i;
}

/* The owner of one finger's key is that of all farther keys up to itself, too. */
static void finger_found(struct fingers *f, int i, const struct contact *owner)
{
	bool is_next = f->next == (i ? i - 1 : FINGERS - 1);
	struct id key;

	do {
		fingers_set(f, (unsigned)i, owner);
		if (--i < 0)
			break;
		finger_key(f, (unsigned)i, &key);
	} while (id_in_arc(&key, &f->self.id, &owner->id));
	if (is_next)
		refresh_next(f, i);
}

static void lookup_end(struct fingers *f, struct lookup *l, const struct contact *owner,
		       unsigned hops)
{
	struct id key = l->key;
	int finger = l->finger;

	l->nonce = 0;
	if (finger < 0) {
		if (f->ops->found)
			f->ops->found(f->ctx, &key, owner, hops);
	} else if (owner) {
		finger_found(f, finger, owner);
	}
}

static void on_expire(void *ctx)
{
	struct fingers *f = ctx;
	pias_time next = PIAS_NEVER;
	int i;

	for (i = 0; i < FINGER_LOOKUPS_MAX; i++) {
		struct lookup *l = &f->lookup[i];

		if (l->nonce && l->deadline <= f->env->now)
			lookup_end(f, l, NULL, 0);
		if (l->nonce && l->deadline < next)
			next = l->deadline;
	}
	if (next != PIAS_NEVER)
		timer_set(&f->env->timers, &f->expire, next);
}

static struct lookup *free_lookup(struct fingers *f)
{
	int i;

	for (i = 0; i < FINGER_LOOKUPS_MAX; i++)
		if (!f->lookup[i].nonce)
			return &f->lookup[i];
	return NULL;
}

static void send_find(struct fingers *f, const struct contact *to,
		      const struct msg_find *m)
{
	uint8_t body[MSG_FIND_MAX];
	struct wr w;

	wr_init(&w, body, sizeof(body));
	msg_find_write(&w, m);
	f->ops->send(f->ctx, to, MSG_FIND, body, wr_len(&w));
}

static struct lookup *lookup_new(struct fingers *f, const struct id *key, int finger)
{
	struct lookup *l = free_lookup(f);

	if (!l)
		return NULL;
	count(f->env, lookups);
	if (!++f->nonce)
		f->nonce = 1;
	l->nonce = f->nonce;
	l->finger = (int8_t)finger;
	l->key = *key;
	l->deadline = f->env->now + LOOKUP_TIME;
	if (!timer_is_set(&f->expire))
		timer_set(&f->env->timers, &f->expire, l->deadline);
	return l;
}

static void lookup_send(struct fingers *f, const struct lookup *l,
			const struct contact *to)
{
	struct msg_find m = {.nonce = l->nonce,
			     .hops_left = FINGER_HOPS,
			     .key = l->key,
			     .asker = f->self};

	send_find(f, to, &m);
}

static int lookup_start(struct fingers *f, const struct id *key, int finger)
{
	struct lookup *l = lookup_new(f, key, finger);
	struct contact to;

	if (!l)
		return PIAS_EFULL;
	switch (f->ops->route(f->ctx, key, &to)) {
	case HOP_OWNER:
		lookup_end(f, l, &to, 0);
		break;
	case HOP_NEXT:
		lookup_send(f, l, &to);
		break;
	case HOP_NONE:
		break;
	}
	return 0;
}

int fingers_lookup(struct fingers *f, const struct id *key)
{
	return lookup_start(f, key, -1);
}

int fingers_lookup_via(struct fingers *f, const struct contact *via, const struct id *key)
{
	struct lookup *l = lookup_new(f, key, -1);

	if (!l)
		return PIAS_EFULL;
	lookup_send(f, l, via);
	return 0;
}

static void on_refresh(void *ctx)
{
	struct fingers *f = ctx;
	int i = f->next;
	struct id key;

	refresh_next(f, i - 1);
	timer_set(&f->env->timers, &f->refresh,
		  f->env->now +
			  env_jitter(f->env, f->is_filled ? f->period : FILL_PERIOD));
	finger_key(f, (unsigned)i, &key);
	/* A full table of lookups only means that this finger stays as it is. */
	(void)lookup_start(f, &key, i);
}

static void answer_find(struct fingers *f, const struct msg_find *m,
			const struct contact *owner)
{
	struct msg_found answer = {
		.nonce = m->nonce, .hops_left = m->hops_left, .owner = *owner};
	uint8_t body[MSG_FOUND_MAX];
	struct wr w;

	wr_init(&w, body, sizeof(body));
	msg_found_write(&w, &answer);
	f->ops->send(f->ctx, &m->asker, MSG_FOUND, body, wr_len(&w));
}

int fingers_on_find(struct fingers *f, struct rd *body)
{
	struct msg_find m;
	struct contact to;
	int err = msg_find_read(body, &m);

	if (err)
		return err;
	switch (f->ops->route(f->ctx, &m.key, &to)) {
	case HOP_OWNER:
		answer_find(f, &m, &to);
		break;
	case HOP_NEXT:
		if (m.hops_left) {
			m.hops_left--;
			send_find(f, &to, &m);
			break;
		}
		count(f->env, drop_hops);
		break;
	case HOP_NONE:
		break;
	}
	return 0;
}

/* The answer to a question that we did not ask, or gave up, changes nothing. */
int fingers_on_found(struct fingers *f, struct rd *body)
{
	struct msg_found m;
	int i, err = msg_found_read(body, &m);

	if (err)
		return err;
	for (i = 0; i < FINGER_LOOKUPS_MAX; i++) {
		struct lookup *l = &f->lookup[i];

		if (!l->nonce || l->nonce != m.nonce)
			continue;
		lookup_end(f, l, &m.owner, FINGER_HOPS - m.hops_left + 1u);
		return 0;
	}
	return 0;
}
