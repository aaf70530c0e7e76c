/*
 * One request is out at a time, with a nonce of its own: an answer that comes after its
 * page was asked for again is ignored, the records that came with it do no harm.
 */
#include "rendezvous/pull.h"

#include <string.h>

static void timeout(void *ctx);

void pull_init(struct pull *p, struct env *env, struct post *post,
	       void (*ended)(void *ctx, struct pull *p, enum pull_end how), void *ctx)
{
	memset(p, 0, sizeof(*p));
	p->env = env;
	p->post = post;
	p->ended = ended;
	p->ctx = ctx;
	timer_init(&p->timer, timeout, p);
}

static void ask_page(struct pull *p)
{
	struct msg_pull m = {.from = p->at, .to = p->arc.to, .buckets = p->buckets};
	uint8_t buf[MESSAGE_WIRE_MAX];
	struct wr w;

	m.nonce = p->nonce = env_random_u32(p->env);
	wr_init(&w, buf, sizeof(buf));
	msg_write_pull(&w, &m);
	timer_set(&p->env->timers, &p->timer, p->env->now + PULL_TIMEOUT);
	(void)post_send(p->post, &p->peer, MSG_PULL, &w);
}

void pull_start(struct pull *p)
{
	p->at = p->arc.from;
	p->n_tries = 0;
	ask_page(p);
}

void pull_stop(struct pull *p)
{
	timer_stop(&p->env->timers, &p->timer);
}

bool pull_is_active(const struct pull *p)
{
	return timer_is_set(&p->timer);
}

static void timeout(void *ctx)
{
	struct pull *p = ctx;

	if (++p->n_tries < PULL_TRIES)
		ask_page(p);
	else
		p->ended(p->ctx, p, PULL_ENDED_FAILED);
}

bool pull_expects(const struct pull *p, const struct contact *from,
		  const struct msg_pull_done *m)
{
	return pull_is_active(p) && p->nonce == m->nonce &&
	       id_eq(&p->peer.id, &from->id) && id_in_arc(&m->end, &p->at, &p->arc.to);
}

void pull_on_done(struct pull *p, const struct msg_pull_done *m)
{
	if (m->flags & PULL_FAILED)
		return; /* the timer asks for this page again */
	if (!id_eq(&m->end, &p->arc.to)) {
		p->at = m->end;
		p->n_tries = 0;
		ask_page(p);
		return;
	}
	pull_stop(p);
	p->ended(p->ctx, p,
		 m->flags & PULL_COMPLETE ? PULL_ENDED_COMPLETE : PULL_ENDED_PARTIAL);
}

static void send_done(struct post *post, const struct contact *to,
		      const struct msg_pull_done *done)
{
	uint8_t buf[MESSAGE_WIRE_MAX];
	struct wr w;

	wr_init(&w, buf, sizeof(buf));
	msg_write_pull_done(&w, done);
	(void)post_send(post, to, MSG_PULL_DONE, &w);
}

void pull_serve(struct post *post, const struct groups *groups, const struct contact *to,
		const struct msg_pull *m, bool is_complete)
{
	struct msg_pull_done done = {.nonce = m->nonce, .end = m->from};
	struct packer p;
	struct group *g;
	uint32_t i;

	packer_init(&p, post, groups, to, 1, 0);
	while (p.n_sent < PULL_PAGE && (g = group_after(groups, &done.end, &m->to))) {
		done.end = g->node.key;
		if (m->buckets >> group_bucket(g) & 1)
			for (i = 0; i < g->n_members; i++)
				packer_add(&p, g, g->member[i]);
		if (id_eq(&done.end, &m->to))
			break;
	}
	if (p.n_sent < PULL_PAGE)
		done.end = m->to;
	packer_flush(&p);
	done.flags |= is_complete ? PULL_COMPLETE : 0;
	done.flags |= p.is_failed ? PULL_FAILED : 0;
	send_done(post, to, &done);
}
