/*
 * Events of the world, pooled, and the links they may refer to. An event names its
 * host (or link) and the generation it was meant for; what a crash made void is
 * recognised by that when it comes up.
 */
#ifndef PIAS_SIM_EVENT_H
#define PIAS_SIM_EVENT_H

#include "sim/world.h"

#define EVENT_NONE UINT32_MAX

enum event_kind {
	EVENT_WAKE,
	EVENT_DATAGRAM,
	EVENT_FRAME,
	EVENT_LINK_UP,
	EVENT_LINK_DOWN,
	EVENT_DIAL_FAILED,
	EVENT_TUNNEL,
	EVENT_PACKET,
	EVENT_RESUME, /* the end of a pause */
	EVENT_CALL,
	EVENT_STOP, /* the end of a world_run */
};

/* Less than a cache line: there are many at a time. */
struct event {
	uint8_t kind;
	uint8_t encap, inner; /* TUNNEL, and to which port */
	uint16_t port;
	uint32_t host, generation; /* who it is for */
	uint32_t from;		   /* sender's index; next free event */
	struct buffer *buf;	   /* owned until delivered */
	union {
		struct {
			uint32_t handle, generation;
			int why; /* DIAL_FAILED; whom: in `buf` */
		} link;
		struct {
			void (*fn)(void *ctx, uint64_t arg);
			void *ctx;
			uint64_t arg;
		} call;
		uint32_t wake; /* generation of the request */
	};
};

/* DIAL_FAILED: whom it was for. */
struct dialed {
	struct id id;
	struct addr addr[2];
};

enum link_end {
	END_PENDING, /* not told yet that the link is up */
	END_UP,
	END_DONE, /* told that it is down, closed it, or crashed */
};

/*
 * A link has two ends, side 0 dialed it; a handle is index << 1 | side. It is freed
 * when neither end can refer to it any more.
 */
struct sim_link {
	uint32_t host[2];
	uint32_t generation;
	uint8_t end[2];	      /* enum link_end */
	uint8_t is_dead;      /* no end may send any more */
	pias_time arrives[2]; /* the latest arrival at each side: order is kept */
	uint8_t key[OVERLAY_LINK_KEY_LEN];
	uint32_t next_free;
};

/* A fresh event due at @at, zeroed but for its kind; fill it in at once. */
struct event *event_new(struct world *w, pias_time at, enum event_kind kind);
/* The world's time when the clock of @h will show @at. */
pias_time host_clock_reaches(const struct host *h, pias_time at);
/* A copy of bytes in a buffer. */
struct buffer *event_bytes(struct world *w, const void *data, size_t len);

extern const struct env_ops transit_ops;
/* Delivers @e to its host, unless it is void. */
void transit_deliver(struct world *w, struct event *e);
/* Tells the other ends of all of @h's links, after the delay of the way there. */
void transit_break_links(struct world *w, struct host *h, bool silent);

#endif
