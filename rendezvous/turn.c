/*
 * One struct turn for each server of which something is challenged or waits. The next
 * one is started from a timer, because a record ends in the midst of other things.
 */
#include "rendezvous/turn.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct turn {
	struct turns *turns;
	struct id server;
	struct server *at; /* is being challenged; NULL: the timer runs */
	TAILQ_HEAD(, server) waiting;
	unsigned n_waiting;
	struct timer next;
};

void turns_init(struct turns *t, struct env *env,
		void (*start)(void *ctx, struct server *s), void *ctx)
{
	memset(t, 0, sizeof(*t));
	t->env = env;
	t->start = start;
	t->ctx = ctx;
	htab_init(&t->by_server);
	env_random(env, &t->key, sizeof(t->key));
}

void turns_fini(struct turns *t)
{
	assert(!t->by_server.n);
	htab_fini(&t->by_server);
}

static uint64_t hash(const struct turns *t, const struct id *server)
{
	uint64_t word = id_prefix(server);

	return siphash_words(&t->key, &word, 1);
}

static bool is_of(const void *item, const void *key)
{
	const struct turn *turn = item;

	return id_eq(&turn->server, key);
}

static struct turn *find(const struct turns *t, const struct id *server)
{
	return htab_find(&t->by_server, hash(t, server), is_of, server);
}

static void leave_line(struct server *s)
{
	TAILQ_REMOVE(&s->turn->waiting, s, in_line);
	s->turn->n_waiting--;
	s->turn = NULL;
}

static void on_next(void *ctx)
{
	struct turn *turn = ctx;
	struct server *s = TAILQ_FIRST(&turn->waiting);

	TAILQ_REMOVE(&turn->waiting, s, in_line);
	turn->n_waiting--;
	turn->at = s;
	turn->turns->start(turn->turns->ctx, s);
}

static struct turn *turn_new(struct turns *t, const struct id *server)
{
	struct turn *turn = calloc(1, sizeof(*turn));

	if (!turn)
		return NULL;
	turn->turns = t;
	turn->server = *server;
	TAILQ_INIT(&turn->waiting);
	timer_init(&turn->next, on_next, turn);
	if (!htab_add(&t->by_server, hash(t, server), turn))
		return turn;
	free(turn);
	return NULL;
}

static void turn_free(struct turn *turn)
{
	struct turns *t = turn->turns;

	timer_stop(&t->env->timers, &turn->next);
	htab_del(&t->by_server, hash(t, &turn->server), turn);
	free(turn);
}

int turn_take(struct turns *t, struct server *s, bool *is_now)
{
	struct turn *turn = find(t, &s->who.server);

	if (!turn)
		turn = turn_new(t, &s->who.server);
	if (!turn)
		return PIAS_ENOMEM;
	*is_now = !turn->at;
	if (*is_now) {
		timer_stop(&t->env->timers, &turn->next);
		turn->at = s;
	} else if (turn->n_waiting >= TURN_WAITING_MAX) {
		return PIAS_EFULL;
	} else {
		TAILQ_INSERT_TAIL(&turn->waiting, s, in_line);
		turn->n_waiting++;
	}
	s->turn = turn;
	return 0;
}

void turn_end(struct server *s)
{
	struct turn *turn = s->turn;

	if (!turn)
		return;
	if (turn->at == s) {
		turn->at = NULL;
		s->turn = NULL;
	} else {
		leave_line(s);
	}
	if (turn->at)
		return;
	if (turn->n_waiting)
		timer_set(&turn->turns->env->timers, &turn->next, turn->turns->env->now);
	else
		turn_free(turn);
}

struct server *turn_next_alike(struct server *s)
{
	struct server *w;

	if (!s->turn)
		return NULL;
	TAILQ_FOREACH(w, &s->turn->waiting, in_line)
		if (addr_host_eq(&w->who.unicast, &s->who.unicast)) {
			leave_line(w);
			return w;
		}
	return NULL;
}

struct server *turn_find_waiting(const struct turns *t, const struct id *server,
				 uint64_t link_serial)
{
	const struct turn *turn = find(t, server);
	struct server *w;

	if (!turn)
		return NULL;
	TAILQ_FOREACH(w, &turn->waiting, in_line)
		if (w->origin.link_serial == link_serial)
			return w;
	return NULL;
}
