/*
 * The server's side of a membership: joins groups through the nearest AP, keeps the
 * leases, answers the probes that come through the tunnel, leaves. I/O-free like the
 * rest of the core: `pias-join` drives it with sockets, the simulator with events.
 *
 * In terms of env_ops: `datagram` sends from the agent's own UDP socket, to anycast
 * and unicast addresses alike; `dial` (id all zero) opens a TLS link to an AP, which
 * the host reports with agent_on_link_up once the AP's certificate is verified.
 * The address must be usable (tunnel open, address on the loopback) before
 * agent_start, because the AP probes it before it accepts.
 *
 * Since the anycast address is then the server's own, a datagram to its control port
 * would never leave the host: the host sees to it that it does, and that the answers,
 * whose source is an address of the receiver, are taken (pias-join: by a rule in front
 * of the one for local addresses). Answers may come from the AP's unicast address as
 * well; so the socket must not be connected, nor filter by source.
 */
#ifndef PIAS_RENDEZVOUS_AGENT_H
#define PIAS_RENDEZVOUS_AGENT_H

#include "overlay/base/env.h"
#include "overlay/overlay.h"
#include "rendezvous/name.h"

#define AGENT_GROUPS_MAX 64

struct agent_config {
	char ring[RING_NAME_MAX + 1];
	struct group_name group[AGENT_GROUPS_MAX];
	unsigned n_groups;
	bool create;	     /* create groups that do not exist */
	struct addr unicast; /* where tunnel packets shall come; GUE: with port */
	uint8_t encap;	     /* enum encap */
	uint16_t mtu;	     /* of the path to us; 1500 */
	/* Port of group i's probes, on the anycast address; chosen by the host. */
	uint16_t probe_port[AGENT_GROUPS_MAX];
	uint64_t cookie; /* ours, for GUE; random */
	uint64_t start;	 /* wall clock in us: orders this run after earlier ones */
	pias_time lease; /* wish; 0 = the AP's default */
};

enum agent_state {
	AGENT_IDLE,
	AGENT_HELLO,  /* looking for an AP */
	AGENT_LINK,   /* talking TLS with it */
	AGENT_PROVE,  /* waiting for the probe through the tunnel */
	AGENT_JOINED, /* lease held */
	AGENT_LOST,   /* lease lost; joining again after a pause */
	AGENT_LEFT,
};

struct agent_ops {
	/* Group @i entered @state. */
	void (*state)(void *ctx, unsigned i, enum agent_state state);
	/*
	 * Group @i was refused: PIAS_E*, and the AP's words. @is_final: trying again
	 * is useless without a change by a person.
	 */
	void (*refused)(void *ctx, unsigned i, int err, const char *why, bool is_final);
};

struct agent;

struct agent *agent_new(struct env *env, const struct agent_config *config,
			const struct agent_ops *ops, void *ctx);
void agent_free(struct agent *a);
void agent_start(struct agent *a);
/* Leaves all groups; state becomes AGENT_LEFT when confirmed or after a second. */
void agent_leave(struct agent *a);

/* A datagram on our UDP socket (answers from anycast and unicast addresses). */
void agent_on_datagram(struct agent *a, const struct addr *from, const uint8_t *data,
		       size_t len);
/* A datagram on group @i's probe port, that is: one that came through the tunnel. */
void agent_on_probe(struct agent *a, unsigned i, const struct addr *from,
		    const uint8_t *data, size_t len);
must_check int agent_on_link_up(struct agent *a, uint32_t link, const struct id *ap);
must_check int agent_on_frame(struct agent *a, uint32_t link, const uint8_t *frame,
			      size_t len);
void agent_on_link_down(struct agent *a, uint32_t link);
/* @text: in a person's words, for example why a certificate was refused. */
void agent_on_dial_failed(struct agent *a, const struct addr addr[2], int why,
			  const char *text);

/* For status output: when the lease of group @i ends, and through which AP. */
enum agent_state agent_group_state(const struct agent *a, unsigned i);
pias_time agent_lease_left(const struct agent *a, unsigned i);
const struct contact *agent_ap(const struct agent *a, unsigned i);

#endif
