/*
 * Groups and members at rest.
 *
 * What always holds: a group's members are sorted by server id, each hangs in the
 * lease wheel, and so does the group's grace exactly while it has no live member.
 * Members only ever change through group_merge, that is to something later, or by
 * the end of their lease, which leaves a tombstone with the same (seq, stamp).
 */
#include "rendezvous/group.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum lease_kind {
	LEASE_MEMBER,
	LEASE_GROUP,
};

#define RTT_NEWS_MIN (1 * MSEC) /* smaller changes are not worth a push */

static void lease_ended(void *ctx, struct lease *l);

void groups_init(struct groups *gs, struct env *env, const struct groups_limits *limits,
		 const struct groups_ops *ops, void *ctx)
{
	memset(gs, 0, sizeof(*gs));
	gs->env = env;
	gs->ops = ops;
	gs->ctx = ctx;
	gs->limits = *limits;
	interns_init(&gs->interns, env);
	leases_init(&gs->leases, env, lease_ended, gs);
	htab_init(&gs->by_name);
	env_random(env, &gs->hash_key, sizeof(gs->hash_key));
}

static void member_free(struct groups *gs, struct member *m)
{
	lease_stop(&m->lease);
	ap_put(&gs->interns, m->join_ap);
	label_put(&gs->interns, m->name);
	free(m);
	gs->n_members--;
}

static void free_group(struct groups *gs, struct group *g)
{
	uint32_t i;

	for (i = 0; i < g->n_members; i++)
		member_free(gs, g->member[i]);
	for (i = 0; i < g->n_subscribers; i++)
		ap_put(&gs->interns, g->subscriber[i].ap);
	lease_stop(&g->grace);
	free(g->member);
	free(g->subscriber);
	free(g);
}

void groups_fini(struct groups *gs)
{
	struct group *g;
	uint32_t pos = 0;

	while ((g = htab_next(&gs->by_name, &pos)))
		free_group(gs, g);
	htab_fini(&gs->by_name);
	leases_fini(&gs->leases);
	interns_fini(&gs->interns);
}

static bool is_named(const void *item, const void *key)
{
	const struct group *g = item;

	return group_name_eq(&g->name, key);
}

struct group *group_find(const struct groups *gs, const struct group_name *name)
{
	return htab_find(&gs->by_name, group_name_hash(name, &gs->hash_key), is_named,
			 name);
}

struct group *group_add(struct groups *gs, const struct group_name *name,
			const struct id *creator, uint8_t policy, uint64_t version,
			int *err)
{
	struct group *g;

	*err = PIAS_EFULL;
	if (gs->by_name.n >= gs->limits.max_groups) {
		count(gs->env, drop_group_full);
		return NULL;
	}
	*err = PIAS_ENOMEM;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->name = *name;
	g->creator = *creator;
	g->policy = policy;
	g->version = version;
	g->hash = group_name_hash(name, &gs->hash_key);
	if (htab_add(&gs->by_name, g->hash, g)) {
		free(g);
		return NULL;
	}
	group_name_key(name, &g->node.key);
	g->node.priority = siphash(&gs->hash_key, &g->node.key, ID_LEN);
	keytree_add(&gs->by_key, &g->node);
	g->grace.kind = LEASE_GROUP;
	lease_set(&gs->leases, &g->grace, gs->env->now + GROUP_GRACE);
	*err = 0;
	return g;
}

void group_del(struct groups *gs, struct group *g)
{
	assert(!g->is_copy_queued && !g->is_push_queued);
	keytree_del(&gs->by_key, &g->node);
	htab_del(&gs->by_name, g->hash, g);
	free_group(gs, g);
}

struct group *group_after(const struct groups *gs, const struct id *key,
			  const struct id *to)
{
	struct keynode *n = keytree_after(&gs->by_key, key);

	if (!n || !id_in_arc(&n->key, key, to))
		return NULL;
	return (struct group *)n;
}

unsigned group_bucket(const struct group *g)
{
	return g->node.key.b[ID_LEN - 1] % DIGEST_BUCKETS;
}

void group_enter_epoch(struct group *g, uint64_t version)
{
	g->version = version_after(version, VERSION_EPOCH);
}

/* The same at every AP; not for secrets, members cannot choose their ids. */
static uint64_t member_digest(const struct group *g, const struct member *m)
{
	static const struct siphash_key key = {0x7069617367726f75, 0x7064696765737431};
	uint64_t w[5] = {id_prefix(&g->node.key), id_prefix(&m->server), m->seq, m->stamp,
			 m->flags};

	return siphash_words(&key, w, 5);
}

