/*
 * Who owns a key? The overlay of APs as the layers above see it: a ring that places
 * keys, a membership table that finds owners in one hop, links and sealed datagrams
 * to reach them, probes that tell who is alive and how far away.
 *
 * Everything is driven by the host through the overlay_on_* functions (PROTOCOL 2 to
 * 5); results come back through struct overlay_ops, always as the last thing a
 * function does.
 */
#ifndef PIAS_OVERLAY_OVERLAY_H
#define PIAS_OVERLAY_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "overlay/base/env.h"
#include "overlay/contact.h"
#include "overlay/coord.h"

#define CONTROL_PORT	     7427 /* UDP and TCP; reserved on every anycast address */
#define RING_NAME_MAX	     63	  /* bytes, without NUL */
#define OVERLAY_SEEDS_MAX    32
#define REPLICAS_MAX	     8	/* r, the owner included */
#define OVERLAY_LINK_KEY_LEN 32 /* from the TLS exporter, equal on both ends */

/* Message types by layer; the first byte of every frame and sealed datagram body. */
#define MSG_OVERLAY_FIRST    0x01
#define MSG_RENDEZVOUS_FIRST 0x40
#define MSG_FORWARDER_FIRST  0x80
#define MSG_SERVER_FIRST     0xa0 /* between a server and its AP */

struct book;

enum table_mode {
	TABLE_FULL,    /* know every AP: lookups in one hop */
	TABLE_FINGERS, /* Chord's fingers only: about log2(N)/2 hops */
};

struct overlay_config {
	char ring[RING_NAME_MAX + 1];
	struct contact self;  /* id from the certified key; addresses with control port */
	uint64_t incarnation; /* grows with every start of this AP: wall clock, us */
	struct addr seed[OVERLAY_SEEDS_MAX];
	unsigned n_seeds; /* 0: create the ring */
	enum table_mode mode;
	unsigned n_replicas;	    /* r, the owner included; 3 */
	pias_time stabilise_period; /* 1 s */
	pias_time probe_period;	    /* 500 ms */
	pias_time finger_period;    /* 30 s */
	struct book *book; /* shared by the APs of one process; NULL: a private one */
};

enum peer_status {
	PEER_UNKNOWN,
	PEER_ALIVE,
	PEER_SUSPECT,
	PEER_DEAD,
	PEER_LEFT,
};

const char *peer_status_text(enum peer_status s);

struct overlay_ops {
	/*
	 * A message of a type >= MSG_RENDEZVOUS_FIRST from an authenticated AP:
	 * over a link, as a sealed datagram, or routed (then @from is who started it,
	 * not the last hop). @body is borrowed. Returns 0 or PIAS_EMALFORMED, which
	 * is counted, and closes the link it came by.
	 */
	int (*message)(void *ctx, const struct contact *from, uint8_t type,
		       struct rd *body);
	/* We now own (from, self]; before, it began elsewhere. from == self: all keys. */
	void (*range_changed)(void *ctx);
	/* The list of successors that hold our replicas changed. */
	void (*successors_changed)(void *ctx);
	/* An AP was declared dead, left, or came (back). */
	void (*peer_changed)(void *ctx, const struct contact *peer, enum peer_status now);
	/* We are a member of the ring and know the others: ready to serve. */
	void (*joined)(void *ctx);
	/* We can't join; an explanation for the operator. The overlay keeps trying. */
	void (*join_failed)(void *ctx, int err, const char *why);
};

struct overlay;

/* Copies @config. NULL: out of memory. */
struct overlay *overlay_new(struct env *env, const struct overlay_config *config,
			    const struct overlay_ops *ops, void *ctx);
void overlay_free(struct overlay *o);
/* Creates the ring (no seeds) or starts to join it. */
void overlay_start(struct overlay *o);
/* Tells the ring that we go. Keeps answering until freed. */
void overlay_leave(struct overlay *o);

/* From the host */

/*
 * A mutually authenticated link to the AP @peer is up; @dialed says by whom. @key
 * comes from TLS's exporter. An error means: close it (refused and counted).
 */
