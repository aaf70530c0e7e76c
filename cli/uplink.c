/*
 * Sockets towards the network. The GUE and raw sockets are deaf: nothing we want ever
 * comes to them. A flow keeps its source port as long as the daemon runs, because the
 * port is picked by the flow's hash; so its packets keep their order and their path.
 */
#include "cli/uplink.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int index_of(const struct addr *a)
{
	return a->family == ADDR_V6;
}

/* Opening */

static int problem(char *why, const char *what, const struct addr *a, int err)
{
	char text[ADDR_STR_MAX];

	snprintf(why, UPLINK_WHY_MAX, "%s %s: %s%s", what, addr_str(a, text),
		 strerror(-err),
		 err == -EADDRINUSE	 ? " (is another piasd running?)"
		 : err == -EADDRNOTAVAIL ? " (not an address of this host)"
		 : err == -EPERM	 ? " (CAP_NET_RAW is needed)"
					 : "");
	return PIAS_ESYSTEM;
}

static int open_pool(struct uplink *u, int family, char *why)
{
	struct addr local = u->self[family];
	unsigned i;

	local.port = 0;
	for (i = 0; i < UPLINK_PORTS; i++) {
		u->pool[family][i] = udp_open(&local, UDP_DEAF);
		if (u->pool[family][i] < 0)
			return problem(why, "UDP", &local, u->pool[family][i]);
	}
	return 0;
}

static int open_raw(struct uplink *u, int family, char *why)
{
	static const int proto[2] = {IPPROTO_IPIP, IPPROTO_IPV6};
	struct addr local = u->self[family];
	int inner;

	local.port = 0;
	for (inner = 0; inner < 2; inner++) {
		u->raw[family][inner] = udp_open_raw(&local, proto[inner], UDP_DEAF);
		if (u->raw[family][inner] < 0)
			return problem(why, "IP in IP from", &local,
				       u->raw[family][inner]);
	}
	return 0;
}

static int open_family(struct uplink *u, int family, char *why)
{
	int err;

	u->control[family] = udp_open(&u->self[family], 0);
	if (u->control[family] < 0)
		return problem(why, "UDP", &u->self[family], u->control[family]);
	err = open_pool(u, family, why);
	return err ? err : open_raw(u, family, why);
}

static void on_datagram(void *ctx, const struct udp_datagram *d)
{
	struct uplink *u = ctx;

	u->fn(u->ctx, &d->from, &u->self[u->reading], d->data, d->len);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct uplink *u = arg;

	u->reading = fd == u->control[1];
	if (udp_in_read(u->in, fd, on_datagram, u) > 0)
		u->fn(u->ctx, NULL, &u->self[u->reading], NULL, 0);
}

static int listen_control(struct uplink *u, struct event_base *base, int family)
{
	u->readable[family] =
		event_new(base, u->control[family], EV_READ | EV_PERSIST, on_readable, u);
	return u->readable[family] && !event_add(u->readable[family], NULL) ? 0
									    : PIAS_ENOMEM;
}

static void mark_closed(struct uplink *u)
{
	int f, i;

	for (f = 0; f < 2; f++) {
		u->control[f] = u->raw[f][0] = u->raw[f][1] = -1;
		for (i = 0; i < UPLINK_PORTS; i++)
			u->pool[f][i] = -1;
	}
}

int uplink_open(struct uplink *u, struct event_base *base, const struct addr self[2],
		uplink_fn *fn, void *ctx, char why[static UPLINK_WHY_MAX])
{
	int f, err = PIAS_ENOMEM;

	memset(u, 0, sizeof(*u));
	mark_closed(u);
	u->fn = fn;
	u->ctx = ctx;
	u->in = udp_in_new();
	u->control_out = udp_out_new();
	u->tunnel_out = udp_out_new();
	snprintf(why, UPLINK_WHY_MAX, "%s", error_text(err));
	if (!u->in || !u->control_out || !u->tunnel_out)
		goto fail;
	for (f = 0; f < 2; f++) {
		u->self[f] = self[f];
		if (addr_is_none(&self[f]))
			continue;
		err = open_family(u, f, why);
		if (!err)
			err = listen_control(u, base, f);
		if (err)
			goto fail;
	}
	return 0;
fail:
	uplink_close(u);
	return err;
}

static void close_one(int fd)
{
	if (fd >= 0)
		close(fd);
}

void uplink_close(struct uplink *u)
{
	int f, i;

	for (f = 0; f < 2; f++) {
		if (u->readable[f])
			event_free(u->readable[f]);
		close_one(u->control[f]);
		close_one(u->raw[f][0]);
		close_one(u->raw[f][1]);
		for (i = 0; i < UPLINK_PORTS; i++)
			close_one(u->pool[f][i]);
	}
	udp_in_free(u->in);
	udp_out_free(u->control_out);
	udp_out_free(u->tunnel_out);
	memset(u, 0, sizeof(*u));
	mark_closed(u);
}

/* Sending */

bool uplink_datagram(struct uplink *u, const struct addr *to, const void *data,
		     size_t len)
{
	int fd = u->control[index_of(to)];

	if (fd < 0 || addr_is_none(to))
		return false;
	udp_out_add(u->control_out, fd, to, data, len, 0);
	return true;
}

static void tunnel_raw(struct uplink *u, const struct tunnel_packet *p, int fd)
{
	size_t step = p->segment_len ? p->segment_len : p->len, at, n;
	struct addr to = p->to;

	to.port = 0;
	for (at = 0; at < p->len; at += n) {
		n = p->len - at < step ? p->len - at : step;
		udp_out_add(u->tunnel_out, fd, &to, p->data + at, n, 0);
	}
}

bool uplink_tunnel(struct uplink *u, const struct tunnel_packet *p)
{
	int family = index_of(&p->to);
	int fd = p->encap == ENCAP_GUE ? u->pool[family][p->entropy & (UPLINK_PORTS - 1)]
				       : u->raw[family][p->inner == 6];

	if (fd < 0 || addr_is_none(&p->to))
		return false;
	if (p->encap == ENCAP_GUE)
		udp_out_add(u->tunnel_out, fd, &p->to, p->data, p->len, p->segment_len);
	else
		tunnel_raw(u, p, fd);
	return true;
}

void uplink_flush(struct uplink *u, struct counters *counters)
{
	udp_out_flush(u->control_out);
	udp_out_flush(u->tunnel_out);
	counters->v[COUNTER_drop_datagram_send] += u->control_out->n_failed;
	counters->v[COUNTER_drop_tunnel_send] += u->tunnel_out->n_failed;
	u->control_out->n_failed = 0;
	u->tunnel_out->n_failed = 0;
}
