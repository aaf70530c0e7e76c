/*
 * A simulated server: the agent of `pias-join` and its decapsulator on a host of the
 * world. It joins one group or two, answers nothing, and reports what its tunnel lets in.
 * There may be a million: it holds what differs from one to the next, no more.
 */
#ifndef PIAS_SIM_SERVER_H
#define PIAS_SIM_SERVER_H

#include "forwarder/decap.h"
#include "rendezvous/agent.h"
#include "sim/world.h"

struct server {
	struct host *host;
	struct agent *agent; /* NULL: never started, or crashed */
	const char *ring;    /* borrowed */
	struct group_name group;
	struct group_name also; /* another one; family 0: none */
	uint8_t encap;		/* enum encap */
	uint64_t cookie;
	pias_time lease;	/* wish; 0: the AP's default */
	enum agent_state state; /* of its first group */
	int refused[2];		/* by group: the last refusal, 0: none */
	pias_time since;	/* of that state */
	uint64_t wall;	     /* its wall clock less the world's time; 0: later is later */
	uint64_t refused_in; /* tunnel packets that the decapsulator refused */
	/* A client's packet has come; @packet is parsed. NULL: nobody is told. */
	void (*delivered)(void *ctx, struct server *s, const struct packet *packet,
			  const struct host *from);
	void *ctx;
};

struct server *server_new(struct world *w, const char *ring,
			  const struct group_name *group, enum encap encap);
/* How many groups it joins, and which is its group @i. */
unsigned server_n_groups(const struct server *s);
const struct group_name *server_group(const struct server *s, unsigned i);
/* Where tunnel packets come. */
struct addr server_unicast(const struct server *s);
/* Before world_fini. */
void server_free(struct server *s);

void server_start(struct server *s);
/* Crash: neither its AP nor its group is told. */
void server_crash(struct server *s);
void server_leave(struct server *s);

#endif
