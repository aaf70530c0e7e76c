/*
 * What a run is to do, as read from a scenario file: the syntax of piasd.conf, one
 * table of keys. Every key has a default; `pias-sim run --set` goes before the file.
 */
#ifndef PIAS_SIM_SCENARIO_H
#define PIAS_SIM_SCENARIO_H

#include "cli/settings.h"
#include "forwarder/proxy.h"
#include "sim/faults.h"
#include "sim/queue.h"

#define SCENARIO_SIZES_MAX  16
#define SCENARIO_EVENTS_MAX 256

struct experiment;

enum topology_kind {
	TOPOLOGY_WORLD,
	TOPOLOGY_MATRIX,
	TOPOLOGY_FIXED,
};

enum ingress_kind {
	INGRESS_POLICY,	 /* as an AS graph's routes lead */
	INGRESS_NEAREST, /* the nearest AP that announces */
};

/* What happens at a certain time after the warm-up, by the script. */
enum scripted {
	SCRIPT_CRASH_AP,
	SCRIPT_CUT_AP, /* power: nobody is told */
	SCRIPT_LEAVE_AP,
	SCRIPT_START_AP,
	SCRIPT_SLOW_AP,
	SCRIPT_CRASH_SERVER,
	SCRIPT_LEAVE_SERVER,
	SCRIPT_START_SERVER,
	SCRIPT_PARTITION, /* so many of a hundred hosts from the rest */
	SCRIPT_HEAL,
	SCRIPT_REROUTE,
	N_SCRIPTED
};

struct script_event {
	pias_time at;
	enum scripted what;
	uint32_t which; /* the AP or server, counted from 0 */
};

struct scenario {
	char file[PATH_MAX];
	const struct experiment *experiment;
	/* The network. */
	enum topology_kind topology;
	char matrix[PATH_MAX];
	pias_time one_way;   /* TOPOLOGY_FIXED */
	bool aps_in_largest; /* TOPOLOGY_WORLD: one AP in each of the largest cities */
	enum ingress_kind ingress;
	uint32_t networks;     /* in the AS graph */
	pias_time convergence; /* from a change to all routes having changed */
	struct fault_rates rates;
	/* Who is there. */
	uint32_t aps[SCENARIO_SIZES_MAX]; /* one run each */
	unsigned n_sizes;
	enum table_mode table[2]; /* one run each, for each size */
	unsigned n_tables;
	bool is_perfect; /* the ring is there at once; else they join: */
	uint32_t wave;	 /* APs that start together ... */
	pias_time wave_period;
	pias_time server_spread; /* over which servers start */
	uint32_t groups, servers, clients;
	double size_exponent, popularity_exponent; /* Zipf */
	/* Phases. */
	pias_time warm_up, duration;
	/* The APs' own options. */
	struct rendezvous_config rendezvous;
	pias_time stabilise_period, probe_period, finger_period;
	bool real_crypto;
	bool shares_records; /* of contacts, among all APs; else each has its own */
	enum queue_kind queue;
	/* What experiments are after. */
	uint32_t pairs, repeats, rate, joins, lookups;
	/* From one ingress AP to another; 0: not for that cause. */
	double moves_per_day;	   /* of one client */
	uint32_t packets_per_move; /* of one client */
	pias_time reroute_period;  /* of all networks */
	struct script_event event[SCENARIO_EVENTS_MAX];
	unsigned n_events;
	/* Every key with its value, as it was written. */
	char *text[SETTINGS_MAX];
};

/* @set: n_set assignments NAME=VALUE. PIAS_EINVALID, and @why says where and what. */
must_check int scenario_read(struct scenario *s, const char *file, const char *const *set,
			     unsigned n_set, char why[static SETTINGS_WHY_MAX]);
void scenario_free(struct scenario *s);
/* The key of index @i and its value as text; NULL past the end. */
const char *scenario_key(unsigned i);
const char *scenario_value(const struct scenario *s, unsigned i);

#endif
