/*
 * Order matters: leftovers of a killed run go before the kernel is asked which address it
 * would send from, because they would be its answer; the tunnel interface is checked and
 * up before the anycast addresses appear, so that nothing can be sent to them that could
 * not be served.
 */
#include "cli/site.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/fellow.h"
#include "cli/join_report.h"
#include "cli/netif.h"
#include "cli/server_check.h"
#include "forwarder/encap.h"

#define MTU_DEFAULT_MAX 1500
#define RESYNC_MS	200 /* routes have calmed down */

_Static_assert(SITE_WHY_MAX >= SERVER_CHECK_WHY_MAX && SITE_WHY_MAX >= HOST_NET_WHY_MAX &&
		       SITE_WHY_MAX >= DECAP_IO_WHY_MAX && SITE_WHY_MAX >= TUN_WHY_MAX,
	       "one buffer for all");

/* Addresses */

static void collect_addresses(struct site *s)
{
	struct host_net_config *c = &s->net_config;
	unsigned i, j;

	for (i = 0; i < s->options->n_groups; i++) {
		struct addr a = group_name_addr(&s->options->group[i]);

		a.port = 0;
		for (j = 0; j < c->n_anycast && !addr_eq(&a, &c->anycast[j]); j++)
			;
		if (j == c->n_anycast)
			c->anycast[c->n_anycast++] = a;
	}
}

/* The first anycast address of @family, or NULL. */
static const struct addr *first_of(const struct site *s, uint8_t family)
{
	unsigned i;

	for (i = 0; i < s->net_config.n_anycast; i++) {
		if (s->net_config.anycast[i].family == family)
			return &s->net_config.anycast[i];
	}
	return NULL;
}

static int find_source(struct site *s, unsigned i, char *why)
{
	const struct addr *to = first_of(s, i ? ADDR_V6 : ADDR_V4);
	char text[ADDR_STR_MAX];

	if (!to)
		return 0;
	if (s->options->unicast.family == to->family) {
		s->local[i] = s->options->unicast;
		return 0;
	}
	s->local[i] = server_source_towards(to);
	if (!addr_is_none(&s->local[i]))
		return 0;
	snprintf(why, SITE_WHY_MAX,
		 "no route to %s, or no address of this host to send from: is there a "
		 "default route?",
		 addr_str(to, text));
	return PIAS_EUNREACH;
}

static int choose_addresses(struct site *s, char *why)
{
	int err = find_source(s, 0, why);

	if (!err)
		err = find_source(s, 1, why);
	if (err)
		return err;
	s->unicast = s->options->unicast;
	if (addr_is_none(&s->unicast))
		s->unicast = s->local[s->net_config.anycast[0].family == ADDR_V6];
	if (s->options->encap == ENCAP_GUE)
		s->unicast.port = s->options->port;
	if (s->options->also_client &&
	    first_of(s, s->unicast.family == ADDR_V4 ? ADDR_V6 : ADDR_V4)) {
		snprintf(why, SITE_WHY_MAX,
			 "--also-client: a proxy knows a member again by its unicast "
			 "address, so IPv4 and IPv6 groups need a pias-join each, with "
			 "a --unicast of their own family");
		return PIAS_EINVALID;
	}
	return server_check_unicast(&s->unicast, s->net_config.anycast,
				    s->net_config.n_anycast, why);
}

static int choose_mtu(struct site *s, char *why)
{
	s->mtu = s->options->mtu ? s->options->mtu
				 : server_mtu_of(&s->unicast, MTU_DEFAULT_MAX);
	s->inner_mtu = encap_inner_mtu(s->options->encap, s->unicast.family, s->mtu);
	return server_check_mtu(s->mtu, s->inner_mtu, first_of(s, ADDR_V6) != NULL, why);
}

/* Keeping it so */

static void tell_if_large(struct site *s)
{
	if (!s->net.is_large || s->is_large_told || s->options->leave_mss)
		return;
	s->is_large_told = true;
	join_report_line("the main routing table is too large to be copied: TCP will "
			 "advertise full-size segments, and proxies will have to ask "
			 "clients for smaller ones (see --no-route)");
}

static void resync(struct site *s)
{
	char why[HOST_NET_WHY_MAX];

	if (host_net_sync(&s->net, why) == 0) {
		s->last_trouble[0] = '\0';
		tell_if_large(s);
	} else if (strcmp(why, s->last_trouble)) {
		snprintf(s->last_trouble, sizeof(s->last_trouble), "%s", why);
		join_report_line("%s", why);
	}
}

static void on_resync(evutil_socket_t fd, short what, void *arg)
{
	resync(arg);
}

