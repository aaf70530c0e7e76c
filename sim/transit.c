/*
 * What travels between hosts: the world's env_ops, and the delivery at the far end.
 * Datagrams meet all faults; links keep order and lose nothing, but break; tunnel and
 * inner packets are datagrams too.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "forwarder/packet.h"
#include "sim/event.h"

#define DIAL_TIMEOUT	  (3 * SEC)
#define HANDSHAKE_TIMEOUT (8 * SEC)  /* TCP's and TLS's together */
#define LINK_TIMEOUT	  (15 * SEC) /* a cut path: TCP gives up on what is under way */

#define DATAGRAM_TO_ANYCAST_MAX 2048

/* Bytes around a message on the wire, for the traffic figures. */
#define OVERHEAD_DATAGRAM 28 /* IPv4 and UDP */
#define OVERHEAD_FRAME	  62 /* IPv4, TCP and a TLS record */
#define OVERHEAD_IPIP	  20

static struct host *host_of(void *host)
{
	return host;
}

/* @to NULL: nobody's address, the bytes leave all the same. */
static void account(struct host *from, const struct host *to, size_t len)
{
	from->traffic.messages_out++;
	from->traffic.bytes_out += len;
	if (from->world->ledger && to)
		ledger_add(from->world->ledger, from->index, to->index, len);
}

/* What is meant for @to as it is now; the rest is the caller's. */
static struct event addressed(const struct host *to)
{
	return (struct event){.host = to->index, .generation = to->generation};
}

static void post(struct world *w, pias_time at, enum event_kind kind,
		 const struct event *what)
{
	struct event *e = event_new(w, at, kind);

	*e = *what;
	e->kind = (uint8_t)kind;
}

static pias_time distance(const struct host *a, const struct host *b)
{
	return topology_delay(&a->world->topology, a->point, b->point);
}

/* --- datagrams, tunnels, packets ----------------------------------------- */

/* Bytes from @from to @to through all faults. */
static void cast(struct host *from, struct host *to, enum event_kind kind,
		 struct event what, const void *data, size_t len)
{
	struct world *w = from->world;
	struct fate fate =
		faults_datagram(&w->faults, &from->fault, &to->fault, distance(from, to));
	pias_time at = w->now + faults_clogged(&from->fault, &to->fault, w->now);
	unsigned i;

	what.from = from->index;
	for (i = 0; i < fate.copies; i++) {
		what.buf = event_bytes(w, data, len);
		what.buf->len =
			(uint32_t)faults_damage(&w->faults, &fate, what.buf->data, len);
		post(w, at + fate.delay[i], kind, &what);
	}
}

static bool is_anycast(const struct world *w, const struct addr *a)
{
	return prefix_has(&w->anycast[0], a) || prefix_has(&w->anycast[1], a);
}

/* The destination of an inner packet; none where it is too short to have one. */
static struct addr packet_destination(const uint8_t *packet, size_t len)
{
	static const struct addr none;

	if (len >= 20 && packet[0] >> 4 == 4)
		return addr_v4(packet + 16, 0);
	if (len >= 40 && packet[0] >> 4 == 6)
		return addr_v6(packet + 24, 0);
	return none;
}

void world_send_packet(struct world *w, struct host *from, const uint8_t *packet,
		       size_t len)
{
	struct addr dst = packet_destination(packet, len);
	struct host *to;

	if (is_anycast(w, &dst)) {
		uint32_t i = w->ingress ? w->ingress(w->ingress_ctx, from) : UINT32_MAX;

		to = i < w->n_hosts ? w->host[i] : NULL;
	} else {
		to = world_host_by_addr(w, &dst);
	}
	if (!to)
		return;
	account(from, to, len);
	cast(from, to, EVENT_PACKET, addressed(to), packet, len);
}

static void op_emit(void *host, const void *packet, size_t len)
{
	world_send_packet(host_of(host)->world, host, packet, len);
}

