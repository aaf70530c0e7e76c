/*
 * The generator and the route computation. Routes: three passes, each in order of
 * hops. Announcements climb from customers to providers; then cross one peering; then
 * descend to customers. Each AS keeps the shortest route of its best class and tells
 * only what Gao and Rexford's rules allow, so every path found is valley-free.
 */
#include "sim/asgraph.h"

#include <stdlib.h>
#include <string.h>

#include "overlay/base/siphash.h"

static int add_half(struct as_node *a, uint32_t to, enum as_rel rel)
{
	if (a->n_edges == a->cap_edges) {
		uint32_t cap = a->cap_edges ? 2 * a->cap_edges : 4;
		struct as_edge *e = realloc(a->edge, cap * sizeof(*e));

		if (!e)
			return PIAS_ENOMEM;
		a->edge = e;
		a->cap_edges = cap;
	}
	a->edge[a->n_edges++] = (struct as_edge){.to = to, .rel = (uint8_t)rel};
	return 0;
}

static bool are_adjacent(const struct asgraph *g, uint32_t a, uint32_t b)
{
	const struct as_node *x = &g->as[a];
	uint32_t i;

	for (i = 0; i < x->n_edges; i++)
		if (x->edge[i].to == b)
			return true;
	return false;
}

static int link_ases(struct asgraph *g, uint32_t a, uint32_t b, enum as_rel rel)
{
	int err = add_half(&g->as[a], b, rel);

	if (err)
		return err;
	if (rel == REL_PROVIDER)
		g->as[b].n_customers++;
	return add_half(&g->as[b], a, rel == REL_PEER ? REL_PEER : REL_CUSTOMER);
}

/* A whole number with that mean, at least @least: what lies beyond it, geometrically. */
static unsigned draw_degree(struct rng *r, double mean, unsigned least)
{
	unsigned d = least;
	double rest = mean - least;

	if (rest <= 0)
		return d;
	while (rng_chance(r, rest / (1.0 + rest)))
		d++;
	return d;
}

/*
 * A provider for @as among [lo, hi): shares a region, in proportion to the customers
 * it has already. AS_NONE where none fits.
 */
static uint32_t draw_provider(const struct asgraph *g, uint32_t as, uint32_t lo,
			      uint32_t hi, struct rng *r)
{
	uint64_t sum = 0, at;
	uint32_t i;
	int pass;

	for (pass = 0, at = 0; pass < 2; pass++) {
		for (i = lo, sum = 0; i < hi; i++) {
			if (i == as || !(g->as[i].regions & g->as[as].regions) ||
			    are_adjacent(g, as, i))
				continue;
			sum += 1 + g->as[i].n_customers;
			if (pass && at < sum)
				return i;
		}
		if (!sum)
			return AS_NONE;
		at = pass ? at : rng_below(r, sum);
	}
	return AS_NONE;
}

static int attach(struct asgraph *g, uint32_t as, unsigned n, double p_tier1,
		  uint32_t n_t, uint32_t n_m_end, struct rng *r)
{
	while (n--) {
		bool tier1 = n_m_end <= n_t || rng_chance(r, p_tier1);
		uint32_t to = tier1 ? draw_provider(g, as, 0, n_t, r)
				    : draw_provider(g, as, n_t, n_m_end, r);
		int err;

		if (to == AS_NONE)
			to = draw_provider(g, as, 0, n_t, r);
		if (to == AS_NONE)
			break;
		err = link_ases(g, as, to, REL_PROVIDER);
		if (err)
			return err;
	}
	return 0;
}

static int add_peers(struct asgraph *g, uint32_t as, unsigned n, uint32_t lo, uint32_t hi,
		     struct rng *r)
{
	unsigned tries;

	for (tries = 4 * n; n && tries && hi > lo; tries--) {
		uint32_t to = lo + (uint32_t)rng_below(r, hi - lo);
		int err;

		if (to == as || !(g->as[to].regions & g->as[as].regions) ||
		    are_adjacent(g, as, to))
			continue;
		err = link_ases(g, as, to, REL_PEER);
		if (err)
			return err;
		n--;
	}
	return 0;
}

static uint8_t draw_regions(struct rng *r, double p_second)
{
	uint8_t mask = (uint8_t)(1u << rng_below(r, AS_REGIONS));

	if (rng_chance(r, p_second))
		mask |= (uint8_t)(1u << rng_below(r, AS_REGIONS));
	return mask;
}

