/*
 * What does an AP cost when nothing happens? Messages and bytes that each AP sends to
 * keep the ring, the membership table and the leases going, and the memory it holds.
 * Memory is what the process allocated since before the first AP started, less what
 * the simulator's engine holds for itself.
 */
#include <stdlib.h>

#include "sim/experiment.h"

#define LINKS_MAX 1000 /* of a ring are written, the busiest */

enum {
	OUT_APS,
	OUT_LINKS,
	OUT_SUMMARY,
};

static void begin(struct run *r)
{
	r->out[OUT_APS] = csv_new(&r->csv, "aps",
				  "aps,table,ap,peers_known,messages_per_s,bytes_per_s");
	r->out[OUT_LINKS] =
		csv_new(&r->csv, "links", "aps,table,from,to,messages_per_s,bytes_per_s");
	r->out[OUT_SUMMARY] =
		csv_new(&r->csv, "upkeep",
			"aps,table,formed_s,peers_known,state_bytes,messages_per_s_mean,"
			"messages_per_s_p50,messages_per_s_max,bytes_per_s_mean,"
			"bytes_per_s_p50,bytes_per_s_max,links_per_s_mean,"
			"pairs,pair_bytes_per_s_p50,pair_bytes_per_s_p99,"
			"pair_bytes_per_s_max");
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

/* Bytes a second from one AP to another, of all pairs that had any. */
struct pairs {
	uint32_t n;
	double p50, p99, max;
};

/* Ends the ledger: what it holds would count as the APs' memory. */
static struct pairs write_links(struct run *r, const struct service *s, struct ledger *l,
				double seconds)
{
	struct ledger_line *line = ledger_sorted(l);
	struct pairs out = {.n = l->n};
	struct sample bytes = {0};
	uint32_t i;

	for (i = 0; i < l->n; i++) {
		double b = (double)line[i].bytes / seconds;

		sample_add(&bytes, b);
		if (i < LINKS_MAX)
			fprintf(r->out[OUT_LINKS], "%u,%s,%u,%u,%.3f,%.2f\n", s->n_aps,
				run_table(s), line[i].from, line[i].to,
				(double)line[i].messages / seconds, b);
	}
	out.p50 = sample_at(&bytes, 0.5);
	out.p99 = sample_at(&bytes, 0.99);
	out.max = sample_at(&bytes, 1);
	sample_free(&bytes);
	free(line);
	ledger_fini(l);
	return out;
}

static int measure(struct run *r, struct service *s)
{
	struct host_traffic *was = calloc(s->n_aps, sizeof(*was));
	struct sample messages = {0}, bytes = {0}, peers = {0};
	struct ledger ledger = {0};
	struct pairs pairs;
	double seconds = (double)s->scenario->duration / SEC, links;
	unsigned i;

	if (!was)
		abort();
	for (i = 0; i < s->n_aps; i++)
		was[i] = s->ap[i]->host->traffic;
	links = (double)service_count(s, COUNTER_links_up);
	s->world.ledger = &ledger;
	service_run(s, s->world.now + s->scenario->duration);
	s->world.ledger = NULL;
	pairs = write_links(r, s, &ledger, seconds);
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
		"%u,%s,%.1f,%.1f,%.0f,%.2f,%.2f,%.2f,%.1f,%.1f,%.1f,%.3f,%u,%.2f,%.2f,%.2f\n",
		s->n_aps, run_table(s), (double)s->formed.now / SEC, sample_mean(&peers),
		state_bytes(s), sample_mean(&messages), sample_at(&messages, 0.5),
		sample_at(&messages, 1), sample_mean(&bytes), sample_at(&bytes, 0.5),
		sample_at(&bytes, 1), links, pairs.n, pairs.p50, pairs.p99, pairs.max);
	run_say(r, s, "formed_s", (double)s->formed.now / SEC);
	run_say(r, s, "messages_per_s", sample_mean(&messages));
	run_say(r, s, "bytes_per_s", sample_mean(&bytes));
	run_say(r, s, "pair_bytes_per_s_max", pairs.max);
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
