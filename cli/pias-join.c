/*
 * pias-join: makes this host a member of anycast groups for as long as it runs.
 *
 *   joining -> serving -> leaving -> stopping
 *
 * Joining ends when every group has accepted us; then --exec's command starts. A signal,
 * the command's end, or a final refusal begins the leaving; when the proxies know, the
 * command (if it still runs) is told to stop, while the tunnel stays open for what is
 * under way. Everything happens in on_step, which whoever has news schedules.
 */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "cli/agent_host.h"
#include "cli/child.h"
#include "cli/join_options.h"
#include "cli/join_report.h"
#include "cli/notify.h"
#include "cli/server_check.h"
#include "cli/site.h"
#include "cli/stream.h"
#include "cli/version.h"
#include "overlay/base/crypto.h"

#define EXIT_USAGE     2
#define LEAVE_GUARD_MS 1500 /* the agent gives up after a second itself */
#define SIGNALS_MAX    8

enum phase {
	JOINING,
	SERVING,
	LEAVING,  /* the proxies are being told */
	STOPPING, /* waiting for the command to end */
};

struct join {
	struct join_options options;
	struct tls tls;
	struct event_base *base;
	struct site site;
	struct agent_host *host;
	struct join_report report;
	struct event *step, *guard;
	struct event *signal[SIGNALS_MAX];
	unsigned n_signals;
	enum phase phase;
	bool is_joined[AGENT_GROUPS_MAX], has_left[AGENT_GROUPS_MAX];
	bool is_refused; /* for good */
	int stop_signal; /* what we were told to end with; 0: nothing */
	bool is_guard_over;
	pid_t child; /* 0: none */
	int exit_code;
};

static void schedule(struct join *j)
{
	event_active(j->step, EV_TIMEOUT, 0);
}

/* What the agent says */

static void on_state(void *ctx, unsigned i, enum agent_state state)
{
	struct join *j = ctx;

	join_report_state(&j->report, agent_host_agent(j->host), i, &j->options.group[i],
			  state);
	j->is_joined[i] = state == AGENT_JOINED;
	j->has_left[i] = state == AGENT_LEFT;
	schedule(j);
}

static void on_refused(void *ctx, unsigned i, int err, const char *why, bool is_final)
{
	struct join *j = ctx;

	join_report_refused(&j->report, i, &j->options.group[i], err, why, is_final);
	if (is_final && j->phase < LEAVING) {
		j->is_refused = true;
		schedule(j);
	}
}

static void on_trouble(void *ctx, const struct addr *ap, const char *why)
{
	struct join *j = ctx;

	if (j->phase < LEAVING)
		join_report_trouble(&j->report, ap, why);
}

static void on_log(void *ctx, enum log_level level, const char *text)
{
	join_report_line("%s", text);
}

static const struct agent_host_ops host_ops = {
	.agent = {.state = on_state, .refused = on_refused},
	.trouble = on_trouble,
	.log = on_log,
};

/* Phases */

static bool all_set(const bool *flags, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		if (!flags[i])
			return false;
	}
	return true;
}

static void leave(struct join *j)
{
	struct timeval guard = {.tv_sec = LEAVE_GUARD_MS / 1000,
				.tv_usec = LEAVE_GUARD_MS % 1000 * 1000};

	j->phase = LEAVING;
	notify_manager("STOPPING=1");
	event_add(j->guard, &guard);
	agent_host_leave(j->host);
}

static void serve(struct join *j)
{
	int err;

	j->phase = SERVING;
	notify_manager("READY=1");
	if (!j->options.exec)
		return;
	err = child_start(j->options.exec, &j->child);
	if (!err)
		return;
	join_report_line("cannot run %s: %s", j->options.exec[0], strerror(-err));
	j->child = 0;
	j->exit_code = EXIT_FAILURE;
	leave(j);
}

