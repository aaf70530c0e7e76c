/*
 * All claims go through learn(): about ourselves they are defended against, about
 * others the table decides. Every entry that is suspect in the table has a deadline in
 * the suspicion, as far as that has room: ours ends in a death, that of a mere rumour
 * in a probe of our own.
 */
#include "overlay/membership.h"

#include <string.h>

#define DEPARTED_PERIOD	   (10 * SEC)
#define DUPLICATE_LOG	   (60 * SEC)
#define DEFEND_PERIOD	   (10 * SEC) /* against another holder of our key */
#define DISPUTES_MAX	   32	      /* settled in a second */
#define RESTART_GAP	   10000      /* us: nobody restarts faster than this */
#define FORGOTTEN_BY_LISTS (20 * SEC)
#define TABLE_SMALL	   1024 /* entries, where fingers route */

static void on_expired(void *ctx, const struct id *id, bool is_ours);
static void on_departed(void *ctx);
static enum claim on_claim(void *ctx, const struct contact *from, const struct member *c,
			   bool is_hearsay);
static int on_send(void *ctx, const struct contact *to, uint8_t type, const void *body,
		   size_t len);
static void on_pulled(void *ctx);

static const struct gossip_ops gossip_ops = {
	.send = on_send, .learn = on_claim, .pulled = on_pulled};

static const struct suspicion_ops suspicion_ops = {.expired = on_expired};

void membership_init(struct membership *m, struct env *env, struct book *book,
		     const struct contact *self, uint64_t incarnation,
		     pias_time probe_period, bool spreads,
		     const struct membership_ops *ops, void *ctx)
{
	memset(m, 0, sizeof(*m));
	m->env = env;
	m->ops = ops;
	m->ctx = ctx;
	m->self = *self;
	m->incarnation = incarnation;
	m->spreads = spreads;
	m->duplicate_at = m->defended_at = -DUPLICATE_LOG;
	table_init(&m->table, book, spreads ? TABLE_MAX : TABLE_SMALL);
	gossip_init(&m->gossip, env, self, &m->table, &gossip_ops, m);
	suspicion_init(&m->suspicion, env, probe_period, &suspicion_ops, m);
	timer_init(&m->departed, on_departed, m);
}

void membership_fini(struct membership *m)
{
	suspicion_fini(&m->suspicion);
	timer_stop(&m->env->timers, &m->departed);
	gossip_fini(&m->gossip);
	table_fini(&m->table);
}

static int on_send(void *ctx, const struct contact *to, uint8_t type, const void *body,
		   size_t len)
{
	struct membership *m = ctx;

	return m->ops->send(m->ctx, to, type, body, len);
}

static void spread(struct membership *m, const struct member *c)
{
	if (m->spreads)
		gossip_spread(&m->gossip, c);
}

/* The tree begins with those whom we know: now it reaches everybody. */
static void on_pulled(void *ctx)
{
	struct membership *m = ctx;
	struct member self = {m->self, m->incarnation, PEER_ALIVE};

	if (!m->has_left)
		spread(m, &self);
	m->ops->pulled(m->ctx);
}

/* Claims */

static void on_change(struct membership *m, const struct member *c, enum peer_status was)
{
	char id[9];

	log_info(m->env, "member: %s is %s, was %s", id_short(&c->contact.id, id),
		 peer_status_text(c->status), peer_status_text(was));
	if (c->status == PEER_SUSPECT)
		suspicion_add(&m->suspicion, &c->contact.id, c->incarnation, false,
			      m->table.n_live);
	else
		suspicion_end(&m->suspicion, &c->contact.id, c->status == PEER_ALIVE);
	if (c->status != was)
		m->ops->changed(m->ctx, &c->contact, c->status, was);
}

/* A refutation adds one to the incarnation, a restart the time since the last one. */
static bool is_restart(const struct membership *m, const struct member *c)
{
	uint32_t i = table_find(&m->table, &c->contact.id);

	return i != TABLE_NONE && table_is_live(&m->table, i) &&
	       c->status == PEER_ALIVE &&
	       c->incarnation > table_record(&m->table, i)->incarnation + RESTART_GAP;
}

static enum claim apply(struct membership *m, const struct member *c)
{
	bool restarted = is_restart(m, c);
	enum peer_status was;

