/*
 * Messages between APs about groups (PROTOCOL 7): types, bodies, limits. Every read
 * function leaves PIAS_EMALFORMED in the cursor for whatever no AP of ours would
 * write, bytes left over included.
 */
#ifndef PIAS_RENDEZVOUS_MESSAGE_H
#define PIAS_RENDEZVOUS_MESSAGE_H

#include "overlay/overlay.h"
#include "rendezvous/group.h"
#include "rendezvous/membership.h"
#include "rendezvous/server_message.h"

enum rendezvous_message {
	MSG_UPDATE = MSG_RENDEZVOUS_FIRST, /* join AP to owner, routed */
	MSG_UPDATE_ACK,			   /* owner to join AP */
	MSG_MOVED,			   /* owner to the former join AP */
	MSG_RESOLVE,			   /* ingress AP to owner or replica */
	MSG_PUSH,			   /* owner or replica to ingress AP */
	MSG_NEGATIVE,			   /* likewise: no such group */
	MSG_UNSUBSCRIBE,		   /* ingress AP to owner or replica */
	MSG_RECORDS,			   /* groups and members, AP to AP */
	MSG_RECORDS_ACK,
	MSG_INVITE, /* compare what we both hold */
	MSG_PULL,   /* give me what you hold */
	MSG_PULL_DONE,
	MSG_TAKEN,  /* what an invitation offered is safe here */
	MSG_BORROW, /* ingress AP to join AP: a probe of that server, for me */
	MSG_LEND,   /* join AP to ingress AP: here it is */
};

#define PUSH_MEMBERS_MAX 16	   /* K: the nearest so many */
#define RESOLVE_HOPS	 3	   /* APs that may pass a RESOLVE on */
#define RECORDS_MAX	 16384	   /* bytes of one RECORDS body */
#define LEASE_MIN	 (1 * SEC) /* of what a server may wish for */
#define LEASE_WISH_MAX	 (3600 * SEC)

#define PUSH_WIRE_MAX                                                                    \
	(GROUP_NAME_LEN + 8 + 1 + 4 + 4 + 1 + PUSH_MEMBERS_MAX * MEMBER_WIRE_MAX)
/* The largest of the others is an UPDATE. */
#define MESSAGE_WIRE_MAX (4 + 1 + 1 + 1 + GROUP_NAME_LEN + 4 + MEMBER_WIRE_MAX)

struct msg_update {
	uint32_t cookie;
	uint8_t op; /* enum membership_op */
	bool create;
	uint8_t policy;
	struct group_name name;
	pias_time lease; /* wish; 0 = the owner's default */
	struct member_record member;
};

struct msg_update_ack {
	uint32_t cookie;
	int err;
	pias_time lease;
	uint64_t seq;
	char reason[REASON_MAX + 1];
};

struct msg_moved {
	struct group_name name;
	struct id server;
	uint64_t seq;
	struct id join_ap;
};

struct msg_resolve {
	struct group_name name;
	uint64_t version; /* of what the ingress AP has; 0 = nothing */
	uint8_t hops_left;
	struct contact ingress;
	struct coord coord;
};

struct msg_push {
	struct group_name name;
	uint64_t version;
	uint8_t policy;
	pias_time ttl;	/* the sender keeps telling for so long */
	uint32_t n_all; /* eligible members in the whole group */
	uint8_t n;	/* of them here, nearest first */
	struct member_record member[PUSH_MEMBERS_MAX];
};

struct msg_negative {
	struct group_name name;
	pias_time ttl; /* 0: not ours to say any more, ask again */
};

struct msg_unsubscribe {
	struct group_name name;
};

/* RECORDS: {serial, groups}; each group a header, then its members. */
struct msg_records {
	uint32_t serial; /* to be acknowledged; 0: not */
	uint16_t n_groups;
};

struct msg_group {
	struct group_name name;
	struct id creator;
	uint8_t policy;
	uint64_t version;
	uint16_t n_members;
};

