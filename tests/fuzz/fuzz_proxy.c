/*
 * A whole AP, driven by a program of steps: links of APs and servers come and go, say
 * HELLO or not, send frames and sealed datagrams; datagrams and packets come from
 * nowhere; time passes. Bodies are put together from literal bytes and from words that
 * this AP understands (contacts, ids, groups, members, nonces it used), so that what
 * is certified but malicious gets as far as it can.
 *
 * What must hold: an answer to a stranger is no longer than what he sent; everything
 * that comes in moves some counter; and nothing is left when the AP is gone.
 */
#include "forwarder/proxy.h"
#include "forwarder/wrap.h"
#include "overlay/base/frame.h"
#include "overlay/session.h"
#include "rendezvous/hello.h"
#include "rendezvous/message.h"
#include "rendezvous/server_message.h"
#include "tests/fixture/rng.h"
#include "tests/fuzz/fuzz.h"

/* overlay/message.h and rendezvous/message.h do not go together. */
#define MSG_HELLO 0x01
#define MSG_PROBE 0x08
#define MSG_JOIN  0x10
#define MSG_FOUND 0x19

#define N_PEERS	  6
#define N_SERVERS 3
#define N_LINKS	  24
#define BODY_MAX  4096
#define STEPS_MAX 150

struct fuzz_link {
	bool is_open, is_server, has_index, dialed;
	unsigned who;
	uint32_t index; /* of the AP's session, from its HELLO */
	struct session session;
};

static struct {
	struct env env;
	struct proxy proxy;
	struct rng rng;
	pias_time wake_at;
	struct fuzz_link link[N_LINKS];
	unsigned n_links;
	uint32_t nonce;			 /* of the last message that had one */
	uint64_t nonce64;		 /* of the last probe */
	uint8_t probe[SERVER_PROBE_MAX]; /* the last one through a tunnel */
	size_t probe_len;
	uint8_t ticket[SERVER_TICKET_MAX];
	size_t ticket_len;
	size_t sent; /* bytes to strangers in this step */
	bool is_asked;
	struct id asked; /* the AP that was to be dialed last */
	struct hello hello;
	struct server_mark mark;
	uint64_t seq;
} fz;

static const uint8_t session_key[SERVER_KEY_LEN] = {0x42};

/* --- who is who ------------------------------------------------------------ */

static struct id fuzz_id(const char *kind, unsigned i)
{
	char name[32];
	struct id id;

	snprintf(name, sizeof(name), "%s %u", kind, i);
	crypto_id(&id, name, strlen(name));
	return id;
}

static struct contact peer(unsigned i)
{
	struct contact c = {.id = fuzz_id("ap", i % N_PEERS + 1)};

	c.addr[0] =
		addr_v4((uint8_t[]){192, 0, 2, (uint8_t)(i % N_PEERS + 2)}, CONTROL_PORT);
	return c;
}

static struct contact self(void)
{
	struct contact c = {.id = fuzz_id("ap", 0)};

	c.addr[0] = addr_v4((uint8_t[]){192, 0, 2, 1}, CONTROL_PORT);
	must(!addr_parse("[2001:db8::1]:7427", 0, &c.addr[1]));
	return c;
}

static struct group_name group(unsigned i)
{
	static const char *const name[] = {"198.18.0.1:53/udp", "198.18.0.1",
					   "[2001:db8:a::1]:80/tcp", "198.18.0.2:80/tcp"};
	struct group_name g;

	must(!group_name_parse(name[i & 3], &g));
	return g;
}

static struct addr server_addr(unsigned i)
{
	return addr_v4((uint8_t[]){203, 0, 113, (uint8_t)(i % N_SERVERS + 1)}, 6080);
}

/* --- the host ---------------------------------------------------------------- */

static void host_dial(void *host, const struct id *id, const struct addr addr[2])
{
	must(addr[0].family || addr[1].family);
	fz.is_asked = true;
	fz.asked = *id;
}

static void note_nonce(uint8_t type, const uint8_t *body, size_t len)
{
	if (type >= MSG_JOIN && type <= MSG_FOUND && len >= 4)
		fz.nonce = be32_get(body);
	else if (type >= MSG_UPDATE && type <= MSG_UPDATE_ACK && len >= 4)
		fz.nonce = be32_get(body);
	else if ((type == MSG_PULL || type == MSG_RECORDS) && len >= 4)
		fz.nonce = be32_get(body);
	else if (type == MSG_PROBE && len >= 8)
		fz.nonce64 = be64_get(body);
}

