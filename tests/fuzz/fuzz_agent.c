/*
 * A server's agent among malicious APs: a program of steps in which datagrams, probes
 * and frames come, links go up and down, dials fail and time passes. What APs may say
 * is marked and sealed rightly where the step says so.
 */
#include "overlay/base/frame.h"
#include "rendezvous/agent.h"
#include "rendezvous/server_message.h"
#include "tests/fixture/rng.h"
#include "tests/fuzz/fuzz.h"

#define BODY_MAX  1024
#define STEPS_MAX 300

static struct {
	struct env env;
	struct agent *agent;
	struct rng rng;
	pias_time wake_at;
	struct server_mark mark;
	uint32_t link;
	bool is_open, is_asked;
	struct addr asked[2];
	uint64_t nonce; /* of the last HELLO */
	uint64_t seq;	/* of the last LEASE */
	uint8_t key[SERVER_KEY_LEN];
	bool has_key;
	size_t sent;
} fz;

static struct contact ap(void)
{
	struct contact c = {.addr = {addr_v4((uint8_t[]){192, 0, 2, 1}, CONTROL_PORT)}};

	crypto_id(&c.id, "ap", 2);
	return c;
}

static void host_dial(void *host, const struct id *id, const struct addr addr[2])
{
	fz.is_asked = true;
	fz.asked[0] = addr[0];
	fz.asked[1] = addr[1];
}

static void host_link_send(void *host, uint32_t link, const void *frame, size_t len)
{
	const uint8_t *f = frame;
	struct server_join j;

	must(frame_length(f, len) == (int)len && f[2] == MSG_SERVER_JOIN);
	must(!server_join_decode(&j, f + FRAME_HEADER_LEN, len - FRAME_HEADER_LEN));
	memcpy(fz.key, j.key, sizeof(fz.key));
	fz.has_key = true;
}

static void host_link_close(void *host, uint32_t link)
{
	must(link == fz.link && fz.is_open);
	fz.is_open = false;
}

static void host_datagram(void *host, const struct addr *to, const void *data, size_t len)
{
	const uint8_t *d = data;

	must(to->family && len);
	fz.sent += len;
	if (d[0] == MSG_SERVER_HELLO)
		fz.nonce = be64_get(d + 2 + SERVER_MARK_LEN);
	if (d[0] == MSG_SERVER_LEASE)
		fz.seq = be64_get(d + 1);
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
	.wake = host_wake,
	.random = host_random,
	.log = host_log,
};

static void on_state(void *ctx, unsigned i, enum agent_state state)
{
	must(i < 2 && state <= AGENT_LEFT);
}

static void on_refused(void *ctx, unsigned i, int err, const char *why, bool is_final)
{
	must(i < 2 && err < 0 && why && error_text(err));
}

static const struct agent_ops agent_ops = {on_state, on_refused};

static void run(pias_time time)
{
	pias_time end = fz.env.now + time;
	int n = 0;

	while (fz.wake_at != PIAS_NEVER && fz.wake_at <= end) {
		if (fz.wake_at > fz.env.now)
			fz.env.now = fz.wake_at;
		fz.wake_at = PIAS_NEVER;
		fz.env.wake_asked = PIAS_NEVER;
		env_run(&fz.env);
		env_settle(&fz.env);
		must(++n < 100000);
	}
	fz.env.now = end;
}

static void datagram(const uint8_t *data, size_t len)
{
	struct addr from = ap().addr[0];
	uint8_t *exact = malloc(len + !len);

	memcpy(exact, data, len);
	agent_on_datagram(fz.agent, &from, exact, len);
	free(exact);
}

static void raw_datagram(struct fuzz_in *in)
{
	size_t len;
	const uint8_t *bytes = fuzz_bytes(in, fuzz_u16(in) % BODY_MAX, &len);

	datagram(bytes, len);
}

static void cookie(struct fuzz_in *in)
{
	uint8_t how = fuzz_u8(in), out[SERVER_COOKIE_MAX];
	struct server_cookie c = {.nonce = fz.nonce, .ap = ap()};

	c.seen = addr_v4((uint8_t[]){203, 0, 113, 1}, 40000);
	if (how & 1)
		c.nonce++;
	if (how & 2)
		c.ap.addr[0] = (struct addr){0};
	if (how & 4)
		c.ap.addr[0].port = 0;
	datagram(out, server_cookie_encode(out, &c, &fz.mark));
}

static void ack(struct fuzz_in *in)
{
	uint8_t how = fuzz_u8(in), out[SERVER_ACK_MAX];
	uint8_t nonce[SERVER_NONCE_LEN] = {0x80, how};
	struct server_keys keys;
	struct server_ack a = {
		.seq = how & 1 ? fz.seq : fuzz_u8(in),
		.status = (enum server_ack_status)(1 + (how >> 1 & 3)),
		.is_up = how & 8,
		.lease_ms = (uint32_t)fuzz_u16(in) << (how >> 4),
		.refresh_ms = fuzz_u16(in),
		.known = how & 16 ? UINT64_MAX : fuzz_u16(in),
		.join_ap = ap(),
		.ticket_len = fuzz_u8(in) % (SERVER_TICKET_MAX + 1),
	};
	struct aead *seal;

	if (!fz.has_key)
		return;
	server_keys_init(&keys, fz.key);
	seal = aead_new(AEAD_STAND_IN, keys.seal);
	datagram(out, server_ack_encode(out, &a, nonce, seal));
	aead_free(seal);
}

