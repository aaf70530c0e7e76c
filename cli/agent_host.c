/*
 * One agent and its world. Each event sets env.now, calls the agent once, and settles.
 * The agent's datagrams leave from one socket per family; each group has a probe socket
 * on its anycast address, which only a packet from the tunnel can reach.
 */
#include "cli/agent_host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli/clock.h"
#include "cli/link.h"
#include "cli/udp.h"

#define GROUP_NONE UINT32_MAX

/* A socket and what comes by it: the agent's own datagrams, or group's probes. */
struct door {
	struct agent_host *host;
	struct event *event;
	int fd;
	uint32_t group;
};

struct agent_host {
	struct env env;
	struct agent *agent;
	struct agent_config config;
	const struct agent_host_ops *ops;
	void *ctx;
	struct links *links;
	struct event *wake;
	struct udp_in *in;
	struct door own[2]; /* v4, v6 */
	struct door probe[AGENT_GROUPS_MAX];
};

static void enter(struct agent_host *h)
{
	h->env.now = clock_now();
}

static void settle(struct agent_host *h)
{
	env_settle(&h->env);
}

/* env_ops */

static void op_dial(void *host, const struct id *id, const struct addr addr[2])
{
	struct agent_host *h = host;

	links_dial(h->links, id, addr);
}

static void op_link_send(void *host, uint32_t link, const void *frame, size_t len)
{
	struct agent_host *h = host;

	links_send(h->links, link, frame, len);
}

static void op_link_close(void *host, uint32_t link)
{
	struct agent_host *h = host;

	links_close(h->links, link);
}

/* What can't be sent is lost like any datagram: the agent has its own timeouts. */
static void op_datagram(void *host, const struct addr *to, const void *data, size_t len)
{
	struct agent_host *h = host;
	struct door *d = &h->own[to->family == ADDR_V6];
	struct sockaddr_storage sa;
	socklen_t sa_len = udp_sockaddr(to, &sa);
	char text[ADDR_STR_MAX];

	if (d->fd >= 0 &&
	    sendto(d->fd, data, len, 0, (struct sockaddr *)&sa, sa_len) >= 0)
		return;
	log_debug(&h->env, "agent: not sent to=%s why=%s", addr_str(to, text),
		  d->fd < 0 ? "no socket of that family" : strerror(errno));
}

static void op_wake(void *host, pias_time at)
{
	struct agent_host *h = host;
	pias_time left = at - h->env.now;
	struct timeval tv;

	if (at == PIAS_NEVER) {
		event_del(h->wake);
		return;
	}
	if (left < 0)
		left = 0;
	tv.tv_sec = left / SEC;
	tv.tv_usec = left % SEC;
	event_add(h->wake, &tv);
}

/* Keys come from here: no randomness is a reason to stop at once. */
static void op_random(void *host, void *buf, size_t len)
{
	uint8_t *p = buf;
	ssize_t n;

	while (len) {
		n = getrandom(p, len, 0);
		if (n < 0 && errno != EINTR)
			abort();
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
}

static void op_log(void *host, enum log_level level, const char *text)
{
	struct agent_host *h = host;

	h->ops->log(h->ctx, level, text);
}

/* Tunnel and emit are an AP's. */
static const struct env_ops env_ops = {
	.dial = op_dial,
	.link_send = op_link_send,
	.link_close = op_link_close,
	.datagram = op_datagram,
	.wake = op_wake,
	.random = op_random,
	.log = op_log,
};

/* Events */

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct agent_host *h = arg;

	enter(h);
	/* The timer is spent: whatever comes next is news to the host. */
	h->env.wake_asked = PIAS_NEVER;
	env_run(&h->env);
	settle(h);
}

static void on_datagram(void *ctx, const struct udp_datagram *d)
{
	const struct door *door = ctx;
	struct agent_host *h = door->host;

	enter(h);
	if (door->group == GROUP_NONE)
		agent_on_datagram(h->agent, &d->from, d->data, d->len);
	else
		agent_on_probe(h->agent, door->group, &d->from, d->data, d->len);
	settle(h);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct door *d = arg;

	/* An error is of an earlier datagram (ICMP): nothing to do about it here. */
	(void)!udp_in_read(d->host->in, fd, on_datagram, d);
}

static int on_link_up(void *ctx, uint32_t link, const struct peer_identity *who,
		      bool dialed, const uint8_t key[OVERLAY_LINK_KEY_LEN])
{
	struct agent_host *h = ctx;
	int err;

	enter(h);
	err = agent_on_link_up(h->agent, link, &who->id);
	settle(h);
	return err;
}

static int on_frame(void *ctx, uint32_t link, enum peer_kind kind, const uint8_t *frame,
		    size_t len)
{
	struct agent_host *h = ctx;
	int err;

	enter(h);
	err = agent_on_frame(h->agent, link, frame, len);
	settle(h);
	return err;
}

static void on_link_down(void *ctx, uint32_t link, const struct peer_identity *who,
			 int err, const char *why)
{
	struct agent_host *h = ctx;

	if (err)
		h->ops->trouble(h->ctx, &who->from, why);
	enter(h);
	agent_on_link_down(h->agent, link);
	settle(h);
}

static void on_dial_failed(void *ctx, const struct id *id, const struct addr addr[2],
			   int err, const char *why)
{
	struct agent_host *h = ctx;
	char text[TLS_WHY_MAX + ADDR_STR_MAX + 16], at[ADDR_STR_MAX];

	snprintf(text, sizeof(text), "AP at %s: %s",
		 addr_str(addr_is_none(&addr[0]) ? &addr[1] : &addr[0], at), why);
	enter(h);
	agent_on_dial_failed(h->agent, addr, err, text);
	settle(h);
}

