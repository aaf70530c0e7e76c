/*
 * The Chord lookup load of `pias-sim chord-load`, for SimGrid: the same work, done by
 * the textbook protocol (Stoica et al., SIGCOMM 2001), to compare simulators by. One
 * actor for each node, which waits for a message or its next timer, whichever is
 * first; sends are detached. The network is the cheapest that SimGrid has: a constant
 * delay. Needs libsimgrid-dev.
 *
 *   simgrid_chord [NODES [SECONDS [SEED]]]
 */
#include <simgrid/actor.h>
#include <simgrid/comm.h>
#include <simgrid/engine.h>
#include <simgrid/host.h>
#include <simgrid/mailbox.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <xbt/config.h>
#include <xbt/log.h>

#define ONE_WAY	    0.025 /* s */
#define STACK_KB    32
#define FINGERS	    32
#define NODES_MAX   100000
#define MESSAGE_LEN 64
#define NAME_LEN    16

enum kind {
	GET_PRED,
	PRED,
	NOTIFY,
	PING,
	PONG,
	FIND,
	FOUND,
};

struct message {
	enum kind kind;
	unsigned from;	/* FIND: who asks */
	unsigned which; /* PRED: the predecessor; FOUND: the owner */
	uint32_t key;
	unsigned hops;
	int finger; /* FIND, FOUND: to be set; -1: a lookup of the load */
	struct message *next_free;
};

enum timer {
	STABILISE,
	FIX_FINGER,
	CHECK_PRED,
	LOOKUP,
	TIMERS,
};

static const double periods[TIMERS] = {
	[STABILISE] = 20,
	[FIX_FINGER] = 120,
	[CHECK_PRED] = 120,
	[LOOKUP] = 10,
};

struct node {
	sg_mailbox_t mailbox;
	uint32_t id;
	unsigned index, succ, pred;
	unsigned finger[FINGERS]; /* i: the owner of id + 2^i */
	unsigned next_finger;
	double due[TIMERS];
};

static struct {
	struct node *node; /* in order of id */
	unsigned n;
	double end;
	uint64_t random;
	struct message *free_message;
	unsigned long lookups, correct, hops, messages, timers;
	bool has_terminal;
} load;

