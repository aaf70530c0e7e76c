/*
 * The state machine of Zave's operations, each step in one handler:
 *
 *  stabilise, step 1   ask the first successor s for its list. It answers: take
 *                      [s] + butLast(its list). It does not: take tail + [last + 1].
 *  stabilise, step 2   somebody between us and s, by s's predecessor or our table?
 *                      Ask him; adopt him only with the list he answers with.
 *  notify              the first successor, at the end of every branch.
 *  rectify             on notify: adopt a closer predecessor; else ask the old one and
 *                      replace it only if it does not answer. Never set it to none.
 *
 * What always holds of a member's list (check()): clockwise order, which excludes
 * duplicates and ourselves, and at most RING_L entries. Each change is made in whole
 * or not at all.
 */
#include "overlay/ring.h"

#include <assert.h>
#include <string.h>

#include "overlay/succ.h"

#define TRIES 2		  /* questions before silence counts as death */
#define SHUN  (2 * SEC)	  /* a silent candidate is left alone */
#define EARLY (10 * MSEC) /* from news to the stabilisation it causes */

static void on_stabilise(void *ctx);
static void on_ask_timeout(void *ctx);
static void on_check_timeout(void *ctx);

void ring_init(struct ring *r, struct env *env, const struct contact *self,
	       uint64_t incarnation, pias_time period, const struct ring_ops *ops,
	       void *ctx)
{
	memset(r, 0, sizeof(*r));
	r->env = env;
	r->ops = ops;
	r->ctx = ctx;
	r->self = *self;
	r->pred = *self;
	r->incarnation = incarnation;
	r->period = period;
	timer_init(&r->stabilise, on_stabilise, r);
	timer_init(&r->ask.timer, on_ask_timeout, r);
	timer_init(&r->check.timer, on_check_timeout, r);
}

void ring_fini(struct ring *r)
{
	timer_stop(&r->env->timers, &r->stabilise);
	timer_stop(&r->env->timers, &r->ask.timer);
	timer_stop(&r->env->timers, &r->check.timer);
}

void ring_set_incarnation(struct ring *r, uint64_t incarnation)
{
	r->incarnation = incarnation;
}

bool ring_owns(const struct ring *r, const struct id *key)
{
	return r->state == RING_MEMBER && id_in_arc(key, &r->pred.id, &r->self.id);
}

const struct contact *ring_head(const struct ring *r)
{
	return r->n_succ ? &r->succ[0] : NULL;
}

/* Where the arc ends in which a closer successor would lie. */
static const struct id *head_id(const struct ring *r)
{
	return r->n_succ ? &r->succ[0].id : &r->self.id;
}

static bool is_self(const struct ring *r, const struct contact *c)
{
	return id_eq(&c->id, &r->self.id);
}

static bool is_gone(const struct ring *r, const struct contact *c)
{
	return !contact_has_addr(c) || r->ops->is_gone(r->ctx, &c->id);
}

static void check(const struct ring *r)
{
	assert(r->n_succ <= RING_L);
	assert(succ_is_ordered(r->succ, r->n_succ, &r->self.id));
	assert(contact_has_addr(&r->pred));
}

static void enter(struct ring *r, enum ring_state state)
{
	assert(state > r->state);
	r->state = state;
}

/* Changes of the list and the predecessor */

static void commit(struct ring *r, const struct succ_list *l)
{
	bool same = l->n == r->n_succ;
	int i;

	for (i = 0; same && i < l->n; i++)
		same = id_eq(&l->c[i].id, &r->succ[i].id) &&
		       contact_has_addr(&l->c[i]) == contact_has_addr(&r->succ[i]);
	memcpy(r->succ, l->c, l->n * sizeof(*l->c));
	r->n_succ = l->n;
	check(r);
	if (same)
		return;
	count(r->env, ring_changes);
	r->ops->changed(r->ctx, RING_SUCC);
}

/* [head] + butLast(its list). Dead entries are known to help nobody. */
static void adopt(struct ring *r, const struct contact *head, const struct msg_list *m)
{
	struct succ_list l;
	int i;

	succ_init(&l, &r->self.id);
	succ_add(&l, head);
	for (i = 0; i < m->n_succ; i++)
		if (!contact_has_addr(&m->succ[i]) || !is_gone(r, &m->succ[i]))
			succ_add(&l, &m->succ[i]);
	commit(r, &l);
}

/* Takes entry @i out; a full list stays full with a placeholder, last + 1. */
static void drop_entry(struct ring *r, int i)
{
	struct succ_list l;
	int k;

	succ_init(&l, &r->self.id);
	for (k = 0; k < r->n_succ; k++)
		if (k != i)
			succ_add(&l, &r->succ[k]);
	if (r->n_succ == RING_L)
		succ_pad(&l, &r->succ[RING_L - 1]);
	commit(r, &l);
}

