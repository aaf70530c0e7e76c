/*
 * The AS graph and its routes: checked against an independent computation (a fixpoint
 * of single announcements) on small graphs, and for shape on large ones.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/asgraph.h"
#include "tests/fixture/suite.h"

static struct asgraph make(uint32_t n, uint64_t seed)
{
	struct asgraph g;
	struct rng r;

	rng_init(&r, seed, RNG_TOPOLOGY, 0);
	ck_assert_int_eq(asgraph_make(&g, n, &r), 0);
	return g;
}

/* The best of what @as's neighbours would tell it now. */
static struct as_route best_offer(const struct asgraph *g, const struct as_route *now,
				  uint32_t as)
{
	struct as_route best = {.origin = AS_NONE};
	uint32_t i;

	for (i = 0; i < g->as[as].n_edges; i++) {
		const struct as_edge *e = &g->as[as].edge[i];
		struct as_route r = now[e->to];
		uint8_t learn = e->rel == REL_CUSTOMER ? 3 : e->rel == REL_PEER ? 2 : 1;

		/* A neighbour tells peers and providers customer routes only. */
		if (!r.pref || (learn > 1 && r.pref != 3))
			continue;
		r.pref = learn;
		r.hops++;
		if (r.pref > best.pref || (r.pref == best.pref && r.hops < best.hops))
			best = r;
	}
	return best;
}

/* Everybody chooses anew from what the others chose last, until nobody changes. */
static void settle(const struct asgraph *g, const bool *announces, struct as_route *out)
{
	struct as_route *next = calloc(g->n, sizeof(*next));
	bool changed = true;
	uint32_t as;

	for (as = 0; as < g->n; as++)
		out[as] = (struct as_route){.origin = AS_NONE,
					    .pref = announces[as] ? 3 : 0};
	while (changed) {
		changed = false;
		for (as = 0; as < g->n; as++) {
			next[as] = announces[as] ? out[as] : best_offer(g, out, as);
			changed |= next[as].pref != out[as].pref ||
				   next[as].hops != out[as].hops;
		}
		memcpy(out, next, g->n * sizeof(*out));
	}
	free(next);
}

START_TEST(test_routes_are_bgps)
{
	struct asgraph g = make(60 + 20 * (uint32_t)_i, 100 + (uint64_t)_i);
	struct as_route *got = calloc(g.n, sizeof(*got)),
			*want = calloc(g.n, sizeof(*want));
	bool *announces = calloc(g.n, sizeof(*announces));
	struct rng r;
	uint32_t as, n;

	rng_init(&r, (uint64_t)_i, RNG_WORKLOAD, 0);
	for (n = 0; n < 4; n++)
		announces[rng_below(&r, g.n)] = true;
	settle(&g, announces, want);
	ck_assert_int_eq(asgraph_routes(&g, announces, 5, got), 0);
	for (as = 0; as < g.n; as++) {
		ck_assert_uint_eq(got[as].pref, want[as].pref);
		ck_assert_uint_eq(got[as].hops, want[as].hops);
		ck_assert(got[as].pref == 0 || announces[got[as].origin]);
	}
	free(got);
	free(want);
	free(announces);
	asgraph_free(&g);
}
END_TEST

START_TEST(test_shape)
{
	struct asgraph g = make(2000, 3);
	uint32_t as, degree_max = 0, reached = 0;
	struct as_route *out = calloc(g.n, sizeof(*out));
	bool *announces = calloc(g.n, sizeof(*announces));

	announces[g.n - 1] = true;
	ck_assert_int_eq(asgraph_routes(&g, announces, 0, out), 0);
	for (as = 0; as < g.n; as++) {
		reached += out[as].pref != 0;
		if (g.as[as].n_edges > degree_max)
			degree_max = g.as[as].n_edges;
	}
	ck_assert_uint_eq(reached, g.n);    /* everybody buys transit from somebody */
	ck_assert_uint_gt(degree_max, 100); /* preferential attachment has hubs */
	free(out);
	free(announces);
	asgraph_free(&g);
}
END_TEST

/* Another epoch moves some ASes to an equally good origin, never to a worse route. */
START_TEST(test_epochs)
{
	struct asgraph g = make(500, 9);
	struct as_route *a = calloc(g.n, sizeof(*a)), *b = calloc(g.n, sizeof(*b));
	bool *announces = calloc(g.n, sizeof(*announces));
	uint32_t as, moved = 0;

	announces[100] = announces[300] = announces[450] = true;
	ck_assert_int_eq(asgraph_routes(&g, announces, 1, a), 0);
	ck_assert_int_eq(asgraph_routes(&g, announces, 2, b), 0);
	for (as = 0; as < g.n; as++) {
		ck_assert_uint_eq(a[as].pref, b[as].pref);
		ck_assert_uint_eq(a[as].hops, b[as].hops);
		moved += a[as].origin != b[as].origin;
	}
	ck_assert_uint_gt(moved, 0);
	ck_assert_uint_lt(moved, g.n / 2);
	free(a);
	free(b);
	free(announces);
	asgraph_free(&g);
}
END_TEST

START_TEST(test_sizes)
{
	struct asgraph g;
	struct rng r;

	rng_init(&r, 1, RNG_TOPOLOGY, 0);
	ck_assert_int_eq(asgraph_make(&g, 19, &r), PIAS_EINVALID);
	ck_assert_int_eq(asgraph_make(&g, 100001, &r), PIAS_EINVALID);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_loop_test(c, test_routes_are_bgps, 0, 10);
	tcase_add_test(c, test_shape);
	tcase_add_test(c, test_epochs);
	tcase_add_test(c, test_sizes);
}

int main(void)
{
	return suite_main("asgraph", fill);
}
