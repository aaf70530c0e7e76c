/*
 * How long does an AP take to find a group's owner? Each lookup is a resolve of a group
 * that does not exist, from a drawn AP: it is routed to the owner of the key, and the
 * owner's answer is what the AP's forwarder then has. Hops are counted by asking each
 * AP on the way whom it would pass the key to.
 */
#include <stdlib.h>

#include "sim/experiment.h"

#define POLL	 (1 * MSEC)
#define GIVE_UP	 (10 * SEC)
#define HOPS_MAX 64

enum {
	OUT_LOOKUPS,
	OUT_SUMMARY,
};

struct lookup {
	struct lookups *all;
	struct group_name group;
	uint32_t ap, hops;
	pias_time asked, answered; /* 0: not yet */
};

struct lookups {
	struct service *service;
	struct lookup *lookup;
};

static void begin(struct run *r)
{
	r->out[OUT_LOOKUPS] = csv_new(&r->csv, "lookups", "aps,table,lookup,ap,hops,ms");
	r->out[OUT_SUMMARY] = csv_new(
		&r->csv, "summary",
		"aps,table,lookups,unanswered,hops_mean,hops_max,ms_mean,ms_p50,ms_p90,"
		"ms_p99");
}

/* As the APs' own tables would have it, from one to the next. HOPS_MAX: nowhere. */
static uint32_t count_hops(const struct service *s, uint32_t ap, const struct id *key)
{
	uint32_t hops;

	for (hops = 0; hops < HOPS_MAX; hops++) {
		const struct overlay *o = s->ap[ap]->proxy.overlay;
		const struct host *next;
		struct contact c;

		if (overlay_owns(o, key))
			return hops;
		if (overlay_owner(o, key, &c))
			return HOPS_MAX;
		next = world_host_by_addr(&s->world, &c.addr[0]);
		if (!next || next->index >= s->n_aps)
			return HOPS_MAX;
		ap = next->index;
	}
	return HOPS_MAX;
}

static void poll(void *ctx, uint64_t arg)
{
	struct lookup *l = ctx;
	struct service *s = l->all->service;
	struct trace t;
	static const struct addr anybody = {.family = ADDR_V4, .ip = {192, 0, 2, 1}};

	if (forward_trace(s->ap[l->ap]->proxy.forward, &anybody, &l->group, &t))
		return;
	if (t.step == TRACE_NEGATIVE)
		l->answered = s->world.now;
	else if (s->world.now < l->asked + GIVE_UP)
		world_at(&s->world, s->world.now + POLL, poll, l, 0);
}

static void ask(void *ctx, uint64_t arg)
{
	struct lookup *l = ctx;
	struct service *s = l->all->service;
	struct ap *ap = s->ap[l->ap];
	struct id key;

	group_name_key(&l->group, &key);
	l->hops = count_hops(s, l->ap, &key);
	l->asked = s->world.now;
	world_enter(ap->host);
	rendezvous_want(ap->proxy.rendezvous, &l->group);
	world_leave(ap->host);
	world_at(&s->world, s->world.now + POLL, poll, l, 0);
}

/* A whole address that nobody serves, none asked for twice. */
static struct group_name absent_group(unsigned i)
{
	struct group_name g = {.family = 4,
			       .ip = {198, 19, (uint8_t)(i >> 8), (uint8_t)i}};

	return g;
}

static void report(struct run *r, const struct lookups *x)
{
	const struct service *s = x->service;
	struct sample hops = {0}, ms = {0};
	unsigned i, unanswered = 0;

	for (i = 0; i < s->scenario->lookups; i++) {
		const struct lookup *l = &x->lookup[i];
		double took = (double)(l->answered - l->asked) / MSEC;

		if (!l->answered) {
			unanswered += l->hops > 0;
			continue;
		}
		sample_add(&hops, l->hops);
		sample_add(&ms, took);
		fprintf(r->out[OUT_LOOKUPS], "%u,%s,%u,%u,%u,%.1f\n", s->n_aps,
			run_table(s), i, l->ap, l->hops, took);
	}
	fprintf(r->out[OUT_SUMMARY], "%u,%s,%zu,%u,%.3f,%.0f,%.1f,%.1f,%.1f,%.1f\n",
		s->n_aps, run_table(s), ms.n, unanswered, sample_mean(&hops),
		sample_at(&hops, 1), sample_mean(&ms), sample_at(&ms, 0.5),
		sample_at(&ms, 0.9), sample_at(&ms, 0.99));
	run_say(r, s, "hops_mean", sample_mean(&hops));
	run_say(r, s, "ms_p50", sample_at(&ms, 0.5));
	run_say(r, s, "unanswered", unanswered);
	sample_free(&hops);
	sample_free(&ms);
}

static int measure(struct run *r, struct service *s)
{
	const struct scenario *sc = s->scenario;
	struct lookups x = {.service = s};
	unsigned i;

	x.lookup = calloc(sc->lookups, sizeof(*x.lookup));
	if (!x.lookup)
		abort();
	for (i = 0; i < sc->lookups; i++) {
		struct lookup *l = &x.lookup[i];

		l->all = &x;
		l->ap = (uint32_t)rng_below(&s->rng, s->n_aps);
		l->group = absent_group(i);
		world_at(&s->world, s->world.now + sc->duration * i / sc->lookups, ask, l,
			 0);
	}
	service_run(s, s->world.now + sc->duration + GIVE_UP + SEC);
	report(r, &x);
	free(x.lookup);
	return 0;
}

static pias_time time_of(const struct scenario *sc)
{
	return sc->duration + GIVE_UP;
}

const struct experiment experiment_lookups = {
	.name = "lookups",
	.help = "finding a group's owner: by the full table and by fingers",
	.begin = begin,
	.measure = measure,
	.time = time_of,
};
