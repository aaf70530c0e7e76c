/* Points and the delays between them. A pair's delay depends on the pair alone. */
#include "sim/topology.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/base/siphash.h"

#define ONE_WAY_US_PER_KM 10.0	 /* 2.0 ms of round trip per 100 km */
#define INFLATION_BELOW	  0.214	 /* deviations of the logarithm: 10th percentile 0.76, */
#define INFLATION_ABOVE	  0.446	 /* 90th percentile 1.77 */
#define INFLATION_CUT	  2.0	 /* no further from the median than that many of them */
#define CLIENT_MEDIAN_US  4000.0 /* one way */
#define CLIENT_SIGMA	  0.6
#define UNMEASURED_US	  150000 /* one way, where a matrix has a hole */

int topology_init_world(struct topology *t, uint64_t seed)
{
	topology_init_fixed(t, seed, -1);
	return cities_load(&t->cities);
}

void topology_init_matrix(struct topology *t, uint64_t seed, struct matrix *m)
{
	topology_init_fixed(t, seed, -1);
	t->matrix = *m;
	memset(m, 0, sizeof(*m));
}

void topology_init_fixed(struct topology *t, uint64_t seed, pias_time one_way)
{
	memset(t, 0, sizeof(*t));
	rng_init(&t->rng, seed, RNG_TOPOLOGY, 0);
	t->salt = rng_u64(&t->rng);
	t->fixed = one_way;
}

void topology_fini(struct topology *t)
{
	cities_free(&t->cities);
	matrix_free(&t->matrix);
	free(t->point);
	memset(t, 0, sizeof(*t));
}

static uint32_t draw_access_us(struct rng *r, enum point_kind kind)
{
	switch (kind) {
	case POINT_AP:
		return (uint32_t)(100 + rng_below(r, 401));
	case POINT_SERVER:
		return (uint32_t)(500 + rng_below(r, 2001));
	case POINT_CLIENT:
		return (uint32_t)(CLIENT_MEDIAN_US * exp(CLIENT_SIGMA * rng_normal(r)));
	}
	return 0;
}

static struct point *new_point(struct topology *t, enum point_kind kind)
{
	struct point *p;

	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 256;
		t->point = realloc(t->point, t->cap * sizeof(*t->point));
		if (!t->point)
			abort();
	}
	p = &t->point[t->n];
	memset(p, 0, sizeof(*p));
	p->kind = (uint8_t)kind;
	t->n++;
	return p;
}

static void place_in_city(struct topology *t, struct point *p, unsigned city)
{
	p->key = t->n - 1;
	p->city = (uint16_t)city;
	memcpy(p->pos, t->cities.city[city].pos, sizeof(p->pos));
	p->access_us = draw_access_us(&t->rng, (enum point_kind)p->kind);
}

/*
 * The list of cities is in order of size. What is not used is drawn all the same, so
 * that everybody else is where he would be.
 */
static unsigned draw_city(struct topology *t, enum point_kind kind)
{
	unsigned city = cities_draw(&t->cities, &t->rng);

	if (kind == POINT_AP && t->aps_in_largest)
		city = t->n_aps++ % t->cities.n;
	return city;
}

unsigned topology_add(struct topology *t, enum point_kind kind)
{
	struct point *p = new_point(t, kind);

	if (t->matrix.n)
		p->key = (uint32_t)rng_below(&t->rng, t->matrix.n);
	else if (t->cities.n)
		place_in_city(t, p, draw_city(t, kind));
	return t->n - 1;
}

unsigned topology_add_in_city(struct topology *t, enum point_kind kind, unsigned city)
{
	place_in_city(t, new_point(t, kind), city);
	return t->n - 1;
}

/* North and Latin America, Europe, Africa with the Near East, Asia with the Pacific. */
unsigned topology_region(const struct topology *t, unsigned point)
{
	const float *pos = t->point[point].pos;
	double lat = asin(pos[2]) * 180.0 / M_PI,
	       lon = atan2(pos[1], pos[0]) * 180.0 / M_PI;

	if (lon < -30)
		return lat >= 13 ? 0 : 1;
	if (lon < 45 && lat >= 36)
		return 2;
	return lon < 60 ? 3 : 4;
}

/* Median 1, lognormal to either side; the same for both directions. */
static double inflation(const struct topology *t, uint32_t a, uint32_t b)
{
	struct siphash_key key = {t->salt, ~t->salt};
	uint64_t pair = a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a;
	uint64_t h = siphash_words(&key, &pair, 1);
	double u = ((double)(h >> 32) + 1.0) * 0x1.0p-32;
	double v = (double)(h & 0xffffffff) * 0x1.0p-32;

	double z = sqrt(-2.0 * log(u)) * cos(2.0 * M_PI * v);

	z = fmax(-INFLATION_CUT, fmin(INFLATION_CUT, z));
	return exp(z * (z < 0 ? INFLATION_BELOW : INFLATION_ABOVE));
}

static pias_time matrix_delay(const struct matrix *m, uint32_t a, uint32_t b)
{
	float rtt = m->rtt_ms[(size_t)a * m->n + b];

	return rtt < 0 ? UNMEASURED_US : (pias_time)(rtt * 500.0f);
}

pias_time topology_delay(const struct topology *t, unsigned a, unsigned b)
{
	const struct point *p = &t->point[a], *q = &t->point[b];
	pias_time us;

	if (t->fixed >= 0)
		return t->fixed;
	if (t->matrix.n)
		us = matrix_delay(&t->matrix, p->key, q->key);
	else
		us = p->access_us + q->access_us +
		     (pias_time)(city_distance_km(p->pos, q->pos) * ONE_WAY_US_PER_KM *
				 inflation(t, p->key, q->key));
	return us > 0 ? us : 1;
}