/* The proxies know, or won't. */
static void stop(struct join *j)
{
	j->phase = STOPPING;
	event_del(j->guard);
	if (j->child)
		kill(j->child, j->stop_signal ? j->stop_signal : SIGTERM);
	else
		event_base_loopbreak(j->base);
}

static void on_step(evutil_socket_t fd, short what, void *arg)
{
	struct join *j = arg;
	unsigned n = j->options.n_groups;

	switch (j->phase) {
	case JOINING:
	case SERVING:
		if (j->is_refused)
			j->exit_code = EXIT_FAILURE;
		if (j->is_refused || j->stop_signal)
			leave(j);
		else if (j->phase == JOINING && all_set(j->is_joined, n))
			serve(j);
		else if (j->phase == SERVING && j->options.exec && !j->child)
			leave(j);
		break;
	case LEAVING:
		if (j->is_guard_over || all_set(j->has_left, n))
			stop(j);
		break;
	case STOPPING:
		if (!j->child)
			event_base_loopbreak(j->base);
		break;
	}
}

static void on_guard(evutil_socket_t fd, short what, void *arg)
{
	struct join *j = arg;

	j->is_guard_over = true;
	schedule(j);
}

/* Signals */

/* To end, politely the first time. */
static void on_stop(struct join *j, int signal)
{
	if (j->stop_signal) {
		if (j->child)
			kill(j->child, signal);
		j->exit_code = 128 + signal;
		event_base_loopbreak(j->base);
		return;
	}
	j->stop_signal = signal;
	schedule(j);
}

static void on_child(struct join *j)
{
	int status;

	if (!j->child || waitpid(j->child, &status, WNOHANG) != j->child)
		return;
	j->child = 0;
	/* Dying of the signal that we passed on is doing as told. */
	if (!(WIFSIGNALED(status) && WTERMSIG(status) == j->stop_signal))
		j->exit_code = child_exit_code(status);
	if (j->phase == SERVING)
		join_report_line("%s ended with status %d", j->options.exec[0],
				 child_exit_code(status));
	schedule(j);
}

static void on_signal(evutil_socket_t signal, short what, void *arg)
{
	struct join *j = arg;

	switch (signal) {
	case SIGTERM:
	case SIGINT:
		on_stop(j, (int)signal);
		break;
	case SIGCHLD:
		on_child(j);
		break;
	case SIGUSR1:
		join_report_stats(decap_io_stats(j->site.decap));
		break;
	default: /* the command's business, where there is one */
		if (j->child)
			kill(j->child, (int)signal);
		else if (signal == SIGHUP || signal == SIGQUIT)
			on_stop(j, (int)signal);
		break;
	}
}

static int watch_signals(struct join *j)
{
	static const int signals[] = {SIGTERM, SIGINT,	SIGCHLD, SIGUSR1,
				      SIGHUP,  SIGQUIT, SIGUSR2, SIGWINCH};
	unsigned i;

	_Static_assert(sizeof(signals) / sizeof(*signals) <= SIGNALS_MAX, "room");
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		j->signal[i] = evsignal_new(j->base, signals[i], on_signal, j);
		if (!j->signal[i] || event_add(j->signal[i], NULL))
			return PIAS_ENOMEM;
		j->n_signals++;
	}
	return 0;
}

/* Life */

static int open_events(struct join *j)
{
	j->base = event_base_new();
	if (!j->base)
		return PIAS_ENOMEM;
	j->step = evtimer_new(j->base, on_step, j);
	j->guard = evtimer_new(j->base, on_guard, j);
	return j->step && j->guard ? watch_signals(j) : PIAS_ENOMEM;
}

static void describe(const struct join *j, struct agent_host_config *c)
{
	memset(c, 0, sizeof(*c));
	c->base = j->base;
	c->tls = (struct tls *)&j->tls;
	memcpy(c->local, j->site.local, sizeof(c->local));
	c->log_level = j->options.is_verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR;
	memcpy(c->agent.group, j->options.group, sizeof(c->agent.group));
	c->agent.n_groups = j->options.n_groups;
	c->agent.create = j->options.create;
	c->agent.unicast = j->site.unicast;
	c->agent.encap = j->options.encap;
	c->agent.mtu = (uint16_t)j->site.mtu;
	c->agent.lease = j->options.lease;
}

