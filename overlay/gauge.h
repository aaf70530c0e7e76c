/*
 * What probes have taught us about each peer: round-trip time, coordinate, when it was
 * last heard. A bounded table; the peer unheard for longest makes room.
 */
#ifndef PIAS_OVERLAY_GAUGE_H
#define PIAS_OVERLAY_GAUGE_H

#include "overlay/base/htab.h"
#include "overlay/base/id.h"
#include "overlay/coord.h"
#include "overlay/rtt.h"

#define GAUGES_MAX 512

struct gauge {
	struct id id;
	struct rtt rtt;
	struct coord coord;
	pias_time heard_at;
};

struct gauges {
	struct htab by_id;
};

void gauges_init(struct gauges *g);
void gauges_fini(struct gauges *g);
struct gauge *gauge_find(const struct gauges *g, const struct id *id);
/* Heard of @id, now, at @coord. NULL: out of memory. */
struct gauge *gauge_heard(struct gauges *g, const struct id *id,
			  const struct coord *coord, pias_time now);
void gauge_forget(struct gauges *g, const struct id *id);

#endif