static void host_link_send(void *host, uint32_t link, const void *frame, size_t len)
{
	const uint8_t *f = frame, *body = f + FRAME_HEADER_LEN;
	struct server_accept a;

	must(link && link <= fz.n_links);
	must(frame_length(f, len) == (int)len);
	note_nonce(f[2], body, len - FRAME_HEADER_LEN);
	if (f[2] == MSG_HELLO) {
		fz.link[link - 1].index = be32_get(body + 2 + ID_LEN);
		fz.link[link - 1].has_index = true;
	}
	if (f[2] == MSG_SERVER_ACCEPT &&
	    !server_accept_decode(&a, body, len - FRAME_HEADER_LEN)) {
		memcpy(fz.ticket, a.ticket, a.ticket_len);
		fz.ticket_len = a.ticket_len;
	}
}

static void close_link(struct fuzz_link *l)
{
	if (!l->is_open)
		return;
	l->is_open = false;
}

static void host_link_close(void *host, uint32_t link)
{
	must(link && link <= fz.n_links);
	close_link(&fz.link[link - 1]);
}

static void host_datagram(void *host, const struct addr *to, const void *data, size_t len)
{
	must(to->family && len <= DATAGRAM_MAX);
	if (*(const uint8_t *)data != SEAL_MAGIC) /* those go to other APs */
		fz.sent += len;
}

static void host_tunnel(void *host, const struct tunnel_packet *pkt)
{
	size_t head = pkt->inner == 4 ? 20 : 40;
	size_t skip = head + 8 + (pkt->encap == ENCAP_GUE ? 12 : 0);

	must(pkt->len && pkt->segment_len && pkt->to.family);
	if (pkt->len < skip + 1 || pkt->len - skip > sizeof(fz.probe) ||
	    pkt->data[skip] != MSG_SERVER_PROBE)
		return;
	fz.probe_len = pkt->len - skip;
	memcpy(fz.probe, pkt->data + skip, fz.probe_len);
}

static void host_emit(void *host, const void *packet, size_t len)
{
	fz.sent += len;
}

static void host_wake(void *host, pias_time at)
{
	fz.wake_at = at;
}

static void host_random(void *host, void *buf, size_t len)
{
	rng_fill(&fz.rng, buf, len);
}

static void host_log(void *host, enum log_level level, const char *text)
{
	must(strlen(text) < 256 && !strchr(text, '\n'));
}

static const struct env_ops host_ops = {
	.dial = host_dial,
	.link_send = host_link_send,
	.link_close = host_link_close,
	.datagram = host_datagram,
	.tunnel = host_tunnel,
	.emit = host_emit,
	.wake = host_wake,
	.random = host_random,
	.log = host_log,
};

static void on_ready(void *ctx, bool is_ready)
{
}

static void on_join_failed(void *ctx, int err, const char *why)
{
	must(why && why[0]);
}

static const struct proxy_ops proxy_ops = {on_ready, on_join_failed};

static uint64_t counted(void)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < N_COUNTERS; i++)
		sum += fz.env.counters.v[i];
	return sum;
}

/* --- time --------------------------------------------------------------------- */

static void run(pias_time time)
{
	pias_time end = fz.env.now + time;
	int n = 0;

	while (fz.wake_at != PIAS_NEVER && fz.wake_at <= end) {
		if (fz.wake_at > fz.env.now)
			fz.env.now = fz.wake_at;
		fz.wake_at = PIAS_NEVER;
		fz.env.wake_asked = PIAS_NEVER;
		proxy_on_wake(&fz.proxy);
		must(++n < 100000);
	}
	fz.env.now = end;
}

/* --- bodies --------------------------------------------------------------------- */

static void put_member(struct wr *w, struct fuzz_in *in)
{
	uint8_t which = fuzz_u8(in), flags = fuzz_u8(in);
	struct member_record m = {
		.server = fuzz_id("as", which % N_SERVERS),
		.join_ap = which & 64 ? self() : peer(which >> 2),
		.unicast = server_addr(which),
		.cookie = 1,
		.seq = which & 128 ? UINT64_MAX : fuzz_u8(in),
		.stamp = flags >> 4,
		.rtt_us = 1000,
		.mtu = 1500,
		.encap = ENCAP_GUE,
		.flags = flags & MEMBER_FLAGS,
		.left = flags & 8 ? SEC : 30 * SEC,
	};

	coord_init(&m.coord);
	member_write(w, &m);
}

