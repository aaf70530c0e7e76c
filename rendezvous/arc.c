/* Arcs: few, unordered, replaced and forgotten as they end. */
#include "rendezvous/arc.h"

bool arc_has(const struct arc *a, const struct id *key)
{
	return id_in_arc(key, &a->from, &a->to);
}

bool arc_lies_in(const struct arc *a, const struct arc *whole)
{
	if (id_eq(&whole->from, &whole->to))
		return true;
	if (id_eq(&a->from, &a->to))
		return false;
	if (!arc_has(whole, &a->to))
		return false;
	return id_eq(&a->from, &whole->from) ||
	       id_between(&whole->from, &a->from, &a->to);
}

void arcs_drop(struct arcs *as, unsigned i)
{
	as->a[i] = as->a[--as->n];
}

void arcs_confirm(struct arcs *as, const struct arc *arc, pias_time now, pias_time ends)
{
	unsigned i = as->n, first = 0;

	while (i--)
		if (as->a[i].ends <= now || arc_lies_in(&as->a[i].arc, arc))
			arcs_drop(as, i);
	if (as->n == ARCS_MAX) {
		for (i = 1; i < as->n; i++)
			if (as->a[i].ends < as->a[first].ends)
				first = i;
		arcs_drop(as, first);
	}
	as->a[as->n].arc = *arc;
	as->a[as->n++].ends = ends;
}

const struct arc *arcs_find(const struct arcs *as, const struct id *key, pias_time now)
{
	unsigned i;

	for (i = 0; i < as->n; i++)
		if (as->a[i].ends > now && arc_has(&as->a[i].arc, key))
			return &as->a[i].arc;
	return NULL;
}

/* The confirmed arc that reaches furthest from just after @id. */
static const struct arc *furthest(const struct arcs *as, const struct id *id,
				  pias_time now)
{
	const struct arc *best = NULL;
	unsigned i;

	for (i = 0; i < as->n; i++) {
		const struct arc *a = &as->a[i].arc;

		if (as->a[i].ends <= now ||
		    !(id_eq(&a->from, id) || id_between(&a->from, id, &a->to)))
			continue;
		if (id_eq(&a->from, &a->to))
			return a;
		if (!best || id_between(id, &best->to, &a->to))
			best = a;
	}
	return best;
}

bool arcs_cover(const struct arcs *as, const struct arc *arc, pias_time now)
{
	struct id at = arc->from;
	unsigned i;

	for (i = 0; i < as->n; i++) {
		const struct arc *a = furthest(as, &at, now);

		if (!a)
			return false;
		if (id_eq(&a->from, &a->to) || id_in_arc(&arc->to, &at, &a->to))
			return true;
		at = a->to;
	}
	return false;
}
