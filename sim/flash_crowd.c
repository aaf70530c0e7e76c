/*
 * What does a flash crowd cost the rendezvous AP? So many servers join one group within
 * the experiment's time, at drawn moments, each by the whole join protocol through the
 * AP its packets reach. What the group's rendezvous AP receives and sends is counted
 * second by second, beside the mean of all APs.
 */
#include <stdlib.h>

#include "sim/experiment.h"

#define LINGER (30 * SEC) /* for those who started last */

enum {
	OUT_SECONDS,
	OUT_SUMMARY,
};

struct crowd {
	struct service *service;
	struct ap *rendezvous;
	unsigned first; /* of the crowd, among the servers */
	pias_time began;
	pias_time *started; /* by member of the crowd */
	unsigned n_started, peak_in, peak_out;
};

/* What one AP, and all together, have sent and received so far. */
struct look {
	struct host_traffic rendezvous, all;
};

static void begin(struct run *r)
{
	r->out[OUT_SECONDS] = csv_new(
		&r->csv, "seconds",
		"aps,table,second,started,joined,rendezvous_messages_in,"
		"rendezvous_bytes_in,rendezvous_messages_out,rendezvous_bytes_out,"
		"mean_messages_in,mean_bytes_in,mean_messages_out,mean_bytes_out");
	r->out[OUT_SUMMARY] = csv_new(
		&r->csv, "summary",
		"aps,table,joins,joined,refused,join_ms_p50,join_ms_p90,join_ms_p99,"
		"rendezvous_messages_in,rendezvous_bytes_in,rendezvous_messages_out,"
		"rendezvous_bytes_out,peak_messages_in_per_s,peak_messages_out_per_s");
}

static void start_one(void *ctx, uint64_t i)
{
	struct crowd *c = ctx;

	c->started[i] = c->service->world.now;
	c->n_started++;
	server_start(c->service->server[c->first + i]);
}

static unsigned count_joined(const struct crowd *c)
{
	unsigned i, n = 0;

	for (i = c->first; i < c->service->n_servers; i++)
		n += service_is_joined(c->service, i);
	return n;
}

static void add_traffic(struct host_traffic *sum, const struct host_traffic *t)
{
	sum->messages_in += t->messages_in;
	sum->bytes_in += t->bytes_in;
	sum->messages_out += t->messages_out;
	sum->bytes_out += t->bytes_out;
}

static struct look look(const struct crowd *c)
{
	struct look l = {.rendezvous = c->rendezvous->host->traffic};
	unsigned i;

	for (i = 0; i < c->service->n_aps; i++)
		add_traffic(&l.all, &c->service->ap[i]->host->traffic);
	return l;
}

static struct host_traffic since(const struct host_traffic *now,
				 const struct host_traffic *was)
{
	return (struct host_traffic){
		.messages_in = now->messages_in - was->messages_in,
		.bytes_in = now->bytes_in - was->bytes_in,
		.messages_out = now->messages_out - was->messages_out,
		.bytes_out = now->bytes_out - was->bytes_out,
	};
}

static void write_second(struct run *r, struct crowd *c, unsigned second,
			 const struct look *now, const struct look *was)
{
	struct host_traffic rv = since(&now->rendezvous, &was->rendezvous);
	struct host_traffic all = since(&now->all, &was->all);
	double n = c->service->n_aps;

	if (rv.messages_in > c->peak_in)
		c->peak_in = (unsigned)rv.messages_in;
	if (rv.messages_out > c->peak_out)
		c->peak_out = (unsigned)rv.messages_out;
	fprintf(r->out[OUT_SECONDS],
		"%u,%s,%u,%u,%u,%lu,%lu,%lu,%lu,%.1f,%.0f,%.1f,%.0f\n", c->service->n_aps,
		run_table(c->service), second, c->n_started, count_joined(c),
		rv.messages_in, rv.bytes_in, rv.messages_out, rv.bytes_out,
		(double)all.messages_in / n, (double)all.bytes_in / n,
		(double)all.messages_out / n, (double)all.bytes_out / n);
}

static void report(struct run *r, struct crowd *c, const struct look *first)
{
	struct service *s = c->service;
	struct look last = look(c);
	struct host_traffic rv = since(&last.rendezvous, &first->rendezvous);
	struct sample ms = {0};
	unsigned i, refused = 0;

	for (i = c->first; i < s->n_servers; i++) {
		const struct server *x = s->server[i];

		if (service_is_joined(s, i))
			sample_add(&ms,
				   (double)(x->since - c->started[i - c->first]) / MSEC);
		refused += x->refused[0] != 0;
	}
	fprintf(r->out[OUT_SUMMARY],
		"%u,%s,%u,%zu,%u,%.1f,%.1f,%.1f,%lu,%lu,%lu,%lu,%u,%u\n", s->n_aps,
		run_table(s), s->scenario->joins, ms.n, refused, sample_at(&ms, 0.5),
		sample_at(&ms, 0.9), sample_at(&ms, 0.99), rv.messages_in, rv.bytes_in,
		rv.messages_out, rv.bytes_out, c->peak_in, c->peak_out);
	run_say(r, s, "joined", (double)ms.n);
	run_say(r, s, "join_ms_p50", sample_at(&ms, 0.5));
	run_say(r, s, "join_ms_p99", sample_at(&ms, 0.99));
	run_say(r, s, "rendezvous_messages_in", (double)rv.messages_in);
	run_say(r, s, "rendezvous_bytes_in", (double)rv.bytes_in);
	run_say(r, s, "peak_messages_in", c->peak_in);
	sample_free(&ms);
}

static int measure(struct run *r, struct service *s)
{
	const struct scenario *sc = s->scenario;
	struct crowd c = {.service = s, .began = s->world.now};
	unsigned seconds = (unsigned)((sc->duration + LINGER) / SEC), i;
	struct look first, was, now;

	c.rendezvous = service_rendezvous(s, 0);
	c.first = s->n_servers - s->n_crowd;
	c.started = calloc(s->n_crowd + 1, sizeof(*c.started));
	if (!c.rendezvous || !c.started)
		abort();
	for (i = 0; i < s->n_crowd; i++)
		world_at(&s->world,
			 c.began + (pias_time)rng_below(&s->rng, (uint64_t)sc->duration),
			 start_one, &c, i);
	first = was = look(&c);
	for (i = 0; i < seconds; i++, was = now) {
		service_run(s, c.began + (i + 1) * SEC);
		now = look(&c);
		write_second(r, &c, i, &now, &was);
	}
	report(r, &c, &first);
	free(c.started);
	return 0;
}

static pias_time time_of(const struct scenario *sc)
{
	return sc->duration + LINGER;
}

const struct experiment experiment_flash_crowd = {
	.name = "flash-crowd",
	.help = "many joins of one group: what its rendezvous AP receives and sends",
	.has_crowd = true,
	.begin = begin,
	.measure = measure,
	.time = time_of,
};