static void put_claim(struct wr *w, struct fuzz_in *in)
{
	uint8_t which = fuzz_u8(in);
	struct contact c = which & 64 ? self() : peer(which);

	contact_write(w, &c);
	wr_u64(w, which & 128 ? fuzz_u16(in) : 1000);
	wr_u8(w, (uint8_t)(1 + (which >> 4 & 3)));
}

static void put_word(struct wr *w, struct fuzz_in *in, uint8_t op)
{
	struct contact c;
	struct group_name g;
	struct coord coord;
	struct id id;

	switch (op & 15) {
	case 0:
		c = self();
		contact_write(w, &c);
		break;
	case 1:
		c = peer(fuzz_u8(in));
		contact_write(w, &c);
		break;
	case 2:
		id = self().id;
		id_write(w, &id);
		break;
	case 3:
		id = peer(fuzz_u8(in)).id;
		id_write(w, &id);
		break;
	case 4:
		id = fuzz_id("as", fuzz_u8(in) % N_SERVERS);
		id_write(w, &id);
		break;
	case 5:
		g = group(fuzz_u8(in));
		group_name_write(w, &g);
		break;
	case 6:
		g = group(fuzz_u8(in));
		group_name_key(&g, &id);
		id_write(w, &id);
		break;
	case 7:
		coord_init(&coord);
		coord_write(w, &coord);
		break;
	case 8:
		wr_u32(w, fz.nonce);
		break;
	case 9:
		wr_u64(w, fz.nonce64);
		break;
	case 10:
		put_member(w, in);
		break;
	case 11:
		put_claim(w, in);
		break;
	case 12:
		wr_u64(w, 1000u + fuzz_u8(in));
		break;
	case 13:
		wr_zero(w, fuzz_u8(in));
		break;
	case 14:
		wr_u16(w, fuzz_u8(in));
		break;
	default:
		wr_u64(w, UINT64_MAX >> (fuzz_u8(in) & 63));
	}
}

/* 0x00: the end; below 0x80 that many literal bytes; else a word. */
static size_t body(struct fuzz_in *in, uint8_t *out)
{
	const uint8_t *bytes;
	struct wr w;
	uint8_t op;
	size_t n;

	wr_init(&w, out, BODY_MAX);
	while (in->left && (op = fuzz_u8(in))) {
		if (op & 0x80) {
			put_word(&w, in, op);
			continue;
		}
		bytes = fuzz_bytes(in, op, &n);
		wr_bytes(&w, bytes, n);
	}
	return wr_len(&w);
}

/* --- links ------------------------------------------------------------------------- */

static struct fuzz_link *pick_link(struct fuzz_in *in)
{
	return fz.n_links ? &fz.link[fuzz_u8(in) % fz.n_links] : NULL;
}

static uint32_t handle_of(const struct fuzz_link *l)
{
	return (uint32_t)(l - fz.link) + 1;
}

static void link_up(struct fuzz_in *in, bool is_server)
{
	uint8_t key[OVERLAY_LINK_KEY_LEN] = {7}, how = fuzz_u8(in);
	struct peer_identity who = {.from = server_addr(how)};
	struct fuzz_link *l;

	if (fz.n_links == N_LINKS)
		return;
	l = &fz.link[fz.n_links++];
	l->is_open = true;
	l->is_server = is_server;
	l->who = how & 15;
	l->dialed = !is_server && how & 128;
	who.kind = is_server ? PEER_KIND_SERVER : PEER_KIND_AP;
	who.id = is_server ? fuzz_id("as", l->who % N_SERVERS) : peer(l->who).id;
	if (!is_server && how & 64)
		who.id = self().id;
	strcpy(who.name, "own\ter");
	key[1] = how;
	must(!session_init(&l->session, AEAD_STAND_IN, key, !l->dialed));
	if (proxy_on_link_up(&fz.proxy, handle_of(l), &who, l->dialed, key))
		close_link(l);
}

