/*
 * The specification. Each function says one thing that must hold; the order is that
 * of the layers, from the ring up to the packets.
 */
#include "sim/oracle.h"

#include <stdlib.h>
#include <string.h>

#include "forwarder/packet.h"

#define PAYLOAD_LEN 64
#define MEMBERS_MAX 128
#define KEYS_TRIED  16
/* Periodic messages an AP may send in a second: probes and answers, stabilisation,
 * synchronisation, refreshes of subscriptions, health probes of its servers. */
#define MESSAGES_AP	40.0
#define MESSAGES_SERVER 12.0

bool trial_ap_is_live(const struct ap *ap)
{
	return ap->host->is_up && !ap->is_leaving;
}

bool trial_server_is_live(const struct server *s)
{
	return s->host->is_up && s->state == AGENT_JOINED;
}

static unsigned live_aps(const struct trial *t, const struct ap *out[TRIAL_APS_MAX])
{
	unsigned i, n = 0;

	for (i = 0; i < t->n_aps; i++)
		if (trial_ap_is_live(t->ap[i]))
			out[n++] = t->ap[i];
	return n;
}

static int by_id(const void *a, const void *b)
{
	const struct ap *const *x = a, *const *y = b;

	return id_cmp(&(*x)->host->id, &(*y)->host->id);
}

/* The live APs in ring order: the truth. */
static unsigned true_ring(const struct trial *t, const struct ap *out[TRIAL_APS_MAX])
{
	unsigned n = live_aps(t, out);

	qsort(out, n, sizeof(out[0]), by_id);
	return n;
}

/* --- always ------------------------------------------------------------------ */

static void lists_are_ordered(struct trial *t, const struct ap *ap)
{
	struct contact list[8];
	unsigned i, n = overlay_successor_list(ap->proxy.overlay, list, 8);
	const struct id *last = &ap->host->id;

	for (i = 0; i < n; i++) {
		if (i && !id_between(last, &list[i].id, &ap->host->id))
			trial_violate(t, "ap %u: successor %u is out of order",
				      ap->host->index, i);
		if (id_eq(&list[i].id, &ap->host->id))
			trial_violate(t, "ap %u: is in its own successor list",
				      ap->host->index);
		last = &list[i].id;
	}
}

static void tables_are_bounded(struct trial *t, const struct ap *ap)
{
	if (overlay_n_peers(ap->proxy.overlay) > t->n_aps)
		trial_violate(t, "ap %u: knows more live APs than there are",
			      ap->host->index);
	if (forward_n_flows(ap->proxy.forward) > ap->config.forward.max_flows)
		trial_violate(t, "ap %u: more flows than its table may hold",
			      ap->host->index);
	if (rendezvous_n_servers(ap->proxy.rendezvous) > t->n_servers)
		trial_violate(t, "ap %u: watches more servers than there are",
			      ap->host->index);
}

void oracle_check_always(struct trial *t)
{
	unsigned i;

	for (i = 0; i < t->n_aps; i++) {
		if (!t->ap[i]->host->is_up)
			continue;
		lists_are_ordered(t, t->ap[i]);
		tables_are_bounded(t, t->ap[i]);
	}
}

/* --- deliveries -------------------------------------------------------------- */

/* Clients first, then the servers, who are clients of groups too. */
static const struct host *sender_host(const struct trial *t, unsigned i)
{
	return i < TRIAL_CLIENTS ? t->client[i].host : t->server[i - TRIAL_CLIENTS]->host;
}

size_t oracle_build_packet(const struct trial *t, uint8_t *out, unsigned client,
			   unsigned group, uint64_t number)
{
	struct addr from = sender_host(t, client)->addr;
	struct addr to = group_name_addr(&t->group[group]);
	uint8_t payload[PAYLOAD_LEN];
	unsigned i;

	be64_put(payload, number);
	be32_put(payload + 8, client);
	be32_put(payload + 12, group);
	for (i = 16; i < PAYLOAD_LEN; i++)
		payload[i] = (uint8_t)(number * i);
	from.port = (uint16_t)(10000 + number % 50000);
	if (!to.port)
		to.port = 9; /* any port belongs to a whole address */
	return packet_build_udp(out, &from, &to, (uint16_t)number, payload,
				sizeof(payload));
}

/* What the server's kernel checks before anybody sees the packet. */
static bool header_is_intact(const struct packet *p)
{
	uint32_t sum = 0;
	unsigned i;

	for (i = 0; i < IPV4_HEADER_LEN; i += 2)
		sum += be16_get(p->data + i);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16) == 0xffff;
}

