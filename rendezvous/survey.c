/*
 * A measurement is two ways: BORROW and LEND fetch a probe, PROBE and ECHO take the
 * time. Every one has a session number of its own, known to nobody but the join AP and
 * the server: an echo with it has been where the probe was sent. Servers are told
 * apart by address, because the way does not depend on the group.
 *
 * What always holds: a server has a session exactly while it is in `flights`, in
 * `by_session`, and its timer runs.
 */
#include "rendezvous/survey.h"

#include <stdlib.h>
#include <string.h>

#include "rendezvous/message.h"

struct surveyed {
	struct survey *survey;
	TAILQ_ENTRY(surveyed) by_want, by_start;
	struct timer timer;
	struct target server;
	struct contact join_ap;
	struct group_name group; /* as a member of which it was wanted */
	uint64_t hash;
	uint64_t session; /* 0: no measurement under way */
	pias_time wanted_at, due_at, measured_at;
	pias_time sent_at;		 /* the probe; PIAS_NEVER: not lent yet */
	uint32_t sample[SURVEY_SAMPLES]; /* the newest first; 0 = none */
	uint8_t n_tries;
};

static void on_timer(void *ctx);

void survey_init(struct survey *s, struct env *env, struct post *post,
		 const struct rendezvous_ops *ops, void *ops_ctx)
{
	memset(s, 0, sizeof(*s));
	s->env = env;
	s->post = post;
	s->ops = ops;
	s->ops_ctx = ops_ctx;
	env_random(env, &s->key, sizeof(s->key));
	htab_init(&s->by_addr);
	htab_init(&s->by_session);
	TAILQ_INIT(&s->wanted);
	TAILQ_INIT(&s->flights);
}

static bool has_session(const void *item, const void *key)
{
	const struct surveyed *x = item;

	return x->session == *(const uint64_t *)key;
}

static struct surveyed *find_session(const struct survey *s, uint64_t session)
{
	return htab_find(&s->by_session, session, has_session, &session);
}

static void land(struct surveyed *x)
{
	struct survey *s = x->survey;

	if (!x->session)
		return;
	timer_stop(&s->env->timers, &x->timer);
	TAILQ_REMOVE(&s->flights, x, by_start);
	htab_del(&s->by_session, x->session, x);
	x->session = 0;
	s->n_flights--;
}

static void forget(struct surveyed *x)
{
	struct survey *s = x->survey;

	land(x);
	TAILQ_REMOVE(&s->wanted, x, by_want);
	htab_del(&s->by_addr, x->hash, x);
	free(x);
}

void survey_fini(struct survey *s)
{
	while (!TAILQ_EMPTY(&s->wanted))
		forget(TAILQ_FIRST(&s->wanted));
	htab_fini(&s->by_addr);
	htab_fini(&s->by_session);
}

static uint64_t hash_of(const struct survey *s, const struct addr *a)
{
	uint64_t word[2];

	memcpy(word, a->ip, sizeof(word));
	return siphash_words(&s->key, word, 2);
}

static bool is_at(const void *item, const void *key)
{
	const struct surveyed *x = item;

	return addr_host_eq(&x->server.to, key);
}

static struct surveyed *find(const struct survey *s, const struct addr *a)
{
	return htab_find(&s->by_addr, hash_of(s, a), is_at, a);
}

static bool is_idle(const struct surveyed *x)
{
	return x->survey->env->now - x->wanted_at >= SURVEY_IDLE;
}

void survey_expire(struct survey *s)
{
	struct surveyed *x;

	while ((x = TAILQ_FIRST(&s->wanted)) && is_idle(x))
		forget(x);
}

static struct surveyed *add(struct survey *s, const struct target *server)
{
	struct surveyed *x;

	if (s->by_addr.n >= SURVEY_MAX)
		survey_expire(s);
	if (s->by_addr.n >= SURVEY_MAX) {
		count(s->env, surveys_full);
		return NULL;
	}
	x = calloc(1, sizeof(*x));
	if (!x)
		return NULL;
	x->survey = s;
	x->server = *server;
	x->hash = hash_of(s, &server->to);
	if (htab_add(&s->by_addr, x->hash, x)) {
		free(x);
		return NULL;
	}
	timer_init(&x->timer, on_timer, x);
	TAILQ_INSERT_TAIL(&s->wanted, x, by_want);
	return x;
}

/* Measuring */

static void ask(struct surveyed *x)
{
	struct survey *s = x->survey;
	struct msg_borrow m = {
		.name = x->group,
		.server = x->server.server,
		.session = x->session,
	};
	uint8_t buf[MESSAGE_WIRE_MAX];
	struct wr w;

	wr_init(&w, buf, sizeof(buf));
	msg_write_borrow(&w, &m);
	/* What cannot be sent is tried again. */
	(void)post_send(s->post, &x->join_ap, MSG_BORROW, &w);
}

