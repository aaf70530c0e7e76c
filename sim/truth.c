/*
 * The truth of a trial, and what can be seen of an AP. Nothing here is a rule; the
 * rules are the oracle's.
 */
#include "sim/truth.h"

#include <stdlib.h>
#include <string.h>

#include "overlay/base/siphash.h"
#include "sim/records.h"

bool trial_ap_is_live(const struct ap *ap)
{
	return ap->host->is_up && !ap->is_leaving;
}

bool trial_server_is_live(const struct server *s)
{
	return s->host->is_up && s->state != AGENT_LEFT;
}

bool trial_is_member(const struct server *s, unsigned i)
{
	return s->host->is_up && agent_group_state(s->agent, i) == AGENT_JOINED;
}

static int by_id(const void *a, const void *b)
{
	const struct ap *const *x = a, *const *y = b;

	return id_cmp(&(*x)->host->id, &(*y)->host->id);
}

/* The live APs in ring order: the truth. */
unsigned truth_ring(const struct trial *t, const struct ap *out[PLAN_APS_MAX])
{
	unsigned i, n = 0;

	for (i = 0; i < t->n_aps; i++)
		if (trial_ap_is_live(t->ap[i]))
			out[n++] = t->ap[i];
	qsort(out, n, sizeof(out[0]), by_id);
	return n;
}

const struct ap *truth_find_ap(const struct ap *const *ring, unsigned n,
			       const struct id *id)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (id_eq(&ring[i]->host->id, id))
			return ring[i];
	return NULL;
}

/* Clients first, then the servers, who are clients of groups too. */
static const struct host *sender_host(const struct trial *t, unsigned i)
{
	return i < TRIAL_CLIENTS ? t->client[i] : t->server[i - TRIAL_CLIENTS]->host;
}

size_t truth_packet(const struct trial *t, const struct query *q,
		    uint8_t out[static QUERY_LEN_MAX])
{
	struct addr to = group_name_addr(&t->group[q->group]);
	const struct host *h = sender_host(t, q->sender);
	struct addr from = to.family == ADDR_V6 ? world_addr6(h) : h->addr;

	return query_build(q, &from, &to, out);
}

size_t truth_forgery(const struct server *s, uint8_t out[static QUERY_LEN_MAX])
{
	struct query q = {.number = UINT32_MAX, .port = 6666, .kind = QUERY_UDP};
	struct addr to = group_name_addr(&s->group), from = to;

	from.ip[from.family == ADDR_V6 ? 15 : 3] ^= 0x80;
	from.ip[0] ^= 0x40;
	return query_build(&q, &from, &to, out);
}

/* APs come first, those with the key of another last. */
bool truth_is_ap(const struct trial *t, const struct host *h)
{
	return h->index < t->n_aps || h->index >= t->n_aps + t->n_servers + TRIAL_CLIENTS;
}

/* The query of a packet; false where its bytes are not what they were. */
bool truth_is_intact(const struct trial *t, const struct packet *p, struct query *q)
{
	uint8_t want[QUERY_LEN_MAX];

	if (!query_read(p, q) || q->sender >= TRIAL_CLIENTS + t->n_servers ||
	    q->group >= t->n_groups || q->number >= t->n_queries)
		return false;
	return truth_packet(t, q, want) == p->len && !memcmp(want, p->data, p->len);
}

/* The AP itself, where it lives: not another one with its key. */
bool truth_is_at(const struct contact *c, const struct ap *ap)
{
	return id_eq(&c->id, &ap->host->id) && addr_eq(&c->addr[0], &ap->host->addr);
}

int truth_group_of(const struct server *s, const struct group_name *g)
{
	unsigned i;

	for (i = 0; i < server_n_groups(s); i++)
		if (group_name_eq(server_group(s, i), g))
			return (int)i;
	return -1;
}

int truth_server_of(const struct trial *t, const struct host *h)
{
	unsigned i;

	for (i = 0; h && i < t->n_servers; i++)
		if (t->server[i]->host == h)
			return (int)i;
	return -1;
}

/* --- what can be seen of an AP ------------------------------------------------------ */

struct digest_walk {
	uint64_t hash;
};

static void digest_add(struct digest_walk *d, const void *data, size_t len)
{
	const struct siphash_key key = {d->hash, 0};

	d->hash = siphash(&key, data, len);
}

static void digest_peer(void *ctx, const struct overlay_peer_info *info)
{
	digest_add(ctx, &info->contact.id, sizeof(info->contact.id));
	digest_add(ctx, &info->incarnation, sizeof(info->incarnation));
	digest_add(ctx, &info->status, sizeof(info->status));
	digest_add(ctx, &info->rtt_us, sizeof(info->rtt_us));
}

uint64_t truth_digest(const struct trial *t, const struct ap *ap)
{
	struct digest_walk d = {1};
	struct contact list[SUCCESSORS];
	unsigned i, n = overlay_successor_list(ap->proxy.overlay, list, SUCCESSORS);
	uint32_t servers = rendezvous_n_servers(ap->proxy.rendezvous);

	for (i = 0; i < n; i++)
		digest_add(&d, &list[i].id, sizeof(list[i].id));
	if (overlay_predecessor(ap->proxy.overlay, &list[0]))
		digest_add(&d, &list[0].id, sizeof(list[0].id));
	digest_add(&d, overlay_coord(ap->proxy.overlay), sizeof(struct coord));
	overlay_each_peer(ap->proxy.overlay, digest_peer, &d);
	for (i = 0; i < t->n_groups; i++)
		d.hash = records_digest(ap->proxy.rendezvous, &t->group[i], d.hash);
	digest_add(&d, &servers, sizeof(servers));
	return d.hash;
}
