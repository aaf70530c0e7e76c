/*
 * The table of gauges. Entries come with the first probe or answer of a peer, so each
 * holds a coordinate and a time; the round-trip time may still be unknown.
 */
#include "overlay/gauge.h"

#include <stdlib.h>

static bool has_id(const void *item, const void *key)
{
	return id_eq(&((const struct gauge *)item)->id, key);
}

void gauges_init(struct gauges *g)
{
	htab_init(&g->by_id);
}

void gauges_fini(struct gauges *g)
{
	struct gauge *x;
	uint32_t pos = 0;

	while ((x = htab_next(&g->by_id, &pos)))
		free(x);
	htab_fini(&g->by_id);
}

struct gauge *gauge_find(const struct gauges *g, const struct id *id)
{
	return htab_find(&g->by_id, id_prefix(id), has_id, id);
}

static void del(struct gauges *g, struct gauge *x)
{
	htab_del(&g->by_id, id_prefix(&x->id), x);
	free(x);
}

static void make_room(struct gauges *g)
{
	struct gauge *x, *oldest = NULL;
	uint32_t pos = 0;

	if (g->by_id.n < GAUGES_MAX)
		return;
	/* Ties go to the smaller id: the order of the table must not show. */
	while ((x = htab_next(&g->by_id, &pos)))
		if (!oldest || x->heard_at < oldest->heard_at ||
		    (x->heard_at == oldest->heard_at && id_cmp(&x->id, &oldest->id) < 0))
			oldest = x;
	del(g, oldest);
}

struct gauge *gauge_heard(struct gauges *g, const struct id *id,
			  const struct coord *coord, pias_time now)
{
	struct gauge *x = gauge_find(g, id);

	if (!x) {
		make_room(g);
		x = calloc(1, sizeof(*x));
		if (!x)
			return NULL;
		x->id = *id;
		if (htab_add(&g->by_id, id_prefix(id), x)) {
			free(x);
			return NULL;
		}
	}
	x->coord = *coord;
	x->heard_at = now;
	return x;
}

void gauge_forget(struct gauges *g, const struct id *id)
{
	struct gauge *x = gauge_find(g, id);

	if (x)
		del(g, x);
}
