/*
 * The servers that an AP knows as their join AP: one record per membership (group and
 * server), from the first challenge to the end of the lease. Found by membership, or
 * by the session number that probes and echoes carry.
 */
#ifndef PIAS_RENDEZVOUS_SERVER_H
#define PIAS_RENDEZVOUS_SERVER_H

#include <sys/queue.h>

#include "overlay/base/htab.h"
#include "rendezvous/health.h"
#include "rendezvous/ticket.h"

enum server_state {
	SERVER_CHALLENGED, /* probed through its tunnel for the first time */
	SERVER_ENTERING,   /* met the challenge; the rendezvous AP is asked */
	SERVER_WATCHED,	   /* a member */
	SERVER_LEAVING,	   /* the rendezvous AP is told */
};

/* Where the answer to what a server asked for goes. */
struct server_origin {
	bool is_link;	      /* a JOIN on this link, else a LEASE datagram */
	uint32_t link;	      /* of that number ... */
	uint64_t link_serial; /* ... and that one: numbers are used again */
	struct addr from, to; /* the datagram's; @to maybe anycast */
	struct id via;	      /* the AP that it came to */
};

struct servers;
struct turn;

struct server {
	struct admission who;
	struct health health;
	struct server_origin origin;
	struct timer lease; /* runs out */
	struct servers *servers;
	struct turn *turn; /* it is in, turn.h; NULL: none */
	TAILQ_ENTRY(server) in_line;
	uint64_t seq;	/* the latest heard from the server */
	uint32_t stamp; /* of what we said about it since: member.h */
	uint32_t rtt_told_us;
	pias_time told_at; /* when the rendezvous AP last agreed */
	uint8_t seal_key[AEAD_KEY_LEN];
	uint8_t state; /* enum server_state */
	bool create;   /* the group, if there is none */
	bool up_told;
	bool is_telling; /* an update on its health is under way */
};

struct servers {
	struct env *env;
	struct siphash_key key;
	struct htab by_member, by_session;
	uint32_t max;
	void (*expired)(void *ctx, struct server *s);
	void *ctx;
};

void servers_init(struct servers *t, struct env *env, uint32_t max,
		  void (*expired)(void *ctx, struct server *s), void *ctx);
void servers_fini(struct servers *t);

/* SERVER_CHALLENGED, nothing sent yet. PIAS_EFULL or PIAS_ENOMEM. */
must_check int server_add(struct servers *t, const struct admission *who,
			  struct prober *prober, struct server **out);
void server_del(struct server *s);
struct server *server_find(const struct servers *t, const struct group_name *group,
			   const struct id *server);
struct server *server_find_session(const struct servers *t, uint64_t session);

/* The lease has that long from now. */
void server_extend(struct server *s, pias_time lease);

#endif
