/*
 * Network coordinates: Vivaldi (Dabek et al., SIGCOMM 2004) in 8 dimensions plus a
 * height, with the constants of Serf. A coordinate predicts round-trip times between
 * APs; samples come from the probes, there are no messages of its own.
 */
#ifndef PIAS_OVERLAY_COORD_H
#define PIAS_OVERLAY_COORD_H

#include <stdbool.h>
#include <stdint.h>

#include "overlay/base/env.h"

#define COORD_DIMS     8
#define COORD_WIRE_LEN (4 * (COORD_DIMS + 2))

/* Seconds, as Vivaldi has it: vec and height are distances, error is relative. */
struct coord {
	float vec[COORD_DIMS];
	float height;
	float error; /* 1.5 = knows nothing */
};

void coord_init(struct coord *c);
/* Refuses (PIAS_EMALFORMED in @r) what is not finite or absurdly far. */
void coord_read(struct rd *r, struct coord *c);
void coord_write(struct wr *w, const struct coord *c);

/* Predicted round-trip time between two coordinates, in microseconds, never negative. */
uint32_t coord_rtt_us(const struct coord *a, const struct coord *b);

/*
 * Is @to far enough from @from to be worth telling: more than 5 % of its length, but
 * never less than 100 us nor more than 2 ms? What is told of us stays put meanwhile,
 * so that those who select by it need not choose anew with every sample.
 */
#define COORD_MOVED_PART 0.05
#define COORD_MOVED_MIN	 100e-6 /* s */
#define COORD_MOVED_MAX	 2e-3
bool coord_has_moved(const struct coord *from, const struct coord *to);

/*
 * One filtered sample: we measured @rtt_us to a peer at @peer. Moves @self; @env is
 * drawn on only where both points coincide. Ignores impossible samples (0 or > 10 s).
 */
void coord_update(struct coord *self, const struct coord *peer, uint32_t rtt_us,
		  struct env *env);

#endif
