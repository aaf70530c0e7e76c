/*
 * Probes in flight. Each goes out as a datagram, again when that is overdue; then
 * three helpers are asked and a last copy goes by the link, which finds out where only
 * datagrams are lost, or where the other end restarted and the link is a corpse. Only
 * when that fails, too, is the peer reported; an answer that comes later still counts
 * as hearing from it, and teaches us its true round-trip time.
 *
 * Lifeguard's point: before blaming others, doubt yourself. `doubt` grows when our own
 * timers run late or verdicts fall, shrinks with every answer, and stretches all
 * timeouts. A flight whose timer ran late gets its time again, since the answer may
 * lie unread in front of us.
 */
#include "overlay/probe.h"

#include <stdlib.h>
#include <string.h>

#include "overlay/gauge.h"
#include "overlay/message.h"

#define NEIGHBOURS_MAX 16
#define HELPERS	       3
#define FLIGHTS_MAX    128 /* own probes */
#define ASKED_MAX      64  /* probes for others */
#define DOUBT_MAX      8
#define UNLINKED_WAIT  (3 * SEC)     /* where the link must be dialed first */
#define LATE_WAIT      (10 * SEC)    /* an answer this late is still one */
#define STALL	       (100 * MSEC)  /* a timer this late: the host stood still */
#define ERROR_TRUSTED  0.5f	     /* of a coordinate, for its prediction to count */
#define STALLS_MAX     3	     /* second chances of one flight */
#define COPY_MASK      ((uint64_t)3) /* of a nonce: which copy was answered */
#define COPY_LINK      2	     /* 0 and 1: the datagrams */

enum flight_state {
	FLIGHT_DIRECT,
	FLIGHT_INDIRECT,
	FLIGHT_LATE, /* reported as unanswered */
};

struct flight {
	struct flight *next;
	struct probes *probes;
	struct contact who;
	enum flight_state state;
	uint64_t nonce; /* of copy 0 */
	pias_time timeout;
	/* Of the datagrams; PIAS_NEVER = not sent, or waited for a link. */
	pias_time sent_at[2];
	bool is_resent;
	uint8_t n_stalls;
	uint8_t n_helpers;
	struct id helper[HELPERS];
	bool is_asked; /* on behalf of asker */
	struct contact asker;
	uint64_t asker_nonce;
	struct timer timer;
};

struct probes {
	struct env *env;
	struct peers *peers;
	struct contact self;
	uint64_t incarnation;
	pias_time period;
	const struct probes_ops *ops;
	void *ctx;
	struct timer timer;
	struct gauges gauges;
	struct coord coord;	/* as the samples have it */
	struct coord published; /* moves in steps */
	struct flight *flights;
	unsigned n_own, n_asked;
	unsigned doubt;
};

static void on_period(void *ctx);

struct probes *probes_new(struct env *env, struct peers *peers,
			  const struct contact *self, uint64_t incarnation,
			  pias_time period, const struct probes_ops *ops, void *ctx)
{
	struct probes *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->env = env;
	p->peers = peers;
	p->self = *self;
	p->incarnation = incarnation;
	p->period = period;
	p->ops = ops;
	p->ctx = ctx;
	timer_init(&p->timer, on_period, p);
	gauges_init(&p->gauges);
	coord_init(&p->coord);
	p->published = p->coord;
	return p;
}

static void flight_free(struct flight *f)
{
	struct probes *p = f->probes;
	struct flight **at = &p->flights;

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	if (f->is_asked)
		p->n_asked--;
	else
		p->n_own--;
	timer_stop(&p->env->timers, &f->timer);
	free(f);
}

void probes_free(struct probes *p)
{
	if (!p)
		return;
	while (p->flights)
		flight_free(p->flights);
	timer_stop(&p->env->timers, &p->timer);
	gauges_fini(&p->gauges);
	free(p);
}

void probes_set_incarnation(struct probes *p, uint64_t incarnation)
{
	p->incarnation = incarnation;
}

/* The probe of @id that has not been judged yet. */
static struct flight *own_flight(const struct probes *p, const struct id *id)
{
	struct flight *f;

	for (f = p->flights; f; f = f->next)
		if (!f->is_asked && f->state != FLIGHT_LATE && id_eq(&f->who.id, id))
			return f;
	return NULL;
}