/* Only to a member, never to its sender, and as it was sent. */
void oracle_check_delivery(struct trial *t, const struct server *s,
			   const struct packet *p)
{
	uint8_t want[IPV4_HEADER_LEN + UDP_HEADER_LEN + PAYLOAD_LEN];
	const uint8_t *payload = p->data + p->payload;
	struct addr to = group_name_addr(&s->group);
	bool is_as_sent = false;
	uint32_t client, group;

	if (addr_host_eq(&p->src, &s->host->addr))
		trial_violate(t, "server %u: got its own packet", s->host->index);
	if (p->len - p->payload != PAYLOAD_LEN || !packet_udp_is_intact(p) ||
	    !header_is_intact(p))
		return; /* damaged on its way: its checksum tells the server */
	client = be32_get(payload + 8);
	group = be32_get(payload + 12);
	if (client < TRIAL_CLIENTS + t->n_servers && group < t->n_groups &&
	    oracle_build_packet(t, want, client, group, be64_get(payload)) == p->len)
		is_as_sent = !memcmp(p->data, want, p->len);
	if (!is_as_sent) {
		/* Two flipped bits may cancel out in an Internet checksum. */
		if (t->options->rates.corrupt == 0)
			trial_violate(t, "server %u: got what nobody sent",
				      s->host->index);
		return;
	}
	if (!addr_host_eq(&p->dst, &to) || (to.port && p->flow.dport != to.port))
		trial_violate(t, "server %u: got a packet of another group",
			      s->host->index);
	if (client < TRIAL_CLIENTS)
		t->answered[client][group] = true;
	t->delivered++;
}

/* --- at rest: the ring ------------------------------------------------------- */

static void everybody_has_joined(struct trial *t, const struct ap *const *ring,
				 unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		if (!overlay_is_joined(ring[i]->proxy.overlay))
			trial_violate(t, "ap %u: not in the ring (%s)",
				      ring[i]->host->index,
				      error_text(ring[i]->join_error));
		else if (!ring[i]->is_ready)
			trial_violate(t, "ap %u: in the ring, but not ready",
				      ring[i]->host->index);
	}
}

static void ring_is_ideal(struct trial *t, const struct ap *const *ring, unsigned n)
{
	unsigned i, k;

	for (i = 0; i < n; i++) {
		const struct overlay *o = ring[i]->proxy.overlay;
		unsigned len, want = n - 1 < 8 ? n - 1 : 8;
		struct contact list[8], pred;
		bool has_pred = overlay_predecessor(o, &pred);

		if (n > 1 &&
		    (!has_pred || !id_eq(&pred.id, &ring[(i + n - 1) % n]->host->id)))
			trial_violate(t, "ap %u: predecessor is wrong",
				      ring[i]->host->index);
		len = overlay_successor_list(o, list, 8);
		if (len != want)
			trial_violate(t, "ap %u: %u successors, %u wanted",
				      ring[i]->host->index, len, want);
		for (k = 0; k < len && k < want; k++)
			if (!id_eq(&list[k].id, &ring[(i + k + 1) % n]->host->id))
				trial_violate(t, "ap %u: successor %u is wrong",
					      ring[i]->host->index, k);
	}
}

static void keys_have_one_owner(struct trial *t, const struct ap *const *ring, unsigned n)
{
	unsigned i, k, owners;

	for (k = 0; k < KEYS_TRIED; k++) {
		struct id key;

		rng_fill(&t->rng, key.b, ID_LEN);
		for (i = owners = 0; i < n; i++)
			owners += overlay_owns(ring[i]->proxy.overlay, &key);
		if (n && owners != 1)
			trial_violate(t, "a key has %u owners", owners);
	}
}

/* Everybody knows exactly those who are there: nobody is missing, nobody rises again. */
static void tables_agree(struct trial *t, const struct ap *const *ring, unsigned n)
{
	unsigned i, k;

	for (i = 0; i < n; i++) {
		const struct overlay *o = ring[i]->proxy.overlay;

		if (overlay_n_peers(o) != n)
			trial_violate(t, "ap %u: counts %u live APs of %u",
				      ring[i]->host->index, overlay_n_peers(o), n);
		for (k = 0; k < t->n_aps; k++) {
			const struct ap *other = t->ap[k];
			enum peer_status s;

			if (other == ring[i])
				continue;
			s = overlay_peer_status(o, &other->host->id);
			if (trial_ap_is_live(other) !=
			    (s == PEER_ALIVE || s == PEER_SUSPECT))
				trial_violate(t, "ap %u: wrong about ap %u (status %d)",
					      ring[i]->host->index, other->host->index,
					      s);
		}
	}
}

/* --- at rest: groups and leases ---------------------------------------------- */

