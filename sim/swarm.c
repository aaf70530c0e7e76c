/* The swarm's loop, and shrinking by trying what can be left out. */
#include "sim/swarm.h"

#include <string.h>
#include <time.h>

static void tell(const struct trial_options *o, const struct trial_result *r, FILE *f)
{
	fprintf(f, "violation: %s, at %.3f s\n", r->violation.what,
		(double)r->violation.at / SEC);
	trial_print(o, f);
	fprintf(f, "replay: pias-sim swarm --seeds %lu..%lu --shrink\n",
		(unsigned long)o->seed, (unsigned long)o->seed);
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

void swarm_draw(const struct swarm_options *o, uint64_t seed, struct trial_options *out)
{
	trial_draw(out, seed);
	out->queue = o->queue;
	out->matrix = o->matrix;
	out->real_crypto = o->real_crypto;
}

int swarm_run(const struct swarm_options *o, FILE *f, struct swarm_result *out,
	      char why[static 160])
{
	time_t start = time(NULL);
	uint64_t seed;

	memset(out, 0, sizeof(*out));
	for (seed = o->first; seed <= o->last; seed++) {
		struct trial_options t;
		struct trial_result r;
		int err;

		swarm_draw(o, seed, &t);
		err = trial_run(&t, &r);
		if (err) {
			memcpy(why, r.why, sizeof(r.why));
			return err;
		}
		out->seeds++;
		out->events += r.events;
		out->trace = (out->trace ^ r.trace) * 0x9fb21c651e98df25ULL;
		if (r.violation.is_found) {
			out->violations++;
			tell(&t, &r, f);
		}
		if (o->has_terminal)
			progress(o, seed, start, out->violations);
	}
	return 0;
}

/* --- shrinking ------------------------------------------------------------------ */

static bool fails(const struct trial_options *o, unsigned *tries)
{
	struct trial_result r;

	++*tries;
	return !trial_run(o, &r) && r.violation.is_found;
}

/* Leaves out ops [i, i + n) if it fails without them. */
static bool drop_ops(struct trial_options *o, unsigned i, unsigned n, unsigned *tries)
{
	struct trial_options less = *o;

	if (i + n > less.n_ops)
		n = less.n_ops - i;
	memmove(&less.op[i], &less.op[i + n], (less.n_ops - i - n) * sizeof(less.op[0]));
	less.n_ops -= n;
	if (!fails(&less, tries))
		return false;
	*o = less;
	return true;
}

/* Halves, quarters ... single ones (Zeller and Hildebrandt's ddmin, complements only). */
static void shrink_ops(struct trial_options *o, unsigned *tries)
{
	unsigned n, i;

	for (n = (o->n_ops + 1) / 2; n; n = n == 1 ? 0 : (n + 1) / 2)
		for (i = 0; i < o->n_ops;)
			if (!drop_ops(o, i, n, tries))
				i += n;
}

static void try_without(struct trial_options *o, double *rate, unsigned *tries)
{
	double was = *rate;

	if (was == 0)
		return;
	*rate = 0;
	if (!fails(o, tries))
		*rate = was;
}

static void shrink_rates(struct trial_options *o, unsigned *tries)
{
	try_without(o, &o->rates.loss, tries);
	try_without(o, &o->rates.duplicate, tries);
	try_without(o, &o->rates.reorder, tries);
	try_without(o, &o->rates.corrupt, tries);
	try_without(o, &o->rates.truncate, tries);
	try_without(o, &o->rates.jitter, tries);
}

static void shrink_number(struct trial_options *o, unsigned *n, unsigned least,
			  unsigned *tries)
{
	while (*n > least) {
		unsigned was = *n;

		*n = least + (was - least) / 2;
		if (fails(o, tries))
			continue;
		*n = was - 1;
		if (!fails(o, tries)) {
			*n = was;
			return;
		}
	}
}

bool swarm_shrink(struct trial_options *o, unsigned *tries)
{
	*tries = 0;
	if (!fails(o, tries))
		return false;
	shrink_rates(o, tries);
	shrink_ops(o, tries);
	shrink_number(o, &o->n_servers, 0, tries);
	shrink_number(o, &o->n_groups, 1, tries);
	shrink_number(o, &o->n_aps, 1, tries);
	shrink_ops(o, tries);
	return true;
}