static struct flight *flight_by_nonce(const struct probes *p, uint64_t nonce)
{
	struct flight *f;

	for (f = p->flights; f; f = f->next)
		if (f->nonce == (nonce & ~COPY_MASK))
			return f;
	return NULL;
}

/* Coordinates that know nothing yet all lie in one place, near to everybody. */
static uint32_t predicted_us(const struct probes *p, const struct gauge *g)
{
	if (p->coord.error > ERROR_TRUSTED || g->coord.error > ERROR_TRUSTED)
		return 0;
	return coord_rtt_us(&p->coord, &g->coord);
}

/* From what we know of @id, stretched by doubt. */
static pias_time stretched(const struct probes *p, const struct id *id,
			   pias_time (*fn)(const struct rtt *r, uint32_t predicted_us))
{
	static const struct rtt unknown;
	const struct gauge *g = gauge_find(&p->gauges, id);

	return (1 + p->doubt) * (g ? fn(&g->rtt, predicted_us(p, g)) : fn(&unknown, 0));
}

static void grow_doubt(struct probes *p)
{
	if (p->doubt < DOUBT_MAX)
		p->doubt++;
}

static void send_probe(struct probes *p, const struct contact *to, uint8_t type,
		       uint64_t nonce, bool by_link)
{
	struct msg_probe m = {
		.nonce = nonce,
		.incarnation = p->incarnation,
		.by_link = by_link,
		.coord = p->coord,
	};
	uint8_t body[MSG_PROBE_LEN];
	struct wr w;

	wr_init(&w, body, sizeof(body));
	msg_probe_write(&w, &m);
	if (by_link)
		peers_send(p->peers, to, type, body, wr_len(&w));
	else
		peers_send_datagram(p->peers, to, type, body, wr_len(&w));
}

static void send_copy(struct flight *f, unsigned copy)
{
	struct probes *p = f->probes;

	count(p->env, probes_out);
	if (copy != COPY_LINK && peers_has_link(p->peers, &f->who.id))
		f->sent_at[copy] = p->env->now;
	send_probe(p, &f->who, MSG_PROBE, f->nonce | copy, copy == COPY_LINK);
}

static void on_flight_timer(void *ctx);

static void flight_wait(struct flight *f, pias_time t)
{
	struct env *env = f->probes->env;

	timer_set(&env->timers, &f->timer, env->now + t);
}

static struct flight *flight_start(struct probes *p, const struct contact *who)
{
	struct flight *f = calloc(1, sizeof(*f));
	pias_time resend;

	if (!f) {
		count(p->env, drop_no_memory);
		return NULL;
	}
	f->probes = p;
	f->who = *who;
	f->nonce = env_random_u64(p->env) & ~COPY_MASK;
	f->sent_at[0] = f->sent_at[1] = PIAS_NEVER;
	f->timeout = stretched(p, &who->id, rtt_timeout);
	resend = stretched(p, &who->id, rtt_resend);
	if (!peers_has_link(p->peers, &who->id) && f->timeout < UNLINKED_WAIT) {
		f->timeout = UNLINKED_WAIT;
		resend = UNLINKED_WAIT / 2;
	}
	timer_init(&f->timer, on_flight_timer, f);
	f->next = p->flights;
	p->flights = f;
	send_copy(f, 0);
	flight_wait(f, resend);
	return f;
}

static void ask_helpers(struct flight *f)
{
	struct probes *p = f->probes;
	struct msg_probe_ask m = {.nonce = f->nonce, .subject = f->who};
	struct contact helper[HELPERS];
	uint8_t body[MSG_PROBE_ASK_MAX];
	struct wr w;
	unsigned i, n = p->ops->helpers(p->ctx, &f->who.id, helper, HELPERS);

	wr_init(&w, body, sizeof(body));
	msg_probe_ask_write(&w, &m);
	for (i = 0; i < n; i++) {
		count(p->env, probes_indirect);
		f->helper[i] = helper[i].id;
		peers_send_datagram(p->peers, &helper[i], MSG_PROBE_ASK, body,
				    wr_len(&w));
	}
	f->n_helpers = (uint8_t)n;
}

static void enter_indirect(struct flight *f)
{
	struct probes *p = f->probes;

	count(p->env, probes_lost);
	f->state = FLIGHT_INDIRECT;
	ask_helpers(f);
	if (peers_has_link(p->peers, &f->who.id))
		send_copy(f, COPY_LINK);
	flight_wait(f, 2 * stretched(p, &f->who.id, rtt_timeout));
}

