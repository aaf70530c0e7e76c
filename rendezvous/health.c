/*
 * A probe is {session, stamp, token, where to echo to}, tagged with the session's key:
 * the server answers nobody else. The stamp is our clock, so that an echo gives the
 * round-trip time and its age without any list of probes under way; the token, a hash
 * of session and stamp under a key that never leaves this AP, makes an echo proof that
 * the probe arrived where it was sent to: a server that claims somebody else's address
 * knows the session's key, but not the token.
 */
#include "rendezvous/health.h"

#include <string.h>

#define CHALLENGE_PERIOD (150 * MSEC)
#define CHALLENGE_PROBES 4
#define CHALLENGE_TIME	 (1500 * MSEC) /* also servers behind satellites are met */
#define DOWN_PERIOD	 (1 * SEC)
#define ECHO_AGE_MAX	 (2 * SEC)

static void on_timer(void *ctx);

void prober_init(struct prober *p, struct env *env, const struct contact *self,
		 pias_time period, unsigned misses, const struct health_ops *ops,
		 void *ctx)
{
	memset(p, 0, sizeof(*p));
	p->env = env;
	p->self = self;
	p->period = period;
	p->misses = misses;
	p->ops = ops;
	p->ctx = ctx;
	env_random(env, &p->token_key, sizeof(p->token_key));
}

void health_init(struct health *h, struct prober *p, uint8_t family,
		 const uint8_t key[static SERVER_KEY_LEN])
{
	memset(h, 0, sizeof(*h));
	h->prober = p;
	h->session = env_random_u64(p->env);
	h->heard_stamp = -1;
	h->family = family;
	memcpy(h->key, key, sizeof(h->key));
	timer_init(&h->timer, on_timer, h);
}

void health_stop(struct health *h)
{
	timer_stop(&h->prober->env->timers, &h->timer);
	h->state = HEALTH_OFF;
}

static void arm(struct health *h, pias_time in)
{
	timer_set(&h->prober->env->timers, &h->timer, h->prober->env->now + in);
}

static uint64_t token(const struct health *h, uint64_t stamp)
{
	uint64_t word[2] = {h->session, stamp};

	return siphash_words(&h->prober->token_key, word, 2);
}

/* Callers have set the timer before: the operation comes last. */
static void send_probe(struct health *h)
{
	struct prober *p = h->prober;
	uint8_t out[SERVER_PROBE_MAX];
	struct server_probe probe = {
		.session = h->session,
		.stamp = (uint64_t)p->env->now,
		.token = token(h, (uint64_t)p->env->now),
		.reply = p->self->addr[h->family == ADDR_V6],
	};
	size_t len = server_probe_encode(out, &probe, h->key);

	h->sent_at = p->env->now;
	if (!h->unanswered)
		h->silent_since = p->env->now;
	if (h->unanswered < UINT8_MAX)
		h->unanswered++;
	p->ops->send(p->ctx, h, out, len);
}

void health_challenge(struct health *h)
{
	h->state = HEALTH_CHALLENGE;
	h->unanswered = 0;
	arm(h, CHALLENGE_PERIOD);
	send_probe(h);
}

static void on_challenge_timer(struct health *h)
{
	struct prober *p = h->prober;

	pias_time left = h->silent_since + CHALLENGE_TIME - p->env->now;

	if (h->unanswered < CHALLENGE_PROBES) {
		arm(h, CHALLENGE_PERIOD);
		send_probe(h);
		return;
	}
	if (left > 0) {
		arm(h, left);
		return;
	}
	h->state = HEALTH_OFF;
	p->ops->challenged(p->ctx, h);
}

/* Far servers get the time that they need, up to the whole period. */
static pias_time patience(const struct health *h)
{
	pias_time period = h->prober->period, least = period * 3 / 4;
	pias_time need = 2 * (pias_time)h->rtt_us;

	if (need < least)
		return least;
	return need < period ? need : period;
}

static void on_up_timer(struct health *h)
{
	struct prober *p = h->prober;

	/* So far away that the echo of the first one can still be on its way? */
	bool is_early = p->env->now - h->silent_since < 2 * (pias_time)h->rtt_us;

	if (h->unanswered < p->misses || is_early) {
		arm(h, patience(h));
		send_probe(h);
		return;
	}
	h->state = HEALTH_DOWN;
	arm(h, DOWN_PERIOD);
	p->ops->changed(p->ctx, h);
}

static void on_timer(void *ctx)
{
	struct health *h = ctx;

	switch ((enum health_state)h->state) {
	case HEALTH_OFF:
		break;
	case HEALTH_CHALLENGE:
		on_challenge_timer(h);
		break;
	case HEALTH_UP:
		on_up_timer(h);
		break;
	case HEALTH_DOWN:
		arm(h, DOWN_PERIOD);
		send_probe(h);
		break;
	}
}

/*
 * How far away it is, not how busy both ends are: falls by half of what a sample is
 * below, rises by an eighth of what one is above.
 */
static void sample_rtt(struct health *h, pias_time rtt)
{
	uint32_t us = rtt > 0 ? (uint32_t)rtt : 1;

	if (!h->rtt_us || us < h->rtt_us)
		h->rtt_us = h->rtt_us ? h->rtt_us - (h->rtt_us - us) / 2 : us;
	else
		h->rtt_us += (us - h->rtt_us) / 8;
}

static void on_heard(struct health *h)
{
	struct prober *p = h->prober;
	enum health_state before = h->state;
	pias_time next = h->sent_at + p->period;

	h->state = HEALTH_UP;
	h->unanswered = 0;
	timer_set(&p->env->timers, &h->timer, next > p->env->now ? next : p->env->now);
	if (before == HEALTH_CHALLENGE)
		p->ops->challenged(p->ctx, h);
	else if (before == HEALTH_DOWN)
		p->ops->changed(p->ctx, h);
	else
		p->ops->measured(p->ctx, h);
}

void health_on_echo(struct health *h, const struct server_echo *e)
{
	struct env *env = h->prober->env;
	pias_time stamp = (pias_time)e->stamp;

	if (!server_echo_is_authentic(e, h->key) || e->token != token(h, e->stamp)) {
		count(env, drop_echo);
		return;
	}
	/* From here on the stamp is one that we gave. */
	if (h->state == HEALTH_OFF || stamp <= h->heard_stamp ||
	    env->now - stamp > ECHO_AGE_MAX) {
		count(env, drop_echo);
		return;
	}
	h->heard_stamp = stamp;
	sample_rtt(h, env->now - stamp);
	on_heard(h);
}

/* Its token is none of ours: an echo of it proves nothing here. */
size_t health_lend(const struct health *h, uint64_t session, const struct addr *reply,
		   uint8_t out[static SERVER_PROBE_MAX])
{
	struct env *env = h->prober->env;
	struct server_probe probe = {
		.session = session,
		.stamp = (uint64_t)env->now,
		.token = env_random_u64(env),
		.reply = *reply,
	};

	if (h->state != HEALTH_UP)
		return 0;
	return server_probe_encode(out, &probe, h->key);
}
