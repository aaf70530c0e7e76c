/*
 * Reaching other APs: one authenticated link per pair in use, the sealed datagrams
 * keyed from it, and the few messages that wait while a link is being dialed.
 *
 * A link starts with a HELLO from both ends (PROTOCOL 2.2): version, ring, contact,
 * incarnation and the session index by which the other end addresses its datagrams.
 * Only then do other messages count. Two APs that dial each other at once end with
 * the link that the smaller id dialed; the other is left to drain and closes idle.
 */
#ifndef PIAS_OVERLAY_PEER_H
#define PIAS_OVERLAY_PEER_H

#include "overlay/overlay.h"

struct peers;

struct peers_ops {
	/*
	 * HELLO done on one more link: @who is reachable. An error refuses the link and
	 * is told to the peer. What is sent to it from here waits until this returns 0.
	 */
	int (*peer_up)(void *ctx, const struct contact *who, uint64_t incarnation);
	/* The last link to @who ended, or could not be had: worth a probe, no verdict. */
	void (*peer_down)(void *ctx, const struct id *who, int why);
	/* A dialed seed answered (after its peer_up), or did not. */
	void (*seed_up)(void *ctx, const struct contact *who);
	void (*seed_failed)(void *ctx, const struct addr *seed, int why,
			    const char *text);
	/*
	 * A message; @is_datagram: it came sealed. An error closes the link it came by
	 * (a datagram closes none); PIAS_EMALFORMED is counted by the caller, whatever
	 * else by the callee.
	 */
	int (*message)(void *ctx, const struct contact *from, uint8_t type,
		       struct rd *body, bool is_datagram);
};

struct peers *peers_new(struct env *env, const char *ring, const struct contact *self,
			uint64_t incarnation, const struct peers_ops *ops, void *ctx);
void peers_free(struct peers *p);

must_check int peers_on_link_up(struct peers *p, uint32_t link, const struct id *peer,
				bool dialed, const uint8_t key[OVERLAY_LINK_KEY_LEN]);
must_check int peers_on_frame(struct peers *p, uint32_t link, const uint8_t *frame,
			      size_t len);
void peers_on_link_down(struct peers *p, uint32_t link);
void peers_on_dial_failed(struct peers *p, const struct id *id, const struct addr addr[2],
			  int why);
void peers_on_datagram(struct peers *p, const struct addr *from, const uint8_t *data,
		       size_t len);

void peers_dial_seed(struct peers *p, const struct addr *seed);
int peers_send(struct peers *p, const struct contact *to, uint8_t type, const void *body,
	       size_t len);
int peers_send_datagram(struct peers *p, const struct contact *to, uint8_t type,
			const void *body, size_t len);
bool peers_has_link(const struct peers *p, const struct id *id);
/* Ours grew (a suspicion refuted): later HELLOs carry it. */
void peers_set_incarnation(struct peers *p, uint64_t incarnation);
/* Forgets queued messages and keys of a peer that is dead or left; closes its links. */
void peers_drop(struct peers *p, const struct id *id);

#endif