static void frame(struct fuzz_link *l, uint8_t type, const uint8_t *data, size_t len)
{
	uint8_t *buf = malloc(FRAME_HEADER_LEN + len);
	uint64_t before = counted();
	struct wr w;
	int n, err;

	frame_begin(&w, buf, FRAME_HEADER_LEN + len, type);
	wr_bytes(&w, data, len);
	n = frame_end(&w);
	must(n > 0);
	err = proxy_on_frame(&fz.proxy, handle_of(l),
			     l->is_server ? PEER_KIND_SERVER : PEER_KIND_AP, buf,
			     (size_t)n);
	/* A JOIN that is challenged shows in what is sent, not in a counter. */
	must(counted() > before || (l->is_server && !err));
	if (err)
		close_link(l);
	free(buf);
}

static void say_hello(struct fuzz_link *l, uint8_t how)
{
	struct contact sender = peer(l->who);
	uint8_t out[128];
	struct id ring;
	struct wr w;

	if (how & 4)
		sender.addr[0].ip[3] ^= 0x80;
	crypto_id(&ring, "fuzz", 4);
	wr_init(&w, out, sizeof(out));
	wr_u16(&w, how & 1 ? 2 : 1);
	id_write(&w, &ring);
	wr_u32(&w, 0x1000u + handle_of(l));
	wr_u64(&w, how & 2 ? 1u << 30 : 1000);
	contact_write(&w, &sender);
	frame(l, MSG_HELLO, out, wr_len(&w));
}

static void raw_frame(struct fuzz_in *in)
{
	struct fuzz_link *l = pick_link(in);
	uint8_t type = fuzz_u8(in), buf[BODY_MAX];
	size_t len = body(in, buf);

	if (l && l->is_open)
		frame(l, type, buf, len);
}

/* Not even a frame. */
static void no_frame(struct fuzz_in *in)
{
	struct fuzz_link *l = pick_link(in);
	size_t len;
	const uint8_t *bytes = fuzz_bytes(in, 4u + (fuzz_u8(in) & 15), &len);

	if (!l || !l->is_open || len < FRAME_HEADER_LEN)
		return;
	if (proxy_on_frame(&fz.proxy, handle_of(l),
			   l->is_server ? PEER_KIND_SERVER : PEER_KIND_AP, bytes, len))
		close_link(l);
}

static void link_down(struct fuzz_in *in)
{
	struct fuzz_link *l = pick_link(in);

	if (!l || !l->is_open)
		return;
	close_link(l);
	proxy_on_link_down(&fz.proxy, handle_of(l),
			   l->is_server ? PEER_KIND_SERVER : PEER_KIND_AP);
}

static void dial_failed(struct fuzz_in *in)
{
	struct contact c = peer(fuzz_u8(in));

	if (fz.is_asked)
		proxy_on_dial_failed(&fz.proxy, &fz.asked, c.addr, PIAS_EUNREACH);
	fz.is_asked = false;
}

/* --- datagrams and packets ------------------------------------------------------------
 */

static void datagram(const struct addr *from, const uint8_t *data, size_t len,
		     bool is_certified)
{
	struct addr to = self().addr[0];
	uint8_t *exact = malloc(len + !len);
	uint64_t before = counted();

	memcpy(exact, data, len);
	fz.sent = 0;
	proxy_on_datagram(&fz.proxy, from, &to, exact, len);
	must(is_certified || counted() > before || fz.sent);
	must(is_certified || fz.sent <= len);
	free(exact);
}

static void sealed(struct fuzz_in *in)
{
	struct fuzz_link *l = pick_link(in);
	uint8_t type = fuzz_u8(in), buf[BODY_MAX], out[BODY_MAX + SEAL_OVERHEAD];
	size_t len = body(in, buf);
	struct addr from = peer(0).addr[0];
	int n;

	if (!l || !l->has_index)
		return;
	n = session_seal(&l->session, l->index, type, buf, len, out);
	must(n > 0);
	datagram(&from, out, (size_t)n, true);
}

static void from_nowhere(struct fuzz_in *in)
{
	struct addr from = server_addr(fuzz_u8(in));
	uint8_t buf[BODY_MAX];
	size_t len = body(in, buf);

	datagram(&from, buf, len, false);
}

static void server_hello(struct fuzz_in *in)
{
	struct server_hello h = {.nonce = fuzz_u8(in)};
	struct addr from = server_addr(0);
	uint8_t out[SERVER_HELLO_LEN];

	datagram(&from, out, server_hello_encode(out, &h, &fz.mark), false);
}

