/* What the operator sees of the overlay, and plain questions about single peers. */
#include "overlay/parts.h"

const struct contact *overlay_self(const struct overlay *o)
{
	return &o->config.self;
}

const struct coord *overlay_coord(const struct overlay *o)
{
	return probes_coord(o->probes);
}

bool overlay_is_joined(const struct overlay *o)
{
	return o->is_joined;
}

const char *peer_status_text(enum peer_status s)
{
	switch (s) {
	case PEER_UNKNOWN:
		return "unknown";
	case PEER_ALIVE:
		return "alive";
	case PEER_SUSPECT:
		return "suspect";
	case PEER_DEAD:
		return "dead";
	case PEER_LEFT:
		return "left";
	}
	return "unknown";
}

enum peer_status overlay_peer_status(const struct overlay *o, const struct id *id)
{
	return membership_status(&o->membership, id);
}

static bool has_host(const struct contact *c, const struct addr *host)
{
	return addr_host_eq(&c->addr[0], host) || addr_host_eq(&c->addr[1], host);
}

/* The book may be shared, and hold more than our table: each record is looked up. */
bool overlay_is_host(const struct overlay *o, const struct addr *host)
{
	const struct table *t = &o->membership.table;
	uint32_t ref = 0, i;

	if (has_host(&o->config.self, host))
		return true;
	while ((ref = book_next_at(t->book, host, ref))) {
		i = table_find(t, &book_get(t->book, ref)->contact.id);
		if (i != TABLE_NONE && t->e[i].ref == ref && table_is_live(t, i))
			return true;
	}
	return false;
}

uint32_t overlay_rtt_us(const struct overlay *o, const struct id *id,
			const struct coord *coord)
{
	uint32_t rtt_us = probes_rtt_us(o->probes, id);

	if (rtt_us || !coord)
		return rtt_us;
	return coord_rtt_us(overlay_coord(o), coord);
}

unsigned overlay_n_peers(const struct overlay *o)
{
	return o->membership.table.n_live;
}

unsigned overlay_successor_list(const struct overlay *o, struct contact *out,
				unsigned max)
{
	unsigned i;

	for (i = 0; i < o->ring.n_succ && i < max; i++)
		out[i] = o->ring.succ[i];
	return i;
}

bool overlay_finger(const struct overlay *o, unsigned i, struct contact *out)
{
	const struct table *t = &o->membership.table;
	struct id key;
	uint32_t at;

	if (i >= FINGERS)
		return false;
	if (o->config.mode == TABLE_FINGERS)
		return fingers_get(&o->fingers, i, out);
	id_add_pow2(&key, &o->config.self.id, ID_BITS - 1 - i);
	at = table_owner(t, &key);
	if (at == TABLE_NONE)
		return false;
	*out = table_record(t, at)->contact;
	return !id_eq(&out->id, &o->config.self.id);
}

static bool is_finger(const struct overlay *o, const struct id *id)
{
	struct contact c;
	unsigned i;

	if (o->config.mode == TABLE_FINGERS)
		return fingers_has(&o->fingers, id);
	for (i = 0; i < FINGERS; i++)
		if (overlay_finger(o, i, &c) && id_eq(&c.id, id))
			return true;
	return false;
}

static bool is_successor(const struct overlay *o, const struct id *id)
{
	unsigned i;

	for (i = 0; i < o->ring.n_succ; i++)
		if (id_eq(&o->ring.succ[i].id, id))
			return true;
	return false;
}

static void describe(const struct overlay *o, uint32_t i, struct overlay_peer_info *info)
{
	const struct table *t = &o->membership.table;
	const struct id *id = &table_record(t, i)->contact.id;
	const struct coord *coord = probes_peer_coord(o->probes, id);

	*info = (struct overlay_peer_info){
		.contact = table_record(t, i)->contact,
		.incarnation = table_record(t, i)->incarnation,
		.status = table_status(t, i),
		.has_link = peers_has_link(o->peers, id),
		.is_successor = is_successor(o, id),
		.is_predecessor = id_eq(&o->ring.pred.id, id),
		.is_finger = is_finger(o, id),
		.rtt_us = probes_rtt_us(o->probes, id),
		.predicted_us = coord ? coord_rtt_us(overlay_coord(o), coord) : 0,
		.heard_ago = probes_heard_ago(o->probes, id),
	};
}

void overlay_each_peer(const struct overlay *o,
		       void (*fn)(void *ctx, const struct overlay_peer_info *info),
		       void *ctx)
{
	const struct table *t = &o->membership.table;
	uint32_t k, start = 0;
	struct overlay_peer_info info;

	while (start < t->n &&
	       id_cmp(&table_record(t, start)->contact.id, &o->config.self.id) <= 0)
		start++;
	for (k = 0; k < t->n; k++) {
		uint32_t i = (start + k) % t->n;

		if (id_eq(&table_record(t, i)->contact.id, &o->config.self.id))
			continue;
		describe(o, i, &info);
		fn(ctx, &info);
	}
}