	switch (table_apply(&m->table, c, m->env->now, &was)) {
	case TABLE_NEWS:
		on_change(m, c, was);
		if (restarted)
			m->ops->restarted(m->ctx, &c->contact);
		return CLAIM_NEWS;
	case TABLE_FULL_UP:
		count(m->env, drop_table_full);
		return CLAIM_KNOWN;
	case TABLE_OLD:
		break;
	}
	return CLAIM_KNOWN;
}

static void enter_self(struct membership *m, enum peer_status status, struct member *c)
{
	enum peer_status was;

	c->contact = m->self;
	c->incarnation = m->incarnation;
	c->status = status;
	if (table_apply(&m->table, c, m->env->now, &was) == TABLE_FULL_UP)
		count(m->env, drop_table_full);
}

/* May we answer a claim by somebody else under our id? Not again and again. */
static bool may_defend(struct membership *m, const struct member *c)
{
	if (contact_shares_addr(&c->contact, &m->self))
		return true;
	if (m->env->now - m->duplicate_at >= DUPLICATE_LOG) {
		m->duplicate_at = m->env->now;
		m->ops->duplicate(m->ctx, &c->contact);
	}
	if (m->env->now - m->defended_at < DEFEND_PERIOD)
		return false;
	m->defended_at = m->env->now;
	return true;
}

/*
 * A claim about ourselves: true only if we made it, else make a greater one. @from may
 * believe it, and be dead in our table, out of the tree's reach.
 */
static enum claim defend(struct membership *m, const struct contact *from,
			 const struct member *c)
{
	struct member now;

	if (c->incarnation < m->incarnation || !m->is_active)
		return CLAIM_STALE;
	if (c->incarnation == m->incarnation &&
	    contact_shares_addr(&c->contact, &m->self) &&
	    c->status == (m->has_left ? PEER_LEFT : PEER_ALIVE))
		return CLAIM_KNOWN;
	if (!may_defend(m, c))
		return CLAIM_STALE;
	count(m->env, peers_refuted);
	log_info(m->env, "member: refuting that we are %s", peer_status_text(c->status));
	m->incarnation = c->incarnation + 1;
	enter_self(m, m->has_left ? PEER_LEFT : PEER_ALIVE, &now);
	m->ops->incarnation(m->ctx, m->incarnation);
	spread(m, &now);
	if (from)
		gossip_tell(&m->gossip, from, &now);
	return CLAIM_STALE;
}

/* Does the table hold something greater about the same AP? */
static bool is_stale(const struct membership *m, const struct member *c)
{
	uint32_t i = table_find(&m->table, &c->contact.id);
	uint64_t known;

	if (i == TABLE_NONE)
		return false;
	known = table_record(&m->table, i)->incarnation;
	return known > c->incarnation ||
	       (known == c->incarnation && table_status(&m->table, i) > c->status);
}

static enum claim learn(struct membership *m, const struct contact *from,
			const struct member *c)
{
	if (id_eq(&c->contact.id, &m->self.id))
		return defend(m, from, c);
	if (is_stale(m, c))
		return CLAIM_STALE;
	return apply(m, c);
}

/* Tell it what is said of it, so that it can refute. */
static void tell_subject(struct membership *m, uint32_t i)
{
	struct member c;

	table_member(&m->table, i, &c);
	gossip_tell(&m->gossip, &c.contact, &c);
}

/*
 * Two tables disagree whether an AP is dead, as after a split of the ring, or where it
 * is, as when another has had its key. Neither is believed: the AP itself is asked to
 * make a claim greater than both.
 */
static bool is_disputed(const struct membership *m, const struct member *c)
{
	uint32_t i = table_find(&m->table, &c->contact.id);
	const struct record *r;
	enum peer_status known;

	if (i == TABLE_NONE || id_eq(&c->contact.id, &m->self.id))
		return false;
	r = table_record(&m->table, i);
	known = table_status(&m->table, i);
	if (r->incarnation != c->incarnation)
		return false;
	if (known < PEER_DEAD && c->status < PEER_DEAD)
		return !contact_shares_addr(&r->contact, &c->contact);
	return (known == PEER_DEAD && c->status < PEER_DEAD) ||
	       (known < PEER_DEAD && c->status == PEER_DEAD);
}

/* One of the two is where it says, and will hear what is said of it. */
static void tell_both(struct membership *m, uint32_t i, const struct member *c)
{
	struct contact known = table_record(&m->table, i)->contact;
	struct member ours;

	table_member(&m->table, i, &ours);
	gossip_tell(&m->gossip, &known, c);
	gossip_tell(&m->gossip, &c->contact, &ours);
}

