/*
 * Drawing a trial. Which kinds of faults and operations occur at all is drawn too:
 * runs that lack some of them find more (Groce et al., ISSTA 2012). What is drawn is
 * rounded as it is written, so that a saved plan is the drawn one.
 */
#include "sim/plan.h"

#include <stdlib.h>
#include <string.h>

#define DRAWN_OPS_MAX 80

static unsigned draw_size(struct rng *r, unsigned max)
{
	/* Small rings are the hard cases: half of all runs have up to 10 APs. */
	return 1 +
	       (unsigned)rng_below(r, rng_chance(r, 0.5) ? (max < 10 ? max : 10) : max);
}

/* In thousandths. */
static double draw_part(struct rng *r, double max)
{
	return (double)rng_below(r, (uint64_t)(max * 1000) + 1) / 1000.0;
}

static double draw_rate(struct rng *r, double max)
{
	return rng_chance(r, 0.5) ? 0 : draw_part(r, max);
}

static void draw_rates(struct rng *r, struct fault_rates *f)
{
	f->loss = draw_rate(r, 0.2);
	f->duplicate = draw_rate(r, 0.2);
	f->reorder = draw_rate(r, 0.3);
	f->corrupt = draw_rate(r, 0.05);
	f->truncate = draw_rate(r, 0.05);
	f->jitter = draw_rate(r, 0.5);
}

static void draw_crowd(struct rng *r, struct plan *p)
{
	p->n_aps = draw_size(r, PLAN_APS_MAX);
	p->n_servers = (uint32_t)rng_below(r, PLAN_SERVERS_MAX / 2);
	p->n_groups = 1 + (uint32_t)rng_below(r, PLAN_GROUPS_MAX);
	p->n_late_aps = rng_chance(r, 0.3) ? (uint32_t)rng_below(r, p->n_aps) : 0;
	p->n_late_servers =
		rng_chance(r, 0.3) ? (uint32_t)rng_below(r, p->n_servers + 1) : 0;
	p->wide = rng_chance(r, 0.5) ? 0.25 : draw_part(r, 1);
	p->ipv6 = rng_chance(r, 0.5) ? 0 : draw_part(r, 1);
	p->gue = draw_part(r, 1);
	p->both = rng_chance(r, 0.5) ? 0 : draw_part(r, 1);
}

/* Mostly ample; else anything from far too small. */
static uint32_t draw_limit(struct rng *r, double p_small, uint32_t small, uint32_t ample)
{
	return rng_chance(r, p_small) ? 1 + (uint32_t)rng_below(r, small) : ample;
}

static void draw_limits(struct rng *r, struct plan *p)
{
	bool is_tight = rng_chance(r, 0.15);
	double p_small = is_tight ? 0.4 : 0;

	p->max_groups = draw_limit(r, p_small, PLAN_GROUPS_MAX, 1000);
	p->max_members = draw_limit(r, p_small, PLAN_SERVERS_MAX, 1000);
	p->max_group_members = draw_limit(r, p_small, 4, 1000);
	p->max_servers = draw_limit(r, p_small, 4, 1000);
	p->max_cached = draw_limit(r, 0.2, 8, 1000);
	p->max_flows = 8 + draw_limit(r, 0.2, 64, 8192);
}

static void draw_aps(struct rng *r, struct plan *p)
{
	static const uint8_t replicas[] = {1, 2, 3, 3, 3, 3, 3, 3, 4, 8};

	p->n_replicas = replicas[rng_below(r, sizeof(replicas))];
	p->table = TABLE_FULL;
	p->drift_ppm = rng_chance(r, 0.5) ? 0 : (uint32_t)rng_below(r, 2000);
	p->has_clock_leaps = rng_chance(r, 0.3);
	draw_limits(r, p);
}

static uint32_t draw_arg(struct rng *r, enum op_kind kind)
{
	switch (kind) {
	case OP_PARTITION:
		return 5 + (uint32_t)rng_below(r, 60);
	case OP_SLOW:
		return 2 + (uint32_t)rng_below(r, 50);
	case OP_CLOG:
	case OP_PAUSE:
		return 50 + (uint32_t)rng_below(r, rng_chance(r, 0.7) ? 3000 : 20000);
	case OP_SWIZZLE:
		return 500 + (uint32_t)rng_below(r, 8000);
	case OP_REGION:
		return 5 + (uint32_t)rng_below(r, 45);
	case OP_TWIN:
		return 500 + (uint32_t)rng_below(r, 20000);
	case OP_AP_CRASH:
	case OP_AP_POWER_CUT:
	case OP_AP_START:
	case OP_AP_LEAVE:
	case OP_SERVER_CRASH:
	case OP_SERVER_START:
	case OP_SERVER_LEAVE:
	case OP_RESET:
	case OP_CROWD:
	case OP_FORGERY:
	case OP_REROUTE:
	case OP_HEAL:
	case N_OP_KINDS:
		break;
	}
	return 0;
}

static int op_order(const void *a, const void *b)
{
	const struct op *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static void draw_ops(struct rng *r, struct plan *p)
{
	unsigned n = (unsigned)rng_below(r, DRAWN_OPS_MAX), i;
	bool is_on[N_OP_KINDS];

	for (i = 0; i < N_OP_KINDS; i++)
		is_on[i] = rng_chance(r, 0.6);
	for (i = 0; i < n; i++) {
		struct op *op = &p->op[p->n_ops];

		op->kind = (enum op_kind)rng_below(r, N_OP_KINDS);
		op->at = PLAN_FORM_TIME +
			 (pias_time)rng_below(r, (uint64_t)(p->unsafe / MSEC)) * MSEC;
		op->target = (uint32_t)rng_below(r, PLAN_APS_MAX);
		op->arg = draw_arg(r, op->kind);
		p->n_ops += is_on[op->kind];
	}
	qsort(p->op, p->n_ops, sizeof(p->op[0]), op_order);
}

void plan_draw(struct plan *p, uint64_t seed)
{
	struct rng r;

	memset(p, 0, sizeof(*p));
	p->seed = seed;
	rng_init(&r, seed, RNG_WORKLOAD, 0);
	draw_crowd(&r, p);
	draw_aps(&r, p);
	p->unsafe = (pias_time)(20 + rng_below(&r, 60)) * SEC;
	draw_rates(&r, &p->rates);
	draw_ops(&r, p);
}

bool plan_is_tight(const struct plan *p)
{
	/* A server that starts anew may stand in a group twice: as a tombstone. */
	uint32_t memberships = 2 * p->n_servers;

	return p->max_groups < p->n_groups || p->max_members < memberships ||
	       p->max_group_members < p->n_servers || p->max_servers < memberships;
}
