/*
 * The specification. Each function says one thing that must hold; the order is that
 * of the layers, from the ring up to the packets.
 */
#include "sim/oracle.h"

#include <stdlib.h>
#include <string.h>

#include "forwarder/wrap.h"
#include "overlay/session.h"
#include "sim/mishap.h"
#include "sim/records.h"
#include "sim/truth.h"

#define KEYS_TRIED  16
#define PATIENCE_S  15 /* undisturbed: news of a join take L rounds to the last list */
#define LEASE_MAX   (60 * SEC) /* and of a tombstone */
#define LEASE_OVER  (40 * SEC)
#define CROSS_MAX   2 /* from AP to AP: the third hop is the one to the server */
#define COPIES_MAX  2 /* of what the network doubles, once to the AP, once from it */
#define HANDED_OUT  (5 * SEC) /* unanswered probes, and the news under way */
#define FLOWS_AMPLE 8192      /* nobody is refused, nor replaced within a minute */
/* Periodic messages an AP may send in a second: probes and answers, stabilisation,
 * synchronisation, refreshes of subscriptions, health probes of its servers. */
#define MESSAGES_AP	40.0
#define MESSAGES_SERVER 12.0 /* for each of its groups */

/* --- always: the ring ------------------------------------------------------------ */

static void lists_are_ordered(struct trial *t, const struct ap *ap)
{
	struct contact list[SUCCESSORS];
	unsigned i, n = overlay_successor_list(ap->proxy.overlay, list, SUCCESSORS);
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

/* Zave's OneLiveSuccessor; a ring of one has nobody to know. */
static void knows_a_live_successor(struct trial *t, const struct ap *ap,
				   const struct ap *const *ring, unsigned n)
{
	struct contact list[SUCCESSORS];
	unsigned i, k = overlay_successor_list(ap->proxy.overlay, list, SUCCESSORS);
	uint8_t *lonely = &t->lonely_s[ap->host->index];

	for (i = 0; i < k && !truth_find_ap(ring, n, &list[i].id); i++)
		;
	*lonely = i < k || n < 2 ? 0 : (uint8_t)(*lonely + 1);
	if (*lonely > PATIENCE_S)
		trial_violate(t, "ap %u: knows no live successor", ap->host->index);
}

/* Does @m's list pass over @x? */
static bool skips(const struct ap *m, const struct ap *x)
{
	struct contact list[SUCCESSORS];
	unsigned i, n = overlay_successor_list(m->proxy.overlay, list, SUCCESSORS);
	const struct id *last = &m->host->id;

	for (i = 0; i < n; last = &list[i++].id)
		if (id_between(last, &x->host->id, &list[i].id))
			return true;
	return false;
}

/* Zave's SufficientPrincipals: L + 1 members whom nobody passes over, or all. */
static void principals_suffice(struct trial *t, const struct ap *const *ring, unsigned n)
{
	unsigned i, k, principals = 0, want = n < SUCCESSORS + 1 ? n : SUCCESSORS + 1;

	for (i = 0; i < n; i++) {
		for (k = 0; k < n && !(k != i && skips(ring[k], ring[i])); k++)
			;
		principals += k == n;
	}
	t->principals_short_s =
		principals < want ? (uint8_t)(t->principals_short_s + 1) : 0;
	if (t->principals_short_s > PATIENCE_S)
		trial_violate(t, "%u principals, %u wanted", principals, want);
}

/* Members that have joined and are not about to go; Zave's invariants are theirs. */
static void zave_holds(struct trial *t)
{
	const struct ap *ring[PLAN_APS_MAX];
	const struct fault_rates *f = &t->world.faults.rates;
	unsigned i, n, joined = 0;

	/* Messages that are lost look like members that are. */
	if (f->loss > 0 || f->corrupt > 0 || f->truncate > 0)
		mishap_unsettle(t);
	if (t->world.now < t->unsettled) {
		memset(t->lonely_s, 0, sizeof(t->lonely_s));
		t->principals_short_s = 0;
		return;
	}
	n = truth_ring(t, ring);
	for (i = 0; i < n; i++)
		if (overlay_is_joined(ring[i]->proxy.overlay))
			ring[joined++] = ring[i];
	for (i = 0; i < joined; i++)
		knows_a_live_successor(t, ring[i], ring, joined);
	principals_suffice(t, ring, joined);
}

/* --- always: the tables ---------------------------------------------------------- */

struct belief_walk {
	struct trial *t;
	unsigned of;
};

static void check_belief(void *ctx, const struct overlay_peer_info *info)
{
	struct belief_walk *w = ctx;
	struct trial *t = w->t;
	struct belief *b;
	unsigned i;

	for (i = 0; i < t->n_aps && !id_eq(&t->ap[i]->host->id, &info->contact.id); i++)
		;
	if (i == t->n_aps) {
		trial_violate(t, "ap %u: knows somebody who never was",
			      t->ap[w->of]->host->index);
		return;
	}
	b = &t->belief[w->of][i];
	if (info->incarnation < b->incarnation ||
	    (info->incarnation == b->incarnation && info->status < b->status))
		trial_violate(t, "ap %u: believes an older claim of ap %u again",
			      t->ap[w->of]->host->index, t->ap[i]->host->index);
	b->incarnation = info->incarnation;
	b->status = (uint8_t)info->status;
}

/* Nobody who departed rises again: only a later incarnation makes him live. */
static void beliefs_only_grow(struct trial *t, unsigned i)
{
	struct belief_walk w = {t, i};

	if (t->starts[i] != t->ap[i]->starts)
		memset(t->belief[i], 0, sizeof(t->belief[i]));
	t->starts[i] = t->ap[i]->starts;
	overlay_each_peer(t->ap[i]->proxy.overlay, check_belief, &w);
}

static void bounded(struct trial *t, const struct ap *ap, const char *what, size_t n,
		    size_t max)
{
	if (n > max)
		trial_violate(t, "ap %u: %zu %s, %zu allowed", ap->host->index, n, what,
			      max);
}

static void tables_are_bounded(struct trial *t, const struct ap *ap)
{
	const struct rendezvous_config *c = &ap->config.rendezvous;
	const struct rendezvous *rv = ap->proxy.rendezvous;
	struct records_sizes n = records_sizes(rv);
	struct records_group g;
	unsigned i;

	bounded(t, ap, "live APs known", overlay_n_peers(ap->proxy.overlay), t->n_aps);
	bounded(t, ap, "flows", forward_n_flows(ap->proxy.forward),
		ap->config.forward.max_flows);
	bounded(t, ap, "servers watched", rendezvous_n_servers(rv), c->max_servers);
	bounded(t, ap, "groups held", n.groups, c->max_groups);
	bounded(t, ap, "groups held", n.groups, t->n_groups);
	bounded(t, ap, "members held", n.members, c->max_members);
	bounded(t, ap, "routes cached", n.cached, c->max_cached);
	for (i = 0; i < t->n_groups; i++) {
		records_find(rv, &t->group[i], &g);
		bounded(t, ap, "members of a group", g.n_members, c->max_group_members);
		bounded(t, ap, "members of a group", g.n_members, t->n_servers);
		bounded(t, ap, "subscribers", g.n_subscribers, t->n_aps);
	}
}

/* No lease and no tombstone is longer than the longest. */
static void leases_end(struct trial *t, const struct ap *ap)
{
	struct records_group g;
	unsigned i;

	for (i = 0; i < t->n_groups; i++) {
		records_find(ap->proxy.rendezvous, &t->group[i], &g);
		if (g.last_end > ap->host->env.now + LEASE_MAX)
			trial_violate(t, "ap %u: holds somebody for over a minute",
				      ap->host->index);
	}
}

void oracle_check_always(struct trial *t)
{
	unsigned i;

	for (i = 0; i < t->n_aps; i++) {
		if (!t->ap[i]->host->is_up)
			continue;
		lists_are_ordered(t, t->ap[i]);
		beliefs_only_grow(t, i);
		tables_are_bounded(t, t->ap[i]);
		leases_end(t, t->ap[i]);
	}
	zave_holds(t);
	if (t->is_at_rest)
		oracle_check_rest(t);
}

/* --- packets on their way ---------------------------------------------------------- */

static struct passage *passage_of(struct trial *t, const struct query *q)
{
	return journal_passage(&t->journal, q->number, q->part);
}

static void on_packet(void *ctx, const struct host *at, const uint8_t *data, size_t len)
{
	struct trial *t = ctx;
	struct packet p;
	struct query q;

	if (!truth_is_ap(t, at) || packet_parse(&p, (uint8_t *)data, len))
		return;
	/* What lies behind the IP packet does not belong to it. */
	journal_note(&t->journal, data, p.len);
	if (truth_is_intact(t, &p, &q))
		passage_of(t, &q)->entered++;
}

/* From AP to AP twice at most, or it goes in circles. Real seals hide it. */
static void on_datagram(void *ctx, const struct host *from, const struct host *to,
			const uint8_t *data, size_t len)
{
	struct trial *t = ctx;
	const size_t head = SEAL_HEADER_LEN + 1 + WRAP_HEADER_LEN;
	struct passage *passage;
	struct packet p;
	struct query q;

	if (t->is_forging)
		return;
	mishap_overhear(t, from, to, data, len);
	if (t->plan->real_crypto || !truth_is_ap(t, from) || !truth_is_ap(t, to) ||
	    len < head + AEAD_TAG_LEN || data[0] != SEAL_MAGIC ||
	    data[SEAL_HEADER_LEN] != MSG_WRAPPED)
		return;
	if (packet_parse(&p, (uint8_t *)data + head, len - head - AEAD_TAG_LEN) ||
	    !truth_is_intact(t, &p, &q))
		return;
	passage = passage_of(t, &q);
	if (++passage->crossed > CROSS_MAX * passage->entered)
		trial_violate(t, "packet %lu: a third hop between APs, to ap %u",
			      (unsigned long)q.number, to->index);
}

static bool is_for_group(const struct packet *p, const struct group_name *g)
{
	struct addr to = group_name_addr(g);

	if (!addr_host_eq(&p->dst, &to))
		return false;
	return group_name_is_wide(g) || p->fragment == FRAGMENT_LATER ||
	       (p->flow.proto == g->proto && p->flow.dport == g->port);
}

static bool is_for_server(const struct packet *p, const struct server *s)
{
	unsigned i;

	for (i = 0; i < server_n_groups(s); i++)
		if (is_for_group(p, server_group(s, i)))
			return true;
	return false;
}

/* The AP's own probes of a server are no client's packets. */
static bool is_probe(const struct packet *p)
{
	return p->flow.sport == CONTROL_PORT && p->proto == PROTO_UDP;
}

/*
 * Nobody is handed out when it must be known that he is gone: soon where nothing keeps
 * the news, else (for a minute after that) when his lease is over.
 */
static void nobody_gone_is_handed_out(struct trial *t, unsigned server)
{
	if (t->gone_at[server] == PIAS_NEVER)
		return;
	if (t->is_at_rest || (t->gone_at[server] + HANDED_OUT < t->world.now &&
			      t->world.now > t->unsettled))
		trial_violate(t, "server %u: is handed out, but went at %.3f s",
			      t->server[server]->host->index,
			      (double)t->gone_at[server] / SEC);
}

/* What leaves in a tunnel came from outside, to the byte, and goes to a member. */
static void on_tunnel(void *ctx, const struct host *from, const struct host *to,
		      const struct tunnel_packet *pkt)
{
	struct trial *t = ctx;
	size_t head = pkt->encap == ENCAP_GUE ? 12 : 0;
	const struct host *self = from;
	int i = truth_server_of(t, to);
	struct passage *passage;
	struct packet p;
	struct query q;

	if (!truth_is_ap(t, self))
		return;
	if (pkt->len <= head ||
	    packet_parse(&p, (uint8_t *)pkt->data + head, pkt->len - head)) {
		trial_violate(t, "ap %u: sends no packet through a tunnel", self->index);
		return;
	}
	if (is_probe(&p))
		return;
	if (i < 0) {
		trial_violate(t, "ap %u: sends a packet to no server", self->index);
		return;
	}
	if (p.len != pkt->len - head || !journal_has(&t->journal, p.data, p.len))
		trial_violate(t, "server %u: is sent what nobody sent", to->index);
	if (addr_host_eq(&p.src, &to->addr))
		trial_violate(t, "server %u: is sent its own packet", to->index);
	if (!is_for_server(&p, t->server[i]))
		trial_violate(t, "server %u: is sent a packet of another group",
			      to->index);
	nobody_gone_is_handed_out(t, (unsigned)i);
	if (!truth_is_intact(t, &p, &q))
		return;
	passage = passage_of(t, &q);
	if (++passage->tunnelled > passage->entered)
		trial_violate(t, "packet %lu: came %u times, is delivered %u times",
			      (unsigned long)q.number, passage->entered,
			      passage->tunnelled);
}

const struct world_watch oracle_watch = {
	.datagram = on_datagram,
	.tunnel = on_tunnel,
	.packet = on_packet,
};

/* --- deliveries -------------------------------------------------------------------- */

static bool is_answered_by_member(const struct trial *t, unsigned client, unsigned group)
{
	unsigned i;

	for (i = 0; i < t->n_servers; i++)
		if (t->answered[client][group] == t->server[i]->host->index + 1)
			return truth_group_of(t->server[i], &t->group[group]) >= 0;
	return false;
}

/*
 * At rest a flow stays where it is, but at an AP that must forget it or its route (each
 * group may take two of these, exact and wide), and until its exact group has members.
 */
static void flow_sticks(struct trial *t, const struct query *q, const struct server *s)
{
	uint32_t *by = &t->answered[q->sender][q->group];

	if (is_answered_by_member(t, q->sender, q->group) && *by != s->host->index + 1 &&
	    t->plan->max_flows >= FLOWS_AMPLE && t->plan->max_cached >= 2 * t->n_groups)
		trial_violate(t,
			      "client %u: its flow to group %u went from server %u to %u",
			      q->sender, q->group, *by - 1, s->host->index);
	*by = s->host->index + 1;
}

/* Only to a member, never to its sender, as it was sent, and once for each copy. */
void oracle_check_delivery(struct trial *t, const struct server *s,
			   const struct packet *p)
{
	unsigned copies = t->plan->rates.duplicate > 0 ? COPIES_MAX : 1;
	struct passage *passage;
	struct query q;

	if (addr_host_eq(&p->src, &s->host->addr))
		trial_violate(t, "server %u: got its own packet", s->host->index);
	if (!is_for_server(p, s))
		trial_violate(t, "server %u: got a packet of another group",
			      s->host->index);
	if (!truth_is_intact(t, p, &q)) {
		/* Flipped bits on the way; its checksum tells the server, mostly. */
		if (t->plan->rates.corrupt == 0)
			trial_violate(t, "server %u: got what nobody sent",
				      s->host->index);
		return;
	}
	passage = passage_of(t, &q);
	/* A bit that is flipped twice is as it was. */
	if (++passage->delivered > copies * passage->tunnelled &&
	    t->plan->rates.corrupt == 0)
		trial_violate(t, "packet %lu: got in %u times", (unsigned long)q.number,
			      passage->delivered);
	if (q.port == TRIAL_ASK_PORT)
		flow_sticks(t, &q, s);
	t->delivered++;
}

/* --- at rest: the ring ---------------------------------------------------------------
 */

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
		unsigned len, want = n - 1 < SUCCESSORS ? n - 1 : SUCCESSORS;
		struct contact list[SUCCESSORS], pred;
		bool has_pred = overlay_predecessor(o, &pred);

		if (n > 1 && (!has_pred || !truth_is_at(&pred, ring[(i + n - 1) % n])))
			trial_violate(t, "ap %u: predecessor is wrong",
				      ring[i]->host->index);
		len = overlay_successor_list(o, list, SUCCESSORS);
		if (len != want)
			trial_violate(t, "ap %u: %u successors, %u wanted",
				      ring[i]->host->index, len, want);
		for (k = 0; k < len && k < want; k++)
			if (!truth_is_at(&list[k], ring[(i + k + 1) % n]))
				trial_violate(t, "ap %u: successor %u is wrong",
					      ring[i]->host->index, k);
	}
}

