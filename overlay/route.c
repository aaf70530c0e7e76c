/*
 * Who owns a key, and the way there. With a full table the owner is looked up and
 * reached in one hop; otherwise the fingers and the successor list lead closer with
 * each hop. Either way only the receiver decides whether it owns the key, by its place
 * in the ring: a stale table costs a hop, never a wrong answer.
 */
#include "overlay/hop.h"
#include "overlay/parts.h"

#define HOPS_FULL    8
#define HOPS_FINGERS FINGER_HOPS

static bool is_self(const struct overlay *o, const struct contact *c)
{
	return id_eq(&c->id, &o->config.self.id);
}

static bool is_usable(const struct overlay *o, const struct contact *c)
{
	return contact_has_addr(c) && !membership_is_gone(&o->membership, &c->id);
}

/* One hop, from the table */

static enum hop hop_by_table(const struct overlay *o, const struct id *key,
			     struct contact *out)
{
	const struct table *t = &o->membership.table;
	uint32_t i = table_owner(t, key);

	if (i == TABLE_NONE)
		return HOP_NONE;
	*out = table_record(t, i)->contact;
	if (!is_self(o, out))
		return HOP_OWNER;
	/* Ours by the table, but not by the ring: the predecessor knows more. */
	*out = o->ring.pred;
	return is_self(o, out) || !is_usable(o, out) ? HOP_NONE : HOP_NEXT;
}

enum hop route_hop(void *overlay, const struct id *key, struct contact *out)
{
	const struct overlay *o = overlay;

	if (ring_owns(&o->ring, key)) {
		*out = o->config.self;
		return HOP_OWNER;
	}
	return o->config.mode == TABLE_FULL
		       ? hop_by_table(o, key, out)
		       : hop_towards(&o->ring, &o->fingers, key, out);
}

bool route_preceding(const struct overlay *o, const struct id *key, struct contact *out)
{
	const struct table *t = &o->membership.table;
	uint32_t i;

	if (o->config.mode == TABLE_FINGERS)
		return hop_preceding(&o->ring, &o->fingers, key, out);
	i = table_before(t, key);
	if (i == TABLE_NONE)
		return false;
	*out = table_record(t, i)->contact;
	return !is_self(o, out);
}

/* Routed messages */

static int send_routed(struct overlay *o, const struct contact *to,
		       const struct msg_routed *m, const void *body, size_t len)
{
	uint8_t *buf = scratch_get(&o->envelope, MSG_ROUTED_MAX + len);
	struct wr w;

	if (!buf) {
		count(o->env, drop_no_memory);
		return PIAS_ENOMEM;
	}
	wr_init(&w, buf, MSG_ROUTED_MAX + len);
	msg_routed_write(&w, m);
	wr_bytes(&w, body, len);
	return peers_send(o->peers, to, MSG_ROUTED, buf, wr_len(&w));
}

int overlay_route(struct overlay *o, const struct id *key, uint8_t type, const void *body,
		  size_t len)
{
	struct msg_routed m = {
		.hops_left = o->config.mode == TABLE_FULL ? HOPS_FULL : HOPS_FINGERS,
		.type = type,
		.key = *key,
		.origin = o->config.self,
	};
	struct contact to;
	struct rd r;

	if (!o->is_joined)
		return PIAS_ENOTREADY;
	if (route_hop(o, key, &to) == HOP_NONE) {
		count(o->env, drop_send_unreach);
		return PIAS_EUNREACH;
	}
	if (!is_self(o, &to))
		return send_routed(o, &to, &m, body, len);
	rd_init(&r, body, len);
	return o->ops->message(o->ctx, &o->config.self, type, &r);
}

/* Who asked us directly did not know the true owner. */
static void tell_owner(struct overlay *o, const struct contact *origin,
		       const struct contact *owner)
{
	uint32_t i = table_find(&o->membership.table, &owner->id);
	struct member m;

	if (o->config.mode != TABLE_FULL || i == TABLE_NONE)
		return;
	table_member(&o->membership.table, i, &m);
	gossip_tell(&o->membership.gossip, origin, &m);
}

static int pass_on(struct overlay *o, const struct contact *from, struct msg_routed *m,
		   struct rd *body)
{
	size_t len = rd_left(body);
	struct contact to;

	if (!m->hops_left) {
		count(o->env, drop_hops);
		return 0;
	}
	m->hops_left--;
	if (route_hop(o, &m->key, &to) == HOP_NONE) {
		count(o->env, drop_send_unreach);
		return 0;
	}
	count(o->env, lookups_redirected);
	if (id_eq(&from->id, &m->origin.id))
		tell_owner(o, from, &to);
	/* Failures are counted where they happen; the origin has its timeouts. */
	(void)send_routed(o, &to, m, rd_view(body, len), len);
	return 0;
}

int route_on_message(struct overlay *o, const struct contact *from, struct rd *body)
{
	struct msg_routed m;
	int err = msg_routed_read(body, &m);

	if (err)
		return err;
	if (!ring_owns(&o->ring, &m.key))
		return pass_on(o, from, &m, body);
	/* Malformed or not, the last hop only carried it. */
	err = o->ops->message(o->ctx, &m.origin, m.type, body);
	if (err == PIAS_EMALFORMED)
		count(o->env, drop_message_malformed);
	return 0;
}

/* Questions */

bool overlay_owns(const struct overlay *o, const struct id *key)
{
	return ring_owns(&o->ring, key);
}

const struct id *overlay_range_from(const struct overlay *o)
{
	return &o->ring.pred.id;
}

int overlay_owner(const struct overlay *o, const struct id *key, struct contact *out)
{
	if (!o->is_joined)
		return PIAS_ENOTREADY;
	return route_hop((void *)o, key, out) == HOP_NONE ? PIAS_EUNREACH : 0;
}

static unsigned live_from_table(const struct overlay *o, uint32_t i, unsigned max,
				bool with_self, struct contact *out)
{
	const struct table *t = &o->membership.table;
	uint32_t first = i;
	unsigned n = 0;

	if (i == TABLE_NONE)
		return 0;
	do {
		const struct contact *c = &table_record(t, i)->contact;

		if (with_self || !is_self(o, c)) {
			if (n == max)
				break;
			out[n++] = *c;
		}
		i = table_next(t, i);
	} while (i != first);
	return n;
}

static unsigned live_from_list(const struct overlay *o, struct contact *out, unsigned max)
{
	unsigned i, n = 0;

	for (i = 0; i < o->ring.n_succ && n < max; i++)
		if (is_usable(o, &o->ring.succ[i]))
			out[n++] = o->ring.succ[i];
	return n;
}

unsigned overlay_successors(const struct overlay *o, struct contact *out, unsigned max)
{
	struct id after = o->config.self.id;

	if (o->config.mode == TABLE_FINGERS)
		return live_from_list(o, out, max);
	id_inc(&after);
	return live_from_table(o, table_owner(&o->membership.table, &after), max, false,
			       out);
}

unsigned overlay_owners(const struct overlay *o, const struct id *key,
			struct contact *out, unsigned max)
{
	if (!max || !o->is_joined)
		return 0;
	if (o->config.mode == TABLE_FULL)
		return live_from_table(o, table_owner(&o->membership.table, key), max,
				       true, out);
	if (overlay_owner(o, key, out))
		return 0;
	if (!is_self(o, out))
		return 1;
	return 1 + live_from_list(o, out + 1, max - 1);
}

bool overlay_predecessor(const struct overlay *o, struct contact *out)
{
	if (o->ring.state != RING_MEMBER || is_self(o, &o->ring.pred))
		return false;
	*out = o->ring.pred;
	return true;
}
