/*
 * How much longer is the way through pias? For many pairs of a client and a group: a
 * first packet, whose ingress AP may not know the group yet, and one a while later.
 * Delays are those that the packets took; each is divided by the one-way delay to the
 * best server of the group. A pair whose first packet was delivered by its own ingress
 * AP had a warm cache, or one that holds the group: it counts as cached only.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/baseline.h"
#include "sim/experiment.h"

#define SECOND_AFTER (3 * SEC)
#define CDF_POINTS   200

enum {
	OUT_PAIRS,
	OUT_PERCENTILES,
	OUT_CDF,
	OUT_DNS,
};

/*
 * The first six are delays against that to the best server; then the cached packet's
 * against that straight to the server that got it; its round trip, for the reply goes
 * directly, against that to the best server; and the cached packet's against the ideal
 * two hops: what lies above that is the map's, and this is ours.
 */
enum way {
	WAY_FIRST,
	WAY_CACHED,
	WAY_TWO_HOPS,
	WAY_NATIVE,
	WAY_DNS,
	WAY_BY_JOIN_AP,
	N_DELAYS,
	WAY_SAME_SERVER = N_DELAYS,
	WAY_ROUND_TRIP,
	WAY_EXCESS,
	N_WAYS
};

static const char *const way_name[N_WAYS] = {
	"pias-first",
	"pias-cached",
	"two-hops-ideal",
	"native-anycast",
	"dns",
	"two-hops-by-join-ap",
	"pias-cached-same-server",
	"pias-cached-round-trip",
	"pias-cached-over-ideal",
};

/* Groups by size, because a large one has a server next to everybody. */
enum group_class { CLASS_ALL, CLASS_SMALL, CLASS_MEDIUM, CLASS_LARGE, N_CLASSES };

static const struct {
	const char *name;
	unsigned least;
} classes[N_CLASSES] = {{"all", 0}, {"1-4", 1}, {"5-19", 5}, {"20+", 20}};

/* From a client to its resolver, at least so many km. */
static const unsigned bands[] = {0, 100, 500, 2000, 5000};

#define N_BANDS (sizeof(bands) / sizeof(bands[0]))

struct pair {
	struct stretch *stretch;
	uint32_t client, group;
	uint32_t first, second; /* shots */
};

struct stretch {
	struct run *run;
	struct service *service;
	struct baseline baseline;
	struct pair *pair;
	struct sample ratio[N_CLASSES][N_WAYS], resolver_km, dns[N_BANDS];
	unsigned lost;
};

static void begin(struct run *r)
{
	r->out[OUT_PAIRS] = csv_new(
		&r->csv, "pairs",
		"aps,table,pair,client,group,members,direct_ms,first_hops,first_ms,"
		"cached_hops,cached_ms,two_hops_ms,native_ms,dns_ms,resolver_km,"
		"by_join_ap_ms,chosen_ms");
	r->out[OUT_PERCENTILES] =
		csv_new(&r->csv, "percentiles",
			"aps,table,members,way,pairs,mean,p10,p25,p50,p75,p90,p95,p99");
	r->out[OUT_CDF] = csv_new(&r->csv, "cdf", "aps,table,members,way,part,stretch");
	r->out[OUT_DNS] =
		csv_new(&r->csv, "dns", "aps,table,resolver_km_from,pairs,p50,p90");
}

static void shoot(void *ctx, uint64_t second)
{
	struct pair *p = ctx;
	struct service *s = p->stretch->service;
	uint16_t flow = (uint16_t)(2 * (p - p->stretch->pair) + second);

	if (second)
		p->second = service_shoot(s, p->client, p->group, flow);
	else
		p->first = service_shoot(s, p->client, p->group, flow);
}

static void schedule(struct stretch *x)
{
	struct service *s = x->service;
	const struct scenario *sc = s->scenario;
	unsigned i;

	for (i = 0; i < sc->pairs; i++) {
		struct pair *p = &x->pair[i];
		pias_time at = s->world.now + sc->duration * i / sc->pairs;

		p->stretch = x;
		p->client = (uint32_t)rng_below(&s->rng, s->n_clients);
		p->group = zipf_draw(&s->popularity, &s->rng);
		world_at(&s->world, at, shoot, p, 0);
		world_at(&s->world, at + SECOND_AFTER, shoot, p, 1);
	}
	service_run(s, s->world.now + sc->duration + 2 * SECOND_AFTER);
}

static double ms(pias_time t)
{
	return t == PIAS_NEVER ? -1 : (double)t / MSEC;
}

/* How many overlay hops it took: client - AP - server is two. */
static unsigned hops_of(const struct shot *s)
{
	return s->by == s->ingress ? 2 : 3;
}

