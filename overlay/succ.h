/*
 * A successor list in the making: whatever is offered, what comes out is in clockwise
 * order from its owner, without duplicates, without the owner, and of RING_L entries at
 * most.
 */
#ifndef PIAS_OVERLAY_SUCC_H
#define PIAS_OVERLAY_SUCC_H

#include "overlay/message.h"

struct succ_list {
	struct id owner;
	uint8_t n;
	bool is_cut; /* by the order: what follows lies beyond the owner */
	struct contact c[RING_L];
};

void succ_init(struct succ_list *l, const struct id *owner);
/* Takes @c if it comes next; if it does not, this is where the list ends. */
void succ_add(struct succ_list *l, const struct contact *c);
/* Zave's [last + 1]: a placeholder right after @last, the end of the old list. */
void succ_pad(struct succ_list *l, const struct contact *last);
bool succ_is_ordered(const struct contact *c, unsigned n, const struct id *owner);

#endif
