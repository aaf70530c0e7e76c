/*
 * The three-hop way. Whoever holds a packet of a group asks its own rendezvous layer
 * first; if that neither owns the group nor has a copy, the packet goes on to the
 * owner, as long as it has hops left. After a delivery the ingress AP is told which
 * member got it, so that the flow stays there once the ingress chooses by itself.
 */
#include "forwarder/relay.h"

#include <string.h>

#include "forwarder/forward_state.h"
#include "forwarder/gso.h"
#include "forwarder/wrap.h"

struct errand {
	struct cargo *cargo;
	uint64_t hash; /* of the flow, in our flow table */
	/* hops: those made so far; 0 at the ingress AP. */
	struct wrap wrap;
	const struct contact *from; /* the AP that sent it to us; NULL at the ingress */
	bool is_widened; /* we look for the wide group; they sent it for the exact one */
};

static bool makes_flow(const struct packet *p)
{
	return packet_has_ports(p) && !p->is_icmp_error;
}

static void tell_ingress(struct forward *f, const struct errand *e,
			 const struct target *t)
{
	const struct packet *p = &e->cargo->packet;
	struct placed placed = {
		.client = packet_client(p),
		.server = id_prefix(&t->server),
	};
	uint8_t body[PLACED_MAX];
	struct wr w;

	packet_group(p, &placed.name);
	if (group_name_is_wide(&placed.name))
		return; /* port 0: nobody's connection */
	wr_init(&w, body, sizeof(body));
	placed_write(&w, &placed);
	if (id_eq(&e->from->id, &e->wrap.ingress))
		overlay_send_datagram(f->overlay, e->from, MSG_PLACED, body, wr_len(&w));
	else
		overlay_route(f->overlay, &e->wrap.ingress, MSG_PLACED, body, wr_len(&w));
}

static void count_hops(struct forward *f, const struct errand *e)
{
	switch (e->wrap.hops) {
	case 0:
		count_n(f->env, packets_two_hops, e->cargo->n);
		break;
	case 1:
		count_n(f->env, packets_three_hops, e->cargo->n);
		break;
	default:
		count_n(f->env, packets_four_hops, e->cargo->n);
	}
}

static void deliver(struct forward *f, struct errand *e, const struct target *t)
{
	const struct packet *p = &e->cargo->packet;

	if (!delivery_reaches(&f->delivery, t)) {
		forward_drop(f, e->cargo, no_family);
		return;
	}
	count_hops(f, e);
	if (makes_flow(p) && !e->from) {
		struct flow *flow = forward_place(f, e->hash, &p->flow,
						  id_prefix(&t->server), UINT16_MAX);

		if (flow)
			flow_touch(flow, f->env->now, p->tcp_flags, e->cargo->n, p->len);
	} else if (makes_flow(p)) {
		tell_ingress(f, e, t);
	}
	delivery_send(&f->delivery, e->cargo, t, (uint16_t)e->hash);
}

/* Sends the packet at @data, which has room for the header before it. */
static void send_wrapped(struct forward *f, const struct wrap *wrap,
			 const struct contact *to, uint8_t *data, size_t len)
{
	uint8_t *body = data - WRAP_HEADER_LEN;
	struct wr w;

	_Static_assert(WRAP_HEADER_LEN <= FORWARD_HEADROOM, "headroom");
	wr_init(&w, body, WRAP_HEADER_LEN);
	wrap_write(&w, wrap);
	overlay_send_datagram(f->overlay, to, MSG_WRAPPED, body, WRAP_HEADER_LEN + len);
}

static void send_segments(struct forward *f, const struct errand *e,
			  const struct contact *to)
{
	uint8_t *at = f->room + FORWARD_HEADROOM;
	struct gso gso;
	size_t len;

	if (gso_init(&gso, &e->cargo->packet, e->cargo->segment_len,
		     e->cargo->is_partial)) {
		forward_drop(f, e->cargo, packet_malformed);
		return;
	}
	while ((len = gso_next(&gso, at)))
		send_wrapped(f, &e->wrap, to, at, len);
}

static void send_plain(struct forward *f, const struct errand *e,
		       const struct contact *to)
{
	const struct packet *p = &e->cargo->packet;
	uint8_t *data = p->data;

	if (e->cargo->headroom < WRAP_HEADER_LEN) {
		data = f->room + FORWARD_HEADROOM;
		memcpy(data, p->data, p->len);
	}
	send_wrapped(f, &e->wrap, to, data, p->len);
}

/* Did @id send us the packet for the group that we look for? */
static bool came_from(const struct errand *e, const struct id *id)
{
	return e->from && !e->is_widened && id_eq(id, &e->from->id);
}

/*
 * The owner as we know it. Where that would be ourselves or whoever sent us the packet
 * for that very group, the range is just moving: the next on the ring has the groups
 * still, or already.
 */
static int next_hop(struct forward *f, const struct errand *e, struct contact *out)
{
	const struct contact *self = overlay_self(f->overlay);
	struct id key;
	int err;

	group_name_key(&e->wrap.name, &key);
	err = overlay_owner(f->overlay, &key, out);
	if (err)
		return err;
	if (!id_eq(&out->id, &self->id) && !came_from(e, &out->id))
		return 0;
	if (!overlay_successors(f->overlay, out, 1) || came_from(e, &out->id))
		return PIAS_ENOTFOUND;
	return 0;
}

