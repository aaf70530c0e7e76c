/*
 * The way of a client's packet (PROTOCOL 8): admitted, matched to a group, delivered
 * by a route that is at hand, or else relayed. Whatever asks the rendezvous layer for
 * a route comes last, because the answer may replace routes at once. No packet costs
 * an allocation.
 */
#include "forwarder/forward.h"

#include <stdlib.h>
#include <string.h>

#include "forwarder/checksum.h"
#include "forwarder/encap.h"
#include "forwarder/forward_state.h"
#include "forwarder/gso.h"
#include "forwarder/relay.h"
#include "forwarder/wrap.h"

#define CONTROL_MAX 1400 /* bytes of payload that we write into a packet of our own */

static struct siphash_key draw_key(struct env *env)
{
	struct siphash_key key;

	env_random(env, &key, sizeof(key));
	return key;
}

struct forward *forward_new(struct env *env, struct overlay *overlay,
			    struct rendezvous *rendezvous,
			    const struct forward_config *config)
{
	struct forward *f = calloc(1, sizeof(*f));
	struct siphash_key flow_key, fib_key, fragment_key;

	if (!f)
		return NULL;
	f->env = env;
	f->overlay = overlay;
	f->rendezvous = rendezvous;
	f->config = *config;
	f->room = malloc(FORWARD_HEADROOM + PACKET_LEN_MAX);
	if (!f->room || delivery_init(&f->delivery, env, config->self, config->mtu)) {
		free(f->room);
		free(f);
		return NULL;
	}
	flow_key = draw_key(env);
	fib_key = draw_key(env);
	fragment_key = draw_key(env);
	flows_init(&f->flows, &flow_key, config->max_flows);
	fib_init(&f->fib, &fib_key);
	fragments_init(&f->fragments, &fragment_key);
	return f;
}

void forward_free(struct forward *f)
{
	if (!f)
		return;
	fragments_fini(&f->fragments);
	fib_fini(&f->fib);
	flows_fini(&f->flows);
	delivery_fini(&f->delivery);
	free(f->room);
	free(f);
}

bool forward_has_prefix(const struct forward *f, const struct addr *a)
{
	return prefixes_have(f->config.prefix, f->config.n_prefixes, a);
}

bool forward_is_source(const struct forward *f, const struct addr *a)
{
	return addr_is_unicast(a) && !forward_has_prefix(f, a);
}

/* Delivery by a route */

struct flow *forward_place(struct forward *f, uint64_t hash, const struct pick_flow *key,
			   uint64_t server, uint16_t hint)
{
	struct flow *flow = flows_find(&f->flows, f->env->now, hash, key);

	if (!flow) {
		switch (flows_add(&f->flows, f->env->now, hash, key, &flow)) {
		case FLOW_REFUSED:
			count(f->env, flows_refused);
			return NULL;
		case FLOW_EVICTED_ONE:
			count(f->env, flows_evicted);
			break;
		case FLOW_ADDED:
			break;
		}
		count(f->env, flows_new);
	}
	flow_place(flow, server, hint);
	return flow;
}

static void send_by(struct forward *f, struct cargo *c, const struct target *t,
		    struct flow *flow, uint64_t hash)
{
	const struct packet *p = &c->packet;

	if (flow && !p->is_icmp_error)
		flow_touch(flow, f->env->now, p->tcp_flags, c->n, p->len);
	count_n(f->env, packets_two_hops, c->n);
	delivery_send(&f->delivery, c, t, (uint16_t)hash);
}

static void deliver(struct forward *f, struct cargo *c, struct route *route,
		    struct flow *flow, uint64_t hash)
{
	const struct packet *p = &c->packet;
	const struct target *t = NULL;
	struct choice ch;

	if (flow)
		t = choice_of_flow(&f->delivery, route, flow, p->tcp_flags, &p->src);
	if (t) {
		send_by(f, c, t, flow, hash);
		return;
	}
	choice_pick(&ch, &f->delivery, route, &p->flow, &p->src);
	if (!ch.target) {
		if (ch.family_skipped)
			forward_drop(f, c, no_family);
		else
			forward_drop(f, c, no_member);
		return;
	}
	if (packet_has_ports(p) && !p->is_icmp_error)
		flow = forward_place(f, hash, &p->flow, id_prefix(&ch.target->server),
				     (uint16_t)(ch.target - route->target));
	send_by(f, c, ch.target, flow, hash);
}

/*
 * While it is being found out whether there is a group of the exact port, flows that
 * go to the group of the whole address go on.
 */
static bool deliver_meanwhile(struct forward *f, struct cargo *c, struct route *wide,
			      struct flow *flow, uint64_t hash)
{
	const struct target *t;

