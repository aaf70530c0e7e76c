/*
 * One membership as its server holds it: the session's keys, the ticket, and the lease
 * that is kept by refreshes until somebody leaves or nobody answers (PROTOCOL 6.6).
 * Used by agent.c alone, which finds APs and joins.
 */
#ifndef PIAS_RENDEZVOUS_AGENT_GROUP_H
#define PIAS_RENDEZVOUS_AGENT_GROUP_H

#include "rendezvous/agent.h"
#include "rendezvous/server_message.h"

struct agent_group;

struct agent_group_ops {
	/* The lease is lost: back to a HELLO. @err 0: nothing new for a person. */
	void (*lost)(void *ctx, struct agent_group *g, int err, const char *why);
	/* AGENT_LEFT, confirmed or not. */
	void (*left)(void *ctx, struct agent_group *g);
};

struct agent_group {
	struct env *env;
	uint64_t *seq; /* of the whole agent */
	const struct agent_group_ops *ops;
	void *ctx;

	struct group_name name;
	uint16_t probe_port;
	uint8_t state; /* enum agent_state */
	bool wants;    /* shall be joined and is not */
	bool was_joined;
	bool is_leaving;
	bool is_warned; /* that the AP gets no echoes */

	uint8_t key[SERVER_KEY_LEN]; /* given in the JOIN */
	uint8_t probe_key[SERVER_KEY_LEN];
	struct aead *seal;
	struct contact ap; /* the join AP */
	struct timer timer;
	pias_time expires, refresh;
	uint64_t first_seq, last_seq; /* of LEASE datagrams without an answer; 0: none */
	unsigned n_tries;
	struct id via;	/* refreshes come to that AP rather than to the join AP ... */
	unsigned n_via; /* ... that many in a row */
	uint8_t family; /* of the server's unicast address */
	uint8_t ticket_len;
	uint8_t ticket[SERVER_TICKET_MAX];
};

void agent_group_init(struct agent_group *g, struct env *env, uint64_t *seq,
		      const struct group_name *name, uint16_t probe_port, uint8_t family,
		      const struct agent_group_ops *ops, void *ctx);
void agent_group_fini(struct agent_group *g);

/* Draws new keys, for a JOIN. PIAS_ENOMEM. */
must_check int agent_group_rekey(struct agent_group *g);
/* The lease is ours, from @ap. */
void agent_group_accept(struct agent_group *g, const struct server_accept *a,
			const struct contact *ap);
/* Says goodbye if it holds a lease; ops->left follows, at once or within a second. */
void agent_group_leave(struct agent_group *g);

/* Is this ACK an answer to us? Then handles it. */
bool agent_group_on_ack(struct agent_group *g, struct server_ack *a);
void agent_group_on_probe(struct agent_group *g, const uint8_t *data, size_t len);

#endif
