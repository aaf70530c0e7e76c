/*
 * Messages between servers and APs (PROTOCOL 6): types 0xa0 to 0xbf, as datagrams,
 * as frames on the server's link, and as payload of packets through its tunnel.
 *
 * What is in clear carries a mark (HELLO, COOKIE: proves that the sender knows the
 * ring) or a tag (PROBE, ECHO: under the session's key), checked by the decoder before
 * it reads on. LEASE and ACK are sealed: their decoders give the parts, lease.h opens
 * them. A decoder's pointers borrow from its input.
 */
#ifndef PIAS_RENDEZVOUS_SERVER_MESSAGE_H
#define PIAS_RENDEZVOUS_SERVER_MESSAGE_H

#include "overlay/base/crypto.h"
#include "overlay/contact.h"
#include "overlay/overlay.h"
#include "rendezvous/name.h"

enum server_message {
	MSG_SERVER_HELLO = MSG_SERVER_FIRST, /* UDP, server to AP */
	MSG_SERVER_COOKIE,		     /* UDP, AP to server */
	MSG_SERVER_JOIN,		     /* link, server to AP */
	MSG_SERVER_ACCEPT,		     /* link, AP to server */
	MSG_SERVER_REFUSE,		     /* link, AP to server */
	MSG_SERVER_PROBE,		     /* tunnel, AP to server */
	MSG_SERVER_ECHO,		     /* UDP, server to AP */
	MSG_SERVER_LEASE,		     /* UDP, server to AP: refresh or leave */
	MSG_SERVER_ACK,			     /* UDP, AP to server */
};

#define SERVER_VERSION	  1
#define SERVER_MARK_LEN	  16
#define SERVER_COOKIE_LEN 16
#define SERVER_KEY_LEN	  16 /* of a session, chosen by the server */
#define SERVER_TAG_LEN	  16
#define SERVER_NONCE_LEN  12
#define SERVER_TEXT_MAX	  200
#define SERVER_TICKET_MAX 240
#define SERVER_CHAR_MUST  0x80
#define SERVER_HELLO_LEN  512 /* longer than any COOKIE */
#define SERVER_COOKIE_MAX                                                                \
	(2 + SERVER_MARK_LEN + 8 + 19 + SERVER_COOKIE_LEN + CONTACT_WIRE_MAX)
#define SERVER_PROBE_MAX  (1 + 24 + 19 + SERVER_TAG_LEN)
#define SERVER_ECHO_LEN	  (1 + 24 + SERVER_TAG_LEN)
#define SERVER_LEASE_BODY 4
#define SERVER_LEASE_MAX                                                                 \
	(1 + 8 + 1 + SERVER_TICKET_MAX + SERVER_LEASE_BODY + AEAD_TAG_LEN)
#define SERVER_ACK_BODY                                                                  \
	(2 + 4 + 4 + 8 + ID_LEN + CONTACT_WIRE_MAX + 1 + SERVER_TICKET_MAX)
#define SERVER_ACK_MAX	 (1 + 8 + SERVER_NONCE_LEN + SERVER_ACK_BODY + AEAD_TAG_LEN)
#define SERVER_FRAME_MAX 512 /* JOIN, ACCEPT, REFUSE with their header */

/* The key of marks: anybody who knows the ring's name has it. */
struct server_mark {
	uint8_t key[HASH_LEN];
};

void server_mark_init(struct server_mark *m, const char *ring);

struct server_hello {
	uint64_t nonce;
};

struct server_cookie {
	uint64_t nonce;	  /* the HELLO's */
	struct addr seen; /* whom the AP saw it come from */
	uint8_t cookie[SERVER_COOKIE_LEN];
	struct contact ap;
};

struct server_join {
	uint64_t nonce; /* with seen and cookie: the answer to a HELLO */
	struct addr seen;
	uint8_t cookie[SERVER_COOKIE_LEN];
	struct group_name group;
	bool create;
	uint8_t policy;	     /* enum group_policy; of a group that is created */
	uint8_t encap;	     /* enum encap */
	struct addr unicast; /* GUE: with port */
	uint64_t gue_cookie;
	uint16_t mtu;
	uint16_t probe_port;
	uint64_t seq;
	uint32_t lease_ms; /* wish; 0: none */
	uint8_t key[SERVER_KEY_LEN];
	/* Decoding: the type of a characteristic that we had to understand, or 0. */
	uint8_t not_understood;
};

struct server_accept {
	struct group_name group;
	uint32_t lease_ms, refresh_ms;
	uint8_t ticket_len;
	uint8_t ticket[SERVER_TICKET_MAX];
};

struct server_refuse {
	struct group_name group;
	int err; /* PIAS_E* */
	bool is_final;
	uint64_t seq; /* PIAS_EREPLAY: go on from here; else 0 */
	char text[SERVER_TEXT_MAX + 1];
};

/* An AP's probe: session, stamp and token mean something only to the AP. */
struct server_probe {
	uint64_t session, stamp, token;
	struct addr reply; /* where the echo goes: the AP's control port */
};