/* A datagram to an anycast address is a packet like any other. */
static void send_as_packet(struct host *from, const struct addr *to, const void *data,
			   size_t len)
{
	uint8_t packet[IPV6_HEADER_LEN + UDP_HEADER_LEN + DATAGRAM_TO_ANYCAST_MAX];
	struct addr src = from->addr;

	if (to->family == ADDR_V6) {
		src = world_addr6(from);
		src.port = from->addr.port;
	}
	if (len <= DATAGRAM_TO_ANYCAST_MAX)
		world_send_packet(from->world, from, packet,
				  packet_build_udp(packet, &src, to, 0, data, len));
}

static void op_datagram(void *host, const struct addr *to_addr, const void *data,
			size_t len)
{
	struct host *from = host, *to = world_host_by_addr(from->world, to_addr);

	if (is_anycast(from->world, to_addr)) {
		send_as_packet(from, to_addr, data, len);
		return;
	}
	account(from, to, len + OVERHEAD_DATAGRAM);
	if (!to)
		return;
	if (from->world->watch)
		from->world->watch->datagram(from->world->watch_ctx, from, to, data, len);
	cast(from, to, EVENT_DATAGRAM, addressed(to), data, len);
}

static void watch_tunnel(const struct host *from, const struct host *to,
			 const struct tunnel_packet *pkt, size_t at, size_t n)
{
	struct tunnel_packet one = *pkt;
	const struct world *w = from->world;

	one.data = pkt->data + at;
	one.len = n;
	one.segment_len = 0;
	if (w->watch)
		w->watch->tunnel(w->watch_ctx, from, to, &one);
}

static void op_tunnel(void *host, const struct tunnel_packet *pkt)
{
	struct host *from = host, *to = world_host_by_addr(from->world, &pkt->to);
	size_t at, n;

	for (at = 0; at < pkt->len; at += n) {
		struct event what;

		n = pkt->segment_len && pkt->len - at > pkt->segment_len
			    ? pkt->segment_len
			    : pkt->len - at;
		account(from, to,
			n + (pkt->encap == ENCAP_GUE ? OVERHEAD_DATAGRAM
						     : OVERHEAD_IPIP));
		watch_tunnel(from, to, pkt, at, n);
		if (!to)
			continue;
		what = addressed(to);
		what.encap = pkt->encap;
		what.inner = pkt->inner;
		what.port = pkt->to.port;
		cast(from, to, EVENT_TUNNEL, what, pkt->data + at, n);
	}
}

/* --- links --------------------------------------------------------------- */

static struct sim_link *link_of(struct world *w, uint32_t handle)
{
	return &w->link[handle >> 1];
}

static uint32_t link_new(struct world *w, const struct host *dialer,
			 const struct host *other)
{
	struct sim_link *l;
	uint32_t i = w->free_link, generation;

	if (i == EVENT_NONE) {
		if (w->n_links == w->cap_links) {
			w->cap_links = w->cap_links ? 2 * w->cap_links : 256;
			w->link = realloc(w->link, w->cap_links * sizeof(*w->link));
			if (!w->link)
				abort();
		}
		i = w->n_links++;
		memset(&w->link[i], 0, sizeof(w->link[i]));
	} else {
		w->free_link = w->link[i].next_free;
	}
	l = &w->link[i];
	generation = l->generation + 1;
	memset(l, 0, sizeof(*l));
	l->generation = generation;
	l->host[0] = dialer->index;
	l->host[1] = other->index;
	rng_fill(&w->rng, l->key, sizeof(l->key));
	return i << 1;
}

const struct host *world_link_peer(const struct world *w, uint32_t link)
{
	return w->host[w->link[link >> 1].host[~link & 1]];
}

/* Frees the link once it is dead and both ends know. */
static void link_settle(struct world *w, struct sim_link *l)
{
	if (!l->is_dead || l->end[0] != END_DONE || l->end[1] != END_DONE)
		return;
	l->generation++;
	l->next_free = w->free_link;
	w->free_link = (uint32_t)(l - w->link);
}

