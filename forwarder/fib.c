/* Routes by name. The rendezvous layer bounds how many there are (max_cached). */
#include "forwarder/fib.h"

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

static bool is_named(const void *item, const void *key)
{
	const struct route *r = item;

	return group_name_eq(&r->name, key);
}

int fib_set(struct fib *f, const struct group_name *name, struct route *route)
{
	uint64_t h = group_name_hash(name, &f->key);
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
	return htab_find(&f->routes, group_name_hash(name, &f->key), is_named, name);
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