#define GROUP_WIRE_LEN (GROUP_NAME_LEN + ID_LEN + 1 + 8 + 2)

struct msg_records_ack {
	uint32_t serial;
};

enum invite_kind {
	INVITE_COPY = 1, /* I own this arc: keep a copy */
	INVITE_TAKE,	 /* it is yours: take what you lack */
	INVITE_LEAVE,	 /* it will be yours, I leave: take what you lack */
};

struct msg_invite {
	uint8_t kind;
	struct id from, to;
	uint32_t n_groups;
	uint64_t digest[DIGEST_BUCKETS];
};

struct msg_pull {
	uint32_t nonce;
	struct id from, to; /* keys in (from, to] */
	uint16_t buckets;   /* bit i: those of bucket i */
};

enum pull_flag {
	PULL_COMPLETE = 1, /* the sender holds all there is of that arc */
	PULL_FAILED = 2,   /* some of it could not be sent */
	PULL_FLAGS = 3
};

struct msg_pull_done {
	uint32_t nonce;
	struct id end; /* up to here everything was sent; go on from here */
	uint8_t flags;
};

struct msg_taken {
	struct id from, to;
};

struct msg_borrow {
	struct group_name name;
	struct id server;
	uint64_t session; /* not 0; the echo will carry it */
};

struct msg_lend {
	uint64_t session;
	uint16_t port; /* the server's probe port */
	uint8_t len;
	uint8_t probe[SERVER_PROBE_MAX]; /* as it goes through the tunnel */
};

void msg_read_update(struct rd *r, struct msg_update *m);
void msg_read_update_ack(struct rd *r, struct msg_update_ack *m);
void msg_read_moved(struct rd *r, struct msg_moved *m);
void msg_read_resolve(struct rd *r, struct msg_resolve *m);
void msg_read_push(struct rd *r, struct msg_push *m);
void msg_read_negative(struct rd *r, struct msg_negative *m);
void msg_read_unsubscribe(struct rd *r, struct msg_unsubscribe *m);
void msg_read_records_ack(struct rd *r, struct msg_records_ack *m);
void msg_read_invite(struct rd *r, struct msg_invite *m);
void msg_read_pull(struct rd *r, struct msg_pull *m);
void msg_read_pull_done(struct rd *r, struct msg_pull_done *m);
void msg_read_taken(struct rd *r, struct msg_taken *m);
void msg_read_borrow(struct rd *r, struct msg_borrow *m);
void msg_read_lend(struct rd *r, struct msg_lend *m);

/* Streams: the header, then n_groups times a group and its n_members members. */
void msg_read_records(struct rd *r, struct msg_records *m);
void msg_read_group(struct rd *r, struct msg_group *g);
/* Walks a whole RECORDS body: 0 or PIAS_EMALFORMED. Takes its own cursor. */
must_check int msg_check_records(struct rd r);

void msg_write_update(struct wr *w, const struct msg_update *m);
void msg_write_update_ack(struct wr *w, const struct msg_update_ack *m);
void msg_write_moved(struct wr *w, const struct msg_moved *m);
void msg_write_resolve(struct wr *w, const struct msg_resolve *m);
void msg_write_push(struct wr *w, const struct msg_push *m);
void msg_write_negative(struct wr *w, const struct msg_negative *m);
void msg_write_unsubscribe(struct wr *w, const struct msg_unsubscribe *m);
void msg_write_records(struct wr *w, const struct msg_records *m);
void msg_write_group(struct wr *w, const struct msg_group *g);
void msg_write_records_ack(struct wr *w, const struct msg_records_ack *m);
void msg_write_invite(struct wr *w, const struct msg_invite *m);
void msg_write_pull(struct wr *w, const struct msg_pull *m);
void msg_write_pull_done(struct wr *w, const struct msg_pull_done *m);
void msg_write_taken(struct wr *w, const struct msg_taken *m);
void msg_write_borrow(struct wr *w, const struct msg_borrow *m);
void msg_write_lend(struct wr *w, const struct msg_lend *m);

#endif