static unsigned count_members(const struct service *s, unsigned group)
{
	unsigned i, n = 0;

	for (i = 0; i < s->n_servers; i++)
		n += s->group_of[i] == group && service_is_joined(s, i);
	return n;
}

static enum group_class class_of(unsigned members)
{
	unsigned c = N_CLASSES - 1;

	while (members < classes[c].least)
		c--;
	return (enum group_class)c;
}

static unsigned band_of(double km)
{
	unsigned b = N_BANDS - 1;

	while (km < bands[b])
		b--;
	return b;
}

/* What one pair's packets took, one way. */
struct delays {
	pias_time direct, way[N_DELAYS];
	pias_time chosen; /* straight to the server that the cached packet reached */
};

static void add_ratio(struct stretch *x, enum group_class c, enum way way, double ratio)
{
	sample_add(&x->ratio[CLASS_ALL][way], ratio);
	sample_add(&x->ratio[c][way], ratio);
}

static void add_ratios(struct stretch *x, const struct delays *d, enum group_class c)
{
	double direct = (double)d->direct, chosen = (double)d->chosen;
	double cached = (double)d->way[WAY_CACHED];
	unsigned i;

	for (i = 0; i < N_DELAYS; i++)
		if (d->way[i] != PIAS_NEVER)
			add_ratio(x, c, (enum way)i, (double)d->way[i] / direct);
	add_ratio(x, c, WAY_SAME_SERVER, cached / chosen);
	add_ratio(x, c, WAY_ROUND_TRIP, (cached + chosen) / (2 * direct));
	if (d->way[WAY_TWO_HOPS] != PIAS_NEVER)
		add_ratio(x, c, WAY_EXCESS, cached / (double)d->way[WAY_TWO_HOPS]);
}

static void write_pair(struct stretch *x, const struct pair *p, const struct delays *d,
		       unsigned members, double km)
{
	const struct shot *first = &x->service->shot[p->first];
	const struct shot *second = &x->service->shot[p->second];

	fprintf(x->run->out[OUT_PAIRS],
		"%u,%s,%u,%u,%u,%u,%.3f,%u,%.3f,%u,%.3f,%.3f,%.3f,%.3f,%.0f,%.3f,%.3f\n",
		x->service->n_aps, run_table(x->service), (unsigned)(p - x->pair),
		p->client, p->group, members, ms(d->direct), hops_of(first),
		ms(first->arrived - first->sent), hops_of(second), ms(d->way[WAY_CACHED]),
		ms(d->way[WAY_TWO_HOPS]), ms(d->way[WAY_NATIVE]), ms(d->way[WAY_DNS]), km,
		ms(d->way[WAY_BY_JOIN_AP]), ms(d->chosen));
}

static void evaluate(struct stretch *x, const struct pair *p)
{
	struct service *s = x->service;
	struct baseline *b = &x->baseline;
	const struct shot *first = &s->shot[p->first], *second = &s->shot[p->second];
	unsigned members = count_members(s, p->group);
	double km = baseline_resolver_km(b, p->client);
	struct delays d = {
		.direct = baseline_direct(b, p->client, p->group),
		.way = {[WAY_FIRST] = PIAS_NEVER,
			[WAY_CACHED] = second->arrived - second->sent,
			[WAY_TWO_HOPS] = baseline_two_hops(b, p->client, p->group),
			[WAY_NATIVE] = baseline_native(b, p->client, p->group),
			[WAY_DNS] = baseline_dns(b, p->client, p->group),
			[WAY_BY_JOIN_AP] = baseline_by_join_ap(b, p->client, p->group)},
	};

	if (!first->arrived || !second->arrived || d.direct == PIAS_NEVER) {
		x->lost++;
		return;
	}
	d.chosen =
		topology_delay(&s->world.topology, s->server[second->server]->host->point,
			       s->client[p->client]->point);
	if (hops_of(first) > 2)
		d.way[WAY_FIRST] = first->arrived - first->sent;
	add_ratios(x, &d, class_of(members));
	sample_add(&x->resolver_km, km);
	sample_add(&x->dns[band_of(km)], (double)d.way[WAY_DNS] / (double)d.direct);
	write_pair(x, p, &d, members, km);
}

static void write_way(struct stretch *x, enum group_class c, enum way way)
{
	static const double part[] = {0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99};
	struct service *s = x->service;
	struct sample *v = &x->ratio[c][way];
	FILE *f = x->run->out[OUT_PERCENTILES];
	unsigned i;

	fprintf(f, "%u,%s,%s,%s,%zu,%.4f", s->n_aps, run_table(s), classes[c].name,
		way_name[way], v->n, sample_mean(v));
	for (i = 0; i < sizeof(part) / sizeof(part[0]); i++)
		fprintf(f, ",%.4f", sample_at(v, part[i]));
	fputc('\n', f);
	for (i = 0; v->n && i <= CDF_POINTS; i++)
		fprintf(x->run->out[OUT_CDF], "%u,%s,%s,%s,%.4f,%.4f\n", s->n_aps,
			run_table(s), classes[c].name, way_name[way],
			(double)i / CDF_POINTS, sample_at(v, (double)i / CDF_POINTS));
}

