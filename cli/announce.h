/*
 * The interface whose being up announces the anycast prefixes: BIRD or FRR see it and
 * the routes through it, and so does the kernel. It goes with the process, however
 * that ends, and the announcement with it.
 *
 * There is a second interface behind it, for draining: what still arrives after the
 * first one went down is forwarded through that one.
 */
#ifndef PIAS_CLI_ANNOUNCE_H
#define PIAS_CLI_ANNOUNCE_H

#include <event2/event.h>

#include "cli/tun.h"

#define ANNOUNCE_BURST	 64 /* packets taken in at once */
#define ANNOUNCE_WHY_MAX 256

struct announce_ops {
	void (*packet)(void *ctx, const struct packet_in *packet);
	void (*burst_over)(void *ctx);
	/* Somebody took an interface away from us: nothing comes in any more. */
	void (*lost)(void *ctx, const char *name, int err);
};

struct announce {
	struct tun main, drain;
	struct event *readable[2];
	struct prefix prefix[RENDEZVOUS_PREFIXES_MAX];
	unsigned n_prefixes;
	bool is_up, is_draining;
	uint8_t *buf;
	const struct announce_ops *ops;
	void *ctx;
};

/* Creates the interfaces, down. */
must_check int announce_open(struct announce *a, struct event_base *base,
			     const char *name, const struct prefix *prefix,
			     unsigned n_prefixes, const struct announce_ops *ops,
			     void *ctx, char why[static ANNOUNCE_WHY_MAX]);
void announce_close(struct announce *a);
/* Up, with routes for the prefixes through it. */
must_check int announce_start(struct announce *a, char why[static ANNOUNCE_WHY_MAX]);
/* Down: packets still come in, by the second interface. */
must_check int announce_stop(struct announce *a, char why[static ANNOUNCE_WHY_MAX]);
/* A packet into the host's own stack; 0 or a negative errno value. */
must_check int announce_emit(struct announce *a, const void *packet, size_t len);

#endif
