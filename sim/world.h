/*
 * The simulated world: hosts with addresses, time, and what travels between them. A
 * host runs one core (an AP, a server's agent, a client); the world is its env_ops and
 * calls its doors. Everything is one thread and one event queue: same seed, same
 * trace, on every machine.
 *
 * Links stand for TLS connections: a dial costs a TCP and a TLS 1.3 handshake (two
 * round trips for the dialer, one and a half for the other end), messages keep their
 * order, and a link breaks at its other end one delay after its owner's process dies,
 * or by timeout when the path is cut.
 */
#ifndef PIAS_SIM_WORLD_H
#define PIAS_SIM_WORLD_H

#include "overlay/base/env.h"
#include "overlay/contact.h"
#include "overlay/overlay.h"
#include "sim/buffer.h"
#include "sim/faults.h"
#include "sim/ledger.h"
#include "sim/queue.h"
#include "sim/topology.h"

struct world;
struct host;

/* What the world tells a host's core; NULL: it is never told. */
struct host_doors {
	/* Soon it will be called: fetch what that needs into the cache, change nothing.
	 */
	void (*approach)(void *core);
	void (*wake)(void *core);
	/* An error closes the link. @who is the certified peer. */
	int (*link_up)(void *core, uint32_t link, const struct host *who, bool dialed,
		       const uint8_t key[OVERLAY_LINK_KEY_LEN]);
	int (*frame)(void *core, uint32_t link, const uint8_t *frame, size_t len);
	void (*link_down)(void *core, uint32_t link);
	void (*dial_failed)(void *core, const struct id *id, const struct addr addr[2],
			    int why);
	void (*datagram)(void *core, const struct addr *from, const uint8_t *data,
			 size_t len);
	/* Encapsulated packets to a server: the bytes behind the outer headers. */
	void (*tunnel)(void *core, const struct tunnel_packet *pkt,
		       const struct host *from);
	/* An IP packet of the inner world: to a client's address, or anycast at an AP. */
	void (*packet)(void *core, uint8_t *data, size_t len);
};

/* Traffic of one host. */
struct host_traffic {
	uint64_t messages_out, bytes_out; /* frames, datagrams and tunnel packets */
	uint64_t messages_in, bytes_in;
};

struct host {
	/* Touched at every event: a cache line that senders to it read, too ... */
	uint32_t index, point;
	uint32_t generation; /* grows at every crash: what was under way is void */
	uint32_t wake_generation;
	struct fault_host fault;
	bool is_up;
	bool is_paused; /* its process stands still, and what comes for it waits */
	bool is_server; /* as its certificate says; else an AP */
	/* Its monotonic clock: by so much ahead at world time 0, and so much faster. */
	int32_t clock_ppm;
	pias_time clock_ahead;
	/* ... and what only its own events do. */
	struct world *world;
	const struct host_doors *doors;
	void *core;
	struct host_traffic traffic;
	struct env env; /* begins with what is touched as often */
	/* Now and then. */
	struct rng rng;
	struct id id;
	struct addr addr; /* world_addr of its index */
} __attribute__((aligned(64)));

/* Where packets to an anycast address enter, seen from a host. UINT32_MAX: nowhere. */
typedef uint32_t ingress_fn(void *ctx, const struct host *from);

/* Who sees what travels, and changes nothing. */
struct world_watch {
	/* A host sends a datagram to another. */
	void (*datagram)(void *ctx, const struct host *from, const struct host *to,
			 const uint8_t *data, size_t len);
	/* An AP sends one packet through a tunnel; @to NULL: nobody lives there. */
	void (*tunnel)(void *ctx, const struct host *from, const struct host *to,
		       const struct tunnel_packet *pkt);
	/* A packet has come to a host from outside. */
	void (*packet)(void *ctx, const struct host *at, const uint8_t *data, size_t len);
};

struct world {
	pias_time now;
	struct queue queue;
	struct topology topology;
	struct faults faults;
	struct buffers buffers;
	struct host **host; /* by index; in slabs, side by side */
	uint32_t n_hosts, cap_hosts;
	struct event *event;
	uint32_t n_events, cap_events, free_event;
	struct sim_link *link;
	uint32_t n_links, cap_links, free_link;
	struct rng rng;
	uint64_t seed;
	uint64_t trace; /* running hash of every event */
	uint64_t n_delivered;
	struct prefix anycast[2]; /* v4, v6 */
	ingress_fn *ingress;
	void *ingress_ctx;
	const struct world_watch *watch; /* NULL: nobody */
	void *watch_ctx;
	struct ledger *ledger; /* the caller's; NULL: none is kept */
	/* What came for hosts that are paused. */
	struct event *waiting;
	size_t n_waiting, cap_waiting;
	/* Called for each log line; NULL: logging costs nothing. */
	void (*log)(struct world *w, const struct host *h, enum log_level level,
		    const char *text);
};

/* Starts empty, without faults; the caller initialises `topology` first. */
void world_init(struct world *w, uint64_t seed, enum queue_kind queue);
void world_fini(struct world *w);

/*
 * A new host at topology point @point; its core and doors are the caller's to set
 * before world_start_host. Hosts live until world_fini; @id zero: drawn.
 */
struct host *world_add_host(struct world *w, uint32_t point, const struct id *id);
struct host *world_host_by_addr(const struct world *w, const struct addr *a);
/* Reads nothing of the host itself; UINT32_MAX: nobody's address. */
uint32_t world_index_by_addr(const struct world *w, const struct addr *a);
/* IPv4 10.x.y.z:7427. */
struct addr world_addr(uint32_t index);
/* Its IPv6 address for packets of the inner world, in 2001:db8:cc::/48; without port. */
struct addr world_addr6(const struct host *h);
/* env->now := its clock, is_up := true. */
void world_start_host(struct world *w, struct host *h);
/*
 * The host's process is gone: what it had under way arrives, its links break. With
 * @silent nobody is told (power cut): links at other ends only time out.
 */
void world_crash_host(struct world *w, struct host *h, bool silent);
/* Stands still for @time: then it gets at once all that came meanwhile. */
void world_pause_host(struct world *w, struct host *h, pias_time time);
/* All links of the host break now; both ends are told after the delay of the way. */
void world_reset_links(struct world *w, struct host *h);

/* Calls @fn at time @at, in order with all else. */
void world_at(struct world *w, pias_time at, void (*fn)(void *ctx, uint64_t arg),
	      void *ctx, uint64_t arg);
/* Runs what is due up to and including @until; false when nothing is left. */
bool world_run(struct world *w, pias_time until);
/* Between calls into a core: sets its clock before, asks for its wake-up after. */
void world_enter(struct host *h);
void world_leave(struct host *h);

/* The host at the other end of a link, while the link lives. */
const struct host *world_link_peer(const struct world *w, uint32_t link);

/* Puts an inner IP packet on its way from @from: the outside world's sending. */
void world_send_packet(struct world *w, struct host *from, const uint8_t *packet,
		       size_t len);

#endif