/* One owner of a key, and everybody knows him. */
static void keys_have_one_owner(struct trial *t, const struct ap *const *ring, unsigned n)
{
	unsigned i, k, owners;

	for (k = 0; n && k < KEYS_TRIED; k++) {
		struct contact found;
		const struct ap *owner = NULL;
		struct id key;

		rng_fill(&t->rng, key.b, ID_LEN);
		for (i = owners = 0; i < n; i++)
			if (overlay_owns(ring[i]->proxy.overlay, &key)) {
				owner = ring[i];
				owners++;
			}
		if (owners != 1)
			trial_violate(t, "a key has %u owners", owners);
		for (i = 0; owner && t->plan->table == TABLE_FULL && i < n; i++)
			if (overlay_owner(ring[i]->proxy.overlay, &key, &found) ||
			    !truth_is_at(&found, owner))
				trial_violate(t, "ap %u: wrong about who owns a key",
					      ring[i]->host->index);
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
				trial_violate(t, "ap %u: wrong about ap %u (%s)",
					      ring[i]->host->index, other->host->index,
					      peer_status_text(s));
		}
	}
}

/* --- at rest: groups and leases ------------------------------------------------------
 */

/*
 * Exactly the live members, at the owner (place 0) and at each copy; and, as down, who
 * has crashed but still has a lease.
 */
