/*
 * Dialing on demand. A peer is dialed when something waits for it, no link is open or
 * under way, and its backoff is over: 100 ms, doubled by every failure up to 5 s,
 * forgotten when a link comes up, whoever dialed it. One timer per peer stands for
 * all that can become due.
 *
 * What always holds: a peer record has a link, a dial, something waiting or a failure
 * to remember; otherwise it is freed.
 */
#include "overlay/dial.h"

#include <string.h>

#define SEED_NONE_TEXT "no answer"

static const struct id no_id;

static void dial(struct peer *peer)
{
	struct peers *p = peer->peers;
	struct addr addr[2];
	int i;

	memset(addr, 0, sizeof(addr));
	for (i = 0; i < 2; i++)
		if (p->self.addr[i].family)
			addr[i] = peer->contact.addr[i];
	peer->is_dialing = true;
	peer->dialed_at = p->env->now;
	p->env->ops->dial(p->env->host, &peer->contact.id, addr);
}

static bool wants_dial(const struct peer *peer)
{
	return !outbox_is_empty(&peer->outbox) && !peer->is_dialing &&
	       !peer_is_open(peer);
}

static pias_time link_due(const struct link *l)
{
	switch (l->state) {
	case LINK_HELLO:
		return l->since + HELLO_TIMEOUT;
	case LINK_UP:
		return l->used + (l == l->peer->best ? LINK_IDLE : LINK_DRAIN);
	case LINK_CLOSED:
		break;
	}
	return l->since + SESSION_LINGER;
}

static void earlier(pias_time *due, pias_time t)
{
	if (t < *due)
		*due = t;
}

/* When the peer's timer must run; PIAS_NEVER = nothing keeps the record. */
static pias_time peer_due(const struct peer *peer)
{
	pias_time due = PIAS_NEVER;
	const struct link *l;

	for (l = peer->links; l; l = l->next)
		earlier(&due, link_due(l));
	if (peer->is_dialing)
		earlier(&due, peer->dialed_at + DIAL_TIMEOUT);
	if (wants_dial(peer))
		earlier(&due, peer->redial_at);
	if (peer->failed_at != PIAS_NEVER)
		earlier(&due, peer->failed_at + PEER_LOG_PERIOD);
	return due;
}

static struct link *due_link(const struct peer *peer)
{
	struct link *l;

	for (l = peer->links; l; l = l->next)
		if (link_due(l) <= peer->peers->env->now)
			return l;
	return NULL;
}

static void on_due_link(struct link *l, int *why)
{
	switch (l->state) {
	case LINK_HELLO:
		link_close(l, PIAS_ETIMEOUT, "no HELLO came");
		*why = PIAS_ETIMEOUT;
		break;
	case LINK_UP:
		link_close(l, 0, "");
		break;
	case LINK_CLOSED:
		link_free(l);
		break;
	}
}

static void on_peer_timer(void *ctx)
{
	struct peer *peer = ctx;
	pias_time now = peer->peers->env->now;
	struct link *l;
	int why = 0;

	while ((l = due_link(peer)))
		on_due_link(l, &why);
	if (peer->failed_at != PIAS_NEVER && now - peer->failed_at >= PEER_LOG_PERIOD)
		peer->failed_at = PIAS_NEVER;
	if (peer->is_dialing && now - peer->dialed_at >= DIAL_TIMEOUT) {
		peer->is_dialing = false;
		why = PIAS_ETIMEOUT;
	}
	if (why)
		dial_failed(peer, why, BACKOFF_MIN);
	else
		dial_settle(peer, 0);
}

void dial_settle(struct peer *peer, int why)
{
	struct peers *p = peer->peers;
	struct id who = peer->contact.id;
	bool is_lost = why && !peer_is_open(peer) && !peer->is_dialing &&
		       !id_eq(&who, &p->self.id);
	pias_time due;

	if (wants_dial(peer) && p->env->now >= peer->redial_at)
		dial(peer);
	due = peer_due(peer);
	if (due == PIAS_NEVER) {
		peer_free(peer);
	} else {
		if (!peer->timer.fn)
			timer_init(&peer->timer, on_peer_timer, peer);
		timer_set(&p->env->timers, &peer->timer, due);
	}
	if (is_lost)
		p->ops->peer_down(p->ctx, &who, why);
}

void dial_failed(struct peer *peer, int why, pias_time backoff)
{
	struct peers *p = peer->peers;

	count(p->env, links_failed);
	peer->backoff = peer->backoff ? 2 * peer->backoff : BACKOFF_MIN;
	if (peer->backoff < backoff)
		peer->backoff = backoff;
	if (peer->backoff > BACKOFF_MAX)
		peer->backoff = BACKOFF_MAX;
	peer->failed_at = p->env->now;
	peer->redial_at = p->env->now + env_jitter(p->env, peer->backoff);
	if (!peer_is_open(peer) && !peer->is_dialing)
		count_n(p->env, drop_send_unreach, outbox_clear(&peer->outbox));
	dial_settle(peer, why);
}

static void arm_seed_timer(struct peers *p)
{
	pias_time due = PIAS_NEVER;
	int i;

	for (i = 0; i < OVERLAY_SEEDS_MAX; i++)
		if (p->seed[i].addr.family)
			earlier(&due, p->seed[i].dialed_at + DIAL_TIMEOUT);
	if (due == PIAS_NEVER)
		timer_stop(&p->env->timers, &p->seed_timer);
	else
		timer_set(&p->env->timers, &p->seed_timer, due);
}

void dial_seed(struct peers *p, const struct addr *seed)
{
	struct seed *s = NULL;
	struct addr addr[2];
	int i;

	for (i = 0; i < OVERLAY_SEEDS_MAX; i++) {
		if (addr_eq(&p->seed[i].addr, seed))
			return;
		if (!s && !p->seed[i].addr.family)
			s = &p->seed[i];
	}
	if (!s)
		return; /* as many under way as can be configured */
	s->addr = *seed;
	s->dialed_at = p->env->now;
	arm_seed_timer(p);
	memset(addr, 0, sizeof(addr));
	addr[seed->family == ADDR_V6] = *seed;
	p->env->ops->dial(p->env->host, &no_id, addr);
}

bool dial_take_seed(struct peers *p, const struct contact *who, bool is_any,
		    struct addr *out)
{
	struct seed *s, *found = NULL, *first = NULL;

	for (s = p->seed; s < p->seed + OVERLAY_SEEDS_MAX; s++) {
		if (!s->addr.family)
			continue;
		if (contact_is_at(who, &s->addr))
			found = s;
		if (!first || s->dialed_at < first->dialed_at)
			first = s;
	}
	if (!found && is_any)
		found = first;
	if (!found)
		return false;
	*out = found->addr;
	memset(found, 0, sizeof(*found));
	arm_seed_timer(p);
	return true;
}

void dial_seed_failed(struct peers *p, const struct addr *seed, int why, const char *text)
{
	p->ops->seed_failed(p->ctx, seed, why, text);
}

void dial_on_seed_timer(void *ctx)
{
	struct peers *p = ctx;
	struct seed *s;
	struct addr addr;

	for (s = p->seed; s < p->seed + OVERLAY_SEEDS_MAX; s++)
		if (s->addr.family && p->env->now - s->dialed_at >= DIAL_TIMEOUT)
			break;
	if (s == p->seed + OVERLAY_SEEDS_MAX)
		return;
	addr = s->addr;
	memset(s, 0, sizeof(*s));
	arm_seed_timer(p); /* runs again at once if more are due */
	dial_seed_failed(p, &addr, PIAS_ETIMEOUT, SEED_NONE_TEXT);
}