static void probe(struct fuzz_in *in)
{
	uint8_t out[SERVER_PROBE_MAX], how = fuzz_u8(in);
	struct server_probe p = {.session = 1, .stamp = fuzz_u8(in), .token = 3};
	struct addr from = ap().addr[0];
	struct server_keys keys;
	size_t len;

	p.reply = from;
	if (how & 2)
		p.reply = (struct addr){0};
	server_keys_init(&keys, fz.key);
	len = server_probe_encode(out, &p, keys.probe);
	if (how & 4)
		len = fuzz_u8(in) % (len + 1);
	fz.sent = 0;
	agent_on_probe(fz.agent, how & 1, &from, out, len);
	must(fz.sent <= len);
	env_settle(&fz.env);
}

static void link_up(struct fuzz_in *in)
{
	struct id id = ap().id;

	if (fz.is_open)
		return;
	if (fuzz_u8(in) & 1)
		id.b[0] ^= 1;
	fz.link++;
	fz.is_open = true;
	if (agent_on_link_up(fz.agent, fz.link, &id))
		fz.is_open = false;
}

static void send_frame(const uint8_t *data, size_t len)
{
	uint8_t *exact = malloc(len + !len);

	memcpy(exact, data, len);
	if (agent_on_frame(fz.agent, fz.link, exact, len))
		fz.is_open = false;
	free(exact);
}

static void raw_frame(struct fuzz_in *in)
{
	uint8_t buf[FRAME_HEADER_LEN + 255];
	uint8_t type = fuzz_u8(in);
	size_t len;
	const uint8_t *bytes = fuzz_bytes(in, fuzz_u8(in), &len);
	struct wr w;

	frame_begin(&w, buf, sizeof(buf), type);
	wr_bytes(&w, bytes, len);
	if (fz.is_open)
		send_frame(buf, (size_t)frame_end(&w));
}

static struct group_name group(unsigned i)
{
	struct group_name g;

	must(!group_name_parse(i & 1 ? "[2001:db8:a::1]:80/tcp" : "198.18.0.1:53/udp",
			       &g));
	return g;
}

static void accept_join(struct fuzz_in *in)
{
	uint8_t out[SERVER_FRAME_MAX], how = fuzz_u8(in);
	struct server_accept a = {
		.group = group(how),
		.lease_ms = (uint32_t)fuzz_u16(in) << (how >> 3),
		.refresh_ms = fuzz_u16(in),
		.ticket_len = how & 2 ? SERVER_TICKET_MAX : 40,
	};

	if (fz.is_open)
		send_frame(out, server_accept_encode(out, &a));
}

static void refuse_join(struct fuzz_in *in)
{
	uint8_t out[SERVER_FRAME_MAX], how = fuzz_u8(in);
	struct server_refuse f = {
		.group = group(how),
		.err = -(int)(fuzz_u8(in) % 23),
		.is_final = how & 2,
		.seq = how & 4 ? UINT64_MAX : fuzz_u16(in),
		.text = "no",
	};

	if (fz.is_open)
		send_frame(out, server_refuse_encode(out, &f));
}

static void step(struct fuzz_in *in)
{
	switch (fuzz_u8(in) % 14) {
	case 0:
		run(fuzz_u8(in) * MSEC);
		break;
	case 1:
		run(fuzz_u8(in) * SEC / 4);
		break;
	case 2:
		raw_datagram(in);
		break;
	case 3:
	case 4:
		cookie(in);
		break;
	case 5:
		ack(in);
		break;
	case 6:
		probe(in);
		break;
	case 7:
		link_up(in);
		break;
	case 8:
		raw_frame(in);
		break;
	case 9:
	case 10:
		accept_join(in);
		break;
	case 11:
		refuse_join(in);
		break;
	case 12:
		if (fz.is_open) {
			fz.is_open = false;
			agent_on_link_down(fz.agent, fz.link);
		}
		break;
	case 13:
		if (fz.is_asked && !fz.is_open)
			agent_on_dial_failed(fz.agent, fz.asked, PIAS_EAUTH, "no");
		fz.is_asked = false;
		break;
	}
	env_settle(&fz.env);
}

static void set_up(void)
{
	struct agent_config c = {
		.ring = "fuzz",
		.n_groups = 2,
		.create = true,
		.encap = ENCAP_GUE,
		.mtu = 1500,
		.probe_port = {50000, 50001},
		.start = 1000,
	};

	memset(&fz, 0, sizeof(fz));
	fz.rng.s = 1;
	fz.wake_at = PIAS_NEVER;
	env_init(&fz.env, &host_ops, NULL);
	fz.env.aead = AEAD_STAND_IN;
	fz.env.log_level = LOG_LEVEL_DEBUG;
	fz.env.now = 1000 * SEC;
	server_mark_init(&fz.mark, "fuzz");
	c.group[0] = group(0);
	c.group[1] = group(1);
	c.unicast = addr_v4((uint8_t[]){203, 0, 113, 1}, 6080);
	fz.agent = agent_new(&fz.env, &c, &agent_ops, NULL);
	must(fz.agent);
	agent_start(fz.agent);
	env_settle(&fz.env);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_in in = {data, len};
	static bool is_ready;
	int n;

	if (!is_ready)
		must(!crypto_init());
	is_ready = true;
	set_up();
	for (n = 0; in.left && n < STEPS_MAX; n++)
		step(&in);
	if (len & 1) {
		agent_leave(fz.agent);
		env_settle(&fz.env);
		run(2 * SEC);
	}
	agent_free(fz.agent);
	env_fini(&fz.env);
	return 0;
}
