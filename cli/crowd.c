/* A small count of places: collisions only make two places look like one. */
#include "cli/crowd.h"

#include <assert.h>
#include <string.h>

static unsigned place_of(const struct addr *a)
{
	uint64_t v;

	/* IPv4 stands in the first four bytes; of IPv6 the host part is left out. */
	memcpy(&v, a->ip, sizeof(v));
	return (unsigned)((v + a->family) * UINT64_C(0x9e3779b97f4a7c15) >>
			  (64 - CROWD_BITS));
}

void crowd_add(struct crowd *c, const struct addr *from)
{
	c->n[place_of(from)]++;
}

void crowd_del(struct crowd *c, const struct addr *from)
{
	unsigned place = place_of(from);

	assert(c->n[place]);
	c->n[place]--;
}

unsigned crowd_at(const struct crowd *c, const struct addr *from)
{
	return c->n[place_of(from)];
}