void groups_digest(const struct groups *gs, const struct id *from, const struct id *to,
		   uint64_t digest[static DIGEST_BUCKETS], uint32_t *n_groups)
{
	uint32_t i, pos = 0;
	struct group *g;

	memset(digest, 0, DIGEST_BUCKETS * sizeof(*digest));
	*n_groups = 0;
	while ((g = htab_next(&gs->by_name, &pos))) {
		if (!g->n_live || !id_in_arc(&g->node.key, from, to))
			continue;
		(*n_groups)++;
		for (i = 0; i < g->n_members; i++)
			if (!(g->member[i]->flags & MEMBER_GONE))
				digest[group_bucket(g)] ^= member_digest(g, g->member[i]);
	}
}

/* Where @server is, or would be. */
static uint32_t member_place(const struct group *g, const struct id *server)
{
	uint32_t low = 0, high = g->n_members;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (id_cmp(&g->member[mid]->server, server) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct member *member_find(const struct group *g, const struct id *server)
{
	uint32_t i = member_place(g, server);

	if (i == g->n_members || !id_eq(&g->member[i]->server, server))
		return NULL;
	return g->member[i];
}

bool member_is_eligible(const struct member *m)
{
	return (m->flags & (MEMBER_UP | MEMBER_GONE)) == MEMBER_UP;
}

void member_tell(const struct groups *gs, const struct member *m,
		 struct member_record *out)
{
	memset(out, 0, sizeof(*out));
	out->server = m->server;
	out->join_ap = m->join_ap->contact;
	out->coord = m->join_ap->coord;
	strcpy(out->name, m->name->text);
	out->unicast = m->unicast;
	out->cookie = m->cookie;
	out->seq = m->seq;
	out->stamp = m->stamp;
	out->rtt_us = m->rtt_us;
	out->mtu = m->mtu;
	out->encap = m->encap;
	out->flags = m->flags;
	out->left = m->lease.ends > gs->env->now ? m->lease.ends - gs->env->now : 0;
}

/* Keeps grace and n_live right when a member becomes live or a tombstone. */
static void count_live(struct groups *gs, struct group *g, int change)
{
	g->n_live += (uint32_t)change;
	if (g->n_live)
		lease_stop(&g->grace);
	else
		lease_set(&gs->leases, &g->grace, gs->env->now + GROUP_GRACE);
}

static int grow_members(struct group *g)
{
	uint32_t cap = g->members_cap ? g->members_cap + (g->members_cap + 1) / 2 : 1;
	struct member **member;

	if (g->n_members < g->members_cap)
		return 0;
	member = realloc(g->member, cap * sizeof(struct member *));
	if (!member)
		return PIAS_ENOMEM;
	g->member = member;
	g->members_cap = cap;
	return 0;
}

static void forget_member(struct groups *gs, struct member *m)
{
	struct group *g = m->group;
	uint32_t i = member_place(g, &m->server);

	assert(g->member[i] == m);
	g->n_members--;
	memmove(g->member + i, g->member + i + 1,
		(g->n_members - i) * sizeof(struct member *));
	member_free(gs, m);
}

/*
 * Who left does not keep others out: in a full group the tombstone that would go next
 * goes now. (A refresh of its member that is still on its way finds a full group.)
 */
static void make_room(struct groups *gs, struct group *g)
{
	struct member *first = NULL;
	uint32_t i;

	for (i = 0; i < g->n_members && g->n_live < g->n_members; i++) {
		struct member *m = g->member[i];

		if (m->flags & MEMBER_GONE &&
		    (!first || m->lease.ends < first->lease.ends))
			first = m;
	}
	if (first)
		forget_member(gs, first);
}

/* A tombstone of seq 0: older than whatever it is made for. */
static struct member *member_add(struct groups *gs, struct group *g,
				 const struct member_record *r, int *err)
{
	struct member *m;
	uint32_t i;

	if (g->n_members >= gs->limits.max_group_members)
		make_room(gs, g);
	i = member_place(g, &r->server);
	*err = PIAS_EFULL;
	if (gs->n_members >= gs->limits.max_members ||
	    g->n_members >= gs->limits.max_group_members) {
		count(gs->env, drop_member_full);
		return NULL;
	}
	*err = PIAS_ENOMEM;
	m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->join_ap = ap_get(&gs->interns, &r->join_ap, &r->coord);
	if (!m->join_ap)
		goto free_member;
	m->name = label_get(&gs->interns, r->name);
	if (!m->name)
		goto put_ap;
	if (grow_members(g))
		goto put_label;
	memmove(g->member + i + 1, g->member + i,
		(g->n_members - i) * sizeof(struct member *));
	g->member[i] = m;
	g->n_members++;
	gs->n_members++;
	m->group = g;
	m->server = r->server;
	m->flags = MEMBER_GONE;
	m->lease.kind = LEASE_MEMBER;
	*err = 0;
	return m;

put_label:
	label_put(&gs->interns, m->name);
put_ap:
	ap_put(&gs->interns, m->join_ap);
free_member:
	free(m);
	return NULL;
}

static bool is_later(const struct member_record *r, const struct member *m)
{
	int d = member_order(r->seq, r->stamp, m->seq, m->stamp);

	return d > 0 || (d == 0 && (r->flags & ~m->flags & MEMBER_GONE));
}

/* Round-trip times jitter: only a fifth, and a millisecond, is news. */
static bool is_rtt_news(uint32_t was, uint32_t now)
{
	uint32_t d = was > now ? was - now : now - was;

	return d > RTT_NEWS_MIN && d > was / 5;
}

static bool is_news(const struct member *m, const struct member_record *r, bool has_moved)
{
	if (r->flags & m->flags & MEMBER_GONE)
		return false;
	return has_moved || r->flags != m->flags || !addr_eq(&r->unicast, &m->unicast) ||
	       r->cookie != m->cookie || r->mtu != m->mtu || r->encap != m->encap ||
	       is_rtt_news(m->rtt_us, r->rtt_us);
}

/* A new certificate may name another owner. Without memory the old name stays. */
static void rename_owner(struct groups *gs, struct member *m, const char *name)
{
	struct label *l;

	if (!strcmp(m->name->text, name))
		return;
	l = label_get(&gs->interns, name);
	if (!l)
		return;
	label_put(&gs->interns, m->name);
	m->name = l;
}

static void enter(struct groups *gs, struct member *m, const struct member_record *r,
		  struct merge *out)
{
	bool was_gone = m->flags & MEMBER_GONE, is_gone = r->flags & MEMBER_GONE;

	rename_owner(gs, m, r->name);
	m->unicast = r->unicast;
	m->cookie = r->cookie;
	m->seq = r->seq;
	m->stamp = r->stamp;
	m->mtu = r->mtu;
	m->encap = r->encap;
	m->flags = r->flags;
	if (out->kind == MERGE_CHANGED || !m->rtt_us)
		m->rtt_us = r->rtt_us;
	lease_set(&gs->leases, &m->lease, gs->env->now + r->left);
	if (was_gone != is_gone)
		count_live(gs, m->group, was_gone ? 1 : -1);
}

int group_merge(struct groups *gs, struct group *g, const struct member_record *r,
		struct merge *out)
{
	struct member_record now = *r;
	struct member *m = member_find(g, &r->server);
	struct ap *ap;
	int err;

	memset(out, 0, sizeof(*out));
	out->member = m;
	if (m && !is_later(r, m))
		return 0;
	if (!m)
		m = member_add(gs, g, r, &err);
	if (!m)
		return err;
	out->has_moved = !id_eq(&m->join_ap->contact.id, &r->join_ap.id);
	if ((!now.rtt_us && !out->has_moved) || now.flags & MEMBER_GONE)
		now.rtt_us = m->rtt_us;
	out->member = m;
	out->is_new = m->flags & MEMBER_GONE;
	out->was = m->join_ap->contact;
	out->old_rtt_us = m->rtt_us;
	out->kind = is_news(m, &now, out->has_moved) ? MERGE_CHANGED : MERGE_RENEWED;
	ap = ap_get(&gs->interns, &r->join_ap, &r->coord);
	if (!ap)
		return PIAS_ENOMEM; /* not of a member just added: it holds this AP */
	ap_put(&gs->interns, m->join_ap);
	m->join_ap = ap;
	enter(gs, m, &now, out);
	return 0;
}

static void lease_ended(void *ctx, struct lease *l)
{
	struct groups *gs = ctx;
	struct member *m = (struct member *)l;

	if (l->kind == LEASE_GROUP) {
		struct group *g =
			(struct group *)((char *)l - offsetof(struct group, grace));

		gs->ops->abandoned(gs->ctx, g);
		return;
	}
	if (m->flags & MEMBER_GONE) {
		forget_member(gs, m);
		return;
	}
	m->flags |= MEMBER_GONE;
	lease_set(&gs->leases, &m->lease, gs->env->now + TOMBSTONE_TIME);
	count_live(gs, m->group, -1);
	gs->ops->expired(gs->ctx, m->group, m);
}