static const struct links_ops links_ops = {
	.up = on_link_up,
	.frame = on_frame,
	.down = on_link_down,
	.dial_failed = on_dial_failed,
};

/* Sockets */

static int open_door(struct agent_host *h, struct event_base *base, struct door *d,
		     const struct addr *on, uint32_t group)
{
	int fd = udp_open(on, 0);

	if (fd < 0)
		return fd;
	d->host = h;
	d->fd = fd;
	d->group = group;
	d->event = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, d);
	return d->event && !event_add(d->event, NULL) ? 0 : -ENOMEM;
}

static void close_door(struct door *d)
{
	if (d->event)
		event_free(d->event);
	if (d->fd >= 0)
		close(d->fd);
}

static int complain(char *why, const char *what, const struct addr *a, int err)
{
	char s[ADDR_STR_MAX];

	snprintf(why, AGENT_HOST_WHY_MAX, "%s %s: %s", what, addr_str(a, s),
		 strerror(-err));
	return PIAS_ESYSTEM;
}

/* A host without one of the families does with the other. */
static int open_own(struct agent_host *h, const struct agent_host_config *c, char *why)
{
	static const struct addr any[2] = {{.family = ADDR_V4}, {.family = ADDR_V6}};
	unsigned i;
	int err;

	for (i = 0; i < 2; i++) {
		struct addr on = addr_is_none(&c->local[i]) ? any[i] : c->local[i];

		on.port = 0;
		err = open_door(h, c->base, &h->own[i], &on, GROUP_NONE);
		if (err && !addr_is_none(&c->local[i]))
			return complain(why, "socket on", &on, err);
	}
	return 0;
}

static int open_probes(struct agent_host *h, struct event_base *base, char *why)
{
	unsigned i;
	int err;

	for (i = 0; i < h->config.n_groups; i++) {
		struct addr on = group_name_addr(&h->config.group[i]);

		on.port = 0;
		err = open_door(h, base, &h->probe[i], &on, i);
		if (err)
			return complain(why, "probe socket on", &on, err);
		h->config.probe_port[i] = udp_local(h->probe[i].fd).port;
	}
	return 0;
}

/* Life */

static int open_links(struct agent_host *h, const struct agent_host_config *c)
{
	struct links_config lc = {.base = c->base, .tls = c->tls};

	lc.has_family[0] = h->own[0].fd >= 0;
	lc.has_family[1] = h->own[1].fd >= 0;
	h->links = links_new(&lc, &links_ops, h);
	return h->links ? 0 : PIAS_ENOMEM;
}

static void fill_in(struct agent_host *h, const struct agent_host_config *c)
{
	h->config.start = (uint64_t)clock_wall();
	op_random(h, &h->config.cookie, sizeof(h->config.cookie));
	snprintf(h->config.ring, sizeof(h->config.ring), "%s", c->tls->self.ring);
}

static int open_all(struct agent_host *h, const struct agent_host_config *c, char *why)
{
	int err;

	snprintf(why, AGENT_HOST_WHY_MAX, "%s", error_text(PIAS_ENOMEM));
	h->wake = evtimer_new(c->base, on_wake, h);
	h->in = udp_in_new();
	if (!h->wake || !h->in)
		return PIAS_ENOMEM;
	err = open_own(h, c, why);
	if (!err)
		err = open_probes(h, c->base, why);
	if (!err)
		err = open_links(h, c);
	if (err)
		return err;
	h->agent = agent_new(&h->env, &h->config, &h->ops->agent, h->ctx);
	return h->agent ? 0 : PIAS_ENOMEM;
}

struct agent_host *agent_host_new(const struct agent_host_config *config,
				  const struct agent_host_ops *ops, void *ctx,
				  char why[static AGENT_HOST_WHY_MAX])
{
	struct agent_host *h = calloc(1, sizeof(*h));
	unsigned i;

	if (!h) {
		snprintf(why, AGENT_HOST_WHY_MAX, "%s", error_text(PIAS_ENOMEM));
		return NULL;
	}
	for (i = 0; i < 2; i++)
		h->own[i].fd = -1;
	for (i = 0; i < AGENT_GROUPS_MAX; i++)
		h->probe[i].fd = -1;
	h->ops = ops;
	h->ctx = ctx;
	h->config = config->agent;
	env_init(&h->env, &env_ops, h);
	h->env.log_level = config->log_level;
	fill_in(h, config);
	enter(h);
	if (open_all(h, config, why) == 0)
		return h;
	agent_host_free(h);
	return NULL;
}

void agent_host_free(struct agent_host *h)
{
	unsigned i;

	if (!h)
		return;
	agent_free(h->agent);
	links_free(h->links);
	for (i = 0; i < 2; i++)
		close_door(&h->own[i]);
	for (i = 0; i < AGENT_GROUPS_MAX; i++)
		close_door(&h->probe[i]);
	if (h->wake)
		event_free(h->wake);
	udp_in_free(h->in);
	env_fini(&h->env);
	crypto_wipe(&h->config, sizeof(h->config));
	free(h);
}

void agent_host_start(struct agent_host *h)
{
	enter(h);
	agent_start(h->agent);
	settle(h);
}

void agent_host_leave(struct agent_host *h)
{
	enter(h);
	agent_leave(h->agent);
	settle(h);
}

const struct agent *agent_host_agent(const struct agent_host *h)
{
	return h->agent;
}

const struct agent_config *agent_host_config_of(const struct agent_host *h)
{
	return &h->config;
}
