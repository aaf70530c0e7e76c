/* Tickets: {nonce 12, sealed}, with a random nonce under the ring's ticket key. */
#include "rendezvous/ticket.h"

#include <assert.h>
#include <string.h>

#define TICKET_VERSION 1
#define PLAIN_MAX                                                                        \
	(1 + GROUP_NAME_LEN + ID_LEN + 1 + SERVER_NAME_MAX + 19 + 8 + 4 + 2 + 2 + 1 +    \
	 1 + SERVER_KEY_LEN + CONTACT_WIRE_MAX)

_Static_assert(AEAD_NONCE_LEN + PLAIN_MAX + AEAD_TAG_LEN <= SERVER_TICKET_MAX, "size");

struct aead *ticket_sealer_new(enum aead_kind kind, const uint8_t ring_key[HASH_LEN])
{
	uint8_t key[AEAD_KEY_LEN];
	struct aead *a;

	crypto_derive(key, sizeof(key), ring_key, "pias ticket 1");
	a = aead_new(kind, key);
	crypto_wipe(key, sizeof(key));
	return a;
}

static void write_ticket(struct wr *w, const struct ticket *ticket)
{
	const struct admission *t = &ticket->who;
	size_t name_len = strnlen(t->name, SERVER_NAME_MAX);

	wr_u8(w, TICKET_VERSION);
	group_name_write(w, &t->group);
	id_write(w, &t->server);
	wr_u8(w, (uint8_t)name_len);
	wr_bytes(w, t->name, name_len);
	addr_write(w, &t->unicast);
	wr_u64(w, t->gue_cookie);
	wr_u32(w, t->lease_ms);
	wr_u16(w, t->mtu);
	wr_u16(w, t->probe_port);
	wr_u8(w, t->encap);
	wr_u8(w, t->policy);
	wr_bytes(w, t->key, sizeof(t->key));
	contact_write(w, &ticket->join_ap);
}

static int read_ticket(struct ticket *ticket, const uint8_t *data, size_t len)
{
	struct admission *t = &ticket->who;
	struct rd r;
	uint8_t name_len;

	memset(ticket, 0, sizeof(*ticket));
	rd_init(&r, data, len);
	if (rd_u8(&r) != TICKET_VERSION)
		return PIAS_EVERSION;
	group_name_read(&r, &t->group);
	id_read(&r, &t->server);
	name_len = rd_u8(&r);
	if (name_len > SERVER_NAME_MAX)
		return PIAS_EMALFORMED;
	rd_bytes(&r, t->name, name_len);
	addr_read(&r, &t->unicast);
	t->gue_cookie = rd_u64(&r);
	t->lease_ms = rd_u32(&r);
	t->mtu = rd_u16(&r);
	t->probe_port = rd_u16(&r);
	t->encap = rd_u8(&r);
	t->policy = rd_u8(&r);
	rd_bytes(&r, t->key, sizeof(t->key));
	contact_read(&r, &ticket->join_ap);
	return rd_done(&r);
}

size_t ticket_seal(uint8_t out[static SERVER_TICKET_MAX], const struct ticket *t,
		   struct aead *sealer, struct env *env)
{
	uint8_t *body = out + AEAD_NONCE_LEN;
	struct wr w;

	wr_init(&w, body, SERVER_TICKET_MAX - AEAD_NONCE_LEN - AEAD_TAG_LEN);
	write_ticket(&w, t);
	assert(!w.err);
	env_random(env, out, AEAD_NONCE_LEN);
	if (aead_seal(sealer, out, NULL, 0, body, wr_len(&w), body))
		return 0;
	return AEAD_NONCE_LEN + wr_len(&w) + AEAD_TAG_LEN;
}

int ticket_open(struct ticket *t, const uint8_t *data, size_t len, struct aead *sealer)
{
	uint8_t body[SERVER_TICKET_MAX];
	int err;

	if (len < AEAD_NONCE_LEN + AEAD_TAG_LEN || len > SERVER_TICKET_MAX)
		return PIAS_EMALFORMED;
	err = aead_open(sealer, data, NULL, 0, data + AEAD_NONCE_LEN,
			len - AEAD_NONCE_LEN, body);
	if (!err)
		err = read_ticket(t, body, len - AEAD_NONCE_LEN - AEAD_TAG_LEN);
	crypto_wipe(body, sizeof(body));
	return err;
}
