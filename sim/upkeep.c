/*
 * What does an AP cost when nothing happens? Messages and bytes that each AP sends to
 * keep the ring, the membership table and the leases going, and the memory it holds.
 * Memory is what the process allocated since before the first AP started, less what
 * the simulator's engine holds for itself.
 */
#include <stdlib.h>

#include "sim/experiment.h"

enum {
	OUT_APS,
	OUT_SUMMARY,
};

static void begin(struct run *r)
{
	r->out[OUT_APS] = csv_new(&r->csv, "aps",
				  "aps,table,ap,peers_known,messages_per_s,bytes_per_s");
	r->out[OUT_SUMMARY] =
		csv_new(&r->csv, "upkeep",
			"aps,table,formed_s,peers_known,state_bytes,messages_per_s_mean,"
			"messages_per_s_p50,messages_per_s_max,bytes_per_s_mean,"
			"bytes_per_s_p50,bytes_per_s_max,links_per_s_mean");
}

static double state_bytes(const struct service *s)
{
	struct mark now = service_mark(s);
	double grown = (double)now.used.allocated - (double)s->begun.used.allocated;
	double engine = (double)now.engine;
	double own = sizeof(struct ap) + sizeof(struct host);

	return grown > engine ? (grown - engine) / s->n_aps + own : 0;
}

static void write_ap(struct run *r, const struct service *s, unsigned i, double messages,
		     double bytes)
{
	fprintf(r->out[OUT_APS], "%u,%s,%u,%u,%.2f,%.1f\n", s->n_aps, run_table(s), i,
		overlay_n_peers(s->ap[i]->proxy.overlay), messages, bytes);
}

static int measure(struct run *r, struct service *s)
{
	struct host_traffic *was = calloc(s->n_aps, sizeof(*was));
	struct sample messages = {0}, bytes = {0}, peers = {0};
	double seconds = (double)s->scenario->duration / SEC, links;
	unsigned i;

	if (!was)
		abort();
	for (i = 0; i < s->n_aps; i++)
		was[i] = s->ap[i]->host->traffic;
	links = (double)service_count(s, COUNTER_links_up);
	service_run(s, s->world.now + s->scenario->duration);
	/* Each counts at both ends. */
	links = ((double)service_count(s, COUNTER_links_up) - links) / 2 / s->n_aps /
		seconds;
	for (i = 0; i < s->n_aps; i++) {
		const struct host_traffic *t = &s->ap[i]->host->traffic;
		double m = (double)(t->messages_out - was[i].messages_out) / seconds;
		double b = (double)(t->bytes_out - was[i].bytes_out) / seconds;

		sample_add(&messages, m);
		sample_add(&bytes, b);
		sample_add(&peers, overlay_n_peers(s->ap[i]->proxy.overlay));
		write_ap(r, s, i, m, b);
	}
	fprintf(r->out[OUT_SUMMARY],
		"%u,%s,%.1f,%.1f,%.0f,%.2f,%.2f,%.2f,%.1f,%.1f,%.1f,%.3f\n", s->n_aps,
		run_table(s), (double)s->formed.now / SEC, sample_mean(&peers),
		state_bytes(s), sample_mean(&messages), sample_at(&messages, 0.5),
		sample_at(&messages, 1), sample_mean(&bytes), sample_at(&bytes, 0.5),
		sample_at(&bytes, 1), links);
	run_say(r, s, "formed_s", (double)s->formed.now / SEC);
	run_say(r, s, "messages_per_s", sample_mean(&messages));
	run_say(r, s, "bytes_per_s", sample_mean(&bytes));
	run_say(r, s, "state_bytes", state_bytes(s));
	sample_free(&messages);
	sample_free(&bytes);
	sample_free(&peers);
	free(was);
	return 0;
}

static pias_time time_of(const struct scenario *sc)
{
	return sc->duration;
}

const struct experiment experiment_upkeep = {
	.name = "upkeep",
	.help = "messages, bytes and memory of an AP at rest, against the ring's size",
	.begin = begin,
	.measure = measure,
	.time = time_of,
};
