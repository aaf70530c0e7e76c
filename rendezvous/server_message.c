/*
 * The bytes of PROTOCOL 6. A decoder checks mark or tag before anything else, reads
 * all fields, and refuses leftovers; only HELLO (padding) and JOIN (characteristics)
 * may be longer than what is known today. Nothing here keeps state.
 */
#include "rendezvous/server_message.h"

#include <assert.h>
#include <string.h>

#include "overlay/base/env.h"
#include "overlay/base/frame.h"

#define MARK_AT	    2
#define JOIN_CREATE 0x01
#define LEASE_HERE  0x01
#define ACK_IS_UP   0x01
#define NONCE_ACK   0x80 /* bit of a nonce's first byte; a LEASE's is 0 */

_Static_assert(SERVER_COOKIE_MAX <= SERVER_HELLO_LEN, "amplification");
_Static_assert(SERVER_ECHO_LEN < SERVER_PROBE_MAX, "an echo is no longer than a probe");

/* HELLO and COOKIE */

void server_mark_init(struct server_mark *m, const char *ring)
{
	uint8_t text[16 + RING_NAME_MAX];
	struct wr w;

	wr_init(&w, text, sizeof(text));
	wr_bytes(&w, "pias ring ", 10);
	wr_bytes(&w, ring, strlen(ring));
	assert(!w.err);
	crypto_hash(m->key, text, wr_len(&w));
}

static void mark_make(const struct server_mark *m, const uint8_t *data, size_t len,
		      uint8_t mark[HASH_LEN])
{
	uint8_t copy[SERVER_HELLO_LEN];

	memcpy(copy, data, len);
	memset(copy + MARK_AT, 0, SERVER_MARK_LEN);
	crypto_hmac(mark, m->key, sizeof(m->key), copy, len);
}

static void mark_write(const struct server_mark *m, uint8_t *data, size_t len)
{
	uint8_t mark[HASH_LEN];

	mark_make(m, data, len, mark);
	memcpy(data + MARK_AT, mark, SERVER_MARK_LEN);
}

/* Type, version and mark of @data; leaves @r after them. */
static int marked_begin(struct rd *r, const uint8_t *data, size_t len, uint8_t type,
			const struct server_mark *m)
{
	uint8_t mark[HASH_LEN], version;

	rd_init(r, data, len);
	if (rd_u8(r) != type || len > SERVER_HELLO_LEN)
		return PIAS_EMALFORMED;
	version = rd_u8(r);
	if (!rd_view(r, SERVER_MARK_LEN))
		return PIAS_EMALFORMED;
	mark_make(m, data, len, mark);
	if (!crypto_equal(mark, data + MARK_AT, SERVER_MARK_LEN))
		return PIAS_EAUTH;
	return version == SERVER_VERSION ? 0 : PIAS_EVERSION;
}

static void marked_write(struct wr *w, uint8_t *out, size_t len, uint8_t type)
{
	wr_init(w, out, len);
	wr_u8(w, type);
	wr_u8(w, SERVER_VERSION);
	wr_zero(w, SERVER_MARK_LEN);
}

size_t server_hello_encode(uint8_t out[static SERVER_HELLO_LEN],
			   const struct server_hello *h, const struct server_mark *m)
{
	struct wr w;

	marked_write(&w, out, SERVER_HELLO_LEN, MSG_SERVER_HELLO);
	wr_u64(&w, h->nonce);
	wr_zero(&w, SERVER_HELLO_LEN - wr_len(&w));
	mark_write(m, out, SERVER_HELLO_LEN);
	return SERVER_HELLO_LEN;
}

int server_hello_decode(struct server_hello *h, const uint8_t *data, size_t len,
			const struct server_mark *m)
{
	struct rd r;
	int err;

	if (len != SERVER_HELLO_LEN)
		return PIAS_EMALFORMED;
	err = marked_begin(&r, data, len, MSG_SERVER_HELLO, m);
	h->nonce = rd_u64(&r);
	return err;
}