static void holder_is_right(struct trial *t, const struct ap *ap, unsigned group,
			    unsigned place)
{
	const struct rendezvous *rv = ap->proxy.rendezvous;
	struct records_group g;
	unsigned i, members = 0;
	bool is_there, is_due;

	for (i = 0; i < t->n_servers; i++) {
		const struct server *s = t->server[i];
		int k = truth_group_of(s, &t->group[group]);
		enum records_member m =
			records_member(rv, &t->group[group], &s->host->id);

		if (k < 0 || !trial_is_member(s, (unsigned)k)) {
			members += m != MEMBER_MISSING;
			is_there = t->gone_at[i] == PIAS_NEVER;
			is_due = is_there || t->gone_at[i] + LEASE_OVER < t->world.now;
			/* Refused at one AP for want of room, it may have a lease yet. */
			if (is_there && plan_is_tight(t->plan))
				continue;
			if (m == MEMBER_FIT || (m == MEMBER_LISTED && is_due))
				trial_violate(
					t,
					"group %u: server %u is gone, but holder %u "
					"(ap %u) has it",
					group, s->host->index, place, ap->host->index);
			continue;
		}
		members++;
		/* A copy may have no room; the owner had when it agreed. */
		if (m != MEMBER_FIT && (place == 0 || !plan_is_tight(t->plan)))
			trial_violate(t, "group %u: server %u is %s at holder %u (ap %u)",
				      group, s->host->index,
				      m == MEMBER_LISTED ? "down" : "missing", place,
				      ap->host->index);
	}
	records_find(rv, &t->group[group], &g);
	if (g.n_live > members)
		trial_violate(t, "group %u: %u members at ap %u, %u are live", group,
			      g.n_live, ap->host->index, members);
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
		for (k = 0; i < n && k < t->plan->n_replicas && k < n; k++)
			holder_is_right(t, ring[(i + k) % n], g, k);
	}
}

