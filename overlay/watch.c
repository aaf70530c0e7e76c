/*
 * Who lives: the detector's verdicts go to the membership, and what changes there to the
 * ring, the fingers and the layers above. Rings that were split find each other here.
 */
#include "overlay/parts.h"

#define HELPERS_SEEN 64 /* APs looked at to find helpers with a link */

/* Membership */

static void forget(struct overlay *o, const struct contact *who, enum peer_status now)
{
	fingers_on_gone(&o->fingers, &who->id);
	probes_forget(o->probes, &who->id);
	ring_on_gone(&o->ring, &who->id);
	/* Who left in good order still finishes what it has begun. */
	if (now == PEER_DEAD)
		peers_drop(o->peers, &who->id);
}

static void member_changed(void *ctx, const struct contact *who, enum peer_status now,
			   enum peer_status was)
{
	struct overlay *o = ctx;
	bool was_live = was == PEER_ALIVE || was == PEER_SUSPECT;
	bool is_live = now == PEER_ALIVE || now == PEER_SUSPECT;

	if (was_live == is_live)
		return;
	o->successors_changed = true;
	if (is_live)
		ring_on_news(&o->ring, &who->id);
	else
		forget(o, who, now);
	overlay_emit(o);
	if (o->is_joined)
		o->ops->peer_changed(o->ctx, who, is_live ? PEER_ALIVE : now);
}

static void member_restarted(void *ctx, const struct contact *who)
{
	struct overlay *o = ctx;

	if (!o->is_joined)
		return;
	o->ops->peer_changed(o->ctx, who, PEER_DEAD);
	o->ops->peer_changed(o->ctx, who, PEER_ALIVE);
}

static void member_probe(void *ctx, const struct contact *who)
{
	struct overlay *o = ctx;

	probes_now(o->probes, who);
}

static void member_incarnation(void *ctx, uint64_t incarnation)
{
	struct overlay *o = ctx;

	ring_set_incarnation(&o->ring, incarnation);
	probes_set_incarnation(o->probes, incarnation);
	peers_set_incarnation(o->peers, incarnation);
}

static void member_duplicate(void *ctx, const struct contact *other)
{
	struct overlay *o = ctx;
	const struct addr *at = contact_addr(other, &o->config.self);
	char addr[ADDR_STR_MAX];

	if (!at)
		at = &other->addr[other->addr[0].family ? 0 : 1];
	log_error(o->env, "member: another AP uses our key addr=%s", addr_str(at, addr));
	o->ops->join_failed(o->ctx, PIAS_EDUPLICATE, error_text(PIAS_EDUPLICATE));
}

void watch_merge(struct overlay *o, const struct contact *who)
{
	struct id after = o->config.self.id;

	if (o->config.mode == TABLE_FULL) {
		gossip_sync(&o->membership.gossip, who);
		return;
	}
	id_inc(&after);
	/* With too many lookups under way it is tried again. */
	(void)fingers_lookup_via(&o->fingers, who, &after);
}

static void member_departed(void *ctx, const struct contact *who)
{
	watch_merge(ctx, who);
}

static void member_pulled(void *ctx)
{
	struct overlay *o = ctx;

	o->joined = !o->is_joined;
	overlay_emit(o);
}

const struct membership_ops watch_membership_ops = {
	.send = overlay_send_message,
	.changed = member_changed,
	.restarted = member_restarted,
	.probe = member_probe,
	.incarnation = member_incarnation,
	.duplicate = member_duplicate,
	.departed = member_departed,
	.pulled = member_pulled,
};

/* Probes */

/* Fingers are mostly APs that we have never heard from: nobody else checks them. */
static bool probe_next_target(void *ctx, struct contact *out)
{
	struct overlay *o = ctx;

	if (o->config.mode == TABLE_FINGERS && env_random_below(o->env, 2) &&
	    fingers_get(&o->fingers, env_random_below(o->env, FINGERS), out))
		return true;
	return membership_next_target(&o->membership, out);
}

/* The first live successor of the list, with room for one in @out. */
static unsigned live_successor(const struct overlay *o, struct contact *out)
{
	unsigned i;

	for (i = 0; i < o->ring.n_succ; i++) {
		*out = o->ring.succ[i];
		if (contact_has_addr(out) &&
		    !membership_is_gone(&o->membership, &out->id))
			return 1;
	}
	return 0;
}

static unsigned probe_neighbours(void *ctx, struct contact *out, unsigned max)
{
	struct overlay *o = ctx;
	unsigned n = live_successor(o, out);

	if (overlay_predecessor(o, &out[n]) &&
	    !membership_is_gone(&o->membership, &out[n].id) &&
	    !(n && id_eq(&out[0].id, &out[1].id)))
		n++;
	return n;
}

/* Those with a link first, among the APs after a random place in the ring. */
static unsigned probe_helpers(void *ctx, const struct id *subject, struct contact *out,
			      unsigned max)
{
	struct overlay *o = ctx;
	const struct table *t = &o->membership.table;
	unsigned pass, k, n = 0;
	uint32_t first, i;
	struct id at;

	env_random(o->env, &at, sizeof(at));
	first = table_owner(t, &at);
	if (first == TABLE_NONE)
		return 0;
	for (pass = 0; pass < 2; pass++) {
		i = first;
		for (k = 0; k < HELPERS_SEEN && n < max; k++) {
			const struct contact *c = &table_record(t, i)->contact;

			if (!id_eq(&c->id, subject) &&
			    !id_eq(&c->id, &o->config.self.id) &&
			    peers_has_link(o->peers, &c->id) == !pass)
				out[n++] = *c;
			i = table_next(t, i);
			if (i == first)
				break;
		}
	}
	return n;
}

static void probe_unanswered(void *ctx, const struct contact *subject)
{
	struct overlay *o = ctx;

	if (o->config.mode == TABLE_FINGERS &&
	    !membership_is_live(&o->membership, &subject->id)) {
		fingers_on_gone(&o->fingers, &subject->id);
		ring_on_gone(&o->ring, &subject->id);
	}
	membership_on_unanswered(&o->membership, subject);
	overlay_emit(o);
}

static void probe_heard(void *ctx, const struct contact *from, uint64_t incarnation)
{
	struct overlay *o = ctx;

	membership_on_heard(&o->membership, from, incarnation);
	overlay_emit(o);
}

const struct probes_ops watch_probe_ops = {
	.next_target = probe_next_target,
	.neighbours = probe_neighbours,
	.helpers = probe_helpers,
	.unanswered = probe_unanswered,
	.heard = probe_heard,
};
