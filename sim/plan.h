/*
 * What one trial of the swarm is to do: how many of whom, what goes wrong and when.
 * Drawn from a seed, or read from a file in the syntax of scenarios; what is left of a
 * trial that failed is written as such a file (sim/scenarios/regression).
 */
#ifndef PIAS_SIM_PLAN_H
#define PIAS_SIM_PLAN_H

#include <stdio.h>

#include "cli/settings.h"
#include "overlay/overlay.h"
#include "sim/faults.h"
#include "sim/queue.h"

#define PLAN_APS_MAX	 60
#define PLAN_SERVERS_MAX 60
#define PLAN_GROUPS_MAX	 12
#define PLAN_OPS_MAX	 256

enum op_kind {
	OP_AP_CRASH,
	OP_AP_POWER_CUT, /* a crash that nobody is told of */
	OP_AP_START,
	OP_AP_LEAVE,
	OP_SERVER_CRASH,
	OP_SERVER_START,
	OP_SERVER_LEAVE,
	OP_PARTITION, /* so many of a hundred hosts from the rest; out, in or both */
	OP_SLOW,      /* a grey AP, so many times slower */
	OP_CLOG,      /* what an AP sends, is sent, or both, waits for so many ms */
	OP_SWIZZLE,   /* some hosts clog one by one, and unclog in another order */
	OP_RESET,     /* all links of an AP break, as when a firewall forgets them */
	OP_PAUSE,     /* an AP stands still for so many ms, and does not know it */
	OP_REGION,    /* power cut: an AP and so many of a hundred nearest hosts */
	OP_CROWD,     /* everybody who is down starts at once */
	OP_TWIN,      /* another AP with this one's key, for so many ms */
	OP_FORGERY,   /* datagrams and packets from nobody */
	OP_REROUTE,   /* networks choose anew among equally good routes */
	OP_HEAL,      /* partitions, slowness and clogging end */
	N_OP_KINDS
};

struct op {
	pias_time at; /* whole milliseconds */
	enum op_kind kind;
	uint32_t target; /* an AP or server; past the end, counted on from 0 */
	uint32_t arg;	 /* as its kind has it */
};

struct plan {
	uint64_t seed;
	uint32_t n_aps, n_servers, n_groups;
	uint32_t n_late_aps,
		n_late_servers; /* the last ones: not started by themselves */
	double wide, ipv6;	/* parts of the groups */
	double gue, both;	/* of the servers; both: in two groups */
	uint32_t n_replicas;
	enum table_mode table;
	pias_time unsafe; /* how long things go wrong */
	struct fault_rates rates;
	uint32_t drift_ppm;   /* at most, of each host's clock */
	bool has_clock_leaps; /* of wall clocks, between two starts */
	uint32_t max_groups, max_members, max_group_members, max_servers; /* of an AP */
	uint32_t max_cached, max_flows;
	enum queue_kind queue;
	char matrix[PATH_MAX]; /* measured delays; "": generated */
	bool real_crypto;
	bool never_heals; /* to see the specification fail */
	struct op op[PLAN_OPS_MAX];
	unsigned n_ops;
};

#define PLAN_FORM_TIME (15 * SEC) /* to form the ring, before things go wrong */

/* Draws everything from the seed. */
void plan_draw(struct plan *p, uint64_t seed);
/* PIAS_EINVALID, and @why says where and what. */
must_check int plan_read(struct plan *p, const char *file,
			 char why[static SETTINGS_WHY_MAX]);
/* As plan_read reads it. */
void plan_write(const struct plan *p, FILE *f);
/* To a file that has its name only once it is complete. PIAS_ESYSTEM: errno says why. */
must_check int plan_save(const struct plan *p, const char *comment, const char *file);

/* Can some tables be too small for all who want in? */
bool plan_is_tight(const struct plan *p);

#endif
