/*
 * Finding an AP and joining through it. One search serves all groups that want to be
 * joined: a HELLO to their anycast addresses in turn until a COOKIE with our nonce
 * comes back, a TLS link to the AP that it names, a JOIN for each group, and the link
 * is closed when all have their answer. Whatever fails is tried again from the HELLO,
 * after a pause that grows, so that it may lead to another AP. Leases are kept in
 * agent_group.c, and groups that lose theirs want again.
 */
#include "rendezvous/agent.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/base/frame.h"
#include "rendezvous/agent_group.h"

#define HELLO_RETRY_MIN (200 * MSEC)
#define HELLO_RETRY_MAX (2 * SEC)
#define HELLO_TELL	5 /* unanswered ones: worth a word */
#define DIAL_PATIENCE	(5 * SEC)
#define JOIN_PATIENCE	(5 * SEC)
#define PAUSE_MIN	(250 * MSEC)
#define PAUSE_MAX	(15 * SEC)
#define PAUSE_DOUBLINGS 6

enum search {
	SEARCH_NONE,
	SEARCH_HELLO, /* HELLOs are out */
	SEARCH_DIAL,  /* the link to the AP of the COOKIE is being opened */
	SEARCH_JOIN,  /* JOINs are out on the link */
	SEARCH_PAUSE,
};

struct agent {
	struct env *env;
	const struct agent_ops *ops;
	void *ctx;
	struct addr unicast;
	uint64_t gue_cookie;
	pias_time lease;
	uint16_t mtu;
	uint8_t encap;
	bool create;
	struct server_mark mark;
	uint64_t seq;
	enum search search;
	struct timer timer; /* of the search */
	unsigned n_hellos;  /* in this search */
	unsigned n_failed;  /* searches in a row */
	uint64_t nonce;	    /* of this search's HELLOs */
	struct server_cookie cookie;
	uint32_t link; /* in SEARCH_JOIN */
	unsigned n_groups;
	struct agent_group group[];
};

static void on_timer(void *ctx);
static void on_lost(void *ctx, struct agent_group *g, int err, const char *why);
static void on_left(void *ctx, struct agent_group *g);

static const struct agent_group_ops group_ops = {.lost = on_lost, .left = on_left};

struct agent *agent_new(struct env *env, const struct agent_config *config,
			const struct agent_ops *ops, void *ctx)
{
	struct agent *a;
	unsigned i;

	assert(config->n_groups && config->n_groups <= AGENT_GROUPS_MAX);
	a = calloc(1, sizeof(*a) + config->n_groups * sizeof(a->group[0]));
	if (!a)
		return NULL;
	a->env = env;
	a->ops = ops;
	a->ctx = ctx;
	a->unicast = config->unicast;
	a->gue_cookie = config->cookie;
	a->lease = config->lease;
	a->mtu = config->mtu;
	a->encap = config->encap;
	a->create = config->create;
	a->n_groups = config->n_groups;
	a->seq = config->start;
	if (config->encap == ENCAP_IPIP)
		a->unicast.port = 0;
	server_mark_init(&a->mark, config->ring);
	timer_init(&a->timer, on_timer, a);
	for (i = 0; i < config->n_groups; i++)
		agent_group_init(&a->group[i], env, &a->seq, &config->group[i],
				 config->probe_port[i], config->unicast.family,
				 &group_ops, a);
	return a;
}

void agent_free(struct agent *a)
{
	unsigned i;

	if (!a)
		return;
	timer_stop(&a->env->timers, &a->timer);
	for (i = 0; i < a->n_groups; i++)
		agent_group_fini(&a->group[i]);
	free(a);
}

static void arm(struct agent *a, pias_time in)
{
	timer_set(&a->env->timers, &a->timer, a->env->now + in);
}

static unsigned index_of(const struct agent *a, const struct agent_group *g)
{
	return (unsigned)(g - a->group);
}

static void enter(struct agent *a, struct agent_group *g, enum agent_state state)
{
	if (g->state == state)
		return;
	g->state = state;
	a->ops->state(a->ctx, index_of(a, g), state);
}

static bool is_in_search(const struct agent_group *g)
{
	return g->state == AGENT_HELLO || g->state == AGENT_LINK ||
	       g->state == AGENT_PROVE;
}

/* All groups of this search go on to @state. */
static void enter_all(struct agent *a, enum agent_state state)
{
	unsigned i;

	for (i = 0; i < a->n_groups; i++)
		if (a->group[i].wants && is_in_search(&a->group[i]))
			enter(a, &a->group[i], state);
}

