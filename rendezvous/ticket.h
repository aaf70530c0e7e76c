/*
 * What an admitted server carries around (PROTOCOL 6.4): all that an AP must know to
 * serve its refreshes and to become its join AP, sealed under a key that all APs of
 * the ring derive from the ring key. Opaque to the server. A ticket proves who was
 * admitted; what the lease is worth now, only the rendezvous AP knows.
 */
#ifndef PIAS_RENDEZVOUS_TICKET_H
#define PIAS_RENDEZVOUS_TICKET_H

#include "overlay/base/env.h"
#include "rendezvous/rendezvous.h"
#include "rendezvous/server_message.h"

/* Who was admitted to which group, and how packets reach it. */
struct admission {
	struct group_name group;
	struct id server;
	char name[SERVER_NAME_MAX + 1]; /* the owner's, from the certificate */
	struct addr unicast;		/* GUE: with port */
	uint64_t gue_cookie;
	uint32_t lease_ms;
	uint16_t mtu;
	uint16_t probe_port;
	uint8_t encap; /* enum encap */
	uint8_t policy;
	uint8_t key[SERVER_KEY_LEN];
};

struct ticket {
	struct admission who;
	struct contact join_ap; /* when it was issued: refreshes are passed on to it */
};

/* The ring's sealer of tickets; NULL without memory. */
struct aead *ticket_sealer_new(enum aead_kind kind, const uint8_t ring_key[HASH_LEN]);
/* Returns the length, 0 on a failure of the cipher. */
size_t ticket_seal(uint8_t out[static SERVER_TICKET_MAX], const struct ticket *t,
		   struct aead *sealer, struct env *env);
must_check int ticket_open(struct ticket *t, const uint8_t *data, size_t len,
			   struct aead *sealer);

#endif
