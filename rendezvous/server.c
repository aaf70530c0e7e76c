/* Records of servers and the two tables over them; owns timers and keys. */
#include "rendezvous/server.h"

#include <stdlib.h>
#include <string.h>

#include "rendezvous/turn.h"

struct member_key {
	const struct group_name *group;
	const struct id *server;
};

void servers_init(struct servers *t, struct env *env, uint32_t max,
		  void (*expired)(void *ctx, struct server *s), void *ctx)
{
	memset(t, 0, sizeof(*t));
	t->env = env;
	t->max = max;
	t->expired = expired;
	t->ctx = ctx;
	htab_init(&t->by_member);
	htab_init(&t->by_session);
	env_random(env, &t->key, sizeof(t->key));
}

static void server_free(struct server *s)
{
	turn_end(s);
	health_stop(&s->health);
	timer_stop(&s->servers->env->timers, &s->lease);
	crypto_wipe(s, sizeof(*s));
	free(s);
}

void servers_fini(struct servers *t)
{
	uint32_t pos = 0;
	struct server *s;

	while ((s = htab_next(&t->by_member, &pos)))
		server_free(s);
	htab_fini(&t->by_member);
	htab_fini(&t->by_session);
}

static uint64_t member_hash(const struct servers *t, const struct group_name *group,
			    const struct id *server)
{
	uint64_t word[2] = {group_name_hash(group, &t->key), id_prefix(server)};

	return siphash_words(&t->key, word, 2);
}

static bool is_member(const void *item, const void *key)
{
	const struct server *s = item;
	const struct member_key *k = key;

	return id_eq(&s->who.server, k->server) && group_name_eq(&s->who.group, k->group);
}

static bool is_session(const void *item, const void *key)
{
	const struct server *s = item;

	return s->health.session == *(const uint64_t *)key;
}

static void on_lease_timer(void *ctx)
{
	struct server *s = ctx;

	s->servers->expired(s->servers->ctx, s);
}

static int enter_tables(struct servers *t, struct server *s)
{
	uint64_t h = member_hash(t, &s->who.group, &s->who.server);
	int err = htab_add(&t->by_member, h, s);

	if (err)
		return err;
	err = htab_add(&t->by_session, s->health.session, s);
	if (err)
		htab_del(&t->by_member, h, s);
	return err;
}

int server_add(struct servers *t, const struct admission *who, struct prober *prober,
	       struct server **out)
{
	struct server_keys keys;
	struct server *s;
	int err;

	if (t->by_member.n >= t->max)
		return PIAS_EFULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return PIAS_ENOMEM;
	s->who = *who;
	s->servers = t;
	s->state = SERVER_CHALLENGED;
	timer_init(&s->lease, on_lease_timer, s);
	server_keys_init(&keys, who->key);
	memcpy(s->seal_key, keys.seal, sizeof(s->seal_key));
	health_init(&s->health, prober, who->unicast.family, keys.probe);
	crypto_wipe(&keys, sizeof(keys));
	err = enter_tables(t, s);
	if (err)
		server_free(s);
	else
		*out = s;
	return err;
}

void server_del(struct server *s)
{
	struct servers *t = s->servers;

	htab_del(&t->by_member, member_hash(t, &s->who.group, &s->who.server), s);
	htab_del(&t->by_session, s->health.session, s);
	server_free(s);
}

struct server *server_find(const struct servers *t, const struct group_name *group,
			   const struct id *server)
{
	struct member_key k = {group, server};

	return htab_find(&t->by_member, member_hash(t, group, server), is_member, &k);
}

struct server *server_find_session(const struct servers *t, uint64_t session)
{
	return htab_find(&t->by_session, session, is_session, &session);
}

void server_extend(struct server *s, pias_time lease)
{
	struct env *env = s->servers->env;

	timer_set(&env->timers, &s->lease, env->now + lease);
}
