/* The world's doors of a server: links and datagrams to the agent, tunnels to decap. */
#include "sim/server.h"

#include <stdlib.h>
#include <string.h>

#include "forwarder/packet.h"

#define GUE_PORT   6080
#define PROBE_PORT 40000
#define MTU	   1500

static void door_wake(void *core)
{
	struct server *s = core;

	env_run(&s->host->env);
}

static int door_link_up(void *core, uint32_t link, const struct host *who, bool dialed,
			const uint8_t key[OVERLAY_LINK_KEY_LEN])
{
	struct server *s = core;

	return agent_on_link_up(s->agent, link, &who->id);
}

static int door_frame(void *core, uint32_t link, const uint8_t *frame, size_t len)
{
	struct server *s = core;

	return agent_on_frame(s->agent, link, frame, len);
}

static void door_link_down(void *core, uint32_t link)
{
	struct server *s = core;

	agent_on_link_down(s->agent, link);
}

static void door_dial_failed(void *core, const struct id *id, const struct addr addr[2],
			     int why)
{
	struct server *s = core;

	agent_on_dial_failed(s->agent, addr, why, error_text(why));
}

static void door_datagram(void *core, const struct addr *from, const uint8_t *data,
			  size_t len)
{
	struct server *s = core;

	agent_on_datagram(s->agent, from, data, len);
}

/* Answers that left an AP with the anycast address arrive as packets. */
static void door_packet(void *core, uint8_t *data, size_t len)
{
	struct server *s = core;
	struct packet p;
	struct addr from;

	if (packet_parse(&p, data, len) || p.proto != PROTO_UDP ||
	    !packet_udp_is_intact(&p))
		return;
	from = p.src;
	from.port = p.flow.sport;
	agent_on_datagram(s->agent, &from, p.data + p.payload, p.len - p.payload);
}

unsigned server_n_groups(const struct server *s)
{
	return s->also.family ? 2 : 1;
}

const struct group_name *server_group(const struct server *s, unsigned i)
{
	return i ? &s->also : &s->group;
}

/* Group i has port PROBE_PORT + i. */
static bool is_probe(const struct server *s, const struct packet *p)
{
	return p->proto == PROTO_UDP && p->flow.dport >= PROBE_PORT &&
	       p->flow.dport < PROBE_PORT + server_n_groups(s);
}

static void on_probe(struct server *s, const struct packet *p)
{
	struct addr from = p->src;

	from.port = p->flow.sport;
	agent_on_probe(s->agent, p->flow.dport - PROBE_PORT, &from, p->data + p->payload,
		       p->len - p->payload);
}

struct addr server_unicast(const struct server *s)
{
	struct addr a = s->host->addr;

	a.port = s->encap == ENCAP_GUE ? GUE_PORT : 0;
	return a;
}

static void door_tunnel(void *core, const struct tunnel_packet *pkt,
			const struct host *from)
{
	struct server *s = core;
	struct decap_config decap;
	struct packet p;
	uint8_t *data = (uint8_t *)pkt->data; /* ours: it came in a buffer of its own */
	enum decap_verdict v;
	unsigned i;

	decap.n_groups = server_n_groups(s);
	for (i = 0; i < decap.n_groups; i++) {
		decap.group[i] = *server_group(s, i);
		decap.probe_port[i] = (uint16_t)(PROBE_PORT + i);
	}
	decap.unicast = server_unicast(s);
	decap.cookie = s->cookie;
	v = pkt->encap == ENCAP_GUE ? decap_gue(&decap, data, pkt->len, &p)
				    : decap_ipip(&decap, pkt->inner, data, pkt->len, &p);
	if (v != DECAP_OK) {
		s->refused_in++;
		return;
	}
	if (is_probe(s, &p))
		on_probe(s, &p);
	else if (s->delivered)
		s->delivered(s->ctx, s, &p, from);
}

static const struct host_doors doors = {
	.wake = door_wake,
	.link_up = door_link_up,
	.frame = door_frame,
	.link_down = door_link_down,
	.dial_failed = door_dial_failed,
	.datagram = door_datagram,
	.tunnel = door_tunnel,
	.packet = door_packet,
};

static void on_state(void *ctx, unsigned i, enum agent_state state)
{
	struct server *s = ctx;

	if (i)
		return;
	s->state = state;
	s->since = s->host->world->now;
}

static void on_refused(void *ctx, unsigned i, int err, const char *why, bool is_final)
{
	struct server *s = ctx;

	s->refused[i] = err;
}

static const struct agent_ops agent_ops = {.state = on_state, .refused = on_refused};

struct server *server_new(struct world *w, const char *ring,
			  const struct group_name *group, enum encap encap)
{
	static const struct id drawn;
	struct server *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->host = world_add_host(w, topology_add(&w->topology, POINT_SERVER), &drawn);
	s->host->doors = &doors;
	s->host->core = s;
	s->host->is_server = true;
	s->ring = ring;
	s->group = *group;
	s->encap = (uint8_t)encap;
	return s;
}

void server_free(struct server *s)
{
	if (!s)
		return;
	agent_free(s->agent);
	free(s);
}

void server_start(struct server *s)
{
	struct host *h = s->host;
	struct agent_config c = {
		.group = {s->group, s->also},
		.n_groups = server_n_groups(s),
		.create = true,
		.unicast = server_unicast(s),
		.encap = s->encap,
		.mtu = MTU,
		.probe_port = {PROBE_PORT, PROBE_PORT + 1},
		.lease = s->lease,
		.start = (uint64_t)h->world->now +
			 (s->wall ? s->wall : (uint64_t)h->generation << 40),
	};

	strncpy(c.ring, s->ring, RING_NAME_MAX);
	world_start_host(h->world, h);
	env_random(&h->env, &s->cookie, sizeof(s->cookie));
	c.cookie = s->cookie;
	s->agent = agent_new(&h->env, &c, &agent_ops, s);
	if (!s->agent)
		abort();
	agent_start(s->agent);
	world_leave(h);
}

void server_crash(struct server *s)
{
	if (!s->host->is_up)
		return;
	agent_free(s->agent);
	s->agent = NULL;
	s->state = AGENT_IDLE;
	world_crash_host(s->host->world, s->host, false);
}

void server_leave(struct server *s)
{
	if (!s->host->is_up)
		return;
	world_enter(s->host);
	agent_leave(s->agent);
	world_leave(s->host);
}
