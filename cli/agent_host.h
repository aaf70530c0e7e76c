/*
 * The host of rendezvous/agent.h: clock, sockets, links and timers around one agent.
 * What the agent and its links have to say goes to struct agent_host_ops.
 */
#ifndef PIAS_CLI_AGENT_HOST_H
#define PIAS_CLI_AGENT_HOST_H

#include <event2/event.h>

#include "cli/tls.h"
#include "rendezvous/agent.h"

#define AGENT_HOST_WHY_MAX 256

struct agent_host_config {
	struct event_base *base;
	struct tls *tls;
	/*
	 * Complete but for ring, probe ports, cookie and start, which agent_host_new
	 * fills in.
	 */
	struct agent_config agent;
	/* v4, v6: where our own datagrams come from; none: the system chooses. */
	struct addr local[2];
	enum log_level log_level;
};

/* Called from within the agent: what they decide must wait for their return. */
struct agent_host_ops {
	struct agent_ops agent;
	/* A link to an AP broke, and why: it may have refused our certificate. */
	void (*trouble)(void *ctx, const struct addr *ap, const char *why);
	void (*log)(void *ctx, enum log_level level, const char *text);
};

struct agent_host;

/*
 * Opens the probe sockets, for which the anycast addresses must be on this host. On
 * failure NULL, and @why says what is wrong.
 */
struct agent_host *agent_host_new(const struct agent_host_config *config,
				  const struct agent_host_ops *ops, void *ctx,
				  char why[static AGENT_HOST_WHY_MAX]);
void agent_host_free(struct agent_host *h); /* NULL is fine */
void agent_host_start(struct agent_host *h);
void agent_host_leave(struct agent_host *h);
const struct agent *agent_host_agent(const struct agent_host *h);
/* As the agent has it: with probe ports and cookie. */
const struct agent_config *agent_host_config_of(const struct agent_host *h);

#endif
