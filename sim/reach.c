/* Routes once for all networks, then a row of bits for each. */
#include "sim/reach.h"

#include <stdlib.h>
#include <string.h>

static uint64_t *row(const struct reach *r, uint32_t as)
{
	return r->exits + (size_t)as * r->words;
}

static int compute(struct reach *r, const struct asgraph *g, uint64_t epoch)
{
	struct as_route *route = calloc(g->n, sizeof(*route));
	bool *announces = calloc(g->n, sizeof(*announces));
	int err = route && announces ? 0 : PIAS_ENOMEM;
	unsigned i;

	for (i = 0; !err && i < r->n; i++) {
		announces[r->site[i].as] = true;
		row(r, r->site[i].as)[i / 64] |= 1ull << i % 64;
	}
	if (!err)
		err = asgraph_routes(g, announces, epoch, route);
	if (!err)
		asgraph_exits(g, route, epoch, r->exits, r->words);
	free(route);
	free(announces);
	return err;
}

int reach_init(struct reach *r, const struct asgraph *g, const struct reach_site *site,
	       unsigned n, uint64_t epoch)
{
	int err;

	memset(r, 0, sizeof(*r));
	r->words = n / 64 + 1;
	r->exits = calloc((size_t)g->n * r->words, sizeof(*r->exits));
	r->site = malloc((n + 1) * sizeof(*r->site));
	if (!r->exits || !r->site) {
		reach_fini(r);
		return PIAS_ENOMEM;
	}
	if (n)
		memcpy(r->site, site, n * sizeof(*site));
	r->n = n;
	err = compute(r, g, epoch);
	if (err)
		reach_fini(r);
	return err;
}

void reach_fini(struct reach *r)
{
	free(r->exits);
	free(r->site);
	memset(r, 0, sizeof(*r));
}

/* @exits NULL: every site will do. */
static uint32_t nearest(const struct reach *r, const struct topology *t, uint32_t point,
			const uint64_t *exits)
{
	pias_time best = PIAS_NEVER;
	uint32_t found = UINT32_MAX;
	unsigned i;

	for (i = 0; i < r->n; i++) {
		pias_time d;

		if (exits && !(exits[i / 64] >> i % 64 & 1))
			continue;
		d = topology_delay(t, point, r->site[i].point);
		if (d < best) {
			best = d;
			found = r->site[i].host;
		}
	}
	return found;
}

uint32_t reach_find(const struct reach *r, const struct topology *t, uint32_t as,
		    uint32_t point)
{
	return nearest(r, t, point, row(r, as));
}

uint32_t reach_nearest(const struct reach *r, const struct topology *t, uint32_t as,
		       uint32_t point)
{
	return nearest(r, t, point, NULL);
}
