/*
 * A cookie is a MAC over the server's nonce and the address that its HELLO came from,
 * under a key that all APs derive from the ring key. It has no expiry: replaying one
 * saves its owner a HELLO, no more, because what admits a server is the certificate
 * on its TLS link and the challenge through its tunnel. Without the ring's mark there
 * is silence; with it, an answer shorter than the question.
 */
#include "rendezvous/hello.h"

#include <string.h>

void hello_init(struct hello *h, const char *ring, const uint8_t ring_key[HASH_LEN])
{
	server_mark_init(&h->mark, ring);
	crypto_derive(h->cookie_key, sizeof(h->cookie_key), ring_key, "pias cookie 1");
}

void hello_fini(struct hello *h)
{
	crypto_wipe(h, sizeof(*h));
}

static void cookie_make(const struct hello *h, uint64_t nonce, const struct addr *seen,
			uint8_t cookie[SERVER_COOKIE_LEN])
{
	uint8_t text[8 + 19], mac[HASH_LEN];
	struct wr w;

	wr_init(&w, text, sizeof(text));
	wr_u64(&w, nonce);
	addr_write(&w, seen);
	crypto_hmac(mac, h->cookie_key, sizeof(h->cookie_key), text, wr_len(&w));
	memcpy(cookie, mac, SERVER_COOKIE_LEN);
}

size_t hello_answer(const struct hello *h, struct env *env, const struct contact *self,
		    const struct addr *from, const uint8_t *data, size_t len,
		    uint8_t out[static SERVER_COOKIE_MAX])
{
	struct server_hello hello;
	struct server_cookie answer = {.seen = *from, .ap = *self};
	int err = server_hello_decode(&hello, data, len, &h->mark);

	if (err == PIAS_EAUTH)
		count(env, drop_hello_mark);
	else if (err)
		count(env, drop_server_datagram);
	if (err)
		return 0;
	answer.nonce = hello.nonce;
	cookie_make(h, hello.nonce, from, answer.cookie);
	return server_cookie_encode(out, &answer, &h->mark);
}

bool hello_cookie_is_ours(const struct hello *h, uint64_t nonce, const struct addr *seen,
			  const uint8_t cookie[static SERVER_COOKIE_LEN])
{
	uint8_t want[SERVER_COOKIE_LEN];

	cookie_make(h, nonce, seen, want);
	return crypto_equal(want, cookie, sizeof(want));
}
