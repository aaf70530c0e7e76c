/* Choosing a member. Nothing here changes but the hint in a flow. */
#include "forwarder/choice.h"

#include "forwarder/pick.h"

#define SCAN_MAX 256 /* targets looked at before we give up on the preferred ones */

static bool is_possible(struct choice *ch, const struct delivery *d,
			const struct target *t, const struct addr *src)
{
	if (!delivery_reaches(d, t)) {
		ch->family_skipped = true;
		return false;
	}
	if (addr_host_eq(&t->to, src)) {
		ch->sender_skipped = true;
		return false;
	}
	return true;
}

void choice_pick(struct choice *ch, const struct delivery *d, const struct route *route,
		 const struct pick_flow *flow, const struct addr *src)
{
	const struct target *t;
	unsigned i;

	*ch = (struct choice){NULL, false, false};
	if (!route->n_targets)
		return;
	t = &route->target[route->slot[pick_slot(pick_hash(&route->key, flow),
						 route->n_slots)]];
	if (is_possible(ch, d, t, src)) {
		ch->target = t;
		return;
	}
	for (i = 0; i < route->n_targets && i < SCAN_MAX; i++) {
		t = &route->target[i];
		if (!t->is_draining && is_possible(ch, d, t, src)) {
			ch->target = t;
			return;
		}
	}
}

static const struct target *find_server(const struct route *route, struct flow *f)
{
	unsigned i;

	if (f->target < route->n_targets &&
	    id_prefix(&route->target[f->target].server) == f->server)
		return &route->target[f->target];
	for (i = 0; i < route->n_targets; i++) {
		if (id_prefix(&route->target[i].server) == f->server) {
			f->target = (uint16_t)i;
			return &route->target[i];
		}
	}
	return NULL;
}

bool choice_knows(const struct route *route, struct flow *f)
{
	return find_server(route, f) != NULL;
}

const struct target *choice_of_flow(const struct delivery *d, const struct route *route,
				    struct flow *f, uint8_t tcp_flags,
				    const struct addr *src)
{
	const struct target *t = find_server(route, f);
	struct choice ch;

	if (!t || !is_possible(&ch, d, t, src))
		return NULL;
	/* A new connection need not go to a server that wants none. */
	if (t->is_draining && tcp_flags & TCP_SYN && f->state != FLOW_ESTABLISHED)
		return NULL;
	return t;
}
