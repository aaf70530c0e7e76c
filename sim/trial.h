/*
 * One run of the swarm: a small world of APs, servers and clients, a schedule of
 * things that happen to it, and an end at which it must be whole again. Everything is
 * drawn from one seed; which kinds of faults and operations occur at all is drawn too,
 * because runs that lack some of them find more (Groce et al., ISSTA 2012).
 */
#ifndef PIAS_SIM_TRIAL_H
#define PIAS_SIM_TRIAL_H

#include <stdio.h>

#include "sim/catchment.h"
#include "sim/server.h"

#define TRIAL_APS_MAX	  60
#define TRIAL_SERVERS_MAX 60
#define TRIAL_GROUPS_MAX  12
#define TRIAL_CLIENTS	  6
#define TRIAL_OPS_MAX	  256
#define TRIAL_SEEDS	  3

enum op_kind {
	OP_AP_CRASH,
	OP_AP_POWER_CUT, /* a crash that nobody is told of */
	OP_AP_START,
	OP_AP_LEAVE,
	OP_SERVER_CRASH,
	OP_SERVER_START,
	OP_SERVER_LEAVE,
	OP_PARTITION, /* one way or both */
	OP_SLOW,      /* a grey AP */
	OP_FORGERY,   /* datagrams and packets from nobody */
	OP_REROUTE,   /* clients and servers change their ingress APs */
	OP_HEAL,      /* partitions and slowness end */
	N_OP_KINDS
};

struct op {
	pias_time at;
	enum op_kind kind;
	uint32_t target;
	uint64_t arg;
};

struct trial_options {
	uint64_t seed;
	unsigned n_aps, n_servers, n_groups;
	bool op_is_on[N_OP_KINDS];
	struct fault_rates rates; /* during the unsafe phase */
	pias_time unsafe;	  /* how long things go wrong */
	enum queue_kind queue;
	const char *matrix; /* a file of measured delays; NULL: generated */
	bool real_crypto;
	bool never_heals; /* to see the specification fail */
	struct op op[TRIAL_OPS_MAX];
	unsigned n_ops;
};

struct violation {
	bool is_found;
	pias_time at;
	char what[200];
};

struct trial_client {
	struct host *host;
	uint64_t sent;
};

struct trial {
	struct world world;
	struct catchment catchment;
	const struct trial_options *options;
	struct ap *ap[TRIAL_APS_MAX];
	struct server *server[TRIAL_SERVERS_MAX];
	struct group_name group[TRIAL_GROUPS_MAX];
	struct trial_client client[TRIAL_CLIENTS];
	unsigned n_aps, n_servers, n_groups;
	bool is_unsafe;
	bool traffic; /* clients send */
	struct rng rng;
	uint64_t delivered, checked;
	bool answered[TRIAL_CLIENTS][TRIAL_GROUPS_MAX]; /* since trial_ask_all */
	struct violation violation;
};

struct trial_result {
	struct violation violation;
	char why[160]; /* of an error */
	uint64_t events, delivered, trace;
};

/* Draws everything from the seed. */
void trial_draw(struct trial_options *o, uint64_t seed);
/* An error: the matrix can't be read; @out then says why. */
must_check int trial_run(const struct trial_options *o, struct trial_result *out);
/* One line that tells what was drawn. */
void trial_print(const struct trial_options *o, FILE *f);

/* Notes the first violation; later ones follow from it. */
void trial_violate(struct trial *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

bool trial_ap_is_live(const struct ap *ap);
bool trial_server_is_live(const struct server *s);

#endif