/* Searching */

/* The @n-th group that wants, in turn; NULL if none does. */
static struct agent_group *wanting(struct agent *a, unsigned n)
{
	unsigned i, n_wanting = 0;

	for (i = 0; i < a->n_groups; i++)
		n_wanting += a->group[i].wants;
	if (!n_wanting)
		return NULL;
	n %= n_wanting;
	for (i = 0; !a->group[i].wants || n--; i++)
		;
	return &a->group[i];
}

static void send_hello(struct agent *a)
{
	struct server_hello h = {.nonce = a->nonce};
	struct addr to = group_name_addr(&wanting(a, a->n_hellos)->name);
	pias_time retry = HELLO_RETRY_MAX;
	uint8_t out[SERVER_HELLO_LEN];
	size_t len;

	if (a->n_hellos < 4)
		retry = HELLO_RETRY_MIN << a->n_hellos;
	a->n_hellos++;
	arm(a, env_jitter(a->env, retry));
	to.port = CONTROL_PORT;
	len = server_hello_encode(out, &h, &a->mark);
	a->env->ops->datagram(a->env->host, &to, out, len);
}

static void start_search(struct agent *a)
{
	unsigned i;

	if (!wanting(a, 0)) {
		a->search = SEARCH_NONE;
		return;
	}
	a->search = SEARCH_HELLO;
	a->nonce = env_random_u64(a->env);
	a->n_hellos = 0;
	send_hello(a);
	for (i = 0; i < a->n_groups; i++)
		if (a->group[i].wants)
			enter(a, &a->group[i], AGENT_HELLO);
}

/* After a pause, if anybody still wants. */
static void search_later(struct agent *a)
{
	unsigned n = a->n_failed < PAUSE_DOUBLINGS ? a->n_failed : PAUSE_DOUBLINGS;
	pias_time pause = PAUSE_MIN << n;

	a->n_failed++;
	a->search = SEARCH_PAUSE;
	arm(a, env_jitter(a->env, pause < PAUSE_MAX ? pause : PAUSE_MAX));
}

static void leave_search(struct agent *a, struct agent_group *g)
{
	enter(a, g, g->was_joined ? AGENT_LOST : AGENT_IDLE);
}

/* The search came to nothing for every group still in it. */
static void fail_search(struct agent *a, int err, const char *why)
{
	unsigned i;

	search_later(a);
	for (i = 0; i < a->n_groups; i++) {
		struct agent_group *g = &a->group[i];

		if (!g->wants || !is_in_search(g))
			continue;
		leave_search(a, g);
		a->ops->refused(a->ctx, i, err, why, false);
	}
}

static void close_link(struct agent *a)
{
	a->env->ops->link_close(a->env->host, a->link);
}

static void on_hello_timer(struct agent *a)
{
	unsigned i, n = a->n_hellos;

	send_hello(a);
	if (n != HELLO_TELL)
		return;
	for (i = 0; i < a->n_groups; i++)
		if (a->group[i].wants)
			a->ops->refused(
				a->ctx, i, PIAS_ETIMEOUT,
				"no answer from an anycast proxy of this ring on UDP port "
				"7427 of the group's address; still trying (is the address "
				"in a prefix of the ring, and routed? does a firewall drop "
				"UDP 7427?)",
				false);
}

static void on_timer(void *ctx)
{
	struct agent *a = ctx;

	switch (a->search) {
	case SEARCH_NONE:
		break;
	case SEARCH_HELLO:
		on_hello_timer(a);
		break;
	case SEARCH_DIAL:
		fail_search(a, PIAS_ETIMEOUT,
			    "the anycast proxy did not answer on TCP port 7427");
		break;
	case SEARCH_JOIN:
		close_link(a);
		fail_search(a, PIAS_ETIMEOUT,
			    "the anycast proxy took too long to decide");
		break;
	case SEARCH_PAUSE:
		start_search(a);
		break;
	}
}

void agent_start(struct agent *a)
{
	unsigned i;

	for (i = 0; i < a->n_groups; i++)
		a->group[i].wants = true;
	start_search(a);
}

static void stop_search(struct agent *a)
{
	enum search before = a->search;

	a->search = SEARCH_NONE;
	timer_stop(&a->env->timers, &a->timer);
	if (before == SEARCH_JOIN)
		close_link(a);
}

