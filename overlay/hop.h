/*
 * The next hop towards a key by Chord's own means, the successor list and the fingers:
 * what routes where there is no full table.
 */
#ifndef PIAS_OVERLAY_HOP_H
#define PIAS_OVERLAY_HOP_H

#include "overlay/finger.h"
#include "overlay/ring.h"

/* Who owns @key, or is closer to its owner? @out may be ourselves: then we own it. */
enum hop hop_towards(const struct ring *r, const struct fingers *f, const struct id *key,
		     struct contact *out);
/* The known live AP that most closely precedes @key, not ourselves. */
bool hop_preceding(const struct ring *r, const struct fingers *f, const struct id *key,
		   struct contact *out);

#endif
