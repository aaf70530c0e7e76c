/*
 * Subscribers and askers.
 *
 * What always holds: a group is queued exactly while it has subscribers that are due,
 * and the queue is sorted by pushed_at, so that one timer serves it. A subscriber of
 * a large group is due only when a change touches what it was told: members nearer
 * than the dearest it knows.
 */
#include "rendezvous/push.h"

#include <stdlib.h>
#include <string.h>

static void push_due(void *ctx);

void pushes_init(struct pushes *p, struct env *env, struct groups *groups,
		 struct post *post, struct selector *selector)
{
	memset(p, 0, sizeof(*p));
	p->env = env;
	p->groups = groups;
	p->post = post;
	p->selector = selector;
	TAILQ_INIT(&p->due);
	timer_init(&p->timer, push_due, p);
}

static void drop_first_asker(struct pushes *p)
{
	ap_put(&p->groups->interns, p->asker[p->askers_first].ap);
	p->askers_first = (p->askers_first + 1) % p->askers_cap;
	p->n_askers--;
}

void pushes_fini(struct pushes *p)
{
	timer_stop(&p->env->timers, &p->timer);
	while (p->n_askers)
		drop_first_asker(p);
	free(p->asker);
}

/* Subscribers */

static uint32_t subscriber_place(const struct group *g, const struct id *id)
{
	uint32_t low = 0, high = g->n_subscribers;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (id_cmp(&g->subscriber[mid].ap->contact.id, id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct subscriber *subscriber_find(const struct group *g, const struct id *id)
{
	uint32_t i = subscriber_place(g, id);

	if (i == g->n_subscribers || !id_eq(&g->subscriber[i].ap->contact.id, id))
		return NULL;
	return &g->subscriber[i];
}

static void subscriber_del(struct pushes *p, struct group *g, uint32_t i)
{
	ap_put(&p->groups->interns, g->subscriber[i].ap);
	g->n_subscribers--;
	memmove(g->subscriber + i, g->subscriber + i + 1,
		(g->n_subscribers - i) * sizeof(*g->subscriber));
	if (g->n_subscribers)
		return;
	free(g->subscriber);
	g->subscriber = NULL;
	g->subscribers_cap = 0;
}

/* Those whose time is over, or who are known to be dead. */
static void drop_ended(struct pushes *p, struct group *g)
{
	uint32_t i = g->n_subscribers;

	while (i--) {
		const struct subscriber *s = &g->subscriber[i];
		enum peer_status status =
			overlay_peer_status(p->post->overlay, &s->ap->contact.id);

		if (s->ends <= p->env->now || status == PEER_DEAD || status == PEER_LEFT)
			subscriber_del(p, g, i);
	}
}

static int grow_subscribers(struct pushes *p, struct group *g)
{
	struct subscriber *s;
	uint32_t cap;

	if (g->n_subscribers < g->subscribers_cap)
		return 0;
	drop_ended(p, g);
	if (g->n_subscribers < g->subscribers_cap)
		return 0;
	if (g->n_subscribers >= SUBSCRIBERS_MAX) {
		count(p->env, drop_subscriber_full);
		return PIAS_EFULL;
	}
	cap = g->subscribers_cap ? 2 * g->subscribers_cap : 1;
	s = realloc(g->subscriber, cap * sizeof(*s));
	if (!s)
		return PIAS_ENOMEM;
	g->subscriber = s;
	g->subscribers_cap = cap;
	return 0;
}

/* NULL: refused, counted. Takes over the reference to @ap, or puts it back. */
static struct subscriber *subscriber_add(struct pushes *p, struct group *g, struct ap *ap)
{
	struct subscriber *s;
	uint32_t i;

	if (grow_subscribers(p, g)) {
		ap_put(&p->groups->interns, ap);
		return NULL;
	}
	i = subscriber_place(g, &ap->contact.id);
	s = &g->subscriber[i];
	memmove(s + 1, s, (g->n_subscribers - i) * sizeof(*s));
	g->n_subscribers++;
	memset(s, 0, sizeof(*s));
	s->ap = ap;
	return s;
}

static void send_push(struct pushes *p, const struct group *g,
		      const struct contact *ingress, const struct coord *coord,
		      pias_time ttl, struct subscriber *s)
{
	struct ranked ranked[PUSH_MEMBERS_MAX];
	uint8_t buf[PUSH_WIRE_MAX];
	struct msg_push m = {
		.name = g->name,
		.version = g->version,
		.policy = g->policy,
		.ttl = ttl,
	};
	struct wr body;
	unsigned i;

	m.n = (uint8_t)select_nearest(p->selector, g, &ingress->id, coord, ranked,
				      PUSH_MEMBERS_MAX, &m.n_all);
	for (i = 0; i < m.n; i++) {
		member_tell(p->groups, ranked[i].member, &m.member[i]);
		m.member[i].name[0] = '\0'; /* nothing that packets need */
	}
	if (s) {
		s->n_told = m.n;
		s->worst_us = 0;
		for (i = 0; i < m.n; i++)
			if (ranked[i].cost_us > s->worst_us)
				s->worst_us = ranked[i].cost_us;
		s->is_due = false;
	}
	wr_init(&body, buf, sizeof(buf));
	msg_write_push(&body, &m);
	count(p->env, pushes);
	/* Should it get lost, the ingress AP hears it when it renews. */
	(void)post_send(p->post, ingress, MSG_PUSH, &body);
}

static void tell(struct pushes *p, struct group *g, struct subscriber *s)
{
	send_push(p, g, &s->ap->contact, &s->ap->coord, s->ends - p->env->now, s);
}

void push_subscribe(struct pushes *p, struct group *g, const struct contact *ingress,
		    const struct coord *coord)
{
	struct ap *ap = ap_get(&p->groups->interns, ingress, coord);
	struct subscriber *s = NULL;

	if (ap) {
		s = subscriber_find(g, &ingress->id);
		if (s)
			ap_put(&p->groups->interns, ap);
		else
			s = subscriber_add(p, g, ap);
	}
	if (s)
		s->ends = p->env->now + SUBSCRIPTION;
	send_push(p, g, ingress, coord, s ? SUBSCRIPTION : REFUSED_TTL, s);
}

void push_unsubscribe(struct pushes *p, struct group *g, const struct id *ingress)
{
	struct subscriber *s = subscriber_find(g, ingress);

	if (s)
		subscriber_del(p, g, (uint32_t)(s - g->subscriber));
}

/* Changes */

static void unqueue(struct pushes *p, struct group *g)
{
	if (!g->is_push_queued)
		return;
	TAILQ_REMOVE(&p->due, g, push_entry);
	g->is_push_queued = false;
}

static void push_now(struct pushes *p, struct group *g)
{
	uint32_t i;

	unqueue(p, g);
	drop_ended(p, g);
	g->pushed_at = p->env->now;
	for (i = 0; i < g->n_subscribers; i++)
		if (g->subscriber[i].is_due)
			tell(p, g, &g->subscriber[i]);
}

static void push_due(void *ctx)
{
	struct pushes *p = ctx;
	struct group *g;

	while ((g = TAILQ_FIRST(&p->due))) {
		if (g->pushed_at + PUSH_BURST > p->env->now) {
			timer_set(&p->env->timers, &p->timer, g->pushed_at + PUSH_BURST);
			return;
		}
		push_now(p, g);
	}
}

/* From the back: groups are mostly queued in the order in which they were pushed. */
static void queue(struct pushes *p, struct group *g)
{
	struct group *after;

	if (g->is_push_queued)
		return;
	g->is_push_queued = true;
	TAILQ_FOREACH_REVERSE(after, &p->due, group_queue, push_entry)
		if (after->pushed_at <= g->pushed_at)
			break;
	if (after)
		TAILQ_INSERT_AFTER(&p->due, after, g, push_entry);
	else
		TAILQ_INSERT_HEAD(&p->due, g, push_entry);
	if (TAILQ_FIRST(&p->due) == g)
		timer_set(&p->env->timers, &p->timer, g->pushed_at + PUSH_BURST);
}

/* Can the change show in what @s was told, or should have been told? */
static bool concerns(struct pushes *p, const struct subscriber *s, const struct merge *c)
{
	const struct member *m = c->member;
	uint32_t rtt = m->rtt_us < c->old_rtt_us ? m->rtt_us : c->old_rtt_us;

	if (s->n_told < PUSH_MEMBERS_MAX || c->has_moved)
		return true;
	return select_cost(p->selector, &s->ap->contact.id, &s->ap->coord, m->join_ap,
			   c->is_new ? m->rtt_us : rtt) <= s->worst_us;
}

static bool is_urgent(const struct merge *c)
{
	return !member_is_eligible(c->member) || (c->member->flags & MEMBER_DRAINING);
}

void push_changed(struct pushes *p, struct group *g, const struct merge *c)
{
	bool is_due = false;
	uint32_t i;

	for (i = 0; i < g->n_subscribers; i++)
		if (concerns(p, &g->subscriber[i], c))
			g->subscriber[i].is_due = is_due = true;
	if (!is_due)
		return;
	if (is_urgent(c) || g->pushed_at + PUSH_BURST <= p->env->now)
		push_now(p, g);
	else
		queue(p, g);
}

static void send_negative(struct pushes *p, const struct group_name *name,
			  const struct contact *ingress, pias_time ttl)
{
	struct msg_negative m = {.name = *name, .ttl = ttl};
	uint8_t buf[MESSAGE_WIRE_MAX];
	struct wr body;

	wr_init(&body, buf, sizeof(buf));
	msg_write_negative(&body, &m);
	(void)post_send(p->post, ingress, MSG_NEGATIVE, &body);
}

void push_gone(struct pushes *p, struct group *g, pias_time ttl)
{
	unqueue(p, g);
	while (g->n_subscribers) {
		struct contact to = g->subscriber[g->n_subscribers - 1].ap->contact;

		subscriber_del(p, g, g->n_subscribers - 1);
		send_negative(p, &g->name, &to, ttl);
	}
}

/* Unknown groups */

static int grow_askers(struct pushes *p)
{
	uint32_t i, cap = p->askers_cap ? 2 * p->askers_cap : 16;
	struct asker *a;

	if (p->n_askers < p->askers_cap)
		return 0;
	if (cap > ASKERS_MAX) {
		drop_first_asker(p);
		return 0;
	}
	a = calloc(cap, sizeof(*a));
	if (!a)
		return PIAS_ENOMEM;
	for (i = 0; i < p->n_askers; i++)
		a[i] = p->asker[(p->askers_first + i) % p->askers_cap];
	free(p->asker);
	p->asker = a;
	p->askers_cap = cap;
	p->askers_first = 0;
	return 0;
}

static void remember_asker(struct pushes *p, const struct group_name *name,
			   const struct contact *ingress, const struct coord *coord)
{
	struct asker *a;

	while (p->n_askers && p->asker[p->askers_first].ends <= p->env->now)
		drop_first_asker(p);
	if (grow_askers(p))
		return;
	a = &p->asker[(p->askers_first + p->n_askers) % p->askers_cap];
	a->ap = ap_get(&p->groups->interns, ingress, coord);
	if (!a->ap)
		return;
	a->name = *name;
	a->ends = p->env->now + ASKER_TIME;
	p->n_askers++;
}

void push_negative(struct pushes *p, const struct group_name *name,
		   const struct contact *ingress, const struct coord *coord,
		   pias_time ttl)
{
	remember_asker(p, name, ingress, coord);
	send_negative(p, name, ingress, ttl);
}

/* The ring is short and groups are created rarely: a walk will do. */
void push_created(struct pushes *p, struct group *g)
{
	uint32_t i;

	for (i = 0; i < p->n_askers; i++) {
		const struct asker *a = &p->asker[(p->askers_first + i) % p->askers_cap];

		if (group_name_eq(&a->name, &g->name) && a->ends > p->env->now &&
		    !subscriber_find(g, &a->ap->contact.id))
			push_subscribe(p, g, &a->ap->contact, &a->ap->coord);
	}
}