static int open_host(struct join *j, char *why)
{
	struct agent_host_config c;

	describe(j, &c);
	j->host = agent_host_new(&c, &host_ops, j, why);
	if (!j->host)
		return PIAS_ESYSTEM;
	return site_listen(&j->site, agent_host_config_of(j->host), why);
}

static int open_all(struct join *j, char why[static SITE_WHY_MAX])
{
	int err;

	_Static_assert(SITE_WHY_MAX >= TLS_WHY_MAX && SITE_WHY_MAX >= AGENT_HOST_WHY_MAX,
		       "one buffer for all");
	snprintf(why, SITE_WHY_MAX, "%s", error_text(PIAS_ENOMEM));
	err = open_events(j);
	if (!err)
		err = site_open(&j->site, j->base, &j->options, why);
	if (!err)
		err = open_host(j, why);
	return err;
}

static void run(struct join *j)
{
	agent_host_start(j->host);
	event_base_dispatch(j->base);
	join_report_stats(decap_io_stats(j->site.decap));
}

static void close_all(struct join *j)
{
	unsigned i;

	agent_host_free(j->host);
	site_close(&j->site);
	for (i = 0; i < j->n_signals; i++)
		event_free(j->signal[i]);
	if (j->step)
		event_free(j->step);
	if (j->guard)
		event_free(j->guard);
	if (j->base) {
		stream_end_lingering(j->base);
		event_base_free(j->base);
	}
	tls_fini(&j->tls);
}

/* Bad credentials are a matter of configuration. */
static int load_credentials(struct join *j, char *why)
{
	const struct join_options *o = &j->options;
	int err = tls_init(&j->tls, o->cert, o->key, o->ca, why);

	if (err)
		return err;
	if (j->tls.self.kind == PEER_KIND_SERVER) {
		/* Said, but tried all the same: the clock that is wrong may be ours. */
		if (tls_check_time(&j->tls, why))
			join_report_line("%s", why);
		return 0;
	}
	snprintf(why, TLS_WHY_MAX,
		 "certificate %s is for a proxy, not for a server (piasctl pki as)",
		 o->cert);
	tls_fini(&j->tls);
	return PIAS_EINVALID;
}

static int serve_groups(struct join *j)
{
	char why[SITE_WHY_MAX] = "";

	if (server_check_rights(j->options.encap == ENCAP_IPIP, why)) {
		join_report_line("%s", why);
		return EXIT_FAILURE;
	}
	if (load_credentials(j, why)) {
		join_report_line("%s", why);
		return EXIT_USAGE;
	}
	if (open_all(j, why) == 0) {
		run(j);
	} else {
		join_report_line("%s", why);
		j->exit_code = EXIT_FAILURE;
	}
	close_all(j);
	return j->exit_code;
}

int main(int argc, char **argv)
{
	char why[JOIN_OPTIONS_WHY_MAX];
	static struct join j; /* zero, and large */

	j.site.tun.fd = -1;
	switch (join_options_parse(&j.options, argc, argv, why)) {
	case JOIN_OPTIONS_OK:
		break;
	case JOIN_OPTIONS_HELP:
		fputs(join_options_usage(), stdout);
		return EXIT_SUCCESS;
	case JOIN_OPTIONS_VERSION:
		puts("pias-join " PIAS_VERSION);
		return EXIT_SUCCESS;
	case JOIN_OPTIONS_WRONG:
		join_report_line("%s (pias-join --help)", why);
		return EXIT_USAGE;
	}
	if (crypto_init()) {
		join_report_line("%s", error_text(PIAS_ECRYPTO));
		return EXIT_FAILURE;
	}
	j.report.is_verbose = j.options.is_verbose;
	return serve_groups(&j);
}
