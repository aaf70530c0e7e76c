/* Successor lists come from other APs: nothing here trusts their order. */
#include "overlay/succ.h"

void succ_init(struct succ_list *l, const struct id *owner)
{
	l->owner = *owner;
	l->n = 0;
	l->is_cut = false;
}

void succ_add(struct succ_list *l, const struct contact *c)
{
	const struct id *last = l->n ? &l->c[l->n - 1].id : &l->owner;

	if (l->is_cut || l->n == RING_L)
		return;
	if (id_between(last, &c->id, &l->owner))
		l->c[l->n++] = *c;
	else
		l->is_cut = true;
}

void succ_pad(struct succ_list *l, const struct contact *last)
{
	struct contact pad = {.id = last->id};

	id_inc(&pad.id);
	succ_add(l, &pad);
}

bool succ_is_ordered(const struct contact *c, unsigned n, const struct id *owner)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (!id_between(i ? &c[i - 1].id : owner, &c[i].id, owner))
			return false;
	return true;
}