static enum claim settle_dispute(struct membership *m, const struct member *c)
{
	uint32_t i = table_find(&m->table, &c->contact.id);
	struct member doubt = *c;

	if (m->env->now - m->disputes_since >= SEC) {
		m->disputes_since = m->env->now;
		m->n_disputes = 0;
	}
	if (m->n_disputes == DISPUTES_MAX)
		return CLAIM_STALE; /* the next comparison brings it up again */
	m->n_disputes++;
	if (table_status(&m->table, i) == PEER_DEAD) {
		tell_subject(m, i);
		return CLAIM_STALE;
	}
	if (c->status < PEER_DEAD) {
		tell_both(m, i, c);
		return CLAIM_STALE;
	}
	doubt.status = PEER_SUSPECT;
	if (table_status(&m->table, i) == PEER_ALIVE)
		(void)apply(m, &doubt);
	gossip_tell(&m->gossip, &doubt.contact, &doubt);
	m->ops->probe(m->ctx, &doubt.contact);
	return CLAIM_STALE;
}

static enum claim on_claim(void *ctx, const struct contact *from, const struct member *c,
			   bool is_hearsay)
{
	struct membership *m = ctx;
	enum claim claim;

	if (is_hearsay && is_disputed(m, c))
		return settle_dispute(m, c);
	claim = learn(m, from, c);
	if (claim == CLAIM_NEWS)
		count(m->env, gossip_events_new);
	return claim;
}

/* What the detector says */

void membership_on_heard(struct membership *m, const struct contact *who,
			 uint64_t incarnation)
{
	struct member c = {*who, incarnation, PEER_ALIVE};
	uint32_t i = table_find(&m->table, &who->id);

	if (!m->is_active || id_eq(&who->id, &m->self.id))
		return;
	if (i == TABLE_NONE || incarnation > table_record(&m->table, i)->incarnation) {
		(void)learn(m, NULL, &c);
		return;
	}
	if (!contact_shares_addr(who, &table_record(&m->table, i)->contact)) {
		/* Another with its key came to the same incarnation, or further. */
		table_member(&m->table, i, &c);
		gossip_tell(&m->gossip, who, &c);
		return;
	}
	if (table_status(&m->table, i) == PEER_ALIVE)
		return;
	suspicion_relent(&m->suspicion, &who->id);
	tell_subject(m, i);
}

void membership_on_left(struct membership *m, const struct contact *who,
			uint64_t incarnation)
{
	struct member c = {*who, incarnation, PEER_LEFT};

	if (learn(m, NULL, &c) == CLAIM_NEWS)
		spread(m, &c);
}

void membership_on_unanswered(struct membership *m, const struct contact *who)
{
	uint32_t i = table_find(&m->table, &who->id);
	struct member c;

	if (i == TABLE_NONE || !table_is_live(&m->table, i))
		return;
	table_member(&m->table, i, &c);
	if (c.status == PEER_ALIVE) {
		c.status = PEER_SUSPECT;
		count(m->env, peers_suspected);
		(void)apply(m, &c);
		spread(m, &c);
		gossip_tell(&m->gossip, &c.contact, &c);
	}
	suspicion_add(&m->suspicion, &c.contact.id, c.incarnation, true, m->table.n_live);
	m->ops->probe(m->ctx, &c.contact);
}

static void declare_dead(struct membership *m, struct member *c)
{
	c->status = PEER_DEAD;
	count(m->env, peers_dead);
	/* First the others: what follows from it locally may take its time. */
	spread(m, c);
	(void)apply(m, c);
}

static void on_expired(void *ctx, const struct id *id, bool is_ours)
{
	struct membership *m = ctx;
	uint32_t i = table_find(&m->table, id);
	struct member c;

	if (i == TABLE_NONE || table_status(&m->table, i) != PEER_SUSPECT)
		return;
	table_member(&m->table, i, &c);
	if (is_ours)
		declare_dead(m, &c);
	else
		m->ops->probe(m->ctx, &c.contact);
}

