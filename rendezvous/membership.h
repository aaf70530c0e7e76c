/*
 * What a join AP asks of a group's rendezvous AP: to enter, renew or remove one
 * server's membership. The update is routed to whoever owns the group, ourselves
 * included, and asked again (300 ms, 5 times) until somebody answers, so that an
 * owner's crash in between goes unnoticed. Repeats do no harm: updates are ordered by
 * (seq, stamp), see member.h.
 */
#ifndef PIAS_RENDEZVOUS_MEMBERSHIP_H
#define PIAS_RENDEZVOUS_MEMBERSHIP_H

#include "overlay/overlay.h"
#include "rendezvous/member.h"
#include "rendezvous/name.h"

#define MEMBERSHIP_TRY	 (300 * MSEC)
#define MEMBERSHIP_TRIES 5
#define MEMBERSHIP_MAX	 65536 /* requests under way */
#define REASON_MAX	 127   /* bytes of an explanation, without NUL */

enum membership_op {
	MEMBERSHIP_JOIN = 1, /* new, or again; the group must exist, or @create */
	MEMBERSHIP_REFRESH,  /* also recreates what a crash may have lost */
	MEMBERSHIP_LEAVE,    /* by the server's own will: a tombstone remains */
	/*
	 * By our own probes: health, round-trip time or draining changed (flags, rtt_us
	 * of the record; @stamp one higher). Does not extend the lease, and counts only
	 * as long as we are the member's join AP.
	 */
	MEMBERSHIP_HEALTH,
};

struct membership_request {
	struct group_name name;
	enum membership_op op;
	bool create;
	uint8_t policy;	 /* of a group to be created; 0 = POLICY_NEAREST */
	pias_time lease; /* wish; 0 = the owner's default */
	/* join_ap, coord and left are filled in here; flags as they shall be. */
	struct member_record member;
	uint32_t cookie; /* given back with the answer */
};

struct membership_result {
	/*
	 * 0; PIAS_ENOTFOUND: no such group (and not @create); PIAS_EFULL: a limit;
	 * PIAS_EREPLAY: older than what is known, whose seq is @seq; PIAS_EINVALID:
	 * unknown policy; PIAS_ETIMEOUT: no owner answered.
	 */
	int err;
	pias_time lease;    /* granted */
	uint64_t seq;	    /* known at the owner now */
	const char *reason; /* for a person; "" where err is 0 */
};

struct membership_ops {
	void (*done)(void *ctx, uint32_t cookie, const struct membership_request *request,
		     const struct membership_result *result);
	/*
	 * A later refresh of the server came through @join_ap: that AP watches it now,
	 * we need not. Not sent to APs that are already known not to be the join AP.
	 */
	void (*moved)(void *ctx, const struct group_name *name, const struct id *server,
		      uint64_t seq, const struct id *join_ap);
};

struct membership;
struct post;

/* NULL: no memory. */
struct membership *membership_new(struct env *env, struct overlay *overlay,
				  struct post *post, const struct membership_ops *ops,
				  void *ctx);
/* Forgets what is under way without a word. */
void membership_free(struct membership *m);

/* Bodies of MSG_UPDATE_ACK and MSG_MOVED: 0 or PIAS_EMALFORMED. */
int membership_on_ack(struct membership *m, struct rd *body);
int membership_on_moved(struct membership *m, struct rd *body);

/*
 * Copies @request; ops->done follows exactly once, never from within this call.
 * PIAS_EFULL: too many under way, and ops->done does not follow.
 */
must_check int membership_update(struct membership *m,
				 const struct membership_request *request);

#endif
