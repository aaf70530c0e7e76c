/*
 * The tables behind peer.h: peers by id, their links by the host's number, their
 * sessions by index; and what a link can do. Only dial.c, hello.c and peer.c use it.
 */
#ifndef PIAS_OVERLAY_LINK_H
#define PIAS_OVERLAY_LINK_H

#include "overlay/base/htab.h"
#include "overlay/outbox.h"
#include "overlay/peer.h"
#include "overlay/scratch.h"
#include "overlay/session.h"

#define PEERS_MAX      4096
#define PEER_LINKS_MAX 4 /* open ones to one peer */

#define DIAL_TIMEOUT	(10 * SEC) /* a link that comes up later still serves */
#define HELLO_TIMEOUT	(5 * SEC)
#define BACKOFF_MIN	(100 * MSEC)
#define BACKOFF_MAX	(5 * SEC)
#define LINK_IDLE	(300 * SEC)
#define LINK_DRAIN	(10 * SEC) /* idle time of a link that is not the best */
#define SESSION_LINGER	(5 * SEC)
#define PEER_LOG_PERIOD (60 * SEC) /* "refused" is logged once in, per peer */

enum link_state {
	LINK_HELLO,  /* theirs has not come yet */
	LINK_UP,     /* in use, or draining */
	LINK_CLOSED, /* was up; its session still receives for a moment */
};

struct link {
	struct link *next; /* of the same peer, newest first */
	struct peer *peer;
	struct contact contact; /* who is at the other end, from its HELLO */
	uint32_t handle;	/* the host's; void once closed */
	uint32_t index;		/* of our session */
	uint32_t peer_index;	/* of theirs, from their HELLO */
	enum link_state state;
	bool dialed;	      /* by us */
	bool is_for_seed;     /* dialed by address alone */
	pias_time since;      /* when it entered its state */
	pias_time used;	      /* last message or datagram, either way */
	uint64_t incarnation; /* of the peer, from its HELLO */
	struct session session;
};

struct peer {
	struct peers *peers;
	struct contact contact; /* that of `best`, as long as there is one */
	struct link *links;
	struct link *best; /* the one to send on, LINK_UP; or NULL */
	struct outbox outbox;
	struct timer timer; /* whatever is due next */
	bool is_dialing;
	pias_time dialed_at;
	pias_time redial_at; /* no dial before; backoff */
	pias_time backoff;
	pias_time failed_at; /* last failure, remembered for a while; else PIAS_NEVER */
	pias_time logged_at; /* last line about a refusal; else PIAS_NEVER */
};

struct seed {
	struct addr addr; /* family 0 = free slot */
	pias_time dialed_at;
};

struct peers {
	struct env *env;
	const struct peers_ops *ops;
	void *ctx;
	struct contact self;
	uint64_t incarnation;
	char ring[RING_NAME_MAX + 1];
	struct id ring_hash;
	struct htab by_id, by_handle, by_index;
	struct seed seed[OVERLAY_SEEDS_MAX];
	struct timer seed_timer;
	struct scratch tx, rx;
};

struct peer *peer_find(const struct peers *p, const struct id *id);
/* NULL: out of memory or PEERS_MAX reached. */
struct peer *peer_add(struct peers *p, const struct contact *who);
/* With its links and sessions; the host's links must be closed already. */
void peer_free(struct peer *peer);
/* Any link that may yet carry messages? */
bool peer_is_open(const struct peer *peer);
unsigned peer_n_open(const struct peer *peer);
/* Who to sacrifice for a new peer: long unused, or only remembered; NULL = nobody. */
struct peer *peer_victim(const struct peers *p);

struct link *link_find(const struct peers *p, uint32_t handle);
struct link *link_by_index(const struct peers *p, uint32_t index);
/* NULL: out of memory. */
struct link *link_add(struct peer *peer, uint32_t handle, bool dialed,
		      const uint8_t key[static OVERLAY_LINK_KEY_LEN]);
/* Their HELLO was accepted. */
void link_enter_up(struct link *l, const struct contact *peer, uint32_t peer_index,
		   uint64_t incarnation);
/* The host's link is gone. Frees @l unless its session lingers. */
void link_enter_closed(struct link *l);
void link_free(struct link *l);

/* One message over an open link. PIAS_ENOMEM. */
int link_send(struct link *l, uint8_t type, const void *body, size_t len);
/* The same, sealed; the link must be up or its peer's index is unknown. */
int link_send_datagram(struct link *l, uint8_t type, const void *body, size_t len);
/* REFUSED on a link, which may not have become ours. */
void link_say_refused(struct peers *p, uint32_t handle, int why, const char *text);
/* Tells the peer why (0: no longer used), then ends the link on both sides. */
void link_close(struct link *l, int why, const char *text);
/* "refused" lines: due once per peer and minute. */
bool peer_log_is_due(struct peer *peer);

#endif
