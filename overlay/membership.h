/*
 * Who is in the ring: claims about APs (the detector's, other APs', their own) become
 * entries of the membership table and are passed on. A silent AP is first suspect; it
 * has the suspicion timeout to refute that, with a greater incarnation, before it is
 * declared dead (SWIM). Claims about ourselves are refuted here. PROTOCOL 5.
 */
#ifndef PIAS_OVERLAY_MEMBERSHIP_H
#define PIAS_OVERLAY_MEMBERSHIP_H

#include "overlay/gossip.h"
#include "overlay/suspicion.h"

struct membership_ops {
	int (*send)(void *ctx, const struct contact *to, uint8_t type, const void *body,
		    size_t len);
	/* The table holds @who as @now; before, it was @was. */
	void (*changed)(void *ctx, const struct contact *who, enum peer_status now,
			enum peer_status was);
	/* It is another process than before: what that one held is lost. */
	void (*restarted)(void *ctx, const struct contact *who);
	/* Worth a probe at once. */
	void (*probe)(void *ctx, const struct contact *who);
	/* Our own incarnation grew. */
	void (*incarnation)(void *ctx, uint64_t incarnation);
	/* Another AP claims our id, from elsewhere. Called at most once a minute. */
	void (*duplicate)(void *ctx, const struct contact *other);
	/* A dead one's turn: is it back? Every ten seconds. */
	void (*departed)(void *ctx, const struct contact *who);
	/* We have the whole table of another member. */
	void (*pulled)(void *ctx);
};

struct membership {
	struct env *env;
	const struct membership_ops *ops;
	void *ctx;
	struct contact self;
	uint64_t incarnation;
	bool spreads; /* with a full table; else every AP judges for itself */
	bool is_active, has_left;
	struct table table;
	struct gossip gossip;

	struct suspicion suspicion;
	pias_time duplicate_at, defended_at;
	unsigned n_disputes; /* settled in the second that began at ... */
	pias_time disputes_since;

	struct timer departed; /* slow search for those who came back */
	uint32_t next_departed;
	uint32_t round_at, round_left, round_step; /* whom to probe next */
};

void membership_init(struct membership *m, struct env *env, struct book *book,
		     const struct contact *self, uint64_t incarnation,
		     pias_time probe_period, bool spreads,
		     const struct membership_ops *ops, void *ctx);
void membership_fini(struct membership *m);

/* We are a member: enter ourselves and tell everybody. */
void membership_start(struct membership *m);
/* We go: tell everybody. */
void membership_leave(struct membership *m);
/* Fetch the whole table from @from; ends in ops->pulled. */
void membership_pull(struct membership *m, const struct contact *from);

/* @who proved to be a member just now, under that incarnation. */
void membership_on_heard(struct membership *m, const struct contact *who,
			 uint64_t incarnation);
/* It left, and told us so itself. */
void membership_on_left(struct membership *m, const struct contact *who,
			uint64_t incarnation);
/* The detector: no answer, directly or through helpers. */
void membership_on_unanswered(struct membership *m, const struct contact *who);
/* A link to @who is up: 0, or PIAS_EDUPLICATE if its key is in use elsewhere. */
must_check int membership_on_contact(struct membership *m, const struct contact *who);
/* EVENTS, SYNC, ENTRIES. */
int membership_on_message(struct membership *m, const struct contact *from, uint8_t type,
			  struct rd *body);

bool membership_is_live(const struct membership *m, const struct id *id);
bool membership_is_gone(const struct membership *m, const struct id *id);
enum peer_status membership_status(const struct membership *m, const struct id *id);
/* The next to probe, in rounds; false = nobody. */
bool membership_next_target(struct membership *m, struct contact *out);

#endif
