/*
 * How long is a client without its service when something dies? One client streams
 * packets to one group; then the server it gets, its ingress AP or the group's
 * rendezvous AP crashes, is cut off or leaves; and each packet is accounted for. In the
 * cold cases the client starts only then, at an ingress AP that does not know the group;
 * in the join cases it is a server that comes then.
 */
#include <string.h>

#include "sim/experiment.h"

#define BEFORE	(1 * SEC)  /* the stream runs, before it happens */
#define AFTER	(10 * SEC) /* and that long after */
#define RECOVER (45 * SEC) /* what died comes back; leases and caches settle */
#define LINGER	(3 * SEC)
#define TRIES	1000

enum victim {
	VICTIM_SERVER,
	VICTIM_INGRESS,
	VICTIM_RENDEZVOUS,
};

enum ending {
	ENDING_CRASH,
	ENDING_CUT, /* nobody is told: only probes find out */
	ENDING_LEAVE,
};

enum watched {
	WATCH_STREAM,
	WATCH_COLD,
	WATCH_JOIN,
};

static const struct kind {
	const char *name;
	enum victim victim;
	enum ending ending;
	enum watched watched;
} kinds[] = {
	{"server-crash", VICTIM_SERVER, ENDING_CRASH, WATCH_STREAM},
	{"server-leave", VICTIM_SERVER, ENDING_LEAVE, WATCH_STREAM},
	{"ingress-crash", VICTIM_INGRESS, ENDING_CRASH, WATCH_STREAM},
	{"ingress-leave", VICTIM_INGRESS, ENDING_LEAVE, WATCH_STREAM},
	{"rendezvous-crash", VICTIM_RENDEZVOUS, ENDING_CRASH, WATCH_STREAM},
	{"rendezvous-cut", VICTIM_RENDEZVOUS, ENDING_CUT, WATCH_STREAM},
	{"rendezvous-crash-cold", VICTIM_RENDEZVOUS, ENDING_CRASH, WATCH_COLD},
	{"rendezvous-cut-cold", VICTIM_RENDEZVOUS, ENDING_CUT, WATCH_COLD},
	{"rendezvous-crash-join", VICTIM_RENDEZVOUS, ENDING_CRASH, WATCH_JOIN},
	{"rendezvous-cut-join", VICTIM_RENDEZVOUS, ENDING_CUT, WATCH_JOIN},
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

enum {
	OUT_TRIALS,
	OUT_SUMMARY,
};

struct trial_of {
	struct service *service;
	const struct kind *kind;
	uint32_t client, group, joiner;
	struct ap *ap;	       /* the victim, or ... */
	struct server *server; /* ... the victim */
	pias_time at, until;   /* it happens; the stream ends */
	/* What came of it. */
	unsigned sent, lost;
	double first_ms, last_loss_ms, joined_ms; /* -1: never, or not watched */
};

static void begin(struct run *r)
{
	r->out[OUT_TRIALS] = csv_new(&r->csv, "trials",
				     "aps,table,kind,trial,client,group,sent,lost,"
				     "first_ms,last_loss_ms,joined_ms");
	r->out[OUT_SUMMARY] = csv_new(
		&r->csv, "failover",
		"aps,table,kind,trials,lost_p50,lost_p90,lost_max,outage_ms_p50,"
		"outage_ms_p90,outage_ms_max,first_ms_p50,first_ms_p90,first_ms_max,"
		"joined_ms_p50,joined_ms_p90,joined_ms_max,never");
}

/* --- choosing ------------------------------------------------------------------------
 */

static unsigned members_of(const struct service *s, unsigned group)
{
	unsigned i, n = 0;

	for (i = 0; i < s->n_servers; i++)
		n += s->group_of[i] == group && service_is_joined(s, i);
	return n;
}

/* Does the AP with this host index hold the group, as owner or copy? */
static bool holds(const struct service *s, uint32_t ap, unsigned group)
{
	struct id server = {{0}};
	struct coord nowhere;
	struct addr src = s->client[0]->addr;
	struct target t;

	coord_init(&nowhere);
	return rendezvous_select(s->ap[ap]->proxy.rendezvous, &s->group[group], &server,
				 &nowhere, &src, 0, &t) != SELECT_NOT_OURS;
}

/*
 * A client and a group of two or more members, whose ingress AP has no part in the
 * group, so that only what shall die matters.
 */
static bool choose(struct trial_of *t)
{
	struct service *s = t->service;
	unsigned i;

	for (i = 0; i < TRIES; i++) {
		uint32_t in;

		t->client = (uint32_t)rng_below(&s->rng, s->n_clients);
		t->group = zipf_draw(&s->popularity, &s->rng);
		in = service_ingress(s, s->client[t->client]);
		if (in == UINT32_MAX || members_of(s, t->group) < 3 ||
		    !service_rendezvous(s, t->group) || holds(s, in, t->group))
			continue;
		do
			t->joiner = (uint32_t)rng_below(&s->rng, s->n_servers);
		while (s->group_of[t->joiner] != t->group ||
		       !service_is_joined(s, t->joiner));
		return true;
	}
	return false;
}

/* --- one trial -----------------------------------------------------------------------
 */

static void send_next(void *ctx, uint64_t n)
{
	struct trial_of *t = ctx;
	struct service *s = t->service;

	if (s->world.now >= t->until)
		return;
	service_shoot(s, t->client, t->group, 7);
	world_at(&s->world, s->world.now + SEC / (pias_time)s->scenario->rate, send_next,
		 t, n + 1);
}

static void find_victim(struct trial_of *t)
{
	struct service *s = t->service;
	uint32_t in = service_ingress(s, s->client[t->client]), i;

	t->ap = NULL;
	t->server = NULL;
	if (t->kind->victim == VICTIM_RENDEZVOUS)
		t->ap = service_rendezvous(s, t->group);
	else if (t->kind->victim == VICTIM_INGRESS && in != UINT32_MAX)
		t->ap = s->ap[in];
	for (i = s->n_shots; t->kind->victim == VICTIM_SERVER && i-- && !t->server;)
		if (s->shot[i].arrived)
			t->server = s->server[s->shot[i].server];
}

static void strike(struct trial_of *t)
{
	if (t->ap && t->kind->ending == ENDING_LEAVE)
		ap_leave(t->ap);
	else if (t->ap)
		ap_crash(t->ap, t->kind->ending == ENDING_CUT);
	if (t->server && t->kind->ending == ENDING_LEAVE)
		server_leave(t->server);
	else if (t->server)
		server_crash(t->server);
}

static void restore(struct trial_of *t)
{
	if (t->ap) {
		ap_crash(t->ap, false); /* where it left */
		ap_start(t->ap);
	}
	if (t->server) {
		server_crash(t->server);
		server_start(t->server);
	}
	service_run(t->service, t->service->world.now + RECOVER);
	service_forget_shots(t->service);
}

static void account(struct trial_of *t)
{
	struct service *s = t->service;
	pias_time last_loss = t->at;
	uint32_t i;

	t->sent = s->n_shots;
	t->lost = 0;
	t->first_ms = -1;
	for (i = 0; i < s->n_shots; i++) {
		const struct shot *shot = &s->shot[i];

		if (!shot->arrived) {
			t->lost++;
			if (shot->sent > last_loss)
				last_loss = shot->sent;
		} else if (shot->sent >= t->at && t->first_ms < 0) {
			t->first_ms = (double)(shot->sent - t->at) / MSEC;
		}
	}
	t->last_loss_ms = (double)(last_loss - t->at) / MSEC;
}

static void stream(struct trial_of *t)
{
	struct service *s = t->service;

	t->at = s->world.now + (t->kind->watched == WATCH_STREAM ? BEFORE : 0);
	t->until = t->at + AFTER;
	if (t->kind->watched == WATCH_STREAM) {
		send_next(t, 0);
		service_run(s, t->at);
		find_victim(t);
		strike(t);
	} else {
		find_victim(t);
		strike(t);
		send_next(t, 0);
	}
	service_run(s, t->until + LINGER);
	account(t);
}

/* The joiner has left a while ago and comes back as the rendezvous AP dies. */
static void join(struct trial_of *t)
{
	struct service *s = t->service;
	struct server *joiner = s->server[t->joiner];

	server_leave(joiner);
	service_run(s, s->world.now + BEFORE + LINGER);
	server_crash(joiner);
	find_victim(t);
	t->at = s->world.now;
	strike(t);
	server_start(joiner);
	service_run(s, t->at + AFTER + LINGER);
	t->joined_ms = service_is_joined(s, t->joiner)
			       ? (double)(joiner->since - t->at) / MSEC
			       : -1;
}

/* --- all of them ----------------------------------------------------------------------
 */

struct kind_result {
	struct sample lost, first, joined;
	struct sample outage; /* until the last packet that was lost, in ms */
	unsigned trials, never;
};

static void add_trial(struct run *r, const struct trial_of *t, unsigned number,
		      struct kind_result *sum)
{
	const struct service *s = t->service;

	sum->trials++;
	if (t->kind->watched == WATCH_JOIN) {
		if (t->joined_ms >= 0)
			sample_add(&sum->joined, t->joined_ms);
		else
			sum->never++;
	} else {
		sample_add(&sum->lost, t->lost);
		sample_add(&sum->outage, t->last_loss_ms);
		if (t->first_ms >= 0)
			sample_add(&sum->first, t->first_ms);
		else
			sum->never++;
	}
	fprintf(r->out[OUT_TRIALS], "%u,%s,%s,%u,%u,%u,%u,%u,%.3f,%.3f,%.3f\n", s->n_aps,
		run_table(s), t->kind->name, number, t->client, t->group, t->sent,
		t->lost, t->first_ms, t->last_loss_ms, t->joined_ms);
}

static void report(struct run *r, const struct service *s, const struct kind *k,
		   struct kind_result *sum)
{
	struct sample *columns[] = {&sum->lost, &sum->outage, &sum->first, &sum->joined};
	FILE *f = r->out[OUT_SUMMARY];
	char key[64];
	unsigned i;

	fprintf(f, "%u,%s,%s,%u", s->n_aps, run_table(s), k->name, sum->trials);
	for (i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		fprintf(f, ",%.1f,%.1f,%.1f", sample_at(columns[i], 0.5),
			sample_at(columns[i], 0.9), sample_at(columns[i], 1));
	fprintf(f, ",%u\n", sum->never);
	snprintf(key, sizeof(key), "%s_%s_max", k->name,
		 k->watched == WATCH_JOIN ? "joined_ms" : "lost");
	run_say(r, s, key,
		sample_at(k->watched == WATCH_JOIN ? &sum->joined : &sum->lost, 1));
	snprintf(key, sizeof(key), "%s_never", k->name);
	if (sum->never)
		run_say(r, s, key, sum->never);
	for (i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		sample_free(columns[i]);
}

static int run_kind(struct run *r, struct service *s, const struct kind *k)
{
	struct kind_result sum = {.trials = 0};
	unsigned i;

	for (i = 0; i < s->scenario->repeats; i++) {
		struct trial_of t = {.service = s,
				     .kind = k,
				     .first_ms = -1,
				     .last_loss_ms = -1,
				     .joined_ms = -1};

		if (!choose(&t)) {
			snprintf(r->why, sizeof(r->why),
				 "failover: no client with a group of three live servers "
				 "that its ingress AP has no part in; more aps or "
				 "servers?");
			return PIAS_EINVALID;
		}
		if (k->watched == WATCH_JOIN)
			join(&t);
		else
			stream(&t);
		add_trial(r, &t, i, &sum);
		restore(&t);
	}
	report(r, s, k, &sum);
	return 0;
}

static int measure(struct run *r, struct service *s)
{
	unsigned i;
	int err = 0;

	if (!s->n_clients || s->n_aps < 5) {
		snprintf(r->why, sizeof(r->why),
			 "failover needs clients and 5 APs or more");
		return PIAS_EINVALID;
	}
	for (i = 0; !err && i < N_KINDS; i++)
		err = run_kind(r, s, &kinds[i]);
	return err;
}

static pias_time time_of(const struct scenario *sc)
{
	return (pias_time)(sc->repeats * N_KINDS) * (BEFORE + AFTER + LINGER + RECOVER);
}

const struct experiment experiment_failover = {
	.name = "failover",
	.help = "what is lost when a server, an ingress or a rendezvous AP goes",
	.begin = begin,
	.measure = measure,
	.time = time_of,
};