	if (!wide || !flow)
		return false;
	t = choice_of_flow(&f->delivery, wide, flow, c->packet.tcp_flags, &c->packet.src);
	if (!t)
		return false;
	send_by(f, c, t, flow, hash);
	return true;
}

static void touch(struct forward *f, struct fib_match *m)
{
	if (m->exact_route)
		m->exact_route->used_at = f->env->now;
	if (m->wide_route)
		m->wide_route->used_at = f->env->now;
}

static void forward_cargo(struct forward *f, struct cargo *c)
{
	const struct packet *p = &c->packet;
	uint64_t hash = flows_hash(&f->flows, &p->flow);
	struct flow *flow = NULL;
	struct group_name exact;
	struct fib_match m;

	packet_group(p, &exact);
	fib_match(&f->fib, &exact, &m);
	touch(f, &m);
	if (packet_has_ports(p))
		flow = flows_find(&f->flows, f->env->now, hash, &p->flow);
	if (m.route) {
		deliver(f, c, m.route, flow, hash);
		return;
	}
	if (m.is_negative) {
		forward_drop(f, c, no_group);
		return;
	}
	if (!deliver_meanwhile(f, c, m.wide_route, flow, hash))
		relay_unknown(f, c, hash, m.unknown);
	rendezvous_want(f->rendezvous, m.unknown);
	if (!m.wide_route && m.unknown != &m.wide)
		rendezvous_want(f->rendezvous, &m.wide);
}

/* Admission */

/* Finishes a partial checksum of a packet that is not to be cut. */
static int finish_checksum(const struct packet_in *in)
{
	size_t at = (size_t)in->csum_start + in->csum_offset;

	if (at + 2 > in->len)
		return PIAS_EMALFORMED;
	checksum_put_nonzero(in->data + at, checksum_add(0, in->data + in->csum_start,
							 in->len - in->csum_start));
	return 0;
}

static int load(struct cargo *c, const struct packet_in *in)
{
	struct gso gso;

	*c = (struct cargo){.headroom = in->headroom, .n = 1};
	/* First, so that nothing changes any more once it has been looked at. */
	if (in->csum_start && !in->segment_len && finish_checksum(in))
		return PIAS_EMALFORMED;
	if (packet_parse(&c->packet, in->data, in->len))
		return PIAS_EMALFORMED;
	if (!in->segment_len)
		return 0;
	c->segment_len = in->segment_len;
	c->is_partial = in->csum_start != 0;
	if (gso_init(&gso, &c->packet, c->segment_len, c->is_partial))
		return PIAS_EMALFORMED;
	c->n = gso_count(&gso);
	return 0;
}

/* With IPv6 a TCP or UDP header may have stood behind further extension headers. */
static bool needs_ports(const struct packet *p)
{
	return packet_has_ports(p) ||
	       (p->family == ADDR_V6 && p->proto != IPPROTO_NUM_ICMPV6);
}

/* Fragments after the first belong to its flow; false: dropped. */
static bool follow_fragments(struct forward *f, struct cargo *c)
{
	struct packet *p = &c->packet;

	if (p->fragment == FRAGMENT_FIRST)
		fragments_add(&f->fragments, f->env->now, p);
	if (p->fragment != FRAGMENT_LATER || !needs_ports(p) ||
	    fragments_follow(&f->fragments, f->env->now, p))
		return true;
	forward_drop(f, c, fragment);
	return false;
}

static bool admit(struct forward *f, struct cargo *c)
{
	const struct packet *p = &c->packet;

	if (!p->ttl)
		forward_drop(f, c, packet_ttl);
	else if (!forward_is_source(f, &p->src))
		forward_drop(f, c, packet_source);
	else if (!forward_has_prefix(f, &p->dst))
		forward_drop(f, c, packet_prefix);
	else
		return follow_fragments(f, c);
	return false;
}

static bool is_control(const struct packet *p)
{
	return p->flow.proto == PROTO_UDP && p->flow.dport == CONTROL_PORT &&
	       !p->is_icmp_error;
}

/* Datagrams for ourselves, at the reserved port of an anycast address. */
static void take_control(struct forward *f, const struct cargo *c,
			 const struct packet_in *in)
{
	const struct packet *p = &c->packet;
	struct addr from = packet_client(p), to = p->dst;
	uint32_t at = p->payload, end, n;

	if (p->fragment) {
		forward_drop(f, c, fragment);
		return;
	}
	if (!in->csum_start && !c->segment_len && !packet_udp_is_intact(p)) {
		forward_drop(f, c, packet_malformed);
		return;
	}
	to.port = CONTROL_PORT;
	end = c->segment_len ? p->len : p->l4 + be16_get(p->data + p->l4 + 4);
	do {
		n = end - at;
		if (c->segment_len && n > c->segment_len)
			n = c->segment_len;
		rendezvous_on_server_datagram(f->rendezvous, &from, &to, p->data + at, n);
		at += n;
	} while (at < end);
}

