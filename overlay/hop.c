/*
 * Chord's routing step. Whoever the ring knows to be gone is passed over; a stale
 * finger costs a hop, never a wrong answer, because only the receiver decides whether
 * it owns a key.
 */
#include "overlay/hop.h"

static bool is_usable(const struct ring *r, const struct contact *c)
{
	return contact_has_addr(c) && !r->ops->is_gone(r->ctx, &c->id);
}

static bool list_preceding(const struct ring *r, const struct id *key,
			   struct contact *out)
{
	int i;

	for (i = r->n_succ - 1; i >= 0; i--) {
		if (!id_between(&r->self.id, &r->succ[i].id, key) ||
		    !is_usable(r, &r->succ[i]))
			continue;
		*out = r->succ[i];
		return true;
	}
	return false;
}

bool hop_preceding(const struct ring *r, const struct fingers *f, const struct id *key,
		   struct contact *out)
{
	struct contact by_list;
	bool has_list = list_preceding(r, key, &by_list);

	if (!fingers_closest(f, key, out)) {
		if (has_list)
			*out = by_list;
		return has_list;
	}
	if (has_list && id_between(&out->id, &by_list.id, key))
		*out = by_list;
	return true;
}

enum hop hop_towards(const struct ring *r, const struct fingers *f, const struct id *key,
		     struct contact *out)
{
	int i;

	if (ring_owns(r, key)) {
		*out = r->self;
		return HOP_OWNER;
	}
	for (i = 0; i < r->n_succ; i++) {
		if (!is_usable(r, &r->succ[i]))
			continue;
		if (!id_in_arc(key, &r->self.id, &r->succ[i].id))
			break;
		*out = r->succ[i];
		return HOP_OWNER;
	}
	return hop_preceding(r, f, key, out) ? HOP_NEXT : HOP_NONE;
}
