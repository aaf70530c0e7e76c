/* Costs and their order. A group of any size is walked once, with a short list. */
#include "rendezvous/select.h"

#include <string.h>

#include "overlay/overlay.h"

uint32_t select_cost(const struct selector *s, const struct id *ingress,
		     const struct coord *coord, const struct ap *join_ap, uint32_t rtt_us)
{
	const struct id *self = &overlay_self(s->overlay)->id;
	const struct id *join = &join_ap->contact.id;
	uint32_t way = 0;

	if (id_eq(ingress, join))
		return rtt_us;
	if (id_eq(ingress, self))
		way = overlay_rtt_us(s->overlay, join, &join_ap->coord);
	else if (id_eq(join, self))
		way = overlay_rtt_us(s->overlay, ingress, coord);
	if (!way)
		way = coord_rtt_us(coord, &join_ap->coord);
	return way > UINT32_MAX - rtt_us ? UINT32_MAX : way + rtt_us;
}

/* Many members share few join APs: each is measured once a walk. */
static uint32_t memo_cost(struct selector *s, const struct id *ingress,
			  const struct coord *coord, const struct member *m)
{
	struct ap *ap = m->join_ap;

	if (ap->memo_tag != s->tag) {
		ap->memo_tag = s->tag;
		ap->memo_us = select_cost(s, ingress, coord, ap, 0);
	}
	return ap->memo_us > UINT32_MAX - m->rtt_us ? UINT32_MAX
						    : ap->memo_us + m->rtt_us;
}

static bool is_before(bool draining_a, uint32_t cost_a, const struct id *id_a,
		      bool draining_b, uint32_t cost_b, const struct id *id_b)
{
	if (draining_a != draining_b)
		return draining_b;
	if (cost_a != cost_b)
		return cost_a < cost_b;
	return id_cmp(id_a, id_b) < 0;
}

static bool ranks_before(const struct ranked *a, const struct ranked *b)
{
	return is_before(a->member->flags & MEMBER_DRAINING, a->cost_us,
			 &a->member->server, b->member->flags & MEMBER_DRAINING,
			 b->cost_us, &b->member->server);
}

unsigned select_nearest(struct selector *s, const struct group *g,
			const struct id *ingress, const struct coord *coord,
			struct ranked *out, unsigned max, uint32_t *n_all)
{
	unsigned n = 0, j;
	uint32_t i;

	s->tag++;
	*n_all = 0;
	for (i = 0; i < g->n_members; i++) {
		struct ranked r = {.member = g->member[i]};

		if (!member_is_eligible(r.member))
			continue;
		++*n_all;
		r.cost_us = memo_cost(s, ingress, coord, r.member);
		if (n == max && !ranks_before(&r, &out[n - 1]))
			continue;
		if (n < max)
			n++;
		for (j = n - 1; j && ranks_before(&r, &out[j - 1]); j--)
			out[j] = out[j - 1];
		out[j] = r;
	}
	return n;
}

void target_fill(struct target *t, const struct member *m, uint32_t cost_us)
{
	memset(t, 0, sizeof(*t));
	t->server = m->server;
	t->join_ap = m->join_ap->contact.id;
	t->to = m->unicast;
	t->cookie = m->cookie;
	t->cost_us = cost_us;
	t->mtu = m->mtu;
	t->encap = m->encap;
	t->is_draining = (m->flags & MEMBER_DRAINING) != 0;
}

bool choice_fill(struct choice *out, struct interns *in, const struct member_record *m)
{
	struct target *t = &out->target;

	out->ap = ap_get(in, &m->join_ap, &m->coord);
	if (!out->ap)
		return false;
	out->rtt_us = m->rtt_us;
	memset(t, 0, sizeof(*t));
	t->server = m->server;
	t->join_ap = m->join_ap.id;
	t->to = m->unicast;
	t->cookie = m->cookie;
	t->mtu = m->mtu;
	t->encap = m->encap;
	t->is_draining = (m->flags & MEMBER_DRAINING) != 0;
	return true;
}

void choices_put(const struct choice *c, unsigned n, struct interns *in)
{
	unsigned i;

	for (i = 0; i < n; i++)
		ap_put(in, c[i].ap);
}

static bool choice_before(const struct choice *a, const struct choice *b)
{
	return is_before(a->target.is_draining, a->target.cost_us, &a->target.server,
			 b->target.is_draining, b->target.cost_us, &b->target.server);
}

static void move_first(struct choice *c, unsigned i)
{
	struct choice first = c[i];

	memmove(c + 1, c, i * sizeof(*c));
	c[0] = first;
}

static bool is_clearly_nearer(uint32_t cost, uint32_t than)
{
	uint32_t margin = than / 100 * STAY_PERCENT;

	return cost < than && than - cost > (margin > STAY_MIN ? margin : STAY_MIN);
}

void choices_sort(struct choice *c, unsigned n, const struct id *current)
{
	unsigned i, j;

	for (i = 1; i < n; i++) {
		struct choice x = c[i];

		for (j = i; j && choice_before(&x, &c[j - 1]); j--)
			c[j] = c[j - 1];
		c[j] = x;
	}
	for (i = 1; current && i < n && !c[i].target.is_draining; i++)
		if (id_eq(&c[i].target.server, current) &&
		    !is_clearly_nearer(c[0].target.cost_us, c[i].target.cost_us))
			move_first(c, i);
}