/* Nothing but placeholders is the same as nothing. */
static void drop_dead_heads(struct ring *r)
{
	int i, n_real = 0;

	for (i = 0; i < r->n_succ; i++)
		n_real += !is_gone(r, &r->succ[i]);
	if (!n_real && r->n_succ) {
		struct succ_list none;

		succ_init(&none, &r->self.id);
		commit(r, &none);
	}
	while (r->n_succ && is_gone(r, &r->succ[0]))
		drop_entry(r, 0);
}

static void set_pred(struct ring *r, const struct contact *to)
{
	bool same = id_eq(&to->id, &r->pred.id);

	r->pred = *to;
	check(r);
	if (same)
		return;
	count(r->env, ring_changes);
	r->ops->changed(r->ctx, RING_PRED);
}

/* Questions */

static void query_stop(struct ring *r, struct ring_query *q)
{
	timer_stop(&r->env->timers, &q->timer);
	q->nonce = 0;
}

static void send_ask(struct ring *r, const struct contact *to, uint8_t type,
		     uint32_t nonce)
{
	struct msg_ask m = {.nonce = nonce, .incarnation = r->incarnation};
	uint8_t body[MSG_ASK_LEN];
	struct wr w;

	wr_init(&w, body, sizeof(body));
	msg_ask_write(&w, &m);
	r->ops->send(r->ctx, to, type, body, wr_len(&w));
}

static void query_send(struct ring *r, struct ring_query *q)
{
	pias_time patience = r->ops->patience(r->ctx, &q->to) << q->tries;

	q->tries++;
	timer_set(&r->env->timers, &q->timer, r->env->now + patience);
	send_ask(r, &q->to, MSG_GET_LIST, q->nonce);
}

static void query_start(struct ring *r, struct ring_query *q, const struct contact *to)
{
	if (!++r->nonce)
		r->nonce = 1;
	q->nonce = r->nonce;
	q->to = *to;
	q->tries = 0;
	query_send(r, q);
}

static bool query_matches(const struct ring_query *q, const struct contact *from,
			  uint32_t nonce)
{
	return q->nonce && q->nonce == nonce && id_eq(&q->to.id, &from->id);
}

static void fill_list(const struct ring *r, struct msg_list *m)
{
	m->incarnation = r->incarnation;
	m->pred = r->pred;
	m->n_succ = r->n_succ;
	memcpy(m->succ, r->succ, r->n_succ * sizeof(*r->succ));
}

static void send_list(struct ring *r, const struct contact *to, uint8_t type,
		      uint32_t nonce)
{
	struct msg_list m;
	uint8_t body[MSG_LIST_MAX];
	struct wr w;

	m.nonce = nonce;
	fill_list(r, &m);
	wr_init(&w, body, sizeof(body));
	msg_list_write(&w, &m);
	r->ops->send(r->ctx, to, type, body, wr_len(&w));
}

static void notify_head(struct ring *r)
{
	if (r->n_succ && !is_gone(r, &r->succ[0]))
		send_ask(r, &r->succ[0], MSG_NOTIFY, 0);
}

/* Stabilise */

static void stabilise_early(struct ring *r)
{
	if (r->state != RING_MEMBER || r->is_early)
		return;
	r->is_early = true;
	timer_set(&r->env->timers, &r->stabilise, r->env->now + EARLY);
}

static bool is_candidate(const struct ring *r, const struct contact *c)
{
	if (!id_between(&r->self.id, &c->id, head_id(r)) || is_gone(r, c))
		return false;
	return !id_eq(&c->id, &r->shunned) || r->env->now >= r->shunned_until;
}

/* Who might be our successor instead? @pred is what the successor holds for one. */
static bool pick_candidate(const struct ring *r, const struct contact *pred,
			   struct contact *out)
{
	struct contact c;
	bool found = is_candidate(r, pred);

	if (found)
		*out = *pred;
	if (r->ops->after && r->ops->after(r->ctx, &r->self.id, head_id(r), &c) &&
	    is_candidate(r, &c) && (!found || id_between(&r->self.id, &c.id, &out->id))) {
		*out = c;
		found = true;
	}
	return found;
}

static void ask_candidate(struct ring *r, const struct contact *c)
{
	r->ask_candidate = true;
	query_start(r, &r->ask, c);
}

static void ask_head(struct ring *r)
{
	r->ask_candidate = false;
	query_start(r, &r->ask, &r->succ[0]);
}

/* Step 2, where there is a candidate; else false. */
static bool seek_closer(struct ring *r, const struct contact *pred)
{
	struct contact c;

	if (!pick_candidate(r, pred, &c))
		return false;
	ask_candidate(r, &c);
	return true;
}

