/*
 * The join AP (PROTOCOL 6): admits servers that come over their links, watches them
 * through the tunnel, serves their refreshes and leaves, takes over servers whose join
 * AP is gone. Members are entered, renewed and removed at the group's rendezvous AP
 * through membership.h; here is only what it takes to watch them.
 *
 * join.c puts together: hello.c (finding an AP), server_link.c (JOIN), admission.c
 * (who may), health.c (probes), renewal.c (refresh, leave, adoption). The lower half of
 * this header is between them.
 */
#ifndef PIAS_RENDEZVOUS_JOIN_H
#define PIAS_RENDEZVOUS_JOIN_H

#include "overlay/overlay.h"
#include "rendezvous/attempts.h"
#include "rendezvous/hello.h"
#include "rendezvous/membership.h"
#include "rendezvous/message.h"
#include "rendezvous/rendezvous.h"
#include "rendezvous/server.h"
#include "rendezvous/turn.h"

/* AP to AP: a LEASE that belongs to the server's join AP (PROTOCOL 6.6). */
#define MSG_JOIN_RELAY 0x7f

#define RTT_PERIOD	     (500 * MSEC) /* between reports of a round-trip time */
#define SERVER_LINKS_MAX     4096
#define SERVER_LINKS_EACH    16		/* of one server: it needs one */
#define SERVER_LINK_TIME     (30 * SEC) /* a server's link lives no longer */
#define SERVER_LINK_REQUESTS 256	/* JOINs on one link */

struct joins {
	struct env *env;
	struct overlay *overlay;
	struct rendezvous_config config;
	const struct rendezvous_ops *ops;
	void *ctx;
	struct membership *membership;
	struct hello hello;
	struct aead *ticket_sealer;
	struct prober prober;
	struct servers servers;
	struct attempts attempts;
	struct turns turns;
	struct htab links; /* struct server_link */
	uint64_t link_serial;
	bool is_leaving;
};

/* For membership.h; their context is the struct joins. */
extern const struct membership_ops joins_membership_ops;

/* Copies @config; @ops and @ctx are the rendezvous layer's. NULL: out of memory. */
struct joins *joins_new(struct env *env, struct overlay *overlay,
			const struct rendezvous_config *config,
			const struct rendezvous_ops *ops, void *ctx);
void joins_free(struct joins *j);
/* Before anything arrives. */
void joins_set_membership(struct joins *j, struct membership *m);
/* We are leaving the ring: admit nobody any more. */
void joins_leave(struct joins *j);

must_check int joins_on_link_up(struct joins *j, uint32_t link,
				const struct server_identity *who);
must_check int joins_on_frame(struct joins *j, uint32_t link, const uint8_t *frame,
			      size_t len);
void joins_on_link_down(struct joins *j, uint32_t link);
void joins_on_datagram(struct joins *j, const struct addr *from, const struct addr *to,
		       const uint8_t *data, size_t len);
/* MSG_JOIN_RELAY. */
must_check int joins_on_relay(struct joins *j, const struct contact *from,
			      struct rd *body);
/* MSG_BORROW: *@out is the answer. False: there is none. */
bool joins_lend(struct joins *j, const struct contact *to, const struct msg_borrow *m,
		struct msg_lend *out);

uint32_t joins_n_servers(const struct joins *j); /* members that we watch */
/* Groups that we watch members of, in no order and possibly repeated. */
void joins_each_group(const struct joins *j,
		      void (*fn)(void *ctx, const struct group_name *group), void *ctx);

/* Between the join AP's files */

/* Asks the rendezvous AP; the answer comes through joins_membership_ops. */
void joins_ask(struct joins *j, struct server *s, enum membership_op op);
/* @s is a member now, by an answer of the rendezvous AP. */
void joins_watch(struct joins *j, struct server *s, pias_time lease);
/* A datagram to a server, in answer to one that came from @to to @from. */
void joins_send(struct joins *j, const struct addr *to, const struct addr *from,
		const uint8_t *data, size_t len);
/* The refresh interval that goes with a lease. */
uint32_t joins_refresh_ms(const struct joins *j, pias_time lease);
/* A new ticket of @s with ourselves as join AP; returns its length, 0 = failed. */
size_t joins_ticket(struct joins *j, const struct server *s,
		    uint8_t out[static SERVER_TICKET_MAX]);

/* admission.c: 0, or PIAS_E* with the reason in @why. Whether it may join at all ... */
must_check int admission_check(struct joins *j, const struct admission *who, char *why,
			       size_t len);
/* ... or at least be served here, having been admitted somewhere. */
must_check int admission_check_here(struct joins *j, const struct admission *who,
				    char *why, size_t len);
/* Would it push out a living server @s that has the same key? */
must_check int admission_check_twin(const struct server *s, const struct addr *unicast,
				    char *why, size_t len);

void server_links_fini(struct joins *j);
/* For turns_init; its context is the struct joins. */
void server_link_on_turn(void *ctx, struct server *s);
/* The challenge of @s, whose turn it was, ended: so it goes for others behind it. */
void server_link_judge_alike(struct joins *j, struct server *s, bool is_met);
/* The challenge of a server that sent a JOIN ended; or MEMBERSHIP_JOIN did. */
void server_link_on_challenged(struct joins *j, struct server *s, bool is_met);
void server_link_on_done(struct joins *j, struct server *s,
			 const struct membership_result *result);

void renewal_on_datagram(struct joins *j, const struct server_origin *origin,
			 bool is_relayed, const uint8_t *data, size_t len);
/* The challenge of a server to be adopted ended. */
void renewal_on_challenged(struct joins *j, struct server *s, bool is_met);
/* Ends the membership at the rendezvous AP, and here. */
void renewal_leave(struct joins *j, struct server *s);
/* MEMBERSHIP_REFRESH or MEMBERSHIP_LEAVE ended. */
void renewal_on_done(struct joins *j, struct server *s,
		     const struct membership_request *request,
		     const struct membership_result *result);

#endif
