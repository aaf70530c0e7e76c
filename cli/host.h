/*
 * The daemon: one proxy and its world. It owns the event loop's objects, gives the core
 * its clock, sockets, links and timers, and sees to start, drain and end.
 */
#ifndef PIAS_CLI_HOST_H
#define PIAS_CLI_HOST_H

#include <event2/event.h>

#include "cli/announce.h"
#include "cli/config.h"
#include "cli/link.h"
#include "cli/quiet.h"
#include "cli/uplink.h"

#define HOST_WHY_MAX 512
/* Even a drain of no time lets the last messages out. */
#define HOST_DRAIN_MIN (200 * MSEC)

struct host {
	struct event_base *base;
	const struct config *config;
	struct env env;
	struct proxy proxy;
	bool has_proxy;
	struct tls tls;
	struct links *links;
	struct uplink uplink;
	struct announce announce;
	struct event *wake;
	pias_time wake_at;
	struct event *signals[2]; /* SIGTERM, SIGINT */
	struct event *drained;
	struct event *watchdog;
	struct quiet quiet;
	char join_trouble[HOST_WHY_MAX]; /* the last thing said about joining */
	char dial_trouble[HOST_WHY_MAX]; /* why the last dial failed */
	pias_time started_at, drain_ends_at;
	bool is_draining;
	int exit_code;
};

/* Can certificate, key, CA and ring key be used, by this ring? @why as host_init's. */
must_check int host_check_credentials(const struct config *config,
				      char why[static HOST_WHY_MAX]);
/*
 * @config must outlive the host. On failure @why says what is wrong and what to do;
 * nothing is left behind.
 */
must_check int host_init(struct host *h, struct event_base *base,
			 const struct config *config, char why[static HOST_WHY_MAX]);
void host_fini(struct host *h);
void host_start(struct host *h);
/* Withdraws, hands over, forwards on for the drain time, ends the loop. */
void host_drain(struct host *h);

/* Around calls into the core: sets its clock; sends what it gathered. */
void host_enter(struct host *h);
void host_leave(struct host *h);

#endif
