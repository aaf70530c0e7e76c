/*
 * How large can it get? All servers join by the whole join protocol, keep their leases
 * and are probed by their join APs; then each group is looked for at the AP that owns
 * its key and at those that copy it, which must hold its live members and nobody else.
 * What it took is counted phase by phase.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/experiment.h"
#include "sim/holding.h"

#define SHOT_PERIOD (1 * MSEC)
#define LINGER	    (5 * SEC) /* until what is under way has arrived */
#define SAMPLED_APS 32

enum {
	OUT_PHASES,
	OUT_SUMMARY,
};

struct scale {
	struct service *service;
	unsigned n_holders; /* of a group: r, or all APs */
	struct ap **ring;   /* in order of id */
	uint32_t *member;   /* servers in order of group and id ... */
	uint32_t *first;    /* ... and where each group's begin */
	uint8_t *n_held;    /* by server: holders that have it */
	uint64_t held, watched, entries, stray;
	uint64_t sent, delivered;
	struct weight weight;
	uint32_t at, end; /* check_holder: the group's servers that are still to come */
};

static void begin(struct run *r)
{
	r->out[OUT_PHASES] = csv_new(&r->csv, "phases",
				     "aps,table,phase,simulated_s,wall_s,cpu_s,events,"
				     "allocated_bytes,engine_bytes");
	r->out[OUT_SUMMARY] = csv_new(
		&r->csv, "scale",
		"aps,table,groups,servers,joined,held,watched,entries,stray,refreshes,"
		"died,sent,delivered,ap_bytes,idle_group_bytes,entry_bytes,join_ap_bytes,"
		"entry_all_bytes,simulated_s,wall_s,cpu_s,events,peak_rss_mb");
}

static void *get(size_t n, size_t size)
{
	void *p = calloc(n + 1, size);

	if (!p)
		abort();
	return p;
}

/* --- who should hold what ----------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
	struct ap *const *x = a, *const *y = b;

	return id_cmp(&(*x)->host->id, &(*y)->host->id);
}

static int by_group_and_id(const void *a, const void *b, void *ctx)
{
	const struct service *s = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (s->group_of[x] != s->group_of[y])
		return s->group_of[x] < s->group_of[y] ? -1 : 1;
	return id_cmp(&s->server[x]->host->id, &s->server[y]->host->id);
}

static void prepare(struct scale *x, struct service *s)
{
	unsigned i;

	*x = (struct scale){.service = s,
			    .n_holders = s->scenario->rendezvous.n_replicas};
	if (x->n_holders > s->n_aps)
		x->n_holders = s->n_aps;
	x->ring = get(s->n_aps, sizeof(struct ap *));
	x->member = get(s->n_servers, sizeof(*x->member));
	x->first = get(s->n_groups, sizeof(*x->first));
	x->n_held = get(s->n_servers, sizeof(*x->n_held));
	memcpy(x->ring, s->ap, s->n_aps * sizeof(struct ap *));
	qsort(x->ring, s->n_aps, sizeof(struct ap *), by_id);
	for (i = 0; i < s->n_servers; i++) {
		x->member[i] = i;
		x->first[s->group_of[i] + 1]++;
	}
	for (i = 0; i < s->n_groups; i++)
		x->first[i + 1] += x->first[i];
	qsort_r(x->member, s->n_servers, sizeof(*x->member), by_group_and_id, s);
}

static void finish(struct scale *x)
{
	free(x->ring);
	free(x->member);
	free(x->first);
	free(x->n_held);
}

static unsigned owner_of(const struct scale *x, const struct id *key)
{
	unsigned lo = 0, hi = x->service->n_aps;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (id_cmp(&x->ring[mid]->host->id, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo == x->service->n_aps ? 0 : lo;
}

/* --- who holds what ----------------------------------------------------------------- */

static void note_member(void *ctx, const struct id *server)
{
	struct scale *x = ctx;
	const struct service *s = x->service;
	int order = 1;

	while (x->at < x->end &&
	       (order = id_cmp(&s->server[x->member[x->at]]->host->id, server)) < 0)
		x->at++;
	if (x->at < x->end && !order && service_is_joined(s, x->member[x->at]))
		x->n_held[x->member[x->at]]++;
}

/* Both are in order of id. */
static void check_holder(struct scale *x, const struct ap *ap, unsigned group)
{
	x->at = x->first[group];
	x->end = x->first[group + 1];
	holding_each(ap->proxy.rendezvous, &x->service->group[group], note_member, x);
}

static void check_groups(struct scale *x)
{
	const struct service *s = x->service;
	uint64_t found = 0;
	unsigned i, k;

	for (i = 0; i < s->n_groups; i++) {
		struct id key;
		unsigned owner;

		group_name_key(&s->group[i], &key);
		owner = owner_of(x, &key);
		for (k = 0; k < x->n_holders; k++)
			check_holder(x, x->ring[(owner + k) % s->n_aps], i);
	}
	for (i = 0; i < s->n_servers; i++) {
		found += x->n_held[i];
		x->held += x->n_held[i] == x->n_holders;
	}
	for (i = 0; i < s->n_aps; i++) {
		x->entries += holding_entries(s->ap[i]->proxy.rendezvous);
		x->watched += rendezvous_n_servers(s->ap[i]->proxy.rendezvous);
	}
	x->stray = x->entries - found;
}

/* --- packets ------------------------------------------------------------------------ */