void forward_on_packet(struct forward *f, const struct packet_in *packet)
{
	struct cargo c;
	int err = load(&c, packet);

	count_n(f->env, packets_in, c.n);
	count_n(f->env, bytes_in, packet->len);
	if (err)
		forward_drop(f, &c, packet_malformed);
	else if (!admit(f, &c))
		return;
	else if (is_control(&c.packet))
		take_control(f, &c, packet);
	else
		forward_cargo(f, &c);
}

/* From the layers below */

int forward_on_message(struct forward *f, const struct contact *from, uint8_t type,
		       struct rd *body)
{
	switch (type) {
	case MSG_WRAPPED:
		return relay_on_wrapped(f, from, body);
	case MSG_PLACED:
		return relay_on_placed(f, body);
	default:
		count(f->env, drop_message_unknown);
		return 0;
	}
}

int forward_route(struct forward *f, const struct group_name *name, struct route *route)
{
	return fib_set(&f->fib, name, route);
}

/* Of the group's family; the fallbacks are RFC 7600's dummy and RFC 6666's discard. */
static struct addr control_source(const struct forward *f, unsigned family)
{
	static const uint8_t dummy_v4[4] = {192, 0, 0, 8}, dummy_v6[16] = {1, [15] = 1};
	const struct addr *self = &f->config.self[family == ADDR_V6];

	if (self->family)
		return *self;
	return family == ADDR_V4 ? addr_v4(dummy_v4, CONTROL_PORT)
				 : addr_v6(dummy_v6, CONTROL_PORT);
}

void forward_tunnel_control(struct forward *f, const struct target *to,
			    const struct group_name *group, uint16_t port,
			    const void *payload, size_t len)
{
	struct addr src = control_source(f, group->family), dst = group_name_addr(group);
	unsigned header = encap_header_len(to->encap);
	struct tunnel_packet out = {
		.to = to->to,
		.encap = to->encap,
		.inner = group->family,
		.entropy = port,
		.data = f->room,
	};

	if (!delivery_reaches(&f->delivery, to)) {
		count(f->env, drop_no_family);
		return;
	}
	if (len > CONTROL_MAX) {
		count(f->env, drop_too_big);
		return;
	}
	dst.port = port;
	encap_write(f->room, to->encap, group->family, to->cookie);
	out.len = header + packet_build_udp(f->room + header, &src, &dst, f->ip_id++,
					    payload, len);
	out.segment_len = out.len;
	f->env->ops->tunnel(f->env->host, &out);
}

void forward_answer(struct forward *f, const struct addr *from, const struct addr *to,
		    const void *payload, size_t len)
{
	size_t n;

	if (len > CONTROL_MAX) {
		count(f->env, drop_too_big);
		return;
	}
	n = packet_build_udp(f->room, from, to, f->ip_id++, payload, len);
	f->env->ops->emit(f->env->host, f->room, n);
}

/* For the operator */

/* The whole id where a route still has the server; its leading bytes otherwise. */
static struct id server_of(const struct forward *f, const struct flow *flow)
{
	struct group_name name = {
		.family = flow->family, .proto = flow->proto, .port = flow->dport};
	struct fib_match m;
	struct id id = {{0}};
	unsigned i;

	memcpy(name.ip, flow->dst, 16);
	fib_match(&f->fib, &name, &m);
	for (i = 0; m.route && i < m.route->n_targets; i++)
		if (id_prefix(&m.route->target[i].server) == flow->server)
			return m.route->target[i].server;
	be64_put(id.b, flow->server);
	return id;
}

void forward_each_flow(struct forward *f,
		       void (*fn)(void *ctx, const struct flow_info *info), void *ctx)
{
	const struct flow *flow;
	uint32_t pos = 0;

	while ((flow = flows_next(&f->flows, f->env->now, &pos))) {
		struct flow_info info = {
			.client = flow_client(flow),
			.group = flow_group(flow),
			.proto = flow->proto,
			.server = server_of(f, flow),
			.packets = flow->packets,
			.bytes = flow_bytes(flow),
			.idle = flow_idle(flow, f->env->now),
		};

		fn(ctx, &info);
	}
}

uint32_t forward_n_flows(const struct forward *f)
{
	return f->flows.n;
}
