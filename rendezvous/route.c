/* Routes: one allocation holds the route, its targets and its slots. */
#include "rendezvous/route.h"

#include <assert.h>
#include <stdlib.h>

struct route *route_new(const struct group_name *name, unsigned n_targets,
			uint32_t n_slots)
{
	size_t targets = n_targets * sizeof(struct target);
	struct route *r;

	assert(n_targets <= ROUTE_TARGETS_MAX);
	r = calloc(1, sizeof(*r) + targets + n_slots * sizeof(uint16_t));
	if (!r)
		return NULL;
	r->name = *name;
	r->n_targets = (uint16_t)n_targets;
	r->n_slots = n_slots;
	r->target = (struct target *)(r + 1);
	r->slot = (uint16_t *)((char *)(r + 1) + targets);
	return r;
}

void route_free(struct route *r)
{
	free(r);
}
