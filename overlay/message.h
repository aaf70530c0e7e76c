/*
 * The messages that APs exchange about the overlay itself (PROTOCOL 2 to 5): their
 * types and bodies, as structs and as bytes. One type and one codec serve links and
 * sealed datagrams alike. Reading consumes the whole body: a read returns 0 or
 * PIAS_EMALFORMED, also for what is left over.
 */
#ifndef PIAS_OVERLAY_MESSAGE_H
#define PIAS_OVERLAY_MESSAGE_H

#include "overlay/overlay.h"

#define RING_L 8 /* length of a successor list */

enum msg_type {
	/* hello.c: a link's first message each way, and why it is refused */
	MSG_HELLO = 0x01,
	MSG_REFUSED = 0x02,
	/* probe.c */
	MSG_PROBE = 0x08,
	MSG_PROBE_ACK = 0x09,
	MSG_PROBE_ASK = 0x0a,
	MSG_PROBE_ASK_ACK = 0x0b,
	/* join.c, admit.c, ring.c */
	MSG_JOIN = 0x10,
	MSG_JOIN_OK = 0x11,
	MSG_JOIN_GOTO = 0x12,
	MSG_JOIN_NO = 0x13,
	MSG_GET_LIST = 0x14,
	MSG_LIST = 0x15,
	MSG_NOTIFY = 0x16,
	MSG_LEAVE = 0x17,
	/* finger.c, route.c */
	MSG_FIND = 0x18,
	MSG_FOUND = 0x19,
	MSG_ROUTED = 0x1a,
	/* gossip.c */
	MSG_EVENTS = 0x20,
	MSG_SYNC = 0x21,
	MSG_ENTRIES = 0x22,
};

/* Links and probes (message_link.c) */

#define PROTOCOL_VERSION 1

/* HELLO. Of another version only that is read, and the rest ignored. */
struct msg_hello {
	uint16_t version;
	struct id ring;	       /* hash of the ring's name */
	uint32_t index;	       /* of the sender's session: datagrams to it carry it */
	uint64_t incarnation;  /* of the sender */
	struct contact sender; /* its id is the certified one */
};

#define REFUSED_TEXT_MAX 160

/* REFUSED: the link is about to be closed. */
struct msg_refused {
	int why; /* PIAS_E*, its negative on the wire; 0: in good order, no longer used */
	char text[REFUSED_TEXT_MAX + 1]; /* printable ASCII, for the log */
};

/* PROBE and PROBE_ACK. */
struct msg_probe {
	uint64_t nonce; /* comes back in the answer */
	uint64_t incarnation;
	uint8_t by_link; /* sent over the link, to be answered there; else a datagram */
	struct coord coord;
};

/* PROBE_ASK: please probe @subject for me. */
struct msg_probe_ask {
	uint64_t nonce;
	struct contact subject;
};

/* PROBE_ASK_ACK: it answered me. */
struct msg_probe_ask_ack {
	uint64_t nonce;
	uint64_t incarnation; /* of the subject */
};

#define MSG_HELLO_MAX	      (2 + ID_LEN + 4 + 8 + CONTACT_WIRE_MAX)
#define MSG_REFUSED_MAX	      (2 + REFUSED_TEXT_MAX)
#define MSG_PROBE_LEN	      (8 + 8 + 1 + COORD_WIRE_LEN)
#define MSG_PROBE_ASK_MAX     (8 + CONTACT_WIRE_MAX)
#define MSG_PROBE_ASK_ACK_LEN 16

void msg_hello_write(struct wr *w, const struct msg_hello *m);
must_check int msg_hello_read(struct rd *r, struct msg_hello *m);
void msg_refused_write(struct wr *w, const struct msg_refused *m);
must_check int msg_refused_read(struct rd *r, struct msg_refused *m);
void msg_probe_write(struct wr *w, const struct msg_probe *m);
must_check int msg_probe_read(struct rd *r, struct msg_probe *m);
void msg_probe_ask_write(struct wr *w, const struct msg_probe_ask *m);
must_check int msg_probe_ask_read(struct rd *r, struct msg_probe_ask *m);
void msg_probe_ask_ack_write(struct wr *w, const struct msg_probe_ask_ack *m);
must_check int msg_probe_ask_ack_read(struct rd *r, struct msg_probe_ask_ack *m);

/* Ring */

/* JOIN, GET_LIST and NOTIFY: who asks is who sent it. */
struct msg_ask {
	uint32_t nonce; /* comes back in the answer */
	uint64_t incarnation;
};