/* The list is empty: whoever we know of may be our successor, else we are alone. */
static void refill(struct ring *r)
{
	if (!seek_closer(r, &r->pred) && !is_self(r, &r->pred) && is_gone(r, &r->pred))
		set_pred(r, &r->self);
}

static void on_stabilise(void *ctx)
{
	struct ring *r = ctx;

	r->is_early = false;
	timer_set(&r->env->timers, &r->stabilise,
		  r->env->now + env_jitter(r->env, r->period));
	if (r->ask.nonce)
		return;
	drop_dead_heads(r);
	if (r->n_succ)
		ask_head(r);
	else
		refill(r);
	r->ops->done(r->ctx);
}

static void on_head_answer(struct ring *r, const struct contact *from,
			   const struct msg_list *m)
{
	if (!id_eq(head_id(r), &from->id)) {
		stabilise_early(r);
		return;
	}
	adopt(r, from, m);
	if (!seek_closer(r, &m->pred))
		notify_head(r);
}

static void on_candidate_answer(struct ring *r, const struct contact *from,
				const struct msg_list *m)
{
	if (id_between(&r->self.id, &from->id, head_id(r)))
		adopt(r, from, m);
	notify_head(r);
	(void)seek_closer(r, &m->pred);
}

void ring_on_list(struct ring *r, const struct contact *from, const struct msg_list *m)
{
	if (query_matches(&r->check, from, m->nonce)) {
		query_stop(r, &r->check);
		return;
	}
	if (!query_matches(&r->ask, from, m->nonce))
		return;
	query_stop(r, &r->ask);
	if (r->state != RING_MEMBER)
		return;
	if (r->ask_candidate)
		on_candidate_answer(r, from, m);
	else
		on_head_answer(r, from, m);
}

static void head_is_dead(struct ring *r, const struct id *id)
{
	if (r->n_succ && id_eq(&r->succ[0].id, id))
		drop_entry(r, 0);
	drop_dead_heads(r);
	notify_head(r);
	stabilise_early(r);
}

static void shun(struct ring *r, const struct id *id)
{
	r->shunned = *id;
	r->shunned_until = r->env->now + SHUN;
}

static void on_ask_timeout(void *ctx)
{
	struct ring *r = ctx;
	struct contact who = r->ask.to;

	if (r->ask.tries < TRIES) {
		query_send(r, &r->ask);
		return;
	}
	query_stop(r, &r->ask);
	if (r->ask_candidate) {
		shun(r, &who.id);
		notify_head(r);
	} else {
		head_is_dead(r, &who.id);
	}
	r->ops->silent(r->ctx, &who);
	r->ops->done(r->ctx);
}

/* Rectify */

void ring_on_notify(struct ring *r, const struct contact *from)
{
	if (r->state != RING_MEMBER || is_self(r, from))
		return;
	if (!r->n_succ)
		stabilise_early(r);
	if (is_self(r, &r->pred) || id_eq(&from->id, &r->pred.id) ||
	    id_between(&r->pred.id, &from->id, &r->self.id) || is_gone(r, &r->pred)) {
		query_stop(r, &r->check);
		set_pred(r, from);
	} else if (!r->check.nonce) {
		r->claimant = *from;
		query_start(r, &r->check, &r->pred);
	} else if (id_between(&r->claimant.id, &from->id, &r->self.id)) {
		r->claimant = *from;
	}
}

static void pred_is_dead(struct ring *r)
{
	query_stop(r, &r->check);
	if (!is_gone(r, &r->claimant))
		set_pred(r, &r->claimant);
}

static void on_check_timeout(void *ctx)
{
	struct ring *r = ctx;
	struct contact who = r->check.to;

	if (r->check.tries < TRIES) {
		query_send(r, &r->check);
		return;
	}
	pred_is_dead(r);
	r->ops->silent(r->ctx, &who);
	r->ops->done(r->ctx);
}

/* Verdicts and news from outside */

static void forget_entry(struct ring *r, const struct id *id)
{
	int i;

	for (i = 0; i < r->n_succ; i++) {
		if (!id_eq(&r->succ[i].id, id))
			continue;
		if (i)
			drop_entry(r, i);
		else
			head_is_dead(r, id);
		return;
	}
}

/*
 * The old predecessor is dead for certain. The table's idea of the new one may be
 * stale, but a closer one will notify us, and a dead one is replaced like this again.
 */
static void replace_pred(struct ring *r)
{
	bool is_claimed = r->check.nonce != 0;
	struct contact c;

	query_stop(r, &r->check);
	if (is_claimed && !is_gone(r, &r->claimant))
		set_pred(r, &r->claimant);
	else if (r->ops->before && r->ops->before(r->ctx, &c) && !is_gone(r, &c))
		set_pred(r, &c);
	else if (!r->n_succ)
		set_pred(r, &r->self);
}