struct server_echo {
	uint64_t session, stamp, token;
	const uint8_t *data; /* decoding: all of it, for server_echo_is_authentic */
};

enum server_lease_op {
	SERVER_REFRESH = 1,
	SERVER_LEAVE = 2,
};

struct server_lease {
	uint64_t seq;
	const uint8_t *ticket;
	size_t ticket_len;
	/* Sealed: */
	enum server_lease_op op;
	bool here; /* do not pass it on to the join AP: be the join AP yourself */
	const uint8_t *data; /* decoding: all of it, for server_lease_open */
	size_t clear_len, len;
};

enum server_ack_status {
	SERVER_ACK_OK = 1,
	SERVER_ACK_LEFT = 2,
	SERVER_ACK_UNKNOWN = 3,	   /* the lease is lost: join again */
	SERVER_ACK_SUPERSEDED = 4, /* likewise: a later one of the same key exists */
};

struct server_ack {
	uint64_t seq; /* the LEASE's */
	enum server_ack_status status;
	bool is_up; /* the join AP's probes are answered */
	uint32_t lease_ms, refresh_ms;
	uint64_t known;		/* SUPERSEDED: the seq of the later one; else 0 */
	struct id via;		/* the AP that the LEASE came to */
	struct contact join_ap; /* the AP that probes the server and answers here */
	uint8_t ticket_len;	/* 0: the old one stays good */
	uint8_t ticket[SERVER_TICKET_MAX];
	const uint8_t *data; /* decoding: all of it, for server_ack_open */
	size_t len;
};

/*
 * Encoders return the length. Decoders return 0, PIAS_EMALFORMED, PIAS_EVERSION or,
 * where a mark or tag is wrong, PIAS_EAUTH.
 */
size_t server_hello_encode(uint8_t out[static SERVER_HELLO_LEN],
			   const struct server_hello *h, const struct server_mark *m);
must_check int server_hello_decode(struct server_hello *h, const uint8_t *data,
				   size_t len, const struct server_mark *m);
size_t server_cookie_encode(uint8_t out[static SERVER_COOKIE_MAX],
			    const struct server_cookie *c, const struct server_mark *m);
must_check int server_cookie_decode(struct server_cookie *c, const uint8_t *data,
				    size_t len, const struct server_mark *m);

/* Whole frames; decoders get the body after the frame's header. */
size_t server_join_encode(uint8_t out[static SERVER_FRAME_MAX],
			  const struct server_join *j);
must_check int server_join_decode(struct server_join *j, const uint8_t *body, size_t len);
size_t server_accept_encode(uint8_t out[static SERVER_FRAME_MAX],
			    const struct server_accept *a);
must_check int server_accept_decode(struct server_accept *a, const uint8_t *body,
				    size_t len);
size_t server_refuse_encode(uint8_t out[static SERVER_FRAME_MAX],
			    const struct server_refuse *r);
must_check int server_refuse_decode(struct server_refuse *r, const uint8_t *body,
				    size_t len);

/* The two keys of a session, from the key that the server chose. */
struct server_keys {
	uint8_t probe[SERVER_KEY_LEN]; /* tags of PROBE and ECHO */
	uint8_t seal[AEAD_KEY_LEN];    /* LEASE and ACK */
};

void server_keys_init(struct server_keys *k, const uint8_t key[static SERVER_KEY_LEN]);

size_t server_probe_encode(uint8_t out[static SERVER_PROBE_MAX],
			   const struct server_probe *p,
			   const uint8_t key[static SERVER_KEY_LEN]);
must_check int server_probe_decode(struct server_probe *p, const uint8_t *data,
				   size_t len, const uint8_t key[static SERVER_KEY_LEN]);
size_t server_echo_encode(uint8_t out[static SERVER_ECHO_LEN],
			  const struct server_echo *e,
			  const uint8_t key[static SERVER_KEY_LEN]);
/* Which session it is for tells the key: decode, find, then check. */
must_check int server_echo_decode(struct server_echo *e, const uint8_t *data, size_t len);
bool server_echo_is_authentic(const struct server_echo *e,
			      const uint8_t key[static SERVER_KEY_LEN]);

/* 0 on a failure of the cipher. A seq may be used once with one key. */
size_t server_lease_encode(uint8_t out[static SERVER_LEASE_MAX],
			   const struct server_lease *l, struct aead *seal);
must_check int server_lease_decode(struct server_lease *l, const uint8_t *data,
				   size_t len);
/* Fills in what was sealed. */
must_check int server_lease_open(struct server_lease *l, struct aead *seal);

/* @nonce: random; its first byte is set so that it is none of a LEASE's. */
size_t server_ack_encode(uint8_t out[static SERVER_ACK_MAX], const struct server_ack *a,
			 const uint8_t nonce[static SERVER_NONCE_LEN], struct aead *seal);
must_check int server_ack_decode(struct server_ack *a, const uint8_t *data, size_t len);
must_check int server_ack_open(struct server_ack *a, struct aead *seal);

#endif
