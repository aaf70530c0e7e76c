/*
 * Failure detection after SWIM (Das et al., DSN 2002) and Lifeguard: every period
 * probe the ring neighbours and one other AP, in random round-robin order; a probe
 * that is not answered within the timeout drawn from measured round-trip times is
 * repeated through three others; only then is the AP reported as suspect. Answers
 * carry coordinates, so each is also a sample for Vivaldi (median of three).
 */
#ifndef PIAS_OVERLAY_PROBE_H
#define PIAS_OVERLAY_PROBE_H

#include "overlay/peer.h"

struct probes;

struct probes_ops {
	/* Who to probe next, besides the ring neighbours; false = nobody. */
	bool (*next_target)(void *ctx, struct contact *out);
	/* Ring neighbours, probed every period; returns how many (at most @max). */
	unsigned (*neighbours)(void *ctx, struct contact *out, unsigned max);
	/* Up to @max live helpers for an indirect probe, without @subject. */
	unsigned (*helpers)(void *ctx, const struct id *subject, struct contact *out,
			    unsigned max);
	/* No answer, directly or through helpers. */
	void (*unanswered)(void *ctx, const struct contact *subject);
	/* An answer, or a probe, from it: alive, with that incarnation. */
	void (*heard)(void *ctx, const struct contact *from, uint64_t incarnation);
};

struct probes *probes_new(struct env *env, struct peers *peers,
			  const struct contact *self, uint64_t incarnation,
			  pias_time period, const struct probes_ops *ops, void *ctx);
void probes_free(struct probes *p);
void probes_start(struct probes *p);
/* Ours grew, to refute a suspicion; later probes carry it. */
void probes_set_incarnation(struct probes *p, uint64_t incarnation);

/*
 * Probe @who now (its link broke or could not be had, somebody suspects it) rather
 * than in its turn. Where a probe is under way and no link is left to carry it, the
 * helpers are asked at once.
 */
void probes_now(struct probes *p, const struct contact *who);
/* Stop bothering: it is dead or left. */
void probes_forget(struct probes *p, const struct id *id);

/* Messages of types MSG_PROBE .. MSG_PROBE_ASK_ACK (message.h). */
int probes_on_message(struct probes *p, const struct contact *from, uint8_t type,
		      struct rd *body);

/* Ours, as it is told: it moves in steps, so that what depends on it keeps still. */
const struct coord *probes_coord(const struct probes *p);
/* Smoothed round-trip time in us, 0 = never measured. */
uint32_t probes_rtt_us(const struct probes *p, const struct id *id);
/* The last coordinate heard from it; NULL = never. */
const struct coord *probes_peer_coord(const struct probes *p, const struct id *id);
/* How long ago it was heard directly; PIAS_NEVER = never. */
pias_time probes_heard_ago(const struct probes *p, const struct id *id);

#endif
