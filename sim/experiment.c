/* The sweep over sizes and table modes, and the table of experiments. */
#include "sim/experiment.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/script.h"

const struct experiment *const experiments[] = {
	&experiment_stretch,  &experiment_failover, &experiment_flash_crowd,
	&experiment_affinity, &experiment_upkeep,   &experiment_lookups,
	&experiment_traffic,  &experiment_scale,    NULL,
};

const char *run_table(const struct service *s)
{
	return s->ap[0]->config.overlay.mode == TABLE_FULL ? "full" : "fingers";
}

void run_say(struct run *r, const struct service *s, const char *key, double value)
{
	size_t len = strlen(r->summary);
	/* Counts are whole, however large. */
	int digits = value == floor(value) ? 15 : 6;

	snprintf(r->summary + len, sizeof(r->summary) - len, " %s_%u%s=%.*g", key,
		 s->n_aps, s->scenario->n_tables < 2 ? "" : run_table(s), digits, value);
}

static double work_of(const struct scenario *sc)
{
	double per_ap, sum = 0;
	unsigned i;

	for (i = 0; i < sc->n_sizes; i++) {
		per_ap = (double)(sc->warm_up + sc->experiment->time(sc) +
				  sc->wave_period * (sc->aps[i] / sc->wave) +
				  sc->server_spread + 10 * SEC);
		sum += per_ap / SEC * sc->aps[i] * sc->n_tables;
	}
	return sum;
}

static int measure_one(struct run *r, unsigned n_aps, enum table_mode table)
{
	const struct scenario *sc = r->scenario;
	unsigned n_crowd = sc->experiment->has_crowd ? sc->joins : 0;
	struct service s;
	char why[SERVICE_WHY];
	int err = service_init(&s, r->scenario, n_aps, n_crowd, table, r->seed, why);

	if (err) {
		snprintf(r->why, sizeof(r->why), "%s", why);
		return err;
	}
	s.progress = &r->progress;
	err = service_form(&s, why);
	if (err) {
		snprintf(r->why, sizeof(r->why), "%u APs: %s", n_aps, why);
	} else {
		script_begin(&s);
		err = r->scenario->experiment->measure(r, &s);
	}
	r->events += s.world.n_delivered;
	r->trace = (r->trace ^ s.world.trace) * 0x9fb21c651e98df25ULL;
	service_fini(&s);
	return err;
}

static int sweep(struct run *r)
{
	const struct scenario *sc = r->scenario;
	unsigned i, k;
	int err = 0;

	for (i = 0; i < sc->n_sizes; i++)
		for (k = 0; !err && k < sc->n_tables; k++)
			err = measure_one(r, sc->aps[i], sc->table[k]);
	return err;
}

int experiment_run(struct run *r, const struct scenario *sc, uint64_t seed,
		   const char *folder)
{
	int err;

	memset(r, 0, sizeof(*r));
	r->scenario = sc;
	r->seed = seed;
	if (!csv_open_set(&r->csv, folder, sc, seed)) {
		snprintf(r->why, sizeof(r->why), "%s", r->csv.why);
		return PIAS_ESYSTEM;
	}
	sc->experiment->begin(r);
	progress_begin(&r->progress, work_of(sc));
	err = r->csv.failed ? 0 : sweep(r);
	progress_end(&r->progress);
	if (err) {
		csv_abandon(&r->csv);
		return err;
	}
	if (csv_commit(&r->csv))
		return 0;
	snprintf(r->why, sizeof(r->why), "%s", r->csv.why);
	return PIAS_ESYSTEM;
}
