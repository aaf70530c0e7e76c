/* The swarm's loop, and shrinking by trying what can be left out. */
#include "sim/swarm.h"

#include <string.h>
#include <time.h>

static void tell(const struct plan *p, const struct trial_result *r, FILE *f)
{
	fprintf(f, "violation: %s, at %.3f s\n", r->violation.what,
		(double)r->violation.at / SEC);
	plan_write(p, f);
	fprintf(f, "replay: pias-sim swarm --seeds %lu..%lu%s%s%s --shrink --save FILE\n",
		(unsigned long)p->seed, (unsigned long)p->seed,
		p->real_crypto ? " --real-crypto" : "", *p->matrix ? " --matrix " : "",
		p->matrix);
}

static void progress(const struct swarm_options *o, uint64_t seed, time_t start,
		     uint64_t violations)
{
	double done = (double)(seed - o->first + 1),
	       all = (double)(o->last - o->first + 1);
	double spent = (double)(time(NULL) - start);

	fprintf(stderr, "\r%.0f of %.0f seeds, %lu violations, %.0f s left  ", done, all,
		(unsigned long)violations, spent / done * (all - done));
	if (seed == o->last)
		fputc('\n', stderr);
}

void swarm_draw(const struct swarm_options *o, uint64_t seed, struct plan *out)
{
	plan_draw(out, seed);
	out->queue = o->queue;
	out->real_crypto = o->real_crypto;
	if (o->matrix)
		snprintf(out->matrix, sizeof(out->matrix), "%s", o->matrix);
}

int swarm_run(const struct swarm_options *o, FILE *f, struct swarm_result *out,
	      char why[static 160])
{
	time_t start = time(NULL);
	uint64_t seed;

	memset(out, 0, sizeof(*out));
	for (seed = o->first; seed <= o->last; seed++) {
		struct plan p;
		struct trial_result r;
		int err;

		swarm_draw(o, seed, &p);
		err = trial_run(&p, &r);
		if (err) {
			memcpy(why, r.why, sizeof(r.why));
			return err;
		}
		out->seeds++;
		out->events += r.events;
		out->trace = (out->trace ^ r.trace) * 0x9fb21c651e98df25ULL;
		if (r.violation.is_found) {
			out->violations++;
			tell(&p, &r, f);
		}
		if (o->has_terminal)
			progress(o, seed, start, out->violations);
	}
	return 0;
}

/* --- shrinking ------------------------------------------------------------------ */

/* A plan that is to fail in one way: another one is another matter. */
struct shrink {
	const char *kind;
	unsigned tries;
};

static bool fails(const struct plan *p, struct shrink *s)
{
	struct trial_result r;

	s->tries++;
	return !trial_run(p, &r) && r.violation.is_found && r.violation.kind == s->kind;
}

/* Leaves out ops [i, i + n) if it fails without them. */
static bool drop_ops(struct plan *p, unsigned i, unsigned n, struct shrink *s)
{
	struct plan less = *p;

	if (i + n > less.n_ops)
		n = less.n_ops - i;
	memmove(&less.op[i], &less.op[i + n], (less.n_ops - i - n) * sizeof(less.op[0]));
	less.n_ops -= n;
	if (!fails(&less, s))
		return false;
	*p = less;
	return true;
}

/* Halves, quarters ... single ones (Zeller and Hildebrandt's ddmin, complements only). */
static void shrink_ops(struct plan *p, struct shrink *s)
{
	unsigned n, i;

	for (n = (p->n_ops + 1) / 2; n; n = n == 1 ? 0 : (n + 1) / 2)
		for (i = 0; i < p->n_ops;)
			if (!drop_ops(p, i, n, s))
				i += n;
}

static void try_rate(struct plan *p, double *rate, struct shrink *s)
{
	double was = *rate;

	if (was == 0)
		return;
	*rate = 0;
	if (!fails(p, s))
		*rate = was;
}

static void try_count(struct plan *p, uint32_t *n, uint32_t plain, struct shrink *s)
{
	uint32_t was = *n;

	if (was == plain)
		return;
	*n = plain;
	if (!fails(p, s))
		*n = was;
}

static void shrink_faults(struct plan *p, struct shrink *s)
{
	bool leaps = p->has_clock_leaps;

	try_rate(p, &p->rates.loss, s);
	try_rate(p, &p->rates.duplicate, s);
	try_rate(p, &p->rates.reorder, s);
	try_rate(p, &p->rates.corrupt, s);
	try_rate(p, &p->rates.truncate, s);
	try_rate(p, &p->rates.jitter, s);
	try_count(p, &p->drift_ppm, 0, s);
	p->has_clock_leaps = false;
	if (leaps && !fails(p, s))
		p->has_clock_leaps = true;
}

/* What everybody would take for granted. */
static void shrink_options(struct plan *p, struct shrink *s)
{
	try_rate(p, &p->both, s);
	try_rate(p, &p->ipv6, s);
	try_rate(p, &p->wide, s);
	try_count(p, &p->n_late_aps, 0, s);
	try_count(p, &p->n_late_servers, 0, s);
	try_count(p, &p->n_replicas, 3, s);
	try_count(p, &p->max_groups, 1000, s);
	try_count(p, &p->max_members, 1000, s);
	try_count(p, &p->max_group_members, 1000, s);
	try_count(p, &p->max_servers, 1000, s);
	try_count(p, &p->max_cached, 1000, s);
	try_count(p, &p->max_flows, 8192, s);
}

static void shrink_count(struct plan *p, uint32_t *n, uint32_t least, struct shrink *s)
{
	while (*n > least) {
		uint32_t was = *n;

		*n = least + (was - least) / 2;
		if (fails(p, s))
			continue;
		*n = was - 1;
		if (!fails(p, s)) {
			*n = was;
			return;
		}
	}
}

unsigned swarm_shrink(struct plan *p, const struct violation *v)
{
	struct shrink s = {.kind = v->kind};

	shrink_faults(p, &s);
	shrink_ops(p, &s);
	shrink_options(p, &s);
	shrink_count(p, &p->n_servers, p->n_late_servers, &s);
	shrink_count(p, &p->n_groups, 1, &s);
	shrink_count(p, &p->n_aps, p->n_late_aps + 1, &s);
	shrink_ops(p, &s);
	return s.tries;
}