/* Nobody is kept out, but where a table is full. */
static void servers_have_joined(struct trial *t)
{
	unsigned i, k;

	for (i = 0; i < t->n_servers; i++) {
		const struct server *s = t->server[i];

		for (k = 0; trial_server_is_live(s) && k < server_n_groups(s); k++) {
			if (s->refused[k] == PIAS_EFULL && plan_is_tight(t->plan))
				continue;
			if (!trial_is_member(s, k))
				trial_violate(t, "server %u: not joined (state %d, %s)",
					      s->host->index,
					      agent_group_state(s->agent, k),
					      error_text(s->refused[k]));
		}
	}
}

void oracle_check_rest(struct trial *t)
{
	const struct ap *ring[PLAN_APS_MAX];
	unsigned n = truth_ring(t, ring);

	everybody_has_joined(t, ring, n);
	if (t->violation.is_found)
		return;
	ring_is_ideal(t, ring, n);
	keys_have_one_owner(t, ring, n);
	if (t->plan->table == TABLE_FULL)
		tables_agree(t, ring, n);
	if (n)
		servers_have_joined(t);
	groups_are_held(t, ring, n);
}

/* --- at rest: packets ------------------------------------------------------------------
 */

static bool group_is_served(const struct trial *t, unsigned group)
{
	unsigned i;

	for (i = 0; i < t->n_servers; i++) {
		int k = truth_group_of(t->server[i], &t->group[group]);

		if (k >= 0 && trial_is_member(t->server[i], (unsigned)k))
			return true;
	}
	return false;
}