size_t server_cookie_encode(uint8_t out[static SERVER_COOKIE_MAX],
			    const struct server_cookie *c, const struct server_mark *m)
{
	struct wr w;

	marked_write(&w, out, SERVER_COOKIE_MAX, MSG_SERVER_COOKIE);
	wr_u64(&w, c->nonce);
	addr_write(&w, &c->seen);
	wr_bytes(&w, c->cookie, sizeof(c->cookie));
	contact_write(&w, &c->ap);
	assert(!w.err);
	mark_write(m, out, wr_len(&w));
	return wr_len(&w);
}

int server_cookie_decode(struct server_cookie *c, const uint8_t *data, size_t len,
			 const struct server_mark *m)
{
	struct rd r;
	int err = marked_begin(&r, data, len, MSG_SERVER_COOKIE, m);

	if (err)
		return err;
	c->nonce = rd_u64(&r);
	addr_read(&r, &c->seen);
	rd_bytes(&r, c->cookie, sizeof(c->cookie));
	contact_read(&r, &c->ap);
	return rd_done(&r);
}

/* Frames on the server's link */

static size_t frame_finish(struct wr *w)
{
	int len = frame_end(w);

	assert(len > 0);
	return (size_t)len;
}

size_t server_join_encode(uint8_t out[static SERVER_FRAME_MAX],
			  const struct server_join *j)
{
	struct wr w;

	frame_begin(&w, out, SERVER_FRAME_MAX, MSG_SERVER_JOIN);
	wr_u8(&w, SERVER_VERSION);
	wr_u8(&w, j->create ? JOIN_CREATE : 0);
	wr_u64(&w, j->nonce);
	addr_write(&w, &j->seen);
	wr_bytes(&w, j->cookie, sizeof(j->cookie));
	group_name_write(&w, &j->group);
	wr_u8(&w, j->policy);
	wr_u8(&w, j->encap);
	addr_write(&w, &j->unicast);
	wr_u64(&w, j->gue_cookie);
	wr_u16(&w, j->mtu);
	wr_u16(&w, j->probe_port);
	wr_u64(&w, j->seq);
	wr_u32(&w, j->lease_ms);
	wr_bytes(&w, j->key, sizeof(j->key));
	return frame_finish(&w);
}

/* None is known yet: the first one that must be understood is not. */
static uint8_t read_characteristics(struct rd *r)
{
	uint8_t type, not_understood = 0;

	while (rd_left(r)) {
		type = rd_u8(r);
		rd_view(r, rd_u8(r));
		if (type & SERVER_CHAR_MUST && !not_understood)
			not_understood = type;
	}
	return not_understood;
}

int server_join_decode(struct server_join *j, const uint8_t *body, size_t len)
{
	struct rd r;
	uint8_t flags;

	rd_init(&r, body, len);
	if (rd_u8(&r) != SERVER_VERSION)
		return r.err ? r.err : PIAS_EVERSION;
	flags = rd_u8(&r);
	j->create = flags & JOIN_CREATE;
	j->nonce = rd_u64(&r);
	addr_read(&r, &j->seen);
	rd_bytes(&r, j->cookie, sizeof(j->cookie));
	group_name_read(&r, &j->group);
	j->policy = rd_u8(&r);
	j->encap = rd_u8(&r);
	addr_read(&r, &j->unicast);
	j->gue_cookie = rd_u64(&r);
	j->mtu = rd_u16(&r);
	j->probe_port = rd_u16(&r);
	j->seq = rd_u64(&r);
	j->lease_ms = rd_u32(&r);
	rd_bytes(&r, j->key, sizeof(j->key));
	if (flags & ~JOIN_CREATE)
		r.err = PIAS_EMALFORMED;
	j->not_understood = read_characteristics(&r);
	return rd_done(&r);
}

size_t server_accept_encode(uint8_t out[static SERVER_FRAME_MAX],
			    const struct server_accept *a)
{
	struct wr w;

	frame_begin(&w, out, SERVER_FRAME_MAX, MSG_SERVER_ACCEPT);
	group_name_write(&w, &a->group);
	wr_u32(&w, a->lease_ms);
	wr_u32(&w, a->refresh_ms);
	wr_u8(&w, a->ticket_len);
	wr_bytes(&w, a->ticket, a->ticket_len);
	return frame_finish(&w);
}

