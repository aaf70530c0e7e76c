/*
 * How far are servers from this AP? Coordinates and join APs tell of a detour, by way
 * of the server's join AP, that packets do not take. So an ingress AP measures the way
 * itself: it borrows one probe, made for that server, from the join AP, sends it through
 * its own tunnel, and the echo comes straight back to it. PROTOCOL 7.7.
 */
#ifndef PIAS_RENDEZVOUS_SURVEY_H
#define PIAS_RENDEZVOUS_SURVEY_H

#include <sys/queue.h>

#include "overlay/base/htab.h"
#include "overlay/base/siphash.h"
#include "rendezvous/post.h"
#include "rendezvous/rendezvous.h"
#include "rendezvous/select.h"

#define SURVEY_MAX     4096		   /* servers */
#define SURVEY_FLIGHTS 256		   /* measurements under way */
#define SURVEY_PERIOD  (30 * SEC)	   /* a server is measured again */
#define SURVEY_IDLE    (60 * SEC)	   /* unwanted for so long: forgotten */
#define SURVEY_STALE   (3 * SURVEY_PERIOD) /* an older time is not believed */
#define SURVEY_TIMEOUT (1 * SEC)	   /* for BORROW, LEND, PROBE and ECHO */
#define SURVEY_TRIES   2
#define SURVEY_NEAREST 8 /* members of a group that are measured */
#define SURVEY_SAMPLES 2 /* of them the smaller counts: delays only ever add */

TAILQ_HEAD(surveyed_list, surveyed);

struct survey {
	struct env *env;
	struct post *post;
	const struct rendezvous_ops *ops; /* for tunnel_control */
	void *ops_ctx;
	/* The last measurement under way for that group ended, well or badly. */
	void (*measured)(void *ctx, const struct group_name *group);
	void *ctx;
	struct siphash_key key;
	struct htab by_addr, by_session;
	struct surveyed_list wanted;  /* the longest unwanted first */
	struct surveyed_list flights; /* being measured, in order of their start */
	unsigned n_flights;
};

void survey_init(struct survey *s, struct env *env, struct post *post,
		 const struct rendezvous_ops *ops, void *ops_ctx);
void survey_fini(struct survey *s);

/*
 * Measure @server, a member of @group that joined through @join_ap (not ourselves),
 * unless that was done of late or too much else is under way. Call it again and again
 * as long as the time is wanted.
 */
void survey_want(struct survey *s, const struct group_name *group,
		 const struct target *server, const struct contact *join_ap);
/*
 * Those of a route that may come to be the nearest: the first few, but for who drains
 * or joined through us; none if there is no choice. @origin: of each target.
 */
void survey_want_nearest(struct survey *s, const struct route *route,
			 const struct origin *origin);
/* Is a measurement under way that was wanted for @group? */
bool survey_is_busy(const struct survey *s, const struct group_name *group);
/* The round-trip time to the server at @addr, in us; 0: not known. */
uint32_t survey_us(const struct survey *s, const struct addr *addr);
/* Forgets who is not wanted any more. */
void survey_expire(struct survey *s);

/* MSG_LEND. */
must_check int survey_on_lend(struct survey *s, const struct contact *from,
			      struct rd *body);
/* A datagram from a server; false: it is no echo of ours. */
bool survey_on_datagram(struct survey *s, const uint8_t *data, size_t len);

#endif
