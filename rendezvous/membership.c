/*
 * Requests under way to rendezvous APs. Each has a timer of its own, which asks again
 * whoever owns the group by then; the first answer that is not "busy" ends it.
 */
#include "rendezvous/membership.h"

#include <stdlib.h>
#include <string.h>

#include "overlay/base/htab.h"
#include "rendezvous/message.h"
#include "rendezvous/post.h"

struct membership {
	struct env *env;
	struct overlay *overlay;
	struct post *post;
	const struct membership_ops *ops;
	void *ctx;
	struct htab waiting; /* by serial */
	uint32_t serial;
};

struct waiting {
	struct membership *m;
	struct membership_request request;
	struct id key;
	struct timer timer;
	uint32_t serial;
	unsigned n_tries;
};

struct membership *membership_new(struct env *env, struct overlay *overlay,
				  struct post *post, const struct membership_ops *ops,
				  void *ctx)
{
	struct membership *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->env = env;
	m->overlay = overlay;
	m->post = post;
	m->ops = ops;
	m->ctx = ctx;
	m->serial = env_random_u32(env);
	htab_init(&m->waiting);
	return m;
}

void membership_free(struct membership *m)
{
	struct waiting *w;
	uint32_t pos = 0;

	if (!m)
		return;
	while ((w = htab_next(&m->waiting, &pos))) {
		timer_stop(&m->env->timers, &w->timer);
		free(w);
	}
	htab_fini(&m->waiting);
	free(m);
}

static bool has_serial(const void *item, const void *key)
{
	const struct waiting *w = item;

	return w->serial == *(const uint32_t *)key;
}

static void send_update(struct waiting *w)
{
	const struct membership_request *q = &w->request;
	uint8_t buf[MESSAGE_WIRE_MAX];
	struct msg_update u = {
		.cookie = w->serial,
		.op = (uint8_t)q->op,
		.create = q->create,
		.policy = q->policy ? q->policy : POLICY_NEAREST,
		.name = q->name,
		.lease = q->lease,
		.member = q->member,
	};
	struct wr body;

	u.member.join_ap = *overlay_self(w->m->overlay);
	u.member.coord = *overlay_coord(w->m->overlay);
	u.member.left = 0; /* the owner grants it */
	wr_init(&body, buf, sizeof(buf));
	msg_write_update(&body, &u);
	/* What cannot be sent now is sent again by the timer. */
	(void)post_route(w->m->post, &w->key, MSG_UPDATE, &body);
}

static void finish(struct waiting *w, const struct membership_result *result)
{
	struct membership *m = w->m;
	struct membership_request request = w->request;

	timer_stop(&m->env->timers, &w->timer);
	htab_del(&m->waiting, w->serial, w);
	free(w);
	m->ops->done(m->ctx, request.cookie, &request, result);
}

static void try_again(void *ctx)
{
	static const struct membership_result timeout = {
		.err = PIAS_ETIMEOUT,
		.reason = "the group's rendezvous AP does not answer; try again",
	};
	struct waiting *w = ctx;

	if (++w->n_tries >= MEMBERSHIP_TRIES) {
		finish(w, &timeout);
		return;
	}
	timer_set(&w->m->env->timers, &w->timer, w->m->env->now + MEMBERSHIP_TRY);
	send_update(w);
}

int membership_update(struct membership *m, const struct membership_request *request)
{
	struct waiting *w;

	if (m->waiting.n >= MEMBERSHIP_MAX)
		return PIAS_EFULL;
	w = calloc(1, sizeof(*w));
	if (!w)
		return PIAS_ENOMEM;
	w->m = m;
	w->request = *request;
	w->serial = m->serial++;
	if (htab_add(&m->waiting, w->serial, w)) {
		free(w);
		return PIAS_ENOMEM;
	}
	group_name_key(&request->name, &w->key);
	timer_init(&w->timer, try_again, w);
	timer_set(&m->env->timers, &w->timer, m->env->now + MEMBERSHIP_TRY);
	send_update(w);
	return 0;
}

int membership_on_ack(struct membership *m, struct rd *body)
{
	struct membership_result result;
	struct msg_update_ack ack;
	struct waiting *w;

	msg_read_update_ack(body, &ack);
	if (body->err)
		return body->err;
	w = htab_find(&m->waiting, ack.cookie, has_serial, &ack.cookie);
	/* A second answer, or one after the last try. */
	if (!w)
		return 0;
	/* The owner has only just become it; the timer asks again. */
	if (ack.err == PIAS_EBUSY && w->n_tries + 1 < MEMBERSHIP_TRIES)
		return 0;
	result.err = ack.err;
	result.lease = ack.lease;
	result.seq = ack.seq;
	result.reason = ack.reason;
	finish(w, &result);
	return 0;
}

int membership_on_moved(struct membership *m, struct rd *body)
{
	struct msg_moved moved;

	msg_read_moved(body, &moved);
	if (body->err)
		return body->err;
	m->ops->moved(m->ctx, &moved.name, &moved.server, moved.seq, &moved.join_ap);
	return 0;
}