/* A length byte and at most @max bytes into @dst; returns how many. */
static uint8_t read_counted(struct rd *r, void *dst, size_t max)
{
	uint8_t n = rd_u8(r);

	if (n > max) {
		r->err = PIAS_EMALFORMED;
		return 0;
	}
	rd_bytes(r, dst, n);
	return n;
}

int server_accept_decode(struct server_accept *a, const uint8_t *body, size_t len)
{
	struct rd r;

	rd_init(&r, body, len);
	group_name_read(&r, &a->group);
	a->lease_ms = rd_u32(&r);
	a->refresh_ms = rd_u32(&r);
	a->ticket_len = read_counted(&r, a->ticket, sizeof(a->ticket));
	if (!a->ticket_len || !a->lease_ms || !a->refresh_ms)
		return PIAS_EMALFORMED;
	return rd_done(&r);
}

size_t server_refuse_encode(uint8_t out[static SERVER_FRAME_MAX],
			    const struct server_refuse *f)
{
	size_t len = strnlen(f->text, SERVER_TEXT_MAX);
	struct wr w;

	frame_begin(&w, out, SERVER_FRAME_MAX, MSG_SERVER_REFUSE);
	group_name_write(&w, &f->group);
	wr_u8(&w, (uint8_t)-f->err);
	wr_u8(&w, f->is_final);
	wr_u64(&w, f->seq);
	wr_u8(&w, (uint8_t)len);
	wr_bytes(&w, f->text, len);
	return frame_finish(&w);
}

/* What goes to somebody's terminal: no control characters. */
static void make_printable(char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
	text[len] = '\0';
}

int server_refuse_decode(struct server_refuse *f, const uint8_t *body, size_t len)
{
	struct rd r;
	uint8_t code, is_final;

	rd_init(&r, body, len);
	group_name_read(&r, &f->group);
	code = rd_u8(&r);
	is_final = rd_u8(&r);
	f->seq = rd_u64(&r);
	f->err = -(int)code;
	f->is_final = is_final;
	make_printable(f->text, read_counted(&r, f->text, SERVER_TEXT_MAX));
	if (!code || is_final > 1)
		return PIAS_EMALFORMED;
	return rd_done(&r);
}

/* PROBE and ECHO */

void server_keys_init(struct server_keys *k, const uint8_t key[static SERVER_KEY_LEN])
{
	uint8_t h[HASH_LEN];

	crypto_hmac(h, key, SERVER_KEY_LEN, "probe", 5);
	memcpy(k->probe, h, sizeof(k->probe));
	crypto_hmac(h, key, SERVER_KEY_LEN, "seal", 4);
	memcpy(k->seal, h, sizeof(k->seal));
	crypto_wipe(h, sizeof(h));
}

/* The type is under the tag: an echo is never a probe. */
static size_t tag_write(struct wr *w, const uint8_t key[SERVER_KEY_LEN])
{
	uint8_t tag[HASH_LEN];

	assert(!w->err);
	crypto_hmac(tag, key, SERVER_KEY_LEN, w->start, wr_len(w));
	wr_bytes(w, tag, SERVER_TAG_LEN);
	assert(!w->err);
	return wr_len(w);
}

static bool tag_is_right(const uint8_t *data, size_t len,
			 const uint8_t key[SERVER_KEY_LEN])
{
	uint8_t tag[HASH_LEN];

	crypto_hmac(tag, key, SERVER_KEY_LEN, data, len - SERVER_TAG_LEN);
	return crypto_equal(tag, data + len - SERVER_TAG_LEN, SERVER_TAG_LEN);
}

size_t server_probe_encode(uint8_t out[static SERVER_PROBE_MAX],
			   const struct server_probe *p,
			   const uint8_t key[static SERVER_KEY_LEN])
{
	struct wr w;

	wr_init(&w, out, SERVER_PROBE_MAX);
	wr_u8(&w, MSG_SERVER_PROBE);
	wr_u64(&w, p->session);
	wr_u64(&w, p->stamp);
	wr_u64(&w, p->token);
	addr_write(&w, &p->reply);
	return tag_write(&w, key);
}