static void shoot(struct scale *x)
{
	struct service *s = x->service;
	uint32_t i, n = s->n_clients ? s->scenario->pairs : 0;

	for (i = 0; i < n; i++) {
		service_shoot(s, (unsigned)rng_below(&s->rng, s->n_clients),
			      zipf_draw(&s->popularity, &s->rng), (uint16_t)i);
		service_run(s, s->world.now + SHOT_PERIOD);
	}
	service_run(s, s->world.now + LINGER);
	x->sent = n;
	for (i = 0; i < n; i++)
		x->delivered += s->shot[i].arrived &&
				s->group_of[s->shot[i].server] == s->shot[i].group;
}

static void weigh(struct scale *x)
{
	struct rendezvous *rv[SAMPLED_APS];
	const struct service *s = x->service;
	unsigned i, n = s->n_aps < SAMPLED_APS ? s->n_aps : SAMPLED_APS;

	for (i = 0; i < n; i++)
		rv[i] = s->ap[i * (s->n_aps / n)]->proxy.rendezvous;
	holding_weigh(rv, n, s->world.now, &x->weight);
}

/* --- the report --------------------------------------------------------------------- */

static void write_phase(struct run *r, const struct service *s, const char *name,
			const struct mark *from, const struct mark *to)
{
	fprintf(r->out[OUT_PHASES], "%u,%s,%s,%.1f,%.2f,%.2f,%lu,%zu,%zu\n", s->n_aps,
		run_table(s), name, (double)(to->now - from->now) / SEC,
		to->used.wall_s - from->used.wall_s, to->used.cpu_s - from->used.cpu_s,
		to->events - from->events, to->used.allocated, to->engine);
}

/* The ring alone, without the servers' memberships. */
static double ap_bytes(const struct service *s)
{
	double grown = (double)s->formed.used.allocated - (double)s->begun.used.allocated;
	double engine = (double)s->formed.engine - (double)s->begun.engine;

	return (grown - engine) / s->n_aps + sizeof(struct ap) + sizeof(struct host);
}

static unsigned count_joined(const struct service *s)
{
	unsigned i, n = 0;

	for (i = 0; i < s->n_servers; i++)
		n += service_is_joined(s, i);
	return n;
}

static void report(struct run *r, const struct scale *x, const struct mark *end)
{
	struct service *s = x->service;
	double wall_s = end->used.wall_s - s->begun.used.wall_s;
	double cpu_s = end->used.cpu_s - s->begun.used.cpu_s;
	uint64_t refreshes = service_count(s, COUNTER_refreshes);
	uint64_t died = service_count(s, COUNTER_servers_dead) +
			service_count(s, COUNTER_leases_expired);
	const struct weight *w = &x->weight;
	unsigned joined = count_joined(s);

	fprintf(r->out[OUT_SUMMARY],
		"%u,%s,%u,%u,%u,%lu,%lu,%lu,%lu,%lu,%lu,%lu,%lu,%.0f,%.1f,%.1f,%.1f,%.1f,"
		"%.1f,%.1f,%.1f,%lu,%.0f\n",
		s->n_aps, run_table(s), s->n_groups, s->n_servers, joined, x->held,
		x->watched, x->entries, x->stray, refreshes, died, x->sent, x->delivered,
		ap_bytes(s), w->group_bytes, w->entry_bytes, w->join_ap_bytes,
		w->all_bytes, (double)end->now / SEC, wall_s, cpu_s, end->events,
		meter_peak_rss_mb());
	run_say(r, s, "groups", s->n_groups);
	run_say(r, s, "servers", s->n_servers);
	run_say(r, s, "joined", joined);
	run_say(r, s, "held", (double)x->held);
	run_say(r, s, "watched", (double)x->watched);
	run_say(r, s, "stray", (double)x->stray);
	run_say(r, s, "refreshes", (double)refreshes);
	run_say(r, s, "died", (double)died);
	run_say(r, s, "sent", (double)x->sent);
	run_say(r, s, "delivered", (double)x->delivered);
	run_say(r, s, "ap_bytes", ap_bytes(s));
	run_say(r, s, "idle_group_bytes", w->group_bytes);
	run_say(r, s, "entry_bytes", w->entry_bytes);
	run_say(r, s, "join_ap_bytes", w->join_ap_bytes);
	run_say(r, s, "entry_all_bytes", w->all_bytes);
	run_say(r, s, "simulated_s", (double)end->now / SEC);
	run_say(r, s, "wall_s", wall_s);
}

static int measure(struct run *r, struct service *s)
{
	struct mark held, end;
	struct scale x;

	service_run(s, s->world.now + s->scenario->duration);
	held = service_mark(s);
	prepare(&x, s);
	check_groups(&x);
	shoot(&x);
	end = service_mark(s);
	weigh(&x);
	write_phase(r, s, "form", &s->begun, &s->formed);
	write_phase(r, s, "join", &s->formed, &s->joined);
	write_phase(r, s, "hold", &s->joined, &held);
	write_phase(r, s, "check", &held, &end);
	report(r, &x, &end);
	finish(&x);
	return 0;
}

static pias_time time_of(const struct scenario *sc)
{
	return sc->duration + sc->pairs * SHOT_PERIOD + LINGER;
}

const struct experiment experiment_scale = {
	.name = "scale",
	.help = "many members, all joined, held and probed: memory and time it takes",
	.begin = begin,
	.measure = measure,
	.time = time_of,
};