/* An event for side @side of a link, after all that was sent to it before. */
static void post_on_link(struct world *w, uint32_t handle, pias_time at,
			 enum event_kind kind, struct event what)
{
	struct sim_link *l = link_of(w, handle);
	unsigned side = handle & 1;

	if (at < l->arrives[side])
		at = l->arrives[side];
	l->arrives[side] = at;
	what.link.handle = handle;
	what.link.generation = l->generation;
	post(w, at, kind, &what);
}

static struct host *dial_target(struct world *w, const struct addr addr[2])
{
	struct host *to = world_host_by_addr(w, &addr[0]);

	return to ? to : world_host_by_addr(w, &addr[1]);
}

static void dial_fails(struct host *from, pias_time at, int why, const struct id *id,
		       const struct addr addr[2])
{
	struct dialed whom = {.id = *id, .addr = {addr[0], addr[1]}};
	struct event what = addressed(from);

	what.link.why = why;
	what.buf = event_bytes(from->world, &whom, sizeof(whom));
	post(from->world, at, EVENT_DIAL_FAILED, &what);
}

static void op_dial(void *host, const struct id *id, const struct addr addr[2])
{
	struct host *from = host, *to = dial_target(from->world, addr);
	struct world *w = from->world;
	pias_time d = to ? distance(from, to) : 0, start;
	static const struct id zero;
	bool cut = to && (faults_cut(&w->faults, &from->fault, &to->fault) ||
			  faults_cut(&w->faults, &to->fault, &from->fault));
	uint32_t handle;

	if (!to || cut) {
		dial_fails(from, w->now + DIAL_TIMEOUT, PIAS_ETIMEOUT, id, addr);
		return;
	}
	if (!to->is_up || (!id_eq(id, &zero) && !id_eq(id, &to->id))) {
		dial_fails(from, w->now + 2 * d, to->is_up ? PIAS_EAUTH : PIAS_EUNREACH,
			   id, addr);
		return;
	}
	account(from, to, 2 * OVERHEAD_FRAME + 900); /* a TLS 1.3 handshake, about */
	account(to, from, 2 * OVERHEAD_FRAME + 900);
	start = w->now + faults_clogged(&from->fault, &to->fault, w->now);
	d = faults_stream_delay(&w->faults, &from->fault, &to->fault, d);
	if (start + 4 * d > w->now + HANDSHAKE_TIMEOUT) {
		dial_fails(from, w->now + HANDSHAKE_TIMEOUT, PIAS_ETIMEOUT, id, addr);
		return;
	}
	handle = link_new(w, from, to);
	post_on_link(w, handle | 1, start + 3 * d, EVENT_LINK_UP, addressed(to));
	post_on_link(w, handle, start + 4 * d, EVENT_LINK_UP, addressed(from));
}

/* Both ends of side @side's link are told after @delay. */
static void break_link(struct world *w, uint32_t handle, pias_time delay)
{
	struct sim_link *l = link_of(w, handle);
	unsigned side;

	l->is_dead = true;
	for (side = 0; side < 2; side++)
		post_on_link(w, (handle & ~1u) | side, w->now + delay, EVENT_LINK_DOWN,
			     addressed(w->host[l->host[side]]));
}

static void op_link_send(void *host, uint32_t handle, const void *frame, size_t len)
{
	struct host *from = host, *to;
	struct world *w = from->world;
	struct sim_link *l = link_of(w, handle);
	struct event what;
	pias_time delay;

	if (l->is_dead || l->end[handle & 1] != END_UP)
		return;
	to = w->host[l->host[~handle & 1]];
	account(from, to, len + OVERHEAD_FRAME);
	delay = faults_clogged(&from->fault, &to->fault, w->now) +
		faults_stream_delay(&w->faults, &from->fault, &to->fault,
				    distance(from, to));
	/* Unanswered retransmissions: both ends give up after a while. */
	if (delay > LINK_TIMEOUT || faults_cut(&w->faults, &from->fault, &to->fault)) {
		break_link(w, handle, LINK_TIMEOUT);
		return;
	}
	what = addressed(to);
	what.buf = event_bytes(w, frame, len);
	post_on_link(w, handle ^ 1, w->now + delay, EVENT_FRAME, what);
}

