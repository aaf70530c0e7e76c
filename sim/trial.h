/*
 * One run of the swarm: a small world of APs, servers and clients, a plan of things
 * that happen to it, and an end at which it must be whole again.
 */
#ifndef PIAS_SIM_TRIAL_H
#define PIAS_SIM_TRIAL_H

#include "sim/catchment.h"
#include "sim/journal.h"
#include "sim/plan.h"
#include "sim/server.h"

#define TRIAL_CLIENTS	6
#define TRIAL_SEEDS	3
#define TRIAL_OVERHEARD 32
#define TRIAL_ASK_PORT	9000 /* of clients at rest: one flow to each group */

struct violation {
	bool is_found;
	pias_time at;
	const char *kind; /* equal for violations of the same kind */
	char what[200];
};

/* A genuine datagram, for forgers. */
struct overheard {
	uint32_t from, to; /* hosts */
	size_t len;
	uint8_t data[1500];
};

/* What an AP was seen to believe of another: it may only grow. */
struct belief {
	uint64_t incarnation;
	uint8_t status;
};

struct trial {
	struct world world;
	struct catchment catchment;
	const struct plan *plan;
	struct ap *ap[PLAN_APS_MAX];
	struct ap *twin[PLAN_APS_MAX]; /* another with its key; NULL: never */
	struct server *server[PLAN_SERVERS_MAX];
	pias_time gone_at[PLAN_SERVERS_MAX]; /* crashed or left; PIAS_NEVER: it is not */
	struct group_name group[PLAN_GROUPS_MAX];
	struct host *client[TRIAL_CLIENTS];
	unsigned n_aps, n_servers, n_groups;
	bool is_at_rest; /* all has healed, and had time to converge */
	bool is_forging; /* what is sent just now, nobody sent */
	bool has_traffic;
	struct rng rng;
	uint64_t n_queries, delivered;
	/* Until then the ring may be less than it must be: too much went wrong. */
	pias_time unsettled;
	/* What the oracle keeps in mind. */
	struct journal journal;
	struct belief belief[PLAN_APS_MAX][PLAN_APS_MAX];
	uint64_t starts[PLAN_APS_MAX];
	uint8_t lonely_s[PLAN_APS_MAX], principals_short_s;
	/* At rest: who answered, as the host's index plus 1. */
	uint32_t answered[TRIAL_CLIENTS][PLAN_GROUPS_MAX];
	struct overheard *overheard;
	unsigned n_overheard;
	struct violation violation;
};

struct trial_result {
	struct violation violation;
	char why[160]; /* of an error */
	uint64_t events, delivered, trace;
};

/* An error: the matrix can't be read; @out then says why. */
must_check int trial_run(const struct plan *p, struct trial_result *out);

/* Notes the first violation; later ones follow from it. */
void trial_violate(struct trial *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
