/*
 * Keeping a lease: a LEASE datagram every refresh interval to the group's own anycast
 * address, whichever AP that leads to; unanswered, again after 500 ms to the join AP's
 * unicast address, then twice more to the anycast address with the wish that whoever
 * gets it be the join AP. Every try has a seq of its own, so no nonce is ever used
 * twice, and an answer to any of them is an answer.
 */
#include "rendezvous/agent_group.h"

#include <string.h>

#define REFRESH_RETRY (500 * MSEC)
#define REFRESH_TRIES 4
#define REFRESH_PAUSE (2 * SEC) /* between rounds that nobody answered */
#define LEAVE_RETRY   (200 * MSEC)
#define LEAVE_TRIES   5
#define MOVED_AFTER   3 /* refreshes in a row that came to the same other AP */

static void on_timer(void *ctx);

void agent_group_init(struct agent_group *g, struct env *env, uint64_t *seq,
		      const struct group_name *name, uint16_t probe_port, uint8_t family,
		      const struct agent_group_ops *ops, void *ctx)
{
	memset(g, 0, sizeof(*g));
	g->env = env;
	g->seq = seq;
	g->name = *name;
	g->probe_port = probe_port;
	g->family = family;
	g->ops = ops;
	g->ctx = ctx;
	g->state = AGENT_IDLE;
	timer_init(&g->timer, on_timer, g);
}

static void forget_session(struct agent_group *g)
{
	timer_stop(&g->env->timers, &g->timer);
	aead_free(g->seal);
	g->seal = NULL;
	crypto_wipe(g->key, sizeof(g->key));
	crypto_wipe(g->probe_key, sizeof(g->probe_key));
	g->first_seq = g->last_seq = 0;
	g->ticket_len = 0;
}

void agent_group_fini(struct agent_group *g)
{
	forget_session(g);
}

int agent_group_rekey(struct agent_group *g)
{
	struct server_keys keys;

	forget_session(g);
	env_random(g->env, g->key, sizeof(g->key));
	server_keys_init(&keys, g->key);
	memcpy(g->probe_key, keys.probe, sizeof(g->probe_key));
	g->seal = aead_new(g->env->aead, keys.seal);
	crypto_wipe(&keys, sizeof(keys));
	return g->seal ? 0 : PIAS_ENOMEM;
}

/* LEASE */

static void arm(struct agent_group *g, pias_time in)
{
	pias_time at = g->env->now + in;

	if (!g->is_leaving && at > g->expires)
		at = g->expires;
	timer_set(&g->env->timers, &g->timer, at);
}

/* The join AP itself on the second try, by the family that we surely have. */
static struct addr destination(const struct agent_group *g)
{
	const struct addr *ap = &g->ap.addr[g->family == ADDR_V6];
	struct addr to = group_name_addr(&g->name);

	if (g->n_tries == 1 && !addr_is_none(ap))
		return *ap;
	to.port = CONTROL_PORT;
	return to;
}

static void send_lease(struct agent_group *g)
{
	uint8_t out[SERVER_LEASE_MAX];
	struct addr to = destination(g);
	struct server_lease l = {
		.seq = ++*g->seq,
		.ticket = g->ticket,
		.ticket_len = g->ticket_len,
		.op = g->is_leaving ? SERVER_LEAVE : SERVER_REFRESH,
		.here = g->n_tries >= 2 || (!g->is_leaving && g->n_via >= MOVED_AFTER),
	};
	size_t len = server_lease_encode(out, &l, g->seal);

	g->last_seq = l.seq;
	if (!g->first_seq)
		g->first_seq = l.seq;
	g->n_tries++;
	if (len)
		g->env->ops->datagram(g->env->host, &to, out, len);
}

static void lose(struct agent_group *g, int err, const char *why)
{
	forget_session(g);
	g->wants = true;
	g->state = AGENT_LOST;
	g->ops->lost(g->ctx, g, err, why);
}

static void finish_leave(struct agent_group *g)
{
	forget_session(g);
	g->state = AGENT_LEFT;
	g->ops->left(g->ctx, g);
}

static void on_leave_timer(struct agent_group *g)
{
	if (g->n_tries >= LEAVE_TRIES) {
		finish_leave(g);
		return;
	}
	arm(g, LEAVE_RETRY);
	send_lease(g);
}

static void on_timer(void *ctx)
{
	struct agent_group *g = ctx;

	if (g->is_leaving) {
		on_leave_timer(g);
	} else if (g->env->now >= g->expires) {
		lose(g, PIAS_ETIMEOUT,
		     "the lease ran out: no anycast proxy answered the refreshes");
	} else if (g->n_tries >= REFRESH_TRIES) {
		g->n_tries = 0;
		arm(g, env_jitter(g->env, REFRESH_PAUSE));
	} else {
		arm(g, REFRESH_RETRY);
		send_lease(g);
	}
}

