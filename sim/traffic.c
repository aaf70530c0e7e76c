/*
 * What happens second by second: clients send to groups at a fixed rate, the script
 * does what it does, and each second is a row. Packets count in the second in which
 * they were sent.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/experiment.h"

#define LINGER (5 * SEC) /* until what is under way has arrived */

struct second {
	uint64_t sent, delivered, three_hops, delay_us;
	uint64_t messages, bytes; /* of all APs */
	unsigned ready, joined;
};

struct traffic {
	struct service *service;
	struct second *second;
	unsigned n;
	pias_time began, period;
};

static void begin(struct run *r)
{
	r->out[0] = csv_new(&r->csv, "seconds",
			    "aps,table,second,sent,delivered,three_hops,mean_delay_ms,"
			    "ap_messages,ap_bytes,aps_ready,servers_joined");
}

static void send_one(void *ctx, uint64_t i)
{
	struct traffic *t = ctx;
	struct service *s = t->service;

	if (s->world.now >= t->began + t->n * SEC)
		return;
	service_shoot(s, (unsigned)rng_below(&s->rng, s->n_clients),
		      zipf_draw(&s->popularity, &s->rng), (uint16_t)i);
	world_at(&s->world, s->world.now + t->period, send_one, t, i + 1);
}

static void add_host(struct second *x, const struct host *h)
{
	x->messages += h->traffic.messages_out;
	x->bytes += h->traffic.bytes_out;
}

/* Counters as they stand. */
static struct second look(const struct service *s)
{
	struct second x = {0};
	unsigned i;

	for (i = 0; i < s->n_aps; i++) {
		add_host(&x, s->ap[i]->host);
		x.ready += s->ap[i]->is_ready;
	}
	for (i = 0; i < s->n_servers; i++)
		x.joined += service_is_joined(s, i);
	return x;
}

static void run_seconds(struct traffic *t)
{
	struct second was = look(t->service), now;
	unsigned i;

	for (i = 0; i < t->n; i++, was = now) {
		service_run(t->service, t->began + (i + 1) * SEC);
		now = look(t->service);
		t->second[i] = now;
		t->second[i].messages -= was.messages;
		t->second[i].bytes -= was.bytes;
	}
	service_run(t->service, t->service->world.now + LINGER);
}

static void count_shots(struct traffic *t)
{
	const struct service *s = t->service;
	uint32_t i;

	for (i = 0; i < s->n_shots; i++) {
		const struct shot *shot = &s->shot[i];
		struct second *x = &t->second[(shot->sent - t->began) / SEC];

		x->sent++;
		if (!shot->arrived)
			continue;
		x->delivered++;
		x->three_hops += shot->by != shot->ingress;
		x->delay_us += (uint64_t)(shot->arrived - shot->sent);
	}
}

static void report(struct run *r, struct traffic *t)
{
	uint64_t sent = 0, delivered = 0;
	unsigned i;

	for (i = 0; i < t->n; i++) {
		const struct second *x = &t->second[i];

		sent += x->sent;
		delivered += x->delivered;
		fprintf(r->out[0], "%u,%s,%u,%lu,%lu,%lu,%.3f,%lu,%lu,%u,%u\n",
			t->service->n_aps, run_table(t->service), i, x->sent,
			x->delivered, x->three_hops,
			x->delivered ? (double)x->delay_us / (double)x->delivered / MSEC
				     : 0.0,
			x->messages, x->bytes, x->ready, x->joined);
	}
	run_say(r, t->service, "sent", (double)sent);
	run_say(r, t->service, "delivered", (double)delivered);
}

static int measure(struct run *r, struct service *s)
{
	struct traffic t = {.service = s, .began = s->world.now};

	t.n = (unsigned)(s->scenario->duration / SEC);
	t.second = calloc(t.n + 1, sizeof(*t.second));
	if (!t.second)
		abort();
	if (s->n_clients) {
		t.period = SEC / (pias_time)s->scenario->rate;
		world_at(&s->world, s->world.now, send_one, &t, 0);
	}
	run_seconds(&t);
	count_shots(&t);
	report(r, &t);
	free(t.second);
	return 0;
}

static pias_time time_of(const struct scenario *sc)
{
	return sc->duration + LINGER;
}

const struct experiment experiment_traffic = {
	.name = "traffic",
	.help = "clients' packets second by second while a script's events happen",
	.begin = begin,
	.measure = measure,
	.time = time_of,
};