/* SplitMix64. */
static uint64_t draw(void)
{
	uint64_t z = load.random += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* In [0, 1). */
static double draw_part(void)
{
	return (double)(draw() >> 11) * 0x1p-53;
}

/* Is @x in (@from, @to], clockwise? @from == @to is the whole ring. */
static bool in_arc(uint32_t x, uint32_t from, uint32_t to)
{
	return from == to || (x != from && x - from <= to - from);
}

static unsigned owner_of(uint32_t key)
{
	unsigned lo = 0, hi = load.n;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (load.node[mid].id < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo == load.n ? 0 : lo;
}

/* --- messages ------------------------------------------------------------------ */

static void send(unsigned to, struct message what)
{
	struct message *m = load.free_message;

	if (m)
		load.free_message = m->next_free;
	else if (!(m = malloc(sizeof(*m))))
		abort();
	*m = what;
	load.messages++;
	sg_comm_detach(sg_mailbox_put_init(load.node[to].mailbox, m, MESSAGE_LEN), NULL);
}

static void found(struct node *n, const struct message *m)
{
	if (m->finger >= 0) {
		n->finger[m->finger] = m->which;
		return;
	}
	load.lookups++;
	load.hops += m->hops;
	load.correct += m->which == owner_of(m->key);
}

static unsigned closest_preceding(const struct node *n, uint32_t key)
{
	unsigned i;

	for (i = FINGERS; i--;) {
		uint32_t id = load.node[n->finger[i]].id;

		if (id != key && id != n->id && in_arc(id, n->id, key))
			return n->finger[i];
	}
	return n->succ;
}

/* One step of a lookup, which ends at the owner's predecessor. */
static void find(struct node *n, struct message m)
{
	if (!in_arc(m.key, n->id, load.node[n->succ].id)) {
		m.hops++;
		send(closest_preceding(n, m.key), m);
		return;
	}
	m.kind = FOUND;
	m.which = n->succ;
	send(m.from, m);
}

static void on_message(struct node *n, const struct message *m)
{
	switch (m->kind) {
	case GET_PRED:
		send(m->from,
		     (struct message){.kind = PRED, .from = n->index, .which = n->pred});
		break;
	case PRED:
		if (m->which != n->index &&
		    in_arc(load.node[m->which].id, n->id, load.node[n->succ].id))
			n->succ = m->which;
		send(n->succ, (struct message){.kind = NOTIFY, .from = n->index});
		break;
	case NOTIFY:
		if (in_arc(load.node[m->from].id, load.node[n->pred].id, n->id))
			n->pred = m->from;
		break;
	case PING:
		send(m->from, (struct message){.kind = PONG, .from = n->index});
		break;
	case PONG:
		break;
	case FIND:
		find(n, *m);
		break;
	case FOUND:
		found(n, m);
		break;
	}
}

/* --- a node --------------------------------------------------------------------- */

static void tell_progress(void)
{
	if (load.has_terminal)
		fprintf(stderr, "\rSimGrid: %.0f of %.0f s simulated ",
			simgrid_get_clock(), load.end);
}

static void on_timer(struct node *n, enum timer t)
{
	struct message lookup = {.kind = FIND, .from = n->index, .finger = -1};

	load.timers++;
	switch (t) {
	case STABILISE:
		send(n->succ, (struct message){.kind = GET_PRED, .from = n->index});
		break;
	case FIX_FINGER:
		lookup.finger = (int)n->next_finger;
		lookup.key = n->id + (1U << n->next_finger);
		n->next_finger = (n->next_finger + 1) % FINGERS;
		find(n, lookup);
		break;
	case CHECK_PRED:
		send(n->pred, (struct message){.kind = PING, .from = n->index});
		break;
	case LOOKUP:
		if (!n->index)
			tell_progress();
		lookup.key = (uint32_t)draw();
		find(n, lookup);
		break;
	case TIMERS:
		break;
	}
}

static enum timer next_timer(const struct node *n)
{
	enum timer t, best = 0;

	for (t = 1; t < TIMERS; t++)
		if (n->due[t] < n->due[best])
			best = t;
	return best;
}

/* True: @m has arrived; false: it is @until. */
static bool receive(struct node *n, sg_comm_t *pending, void **m, double until)
{
	double patience = until - simgrid_get_clock();

	if (patience <= 0)
		return false;
	if (!*pending)
		*pending = sg_mailbox_get_async(n->mailbox, m);
	/* Of the calls that wait with a timeout, the one after which it may go on. */
	if (!sg_comm_wait_all_for(pending, 1, patience))
		return false;
	*pending = NULL;
	return true;
}

static void run_node(int argc, char **argv)
{
	struct node *n = sg_actor_self_get_data();
	sg_comm_t pending = NULL;
	void *received;

	for (;;) {
		enum timer t = next_timer(n);
		bool is_last = n->due[t] >= load.end;
		struct message *m;

		if (receive(n, &pending, &received, is_last ? load.end : n->due[t])) {
			m = received;
			on_message(n, m);
			m->next_free = load.free_message;
			load.free_message = m;
			continue;
		}
		if (is_last)
			break;
		n->due[t] += periods[t];
		on_timer(n, t);
	}
}

/* --- setting up ------------------------------------------------------------------ */

static void load_platform(void)
{
	char path[] = "/tmp/simgrid_chord.XXXXXX.xml";
	int fd = mkstemps(path, 4);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	unsigned i;

	if (!f) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	fputs("<?xml version='1.0'?>\n"
	      "<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
	      "<platform version=\"4.1\">\n<zone id=\"all\" routing=\"None\">\n",
	      f);
	for (i = 0; i < load.n; i++)
		fprintf(f, "<host id=\"%u\" speed=\"1Gf\"/>\n", i);
	fputs("</zone>\n</platform>\n", f);
	if (fclose(f)) {
		perror(path);
		unlink(path);
		exit(EXIT_FAILURE);
	}
	simgrid_load_platform(path);
	unlink(path);
}

static int by_id(const void *a, const void *b)
{
	uint32_t x = ((const struct node *)a)->id, y = ((const struct node *)b)->id;

	return x < y ? -1 : x > y;
}

/* Different ones; with 32 bits, two of so few nodes are rarely equal. */
static void draw_ids(void)
{
	unsigned i;
	bool again;

	do {
		again = false;
		for (i = 0; i < load.n; i++)
			load.node[i].id = (uint32_t)draw();
		qsort(load.node, load.n, sizeof(load.node[0]), by_id);
		for (i = 1; i < load.n; i++)
			again |= load.node[i].id == load.node[i - 1].id;
	} while (again);
}

static void start_node(unsigned i)
{
	struct node *n = &load.node[i];
	char name[NAME_LEN];
	sg_actor_t actor;
	unsigned k;

	n->index = i;
	n->succ = (i + 1) % load.n;
	n->pred = (i + load.n - 1) % load.n;
	for (k = 0; k < FINGERS; k++)
		n->finger[k] = owner_of(n->id + (1U << k));
	for (k = 0; k < TIMERS; k++)
		n->due[k] = draw_part() * periods[k];
	snprintf(name, sizeof(name), "%u", i);
	n->mailbox = sg_mailbox_by_name(name);
	actor = sg_actor_init(name, sg_host_by_name(name));
	sg_actor_set_data(actor, n);
	sg_actor_start_(actor, run_node, 0, NULL);
}

static double cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

/* The engine takes its own options off the command line. */
static void init_simgrid(int *argc, char **argv)
{
	simgrid_init(argc, argv);
	sg_cfg_set_string("network/model", "Constant");
	sg_cfg_set_double("network/latency-factor", ONE_WAY);
	sg_cfg_set_int("contexts/stack-size", STACK_KB);
	xbt_log_control_set("root.thres:error");
}

int main(int argc, char **argv)
{
	struct rusage u;
	double cpu;
	unsigned i;

	init_simgrid(&argc, argv);
	load.n = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000;
	load.end = argc > 2 ? strtod(argv[2], NULL) : 1000;
	load.random = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
	if (load.n < 2 || load.n > NODES_MAX || load.end <= 0) {
		fprintf(stderr, "usage: simgrid_chord [NODES [SECONDS [SEED]]]\n");
		return 2;
	}
	load.has_terminal = isatty(STDERR_FILENO);
	load.node = calloc(load.n, sizeof(*load.node));
	if (!load.node)
		abort();
	load_platform();
	cpu = cpu_s(); /* not counting the platform's parser */
	draw_ids();
	for (i = 0; i < load.n; i++)
		start_node(i);
	simgrid_run();
	cpu = cpu_s() - cpu;
	if (load.has_terminal)
		fputs("\r\033[K", stderr);
	getrusage(RUSAGE_SELF, &u);
	printf("nodes=%u lookups=%lu correct=%lu hops=%.3f messages=%lu timers=%lu "
	       "cpu_s=%.2f lookups_per_cpu_s=%.0f rss_mb=%.0f\n",
	       load.n, load.lookups, load.correct,
	       load.lookups ? (double)load.hops / (double)load.lookups : 0.0,
	       load.messages, load.timers, cpu,
	       cpu > 0 ? (double)load.correct / cpu : 0.0, (double)u.ru_maxrss / 1024);
	return load.correct == load.lookups ? EXIT_SUCCESS : EXIT_FAILURE;
}