static void hold(struct agent_group *g, uint32_t lease_ms, uint32_t refresh_ms)
{
	g->first_seq = g->last_seq = 0;
	g->n_tries = 0;
	g->expires = g->env->now + lease_ms * MSEC;
	g->refresh = refresh_ms * MSEC;
	arm(g, env_jitter(g->env, g->refresh));
}

void agent_group_accept(struct agent_group *g, const struct server_accept *a,
			const struct contact *ap)
{
	g->wants = false;
	g->was_joined = true;
	g->is_warned = false;
	g->state = AGENT_JOINED;
	g->ap = *ap;
	g->n_via = 0;
	g->ticket_len = a->ticket_len;
	memcpy(g->ticket, a->ticket, a->ticket_len);
	hold(g, a->lease_ms, a->refresh_ms);
}

void agent_group_leave(struct agent_group *g)
{
	g->wants = false;
	if (g->is_leaving || g->state == AGENT_LEFT)
		return;
	g->is_leaving = true;
	if (g->state != AGENT_JOINED) {
		finish_leave(g);
		return;
	}
	g->first_seq = 0;
	g->n_tries = 0;
	arm(g, LEAVE_RETRY);
	send_lease(g);
}

/* ACK */

/* Routing that leads elsewhere for good: then let that AP be the join AP. */
static void note_via(struct agent_group *g, const struct server_ack *a)
{
	if (id_eq(&a->via, &a->join_ap.id)) {
		g->n_via = 0;
		return;
	}
	g->n_via = id_eq(&a->via, &g->via) ? g->n_via + 1 : 1;
	g->via = a->via;
}

/* Once each time that it begins. */
static void note_up(struct agent_group *g, bool is_up)
{
	char name[GROUP_NAME_STR_MAX];

	if (!is_up && !g->is_warned)
		env_log(g->env, LOG_LEVEL_WARN,
			"agent: the anycast proxy gets no answer through the tunnel, no "
			"packets will come group=%s",
			group_name_str(&g->name, name));
	g->is_warned = !is_up;
}

static void on_refreshed(struct agent_group *g, const struct server_ack *a)
{
	if (!a->lease_ms || !a->refresh_ms)
		return;
	g->ap = a->join_ap;
	if (a->ticket_len) {
		g->ticket_len = a->ticket_len;
		memcpy(g->ticket, a->ticket, a->ticket_len);
	}
	note_via(g, a);
	note_up(g, a->is_up);
	hold(g, a->lease_ms, a->refresh_ms);
}

static void on_ack(struct agent_group *g, const struct server_ack *a)
{
	if (g->is_leaving) {
		if (a->status != SERVER_ACK_OK)
			finish_leave(g);
		return;
	}
	switch (a->status) {
	case SERVER_ACK_OK:
		on_refreshed(g, a);
		break;
	case SERVER_ACK_LEFT:
		break;
	case SERVER_ACK_UNKNOWN:
		lose(g, 0, NULL);
		break;
	case SERVER_ACK_SUPERSEDED:
		if (a->known <= *g->seq)
			break; /* by a later datagram of our own */
		lose(g, PIAS_EEXISTS,
		     "another server with the same key took the membership over: give "
		     "each server a certificate of its own");
		break;
	}
}

bool agent_group_on_ack(struct agent_group *g, struct server_ack *a)
{
	if (!g->first_seq || a->seq < g->first_seq || a->seq > g->last_seq)
		return false;
	if (server_ack_open(a, g->seal)) {
		count(g->env, drop_seal_forged);
		return true;
	}
	on_ack(g, a);
	return true;
}

/* PROBE */

void agent_group_on_probe(struct agent_group *g, const uint8_t *data, size_t len)
{
	uint8_t out[SERVER_ECHO_LEN];
	struct server_probe p;
	struct server_echo e;
	int err;

	if (g->state != AGENT_PROVE && g->state != AGENT_JOINED) {
		count(g->env, drop_server_datagram);
		return;
	}
	err = server_probe_decode(&p, data, len, g->probe_key);
	if (err == PIAS_EAUTH)
		count(g->env, drop_seal_forged);
	else if (err)
		count(g->env, drop_server_datagram);
	if (err)
		return;
	e = (struct server_echo){p.session, p.stamp, p.token, NULL};
	len = server_echo_encode(out, &e, g->probe_key);
	g->env->ops->datagram(g->env->host, &p.reply, out, len);
}
