/*
 * One seed is asked at a time, in turn. Whatever goes wrong on the way (a seed that is
 * not in a ring itself, a member that died, too many directions) ends in another round,
 * half a second later; there is no state to be stuck in.
 */
#include "overlay/join.h"

#include <string.h>

#define JOIN_PERIOD   (500 * MSEC)
#define JOIN_PATIENCE (3 * SEC)	 /* for one answer, dialing included */
#define CREATE_AFTER  (3 * SEC)	 /* without a ring among the other seeds */
#define QUIET	      (10 * SEC) /* before "not in a ring yet" is reported */
#define REDIRECTS_MAX 16
#define TELL_AGAIN    (60 * SEC)

static void on_timer(void *ctx);
static void on_patience(void *ctx);

void join_init(struct join *j, struct env *env, const struct overlay_config *config,
	       const struct join_ops *ops, void *ctx)
{
	unsigned i;

	memset(j, 0, sizeof(*j));
	j->env = env;
	j->ops = ops;
	j->ctx = ctx;
	j->self = config->self;
	j->incarnation = config->incarnation;
	for (i = 0; i < config->n_seeds && i < OVERLAY_SEEDS_MAX; i++) {
		if (!contact_is_at(&config->self, &config->seed[i]))
			j->seed[j->n_seeds++].addr = config->seed[i];
		else if (!i)
			j->is_first = true;
	}
	timer_init(&j->timer, on_timer, j);
	timer_init(&j->patience, on_patience, j);
}

static void stop(struct join *j)
{
	j->is_done = true;
	j->nonce = 0;
	timer_stop(&j->env->timers, &j->timer);
	timer_stop(&j->env->timers, &j->patience);
}

void join_fini(struct join *j)
{
	stop(j);
}

void join_start(struct join *j)
{
	unsigned i;

	j->started = j->env->now;
	if (!j->n_seeds) {
		stop(j);
		j->ops->create(j->ctx);
		return;
	}
	timer_set(&j->env->timers, &j->timer, j->env->now + JOIN_PERIOD);
	for (i = 0; i < j->n_seeds; i++)
		j->ops->dial_seed(j->ctx, &j->seed[i].addr);
}

static void ask(struct join *j, const struct contact *who)
{
	struct msg_ask m = {.incarnation = j->incarnation};
	uint8_t body[MSG_ASK_LEN];
	struct wr w;

	do
		j->nonce = env_random_u32(j->env);
	while (!j->nonce);
	m.nonce = j->nonce;
	j->asked = *who;
	timer_set(&j->env->timers, &j->patience, j->env->now + JOIN_PATIENCE);
	wr_init(&w, body, sizeof(body));
	msg_ask_write(&w, &m);
	j->ops->send(j->ctx, who, MSG_JOIN, body, wr_len(&w));
}

static void ask_afresh(struct join *j, const struct contact *who)
{
	j->n_redirects = 0;
	ask(j, who);
}

/* This way leads nowhere; the timer tries another. */
static void give_up(struct join *j)
{
	j->nonce = 0;
	timer_stop(&j->env->timers, &j->patience);
}

static void on_patience(void *ctx)
{
	struct join *j = ctx;
	char id[9];

	log_info(j->env, "join: no answer from=%s", id_short(&j->asked.id, id));
	give_up(j);
}

/*
 * Somebody is there and doesn't want us: then there is a ring, most likely, and a second
 * one beside it would serve clients with nothing.
 */
static bool is_refusal(int why)
{
	return why == PIAS_EDENIED || why == PIAS_EDUPLICATE || why == PIAS_ERING ||
	       why == PIAS_EVERSION;
}

static bool may_create(const struct join *j)
{
	unsigned i;

	for (i = 0; i < j->n_seeds; i++)
		if (j->seed[i].refuses_us)
			return false;
	return j->is_first && j->env->now - j->started >= CREATE_AFTER;
}

static void on_timer(void *ctx)
{
	struct join *j = ctx;
	struct join_seed *s;

	timer_set(&j->env->timers, &j->timer,
		  j->env->now + env_jitter(j->env, JOIN_PERIOD));
	if (j->nonce)
		return;
	if (may_create(j)) {
		stop(j);
		j->ops->create(j->ctx);
		return;
	}
	s = &j->seed[j->next_seed++ % j->n_seeds];
	if (contact_has_addr(&s->who))
		ask_afresh(j, &s->who);
	else
		j->ops->dial_seed(j->ctx, &s->addr);
}