struct member_list {
	struct id server[MEMBERS_MAX];
	unsigned n;
};

static void add_member(void *ctx, const struct member_info *m)
{
	struct member_list *l = ctx;

	if (m->is_up && l->n < MEMBERS_MAX)
		l->server[l->n++] = m->server;
}

static bool has_member(const struct member_list *l, const struct id *server)
{
	unsigned i;

	for (i = 0; i < l->n; i++)
		if (id_eq(&l->server[i], server))
			return true;
	return false;
}

static const char *place_name(unsigned place)
{
	static const char *const name[] = {"its rendezvous AP", "its first copy",
					   "its second copy"};

	return name[place];
}

/* Exactly the live members, at the owner and at each copy. */
static void holder_is_right(struct trial *t, const struct ap *ap, unsigned group,
			    unsigned place)
{
	struct member_list l = {.n = 0};
	unsigned i, members = 0;
	int err = rendezvous_each_member(ap->proxy.rendezvous, &t->group[group],
					 add_member, &l);

	for (i = 0; i < t->n_servers; i++) {
		const struct server *s = t->server[i];

		if (!group_name_eq(&s->group, &t->group[group]))
			continue;
		if (!trial_server_is_live(s)) {
			if (has_member(&l, &s->host->id))
				trial_violate(
					t,
					"group %u: server %u is gone, but %s (ap %u) has it",
					group, s->host->index, place_name(place),
					ap->host->index);
			continue;
		}
		members++;
		if (err || !has_member(&l, &s->host->id))
			trial_violate(t, "group %u: server %u is missing at %s (ap %u)",
				      group, s->host->index, place_name(place),
				      ap->host->index);
	}
	if (!t->violation.is_found && l.n != members)
		trial_violate(t, "group %u: %u members at ap %u, %u are live", group, l.n,
			      ap->host->index, members);
}

static void groups_are_held(struct trial *t, const struct ap *const *ring, unsigned n)
{
	unsigned g, i, k;

	for (g = 0; g < t->n_groups; g++) {
		struct id key;

		group_name_key(&t->group[g], &key);
		for (i = 0; i < n; i++)
			if (overlay_owns(ring[i]->proxy.overlay, &key))
				break;
		for (k = 0; i < n && k < 3 && k < n; k++)
			holder_is_right(t, ring[(i + k) % n], g, k);
	}
}

static void servers_have_joined(struct trial *t)
{
	unsigned i;

	for (i = 0; i < t->n_servers; i++) {
		const struct server *s = t->server[i];

		if (s->host->is_up && s->state != AGENT_JOINED && s->state != AGENT_LEFT)
			trial_violate(t, "server %u: not joined (state %d, %s)",
				      s->host->index, s->state, error_text(s->refused));
	}
}

/* --- at rest: packets -------------------------------------------------------- */

static bool group_is_served(const struct trial *t, unsigned group)
{
	unsigned i;

	for (i = 0; i < t->n_servers; i++)
		if (trial_server_is_live(t->server[i]) &&
		    group_name_eq(&t->server[i]->group, &t->group[group]))
			return true;
	return false;
}

static void everybody_is_served(struct trial *t, unsigned n)
{
	unsigned c, g;

	for (c = 0; n && c < TRIAL_CLIENTS; c++)
		for (g = 0; g < t->n_groups; g++)
			if (group_is_served(t, g) && !t->answered[c][g])
				trial_violate(t,
					      "client %u: no packet to group %u arrived",
					      c, g);
}

void oracle_check_rest(struct trial *t)
{
	const struct ap *ring[TRIAL_APS_MAX];
	unsigned n = true_ring(t, ring);

	everybody_has_joined(t, ring, n);
	if (t->violation.is_found)
		return;
	ring_is_ideal(t, ring, n);
	keys_have_one_owner(t, ring, n);
	tables_agree(t, ring, n);
	if (n)
		servers_have_joined(t);
	groups_are_held(t, ring, n);
	everybody_is_served(t, n);
}

uint64_t oracle_messages(const struct trial *t)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < t->n_aps; i++)
		sum += t->ap[i]->host->traffic.messages_out;
	return sum;
}

void oracle_check_quiet(struct trial *t, uint64_t messages_before, double seconds)
{
	const struct ap *ring[TRIAL_APS_MAX];
	double sent = (double)(oracle_messages(t) - messages_before) / seconds;
	double may = MESSAGES_AP * true_ring(t, ring) + MESSAGES_SERVER * t->n_servers;

	if (sent > may)
		trial_violate(t, "%.0f messages a second at rest, %.0f are periodic",
			      sent, may);
}
