/*
 * How often is a session broken because routing moves a client to another ingress AP?
 * Each client keeps one flow to one group. One after the other, each for the scenario's
 * duration, three causes move clients:
 *
 * - days: as clients of a CDN change sites, so many times a day on average, to one of
 *   the nearest other APs, and stay there;
 * - packets: as probes of one address see it flap, once in so many packets, to one of
 *   the nearest other APs and with the next switch back again;
 * - reroute: networks choose anew among equally good routes, every so often.
 *
 * A session breaks when its packets reach another server than before while that one is
 * still there; whether the ingress AP had changed tells why.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/experiment.h"

#define NEIGHBOURS 3
#define DAY	   (86400.0 * SEC)
#define HOUR	   (3600.0 * SEC)
#define LINGER	   (5 * SEC)
#define FLOW	   9

enum cause { CAUSE_DAYS, CAUSE_PACKETS, CAUSE_REROUTE, N_CAUSES };

static const char *const cause_name[N_CAUSES] = {"days", "packets", "reroute"};

enum {
	OUT_BREAKS,
	OUT_SUMMARY,
};

struct session {
	struct affinity *affinity;
	uint32_t client, group;
	uint32_t server, ingress; /* of the last packet that arrived */
	bool has_begun;
};

/* Of one cause. A move is seen when the next packet arrives by another ingress AP. */
struct tally {
	uint64_t packets, arrived, moves, breaks_moved, breaks_unmoved;
};

struct affinity {
	struct run *run;
	struct service *service;
	struct session *session;
	enum cause cause;
	pias_time period; /* between two packets of a session */
	pias_time began, until;
	struct tally tally;
};

static void begin(struct run *r)
{
	r->out[OUT_BREAKS] = csv_new(&r->csv, "breaks",
				     "aps,table,cause,second,client,group,old_ingress,"
				     "ingress,old_server,server");
	r->out[OUT_SUMMARY] =
		csv_new(&r->csv, "affinity",
			"aps,table,cause,clients,client_hours,packets,arrived,moves,"
			"breaks_moved,breaks_unmoved,breaks_per_move,"
			"breaks_moved_per_1000_client_hours,"
			"breaks_unmoved_per_1000_client_hours");
}

/* --- causes ----------------------------------------------------------------------- */

/* One of the nearest ready APs, other than the one it has now. */
static uint32_t draw_neighbour(struct service *s, const struct host *client)
{
	uint32_t now = service_ingress(s, client), near[NEIGHBOURS];
	pias_time at[NEIGHBOURS];
	unsigned n = 0, i, j;

	for (i = 0; i < s->n_aps; i++) {
		const struct host *h = s->ap[i]->host;
		pias_time d = topology_delay(&s->world.topology, client->point, h->point);

		if (h->index == now || !s->ap[i]->is_ready ||
		    (n == NEIGHBOURS && d >= at[n - 1]))
			continue;
		n += n < NEIGHBOURS;
		for (j = n - 1; j && d < at[j - 1]; j--) {
			at[j] = at[j - 1];
			near[j] = near[j - 1];
		}
		at[j] = d;
		near[j] = h->index;
	}
	return n ? near[rng_below(&s->rng, n)] : now;
}

static void move(struct affinity *a, uint32_t client)
{
	struct service *s = a->service;

	s->moved[client] = draw_neighbour(s, s->client[client]);
}

static void move_back_or_away(struct affinity *a, uint32_t client)
{
	if (a->service->moved[client] != UINT32_MAX)
		a->service->moved[client] = UINT32_MAX;
	else
		move(a, client);
}

static void plan_move(struct session *x);

static void move_now(void *ctx, uint64_t arg)
{
	struct session *x = ctx;

	move(x->affinity, x->client);
	plan_move(x);
}

static void plan_move(struct session *x)
{
	struct service *s = x->affinity->service;
	double mean = DAY / s->scenario->moves_per_day;
	pias_time at = s->world.now + (pias_time)rng_exp(&s->rng, mean);

	if (at < x->affinity->until)
		world_at(&s->world, at, move_now, x, 0);
}

static void reroute(void *ctx, uint64_t arg)
{
	struct affinity *a = ctx;
	struct service *s = a->service;
	pias_time next = s->world.now + s->scenario->reroute_period;

	catchment_shift(&s->catchment);
	if (next < a->until)
		world_at(&s->world, next, reroute, a, 0);
}

static bool is_wanted(const struct scenario *sc, enum cause cause)
{
	switch (cause) {
	case CAUSE_DAYS:
		return sc->moves_per_day > 0;
	case CAUSE_PACKETS:
		return sc->packets_per_move > 0;
	case CAUSE_REROUTE:
		return sc->reroute_period > 0;
	case N_CAUSES:
		break;
	}
	return false;
}

/* --- sessions --------------------------------------------------------------------- */

static void send_next(void *ctx, uint64_t arg)
{
	struct session *x = ctx;
	struct affinity *a = x->affinity;
	struct service *s = a->service;

	if (s->world.now >= a->until)
		return;
	if (a->cause == CAUSE_PACKETS && x->has_begun &&
	    rng_chance(&s->rng, 1.0 / s->scenario->packets_per_move))
		move_back_or_away(a, x->client);
	a->tally.packets++;
	service_shoot(s, x->client, x->group, FLOW);
	world_at(&s->world, s->world.now + a->period, send_next, x, 0);
}