static void pass_on(struct forward *f, struct errand *e)
{
	struct contact to;

	if (e->wrap.hops >= WRAP_HOPS_MAX) {
		forward_drop(f, e->cargo, hops);
		return;
	}
	if (next_hop(f, e, &to)) {
		forward_drop(f, e->cargo, no_rendezvous);
		return;
	}
	e->wrap.hops++;
	count_n(f->env, packets_wrapped, e->cargo->n);
	if (e->cargo->segment_len)
		send_segments(f, e, &to);
	else
		send_plain(f, e, &to);
}

static void resolve(struct forward *f, struct errand *e)
{
	struct wrap *w = &e->wrap;
	struct target t;

	for (;;) {
		switch (rendezvous_select(f->rendezvous, &w->name, &w->ingress, &w->coord,
					  &e->cargo->packet.src,
					  (uint32_t)(e->hash >> 32), &t)) {
		case SELECT_OK:
			deliver(f, e, &t);
			return;
		case SELECT_NO_MEMBER:
			forward_drop(f, e->cargo, no_member);
			return;
		case SELECT_NOT_OURS:
			pass_on(f, e);
			return;
		case SELECT_NO_GROUP:
			if (group_name_is_wide(&w->name)) {
				forward_drop(f, e->cargo, no_group);
				return;
			}
			w->name = group_name_widen(&w->name);
			e->is_widened = true;
		}
	}
}

void relay_unknown(struct forward *f, struct cargo *c, uint64_t hash,
		   const struct group_name *name)
{
	const struct pick_flow *flow = &c->packet.flow;
	struct errand e = {
		.cargo = c,
		.hash = hash,
		.wrap =
			{
				.proto = flow->proto,
				.sport = flow->sport,
				.dport = flow->dport,
				.ingress = overlay_self(f->overlay)->id,
				.coord = *overlay_coord(f->overlay),
				.name = *name,
			},
	};

	resolve(f, &e);
}

/* Does what the header says of the flow agree with the packet? */
static bool is_consistent(const struct wrap *wrap, struct packet *p)
{
	struct group_name exact, wide;

	if (p->fragment == FRAGMENT_LATER) {
		p->flow.proto = wrap->proto;
		p->flow.sport = wrap->sport;
		p->flow.dport = wrap->dport;
	}
	if (p->flow.proto != wrap->proto || p->flow.sport != wrap->sport ||
	    p->flow.dport != wrap->dport)
		return false;
	packet_group(p, &exact);
	wide = group_name_widen(&exact);
	return group_name_eq(&wrap->name, &exact) || group_name_eq(&wrap->name, &wide);
}

/* What the ingress AP checked, we check again: it may have another configuration. */
static bool is_acceptable(struct forward *f, const struct addr *src,
			  const struct addr *dst, uint8_t ttl)
{
	if (!ttl)
		count(f->env, drop_packet_ttl);
	else if (!forward_is_source(f, src))
		count(f->env, drop_packet_source);
	else if (!forward_has_prefix(f, dst))
		count(f->env, drop_packet_prefix);
	else
		return true;
	return false;
}

int relay_on_wrapped(struct forward *f, const struct contact *from, struct rd *body)
{
	struct cargo c = {.headroom = FORWARD_HEADROOM, .n = 1};
	struct errand e = {.cargo = &c, .from = from};
	uint8_t *data = f->room + FORWARD_HEADROOM;
	size_t len;

	wrap_read(body, &e.wrap);
	len = rd_left(body);
	if (body->err || len > PACKET_LEN_MAX)
		return PIAS_EMALFORMED;
	rd_bytes(body, data, len);
	if (packet_parse(&c.packet, data, len) || !is_consistent(&e.wrap, &c.packet))
		return PIAS_EMALFORMED;
	if (e.wrap.hops == 1 && !id_eq(&e.wrap.ingress, &from->id))
		return PIAS_EMALFORMED;
	if (e.wrap.hops > WRAP_HOPS_MAX) {
		count(f->env, drop_hops);
		return 0;
	}
	if (!is_acceptable(f, &c.packet.src, &c.packet.dst, c.packet.ttl))
		return 0;
	e.hash = flows_hash(&f->flows, &c.packet.flow);
	resolve(f, &e);
	return 0;
}

/* On a member that its group has no more, as far as we know the group? */
static bool is_stranded(struct forward *f, const struct group_name *name,
			struct flow *flow)
{
	const struct route *route;
	struct fib_match m;

	fib_match(&f->fib, name, &m);
	route = m.exact_route && route_exists(m.exact_route) ? m.exact_route
							     : m.wide_route;
	return route && !choice_knows(route, flow);
}

/* A flow that has found its way meanwhile stays where it is. */
int relay_on_placed(struct forward *f, struct rd *body)
{
	struct pick_flow key;
	struct placed p;
	struct addr group;
	struct flow *flow;
	uint64_t hash;

	placed_read(body, &p);
	if (rd_done(body))
		return PIAS_EMALFORMED;
	group = group_name_addr(&p.name);
	if (!is_acceptable(f, &p.client, &group, 1))
		return 0;
	memset(&key, 0, sizeof(key));
	memcpy(key.src, p.client.ip, 16);
	memcpy(key.dst, p.name.ip, 16);
	key.sport = p.client.port;
	key.dport = p.name.port;
	key.proto = p.name.proto;
	key.family = p.name.family;
	hash = flows_hash(&f->flows, &key);
	flow = flows_find(&f->flows, f->env->now, hash, &key);
	if (!flow || is_stranded(f, &p.name, flow))
		forward_place(f, hash, &key, p.server, UINT16_MAX);
	return 0;
}
