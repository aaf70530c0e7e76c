/*
 * The whole service of a scenario: APs, servers in groups, clients, and the packets
 * that clients send. Each packet is a shot: it carries its number, and what became of
 * it (when it arrived, where, by which AP) is noted when a server's tunnel lets it in.
 */
#ifndef PIAS_SIM_SERVICE_H
#define PIAS_SIM_SERVICE_H

#include "sim/catchment.h"
#include "sim/meter.h"
#include "sim/progress.h"
#include "sim/scenario.h"
#include "sim/server.h"

struct shot {
	pias_time sent, arrived; /* arrived 0: not (yet) */
	uint32_t client, group;
	uint32_t ingress; /* host index of the AP it went to; UINT32_MAX: none */
	uint32_t server;  /* index, once arrived */
	uint32_t by;	  /* host index of the AP that delivered it */
	uint32_t copies;
};

/* Ranks 0 to n - 1, rank i with weight 1 / (i + 1)^exponent. */
struct zipf {
	double *up_to;
	unsigned n;
};

/* How far things are. */
struct mark {
	pias_time now;
	uint64_t events;
	struct meter used;
	size_t engine; /* of the memory, what the simulator holds for what is under way */
};

struct service {
	struct world world;
	struct catchment catchment;
	const struct scenario *scenario;
	struct book *book; /* shared contact records */
	struct ap **ap;
	unsigned n_aps;
	struct server **server;
	uint32_t *group_of; /* by server */
	unsigned n_servers;
	unsigned n_crowd; /* of the servers, the last: members of group 0 to come */
	struct group_name *group;
	unsigned n_groups;
	struct zipf popularity;
	struct host **client;
	uint32_t *moved; /* by client: the host index of the AP instead of its own */
	unsigned n_clients;
	struct shot *shot;
	uint32_t n_shots, cap_shots;
	struct rng rng;			   /* workload */
	struct mark begun, formed, joined; /* nothing yet; all APs; all servers */
	pias_time began;		   /* when the script's clock began */
	struct progress *progress;
	void (*arrived)(void *ctx, uint32_t shot); /* NULL: nobody is told */
	void *ctx;
};

#define SERVICE_WHY 256

/*
 * A service of @n_aps, nothing started yet. @n_crowd servers more than the scenario's
 * are there that service_form does not start. An error: @why says what.
 */
must_check int service_init(struct service *s, const struct scenario *sc, unsigned n_aps,
			    unsigned n_crowd, enum table_mode table, uint64_t seed,
			    char why[static SERVICE_WHY]);
void service_fini(struct service *s);
/*
 * Starts APs in waves, then servers, until all are ready; then warms up. PIAS_ETIMEOUT:
 * they do not get there, @why says how far they are.
 */
must_check int service_form(struct service *s, char why[static SERVICE_WHY]);
struct mark service_mark(const struct service *s);
/* Runs until @until, with progress. */
void service_run(struct service *s, pias_time until);

/*
 * Client @client sends a packet to @group now; returns the number of the shot. Another
 * @flow, another source port.
 */
uint32_t service_shoot(struct service *s, unsigned client, unsigned group, uint16_t flow);
/* Forgets all shots; those under way no longer count. */
void service_forget_shots(struct service *s);

/* The AP that a client's packets reach now, host index; UINT32_MAX: none. */
uint32_t service_ingress(struct service *s, const struct host *from);
/* The AP, if it is up, that owns the group's key as itself sees it; NULL: none. */
struct ap *service_rendezvous(const struct service *s, unsigned group);
bool service_is_joined(const struct service *s, unsigned server);
/* The sum of a counter over all APs that are up. */
uint64_t service_count(const struct service *s, enum counter c);

int zipf_init(struct zipf *z, unsigned n, double exponent);
void zipf_fini(struct zipf *z);
unsigned zipf_draw(const struct zipf *z, struct rng *r);

#endif