static void arrived(void *ctx, uint32_t shot_number)
{
	struct affinity *a = ctx;
	struct service *s = a->service;
	const struct shot *shot = &s->shot[shot_number];
	struct session *x = &a->session[shot->client];
	bool has_moved = x->ingress != shot->ingress;

	a->tally.arrived++;
	a->tally.moves += x->has_begun && has_moved;
	if (x->has_begun && x->server != shot->server &&
	    service_is_joined(s, x->server)) {
		a->tally.breaks_moved += has_moved;
		a->tally.breaks_unmoved += !has_moved;
		fprintf(a->run->out[OUT_BREAKS], "%u,%s,%s,%.1f,%u,%u,%u,%u,%u,%u\n",
			s->n_aps, run_table(s), cause_name[a->cause],
			(double)(s->world.now - a->began) / SEC, x->client, x->group,
			x->ingress, shot->ingress, x->server, shot->server);
	}
	x->has_begun = true;
	x->server = shot->server;
	x->ingress = shot->ingress;
}

static void start_sessions(struct affinity *a)
{
	struct service *s = a->service;
	unsigned i;

	for (i = 0; i < s->n_clients; i++) {
		struct session *x = &a->session[i];

		x->has_begun = false;
		s->moved[i] = UINT32_MAX;
		world_at(&s->world,
			 s->world.now +
				 (pias_time)rng_below(&s->rng, (uint64_t)a->period),
			 send_next, x, 0);
		if (a->cause == CAUSE_DAYS)
			plan_move(x);
	}
	if (a->cause == CAUSE_REROUTE)
		world_at(&s->world, s->world.now + s->scenario->reroute_period, reroute,
			 a, 0);
}

static void report(struct run *r, const struct affinity *a)
{
	const struct service *s = a->service;
	const struct tally *t = &a->tally;
	double hours = (double)(a->until - a->began) / HOUR * s->n_clients;
	double per_move = t->moves ? (double)t->breaks_moved / (double)t->moves : 0;
	char key[64];

	fprintf(r->out[OUT_SUMMARY],
		"%u,%s,%s,%u,%.1f,%lu,%lu,%lu,%lu,%lu,%.4f,%.4f,%.4f\n", s->n_aps,
		run_table(s), cause_name[a->cause], s->n_clients, hours, t->packets,
		t->arrived, t->moves, t->breaks_moved, t->breaks_unmoved, per_move,
		1000.0 * (double)t->breaks_moved / hours,
		1000.0 * (double)t->breaks_unmoved / hours);
	snprintf(key, sizeof(key), "%s_moves", cause_name[a->cause]);
	run_say(r, s, key, (double)t->moves);
	snprintf(key, sizeof(key), "%s_breaks_per_move", cause_name[a->cause]);
	run_say(r, s, key, per_move);
	snprintf(key, sizeof(key), "%s_breaks_unmoved", cause_name[a->cause]);
	run_say(r, s, key, (double)t->breaks_unmoved);
}

static void run_cause(struct run *r, struct affinity *a, enum cause cause)
{
	struct service *s = a->service;

	a->cause = cause;
	memset(&a->tally, 0, sizeof(a->tally));
	a->began = s->world.now;
	a->until = a->began + s->scenario->duration;
	start_sessions(a);
	service_run(s, a->until + a->period + LINGER);
	report(r, a);
	service_forget_shots(s);
}

static void make_sessions(struct affinity *a)
{
	struct service *s = a->service;
	unsigned i;

	a->session = calloc(s->n_clients, sizeof(*a->session));
	if (!a->session)
		abort();
	for (i = 0; i < s->n_clients; i++) {
		a->session[i].affinity = a;
		a->session[i].client = i;
		a->session[i].group = zipf_draw(&s->popularity, &s->rng);
	}
}

static int measure(struct run *r, struct service *s)
{
	struct affinity a = {.run = r, .service = s};
	unsigned i;

	if (!s->n_clients || !s->n_servers) {
		snprintf(r->why, sizeof(r->why), "affinity needs clients and servers");
		return PIAS_EINVALID;
	}
	a.period = SEC * s->n_clients / s->scenario->rate;
	make_sessions(&a);
	s->arrived = arrived;
	s->ctx = &a;
	for (i = 0; i < N_CAUSES; i++)
		if (is_wanted(s->scenario, (enum cause)i))
			run_cause(r, &a, (enum cause)i);
	s->arrived = NULL;
	free(a.session);
	return 0;
}

static pias_time time_of(const struct scenario *sc)
{
	pias_time period = SEC * sc->clients / sc->rate, sum = 0;
	unsigned i;

	for (i = 0; i < N_CAUSES; i++)
		sum += is_wanted(sc, (enum cause)i) ? sc->duration + period + LINGER : 0;
	return sum;
}

const struct experiment experiment_affinity = {
	.name = "affinity",
	.help = "sessions broken when routing moves clients to other ingress APs",
	.begin = begin,
	.measure = measure,
	.time = time_of,
};