void agent_leave(struct agent *a)
{
	unsigned i;

	stop_search(a);
	for (i = 0; i < a->n_groups; i++)
		agent_group_leave(&a->group[i]);
}

/* From a group */

static void on_lost(void *ctx, struct agent_group *g, int err, const char *why)
{
	struct agent *a = ctx;
	unsigned i = index_of(a, g);

	if (a->search == SEARCH_NONE)
		search_later(a);
	a->ops->state(a->ctx, i, AGENT_LOST);
	if (err)
		a->ops->refused(a->ctx, i, err, why, false);
}

static void on_left(void *ctx, struct agent_group *g)
{
	struct agent *a = ctx;

	a->ops->state(a->ctx, index_of(a, g), AGENT_LEFT);
}

/* COOKIE and the link */

/* Addresses of a family that we have for sure, if there is any. */
static void usable_addrs(const struct agent *a, const struct addr *from,
			 struct addr out[2])
{
	const struct addr *ap = a->cookie.ap.addr;
	bool v4 = from->family == ADDR_V4 || a->unicast.family == ADDR_V4;
	bool v6 = from->family == ADDR_V6 || a->unicast.family == ADDR_V6;

	out[0] = ap[0];
	out[1] = ap[1];
	if (!v4 && !addr_is_none(&ap[1]))
		out[0] = (struct addr){0};
	if (!v6 && !addr_is_none(&ap[0]))
		out[1] = (struct addr){0};
}

static void on_cookie(struct agent *a, const struct addr *from, const uint8_t *data,
		      size_t len)
{
	static const struct id anybody;
	struct server_cookie c;
	struct addr addr[2];

	if (server_cookie_decode(&c, data, len, &a->mark) || !contact_has_addr(&c.ap)) {
		count(a->env, drop_server_datagram);
		return;
	}
	if (a->search != SEARCH_HELLO || c.nonce != a->nonce) {
		count(a->env, drop_hello_cookie);
		return;
	}
	a->cookie = c;
	a->search = SEARCH_DIAL;
	arm(a, DIAL_PATIENCE);
	usable_addrs(a, from, addr);
	a->env->ops->dial(a->env->host, &anybody, addr);
	enter_all(a, AGENT_LINK);
}

static void on_ack(struct agent *a, const uint8_t *data, size_t len)
{
	struct server_ack ack;
	unsigned i;

	if (!server_ack_decode(&ack, data, len))
		for (i = 0; i < a->n_groups; i++)
			if (agent_group_on_ack(&a->group[i], &ack))
				return;
	count(a->env, drop_server_datagram);
}

void agent_on_datagram(struct agent *a, const struct addr *from, const uint8_t *data,
		       size_t len)
{
	switch (len ? data[0] : 0) {
	case MSG_SERVER_COOKIE:
		on_cookie(a, from, data, len);
		break;
	case MSG_SERVER_ACK:
		on_ack(a, data, len);
		break;
	default:
		count(a->env, drop_server_datagram);
	}
}

void agent_on_probe(struct agent *a, unsigned i, const struct addr *from,
		    const uint8_t *data, size_t len)
{
	agent_group_on_probe(&a->group[i], data, len);
}

/* JOIN */

static int send_join(struct agent *a, struct agent_group *g)
{
	uint8_t out[SERVER_FRAME_MAX];
	struct server_join m = {
		.nonce = a->nonce,
		.seen = a->cookie.seen,
		.group = g->name,
		.create = a->create,
		.policy = POLICY_NEAREST,
		.encap = a->encap,
		.unicast = a->unicast,
		.gue_cookie = a->gue_cookie,
		.mtu = a->mtu,
		.probe_port = g->probe_port,
		.lease_ms = (uint32_t)(a->lease / MSEC),
	};
	int err = agent_group_rekey(g);
	size_t len;

	if (err)
		return err;
	m.seq = ++a->seq;
	memcpy(m.cookie, a->cookie.cookie, sizeof(m.cookie));
	memcpy(m.key, g->key, sizeof(m.key));
	len = server_join_encode(out, &m);
	crypto_wipe(m.key, sizeof(m.key));
	a->env->ops->link_send(a->env->host, a->link, out, len);
	crypto_wipe(out, sizeof(out));
	return 0;
}