/* This end is done; the other learns it once what was sent has arrived. */
static void end_link(struct world *w, uint32_t handle, pias_time after)
{
	struct sim_link *l = link_of(w, handle);
	struct host *other = w->host[l->host[~handle & 1]];
	struct event what = addressed(other);

	l->end[handle & 1] = END_DONE;
	if (!l->is_dead) {
		l->is_dead = true;
		post_on_link(w, handle ^ 1, w->now + after, EVENT_LINK_DOWN, what);
	}
	link_settle(w, l);
}

static void op_link_close(void *host, uint32_t handle)
{
	struct host *h = host;
	struct sim_link *l = link_of(h->world, handle);

	if (l->end[handle & 1] == END_UP)
		end_link(h->world, handle,
			 distance(h, h->world->host[l->host[~handle & 1]]));
}

void transit_break_links(struct world *w, struct host *h, bool silent)
{
	uint32_t i;

	for (i = 0; i < w->n_links; i++) {
		struct sim_link *l = &w->link[i];
		unsigned side;

		for (side = 0; side < 2; side++)
			if (l->host[side] == h->index && l->end[side] != END_DONE)
				end_link(w, i << 1 | side,
					 silent ? LINK_TIMEOUT
						: distance(h, w->host[l->host[!side]]));
	}
}

void world_reset_links(struct world *w, struct host *h)
{
	uint32_t i;

	for (i = 0; i < w->n_links; i++) {
		struct sim_link *l = &w->link[i];
		bool is_own = l->host[0] == h->index || l->host[1] == h->index;

		if (is_own && !l->is_dead &&
		    (l->end[0] != END_DONE || l->end[1] != END_DONE))
			break_link(w, i << 1,
				   distance(w->host[l->host[0]], w->host[l->host[1]]));
	}
}

/* --- delivery ------------------------------------------------------------ */

static bool is_current(struct world *w, const struct event *e)
{
	return link_of(w, e->link.handle)->generation == e->link.generation;
}

static void deliver_link_up(struct world *w, struct host *h, const struct event *e)
{
	struct sim_link *l = link_of(w, e->link.handle);
	unsigned side = e->link.handle & 1;
	uint8_t key[OVERLAY_LINK_KEY_LEN];

	if (!is_current(w, e))
		return;
	l->end[side] = END_UP;
	memcpy(key, l->key, sizeof(key));
	if (h->doors->link_up(h->core, e->link.handle, w->host[l->host[!side]], side == 0,
			      key))
		op_link_close(h, e->link.handle);
}

static void deliver_frame(struct world *w, struct host *h, const struct event *e)
{
	if (!is_current(w, e) ||
	    link_of(w, e->link.handle)->end[e->link.handle & 1] != END_UP)
		return;
	if (h->doors->frame(h->core, e->link.handle, e->buf->data, e->buf->len) &&
	    is_current(w, e))
		op_link_close(h, e->link.handle);
}

static void deliver_link_down(struct world *w, struct host *h, const struct event *e)
{
	struct sim_link *l = link_of(w, e->link.handle);

	if (!is_current(w, e) || l->end[e->link.handle & 1] != END_UP)
		return;
	l->end[e->link.handle & 1] = END_DONE;
	link_settle(w, l);
	h->doors->link_down(h->core, e->link.handle);
}