void oracle_check_answers(struct trial *t)
{
	const struct ap *ring[PLAN_APS_MAX];
	unsigned c, g, n = truth_ring(t, ring);

	for (c = 0; n && c < TRIAL_CLIENTS; c++)
		for (g = 0; g < t->n_groups; g++)
			if (group_is_served(t, g) && !is_answered_by_member(t, c, g))
				trial_violate(t, "client %u: no packet to group %u %s", c,
					      g,
					      t->answered[c][g] ? "came to a member of it"
								: "arrived");
}

void oracle_check_twin(struct trial *t, const struct ap *twin)
{
	if (overlay_is_joined(twin->proxy.overlay) || twin->is_ready)
		trial_violate(t, "another AP with the key of ap 0 was admitted");
	if (twin->join_error != PIAS_EDUPLICATE)
		trial_violate(t, "another AP with the key of ap 0 is told: %s",
			      error_text(twin->join_error));
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
	const struct ap *ring[PLAN_APS_MAX];
	double sent = (double)(oracle_messages(t) - messages_before) / seconds;
	double may = MESSAGES_AP * truth_ring(t, ring);
	unsigned i;

	for (i = 0; i < t->n_servers; i++)
		may += MESSAGES_SERVER * server_n_groups(t->server[i]);
	if (sent > may)
		trial_violate(t, "%.0f messages a second at rest, %.0f are periodic",
			      sent, may);
}
