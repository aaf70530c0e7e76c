/*
 * A ring written down rather than joined: each AP starts as a member in its place, with
 * the successor list, the predecessor and the membership table that it would have had
 * once all had joined. From then on it is a ring like any other.
 */
#ifndef PIAS_SIM_PERFECT_H
#define PIAS_SIM_PERFECT_H

#include "overlay/overlay.h"

struct place {
	struct contact contact;
	uint64_t incarnation;
};

/* Instead of overlay_start: @o is the @i-th of the @n places of @ring, by id. */
void perfect_join(struct overlay *o, const struct place *ring, unsigned n, unsigned i);

#endif