/* DNS does as well as it knows where its client is. */
static void write_dns(struct stretch *x)
{
	unsigned i;

	for (i = 0; i < N_BANDS; i++)
		fprintf(x->run->out[OUT_DNS], "%u,%s,%u,%zu,%.4f,%.4f\n",
			x->service->n_aps, run_table(x->service), bands[i], x->dns[i].n,
			sample_at(&x->dns[i], 0.5), sample_at(&x->dns[i], 0.9));
}

static void report(struct stretch *x)
{
	struct run *r = x->run;
	struct service *s = x->service;
	struct sample *all = x->ratio[CLASS_ALL];
	unsigned i, c;

	for (i = 0; i < s->scenario->pairs; i++)
		evaluate(x, &x->pair[i]);
	for (c = 0; c < N_CLASSES; c++)
		for (i = 0; i < N_WAYS; i++)
			write_way(x, (enum group_class)c, (enum way)i);
	write_dns(x);
	run_say(r, s, "lost", x->lost);
	run_say(r, s, "first_p50", sample_at(&all[WAY_FIRST], 0.5));
	run_say(r, s, "first_p90", sample_at(&all[WAY_FIRST], 0.9));
	run_say(r, s, "cached_p50", sample_at(&all[WAY_CACHED], 0.5));
	run_say(r, s, "cached_p90", sample_at(&all[WAY_CACHED], 0.9));
	run_say(r, s, "same_server_p50", sample_at(&all[WAY_SAME_SERVER], 0.5));
	run_say(r, s, "same_server_p90", sample_at(&all[WAY_SAME_SERVER], 0.9));
	run_say(r, s, "round_trip_p50", sample_at(&all[WAY_ROUND_TRIP], 0.5));
	run_say(r, s, "round_trip_p90", sample_at(&all[WAY_ROUND_TRIP], 0.9));
	run_say(r, s, "two_hops_p50", sample_at(&all[WAY_TWO_HOPS], 0.5));
	run_say(r, s, "two_hops_p90", sample_at(&all[WAY_TWO_HOPS], 0.9));
	run_say(r, s, "over_ideal_p50", sample_at(&all[WAY_EXCESS], 0.5));
	run_say(r, s, "over_ideal_p90", sample_at(&all[WAY_EXCESS], 0.9));
	run_say(r, s, "surveys_per_ap_s",
		(double)service_count(s, COUNTER_surveys) / s->n_aps /
			((double)s->scenario->duration / SEC));
	run_say(r, s, "native_p50", sample_at(&all[WAY_NATIVE], 0.5));
	run_say(r, s, "native_p90", sample_at(&all[WAY_NATIVE], 0.9));
	run_say(r, s, "dns_p50", sample_at(&all[WAY_DNS], 0.5));
	run_say(r, s, "dns_p90", sample_at(&all[WAY_DNS], 0.9));
	run_say(r, s, "resolver_km_p50", sample_at(&x->resolver_km, 0.5));
	run_say(r, s, "resolver_km_p90", sample_at(&x->resolver_km, 0.9));
}

static int measure(struct run *r, struct service *s)
{
	struct stretch x = {.run = r, .service = s};
	int err;
	unsigned i;

	if (!s->n_clients || !s->n_servers) {
		snprintf(r->why, sizeof(r->why), "stretch needs clients and servers");
		return PIAS_EINVALID;
	}
	err = baseline_init(&x.baseline, s);
	if (err)
		return err;
	x.pair = calloc(s->scenario->pairs, sizeof(*x.pair));
	if (!x.pair)
		abort();
	schedule(&x);
	report(&x);
	for (i = 0; i < N_CLASSES * N_WAYS; i++)
		sample_free(&x.ratio[i / N_WAYS][i % N_WAYS]);
	for (i = 0; i < N_BANDS; i++)
		sample_free(&x.dns[i]);
	sample_free(&x.resolver_km);
	free(x.pair);
	baseline_fini(&x.baseline);
	return 0;
}

static pias_time time_of(const struct scenario *sc)
{
	return sc->duration + 2 * SECOND_AFTER;
}

const struct experiment experiment_stretch = {
	.name = "stretch",
	.help = "the way through pias against unicast, native anycast and DNS",
	.begin = begin,
	.measure = measure,
	.time = time_of,
};