static void cookie_for(const struct addr *seen, uint64_t nonce,
		       uint8_t out[SERVER_COOKIE_LEN])
{
	uint8_t buf[SERVER_HELLO_LEN], answer[SERVER_COOKIE_MAX];
	struct server_hello h = {.nonce = nonce};
	struct server_cookie c;
	struct contact me = self();
	size_t len = server_hello_encode(buf, &h, &fz.mark);

	len = hello_answer(&fz.hello, &fz.env, &me, seen, buf, len, answer);
	must(len && len <= sizeof(buf));
	must(!server_cookie_decode(&c, answer, len, &fz.mark));
	memcpy(out, c.cookie, SERVER_COOKIE_LEN);
}

static void join(struct fuzz_in *in)
{
	struct fuzz_link *l = pick_link(in);
	uint8_t how = fuzz_u8(in), out[SERVER_FRAME_MAX];
	struct server_join j = {
		.nonce = 1,
		.seen = server_addr(0),
		.group = group(how),
		.create = how & 4,
		.policy = how & 8 ? 2 : POLICY_NEAREST,
		.encap = how & 16 ? ENCAP_IPIP : ENCAP_GUE,
		.unicast = server_addr(how >> 5),
		.gue_cookie = 5,
		.mtu = 1500,
		.probe_port = 50000,
		.seq = fz.seq++,
		.lease_ms = (uint32_t)fuzz_u16(in) << 8,
	};
	size_t len;

	if (!l || !l->is_open)
		return;
	if (j.encap == ENCAP_IPIP)
		j.unicast.port = 0;
	memcpy(j.key, session_key, sizeof(j.key));
	cookie_for(&j.seen, j.nonce, j.cookie);
	len = server_join_encode(out, &j);
	frame(l, MSG_SERVER_JOIN, out + FRAME_HEADER_LEN, len - FRAME_HEADER_LEN);
}

static void echo(void)
{
	struct server_probe p;
	struct server_keys keys;
	struct server_echo e;
	struct addr from = server_addr(0);
	uint8_t out[SERVER_ECHO_LEN];

	server_keys_init(&keys, session_key);
	if (!fz.probe_len || server_probe_decode(&p, fz.probe, fz.probe_len, keys.probe))
		return;
	e = (struct server_echo){p.session, p.stamp, p.token, NULL};
	datagram(&from, out, server_echo_encode(out, &e, keys.probe), true);
}

static void lease(struct fuzz_in *in)
{
	struct server_keys keys;
	struct server_lease l = {
		.seq = fuzz_u8(in) & 7 ? fz.seq++ : fuzz_u16(in),
		.ticket = fz.ticket,
		.ticket_len = fz.ticket_len,
		.op = fuzz_u8(in) & 7 ? SERVER_REFRESH : SERVER_LEAVE,
		.here = fuzz_u8(in) & 1,
	};
	struct addr from = server_addr(0);
	uint8_t out[SERVER_LEASE_MAX];
	struct aead *seal;
	size_t len;

	if (!fz.ticket_len)
		return;
	server_keys_init(&keys, session_key);
	seal = aead_new(AEAD_STAND_IN, keys.seal);
	len = server_lease_encode(out, &l, seal);
	aead_free(seal);
	if (len)
		datagram(&from, out, len, true);
}

static void packet(struct fuzz_in *in)
{
	uint8_t how = fuzz_u8(in), buf[BODY_MAX + 64], payload[BODY_MAX];
	struct group_name g = group(how);
	struct addr from = server_addr(how >> 2), to = group_name_addr(&g);
	struct packet_in p = {.headroom = how & 64 ? FORWARD_HEADROOM : 0};
	uint64_t before = counted();
	size_t len = body(in, payload);
	uint8_t *exact;

	if (to.family == ADDR_V6)
		must(!addr_parse("2001:db8:ffff::5", 99, &from));
	if (how & 16)
		to.port = CONTROL_PORT;
	if (how & 32) {
		memcpy(buf, payload, len);
		p.len = len;
	} else {
		p.len = packet_build_udp(buf, &from, &to, 1, payload, len);
	}
	if (how & 128)
		p.segment_len = fuzz_u16(in);
	exact = malloc(p.headroom + p.len + 1);
	p.data = exact + p.headroom;
	memcpy(p.data, buf, p.len);
	fz.sent = 0;
	proxy_on_packet(&fz.proxy, &p);
	proxy_settle(&fz.proxy);
	must(counted() > before);
	must(fz.sent <= p.len + 64);
	free(exact);
}

