/*
 * Is this server alive (D1)? The join AP sends small authenticated probes through the
 * server's whole tunnel path and waits for their echoes. One struct health per server,
 * embedded in its record; what all servers of an AP share is in struct prober.
 *
 * A server begins under challenge: 4 probes in 600 ms, one of which must be echoed, or
 * nothing is ever sent its way. Then a probe every period (250 ms); an unanswered one
 * is repeated after three quarters of it; as many as `misses` (3) in a row: down. Thus
 * a crash is known after 0.81 s at the latest, 0.69 s on average. A server that is
 * down is probed on, once a second. PROTOCOL 6.5.
 */
#ifndef PIAS_RENDEZVOUS_HEALTH_H
#define PIAS_RENDEZVOUS_HEALTH_H

#include "overlay/base/env.h"
#include "overlay/base/siphash.h"
#include "rendezvous/server_message.h"

enum health_state {
	HEALTH_OFF,
	HEALTH_CHALLENGE,
	HEALTH_UP,
	HEALTH_DOWN,
};

struct health;

struct health_ops {
	/* Through the tunnel to the server's probe port. */
	void (*send)(void *ctx, struct health *h, const uint8_t *probe, size_t len);
	/* The challenge is met: HEALTH_UP; or not: HEALTH_OFF. */
	void (*challenged)(void *ctx, struct health *h);
	/* HEALTH_UP to HEALTH_DOWN or back. */
	void (*changed)(void *ctx, struct health *h);
	/* Another echo of a server that is up: rtt_us is newer. */
	void (*measured)(void *ctx, struct health *h);
};

struct prober {
	struct env *env;
	const struct contact *self; /* echoes come to our control port */
	pias_time period;
	unsigned misses;
	struct siphash_key token_key; /* ours alone: nobody can guess an echo */
	const struct health_ops *ops;
	void *ctx;
};

struct health {
	struct prober *prober;
	struct timer timer;
	uint64_t session;	     /* random; names it in echoes */
	pias_time heard_stamp;	     /* of the latest probe that was echoed */
	pias_time sent_at;	     /* the latest probe */
	pias_time silent_since;	     /* the first of the unanswered ones */
	uint32_t rtt_us;	     /* smoothed; 0 = none yet */
	uint8_t key[SERVER_KEY_LEN]; /* of tags */
	uint8_t family;		     /* of the server's unicast address */
	uint8_t state;		     /* enum health_state */
	uint8_t unanswered;	     /* probes in a row */
};

/* Draws the prober's key. */
void prober_init(struct prober *p, struct env *env, const struct contact *self,
		 pias_time period, unsigned misses, const struct health_ops *ops,
		 void *ctx);

/* Draws the session's number; HEALTH_OFF. */
void health_init(struct health *h, struct prober *p, uint8_t family,
		 const uint8_t key[static SERVER_KEY_LEN]);
void health_stop(struct health *h);
void health_challenge(struct health *h);

/*
 * A probe for another AP, whose echo goes to @reply and carries @session; returns its
 * length, or 0 if the server is not up.
 */
size_t health_lend(const struct health *h, uint64_t session, const struct addr *reply,
		   uint8_t out[static SERVER_PROBE_MAX]);

/* @e names our session. Checks tag, token and time; counts what is wrong. */
void health_on_echo(struct health *h, const struct server_echo *e);

#endif