int agent_on_link_up(struct agent *a, uint32_t link, const struct id *ap)
{
	unsigned i;

	if (a->search != SEARCH_DIAL)
		return PIAS_ESTATE;
	if (!id_eq(ap, &a->cookie.ap.id)) {
		fail_search(
			a, PIAS_EAUTH,
			"another anycast proxy answered than the one that was dialed");
		return PIAS_EAUTH;
	}
	a->search = SEARCH_JOIN;
	a->link = link;
	arm(a, JOIN_PATIENCE);
	for (i = 0; i < a->n_groups; i++)
		if (a->group[i].wants && is_in_search(&a->group[i]) &&
		    send_join(a, &a->group[i])) {
			fail_search(a, PIAS_ENOMEM, error_text(PIAS_ENOMEM));
			return PIAS_ENOMEM;
		}
	enter_all(a, AGENT_PROVE);
	return 0;
}

static struct agent_group *proving(struct agent *a, const struct group_name *name)
{
	unsigned i;

	for (i = 0; i < a->n_groups; i++)
		if (a->group[i].state == AGENT_PROVE &&
		    group_name_eq(&a->group[i].name, name))
			return &a->group[i];
	return NULL;
}

/* When the last group has its answer, the link has served. */
static void end_search_if_done(struct agent *a)
{
	unsigned i;

	for (i = 0; i < a->n_groups; i++)
		if (a->group[i].state == AGENT_PROVE)
			return;
	stop_search(a);
	if (wanting(a, 0))
		search_later(a);
	else
		a->n_failed = 0;
}

static void on_accept(struct agent *a, struct agent_group *g,
		      const struct server_accept *m)
{
	agent_group_accept(g, m, &a->cookie.ap);
	end_search_if_done(a);
	a->ops->state(a->ctx, index_of(a, g), AGENT_JOINED);
}

static void on_refuse(struct agent *a, struct agent_group *g,
		      const struct server_refuse *m)
{
	unsigned i = index_of(a, g);

	if (m->seq > a->seq)
		a->seq = m->seq; /* our clock went back since an earlier run */
	if (m->is_final)
		g->wants = false;
	/* Once may be loss; twice is broken, and there are three tries a minute. */
	if (m->err == PIAS_ETUNNEL && a->n_failed)
		a->n_failed = PAUSE_DOUBLINGS;
	g->state = g->was_joined ? AGENT_LOST : AGENT_IDLE;
	end_search_if_done(a);
	a->ops->state(a->ctx, i, g->state);
	a->ops->refused(a->ctx, i, m->err, m->text, m->is_final);
}

int agent_on_frame(struct agent *a, uint32_t link, const uint8_t *frame, size_t len)
{
	const uint8_t *body = frame + FRAME_HEADER_LEN;
	struct server_accept accept;
	struct server_refuse refuse;
	struct agent_group *g = NULL;
	int err = PIAS_EMALFORMED;

	if (a->search != SEARCH_JOIN || link != a->link)
		return 0; /* closed already */
	if (frame_length(frame, len) != (int)len)
		return PIAS_EMALFORMED;
	len -= FRAME_HEADER_LEN;
	if (frame[2] == MSG_SERVER_ACCEPT) {
		err = server_accept_decode(&accept, body, len);
		g = err ? NULL : proving(a, &accept.group);
		if (g)
			on_accept(a, g, &accept);
	} else if (frame[2] == MSG_SERVER_REFUSE) {
		err = server_refuse_decode(&refuse, body, len);
		g = err ? NULL : proving(a, &refuse.group);
		if (g)
			on_refuse(a, g, &refuse);
	}
	if (err) {
		count(a->env, drop_message_malformed);
		fail_search(a, err, "the anycast proxy's answer makes no sense");
	}
	return err;
}

void agent_on_link_down(struct agent *a, uint32_t link)
{
	if (a->search == SEARCH_JOIN && link == a->link)
		fail_search(
			a, PIAS_EUNREACH,
			"the anycast proxy closed the connection without an answer; "
			"its log says why (often: it does not accept the certificate)");
}

void agent_on_dial_failed(struct agent *a, const struct addr addr[2], int why,
			  const char *text)
{
	if (a->search == SEARCH_DIAL)
		fail_search(a, why, text);
}

/* Status */

enum agent_state agent_group_state(const struct agent *a, unsigned i)
{
	return a->group[i].state;
}

pias_time agent_lease_left(const struct agent *a, unsigned i)
{
	const struct agent_group *g = &a->group[i];

	return g->state == AGENT_JOINED ? g->expires - a->env->now : 0;
}

const struct contact *agent_ap(const struct agent *a, unsigned i)
{
	return a->group[i].state == AGENT_JOINED ? &a->group[i].ap : NULL;
}