/* --- a whole life
 * ------------------------------------------------------------------------ */

static void set_up(uint8_t how)
{
	struct proxy_config c = {
		.overlay = {.ring = "fuzz",
			    .incarnation = 1000,
			    .n_replicas = 3,
			    .mode = how & 1 ? TABLE_FINGERS : TABLE_FULL,
			    .self = self()},
		.rendezvous = {.ring = "fuzz",
			       .ring_key = {1},
			       .n_replicas = 3,
			       .lease = 30 * SEC,
			       .refresh = 10 * SEC,
			       .health_period = 250 * MSEC,
			       .health_misses = 3,
			       .negative_ttl = SEC,
			       .cache_idle = 120 * SEC,
			       .max_groups = how & 2 ? 2 : 100,
			       .max_members = how & 2 ? 3 : 100,
			       .max_group_members = how & 2 ? 2 : 10,
			       .max_cached = how & 2 ? 2 : 100,
			       .max_servers = how & 2 ? 2 : 10},
		.forward = {.n_prefixes = 2, .max_flows = 64, .mtu = 1500},
	};
	unsigned i;

	memset(&fz, 0, sizeof(fz));
	fz.rng.s = 1;
	fz.seq = 100;
	fz.wake_at = PIAS_NEVER;
	env_init(&fz.env, &host_ops, NULL);
	fz.env.aead = AEAD_STAND_IN;
	fz.env.log_level = LOG_LEVEL_DEBUG;
	fz.env.now = 1000 * SEC;
	for (i = 0; i < 2; i++) {
		must(!prefix_parse(i ? "2001:db8:a::/48" : "198.18.0.0/24",
				   &c.forward.prefix[i]));
		c.rendezvous.prefix[i] = c.forward.prefix[i];
		c.forward.self[i] = c.overlay.self.addr[i];
	}
	c.rendezvous.n_prefixes = 2;
	if (how & 4) {
		c.overlay.n_seeds = 1;
		c.overlay.seed[0] = peer(0).addr[0];
	}
	hello_init(&fz.hello, "fuzz", c.rendezvous.ring_key);
	server_mark_init(&fz.mark, "fuzz");
	must(!proxy_init(&fz.proxy, &fz.env, &c, &proxy_ops, NULL));
	proxy_start(&fz.proxy);
}

static void tear_down(void)
{
	unsigned i;

	proxy_fini(&fz.proxy);
	env_fini(&fz.env);
	hello_fini(&fz.hello);
	for (i = 0; i < fz.n_links; i++)
		session_fini(&fz.link[i].session);
}

static void step(struct fuzz_in *in)
{
	struct fuzz_link *l;

	switch (fuzz_u8(in) % 20) {
	case 0:
		run(fuzz_u8(in) * MSEC);
		break;
	case 1:
		run(fuzz_u8(in) * SEC / 10);
		break;
	case 2:
		run((fuzz_u8(in) & 63) * SEC);
		break;
	case 3:
		link_up(in, false);
		break;
	case 4:
		link_up(in, true);
		break;
	case 5:
		l = pick_link(in);
		if (l && l->is_open && !l->is_server)
			say_hello(l, fuzz_u8(in));
		break;
	case 6:
	case 7:
	case 8:
		raw_frame(in);
		break;
	case 9:
		no_frame(in);
		break;
	case 10:
		link_down(in);
		break;
	case 11:
		dial_failed(in);
		break;
	case 12:
	case 13:
		sealed(in);
		break;
	case 14:
		from_nowhere(in);
		break;
	case 15:
		server_hello(in);
		break;
	case 16:
		join(in);
		break;
	case 17:
		echo();
		break;
	case 18:
		lease(in);
		break;
	case 19:
		packet(in);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_in in = {data, len};
	static bool is_ready;
	int n;

	if (!is_ready)
		must(!crypto_init());
	is_ready = true;
	set_up(fuzz_u8(&in));
	for (n = 0; in.left && n < STEPS_MAX; n++)
		step(&in);
	if (len & 1) {
		proxy_leave(&fz.proxy);
		run(3 * SEC);
	}
	tear_down();
	return 0;
}
