/*
 * What passes between servers and APs: the message, as it comes. Marks, tags and seals
 * are put right first if the first byte says so, so that the bytes behind them are
 * reached as well; otherwise they are as good as never right.
 */
#include "overlay/base/env.h"
#include "overlay/base/frame.h"
#include "rendezvous/server_message.h"
#include "rendezvous/ticket.h"
#include "tests/fuzz/fuzz.h"

static struct server_mark mark;
static struct server_keys keys;
static struct aead *seal, *sealer;
static const uint8_t ring_key[HASH_LEN] = {1};

static void set_up(void)
{
	static const uint8_t key[SERVER_KEY_LEN] = {0x42};

	if (seal)
		return;
	must(!crypto_init());
	server_mark_init(&mark, "fuzz");
	server_keys_init(&keys, key);
	seal = aead_new(AEAD_STAND_IN, keys.seal);
	sealer = ticket_sealer_new(AEAD_STAND_IN, ring_key);
	must(seal && sealer);
}

/* HELLO and COOKIE: the mark is the hash of the datagram with a zero mark. */
static void put_mark(uint8_t *data, size_t len)
{
	uint8_t hash[HASH_LEN];

	if (len < 2 + SERVER_MARK_LEN)
		return;
	memset(data + 2, 0, SERVER_MARK_LEN);
	crypto_hmac(hash, mark.key, sizeof(mark.key), data, len);
	memcpy(data + 2, hash, SERVER_MARK_LEN);
}

static void put_tag(uint8_t *data, size_t len)
{
	uint8_t hash[HASH_LEN];

	if (len < SERVER_TAG_LEN)
		return;
	crypto_hmac(hash, keys.probe, sizeof(keys.probe), data, len - SERVER_TAG_LEN);
	memcpy(data + len - SERVER_TAG_LEN, hash, SERVER_TAG_LEN);
}

static void put_seal(const uint8_t nonce[AEAD_NONCE_LEN], uint8_t *data, size_t clear,
		     size_t len)
{
	if (clear + AEAD_TAG_LEN <= len)
		must(!aead_seal(seal, nonce, data, clear, data + clear,
				len - clear - AEAD_TAG_LEN, data + clear));
}

static void put_right(uint8_t *data, size_t len)
{
	uint8_t nonce[AEAD_NONCE_LEN] = {0};

	switch (data[0]) {
	case MSG_SERVER_HELLO:
	case MSG_SERVER_COOKIE:
		put_mark(data, len);
		break;
	case MSG_SERVER_PROBE:
	case MSG_SERVER_ECHO:
		put_tag(data, len);
		break;
	case MSG_SERVER_LEASE:
		if (len < 10)
			break;
		memcpy(nonce + 4, data + 1, 8);
		put_seal(nonce, data, 10 + (size_t)data[9], len);
		break;
	case MSG_SERVER_ACK:
		if (len >= 9 + SERVER_NONCE_LEN)
			put_seal(data + 9, data, 9 + SERVER_NONCE_LEN, len);
		break;
	}
}

static void lease(const uint8_t *data, size_t len)
{
	struct server_lease l;
	struct ticket t;

	if (server_lease_decode(&l, data, len))
		return;
	must(l.ticket_len <= SERVER_TICKET_MAX);
	must(l.ticket >= data && l.ticket + l.ticket_len <= data + len);
	(void)!ticket_open(&t, l.ticket, l.ticket_len, sealer);
	if (!server_lease_open(&l, seal))
		must(l.op == SERVER_REFRESH || l.op == SERVER_LEAVE);
}

/* A whole ticket, sealed as an AP seals it. */
static void ticket(const uint8_t *data, size_t len)
{
	uint8_t sealed[SERVER_TICKET_MAX];
	size_t clear = AEAD_NONCE_LEN, tail = AEAD_TAG_LEN;
	struct ticket t;

	if (len + clear + tail > sizeof(sealed))
		return;
	memset(sealed, 0, clear);
	must(!aead_seal(sealer, sealed, NULL, 0, data, len, sealed + clear));
	if (!ticket_open(&t, sealed, len + clear + tail, sealer))
		must(group_name_is_valid(&t.who.group));
}

static void join(const uint8_t *body, size_t len)
{
	uint8_t back[SERVER_FRAME_MAX];
	struct server_join j;

	if (server_join_decode(&j, body, len))
		return;
	must(group_name_is_valid(&j.group));
	must(server_join_encode(back, &j) <= SERVER_FRAME_MAX);
}

static void refuse(const uint8_t *body, size_t len)
{
	uint8_t back[SERVER_FRAME_MAX];
	struct server_refuse f;

	if (server_refuse_decode(&f, body, len))
		return;
	must(error_text(f.err));
	must(server_refuse_encode(back, &f) <= SERVER_FRAME_MAX);
}

static void try(const uint8_t *data, size_t len)
{
	struct server_hello hello;
	struct server_cookie cookie;
	struct server_accept accept;
	struct server_probe probe;
	struct server_echo echo;
	struct server_ack ack;

	switch (data[0]) {
	case MSG_SERVER_HELLO:
		(void)!server_hello_decode(&hello, data, len, &mark);
		break;
	case MSG_SERVER_COOKIE:
		(void)!server_cookie_decode(&cookie, data, len, &mark);
		break;
	case MSG_SERVER_JOIN:
		join(data + 1, len - 1);
		break;
	case MSG_SERVER_ACCEPT:
		if (!server_accept_decode(&accept, data + 1, len - 1))
			must(accept.ticket_len <= SERVER_TICKET_MAX);
		break;
	case MSG_SERVER_REFUSE:
		refuse(data + 1, len - 1);
		break;
	case MSG_SERVER_PROBE:
		(void)!server_probe_decode(&probe, data, len, keys.probe);
		break;
	case MSG_SERVER_ECHO:
		if (!server_echo_decode(&echo, data, len))
			(void)server_echo_is_authentic(&echo, keys.probe);
		break;
	case MSG_SERVER_LEASE:
		lease(data, len);
		break;
	case MSG_SERVER_ACK:
		if (!server_ack_decode(&ack, data, len) && !server_ack_open(&ack, seal))
			must(ack.ticket_len <= SERVER_TICKET_MAX);
		break;
	default:
		ticket(data, len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t *copy;

	if (len < 2 || len > 2048)
		return 0;
	set_up();
	copy = malloc(len - 1);
	memcpy(copy, data + 1, len - 1);
	if (data[0] & 1)
		put_right(copy, len - 1);
	try(copy, len - 1);
	free(copy);
	return 0;
}