static int add_clique(struct asgraph *g, uint32_t n_t)
{
	uint32_t i, j;
	int err;

	for (i = 0; i < n_t; i++) {
		g->as[i].type = AS_T;
		g->as[i].regions = (1u << AS_REGIONS) - 1;
		for (j = 0; j < i; j++) {
			err = link_ases(g, i, j, REL_PEER);
			if (err)
				return err;
		}
	}
	return 0;
}

/* Degrees and probabilities as the paper's "baseline" model has them for @n. */
static int grow(struct asgraph *g, struct rng *r)
{
	double n = g->n;
	uint32_t n_t = g->n >= 100 ? 5 : 3, n_m = (uint32_t)(0.15 * n),
		 n_cp = (uint32_t)(0.05 * n), m_end = n_t + n_m, cp_end = m_end + n_cp, i;
	int err = add_clique(g, n_t);

	for (i = n_t; !err && i < m_end; i++) {
		g->as[i].type = AS_M;
		g->as[i].regions = draw_regions(r, 0.2);
		err = attach(g, i, draw_degree(r, 2 + 2.5 * n / 10000, 1), 0.375, n_t, i,
			     r);
		if (!err)
			err = add_peers(g, i, draw_degree(r, 1 + 2 * n / 10000, 0), n_t,
					i, r);
	}
	for (; !err && i < cp_end; i++) {
		g->as[i].type = AS_CP;
		g->as[i].regions = draw_regions(r, 0.05);
		err = attach(g, i, draw_degree(r, 2 + 1.5 * n / 10000, 1), 0.375, n_t,
			     m_end, r);
		if (!err)
			err = add_peers(g, i, draw_degree(r, 0.2 + 2 * n / 10000, 0), n_t,
					m_end, r);
		if (!err)
			err = add_peers(g, i, draw_degree(r, 0.05 + 2 * n / 100000, 0),
					m_end, i, r);
	}
	for (; !err && i < g->n; i++) {
		g->as[i].type = AS_C;
		g->as[i].regions = draw_regions(r, 0);
		err = attach(g, i, draw_degree(r, 1 + 5 * n / 100000, 1), 0.125, n_t,
			     m_end, r);
	}
	return err;
}

int asgraph_make(struct asgraph *g, uint32_t n, struct rng *r)
{
	int err;

	memset(g, 0, sizeof(*g));
	if (n < 20 || n > 100000)
		return PIAS_EINVALID;
	g->as = calloc(n, sizeof(*g->as));
	if (!g->as)
		return PIAS_ENOMEM;
	g->n = n;
	g->salt = rng_u64(r);
	err = grow(g, r);
	if (err)
		asgraph_free(g);
	return err;
}

void asgraph_free(struct asgraph *g)
{
	uint32_t i;

	for (i = 0; i < g->n; i++)
		free(g->as[i].edge);
	free(g->as);
	memset(g, 0, sizeof(*g));
}

uint32_t asgraph_draw_customer(const struct asgraph *g, unsigned region, struct rng *r)
{
	uint32_t first = 0, i, n = 0;
	uint64_t at;

	while (first < g->n && g->as[first].type != AS_C)
		first++;
	for (i = first; i < g->n; i++)
		n += g->as[i].regions >> region & 1;
	if (!n)
		return first + (uint32_t)rng_below(r, g->n - first);
	at = rng_below(r, n);
	for (i = first;; i++)
		if (g->as[i].regions >> region & 1 && !at--)
			return i;
}

/* --- routes -------------------------------------------------------------- */

#define HOPS_MAX 64

enum {
	PREF_NONE,
	PREF_PROVIDER,
	PREF_PEER,
	PREF_CUSTOMER,
};

struct search {
	const struct asgraph *g;
	struct as_route *out;
	uint32_t *via; /* the neighbour each route was learnt from */
	uint64_t epoch;
};

/* Does @as like @a better than @b among equals? Its own taste, for this epoch. */
static bool prefers(const struct asgraph *g, uint64_t epoch, uint32_t as, uint32_t a,
		    uint32_t b)
{
	struct siphash_key key = {g->salt, epoch};
	uint64_t wa[2] = {as, a}, wb[2] = {as, b};

	return siphash_words(&key, wa, 2) < siphash_words(&key, wb, 2);
}

