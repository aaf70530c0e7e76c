/*
 * A ring of entries in order of their first failure, each a minute old at most, found
 * through a hash table with a key of our own.
 */
#include "rendezvous/attempts.h"

#include <stdlib.h>
#include <string.h>

struct claim {
	struct id server;
	struct addr host;
};

struct attempt {
	struct claim claim;
	pias_time since;
	unsigned n_failed;
};

void attempts_init(struct attempts *a, struct env *env)
{
	memset(a, 0, sizeof(*a));
	htab_init(&a->by_claim);
	env_random(env, &a->key, sizeof(a->key));
}

void attempts_fini(struct attempts *a)
{
	htab_fini(&a->by_claim);
	free(a->ring);
}

static uint64_t hash(const struct attempts *a, const struct claim *c)
{
	uint64_t word[4] = {id_prefix(&c->server), c->host.family, be64_get(c->host.ip),
			    be64_get(c->host.ip + 8)};

	return siphash_words(&a->key, word, 4);
}

static bool is_claim(const void *item, const void *key)
{
	const struct attempt *t = item;
	const struct claim *c = key;

	return id_eq(&t->claim.server, &c->server) &&
	       addr_host_eq(&t->claim.host, &c->host);
}

static void forget_first(struct attempts *a)
{
	struct attempt *t = &a->ring[a->first];

	htab_del(&a->by_claim, hash(a, &t->claim), t);
	a->first = (a->first + 1) % ATTEMPTS_MAX;
	a->n--;
}

static void forget_old(struct attempts *a, pias_time now)
{
	while (a->n && a->ring[a->first].since + ATTEMPTS_WINDOW <= now)
		forget_first(a);
}

static struct attempt *find(struct attempts *a, pias_time now, const struct claim *c)
{
	forget_old(a, now);
	return htab_find(&a->by_claim, hash(a, c), is_claim, c);
}

pias_time attempts_wait(struct attempts *a, pias_time now, const struct id *server,
			const struct addr *host)
{
	struct claim c = {*server, *host};
	const struct attempt *t = find(a, now, &c);

	if (!t || t->n_failed < ATTEMPTS_FAILED)
		return 0;
	return t->since + ATTEMPTS_WINDOW - now;
}

void attempts_failed(struct attempts *a, pias_time now, const struct id *server,
		     const struct addr *host)
{
	struct claim c = {*server, *host};
	struct attempt *t = find(a, now, &c);

	if (t) {
		t->n_failed++;
		return;
	}
	if (!a->ring)
		a->ring = calloc(ATTEMPTS_MAX, sizeof(*a->ring));
	if (!a->ring)
		return;
	if (a->n == ATTEMPTS_MAX)
		forget_first(a);
	t = &a->ring[(a->first + a->n) % ATTEMPTS_MAX];
	*t = (struct attempt){.claim = c, .since = now, .n_failed = 1};
	if (!htab_add(&a->by_claim, hash(a, &c), t))
		a->n++;
}
