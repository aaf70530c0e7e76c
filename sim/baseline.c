/*
 * Where resolvers are is an assumption, in the three parts by which measurements
 * describe it: most clients use one of their own network in the same city, some a public
 * service with sites in the largest cities, a few one far off in their part of the
 * world. What came of it is among the results: each pair's distance is a column.
 */
#include "sim/baseline.h"

#include <stdlib.h>
#include <string.h>

#define RESOLVER_LOCAL	0.65
#define RESOLVER_PUBLIC 0.25 /* the rest: anywhere in the region */
#define PUBLIC_SITES	30
#define FAR_TRIES	64

/* --- resolvers -----------------------------------------------------------------------
 */

/* The largest cities' indices. */
static void find_largest(const struct cities *cs, unsigned out[PUBLIC_SITES])
{
	unsigned n = 0, i, j;

	for (i = 0; i < cs->n; i++) {
		for (j = n; j && cs->city[out[j - 1]].population < cs->city[i].population;
		     j--)
			if (j < PUBLIC_SITES)
				out[j] = out[j - 1];
		if (j < PUBLIC_SITES)
			out[j] = i;
		n += n < PUBLIC_SITES;
	}
}

static unsigned nearest_city(const struct cities *cs, unsigned from,
			     const unsigned site[PUBLIC_SITES])
{
	unsigned i, best = site[0];

	for (i = 1; i < PUBLIC_SITES; i++)
		if (city_distance_km(cs->city[from].pos, cs->city[site[i]].pos) <
		    city_distance_km(cs->city[from].pos, cs->city[best].pos))
			best = site[i];
	return best;
}

/* A city by population in the same part of the world as @client. */
static uint32_t add_far(struct topology *t, uint32_t client, struct rng *r)
{
	uint32_t p = UINT32_MAX;
	unsigned i;

	for (i = 0; i < FAR_TRIES; i++) {
		p = topology_add_in_city(t, POINT_SERVER, cities_draw(&t->cities, r));
		if (topology_region(t, p) == topology_region(t, client))
			break;
	}
	return p;
}

static uint32_t add_resolver(struct topology *t, uint32_t client, struct rng *r,
			     const unsigned site[PUBLIC_SITES])
{
	unsigned city = t->point[client].city;
	double u = rng_unit(r);

	if (!t->cities.n)
		return u < RESOLVER_LOCAL ? client : topology_add(t, POINT_SERVER);
	if (u < RESOLVER_LOCAL)
		return topology_add_in_city(t, POINT_SERVER, city);
	if (u < RESOLVER_LOCAL + RESOLVER_PUBLIC)
		return topology_add_in_city(t, POINT_SERVER,
					    nearest_city(&t->cities, city, site));
	return add_far(t, client, r);
}

int baseline_init(struct baseline *b, struct service *s)
{
	unsigned site[PUBLIC_SITES], i;
	struct rng r;

	b->service = s;
	b->resolver = calloc(s->n_clients + 1, sizeof(*b->resolver));
	b->native = calloc(s->n_groups, sizeof(*b->native));
	b->has_native = calloc(s->n_groups, sizeof(*b->has_native));
	if (!b->resolver || !b->native || !b->has_native) {
		baseline_fini(b);
		return PIAS_ENOMEM;
	}
	rng_init(&r, s->world.seed, RNG_TOPOLOGY, 3);
	if (s->world.topology.cities.n)
		find_largest(&s->world.topology.cities, site);
	for (i = 0; i < s->n_clients; i++)
		b->resolver[i] =
			add_resolver(&s->world.topology, s->client[i]->point, &r, site);
	return 0;
}

void baseline_fini(struct baseline *b)
{
	unsigned i;

	for (i = 0; b->has_native && i < b->service->n_groups; i++)
		if (b->has_native[i])
			reach_fini(&b->native[i]);
	free(b->resolver);
	free(b->native);
	free(b->has_native);
	memset(b, 0, sizeof(*b));
}

double baseline_resolver_km(const struct baseline *b, unsigned client)
{
	const struct topology *t = &b->service->world.topology;

	if (!t->cities.n)
		return 0;
	return city_distance_km(t->point[b->service->client[client]->point].pos,
				t->point[b->resolver[client]].pos);
}

/* --- ways ------------------------------------------------------------------------------
 */

