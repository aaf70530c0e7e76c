/* `piasctl trace`: the decision of forward.c without its consequences. */
#include <string.h>

#include "forwarder/forward_state.h"

static struct pick_flow flow_of(const struct addr *client, const struct group_name *group)
{
	struct pick_flow flow;

	memset(&flow, 0, sizeof(flow));
	memcpy(flow.src, client->ip, 16);
	memcpy(flow.dst, group->ip, 16);
	flow.family = group->family;
	flow.proto = group->proto;
	flow.sport = client->port;
	flow.dport = group->port;
	return flow;
}

static void trace_route(struct forward *f, const struct addr *client,
			const struct pick_flow *key, const struct route *route,
			struct trace *out)
{
	uint64_t hash = flows_hash(&f->flows, key);
	struct flow *flow = flows_find(&f->flows, f->env->now, hash, key);
	struct choice ch;

	out->step = TRACE_CACHED;
	out->group = route->name;
	choice_pick(&ch, &f->delivery, route, key, client);
	out->sender_skipped = ch.sender_skipped;
	if (flow) {
		const struct target *t =
			choice_of_flow(&f->delivery, route, flow, 0, client);

		out->by_flow = t != NULL;
		if (t)
			ch.target = t;
	}
	if (!ch.target)
		return;
	out->has_target = true;
	out->target = *ch.target;
}

/* As the relay would: what we hold ourselves, else who is to be asked. */
static void trace_unknown(struct forward *f, const struct addr *client,
			  const struct pick_flow *key, const struct group_name *name,
			  struct trace *out)
{
	uint32_t spread = (uint32_t)(flows_hash(&f->flows, key) >> 32);

	out->group = *name;
	out->step = TRACE_LOCAL;
	switch (rendezvous_select(f->rendezvous, name, &overlay_self(f->overlay)->id,
				  overlay_coord(f->overlay), client, spread,
				  &out->target)) {
	case SELECT_OK:
		out->has_target = true;
		return;
	case SELECT_NO_MEMBER:
		return;
	case SELECT_NOT_OURS:
		out->step = TRACE_RENDEZVOUS;
		return;
	case SELECT_NO_GROUP:
		out->step = TRACE_NEGATIVE;
	}
}

static void trace_match(struct forward *f, const struct addr *client,
			const struct group_name *group, struct trace *out)
{
	struct pick_flow key = flow_of(client, group);
	struct group_name wide = group_name_widen(group);
	struct fib_match m;

	fib_match(&f->fib, group, &m);
	if (m.route) {
		trace_route(f, client, &key, m.route, out);
		return;
	}
	if (m.is_negative) {
		out->step = TRACE_NEGATIVE;
		return;
	}
	trace_unknown(f, client, &key, m.unknown, out);
	if (out->step == TRACE_NEGATIVE && !group_name_is_wide(m.unknown))
		trace_unknown(f, client, &key, &wide, out);
}

int forward_trace(struct forward *f, const struct addr *client,
		  const struct group_name *group, struct trace *out)
{
	struct addr to = group_name_addr(group);
	struct id key;
	int err;

	memset(out, 0, sizeof(*out));
	out->group = *group;
	if (!group_name_is_valid(group) || client->family != group->family ||
	    !addr_is_unicast(client))
		return PIAS_EINVALID;
	if (!forward_has_prefix(f, &to)) {
		out->step = TRACE_NO_PREFIX;
		return 0;
	}
	trace_match(f, client, group, out);
	group_name_key(&out->group, &key);
	err = overlay_owner(f->overlay, &key, &out->rendezvous);
	return out->step == TRACE_RENDEZVOUS ? err : 0;
}
