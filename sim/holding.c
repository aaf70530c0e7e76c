/* The insides of rendezvous APs, and copies of them on the scales. */
#include "sim/holding.h"

#include <stdlib.h>

#include "rendezvous/rendezvous_state.h"
#include "sim/meter.h"
#include "sim/rng.h"

static const struct groups *groups_of(const struct rendezvous *rv)
{
	return &rv->owner.groups;
}

void holding_each(const struct rendezvous *rv, const struct group_name *group,
		  void (*fn)(void *ctx, const struct id *server), void *ctx)
{
	const struct group *g = group_find(groups_of(rv), group);
	uint32_t i;

	for (i = 0; g && i < g->n_members; i++)
		if (!(g->member[i]->flags & MEMBER_GONE))
			fn(ctx, &g->member[i]->server);
}

uint64_t holding_entries(const struct rendezvous *rv)
{
	const struct group *g;
	uint64_t n = 0;
	uint32_t pos = 0;

	while ((g = htab_next(&groups_of(rv)->by_name, &pos)))
		n += g->n_live;
	return n;
}

/* --- copies ------------------------------------------------------------------------- */

static void no_expired(void *ctx, struct group *g, struct member *m)
{
}

static void no_abandoned(void *ctx, struct group *g)
{
}

static void draw(void *host, void *buf, size_t len)
{
	rng_fill(host, buf, len);
}

static const struct groups_ops no_ops = {no_expired, no_abandoned};
static const struct env_ops draw_only = {.random = draw};

static uint32_t copy_groups(struct groups *to, const struct groups *from)
{
	const struct group *g;
	uint32_t pos = 0;
	int err;

	while ((g = htab_next(&from->by_name, &pos)))
		if (!group_add(to, &g->name, &g->creator, g->policy, g->version, &err))
			abort();
	return to->by_name.n;
}

/* Referred to as often as by the members to come, which then take that over. */
static uint32_t copy_join_aps(struct groups *to, const struct groups *from)
{
	struct member_record r;
	const struct group *g;
	uint32_t i, pos = 0;

	while ((g = htab_next(&from->by_name, &pos)))
		for (i = 0; i < g->n_members; i++) {
			member_tell(from, g->member[i], &r);
			if (!ap_get(&to->interns, &r.join_ap, &r.coord))
				abort();
		}
	return to->interns.aps.n;
}

static uint32_t copy_members(struct groups *to, const struct groups *from)
{
	struct member_record r;
	const struct group *g;
	struct merge c;
	uint32_t i, pos = 0;

	while ((g = htab_next(&from->by_name, &pos)))
		for (i = 0; i < g->n_members; i++) {
			member_tell(from, g->member[i], &r);
			if (group_merge(to, group_find(to, &g->name), &r, &c))
				abort();
			ap_put(&to->interns, c.member->join_ap);
		}
	return to->n_members;
}

/* One step for all of them: how many there are now, and what they have added. */
static double copy_all(struct groups *to, struct rendezvous *const *rv, unsigned n,
		       uint32_t (*copy)(struct groups *to, const struct groups *from),
		       uint32_t *n_all)
{
	size_t before = meter_read().allocated;
	unsigned i;

	for (i = 0, *n_all = 0; i < n; i++)
		*n_all += copy(&to[i], groups_of(rv[i]));
	return (double)(meter_read().allocated - before);
}

static double each(double bytes, uint32_t n)
{
	return n ? bytes / n : 0;
}

void holding_weigh(struct rendezvous *const *rv, unsigned n, pias_time now,
		   struct weight *out)
{
	struct groups *copy = calloc(n + 1, sizeof(*copy));
	uint32_t n_groups, n_aps, n_members;
	double groups, aps, members;
	struct rng rng;
	struct env env;
	unsigned i;

	if (!copy)
		abort();
	rng_init(&rng, 0, RNG_WORKLOAD, 0);
	env_init(&env, &draw_only, &rng);
	env.now = now;
	for (i = 0; i < n; i++)
		groups_init(&copy[i], &env, &groups_of(rv[i])->limits, &no_ops, NULL);
	groups = copy_all(copy, rv, n, copy_groups, &n_groups);
	aps = copy_all(copy, rv, n, copy_join_aps, &n_aps);
	members = copy_all(copy, rv, n, copy_members, &n_members);
	*out = (struct weight){
		.group_bytes = each(groups, n_groups),
		.join_ap_bytes = each(aps, n_aps),
		.entry_bytes = each(members, n_members),
		.all_bytes = each(aps + members, n_members),
	};
	for (i = 0; i < n; i++)
		groups_fini(&copy[i]);
	env_fini(&env);
	free(copy);
}
