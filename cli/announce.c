/*
 * Up and down of the announcing interface.
 *
 * An interface that is down takes no packets, and routers need a moment to see that it
 * is. So a drain first leads the prefixes to the second interface, in halves: longer
 * prefixes win in the kernel, but are not the prefix that a routing daemon announces
 * (FRR's import check wants it exactly), so nobody takes them for an announcement.
 * Then the first one goes down; what waited in it is still read, and nothing has been
 * lost on the way.
 */
#include "cli/announce.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/netif.h"

/* Packets */

/* The kernel's own multicast (MLD, as a router) is no client's packet. */
static bool is_multicast(const struct packet_in *p)
{
	if (p->len >= 40 && p->data[0] >> 4 == 6)
		return p->data[24] == 0xff;
	return p->len >= 20 && p->data[0] >> 4 == 4 && p->data[16] >> 4 == 14;
}

/* Returns what the last read did: 1 more to come, 0 nothing left, or an error. */
static int read_burst(struct announce *a, struct tun *t)
{
	struct packet_in packet;
	int r = 1;
	unsigned n;

	for (n = 0; n < ANNOUNCE_BURST && r > 0; n++) {
		r = tun_read(t, a->buf + FORWARD_HEADROOM, &packet);
		if (r <= 0)
			break;
		packet.headroom += FORWARD_HEADROOM;
		if (!is_multicast(&packet))
			a->ops->packet(a->ctx, &packet);
	}
	if (n)
		a->ops->burst_over(a->ctx);
	return r;
}

static void take_burst(struct announce *a, int which, struct tun *t)
{
	int err = read_burst(a, t);

	if (err >= 0)
		return;
	event_del(a->readable[which]);
	a->ops->lost(a->ctx, t->name, err);
}

static void on_main(evutil_socket_t fd, short what, void *arg)
{
	struct announce *a = arg;

	take_burst(a, 0, &a->main);
}

static void on_drain(evutil_socket_t fd, short what, void *arg)
{
	struct announce *a = arg;

	take_burst(a, 1, &a->drain);
}

int announce_emit(struct announce *a, const void *packet, size_t len)
{
	struct packet_in p = {.data = (uint8_t *)packet, .len = len};

	return tun_write(a->is_draining ? &a->drain : &a->main, &p);
}

/* Up and down */

static int problem(char *why, const char *what, const char *name, int err)
{
	snprintf(why, ANNOUNCE_WHY_MAX, "%s %s: %s", what, name, strerror(-err));
	return PIAS_ESYSTEM;
}

/* A route that is there already is the routing daemon's, through the same interface. */
static int add_route(struct tun *t, const struct prefix *p, char *why)
{
	char what[PREFIX_STR_MAX + 16], text[PREFIX_STR_MAX];
	int err = netif_add_route(t->index, p);

	if (!err || err == -EEXIST)
		return 0;
	snprintf(what, sizeof(what), "route %s dev", prefix_str(p, text));
	return problem(why, what, t->name, err);
}

int announce_start(struct announce *a, char why[static ANNOUNCE_WHY_MAX])
{
	unsigned i;
	int err = netif_set_up(a->main.index, true);

	if (err)
		return problem(why, "interface", a->main.name, err);
	for (i = 0; i < a->n_prefixes; i++) {
		if (!add_route(&a->main, &a->prefix[i], why))
			continue;
		(void)!netif_set_up(a->main.index, false);
		return PIAS_ESYSTEM;
	}
	a->is_up = true;
	return 0;
}

/* Both halves of @p; or @p itself if it is a single address. */
static int add_halves(struct tun *t, const struct prefix *p, char *why)
{
	struct prefix half = *p;
	unsigned bit = p->len;
	int err;

	if (bit == 8 * addr_ip_len(&p->base))
		return add_route(t, p, why);
	half.len++;
	err = add_route(t, &half, why);
	half.base.ip[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return err ? err : add_route(t, &half, why);
}

int announce_stop(struct announce *a, char why[static ANNOUNCE_WHY_MAX])
{
	int err, problem_err = 0;
	unsigned i;

	if (!a->is_up)
		return 0;
	a->is_up = false;
	a->is_draining = true;
	err = netif_set_up(a->drain.index, true);
	if (err)
		problem_err = problem(why, "interface", a->drain.name, err);
	for (i = 0; i < a->n_prefixes && !problem_err; i++)
		problem_err = add_halves(&a->drain, &a->prefix[i], why);
	err = netif_set_up(a->main.index, false);
	return err ? problem(why, "interface", a->main.name, err) : problem_err;
}

/* Life */

static int watch(struct announce *a, struct event_base *base, int i, int fd,
		 event_callback_fn fn)
{
	a->readable[i] = event_new(base, fd, EV_READ | EV_PERSIST, fn, a);
	return a->readable[i] && !event_add(a->readable[i], NULL) ? 0 : PIAS_ENOMEM;
}

/*
 * The kernel takes apart what a killed process leaves from the last descriptor to the
 * first, and an interface takes it about 15 ms: ours that announces shall be the first
 * to go.
 */
static int make_main_last(struct announce *a)
{
	int fd = fcntl(a->main.fd, F_DUPFD_CLOEXEC, a->drain.fd + 1);

	if (fd < 0)
		return PIAS_ESYSTEM;
	close(a->main.fd);
	a->main.fd = fd;
	return 0;
}

int announce_open(struct announce *a, struct event_base *base, const char *name,
		  const struct prefix *prefix, unsigned n_prefixes,
		  const struct announce_ops *ops, void *ctx,
		  char why[static ANNOUNCE_WHY_MAX])
{
	char second[IFNAMSIZ + 1];
	int err = PIAS_ENOMEM;

	memset(a, 0, sizeof(*a));
	a->main.fd = a->drain.fd = -1;
	a->ops = ops;
	a->ctx = ctx;
	a->n_prefixes = n_prefixes;
	memcpy(a->prefix, prefix, n_prefixes * sizeof(*prefix));
	snprintf(why, ANNOUNCE_WHY_MAX, "%s", error_text(err));
	a->buf = malloc(FORWARD_HEADROOM + TUN_READ_MAX);
	if (!a->buf)
		goto fail;
	snprintf(second, sizeof(second), "%sd", name);
	err = tun_open(&a->main, name, why);
	if (!err)
		err = tun_open(&a->drain, second, why);
	if (!err)
		err = make_main_last(a);
	if (!err)
		err = watch(a, base, 0, a->main.fd, on_main);
	if (!err)
		err = watch(a, base, 1, a->drain.fd, on_drain);
	if (!err)
		return 0;
fail:
	announce_close(a);
	return err;
}

void announce_close(struct announce *a)
{
	int i;

	for (i = 0; i < 2; i++)
		if (a->readable[i])
			event_free(a->readable[i]);
	tun_close(&a->main);
	tun_close(&a->drain);
	free(a->buf);
	memset(a, 0, sizeof(*a));
	a->main.fd = a->drain.fd = -1;
}