/* @from tells @to its route. */
static void offer(struct search *s, uint32_t from, uint32_t to, uint8_t learn_as)
{
	struct as_route *have = &s->out[to], r = s->out[from];

	r.hops++;
	r.pref = learn_as;
	if (have->pref != r.pref ? have->pref > r.pref : have->hops < r.hops)
		return;
	if (have->pref == r.pref && have->hops == r.hops &&
	    (s->via[to] == AS_NONE || !prefers(s->g, s->epoch, to, from, s->via[to])))
		return;
	*have = r;
	s->via[to] = from;
}

static void tell(struct search *s, uint32_t as, enum as_rel rel, uint8_t learn_as)
{
	const struct as_node *a = &s->g->as[as];
	uint32_t i;

	for (i = 0; i < a->n_edges; i++)
		if (a->edge[i].rel == rel)
			offer(s, as, a->edge[i].to, learn_as);
}

/* All with a route of class @least or better tell their neighbours, nearest first. */
static void spread(struct search *s, uint8_t least, enum as_rel rel, uint8_t learn_as)
{
	uint32_t as;
	uint16_t hops;

	for (hops = 0; hops < HOPS_MAX; hops++)
		for (as = 0; as < s->g->n; as++)
			if (s->out[as].pref >= least && s->out[as].hops == hops)
				tell(s, as, rel, learn_as);
}

int asgraph_routes(const struct asgraph *g, const bool *announces, uint64_t epoch,
		   struct as_route *out)
{
	struct search s = {.g = g, .out = out, .epoch = epoch};
	uint32_t as;

	s.via = malloc(g->n * sizeof(*s.via));
	if (!s.via)
		return PIAS_ENOMEM;
	for (as = 0; as < g->n; as++) {
		s.via[as] = AS_NONE;
		out[as] = (struct as_route){.origin = AS_NONE};
		if (announces[as])
			out[as] = (struct as_route){.origin = as, .pref = PREF_CUSTOMER};
	}
	spread(&s, PREF_CUSTOMER, REL_PROVIDER, PREF_CUSTOMER);
	spread(&s, PREF_CUSTOMER, REL_PEER, PREF_PEER);
	spread(&s, PREF_PROVIDER, REL_CUSTOMER, PREF_PROVIDER);
	free(s.via);
	return 0;
}

/* --- exits ---------------------------------------------------------------- */

/* Would @as take the route of its neighbour over @e as its own best? */
static bool is_exit(const struct as_route *route, uint32_t as, const struct as_edge *e)
{
	const struct as_route *mine = &route[as], *theirs = &route[e->to];
	static const uint8_t rel_of[] = {
		[PREF_PROVIDER] = REL_PROVIDER,
		[PREF_PEER] = REL_PEER,
		[PREF_CUSTOMER] = REL_CUSTOMER,
	};

	if (e->rel != rel_of[mine->pref] || theirs->hops + 1 != mine->hops)
		return false;
	return mine->pref == PREF_PROVIDER ? theirs->pref != PREF_NONE
					   : theirs->pref == PREF_CUSTOMER;
}

static void choose_exits(const struct asgraph *g, const struct as_route *route,
			 uint64_t epoch, uint32_t as, uint64_t *out, unsigned words)
{
	const struct as_node *a = &g->as[as];
	bool spans = a->type == AS_T || a->type == AS_M;
	uint32_t i, one = AS_NONE;
	unsigned k;

	for (i = 0; i < a->n_edges; i++) {
		uint32_t to = a->edge[i].to;

		if (!is_exit(route, as, &a->edge[i]))
			continue;
		if (!spans && (one == AS_NONE || prefers(g, epoch, as, to, one)))
			one = to;
		for (k = 0; spans && k < words; k++)
			out[(size_t)as * words + k] |= out[(size_t)to * words + k];
	}
	if (one != AS_NONE)
		memcpy(out + (size_t)as * words, out + (size_t)one * words,
		       words * sizeof(*out));
}

void asgraph_exits(const struct asgraph *g, const struct as_route *route, uint64_t epoch,
		   uint64_t *out, unsigned words)
{
	uint32_t as;
	uint16_t hops;
	int pref;

	/* A row depends on shorter routes of its class or a better one only. */
	for (pref = PREF_CUSTOMER; pref > PREF_NONE; pref--)
		for (hops = 1; hops < HOPS_MAX; hops++)
			for (as = 0; as < g->n; as++)
				if (route[as].pref == pref && route[as].hops == hops)
					choose_exits(g, route, epoch, as, out, words);
}
