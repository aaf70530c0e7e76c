/* Catchments; routes are computed when they are asked for after a change. */
#include "sim/catchment.h"

#include <stdlib.h>
#include <string.h>

int catchment_init(struct catchment *c, uint64_t seed, uint32_t n_as, uint32_t n_hosts)
{
	uint32_t i;
	int err;

	memset(c, 0, sizeof(*c));
	rng_init(&c->rng, seed, RNG_TOPOLOGY, 2);
	err = asgraph_make(&c->graph, n_as, &c->rng);
	if (err)
		return err;
	c->as_of = calloc(n_hosts, sizeof(*c->as_of));
	c->announces = calloc(n_as, sizeof(*c->announces));
	c->route = calloc(n_as, sizeof(*c->route));
	if (!c->as_of || !c->announces || !c->route) {
		catchment_fini(c);
		return PIAS_ENOMEM;
	}
	c->n_hosts = n_hosts;
	for (i = 0; i < n_hosts; i++)
		c->as_of[i] = asgraph_draw_customer(
			&c->graph, (unsigned)rng_below(&c->rng, AS_REGIONS), &c->rng);
	c->is_stale = true;
	return 0;
}

void catchment_fini(struct catchment *c)
{
	asgraph_free(&c->graph);
	free(c->as_of);
	free(c->announces);
	free(c->route);
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

static void refresh(struct catchment *c, struct ap *const *ap, unsigned n_aps)
{
	unsigned i;

	memset(c->announces, 0, c->graph.n * sizeof(*c->announces));
	for (i = 0; i < n_aps; i++)
		if (ap[i]->is_ready)
			c->announces[c->as_of[ap[i]->host->index]] = true;
	if (asgraph_routes(&c->graph, c->announces, c->epoch, c->route))
		abort(); /* out of memory */
	c->is_stale = false;
}

uint32_t catchment_find(struct catchment *c, const struct host *from,
			struct ap *const *ap, unsigned n_aps)
{
	uint32_t origin, best = UINT32_MAX;
	pias_time best_delay = PIAS_NEVER;
	unsigned i;

	if (c->is_stale)
		refresh(c, ap, n_aps);
	origin = c->route[c->as_of[from->index]].origin;
	for (i = 0; i < n_aps; i++) {
		const struct host *h = ap[i]->host;
		pias_time d;

		if (!ap[i]->is_ready || c->as_of[h->index] != origin)
			continue;
		d = topology_delay(&h->world->topology, from->point, h->point);
		if (d < best_delay) {
			best_delay = d;
			best = h->index;
		}
	}
	return best;
}
