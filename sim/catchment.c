/* Catchments; routes are computed when they are asked for after a change. */
#include "sim/catchment.h"

#include <stdlib.h>
#include <string.h>

#define NOT_SOUGHT (UINT32_MAX - 1)

/* Where nobody knows the place of a point, any part of the world will do. */
static unsigned draw_region(struct catchment *c, const struct host *h)
{
	const struct topology *t = &h->world->topology;

	return t->cities.n ? topology_region(t, h->point)
			   : (unsigned)rng_below(&c->rng, AS_REGIONS);
}

int catchment_init(struct catchment *c, uint64_t seed, uint32_t n_as,
		   const struct world *w)
{
	uint32_t i;
	int err;

	memset(c, 0, sizeof(*c));
	rng_init(&c->rng, seed, RNG_TOPOLOGY, 2);
	err = asgraph_make(&c->graph, n_as, &c->rng);
	if (err)
		return err;
	c->n_hosts = w->n_hosts;
	c->as_of = calloc(c->n_hosts + 1, sizeof(*c->as_of));
	c->found = calloc(c->n_hosts + 1, sizeof(*c->found));
	if (!c->as_of || !c->found) {
		catchment_fini(c);
		return PIAS_ENOMEM;
	}
	for (i = 0; i < c->n_hosts; i++)
		c->as_of[i] = asgraph_draw_customer(&c->graph, draw_region(c, w->host[i]),
						    &c->rng);
	c->is_stale = true;
	return 0;
}

void catchment_fini(struct catchment *c)
{
	asgraph_free(&c->graph);
	reach_fini(&c->reach);
	free(c->as_of);
	free(c->found);
	memset(c, 0, sizeof(*c));
}

void catchment_changed(struct catchment *c)
{
	c->is_stale = true;
}

void catchment_shift(struct catchment *c)
{
	c->epoch++;
	c->is_stale = true;
}

struct reach_site catchment_site(const struct catchment *c, const struct host *h)
{
	return (struct reach_site){
		.as = c->as_of[h->index], .point = h->point, .host = h->index};
}

static void refresh(struct catchment *c, struct ap *const *ap, unsigned n_aps)
{
	struct reach_site *site = malloc((n_aps + 1) * sizeof(*site));
	unsigned i, n = 0;

	reach_fini(&c->reach);
	for (i = 0; site && i < n_aps; i++)
		if (ap[i]->is_ready)
			site[n++] = catchment_site(c, ap[i]->host);
	if (!site || reach_init(&c->reach, &c->graph, site, n, c->epoch))
		abort(); /* out of memory */
	free(site);
	for (i = 0; i < c->n_hosts; i++)
		c->found[i] = NOT_SOUGHT;
	c->is_stale = false;
}

uint32_t catchment_find(struct catchment *c, const struct host *from,
			struct ap *const *ap, unsigned n_aps)
{
	uint32_t i = from->index;

	if (c->is_stale)
		refresh(c, ap, n_aps);
	if (c->found[i] == NOT_SOUGHT)
		c->found[i] = (c->is_nearest ? reach_nearest : reach_find)(
			&c->reach, &from->world->topology, c->as_of[i], from->point);
	return c->found[i];
}