static void on_net_event(evutil_socket_t fd, short what, void *arg)
{
	struct timeval pause = {.tv_usec = RESYNC_MS * 1000};
	struct site *s = arg;

	switch (host_net_on_events(&s->net)) {
	case HOST_NET_NOTHING:
		break;
	case HOST_NET_ROUTES:
		if (!event_pending(s->resync, EV_TIMEOUT, NULL))
			event_add(s->resync, &pause);
		break;
	case HOST_NET_OURS:
		resync(s);
		break;
	}
}

static int watch(struct site *s, char *why)
{
	snprintf(why, SITE_WHY_MAX, "%s", error_text(PIAS_ENOMEM));
	s->resync = evtimer_new(s->base, on_resync, s);
	s->net_event = event_new(s->base, host_net_fd(&s->net), EV_READ | EV_PERSIST,
				 on_net_event, s);
	if (!s->resync || !s->net_event || event_add(s->net_event, NULL))
		return PIAS_ENOMEM;
	return 0;
}

/* Life */

static int open_tun(struct site *s, char *why)
{
	int err = tun_open(&s->tun, s->options->tun, why);

	if (!err && first_of(s, ADDR_V4))
		err = server_check_rp_filter(SERVER_SYSCTL_ROOT, s->tun.name, why);
	if (!err && first_of(s, ADDR_V6))
		err = server_check_ipv6(SERVER_SYSCTL_ROOT, s->tun.name, why);
	if (err)
		return err;
	err = netif_set_up(s->tun.index, true);
	if (err)
		snprintf(why, SITE_WHY_MAX, "cannot set interface %s up: %s", s->tun.name,
			 strerror(-err));
	return err ? PIAS_ESYSTEM : 0;
}

static int change_host(struct site *s, char *why)
{
	s->net_config.leave_addresses = s->options->leave_addresses;
	s->net_config.leave_mss = s->options->leave_mss;
	s->net_config.also_client = s->options->also_client;
	s->net_config.inner_mtu = s->inner_mtu;
	s->net_config.source_v6 = s->local[1];
	return host_net_up(&s->net, &s->net_config, why);
}

static int claim_groups(struct site *s, char *why)
{
	char name[GROUP_NAME_STR_MAX];
	unsigned i;
	int fd;

	for (i = 0; i < s->options->n_groups; i++) {
		fd = fellow_claim(&s->options->group[i]);
		if (fd >= 0) {
			s->claim[s->n_claims++] = fd;
			continue;
		}
		group_name_str(&s->options->group[i], name);
		if (fd == -EADDRINUSE)
			snprintf(why, SITE_WHY_MAX,
				 "%s: another pias-join on this host serves it already",
				 name);
		else
			snprintf(why, SITE_WHY_MAX, "%s: %s", name, strerror(-fd));
		return PIAS_EEXISTS;
	}
	return 0;
}

static int open_all(struct site *s, char *why)
{
	int err = claim_groups(s, why);

	if (!err)
		err = host_net_open(&s->net, why);
	if (!err)
		err = host_net_clean(&s->net, s->net_config.anycast,
				     s->net_config.n_anycast, why);
	if (!err)
		err = choose_addresses(s, why);
	if (!err)
		err = choose_mtu(s, why);
	if (!err)
		err = open_tun(s, why);
	if (!err)
		err = change_host(s, why);
	if (!err)
		err = watch(s, why);
	return err;
}

int site_open(struct site *s, struct event_base *base, const struct join_options *o,
	      char why[static SITE_WHY_MAX])
{
	int err;

	memset(s, 0, sizeof(*s));
	s->base = base;
	s->options = o;
	s->tun.fd = -1;
	collect_addresses(s);
	err = open_all(s, why);
	if (err)
		site_close(s);
	else
		tell_if_large(s);
	return err;
}

int site_listen(struct site *s, const struct agent_config *agent,
		char why[static SITE_WHY_MAX])
{
	struct decap_config c = {
		.n_groups = agent->n_groups,
		.unicast = s->unicast,
		.cookie = agent->cookie,
	};

	_Static_assert(DECAP_GROUPS_MAX >= AGENT_GROUPS_MAX, "room for all groups");
	memcpy(c.group, agent->group, agent->n_groups * sizeof(c.group[0]));
	memcpy(c.probe_port, agent->probe_port,
	       agent->n_groups * sizeof(c.probe_port[0]));
	s->decap = decap_io_new(s->base, &s->tun, agent->encap, &c, why);
	return s->decap ? 0 : PIAS_ESYSTEM;
}

void site_close(struct site *s)
{
	if (s->net_event)
		event_free(s->net_event);
	if (s->resync)
		event_free(s->resync);
	s->net_event = s->resync = NULL;
	decap_io_free(s->decap);
	s->decap = NULL;
	host_net_close(&s->net);
	tun_close(&s->tun);
	while (s->n_claims)
		close(s->claim[--s->n_claims]);
}