static void enter_late(struct flight *f)
{
	struct probes *p = f->probes;
	struct contact who = f->who;

	f->state = FLIGHT_LATE;
	flight_wait(f, LATE_WAIT);
	grow_doubt(p);
	p->ops->unanswered(p->ctx, &who);
}

static void on_direct_timeout(struct flight *f)
{
	if (!f->is_resent) {
		f->is_resent = true;
		send_copy(f, 1);
		flight_wait(f, f->timeout / 2);
	} else if (f->is_asked) {
		flight_free(f); /* the asker judges by our silence */
	} else {
		enter_indirect(f);
	}
}

static void on_flight_timer(void *ctx)
{
	struct flight *f = ctx;
	struct probes *p = f->probes;

	if (f->state != FLIGHT_LATE && p->env->now - f->timer.at > STALL &&
	    f->n_stalls < STALLS_MAX) {
		f->n_stalls++;
		flight_wait(f, f->timeout / 2);
		return;
	}
	switch (f->state) {
	case FLIGHT_DIRECT:
		on_direct_timeout(f);
		break;
	case FLIGHT_INDIRECT:
		enter_late(f);
		break;
	case FLIGHT_LATE:
		flight_free(f);
		break;
	}
}

static void probe(struct probes *p, const struct contact *who)
{
	if (own_flight(p, &who->id))
		return;
	if (p->n_own >= FLIGHTS_MAX) {
		count(p->env, drop_probe_full);
		return;
	}
	if (flight_start(p, who))
		p->n_own++;
}

static void on_period(void *ctx)
{
	struct probes *p = ctx;
	struct contact who[NEIGHBOURS_MAX];
	unsigned i, n;

	if (p->env->now - p->timer.at > STALL)
		grow_doubt(p);
	timer_set(&p->env->timers, &p->timer,
		  p->env->now + env_jitter(p->env, p->period));
	n = p->ops->neighbours(p->ctx, who, NEIGHBOURS_MAX - 1);
	n += p->ops->next_target(p->ctx, &who[n]);
	for (i = 0; i < n; i++)
		probe(p, &who[i]);
}

void probes_start(struct probes *p)
{
	timer_set(&p->env->timers, &p->timer,
		  p->env->now + env_jitter(p->env, p->period));
}

void probes_now(struct probes *p, const struct contact *who)
{
	struct flight *f = own_flight(p, &who->id);

	if (f && f->state == FLIGHT_DIRECT && !peers_has_link(p->peers, &who->id))
		enter_indirect(f);
	else
		probe(p, who);
}

void probes_forget(struct probes *p, const struct id *id)
{
	struct flight *f, *next;

	for (f = p->flights; f; f = next) {
		next = f->next;
		if (!f->is_asked && id_eq(&f->who.id, id))
			flight_free(f);
	}
	gauge_forget(&p->gauges, id);
}

static int on_probe(struct probes *p, const struct contact *from, struct rd *body)
{
	struct msg_probe m;

	if (msg_probe_read(body, &m))
		return PIAS_EMALFORMED;
	gauge_heard(&p->gauges, &from->id, &m.coord, p->env->now);
	send_probe(p, from, MSG_PROBE_ACK, m.nonce, m.by_link);
	p->ops->heard(p->ctx, from, m.incarnation);
	return 0;
}

/* One more sample to @f's peer. */
static void learn(struct probes *p, const struct flight *f, const struct msg_probe *m)
{
	struct gauge *g = gauge_heard(&p->gauges, &f->who.id, &m->coord, p->env->now);
	unsigned copy = (unsigned)(m->nonce & COPY_MASK);
	uint32_t rtt_us;

	if (!g || copy >= COPY_LINK || f->sent_at[copy] == PIAS_NEVER)
		return;
	rtt_us = rtt_add(&g->rtt, p->env->now - f->sent_at[copy]);
	coord_update(&p->coord, &m->coord, rtt_us, p->env);
	if (coord_has_moved(&p->published, &p->coord))
		p->published = p->coord;
}

/* It is just slow: the probe after the one now answered deserves more time, too. */
static void be_patient(struct probes *p, const struct id *id)
{
	struct flight *f = own_flight(p, id);

	if (!f)
		return;
	f->timeout = stretched(p, id, rtt_timeout);
	flight_wait(f, f->timeout);
}

