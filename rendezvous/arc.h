/*
 * Arcs of the ring whose groups an AP holds completely, as a replica, and for how
 * long that may be relied on.
 */
#ifndef PIAS_RENDEZVOUS_ARC_H
#define PIAS_RENDEZVOUS_ARC_H

#include "overlay/base/id.h"
#include "overlay/base/timer.h"

#define ARCS_MAX 16

/* The keys in (from, to]; from == to is the whole ring. */
struct arc {
	struct id from, to;
};

struct arcs {
	struct {
		struct arc arc;
		pias_time ends;
	} a[ARCS_MAX];
	unsigned n;
};

bool arc_has(const struct arc *a, const struct id *key);
/* Is @a a part of @whole? */
bool arc_lies_in(const struct arc *a, const struct arc *whole);

/* Replaces what lies in @arc; the one that ends first makes room. */
void arcs_confirm(struct arcs *as, const struct arc *arc, pias_time now, pias_time ends);
void arcs_drop(struct arcs *as, unsigned i);
/* The confirmed arc that has @key, or NULL. */
const struct arc *arcs_find(const struct arcs *as, const struct id *key, pias_time now);
/* Do the confirmed arcs together hold all of @arc? */
bool arcs_cover(const struct arcs *as, const struct arc *arc, pias_time now);

#endif