must_check int overlay_on_link_up(struct overlay *o, uint32_t link, const struct id *peer,
				  bool dialed, const uint8_t key[OVERLAY_LINK_KEY_LEN]);
/* One whole frame of an AP's link. An error means: close it (already counted). */
must_check int overlay_on_frame(struct overlay *o, uint32_t link, const uint8_t *frame,
				size_t len);
/* The link ended, whoever ended it, unless the core itself closed it. */
void overlay_on_link_down(struct overlay *o, uint32_t link);
/* No link came of a dial. @why is one of PIAS_E*; @id all zero for a seed. */
void overlay_on_dial_failed(struct overlay *o, const struct id *id,
			    const struct addr addr[2], int why);
/* A datagram of type 1 (sealed, PROTOCOL 3) on the control port. */
void overlay_on_datagram(struct overlay *o, const struct addr *from, const uint8_t *data,
			 size_t len);

/* For the layers above */

const struct contact *overlay_self(const struct overlay *o);
const struct coord *overlay_coord(const struct overlay *o);
bool overlay_is_joined(const struct overlay *o);
bool overlay_owns(const struct overlay *o, const struct id *key);
/* The start of what we own, (from, self]. */
const struct id *overlay_range_from(const struct overlay *o);
/*
 * Best known owner of @key, maybe ourselves. In TABLE_FINGERS mode: the next hop
 * towards it. PIAS_ENOTREADY before we joined.
 */
must_check int overlay_owner(const struct overlay *o, const struct id *key,
			     struct contact *out);
/* Our live successors, nearest first, without ourselves; returns how many. */
unsigned overlay_successors(const struct overlay *o, struct contact *out, unsigned max);
/* The live owner of @key and those after it, as far as we know; returns how many. */
unsigned overlay_owners(const struct overlay *o, const struct id *key,
			struct contact *out, unsigned max);
bool overlay_predecessor(const struct overlay *o, struct contact *out);

enum peer_status overlay_peer_status(const struct overlay *o, const struct id *id);
/* Does an AP that lives, as far as we know, have an address of @host? Or we ourselves. */
bool overlay_is_host(const struct overlay *o, const struct addr *host);
/* Measured (smoothed) round-trip time to a peer, else predicted from @coord, else 0. */
uint32_t overlay_rtt_us(const struct overlay *o, const struct id *id,
			const struct coord *coord);

/*
 * Sends over the link to @to, dialing first where there is none (bounded queue).
 * Delivery ends with the link: every sender keeps its own timeouts. PIAS_EFULL,
 * PIAS_EUNREACH (no common family) or PIAS_ETOOBIG, all counted.
 */
int overlay_send(struct overlay *o, const struct contact *to, uint8_t type,
		 const void *body, size_t len);
/* The same as a sealed datagram: no order, no guarantee, no head-of-line blocking. */
int overlay_send_datagram(struct overlay *o, const struct contact *to, uint8_t type,
			  const void *body, size_t len);
/*
 * Sends to the owner of @key, hop by hop: whoever gets it and does not own the key
 * passes it on. If we own it, ops->message is called from here, with ourselves as
 * @from.
 */
int overlay_route(struct overlay *o, const struct id *key, uint8_t type, const void *body,
		  size_t len);

/* For the operator */

struct overlay_peer_info {
	struct contact contact;
	uint64_t incarnation;
	enum peer_status status;
	bool has_link;
	bool is_successor, is_predecessor, is_finger;
	uint32_t rtt_us;       /* 0 = not measured */
	uint32_t predicted_us; /* 0 = unknown */
	pias_time heard_ago;   /* PIAS_NEVER = not heard of directly */
};

/* Walks all known APs in ring order from ourselves (excluded). */
void overlay_each_peer(const struct overlay *o,
		       void (*fn)(void *ctx, const struct overlay_peer_info *info),
		       void *ctx);
/* The successor list as it stands, placeholders included; returns how many. */
unsigned overlay_successor_list(const struct overlay *o, struct contact *out,
				unsigned max);
/* Finger @i (0 = half the ring away); false when not known. */
bool overlay_finger(const struct overlay *o, unsigned i, struct contact *out);
unsigned overlay_n_peers(const struct overlay *o); /* live, ourselves included */

#endif
