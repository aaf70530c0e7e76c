/* pias-sim: one table of commands; each prints one line of key=value on stdout. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "overlay/base/crypto.h"
#include "overlay/base/error.h"
#include "sim/chord_load.h"
#include "sim/experiment.h"
#include "sim/meter.h"
#include "sim/queue_bench.h"
#include "sim/swarm.h"

enum {
	EXIT_USAGE = 2,
};

/*
 * Larger blocks get pages of their own: thousands of APs have packet buffers that are
 * hardly touched, and tables that grow and would leave holes behind.
 */
#define OWN_PAGES (60 * 1024)

struct options {
	unsigned long nodes, pending, seconds, seed;
	enum queue_kind queue;
	struct swarm_options swarm;
	bool shrink;
	const char *replay, *save;
	/* run */
	const char *file, *out;
	const char *set[SETTINGS_MAX];
	unsigned n_set;
};

struct command {
	const char *name, *usage, *help;
	int (*run)(const struct options *o);
};

static int run_chord_load(const struct options *o)
{
	struct chord_load_result r;
	double cpu = meter_cpu_s();
	int err = chord_load_run((unsigned)o->nodes, (pias_time)o->seconds * SEC, o->seed,
				 o->queue, &r);

	if (err) {
		fprintf(stderr, "pias-sim: chord-load: %s\n", error_text(err));
		return EXIT_FAILURE;
	}
	cpu = meter_cpu_s() - cpu;
	printf("nodes=%lu lookups=%lu correct=%lu hops=%.3f messages=%lu timers=%lu "
	       "cpu_s=%.2f lookups_per_cpu_s=%.0f rss_mb=%.0f trace=%016lx\n",
	       o->nodes, r.lookups, r.correct,
	       r.lookups ? (double)r.hops / (double)r.lookups : 0.0, r.messages, r.timers,
	       cpu, cpu > 0 ? (double)r.correct / cpu : 0.0, meter_peak_rss_mb(),
	       r.trace);
	return r.correct == r.lookups ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run_queue_bench(const struct options *o)
{
	struct queue_bench_result radix, heap;

	queue_bench_run(QUEUE_RADIX, o->pending, o->seed, &radix);
	queue_bench_run(QUEUE_HEAP, o->pending, o->seed, &heap);
	printf("pending=%lu radix_ns=%.1f heap_ns=%.1f ratio=%.2f same_order=%s\n",
	       o->pending, radix.hold_ns, heap.hold_ns, radix.hold_ns / heap.hold_ns,
	       radix.order == heap.order ? "yes" : "no");
	return radix.order == heap.order ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int fail(const char *command, int err, const char *why)
{
	fprintf(stderr, "pias-sim: %s: %s\n", command, *why ? why : error_text(err));
	return err == PIAS_EMALFORMED || err == PIAS_EINVALID ? EXIT_USAGE : EXIT_FAILURE;
}

static int save_plan(const struct plan *p, const struct trial_result *r, const char *file)
{
	char comment[256];

	snprintf(comment, sizeof(comment), "%s",
		 r->violation.is_found ? r->violation.what : "no violation");
	if (!plan_save(p, comment, file))
		return 0;
	fprintf(stderr, "pias-sim: swarm: %s: %s\n", file, strerror(errno));
	return EXIT_FAILURE;
}

/* One trial alone: shrunk if that is asked for, printed, saved. */
static int run_plan(const struct options *o, struct plan *p)
{
	struct trial_result r;
	unsigned tries = 0;
	int err = trial_run(p, &r);

	if (!err && o->shrink && r.violation.is_found) {
		tries = swarm_shrink(p, &r.violation);
		err = trial_run(p, &r);
	}
	if (err)
		return fail("swarm", err, r.why);
	printf("seed=%lu violations=%d events=%lu trace=%016lx\n", (unsigned long)p->seed,
	       r.violation.is_found, (unsigned long)r.events, (unsigned long)r.trace);
	if (r.violation.is_found)
		fprintf(stderr, "violation: %s, at %.3f s\n", r.violation.what,
			(double)r.violation.at / SEC);
	if (o->shrink && r.violation.is_found) {
		fprintf(stderr, "after %u tries there is left:\n", tries);
		plan_write(p, stderr);
	}
	if (o->save && save_plan(p, &r, o->save))
		return EXIT_FAILURE;
	return r.violation.is_found ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int replay(const struct options *o)
{
	static struct plan p;
	char why[SETTINGS_WHY_MAX];

	if (plan_read(&p, o->replay, why)) {
		fprintf(stderr, "pias-sim: %s\n", why);
		return EXIT_USAGE;
	}
	p.queue = o->queue;
	return run_plan(o, &p);
}

static int run_swarm(const struct options *o)
{
	struct swarm_options swarm = o->swarm;
	char why[160], matrix[PATH_MAX];
	struct swarm_result r;
	static struct plan p;
	int err;

	if (o->replay)
		return replay(o);
	swarm.queue = o->queue;
	swarm.has_terminal = isatty(STDERR_FILENO);
	/* What is saved must find it, wherever it is saved. */
	if (swarm.matrix && realpath(swarm.matrix, matrix))
		swarm.matrix = matrix;
	if (o->shrink || o->save) {
		swarm_draw(&swarm, swarm.first, &p);
		return run_plan(o, &p);
	}
	err = swarm_run(&swarm, stderr, &r, why);
	if (err)
		return fail("swarm", err, why);
	printf("seeds=%lu violations=%lu events=%lu trace=%016lx\n", r.seeds,
	       r.violations, r.events, r.trace);
	return r.violations ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The summary: one line, the trace last. */
static void print_run(const struct run *r)
{
	printf("experiment=%s seed=%lu%s events=%lu cpu_s=%.1f rss_mb=%.0f trace=%016lx\n",
	       r->scenario->experiment->name, (unsigned long)r->seed, r->summary,
	       (unsigned long)r->events, meter_cpu_s(), meter_peak_rss_mb(),
	       (unsigned long)r->trace);
}

static int run_scenario(const struct options *o)
{
	static struct scenario sc;
	static struct run r;
	char why[SETTINGS_WHY_MAX];
	int err;

	if (!o->file || !o->out) {
		fprintf(stderr, "pias-sim: run: %s\n",
			o->file ? "--out DIR is missing" : "a scenario file is missing");
		return EXIT_USAGE;
	}
	if (scenario_read(&sc, o->file, o->set, o->n_set, why)) {
		fprintf(stderr, "pias-sim: %s\n", why);
		return EXIT_USAGE;
	}
	err = experiment_run(&r, &sc, o->seed, o->out);
	if (!err)
		print_run(&r);
	scenario_free(&sc);
	return err ? fail("run", err, r.why) : EXIT_SUCCESS;
}

static const struct command commands[] = {
	{"run", "FILE --out DIR [--seed N] [--set KEY=VALUE]...",
	 "one experiment as a scenario file has it; results as CSV files", run_scenario},
	{"swarm",
	 "[--seeds A..B | --replay FILE] [--shrink] [--save FILE] [--matrix FILE] "
	 "[--real-crypto] [--queue radix|heap]",
	 "whole rings with drawn faults, checked against a specification", run_swarm},
	{"chord-load", "[--nodes N] [--seconds S] [--seed N] [--queue radix|heap]",
	 "the fixed Chord lookup load, every answer checked", run_chord_load},
	{"queue-bench", "[--pending N] [--seed N]",
	 "time per pop and push of both event queues", run_queue_bench},
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *f)
{
	size_t i;

	fprintf(f, "usage:\n");
	for (i = 0; i < N_COMMANDS; i++)
		fprintf(f, "  pias-sim %s %s\n      %s\n", commands[i].name,
			commands[i].usage, commands[i].help);
}

static int bad(const char *option, const char *value)
{
	fprintf(stderr, "pias-sim: %s: %s\n", option,
		value ? value : "a value is missing");
	return EXIT_USAGE;
}

static int parse_number(const char *option, const char *s, unsigned long min,
			unsigned long max, unsigned long *out)
{
	char *end;

	errno = 0;
	*out = strtoul(s, &end, 10);
	if (*s >= '0' && *s <= '9' && !*end && !errno && *out >= min && *out <= max)
		return 0;
	fprintf(stderr, "pias-sim: %s: \"%s\" is not a whole number from %lu to %lu\n",
		option, s, min, max);
	return EXIT_USAGE;
}

static int parse_queue(const char *s, enum queue_kind *out)
{
	if (strcmp(s, "radix") && strcmp(s, "heap"))
		return bad("--queue", "radix or heap");
	*out = strcmp(s, "heap") ? QUEUE_RADIX : QUEUE_HEAP;
	return 0;
}

static int parse_seeds(const char *s, struct swarm_options *o)
{
	char *end;

	errno = 0;
	o->first = o->last = strtoul(s, &end, 10);
	if (!strncmp(end, "..", 2))
		o->last = strtoul(end + 2, &end, 10);
	if (*s < '0' || *s > '9' || *end || errno || o->last < o->first)
		return bad("--seeds", "wants A..B, two whole numbers");
	return 0;
}

static int add_set(struct options *o, const char *assignment)
{
	if (o->n_set == SETTINGS_MAX)
		return bad("--set", "given too often");
	o->set[o->n_set++] = assignment;
	return 0;
}

static int parse_option(struct options *o, const char *name, const char *value)
{
	if (!strcmp(name, "--set"))
		return add_set(o, value);
	if (!strcmp(name, "--out")) {
		o->out = value;
		return 0;
	}
	if (!strcmp(name, "--seeds"))
		return parse_seeds(value, &o->swarm);
	if (!strcmp(name, "--replay")) {
		o->replay = value;
		return 0;
	}
	if (!strcmp(name, "--save")) {
		o->save = value;
		return 0;
	}
	if (!strcmp(name, "--matrix")) {
		o->swarm.matrix = value;
		return 0;
	}
	if (!strcmp(name, "--queue"))
		return parse_queue(value, &o->queue);
	if (!strcmp(name, "--nodes"))
		return parse_number(name, value, 1, 1000000, &o->nodes);
	if (!strcmp(name, "--pending"))
		return parse_number(name, value, 1, 100000000, &o->pending);
	if (!strcmp(name, "--seconds"))
		return parse_number(name, value, 1, 1000000, &o->seconds);
	if (!strcmp(name, "--seed"))
		return parse_number(name, value, 0, UINT32_MAX, &o->seed);
	return bad(name, "no such option");
}

static int run(const struct command *c, int argc, char **argv)
{
	struct options o = {
		.nodes = 1000, .pending = 1000000, .seconds = 1000, .seed = 1};
	int i, err;

	for (i = 0; i < argc; i += 2) {
		if (c->run == run_scenario && *argv[i] != '-' && !o.file) {
			o.file = argv[i];
			i--;
			continue;
		}
		if (!strcmp(argv[i], "--shrink") || !strcmp(argv[i], "--real-crypto")) {
			if (argv[i][2] == 's')
				o.shrink = true;
			else
				o.swarm.real_crypto = true;
			i--;
			continue;
		}
		if (i + 1 == argc)
			return bad(argv[i], NULL);
		err = parse_option(&o, argv[i], argv[i + 1]);
		if (err)
			return err;
	}
	return c->run(&o);
}

int main(int argc, char **argv)
{
	size_t i;

	mallopt(M_MMAP_THRESHOLD, OWN_PAGES);
	if (crypto_init()) {
		fprintf(stderr, "pias-sim: %s\n", error_text(PIAS_ECRYPTO));
		return EXIT_FAILURE;
	}
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		usage(stdout);
		return EXIT_SUCCESS;
	}
	for (i = 0; argc > 1 && i < N_COMMANDS; i++)
		if (!strcmp(argv[1], commands[i].name))
			return run(&commands[i], argc - 2, argv + 2);
	usage(stderr);
	return EXIT_USAGE;
}
