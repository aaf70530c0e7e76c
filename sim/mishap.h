/* What goes wrong in a trial: each operation of its plan, and what ends it. */
#ifndef PIAS_SIM_MISHAP_H
#define PIAS_SIM_MISHAP_H

#include "sim/trial.h"

/* For world_at: operation @index of the plan of @trial. */
void mishap_happen(void *trial, uint64_t index);
/* Something happened that may leave the ring with less than it must have. */
void mishap_unsettle(struct trial *t);
/* Of the servers one crashes, one leaves, and one that is down starts, if there are. */
void mishap_to_servers(struct trial *t);
/* Partitions, slowness, clogging and false twins end. */
void mishap_heal(struct trial *t);

/* Starts with a wall clock that may have leapt. */
void mishap_start_ap(struct trial *t, struct ap *ap);
void mishap_start_server(struct trial *t, unsigned i);

/* Something that a forger may damage or repeat. */
void mishap_overhear(struct trial *t, const struct host *from, const struct host *to,
		     const uint8_t *data, size_t len);

#define DRAIN_TIME (5 * SEC) /* from leaving to being gone */

#endif
