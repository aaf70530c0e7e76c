/*
 * Sealed datagrams between two APs (PROTOCOL 3.1), keyed from the link between them.
 * One session per link; each end names its own by an index that the other writes
 * into every datagram. The counter is the nonce; its high bits choose the key, so
 * that no key ever seals more than 2^SESSION_EPOCH_BITS datagrams.
 */
#ifndef PIAS_OVERLAY_SESSION_H
#define PIAS_OVERLAY_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "overlay/base/crypto.h"

#define SEAL_MAGIC	   0x01
#define SEAL_HEADER_LEN	   16 /* magic, three zeros, index u32, counter u64 */
#define SEAL_OVERHEAD	   (SEAL_HEADER_LEN + 1 + AEAD_TAG_LEN) /* 1: the type */
#define DATAGRAM_MAX	   65507				/* UDP over IPv4 */
#define SEAL_BODY_MAX	   (DATAGRAM_MAX - SEAL_OVERHEAD)
#define SESSION_WINDOW	   1024 /* this far behind the newest is still taken */
#define SESSION_EPOCH_BITS 23

/* Window words: one more than the window, as RFC 6479 has it. */
#define SESSION_WORDS (SESSION_WINDOW / 64 + 1)

struct session_half {
	uint8_t secret[HASH_LEN]; /* of this direction; keys of epochs come from it */
	struct aead *aead;	  /* of @epoch */
	uint64_t epoch;
};

struct session {
	enum aead_kind kind;
	struct session_half tx, rx;
	struct aead *rx_old; /* of the epoch before, for what comes late; or NULL */
	uint64_t tx_next;    /* counter of the next datagram */
	uint64_t rx_next;    /* one more than the highest seen */
	uint64_t seen[SESSION_WORDS];
};

/* @dialed: by us; the other end has the opposite. PIAS_ENOMEM. */
must_check int session_init(struct session *s, enum aead_kind kind,
			    const uint8_t link_key[static HASH_LEN], bool dialed);
void session_fini(struct session *s); /* wipes */

/*
 * Seals {type, body} for the peer's session @index. @out has room for len +
 * SEAL_OVERHEAD bytes, which is what it returns; @len is at most SEAL_BODY_MAX.
 */
must_check int session_seal(struct session *s, uint32_t index, uint8_t type,
			    const void *body, size_t len, uint8_t *out);

/* The index in a datagram's header; PIAS_EMALFORMED where it isn't a sealed one. */
must_check int session_index(const uint8_t *data, size_t len, uint32_t *index);
/*
 * Opens a datagram whose header session_index took. Writes {type, body} to @out, room
 * for @len bytes, and returns its length, at least 1. PIAS_EREPLAY, PIAS_EAUTH: no
 * state has changed.
 */
must_check int session_open(struct session *s, const uint8_t *data, size_t len,
			    uint8_t *out);

#endif
