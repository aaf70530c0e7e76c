/*
 * How often is a session broken because routing moves a client to another ingress AP?
 * Each client keeps one flow to one group and sends a packet every ten seconds; at
 * moments drawn at the scenario's rate it moves to one of the nearest other APs, as
 * most moves on the Internet are to a site nearby. A session breaks when its packets
 * reach another server than before while that one is still there; whether the ingress
 * AP had changed tells why.
 */
#include <stdlib.h>

#include "sim/experiment.h"

#define SEND_PERIOD (10 * SEC)
#define NEIGHBOURS  3
#define DAY	    (86400.0 * SEC)
#define LINGER	    (5 * SEC)
#define FLOW	    9

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

struct affinity {
	struct run *run;
	struct service *service;
	struct session *session;
	pias_time began, until;
	uint64_t packets, arrived, moves, breaks_moved, breaks_unmoved;
};

static void begin(struct run *r)
{
	r->out[OUT_BREAKS] = csv_new(&r->csv, "breaks",
				     "aps,table,second,client,group,has_moved,"
				     "old_server,new_server");
	r->out[OUT_SUMMARY] =
		csv_new(&r->csv, "affinity",
			"aps,table,clients,client_hours,packets,arrived,moves,"
			"breaks_moved,breaks_unmoved,breaks_per_move,"
			"breaks_unmoved_per_1000_client_hours,"
			"sessions_broken_per_hour");
}

static void send_next(void *ctx, uint64_t arg)
{
	struct session *x = ctx;
	struct affinity *a = x->affinity;
	struct service *s = a->service;

	if (s->world.now >= a->until)
		return;
	a->packets++;
	service_shoot(s, x->client, x->group, FLOW);
	world_at(&s->world, s->world.now + SEND_PERIOD, send_next, x, 0);
}

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

static pias_time next_move(struct affinity *a)
{
	double rate = a->service->scenario->moves_per_day;

	return rate > 0 ? a->service->world.now +
				  (pias_time)rng_exp(&a->service->rng, DAY / rate)
			: PIAS_NEVER;
}

static void move(void *ctx, uint64_t arg)
{
	struct session *x = ctx;
	struct affinity *a = x->affinity;
	pias_time next;

	if (a->service->world.now >= a->until)
		return;
	a->service->moved[x->client] =
		draw_neighbour(a->service, a->service->client[x->client]);
	a->moves++;
	next = next_move(a);
	if (next < a->until)
		world_at(&a->service->world, next, move, x, 0);
}

static void arrived(void *ctx, uint32_t shot_number)
{
	struct affinity *a = ctx;
	struct service *s = a->service;
	const struct shot *shot = &s->shot[shot_number];
	struct session *x = &a->session[shot->client];
	bool has_moved = x->ingress != shot->ingress;

	a->arrived++;
	if (x->has_begun && x->server != shot->server &&
	    service_is_joined(s, x->server)) {
		a->breaks_moved += has_moved;
		a->breaks_unmoved += !has_moved;
		fprintf(a->run->out[OUT_BREAKS], "%u,%s,%.1f,%u,%u,%d,%u,%u\n", s->n_aps,
			run_table(s), (double)(s->world.now - a->began) / SEC, x->client,
			x->group, has_moved, x->server, shot->server);
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
		pias_time at;

		x->affinity = a;
		x->client = i;
		x->group = zipf_draw(&s->popularity, &s->rng);
		world_at(&s->world,
			 s->world.now + (pias_time)rng_below(&s->rng, SEND_PERIOD),
			 send_next, x, 0);
		at = next_move(a);
		if (at < a->until)
			world_at(&s->world, at, move, x, 0);
	}
}

static void report(struct run *r, const struct affinity *a)
{
	const struct service *s = a->service;
	double hours = (double)(a->until - a->began) / (3600.0 * SEC);
	double client_hours = hours * s->n_clients;
	uint64_t breaks = a->breaks_moved + a->breaks_unmoved;
	double per_move = a->moves ? (double)a->breaks_moved / (double)a->moves : 0;

	fprintf(r->out[OUT_SUMMARY], "%u,%s,%u,%.1f,%lu,%lu,%lu,%lu,%lu,%.4f,%.4f,%.3f\n",
		s->n_aps, run_table(s), s->n_clients, client_hours, a->packets,
		a->arrived, a->moves, a->breaks_moved, a->breaks_unmoved, per_move,
		client_hours > 0 ? 1000.0 * (double)a->breaks_unmoved / client_hours : 0,
		(double)breaks / hours);
	run_say(r, s, "moves", (double)a->moves);
	run_say(r, s, "breaks_moved", (double)a->breaks_moved);
	run_say(r, s, "breaks_unmoved", (double)a->breaks_unmoved);
	run_say(r, s, "breaks_per_move", per_move);
}

static int measure(struct run *r, struct service *s)
{
	struct affinity a = {.run = r, .service = s, .began = s->world.now};

	if (!s->n_clients || !s->n_servers) {
		snprintf(r->why, sizeof(r->why), "affinity needs clients and servers");
		return PIAS_EINVALID;
	}
	a.until = a.began + s->scenario->duration;
	a.session = calloc(s->n_clients, sizeof(*a.session));
	if (!a.session)
		abort();
	s->arrived = arrived;
	s->ctx = &a;
	start_sessions(&a);
	service_run(s, a.until + LINGER);
	s->arrived = NULL;
	report(r, &a);
	free(a.session);
	return 0;
}

static pias_time time_of(const struct scenario *sc)
{
	return sc->duration + LINGER;
}

const struct experiment experiment_affinity = {
	.name = "affinity",
	.help = "sessions broken when routing moves clients to other ingress APs",
	.begin = begin,
	.measure = measure,
	.time = time_of,
};
