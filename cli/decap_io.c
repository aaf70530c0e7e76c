/*
 * GUE comes from one UDP socket with UDP_GRO, so that a whole train of a flow's packets
 * is one read; IP in IP from two raw sockets, one for each inner family. A burst is
 * decapsulated and coalesced as it is read and flushed at its end, so no packet waits
 * for a later one. What the kernel sends into the TUN (nothing is routed there) is not
 * read.
 */
#include "cli/decap_io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/udp.h"
#include "forwarder/coalesce.h"

#define BURSTS_MAX 4 /* reads in a row before other events get their turn */

struct source {
	struct decap_io *io;
	struct event *event;
	int fd;
	uint8_t inner; /* IP in IP: the inner family; 0: GUE */
};

struct decap_io {
	struct source source[2];
	unsigned n_sources;
	struct tun *tun;
	struct udp_in *in;
	struct decap_stats stats;
	struct decap_config config;
	struct coalesce coalesce;
};

/* Out */

static void write_packet(void *ctx, const struct packet_in *p)
{
	struct decap_io *io = ctx;

	if (tun_write(io->tun, p))
		io->stats.n_write_failed++;
	else
		io->stats.n_written++;
}

static void let_in(struct decap_io *io, const struct packet *p)
{
	struct packet_in plain = {.data = p->data, .len = p->len};

	io->stats.packets++;
	io->stats.bytes += p->len;
	/* Kernels before 6.2 take no UDP super-packets from a TUN. */
	if (p->proto == PROTO_UDP && !io->tun->has_uso) {
		coalesce_flush(&io->coalesce);
		write_packet(io, &plain);
		return;
	}
	coalesce_add(&io->coalesce, p);
}

/* In */

static void take_gue(struct decap_io *io, const struct udp_datagram *d)
{
	size_t step = d->segment_len ? d->segment_len : d->len, at, n;
	enum decap_verdict v;
	struct packet p;

	for (at = 0; at < d->len; at += step) {
		n = d->len - at < step ? d->len - at : step;
		v = decap_gue(&io->config, d->data + at, n, &p);
		io->stats.verdict[v]++;
		if (v == DECAP_OK)
			let_in(io, &p);
	}
}

/* IPv4 raw sockets give the outer header as well, IPv6 ones do not. */
static size_t outer_header(const struct decap_io *io, const struct udp_datagram *d)
{
	if (io->config.unicast.family == ADDR_V6 || !d->len)
		return 0;
	return (size_t)(d->data[0] & 0x0f) * 4;
}

static void take_ipip(struct decap_io *io, unsigned inner, const struct udp_datagram *d)
{
	size_t header = outer_header(io, d);
	enum decap_verdict v = DECAP_TUNNEL;
	struct packet p;

	if (header < d->len)
		v = decap_ipip(&io->config, inner, d->data + header, d->len - header, &p);
	io->stats.verdict[v]++;
	if (v == DECAP_OK)
		let_in(io, &p);
}

static void on_datagram(void *ctx, const struct udp_datagram *d)
{
	const struct source *s = ctx;

	if (s->inner)
		take_ipip(s->io, s->inner, d);
	else
		take_gue(s->io, d);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct source *s = arg;
	int bursts, n = UDP_IN_MAX;

	for (bursts = 0; bursts < BURSTS_MAX && n == UDP_IN_MAX; bursts++)
		n = udp_in_read(s->io->in, fd, on_datagram, s);
	coalesce_flush(&s->io->coalesce);
}

/* Life */

static int add_source(struct decap_io *io, struct event_base *base, int fd, uint8_t inner)
{
	struct source *s = &io->source[io->n_sources];

	if (fd < 0)
		return fd;
	s->io = io;
	s->fd = fd;
	s->inner = inner;
	io->n_sources++;
	s->event = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, s);
	return s->event && !event_add(s->event, NULL) ? 0 : -ENOMEM;
}

static int open_gue(struct decap_io *io, struct event_base *base)
{
	return add_source(io, base, udp_open(&io->config.unicast, UDP_COALESCED), 0);
}

static int open_ipip(struct decap_io *io, struct event_base *base)
{
	const struct addr *on = &io->config.unicast;
	int err;

	err = add_source(io, base, udp_open_raw(on, IPPROTO_NUM_IPV4, 0), ADDR_V4);
	if (!err)
		err = add_source(io, base, udp_open_raw(on, IPPROTO_NUM_IPV6, 0),
				 ADDR_V6);
	return err;
}

static void explain(const struct decap_io *io, int err, char *why)
{
	char s[ADDR_STR_MAX];
	const char *hint = "";

	if (err == -EADDRINUSE)
		hint = " (another program has that port: choose one with --port)";
	else if (err == -EPERM || err == -EACCES)
		hint = " (missing privilege: run it as root)";
	snprintf(why, DECAP_IO_WHY_MAX, "tunnel socket on %s: %s%s",
		 addr_str(&io->config.unicast, s), strerror(-err), hint);
}

struct decap_io *decap_io_new(struct event_base *base, struct tun *tun, uint8_t encap,
			      const struct decap_config *config,
			      char why[static DECAP_IO_WHY_MAX])
{
	struct decap_io *io = calloc(1, sizeof(*io));
	int err = -ENOMEM;

	if (!io) {
		snprintf(why, DECAP_IO_WHY_MAX, "%s", error_text(PIAS_ENOMEM));
		return NULL;
	}
	io->tun = tun;
	io->config = *config;
	coalesce_init(&io->coalesce, write_packet, io);
	io->in = udp_in_new();
	if (io->in)
		err = encap == ENCAP_GUE ? open_gue(io, base) : open_ipip(io, base);
	if (!err)
		return io;
	explain(io, err, why);
	decap_io_free(io);
	return NULL;
}

void decap_io_free(struct decap_io *io)
{
	if (!io)
		return;
	while (io->n_sources) {
		io->n_sources--;
		if (io->source[io->n_sources].event)
			event_free(io->source[io->n_sources].event);
		close(io->source[io->n_sources].fd);
	}
	udp_in_free(io->in);
	free(io);
}

const struct decap_stats *decap_io_stats(const struct decap_io *io)
{
	return &io->stats;
}