int server_probe_decode(struct server_probe *p, const uint8_t *data, size_t len,
			const uint8_t key[static SERVER_KEY_LEN])
{
	struct rd r;

	rd_init(&r, data, len);
	if (rd_u8(&r) != MSG_SERVER_PROBE)
		return PIAS_EMALFORMED;
	p->session = rd_u64(&r);
	p->stamp = rd_u64(&r);
	p->token = rd_u64(&r);
	addr_read(&r, &p->reply);
	rd_view(&r, SERVER_TAG_LEN);
	if (rd_done(&r) || addr_is_none(&p->reply))
		return PIAS_EMALFORMED;
	return tag_is_right(data, len, key) ? 0 : PIAS_EAUTH;
}

size_t server_echo_encode(uint8_t out[static SERVER_ECHO_LEN],
			  const struct server_echo *e,
			  const uint8_t key[static SERVER_KEY_LEN])
{
	struct wr w;

	wr_init(&w, out, SERVER_ECHO_LEN);
	wr_u8(&w, MSG_SERVER_ECHO);
	wr_u64(&w, e->session);
	wr_u64(&w, e->stamp);
	wr_u64(&w, e->token);
	return tag_write(&w, key);
}

int server_echo_decode(struct server_echo *e, const uint8_t *data, size_t len)
{
	struct rd r;

	rd_init(&r, data, len);
	if (rd_u8(&r) != MSG_SERVER_ECHO)
		return PIAS_EMALFORMED;
	e->session = rd_u64(&r);
	e->stamp = rd_u64(&r);
	e->token = rd_u64(&r);
	e->data = data;
	rd_view(&r, SERVER_TAG_LEN);
	return rd_done(&r);
}

bool server_echo_is_authentic(const struct server_echo *e,
			      const uint8_t key[static SERVER_KEY_LEN])
{
	return tag_is_right(e->data, SERVER_ECHO_LEN, key);
}

/* LEASE and ACK */

static void lease_nonce(uint8_t nonce[AEAD_NONCE_LEN], uint64_t seq)
{
	memset(nonce, 0, AEAD_NONCE_LEN);
	be64_put(nonce + AEAD_NONCE_LEN - 8, seq);
}

/* Seals what was written since @clear_len, with all before it authenticated too. */
static size_t seal_finish(struct wr *w, size_t clear_len, const uint8_t *nonce,
			  struct aead *seal)
{
	uint8_t *body = w->start + clear_len;
	size_t len = wr_len(w) - clear_len;

	wr_zero(w, AEAD_TAG_LEN);
	assert(!w->err);
	if (aead_seal(seal, nonce, w->start, clear_len, body, len, body))
		return 0;
	return wr_len(w);
}

size_t server_lease_encode(uint8_t out[static SERVER_LEASE_MAX],
			   const struct server_lease *l, struct aead *seal)
{
	uint8_t nonce[AEAD_NONCE_LEN];
	size_t clear_len;
	struct wr w;

	wr_init(&w, out, SERVER_LEASE_MAX);
	wr_u8(&w, MSG_SERVER_LEASE);
	wr_u64(&w, l->seq);
	wr_u8(&w, (uint8_t)l->ticket_len);
	wr_bytes(&w, l->ticket, l->ticket_len);
	clear_len = wr_len(&w);
	wr_u8(&w, (uint8_t)l->op);
	wr_u8(&w, l->here ? LEASE_HERE : 0);
	wr_u16(&w, 0);
	lease_nonce(nonce, l->seq);
	return seal_finish(&w, clear_len, nonce, seal);
}

int server_lease_decode(struct server_lease *l, const uint8_t *data, size_t len)
{
	struct rd r;

	rd_init(&r, data, len);
	if (rd_u8(&r) != MSG_SERVER_LEASE)
		return PIAS_EMALFORMED;
	l->seq = rd_u64(&r);
	l->ticket_len = rd_u8(&r);
	l->ticket = rd_view(&r, l->ticket_len);
	if (r.err || l->ticket_len > SERVER_TICKET_MAX)
		return PIAS_EMALFORMED;
	l->data = data;
	l->clear_len = len - rd_left(&r);
	l->len = len;
	rd_view(&r, SERVER_LEASE_BODY + AEAD_TAG_LEN);
	return rd_done(&r);
}