static void deliver_dial_failed(struct host *h, const struct event *e)
{
	struct dialed whom;

	memcpy(&whom, e->buf->data, sizeof(whom));
	h->doors->dial_failed(h->core, &whom.id, whom.addr, e->link.why);
}

static void deliver_tunnel(struct world *w, struct host *h, const struct event *e)
{
	struct tunnel_packet pkt = {
		.to = h->addr,
		.encap = e->encap,
		.inner = e->inner,
		.data = e->buf->data,
		.len = e->buf->len,
	};

	pkt.to.port = e->port;
	if (h->doors->tunnel)
		h->doors->tunnel(h->core, &pkt, w->host[e->from]);
}

/* As it was accounted for where it was sent. */
static void account_in(struct host *h, const struct event *e)
{
	size_t overhead = 0;

	switch ((enum event_kind)e->kind) {
	case EVENT_FRAME:
		overhead = OVERHEAD_FRAME;
		break;
	case EVENT_DATAGRAM:
		overhead = OVERHEAD_DATAGRAM;
		break;
	case EVENT_TUNNEL:
		overhead = e->encap == ENCAP_GUE ? OVERHEAD_DATAGRAM : OVERHEAD_IPIP;
		break;
	case EVENT_PACKET:
		break;
	case EVENT_WAKE:
	case EVENT_LINK_UP:
	case EVENT_LINK_DOWN:
	case EVENT_DIAL_FAILED:
	case EVENT_RESUME:
	case EVENT_CALL:
	case EVENT_STOP:
		return;
	}
	h->traffic.messages_in++;
	h->traffic.bytes_in += e->buf->len + overhead;
}

void transit_deliver(struct world *w, struct event *e)
{
	struct host *h = w->host[e->host];
	struct addr from;

	world_enter(h);
	account_in(h, e);
	switch ((enum event_kind)e->kind) {
	case EVENT_WAKE:
		if (e->wake != h->wake_generation)
			return;
		h->env.wake_asked = PIAS_NEVER;
		h->doors->wake(h->core);
		break;
	case EVENT_DATAGRAM:
		from = world_addr(e->from);
		h->doors->datagram(h->core, &from, e->buf->data, e->buf->len);
		break;
	case EVENT_FRAME:
		deliver_frame(w, h, e);
		break;
	case EVENT_LINK_UP:
		deliver_link_up(w, h, e);
		break;
	case EVENT_LINK_DOWN:
		deliver_link_down(w, h, e);
		break;
	case EVENT_DIAL_FAILED:
		deliver_dial_failed(h, e);
		break;
	case EVENT_TUNNEL:
		deliver_tunnel(w, h, e);
		break;
	case EVENT_PACKET:
		if (w->watch)
			w->watch->packet(w->watch_ctx, h, e->buf->data, e->buf->len);
		if (h->doors->packet)
			h->doors->packet(h->core, e->buf->data, e->buf->len);
		break;
	case EVENT_RESUME:
	case EVENT_CALL:
	case EVENT_STOP:
		break;
	}
	world_leave(h);
}

/* --- the rest of env_ops ------------------------------------------------- */

static void op_wake(void *host, pias_time at)
{
	struct host *h = host;
	struct event what = addressed(h);

	what.wake = ++h->wake_generation;
	if (at != PIAS_NEVER)
		post(h->world, host_clock_reaches(h, at), EVENT_WAKE, &what);
}

static void op_random(void *host, void *buf, size_t len)
{
	rng_fill(&host_of(host)->rng, buf, len);
}

static void op_log(void *host, enum log_level level, const char *text)
{
	struct host *h = host;

	if (h->world->log)
		h->world->log(h->world, h, level, text);
}

const struct env_ops transit_ops = {
	.dial = op_dial,
	.link_send = op_link_send,
	.link_close = op_link_close,
	.datagram = op_datagram,
	.tunnel = op_tunnel,
	.emit = op_emit,
	.wake = op_wake,
	.random = op_random,
	.log = op_log,
};