void join_on_seed_up(struct join *j, const struct contact *who)
{
	unsigned i;

	if (j->is_done)
		return;
	for (i = 0; i < j->n_seeds; i++) {
		if (!contact_is_at(who, &j->seed[i].addr))
			continue;
		j->seed[i].who = *who;
		j->seed[i].refuses_us = false;
	}
	if (!j->nonce)
		ask_afresh(j, who);
}

/* Say why, but not the same thing again and again. */
static void tell(struct join *j, struct join_seed *s, int err, const char *text)
{
	char addr[ADDR_STR_MAX];

	if (s->told == err && j->env->now - s->told_at < TELL_AGAIN)
		return;
	s->told = err;
	s->told_at = j->env->now;
	log_warn(j->env, "join: seed=%s why=\"%s\"", addr_str(&s->addr, addr), text);
	j->ops->failed(j->ctx, err, text);
}

void join_on_seed_failed(struct join *j, const struct addr *seed, int why,
			 const char *text)
{
	unsigned i;

	for (i = 0; i < j->n_seeds && !j->is_done; i++) {
		if (!addr_eq(&j->seed[i].addr, seed))
			continue;
		memset(&j->seed[i].who, 0, sizeof(j->seed[i].who));
		j->seed[i].refuses_us = is_refusal(why);
		if (why != PIAS_ELOOP)
			tell(j, &j->seed[i], why, text);
		return;
	}
}

static struct join_seed *seed_of(struct join *j, const struct id *who)
{
	struct join_seed *s;

	for (s = j->seed; s < j->seed + j->n_seeds; s++)
		if (contact_has_addr(&s->who) && id_eq(&s->who.id, who))
			return s;
	return NULL;
}

void join_on_peer_down(struct join *j, const struct id *who, int why)
{
	struct join_seed *s = seed_of(j, who);

	if (j->is_done)
		return;
	if (j->nonce && id_eq(&j->asked.id, who))
		give_up(j);
	if (!s)
		return;
	memset(&s->who, 0, sizeof(s->who));
	s->refuses_us = is_refusal(why);
	if (why && why != PIAS_ELOOP)
		tell(j, s, why, error_text(why));
}

static int on_ok(struct join *j, const struct contact *from, struct rd *body)
{
	struct msg_list m;
	int err = msg_list_read(body, &m);

	if (err)
		return err;
	if (!j->nonce || m.nonce != j->nonce || !id_eq(&from->id, &j->asked.id))
		return 0;
	stop(j);
	j->ops->admitted(j->ctx, from, &m);
	return 0;
}

static int on_goto(struct join *j, const struct contact *from, struct rd *body)
{
	struct msg_join_goto m;
	int err = msg_join_goto_read(body, &m);

	if (err)
		return err;
	if (!j->nonce || m.nonce != j->nonce || !id_eq(&from->id, &j->asked.id))
		return 0;
	if (++j->n_redirects > REDIRECTS_MAX || id_eq(&m.to.id, &j->self.id))
		give_up(j);
	else
		ask(j, &m.to);
	return 0;
}

static int on_no(struct join *j, const struct contact *from, struct rd *body)
{
	struct msg_join_no m;
	struct join_seed *s;
	unsigned i;
	int err = msg_join_no_read(body, &m);

	if (err)
		return err;
	if (!j->nonce || m.nonce != j->nonce || !id_eq(&from->id, &j->asked.id))
		return 0;
	give_up(j);
	for (i = 0; i < j->n_seeds; i++)
		if (id_eq(&j->seed[i].who.id, &from->id))
			j->seed[i].refuses_us = is_refusal(m.why);
	/* All start at once after a power cut: that is nothing to report. */
	if (m.why == PIAS_ENOTREADY && j->env->now - j->started < QUIET)
		return 0;
	s = seed_of(j, &from->id);
	if (s)
		tell(j, s, m.why,
		     m.why == PIAS_ENOTREADY ? "not in a ring yet" : error_text(m.why));
	return 0;
}

int join_on_message(struct join *j, const struct contact *from, uint8_t type,
		    struct rd *body)
{
	switch (type) {
	case MSG_JOIN_OK:
		return on_ok(j, from, body);
	case MSG_JOIN_GOTO:
		return on_goto(j, from, body);
	case MSG_JOIN_NO:
		return on_no(j, from, body);
	}
	return PIAS_EMALFORMED;
}