static pias_time between(const struct service *s, uint32_t a, uint32_t b)
{
	return topology_delay(&s->world.topology, a, b);
}

/* The joined server of @group nearest to @point; NULL: none. */
static const struct host *nearest_server(const struct service *s, uint32_t point,
					 unsigned group)
{
	const struct host *best = NULL;
	pias_time least = PIAS_NEVER;
	unsigned i;

	for (i = 0; i < s->n_servers; i++) {
		const struct host *h = s->server[i]->host;
		pias_time d;

		if (s->group_of[i] != group || !service_is_joined(s, i))
			continue;
		d = between(s, point, h->point);
		if (d < least) {
			least = d;
			best = h;
		}
	}
	return best;
}

pias_time baseline_direct(const struct baseline *b, unsigned client, unsigned group)
{
	uint32_t from = b->service->client[client]->point;
	const struct host *to = nearest_server(b->service, from, group);

	return to ? between(b->service, from, to->point) : PIAS_NEVER;
}

static const struct host *join_ap_of(const struct service *s, unsigned server)
{
	return world_host_by_addr(&s->world,
				  &agent_ap(s->server[server]->agent, 0)->addr[0]);
}

/* The joined server of @group that is nearest to @ap by way of its join AP. */
static const struct host *nearest_by_join_ap(const struct service *s,
					     const struct host *ap, unsigned group)
{
	const struct host *best = NULL;
	pias_time least = PIAS_NEVER;
	unsigned i;

	for (i = 0; i < s->n_servers; i++) {
		const struct host *h = s->server[i]->host, *join;
		pias_time d;

		if (s->group_of[i] != group || !service_is_joined(s, i))
			continue;
		join = join_ap_of(s, i);
		d = between(s, join->point, h->point);
		if (join != ap)
			d += between(s, ap->point, join->point);
		if (d < least) {
			least = d;
			best = h;
		}
	}
	return best;
}

static const struct host *nearest_to_ap(const struct service *s, const struct host *ap,
					unsigned group)
{
	return nearest_server(s, ap->point, group);
}

/* Client to ingress AP to the server that @choose names there. */
static pias_time over_ingress(const struct baseline *b, unsigned client, unsigned group,
			      const struct host *(*choose)(const struct service *s,
							   const struct host *ap,
							   unsigned group))
{
	struct service *s = b->service;
	const struct host *from = s->client[client], *to, *ap;
	uint32_t i = service_ingress(s, from);

	if (i == UINT32_MAX)
		return PIAS_NEVER;
	ap = s->world.host[i];
	to = choose(s, ap, group);
	return to ? between(s, from->point, ap->point) + between(s, ap->point, to->point)
		  : PIAS_NEVER;
}

pias_time baseline_two_hops(const struct baseline *b, unsigned client, unsigned group)
{
	return over_ingress(b, client, group, nearest_to_ap);
}

pias_time baseline_by_join_ap(const struct baseline *b, unsigned client, unsigned group)
{
	return over_ingress(b, client, group, nearest_by_join_ap);
}

pias_time baseline_dns(const struct baseline *b, unsigned client, unsigned group)
{
	const struct host *to = nearest_server(b->service, b->resolver[client], group);

	return to ? between(b->service, b->service->client[client]->point, to->point)
		  : PIAS_NEVER;
}

static void announce(struct baseline *b, unsigned group)
{
	struct service *s = b->service;
	struct reach_site *site = malloc((s->n_servers + 1) * sizeof(*site));
	unsigned i, n = 0;

	for (i = 0; site && i < s->n_servers; i++)
		if (s->group_of[i] == group && service_is_joined(s, i))
			site[n++] = catchment_site(&s->catchment, s->server[i]->host);
	if (!site || reach_init(&b->native[group], &s->catchment.graph, site, n, 0))
		abort(); /* out of memory */
	b->has_native[group] = true;
	free(site);
}

pias_time baseline_native(struct baseline *b, unsigned client, unsigned group)
{
	struct service *s = b->service;
	const struct host *from = s->client[client];
	uint32_t i;

	if (!b->has_native[group])
		announce(b, group);
	i = reach_find(&b->native[group], &s->world.topology,
		       s->catchment.as_of[from->index], from->point);
	return i == UINT32_MAX ? PIAS_NEVER
			       : between(s, from->point, s->world.host[i]->point);
}