void ring_on_down(struct ring *r, const struct id *id)
{
	if (r->ask.nonce && id_eq(&r->ask.to.id, id))
		timer_set(&r->env->timers, &r->ask.timer, r->env->now);
	if (r->check.nonce && id_eq(&r->check.to.id, id))
		timer_set(&r->env->timers, &r->check.timer, r->env->now);
}

void ring_on_gone(struct ring *r, const struct id *id)
{
	if (r->state != RING_MEMBER)
		return;
	if (r->ask.nonce && id_eq(&r->ask.to.id, id)) {
		query_stop(r, &r->ask);
		stabilise_early(r);
	}
	forget_entry(r, id);
	if (id_eq(&r->pred.id, id))
		replace_pred(r);
	else if (r->check.nonce && id_eq(&r->check.to.id, id))
		query_stop(r, &r->check);
}

void ring_on_news(struct ring *r, const struct id *id)
{
	if (r->state != RING_MEMBER)
		return;
	if (id_eq(id, &r->shunned))
		r->shunned_until = r->env->now;
	if (id_between(&r->self.id, id, head_id(r)))
		stabilise_early(r);
}

void ring_suggest(struct ring *r, const struct contact *who)
{
	if (r->state == RING_MEMBER && !r->ask.nonce && is_candidate(r, who))
		ask_candidate(r, who);
}

/* Answers, join, leave */

void ring_on_get_list(struct ring *r, const struct contact *from, const struct msg_ask *m)
{
	if (r->state == RING_OUT)
		return;
	send_list(r, from, r->state == RING_LEFT ? MSG_LEAVE : MSG_LIST, m->nonce);
}

/* A joiner that is our successor already has restarted, quicker than we noticed. */
bool ring_admits(const struct ring *r, const struct id *joiner, struct msg_list *list)
{
	if (r->state != RING_MEMBER)
		return false;
	fill_list(r, list);
	if (r->n_succ && id_eq(&r->succ[0].id, joiner)) {
		list->n_succ--;
		memmove(list->succ, list->succ + 1, list->n_succ * sizeof(*list->succ));
		return true;
	}
	return id_between(&r->self.id, joiner, head_id(r));
}

static void become_member(struct ring *r)
{
	enter(r, RING_MEMBER);
	r->ops->changed(r->ctx, RING_PRED | RING_SUCC);
	stabilise_early(r);
}

void ring_create(struct ring *r)
{
	become_member(r);
}

/* m's list ends before m where the ring is small: then m itself comes last. */
void ring_join(struct ring *r, const struct contact *m, const struct msg_list *list)
{
	struct succ_list l;
	int i;

	succ_init(&l, &r->self.id);
	for (i = 0; i < list->n_succ; i++)
		succ_add(&l, &list->succ[i]);
	if (list->n_succ < RING_L) {
		l.is_cut = false;
		succ_add(&l, m);
	}
	commit(r, &l);
	set_pred(r, m);
	become_member(r);
}

void ring_leave(struct ring *r)
{
	if (r->state != RING_MEMBER)
		return;
	enter(r, RING_LEFT);
	query_stop(r, &r->ask);
	query_stop(r, &r->check);
	timer_stop(&r->env->timers, &r->stabilise);
	drop_dead_heads(r);
	if (r->n_succ)
		send_list(r, &r->succ[0], MSG_LEAVE, 0);
	if (!is_self(r, &r->pred) && (!r->n_succ || !id_eq(&r->pred.id, &r->succ[0].id)))
		send_list(r, &r->pred, MSG_LEAVE, 0);
	r->ops->changed(r->ctx, RING_PRED | RING_SUCC);
}

/* The leaver's place in our list is taken by what followed it. */
static void splice_list(struct ring *r, const struct contact *from,
			const struct msg_list *m)
{
	struct succ_list l;
	int i;

	succ_init(&l, &r->self.id);
	for (i = 0; i < m->n_succ; i++)
		if (!is_gone(r, &m->succ[i]))
			succ_add(&l, &m->succ[i]);
	commit(r, &l);
	notify_head(r);
	stabilise_early(r);
}

void ring_on_leave(struct ring *r, const struct contact *from, const struct msg_list *m)
{
	if (r->state != RING_MEMBER)
		return;
	if (r->ask.nonce && id_eq(&r->ask.to.id, &from->id))
		query_stop(r, &r->ask);
	if (r->n_succ && id_eq(&r->succ[0].id, &from->id))
		splice_list(r, from, m);
	if (!id_eq(&r->pred.id, &from->id))
		return;
	query_stop(r, &r->check);
	if (is_self(r, &m->pred) || !is_gone(r, &m->pred))
		set_pred(r, &m->pred);
}
