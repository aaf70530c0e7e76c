/* Looks into the rendezvous layer; its own file, since both know an AP as struct ap. */
#include "sim/records.h"

#include <string.h>

#include "rendezvous/rendezvous_state.h"

struct records_sizes records_sizes(const struct rendezvous *rv)
{
	return (struct records_sizes){
		.groups = rv->owner.groups.by_name.n,
		.members = rv->owner.groups.n_members,
		.cached = cache_n(rv->cache),
	};
}

bool records_find(const struct rendezvous *rv, const struct group_name *name,
		  struct records_group *out)
{
	const struct group *g = group_find(&rv->owner.groups, name);
	uint32_t i;

	memset(out, 0, sizeof(*out));
	if (!g)
		return false;
	out->n_members = g->n_members;
	out->n_live = g->n_live;
	out->n_subscribers = g->n_subscribers;
	for (i = 0; i < g->n_members; i++)
		if (g->member[i]->lease.ends > out->last_end)
			out->last_end = g->member[i]->lease.ends;
	return true;
}

enum records_member records_member(const struct rendezvous *rv,
				   const struct group_name *name, const struct id *server)
{
	const struct group *g = group_find(&rv->owner.groups, name);
	const struct member *m = g ? member_find(g, server) : NULL;

	if (!m || m->flags & MEMBER_GONE)
		return MEMBER_MISSING;
	return member_is_eligible(m) ? MEMBER_FIT : MEMBER_LISTED;
}

static uint64_t mix(uint64_t hash, const void *data, size_t len)
{
	const struct siphash_key key = {hash, 0};

	return siphash(&key, data, len);
}

uint64_t records_digest(const struct rendezvous *rv, const struct group_name *name,
			uint64_t hash)
{
	const struct group *g = group_find(&rv->owner.groups, name);
	uint32_t i;

	if (!g)
		return hash;
	hash = mix(hash, &g->version, sizeof(g->version));
	for (i = 0; i < g->n_members; i++) {
		const struct member *m = g->member[i];
		pias_time ends = m->lease.ends;

		hash = mix(hash, &m->server, sizeof(m->server));
		hash = mix(hash, &m->seq, sizeof(m->seq));
		hash = mix(hash, &m->stamp, sizeof(m->stamp));
		hash = mix(hash, &m->flags, sizeof(m->flags));
		hash = mix(hash, &ends, sizeof(ends));
	}
	return hash;
}
