/*
 * Who serves this group? Each AP plays three parts here:
 *
 *  - rendezvous AP (owner.c ...): holds the full member list of every group whose key
 *    it owns, copies it to its successors, tells the ingress APs that cache it;
 *  - ingress AP (cache.c): resolves groups that packets ask for, keeps what it learnt
 *    while it is used, compiles it into routes for the forwarder;
 *  - join AP (join.c, health.c): admits servers and watches them through the tunnel.
 *
 * Messages, constants and timers: PROTOCOL 6 and 7.
 */
#ifndef PIAS_RENDEZVOUS_RENDEZVOUS_H
#define PIAS_RENDEZVOUS_RENDEZVOUS_H

#include "overlay/overlay.h"
#include "rendezvous/member.h"
#include "rendezvous/name.h"
#include "rendezvous/route.h"

#define RENDEZVOUS_PREFIXES_MAX 16

/* The certified identity of a server at the other end of a link. */
struct server_identity {
	struct id id;			/* hash of its public key, as an AP's */
	char name[SERVER_NAME_MAX + 1]; /* from its certificate */
	struct addr from;		/* the far end of the link, as we see it */
};

struct rendezvous_config {
	char ring[RING_NAME_MAX + 1];
	uint8_t ring_key[HASH_LEN]; /* shared by all APs: cookies, tickets */
	struct prefix prefix[RENDEZVOUS_PREFIXES_MAX];
	unsigned n_prefixes;
	unsigned n_replicas;	    /* r, the owner included; 3 */
	pias_time lease;	    /* 30 s */
	pias_time refresh;	    /* 10 s: what servers are told */
	pias_time health_period;    /* 250 ms between probes of a server */
	unsigned health_misses;	    /* 3 in a row: dead */
	pias_time negative_ttl;	    /* 1 s */
	pias_time cache_idle;	    /* 120 s without a packet: forgotten */
	uint32_t max_groups;	    /* owned + copies; 1,000,000 */
	uint32_t max_members;	    /* in all groups here; 1,000,000 */
	uint32_t max_group_members; /* in one group; 100,000 */
	uint32_t max_cached;	    /* cached routes, negative ones included; 262,144 */
	uint32_t max_servers;	    /* joined through this AP; 65,536 */
};

struct rendezvous_ops {
	/*
	 * The forwarder's table: @route replaces what it had for @name and becomes
	 * its property; NULL: it knows nothing of @name any more. A route with
	 * n_targets 0 is an answer as well: no live member, or, with version 0, no
	 * such group. A route lives until it is replaced or withdrawn here, because
	 * used_at is read to tell whether it is still needed. PIAS_ENOMEM, which only
	 * a new name can meet: @route is not taken. Never calls back.
	 */
	int (*route)(void *ctx, const struct group_name *name, struct route *route);
	/*
	 * Send @payload as UDP to @group's address, @port, through the tunnel to @to:
	 * the way a client's packet would go.
	 */
	void (*tunnel_control)(void *ctx, const struct target *to,
			       const struct group_name *group, uint16_t port,
			       const void *payload, size_t len);
	/* Answer a datagram that came to an anycast address: UDP from @from to @to. */
	void (*answer)(void *ctx, const struct addr *from, const struct addr *to,
		       const void *payload, size_t len);
	/* rendezvous_leave is done, or 2 s have passed: overlay_leave may follow. */
	void (*left)(void *ctx);
};

struct rendezvous;

/* Copies @config. NULL: out of memory. */
struct rendezvous *rendezvous_new(struct env *env, struct overlay *overlay,
				  const struct rendezvous_config *config,
				  const struct rendezvous_ops *ops, void *ctx);
void rendezvous_free(struct rendezvous *rv);
/* Hands our groups and leases to others, ahead of overlay_leave; ends in ops->left. */
void rendezvous_leave(struct rendezvous *rv);
/* Do we hold everything that we own? Only then may the prefix be announced. */
bool rendezvous_is_ready(const struct rendezvous *rv);

/* From the overlay */

int rendezvous_on_message(struct rendezvous *rv, const struct contact *from, uint8_t type,
			  struct rd *body);
void rendezvous_on_range_changed(struct rendezvous *rv);
void rendezvous_on_successors_changed(struct rendezvous *rv);
void rendezvous_on_peer_changed(struct rendezvous *rv, const struct contact *peer,
				enum peer_status now);

/* From servers, by way of the host */

/* An authenticated link from a server. An error means: close it. */
must_check int rendezvous_on_server_up(struct rendezvous *rv, uint32_t link,
				       const struct server_identity *who);
must_check int rendezvous_on_server_frame(struct rendezvous *rv, uint32_t link,
					  const uint8_t *frame, size_t len);
void rendezvous_on_server_down(struct rendezvous *rv, uint32_t link);
/*
 * A datagram on the control port that is not the overlay's: HELLO, refresh, leave,
 * echo. @to is the anycast address it came to, or one of our own.
 */
void rendezvous_on_server_datagram(struct rendezvous *rv, const struct addr *from,
				   const struct addr *to, const uint8_t *data,
				   size_t len);

/* For the forwarder */

/*
 * A packet for @name found no route: resolve it, and subscribe. Cheap to repeat. The
 * result arrives through ops->route.
 */
void rendezvous_want(struct rendezvous *rv, const struct group_name *name);

enum select_result {
	SELECT_OK,
	SELECT_NO_GROUP,  /* no such group; authoritative */
	SELECT_NO_MEMBER, /* it has no live member, or only the sender */
	SELECT_NOT_OURS,  /* we neither own nor copy it: pass it on */
};

/*
 * As the rendezvous AP (or a replica): the member for a packet from @src that came
 * in at @ingress. @hash: of its flow, for policies that spread; nearest does not.
 */
enum select_result rendezvous_select(struct rendezvous *rv, const struct group_name *name,
				     const struct id *ingress,
				     const struct coord *ingress_coord,
				     const struct addr *src, uint32_t hash,
				     struct target *out);

/* For the operator */

enum group_role {
	ROLE_OWNER = 1,	  /* we are its rendezvous AP */
	ROLE_REPLICA = 2, /* we hold a copy */
	ROLE_CACHE = 4,	  /* we cache it for packets */
	ROLE_JOIN = 8,	  /* servers joined it through us */
	ROLE_STRAY = 16,  /* left over: for its owner to take, unused until then */
};

struct group_info {
	struct group_name name;
	unsigned roles;
	uint64_t version;
	uint32_t n_members, n_subscribers;
	bool is_negative; /* cached: no such group */
};

struct member_info {
	struct id server;
	char name[SERVER_NAME_MAX + 1]; /* "" where we only cache it */
	struct contact join_ap;
	struct addr unicast;
	uint8_t encap;
	bool is_up, is_draining;
	uint32_t rtt_us;      /* join AP to server */
	uint32_t cost_us;     /* from this AP */
	pias_time expires_in; /* PIAS_NEVER where we only cache it */
	uint64_t seq;
};

/* In order of name, so that output is stable. */
void rendezvous_each_group(struct rendezvous *rv,
			   void (*fn)(void *ctx, const struct group_info *info),
			   void *ctx);
/* Members in order of cost from this AP. PIAS_ENOTFOUND if we know nothing of it. */
must_check int rendezvous_each_member(
	struct rendezvous *rv, const struct group_name *name,
	void (*fn)(void *ctx, const struct member_info *info), void *ctx);
uint32_t rendezvous_n_servers(const struct rendezvous *rv); /* joined through us */

#endif
