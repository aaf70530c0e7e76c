/*
 * Who reaches which site: on a graph drawn at random, every exit is checked against the
 * rule by which neighbours hand routes on, and the site found is the nearest exit.
 */
#include <string.h>

#include "sim/reach.h"
#include "tests/fixture/suite.h"

#define N_AS  300
#define SITES 70 /* more than a word of bits */

static struct asgraph g;
static struct topology t;
static struct reach_site site[SITES];
static struct reach r;
static struct as_route route[N_AS];

static void setup(void)
{
	bool announces[N_AS] = {false};
	struct rng rng;
	unsigned i;

	rng_init(&rng, 5, RNG_TOPOLOGY, 0);
	ck_assert_int_eq(asgraph_make(&g, N_AS, &rng), 0);
	ck_assert_int_eq(topology_init_world(&t, 5), 0);
	for (i = 0; i < SITES; i++) {
		site[i].as = asgraph_draw_customer(&g, i % AS_REGIONS, &rng);
		site[i].point = topology_add(&t, POINT_SERVER);
		site[i].host = 1000 + i;
		announces[site[i].as] = true;
	}
	ck_assert_int_eq(asgraph_routes(&g, announces, 3, route), 0);
	ck_assert_int_eq(reach_init(&r, &g, site, SITES, 3), 0);
}

static void teardown(void)
{
	reach_fini(&r);
	topology_fini(&t);
	asgraph_free(&g);
}

static const uint64_t *row(uint32_t as)
{
	return r.exits + (size_t)as * r.words;
}

static bool is_subset(const uint64_t *a, const uint64_t *b)
{
	unsigned k;

	for (k = 0; k < r.words; k++)
		if (a[k] & ~b[k])
			return false;
	return true;
}

/* What all neighbours together offer @as that is as good as its best. */
static void offers(uint32_t as, uint64_t *out)
{
	const struct as_node *a = &g.as[as];
	uint32_t i;
	unsigned k;

	memset(out, 0, r.words * sizeof(*out));
	for (i = 0; i < a->n_edges; i++) {
		uint32_t to = a->edge[i].to;
		uint8_t learnt = a->edge[i].rel == REL_CUSTOMER ? 3
				 : a->edge[i].rel == REL_PEER	? 2
								: 1;

		if (!route[to].pref || (learnt > 1 && route[to].pref != 3) ||
		    learnt != route[as].pref || route[to].hops + 1 != route[as].hops)
			continue;
		for (k = 0; k < r.words; k++)
			out[k] |= row(to)[k];
	}
}

START_TEST(test_exits)
{
	uint64_t all[8], none[8] = {0};
	uint32_t as;

	ck_assert_uint_le(r.words, 8);
	for (as = 0; as < N_AS; as++) {
		bool spans = g.as[as].type == AS_T || g.as[as].type == AS_M;

		ck_assert(!is_subset(row(as), none)); /* the graph is connected */
		if (route[as].hops == 0)
			continue;
		offers(as, all);
		ck_assert(is_subset(row(as), all));
		if (spans)
			ck_assert(is_subset(all, row(as)));
	}
}
END_TEST

START_TEST(test_own_site_first)
{
	unsigned i;

	for (i = 0; i < SITES; i++) {
		uint32_t host = reach_find(&r, &t, site[i].as, site[i].point);

		ck_assert_uint_lt(host - 1000, SITES);
		ck_assert_uint_eq(site[host - 1000].as, site[i].as);
	}
}
END_TEST

START_TEST(test_nearest_exit)
{
	uint32_t as;

	for (as = 0; as < N_AS; as++) {
		uint32_t from = topology_add(&t, POINT_CLIENT);
		uint32_t found = reach_find(&r, &t, as, from) - 1000, i;
		uint32_t nearest = reach_nearest(&r, &t, as, from) - 1000;

		ck_assert_uint_lt(found, SITES);
		ck_assert(row(as)[found / 64] >> found % 64 & 1);
		for (i = 0; i < SITES; i++) {
			pias_time d = topology_delay(&t, from, site[i].point);

			if (row(as)[i / 64] >> i % 64 & 1)
				ck_assert_int_le(
					topology_delay(&t, from, site[found].point), d);
			ck_assert_int_le(topology_delay(&t, from, site[nearest].point),
					 d);
		}
	}
}
END_TEST

START_TEST(test_no_site)
{
	struct reach none;

	ck_assert_int_eq(reach_init(&none, &g, NULL, 0, 1), 0);
	ck_assert_uint_eq(reach_find(&none, &t, 0, 0), UINT32_MAX);
	reach_fini(&none);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_exits);
	tcase_add_test(c, test_own_site_first);
	tcase_add_test(c, test_nearest_exit);
	tcase_add_test(c, test_no_site);
}

int main(void)
{
	return suite_main("reach", fill);
}