/* JOIN_OK, LIST and LEAVE: the sender's neighbours. */
struct msg_list {
	uint32_t nonce;
	uint64_t incarnation;
	struct contact pred;
	uint8_t n_succ;
	struct contact succ[RING_L];
};

struct msg_join_goto {
	uint32_t nonce;
	struct contact to; /* closer to the joiner's place */
};

struct msg_join_no {
	uint32_t nonce;
	int why; /* PIAS_E*; one byte on the wire, its negative */
};

#define MSG_ASK_LEN  12
#define MSG_LIST_MAX (13 + (RING_L + 1) * CONTACT_WIRE_MAX)
#define MSG_GOTO_MAX (4 + CONTACT_WIRE_MAX)
#define MSG_NO_LEN   5

void msg_ask_write(struct wr *w, const struct msg_ask *m);
must_check int msg_ask_read(struct rd *r, struct msg_ask *m);
void msg_list_write(struct wr *w, const struct msg_list *m);
must_check int msg_list_read(struct rd *r, struct msg_list *m);
void msg_join_goto_write(struct wr *w, const struct msg_join_goto *m);
must_check int msg_join_goto_read(struct rd *r, struct msg_join_goto *m);
void msg_join_no_write(struct wr *w, const struct msg_join_no *m);
must_check int msg_join_no_read(struct rd *r, struct msg_join_no *m);

/* Lookups */

struct msg_find {
	uint32_t nonce;
	uint8_t hops_left;
	struct id key;
	struct contact asker; /* whom to answer */
};

struct msg_found {
	uint32_t nonce;
	uint8_t hops_left; /* as it was when the answer was found */
	struct contact owner;
};

/* The inner body is what is left of the cursor. */
struct msg_routed {
	uint8_t hops_left;
	uint8_t type; /* inner */
	struct id key;
	struct contact origin;
};

#define MSG_FIND_MAX   (5 + ID_LEN + CONTACT_WIRE_MAX)
#define MSG_FOUND_MAX  (5 + CONTACT_WIRE_MAX)
#define MSG_ROUTED_MAX (2 + ID_LEN + CONTACT_WIRE_MAX) /* without the inner body */

void msg_find_write(struct wr *w, const struct msg_find *m);
must_check int msg_find_read(struct rd *r, struct msg_find *m);
void msg_found_write(struct wr *w, const struct msg_found *m);
must_check int msg_found_read(struct rd *r, struct msg_found *m);
void msg_routed_write(struct wr *w, const struct msg_routed *m);
must_check int msg_routed_read(struct rd *r, struct msg_routed *m);

/* Membership */

/* What somebody knows of an AP. */
struct member {
	struct contact contact;
	uint64_t incarnation;
	enum peer_status status; /* on the wire never PEER_UNKNOWN */
};

/* EVENTS: a count, then that many; @until ends the arc the receiver must tell. */
struct msg_event {
	struct member member;
	struct id until;
};

#define SYNC_BUCKETS 256

struct msg_sync {
	uint64_t digest[SYNC_BUCKETS];
};

/* ENTRIES: this header, then @n members. */
struct msg_entries {
	uint8_t flags;
	uint8_t buckets[SYNC_BUCKETS / 8]; /* bit i%8 of byte i/8: bucket i differed */
	uint16_t n;
};

enum {
	ENTRIES_LAST = 1,      /* of those that answer one message */
	ENTRIES_WANT_BACK = 2, /* answer with yours in @buckets */
};

#define MEMBER_WIRE_MAX	   (CONTACT_WIRE_MAX + 9)
#define EVENT_WIRE_MAX	   (MEMBER_WIRE_MAX + ID_LEN)
#define MSG_SYNC_LEN	   (8 * SYNC_BUCKETS)
#define ENTRIES_HEADER_LEN (3 + SYNC_BUCKETS / 8)

/* Elements of a body: the caller checks the cursor at its end. */
void msg_member_write(struct wr *w, const struct member *m);
void msg_member_read(struct rd *r, struct member *m);
void msg_event_write(struct wr *w, const struct msg_event *m);
void msg_event_read(struct rd *r, struct msg_event *m);
void msg_entries_write(struct wr *w, const struct msg_entries *m);
void msg_entries_read(struct rd *r, struct msg_entries *m);

void msg_sync_write(struct wr *w, const struct msg_sync *m);
must_check int msg_sync_read(struct rd *r, struct msg_sync *m);

#endif
