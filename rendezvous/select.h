/*
 * Which members for packets of which ingress AP? Nearest: by what a packet's way
 * costs, rtt(ingress AP, join AP) + rtt(join AP, server); draining members come after
 * all others; ties go to the smaller server id, so that every AP decides alike.
 */
#ifndef PIAS_RENDEZVOUS_SELECT_H
#define PIAS_RENDEZVOUS_SELECT_H

#include "rendezvous/group.h"
#include "rendezvous/route.h"

/* An ingress AP stays with the nearest member it has until another is so much nearer. */
#define STAY_PERCENT 20
#define STAY_MIN     (1 * MSEC)

struct selector {
	struct overlay *overlay;
	uint32_t tag; /* of the latest walk, for the memos in struct ap */
};

struct ranked {
	const struct member *member;
	uint32_t cost_us;
};

/* A member as an ingress AP keeps it; target.cost_us is the cost. */
struct choice {
	struct target target;
	struct ap *ap;	 /* the join AP */
	uint32_t rtt_us; /* from there to the server */
};

/* Of a route's target, beside what the forwarder needs. */
struct origin {
	struct ap *ap;	 /* the join AP */
	uint32_t rtt_us; /* from there to the server */
};

/* Measured where we are one of the two, else predicted from the coordinates. */
uint32_t select_cost(const struct selector *s, const struct id *ingress,
		     const struct coord *coord, const struct ap *join_ap,
		     uint32_t rtt_us);

/*
 * The nearest @max eligible members, in order; returns how many. *n_all counts all
 * eligible ones.
 */
unsigned select_nearest(struct selector *s, const struct group *g,
			const struct id *ingress, const struct coord *coord,
			struct ranked *out, unsigned max, uint32_t *n_all);

void target_fill(struct target *t, const struct member *m, uint32_t cost_us);

/* All but the cost. Takes a reference to the join AP; false: out of memory. */
bool choice_fill(struct choice *out, struct interns *in, const struct member_record *m);
void choices_put(const struct choice *c, unsigned n, struct interns *in);

/*
 * Puts @c in order by cost, except that @current (may be NULL), where it may still be
 * chosen, stays first unless the best is clearly nearer.
 */
void choices_sort(struct choice *c, unsigned n, const struct id *current);

#endif
