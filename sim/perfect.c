/*
 * What an AP would have learnt is put where it would have learnt it, through the
 * functions that would have been called; only nothing is sent for it.
 */
#include "sim/perfect.h"

#include <stdlib.h>

#include "overlay/parts.h"

static void fill_table(struct overlay *o, const struct place *ring, unsigned n)
{
	struct member m = {.status = PEER_ALIVE};
	enum peer_status was;
	unsigned i;

	for (i = 0; i < n; i++) {
		m.contact = ring[i].contact;
		m.incarnation = ring[i].incarnation;
		if (table_apply(&o->membership.table, &m, o->env->now, &was) ==
		    TABLE_FULL_UP)
			abort();
	}
}

/* Its seeds have answered, each as whoever is there. */
static void know_seeds(struct overlay *o)
{
	unsigned i;

	for (i = 0; i < o->config.n_seeds; i++) {
		uint32_t ref = book_next_at(o->book, &o->config.seed[i], 0);

		if (!ref)
			continue;
		o->seed[i].id = book_get(o->book, ref)->contact.id;
		o->seed[i].is_known = true;
	}
}

/* The AP before us has admitted us, with its list. */
static void take_place(struct overlay *o, const struct place *ring, unsigned n,
		       unsigned i)
{
	const struct place *before = &ring[(i + n - 1) % n];
	struct msg_list list = {.incarnation = before->incarnation};
	unsigned k;

	for (k = 1; k <= RING_L && k < n; k++)
		list.succ[list.n_succ++] = ring[(i + k) % n].contact;
	o->is_started = true;
	admit_join_ops.admitted(o, &before->contact, &list);
}

void perfect_join(struct overlay *o, const struct place *ring, unsigned n, unsigned i)
{
	if (n == 1) {
		overlay_start(o);
		return;
	}
	if (o->config.mode == TABLE_FULL) {
		fill_table(o, ring, n);
		know_seeds(o);
	}
	/* That we are here is known everywhere: it is neither spread nor asked for. */
	o->membership.spreads = false;
	take_place(o, ring, n, i);
	if (o->config.mode == TABLE_FINGERS)
		return;
	o->membership.spreads = true;
	gossip_start(&o->membership.gossip);
}
