/* A simulated AP: a whole proxy, as the daemon runs it, on a host of the world. */
#ifndef PIAS_SIM_AP_H
#define PIAS_SIM_AP_H

#include "forwarder/proxy.h"
#include "sim/world.h"

struct ap {
	struct host *host;
	struct proxy proxy;
	struct proxy_config config;
	bool is_ready; /* announces its prefix */
	bool is_leaving;
	uint64_t starts;
	/* Its wall clock less the world's time; 0: later starts have later clocks. */
	uint64_t wall;
	/* Called when it becomes ready, or no longer is. NULL: nobody is told. */
	void (*ready_changed)(void *ctx, struct ap *ap);
	void *ctx;
	/* Why it can't join the ring, if it can't. */
	int join_error;
};

/* What `piasd` does without a configuration, in a ring "sim" with @w's anycast prefixes.
 */
void ap_defaults(const struct world *w, struct proxy_config *c);
/* @config: addresses, id and incarnation are filled in here. */
struct ap *ap_new(struct world *w, const struct proxy_config *config);
/* Another host with the key of @of. */
struct ap *ap_new_twin(struct ap *of);
/* After the world's hosts have been stopped, before world_fini. */
void ap_free(struct ap *ap);

void ap_start(struct ap *ap);
/* The first half of it: the process is there, and has not begun to join. */
void ap_begin(struct ap *ap);
/* The process is gone at once; ap_start starts it again, without any state. */
void ap_crash(struct ap *ap, bool silent);
void ap_leave(struct ap *ap);

#endif