static void answer_asker(const struct probes *p, const struct contact *asker,
			 uint64_t nonce, uint64_t incarnation)
{
	struct msg_probe_ask_ack m = {.nonce = nonce, .incarnation = incarnation};
	uint8_t body[MSG_PROBE_ASK_ACK_LEN];
	struct wr w;

	wr_init(&w, body, sizeof(body));
	msg_probe_ask_ack_write(&w, &m);
	peers_send_datagram(p->peers, asker, MSG_PROBE_ASK_ACK, body, wr_len(&w));
}

static int on_ack(struct probes *p, const struct contact *from, struct rd *body)
{
	struct msg_probe m;
	struct flight *f;

	if (msg_probe_read(body, &m))
		return PIAS_EMALFORMED;
	f = flight_by_nonce(p, m.nonce);
	if (!f || !id_eq(&f->who.id, &from->id)) {
		count(p->env, drop_probe_stray);
		return 0;
	}
	learn(p, f, &m);
	if (p->doubt)
		p->doubt--;
	/* We may know it elsewhere than the asker does, who has another one's address. */
	if (f->is_asked && contact_shares_addr(&f->who, from))
		answer_asker(p, &f->asker, f->asker_nonce, m.incarnation);
	flight_free(f);
	be_patient(p, &from->id);
	p->ops->heard(p->ctx, from, m.incarnation);
	return 0;
}

static int on_ask(struct probes *p, const struct contact *from, struct rd *body)
{
	struct msg_probe_ask m;
	struct flight *f;

	if (msg_probe_ask_read(body, &m))
		return PIAS_EMALFORMED;
	if (id_eq(&m.subject.id, &p->self.id)) {
		if (contact_shares_addr(&m.subject, &p->self))
			answer_asker(p, from, m.nonce, p->incarnation);
		return 0;
	}
	if (p->n_asked >= ASKED_MAX) {
		count(p->env, drop_probe_full);
		return 0;
	}
	f = flight_start(p, &m.subject);
	if (!f)
		return 0;
	f->is_asked = true;
	f->asker = *from;
	f->asker_nonce = m.nonce;
	p->n_asked++;
	return 0;
}

static bool was_asked(const struct flight *f, const struct id *helper)
{
	unsigned i;

	for (i = 0; i < f->n_helpers; i++)
		if (id_eq(&f->helper[i], helper))
			return true;
	return false;
}

static int on_ask_ack(struct probes *p, const struct contact *from, struct rd *body)
{
	struct msg_probe_ask_ack m;
	struct contact subject;
	struct flight *f;

	if (msg_probe_ask_ack_read(body, &m))
		return PIAS_EMALFORMED;
	f = flight_by_nonce(p, m.nonce);
	if (!f || f->nonce != m.nonce || !was_asked(f, &from->id)) {
		count(p->env, drop_probe_stray);
		return 0;
	}
	subject = f->who;
	flight_free(f);
	p->ops->heard(p->ctx, &subject, m.incarnation);
	return 0;
}

int probes_on_message(struct probes *p, const struct contact *from, uint8_t type,
		      struct rd *body)
{
	switch (type) {
	case MSG_PROBE:
		return on_probe(p, from, body);
	case MSG_PROBE_ACK:
		return on_ack(p, from, body);
	case MSG_PROBE_ASK:
		return on_ask(p, from, body);
	case MSG_PROBE_ASK_ACK:
		return on_ask_ack(p, from, body);
	default:
		count(p->env, drop_message_unknown);
		return 0;
	}
}

const struct coord *probes_coord(const struct probes *p)
{
	return &p->published;
}

uint32_t probes_rtt_us(const struct probes *p, const struct id *id)
{
	const struct gauge *g = gauge_find(&p->gauges, id);

	return g ? g->rtt.srtt_us : 0;
}

const struct coord *probes_peer_coord(const struct probes *p, const struct id *id)
{
	const struct gauge *g = gauge_find(&p->gauges, id);

	return g ? &g->coord : NULL;
}

pias_time probes_heard_ago(const struct probes *p, const struct id *id)
{
	const struct gauge *g = gauge_find(&p->gauges, id);

	return g ? p->env->now - g->heard_at : PIAS_NEVER;
}