static void take_off(struct surveyed *x)
{
	struct survey *s = x->survey;

	do
		x->session = env_random_u64(s->env);
	while (!x->session);
	if (htab_add(&s->by_session, x->session, x)) {
		x->session = 0;
		return; /* out of memory: when it is wanted again */
	}
	TAILQ_INSERT_TAIL(&s->flights, x, by_start);
	s->n_flights++;
	x->n_tries++;
	x->sent_at = PIAS_NEVER;
	x->due_at = s->env->now + env_jitter(s->env, SURVEY_PERIOD);
	timer_set(&s->env->timers, &x->timer, s->env->now + SURVEY_TIMEOUT);
	ask(x);
}

void survey_want(struct survey *s, const struct group_name *group,
		 const struct target *server, const struct contact *join_ap)
{
	struct surveyed *x = find(s, &server->to);

	if (!x)
		x = add(s, server);
	if (!x)
		return;
	x->wanted_at = s->env->now;
	TAILQ_REMOVE(&s->wanted, x, by_want);
	TAILQ_INSERT_TAIL(&s->wanted, x, by_want);
	if (x->session || s->env->now < x->due_at || s->n_flights >= SURVEY_FLIGHTS)
		return;
	x->server = *server;
	x->join_ap = *join_ap;
	x->group = *group;
	x->n_tries = 0;
	take_off(x);
}

void survey_want_nearest(struct survey *s, const struct route *route,
			 const struct origin *origin)
{
	const struct id *self = &overlay_self(s->post->overlay)->id;
	unsigned i;

	if (route->n_targets < 2)
		return;
	for (i = 0; i < route->n_targets && i < SURVEY_NEAREST; i++)
		if (!id_eq(&route->target[i].join_ap, self) &&
		    !route->target[i].is_draining)
			survey_want(s, &route->name, &route->target[i],
				    &origin[i].ap->contact);
}

bool survey_is_busy(const struct survey *s, const struct group_name *group)
{
	const struct surveyed *x;

	TAILQ_FOREACH(x, &s->flights, by_start)
		if (group_name_eq(&x->group, group))
			return true;
	return false;
}

static void ended(struct survey *s, const struct group_name *group)
{
	struct group_name name = *group;

	if (!survey_is_busy(s, &name))
		s->measured(s->ctx, &name);
}

static void on_timer(void *ctx)
{
	struct surveyed *x = ctx;

	land(x);
	if (x->n_tries < SURVEY_TRIES) {
		take_off(x);
		return;
	}
	count(x->survey->env, surveys_failed);
	ended(x->survey, &x->group);
}

int survey_on_lend(struct survey *s, const struct contact *from, struct rd *body)
{
	struct surveyed *x;
	struct msg_lend m;

	msg_read_lend(body, &m);
	if (body->err)
		return body->err;
	x = find_session(s, m.session);
	/* Too late, or not who was asked. */
	if (!x || !id_eq(&x->join_ap.id, &from->id) || x->sent_at != PIAS_NEVER)
		return 0;
	x->sent_at = s->env->now;
	s->ops->tunnel_control(s->ops_ctx, &x->server, &x->group, m.port, m.probe, m.len);
	return 0;
}

static void learn(struct surveyed *x, pias_time rtt)
{
	memmove(x->sample + 1, x->sample, sizeof(x->sample) - sizeof(x->sample[0]));
	x->sample[0] = rtt > 0 ? (uint32_t)rtt : 1;
	x->measured_at = x->survey->env->now;
	count(x->survey->env, surveys);
}

bool survey_on_datagram(struct survey *s, const uint8_t *data, size_t len)
{
	struct server_echo e;
	struct surveyed *x;

	if (!s->n_flights || !len || data[0] != MSG_SERVER_ECHO ||
	    server_echo_decode(&e, data, len))
		return false;
	x = find_session(s, e.session);
	if (!x || x->sent_at == PIAS_NEVER)
		return false;
	learn(x, s->env->now - x->sent_at);
	land(x);
	ended(s, &x->group);
	return true;
}

uint32_t survey_us(const struct survey *s, const struct addr *addr)
{
	const struct surveyed *x = find(s, addr);
	uint32_t least;
	unsigned i;

	if (!x || !x->sample[0] || s->env->now - x->measured_at > SURVEY_STALE)
		return 0;
	least = x->sample[0];
	for (i = 1; i < SURVEY_SAMPLES && x->sample[i]; i++)
		if (x->sample[i] < least)
			least = x->sample[i];
	return least;
}
