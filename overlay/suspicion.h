/*
 * The time an AP under suspicion has to prove that it lives. If it is our suspicion, the
 * end of that time is a verdict; if we only heard of it, the end is a reason to look for
 * ourselves. How long it is depends on the number of members and on how often we were
 * wrong (Lifeguard).
 */
#ifndef PIAS_OVERLAY_SUSPICION_H
#define PIAS_OVERLAY_SUSPICION_H

#include "overlay/base/env.h"

#define SUSPECTS_MAX 64

struct suspicion_ops {
	/* Time is up for @id; the entry is gone if it was ours, else it waits again. */
	void (*expired)(void *ctx, const struct id *id, bool is_ours);
};

struct suspect {
	struct id id;
	uint64_t incarnation;
	pias_time deadline;
	bool is_ours; /* it did not answer us */
};

struct suspicion {
	struct env *env;
	const struct suspicion_ops *ops;
	void *ctx;
	pias_time probe_period;
	struct suspect suspect[SUSPECTS_MAX];
	unsigned n;
	struct timer timer;
	unsigned health; /* 0 = well; more: our own suspicions proved wrong */
	pias_time health_at;
};

void suspicion_init(struct suspicion *s, struct env *env, pias_time probe_period,
		    const struct suspicion_ops *ops, void *ctx);
void suspicion_fini(struct suspicion *s);

/* Of one among @n_live members. What is ours already, stays as it is. */
void suspicion_add(struct suspicion *s, const struct id *id, uint64_t incarnation,
		   bool is_ours, uint32_t n_live);
/* It is dead, or has refuted (then we were wrong, if it was ours). */
void suspicion_end(struct suspicion *s, const struct id *id, bool is_refuted);
/* It answered after all: no verdict of ours, but the rumour is out. */
void suspicion_relent(struct suspicion *s, const struct id *id);

#endif
