/* Routes by name. The rendezvous layer bounds how many there are (max_cached). */
#include "forwarder/fib.h"

#include <string.h>

void fib_init(struct fib *f, const struct siphash_key *key)
{
	f->key = *key;
	htab_init(&f->routes);
}

void fib_fini(struct fib *f)
{
	struct route *r;
	uint32_t pos = 0;

	while ((r = htab_next(&f->routes, &pos)))
		route_free(r);
	htab_fini(&f->routes);
}

static uint64_t hash(const struct fib *f, const struct group_name *name)
{
	uint64_t w[3] = {0, 0, 0};

	memcpy(w, name, sizeof(*name));
	return siphash_words(&f->key, w, 3);
}

static bool is_named(const void *item, const void *key)
{
	const struct route *r = item;

	return !memcmp(&r->name, key, sizeof(r->name));
}

int fib_set(struct fib *f, const struct group_name *name, struct route *route)
{
	uint64_t h = hash(f, name);
	struct route *old = htab_find(&f->routes, h, is_named, name);

	if (old) {
		htab_del(&f->routes, h, old);
		if (route)
			route->used_at = old->used_at;
		route_free(old);
	}
	return route ? htab_add(&f->routes, h, route) : 0;
}

struct route *fib_find(const struct fib *f, const struct group_name *name)
{
	return htab_find(&f->routes, hash(f, name), is_named, name);
}

static void match_wide(const struct fib *f, struct fib_match *m)
{
	m->wide_route = fib_find(f, &m->wide);
	if (!m->wide_route)
		m->unknown = &m->wide;
	else if (route_exists(m->wide_route))
		m->route = m->wide_route;
	else
		m->is_negative = true;
}

void fib_match(const struct fib *f, const struct group_name *exact, struct fib_match *m)
{
	*m = (struct fib_match){.exact = *exact, .wide = group_name_widen(exact)};
	if (group_name_is_wide(exact)) {
		match_wide(f, m);
		return;
	}
	m->exact_route = fib_find(f, exact);
	if (!m->exact_route) {
		m->unknown = &m->exact;
		m->wide_route = fib_find(f, &m->wide);
	} else if (route_exists(m->exact_route)) {
		m->route = m->exact_route;
	} else {
		match_wide(f, m);
	}
}