int membership_on_contact(struct membership *m, const struct contact *who)
{
	uint32_t i = table_find(&m->table, &who->id);

	if (id_eq(&who->id, &m->self.id))
		return PIAS_EDUPLICATE;
	if (i == TABLE_NONE)
		return 0;
	if (table_status(&m->table, i) == PEER_ALIVE)
		return contact_shares_addr(who, &table_record(&m->table, i)->contact)
			       ? 0
			       : PIAS_EDUPLICATE;
	if (table_status(&m->table, i) == PEER_DEAD && m->is_active)
		tell_subject(m, i);
	return 0;
}

/* Membership of our own */

void membership_start(struct membership *m)
{
	struct member c;

	m->is_active = true;
	enter_self(m, PEER_ALIVE, &c);
	timer_set(&m->env->timers, &m->departed,
		  m->env->now + env_jitter(m->env, DEPARTED_PERIOD));
	if (m->spreads)
		gossip_start(&m->gossip);
}

void membership_leave(struct membership *m)
{
	struct member c;

	m->has_left = true;
	enter_self(m, PEER_LEFT, &c);
	spread(m, &c);
	gossip_stop(&m->gossip);
	timer_stop(&m->env->timers, &m->departed);
}

void membership_pull(struct membership *m, const struct contact *from)
{
	if (m->spreads)
		gossip_pull(&m->gossip, from);
	else
		m->ops->pulled(m->ctx);
}

/* One of the dead, in turn: if it is only beyond a healed split, the rings merge. */
static void on_departed(void *ctx)
{
	struct membership *m = ctx;
	uint32_t k;

	timer_set(&m->env->timers, &m->departed,
		  m->env->now + env_jitter(m->env, DEPARTED_PERIOD));
	table_expire(&m->table, m->env->now);
	for (k = 0; k < m->table.n_tombs; k++) {
		uint32_t t = m->next_departed++ % m->table.n_tombs;
		struct contact c = book_get(m->table.book, m->table.tomb[t].ref)->contact;

		if (membership_status(m, &c.id) != PEER_DEAD)
			continue;
		m->ops->departed(m->ctx, &c);
		return;
	}
}

int membership_on_message(struct membership *m, const struct contact *from, uint8_t type,
			  struct rd *body)
{
	if (!m->is_active) {
		count(m->env, drop_message_state);
		return 0;
	}
	switch (type) {
	case MSG_EVENTS:
		return gossip_on_events(&m->gossip, from, body);
	case MSG_SYNC:
		return gossip_on_sync(&m->gossip, from, body);
	case MSG_ENTRIES:
		return gossip_on_entries(&m->gossip, from, body);
	}
	return PIAS_EMALFORMED;
}

/* Questions */

enum peer_status membership_status(const struct membership *m, const struct id *id)
{
	uint32_t i = table_find(&m->table, id);

	return i == TABLE_NONE ? PEER_UNKNOWN : table_status(&m->table, i);
}

bool membership_is_live(const struct membership *m, const struct id *id)
{
	enum peer_status s = membership_status(m, id);

	return s == PEER_ALIVE || s == PEER_SUSPECT;
}

/*
 * Without gossip nobody tells us when it comes back, but successor lists do: they are
 * believed again once they had the time to forget it.
 */
bool membership_is_gone(const struct membership *m, const struct id *id)
{
	uint32_t i = table_find(&m->table, id);

	if (i == TABLE_NONE || table_is_live(&m->table, i))
		return false;
	return m->spreads ||
	       m->env->now - table_gone_since(&m->table, i) < FORGOTTEN_BY_LISTS;
}

static uint32_t gcd(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t t = a % b;

		a = b;
		b = t;
	}
	return a;
}

/* A round visits every position once, in steps prime to their number. */
static void new_round(struct membership *m)
{
	uint32_t n = m->table.n;

	m->round_left = n;
	m->round_at = env_random_below(m->env, n);
	m->round_step = 1 + env_random_below(m->env, n);
	while (gcd(m->round_step, n) != 1)
		m->round_step++;
}

bool membership_next_target(struct membership *m, struct contact *out)
{
	uint32_t tries;

	for (tries = 0; tries < 2 * m->table.n; tries++) {
		if (!m->round_left || m->round_at >= m->table.n)
			new_round(m);
		m->round_left--;
		m->round_at = (m->round_at + m->round_step) % m->table.n;
		if (!table_is_live(&m->table, m->round_at))
			continue;
		*out = table_record(&m->table, m->round_at)->contact;
		if (!id_eq(&out->id, &m->self.id))
			return true;
	}
	return false;
}
