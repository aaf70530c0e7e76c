/*
 * Experiments: what is measured in a scenario's service. For each size and table mode
 * of the scenario a service is made, formed and warmed up; then the experiment does
 * its work in it and adds rows to its result files.
 */
#ifndef PIAS_SIM_EXPERIMENT_H
#define PIAS_SIM_EXPERIMENT_H

#include "sim/csv.h"
#include "sim/sample.h"
#include "sim/service.h"

#define EXPERIMENTS_MAX	   16
#define EXPERIMENT_SUMMARY 8192

/* A whole run of a scenario. */
struct run {
	const struct scenario *scenario;
	uint64_t seed;
	struct csv_set csv;
	FILE *out[CSV_FILES_MAX]; /* the experiment's files, in its own order */
	struct progress progress;
	uint64_t events, trace;
	char summary[EXPERIMENT_SUMMARY]; /* key=value ... */
	char why[PATH_MAX + 256];	  /* of an error */
};

struct experiment {
	const char *name, *help;
	bool has_crowd; /* of scenario.joins servers more, which it starts itself */
	/* Opens the files. */
	void (*begin)(struct run *r);
	/* In a warm service. An error: r->why says what. */
	int (*measure)(struct run *r, struct service *s);
	/* About how much simulated time that takes. */
	pias_time (*time)(const struct scenario *sc);
};

extern const struct experiment *const experiments[]; /* ends with NULL */

/* PIAS_E*, then r->why says what; r->summary and the files are there otherwise. */
must_check int experiment_run(struct run *r, const struct scenario *sc, uint64_t seed,
			      const char *folder);
/* "full" or "fingers", as this service has it. */
const char *run_table(const struct service *s);
/* Adds " KEY_SIZE=value", with the service's size and table mode in the key. */
void run_say(struct run *r, const struct service *s, const char *key, double value);

extern const struct experiment experiment_stretch, experiment_failover,
	experiment_flash_crowd, experiment_affinity, experiment_upkeep,
	experiment_lookups, experiment_traffic, experiment_scale;

#endif
