/*
 * One anycast proxy: overlay, rendezvous and forwarder put together, and the doors
 * through which a host drives it. The daemon and the simulator use nothing else.
 * Every proxy_on_* call is one step: the host sets env->now first, and the step ends
 * with env_settle(), which the door itself calls.
 */
#ifndef PIAS_FORWARDER_PROXY_H
#define PIAS_FORWARDER_PROXY_H

#include "forwarder/forward.h"
#include "overlay/overlay.h"
#include "rendezvous/rendezvous.h"

enum peer_kind {
	PEER_KIND_AP,
	PEER_KIND_SERVER,
};

/* Who is at the other end of a link, as its verified certificate says. */
struct peer_identity {
	enum peer_kind kind;
	struct id id;
	char name[SERVER_NAME_MAX + 1]; /* servers: the owner's name */
	struct addr from;
};

struct proxy_config {
	struct overlay_config overlay;
	struct rendezvous_config rendezvous;
	struct forward_config forward;
};

struct proxy_ops {
	/* Ready to forward: announce the prefix. false: withdraw it. */
	void (*ready)(void *ctx, bool is_ready);
	/* Joining the ring fails, and why; it is tried again. */
	void (*join_failed)(void *ctx, int err, const char *why);
};

struct proxy {
	struct env *env;
	const struct proxy_ops *ops;
	void *ctx;
	struct overlay *overlay;
	struct rendezvous *rendezvous;
	struct forward *forward;
	bool is_ready;
	bool is_leaving;
	struct timer ready_check;
};

must_check int proxy_init(struct proxy *p, struct env *env,
			  const struct proxy_config *config, const struct proxy_ops *ops,
			  void *ctx);
void proxy_fini(struct proxy *p);
void proxy_start(struct proxy *p);
/* Drain: withdraw (ops->ready false), hand over, tell the ring; keeps forwarding. */
void proxy_leave(struct proxy *p);

/* The wake-up asked for through env_ops. */
void proxy_on_wake(struct proxy *p);
must_check int proxy_on_link_up(struct proxy *p, uint32_t link,
				const struct peer_identity *who, bool dialed,
				const uint8_t key[OVERLAY_LINK_KEY_LEN]);
must_check int proxy_on_frame(struct proxy *p, uint32_t link, enum peer_kind kind,
			      const uint8_t *frame, size_t len);
void proxy_on_link_down(struct proxy *p, uint32_t link, enum peer_kind kind);
void proxy_on_dial_failed(struct proxy *p, const struct id *id, const struct addr addr[2],
			  int why);
/* A datagram on our control port (to one of our unicast addresses). */
void proxy_on_datagram(struct proxy *p, const struct addr *from, const struct addr *to,
		       const uint8_t *data, size_t len);
/* An IP packet for the anycast prefix. The burst's host calls proxy_settle() after. */
void proxy_on_packet(struct proxy *p, const struct packet_in *packet);
void proxy_settle(struct proxy *p);

#endif