int server_lease_open(struct server_lease *l, struct aead *seal)
{
	uint8_t nonce[AEAD_NONCE_LEN], body[SERVER_LEASE_BODY], op;
	struct rd r;
	int err;

	lease_nonce(nonce, l->seq);
	err = aead_open(seal, nonce, l->data, l->clear_len, l->data + l->clear_len,
			l->len - l->clear_len, body);
	if (err)
		return err;
	rd_init(&r, body, sizeof(body));
	op = rd_u8(&r);
	l->here = rd_u8(&r) & LEASE_HERE;
	rd_u16(&r);
	if (op < SERVER_REFRESH || op > SERVER_LEAVE)
		return PIAS_EMALFORMED;
	l->op = op;
	return rd_done(&r);
}

size_t server_ack_encode(uint8_t out[static SERVER_ACK_MAX], const struct server_ack *a,
			 const uint8_t nonce[static SERVER_NONCE_LEN], struct aead *seal)
{
	uint8_t *n;
	size_t clear_len;
	struct wr w;

	wr_init(&w, out, SERVER_ACK_MAX);
	wr_u8(&w, MSG_SERVER_ACK);
	wr_u64(&w, a->seq);
	n = wr_reserve(&w, SERVER_NONCE_LEN);
	memcpy(n, nonce, SERVER_NONCE_LEN);
	n[0] |= NONCE_ACK;
	clear_len = wr_len(&w);
	wr_u8(&w, (uint8_t)a->status);
	wr_u8(&w, a->is_up ? ACK_IS_UP : 0);
	wr_u32(&w, a->lease_ms);
	wr_u32(&w, a->refresh_ms);
	wr_u64(&w, a->known);
	id_write(&w, &a->via);
	contact_write(&w, &a->join_ap);
	wr_u8(&w, a->ticket_len);
	wr_bytes(&w, a->ticket, a->ticket_len);
	return seal_finish(&w, clear_len, n, seal);
}

int server_ack_decode(struct server_ack *a, const uint8_t *data, size_t len)
{
	struct rd r;

	rd_init(&r, data, len);
	if (rd_u8(&r) != MSG_SERVER_ACK)
		return PIAS_EMALFORMED;
	a->seq = rd_u64(&r);
	if (!(rd_u8(&r) & NONCE_ACK))
		return PIAS_EMALFORMED;
	rd_view(&r, SERVER_NONCE_LEN - 1);
	if (r.err || rd_left(&r) < AEAD_TAG_LEN || len > SERVER_ACK_MAX)
		return PIAS_EMALFORMED;
	a->data = data;
	a->len = len;
	return 0;
}

int server_ack_open(struct server_ack *a, struct aead *seal)
{
	const size_t clear_len = 1 + 8 + SERVER_NONCE_LEN;
	uint8_t body[SERVER_ACK_BODY + AEAD_TAG_LEN], status;
	struct rd r;
	int err = aead_open(seal, a->data + 9, a->data, clear_len, a->data + clear_len,
			    a->len - clear_len, body);

	if (err)
		return err;
	rd_init(&r, body, a->len - clear_len - AEAD_TAG_LEN);
	status = rd_u8(&r);
	a->is_up = rd_u8(&r) & ACK_IS_UP;
	a->lease_ms = rd_u32(&r);
	a->refresh_ms = rd_u32(&r);
	a->known = rd_u64(&r);
	id_read(&r, &a->via);
	contact_read(&r, &a->join_ap);
	a->ticket_len = read_counted(&r, a->ticket, sizeof(a->ticket));
	if (status < SERVER_ACK_OK || status > SERVER_ACK_SUPERSEDED)
		return PIAS_EMALFORMED;
	a->status = status;
	return rd_done(&r);
}
