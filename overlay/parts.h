/*
 * What an overlay is made of, for the files that tie it together: overlay.c
 * (its life, and who gets which message), admit.c (joining, and letting others in),
 * watch.c (who lives), route.c (who owns a key, and the way there), view.c (what the
 * operator sees).
 */
#ifndef PIAS_OVERLAY_PARTS_H
#define PIAS_OVERLAY_PARTS_H

#include "overlay/finger.h"
#include "overlay/join.h"
#include "overlay/membership.h"
#include "overlay/probe.h"
#include "overlay/ring.h"
#include "overlay/scratch.h"

struct seed_contact {
	struct id id;
	bool is_known; /* it has answered once, as that */
};

struct overlay {
	struct env *env;
	struct overlay_config config;
	const struct overlay_ops *ops;
	void *ctx;

	struct book *book, *own_book;
	struct peers *peers;
	struct probes *probes;
	struct ring ring;
	struct fingers fingers;
	struct membership membership;
	struct join join;
	bool is_started, is_joined;

	/* What the layers above have still to be told; see overlay_emit(). */
	bool range_changed, successors_changed, joined;
	struct id told[REPLICAS_MAX]; /* successors, as last told */
	unsigned n_told;

	/* Rings that split look for each other at the seeds. */
	struct seed_contact seed[OVERLAY_SEEDS_MAX];
	unsigned next_seed;
	struct timer seeds;

	struct scratch envelope; /* of what is routed */
};

#define OVERLAY_SEEDS_PERIOD (10 * SEC)

/* overlay.c */
int overlay_send_message(void *overlay, const struct contact *to, uint8_t type,
			 const void *body, size_t len);
/* Tells the layers above what they have still to be told. Comes last. */
void overlay_emit(struct overlay *o);

/* admit.c */
extern const struct join_ops admit_join_ops;
int admit_on_join(struct overlay *o, const struct contact *from, struct rd *body);

/* watch.c */
extern const struct membership_ops watch_membership_ops;
extern const struct probes_ops watch_probe_ops;
/* Is @who's ring another than ours? Exchange tables, or ask who follows us there. */
void watch_merge(struct overlay *o, const struct contact *who);

/* route.c */
enum hop route_hop(void *overlay, const struct id *key, struct contact *out);
int route_on_message(struct overlay *o, const struct contact *from, struct rd *body);
/* The live AP that most closely precedes @key, not ourselves. */
bool route_preceding(const struct overlay *o, const struct id *key, struct contact *out);

#endif
