/* Nearest members against sorting all of them; when an ingress AP changes its mind. */
#include "overlay/overlay.h"
#include "rendezvous/select.h"
#include "tests/fixture/rng.h"
#include "tests/fixture/suite.h"

#define N_MEMBERS 120
#define N_APS	  9

/* Stands in for the overlay: the coordinates say it all, but for one measured pair. */
struct overlay {
	struct contact self;
	struct id measured;
	uint32_t measured_us;
};

const struct contact *overlay_self(const struct overlay *o)
{
	return &o->self;
}

uint32_t overlay_rtt_us(const struct overlay *o, const struct id *id,
			const struct coord *coord)
{
	return id_eq(id, &o->measured) ? o->measured_us : 0;
}

static struct overlay overlay;
static struct selector selector = {.overlay = &overlay};
static struct ap ap[N_APS];
static struct member member[N_MEMBERS];
static struct member *list[N_MEMBERS];
static struct group group = {.member = list};

static void setup(void)
{
	struct rng r = {.s = 5};
	unsigned i;

	memset(&overlay, 0, sizeof(overlay));
	memset(&overlay.self.id, 0xee, ID_LEN);
	for (i = 0; i < N_APS; i++) {
		rng_fill(&r, &ap[i].contact.id, ID_LEN);
		coord_init(&ap[i].coord);
		ap[i].coord.vec[0] = (float)rng_below(&r, 100) / 1000;
		ap[i].coord.vec[1] = (float)rng_below(&r, 100) / 1000;
	}
	for (i = 0; i < N_MEMBERS; i++) {
		memset(&member[i], 0, sizeof(member[i]));
		member[i].server.b[0] = (uint8_t)i;
		member[i].join_ap = &ap[rng_below(&r, N_APS)];
		member[i].rtt_us = rng_below(&r, 3) * 5000; /* with ties */
		member[i].flags = rng_below(&r, 6) ? MEMBER_UP : 0;
		if (!rng_below(&r, 5))
			member[i].flags |= MEMBER_DRAINING;
		if (!rng_below(&r, 9))
			member[i].flags |= MEMBER_GONE;
		list[i] = &member[i];
	}
}

static struct id in_id;
static struct coord in_coord;

static int by_rank(const void *a, const void *b)
{
	const struct member *x = *(struct member *const *)a,
			    *y = *(struct member *const *)b;
	int drain = (x->flags & MEMBER_DRAINING) - (y->flags & MEMBER_DRAINING);
	uint64_t cx = coord_rtt_us(&in_coord, &x->join_ap->coord) + x->rtt_us;
	uint64_t cy = coord_rtt_us(&in_coord, &y->join_ap->coord) + y->rtt_us;

	if (drain)
		return drain;
	if (cx != cy)
		return cx < cy ? -1 : 1;
	return id_cmp(&x->server, &y->server);
}

START_TEST(test_against_sorting)
{
	struct member *want[N_MEMBERS];
	struct ranked got[16];
	struct rng r = {.s = (uint64_t)_i};
	unsigned i, n = 0, max = rng_below(&r, 16) + 1;
	uint32_t n_all;

	coord_init(&in_coord);
	in_coord.vec[0] = (float)rng_below(&r, 100) / 1000;
	rng_fill(&r, &in_id, ID_LEN);
	group.n_members = rng_below(&r, N_MEMBERS);
	for (i = 0; i < group.n_members; i++)
		if ((member[i].flags & MEMBER_UP) && !(member[i].flags & MEMBER_GONE))
			want[n++] = &member[i];
	qsort(want, n, sizeof(*want), by_rank);
	ck_assert_uint_eq(
		select_nearest(&selector, &group, &in_id, &in_coord, got, max, &n_all),
		n < max ? n : max);
	ck_assert_uint_eq(n_all, n);
	for (i = 0; i < n && i < max; i++) {
		ck_assert_ptr_eq(got[i].member, want[i]);
		ck_assert_uint_eq(got[i].cost_us,
				  coord_rtt_us(&in_coord, &want[i]->join_ap->coord) +
					  want[i]->rtt_us);
	}
}
END_TEST

START_TEST(test_cost)
{
	struct coord here = ap[1].coord;

	/* Its own servers are as far as they are. */
	ck_assert_uint_eq(select_cost(&selector, &ap[0].contact.id, &here, &ap[0], 700),
			  700);
	/* Measured, where we are one of the two. */
	overlay.measured = ap[0].contact.id;
	overlay.measured_us = 4000;
	ck_assert_uint_eq(select_cost(&selector, &overlay.self.id, &here, &ap[0], 700),
			  4700);
	ap[2].contact.id = overlay.self.id;
	ck_assert_uint_eq(select_cost(&selector, &ap[0].contact.id, &here, &ap[2], 700),
			  4700);
	/* Else predicted. */
	ck_assert_uint_eq(select_cost(&selector, &ap[1].contact.id, &here, &ap[0], 700),
			  coord_rtt_us(&here, &ap[0].coord) + 700);
	ck_assert_uint_eq(
		select_cost(&selector, &overlay.self.id, &here, &ap[3], UINT32_MAX),
		UINT32_MAX);
}
END_TEST

static struct choice choice(uint8_t id, uint32_t cost_us, bool is_draining)
{
	struct choice c;

	memset(&c, 0, sizeof(c));
	c.target.server.b[0] = id;
	c.target.cost_us = cost_us;
	c.target.is_draining = is_draining;
	return c;
}

/* Staying with server 1 at @cost when server 2 comes at @other. */
START_TEST(test_staying)
{
	static const struct {
		uint32_t cost, other;
		bool draining;
		uint8_t first;
	} t[] = {
		{20000, 20000, false, 1}, {20000, 16000, false, 1},
		{20000, 15999, false, 2}, {20000, 25000, false, 1},
		{1500, 600, false, 1},	  {1500, 499, false, 2},
		{5000, 4000, false, 1},	  {5000, 3999, false, 2},
		{20000, 90000, true, 2},
	};
	struct id current = choice(1, 0, false).target.server;
	struct choice c[3] = {
		choice(3, 99000, false),
		choice(1, t[_i].cost, t[_i].draining),
		choice(2, t[_i].other, false),
	};

	choices_sort(c, 3, &current);
	ck_assert_uint_eq(c[0].target.server.b[0], t[_i].first);
	/* The others stay in order. */
	ck_assert(c[1].target.is_draining || c[2].target.is_draining ||
		  c[1].target.cost_us <= c[2].target.cost_us);
	/* Without a past only the cost counts. */
	choices_sort(c, 3, NULL);
	ck_assert_uint_eq(c[0].target.server.b[0],
			  t[_i].draining || t[_i].other < t[_i].cost ? 2 : 1);
}
END_TEST

START_TEST(test_current_is_gone)
{
	struct id current = choice(9, 0, false).target.server;
	struct choice c[2] = {choice(1, 5000, false), choice(2, 4900, false)};

	choices_sort(c, 2, &current);
	ck_assert_uint_eq(c[0].target.server.b[0], 2);
	choices_sort(c, 0, &current);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_loop_test(c, test_against_sorting, 0, 200);
	tcase_add_test(c, test_cost);
	tcase_add_loop_test(c, test_staying, 0, 9);
	tcase_add_test(c, test_current_is_gone);
}

int main(void)
{
	return suite_main("select", fill);
}
