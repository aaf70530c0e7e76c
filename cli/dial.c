/*
 * A dial walks its addresses: connect, handshake, compare ids; whatever fails leads to
 * the next address, and after the last one to `done` with the last reason. One event
 * per dial: it is the connecting socket's, or a bare timer that starts the next step,
 * so that nothing is reported from within dial_start.
 */
#include "cli/dial.h"

#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/udp.h"

struct dial {
	struct dial_request what;
	dial_fn *done;
	void *ctx;
	unsigned at;	     /* the address being tried; 2: none left */
	int fd;		     /* while connecting, else -1 */
	struct event *event; /* connecting, or the next step */
	struct handshake *handshake;
	int err;
	char why[TLS_WHY_MAX];
};

static void on_step(evutil_socket_t fd, short what, void *arg);

static bool is_any(const struct id *id)
{
	static const struct id zero;

	return id_eq(id, &zero);
}

static void free_event(struct dial *d)
{
	if (d->event)
		event_free(d->event);
	d->event = NULL;
}

void dial_free(struct dial *d)
{
	free_event(d);
	if (d->fd >= 0)
		close(d->fd);
	if (d->handshake)
		handshake_cancel(d->handshake);
	free(d);
}

/* Runs on_step from the loop. Without memory for that there is nobody to tell. */
static int schedule(struct dial *d)
{
	struct timeval now = {0};

	free_event(d);
	d->event = evtimer_new(d->what.base, on_step, d);
	return d->event && !evtimer_add(d->event, &now) ? 0 : PIAS_ENOMEM;
}

static void give_up(struct dial *d)
{
	d->done(d->ctx, d, NULL, NULL, NULL, d->err, d->why);
}

static void next_address(struct dial *d, int err, const char *why)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	free_event(d);
	d->err = err;
	snprintf(d->why, sizeof(d->why), "%s", why);
	d->at++;
	if (schedule(d))
		give_up(d);
}

static void on_handshake(void *ctx, struct bufferevent *bev, int err, const char *why)
{
	struct dial *d = ctx;
	char a[ID_STR_MAX], b[ID_STR_MAX], text[TLS_WHY_MAX];
	struct tls_name who;

	d->handshake = NULL;
	if (!bev) {
		next_address(d, err, why);
		return;
	}
	err = tls_peer(bufferevent_openssl_get_ssl(bev), &who);
	if (!err && (is_any(&d->what.id) || id_eq(&who.id, &d->what.id))) {
		d->done(d->ctx, d, bev, &who, &d->what.addr[d->at], 0, "");
		return;
	}
	stream_close(bev, true);
	snprintf(text, sizeof(text), "it is %s, not %s", id_str(&who.id, a),
		 id_str(&d->what.id, b));
	next_address(d, PIAS_EAUTH, err ? "it showed no certificate" : text);
}

static void on_connected(evutil_socket_t fd, short what, void *arg)
{
	struct dial *d = arg;
	socklen_t len = sizeof(errno);
	int err = 0;

	if (what & EV_TIMEOUT) {
		next_address(d, PIAS_ETIMEOUT, "no answer to our TCP connection");
		return;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))
		err = errno;
	if (err) {
		next_address(d, PIAS_EUNREACH, strerror(err));
		return;
	}
	free_event(d);
	d->fd = -1;
	d->handshake =
		handshake_start(d->what.base, d->what.tls, fd, true, on_handshake, d);
	if (!d->handshake)
		next_address(d, PIAS_ENOMEM, error_text(PIAS_ENOMEM));
}

static int bind_source(int fd, const struct addr *from)
{
	struct sockaddr_storage sa;
	struct addr host = *from;
	socklen_t len;
	int one = 1;

	if (addr_is_none(from))
		return 0;
	host.port = 0;
	len = udp_sockaddr(&host, &sa);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	return bind(fd, (struct sockaddr *)&sa, len) ? -errno : 0;
}

/* Returns the connecting socket or a negative errno value. */
static int start_connect(const struct addr *to, const struct addr *from)
{
	struct sockaddr_storage sa;
	socklen_t len = udp_sockaddr(to, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	err = bind_source(fd, from);
	if (!err && connect(fd, (struct sockaddr *)&sa, len) && errno != EINPROGRESS)
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* Tries address d->at, or reports that none is left. */
static void on_step(evutil_socket_t unused, short what, void *arg)
{
	struct timeval limit = {.tv_sec = DIAL_CONNECT_S};
	struct dial *d = arg;
	const struct addr *to;
	int fd;

	while (d->at < 2 && addr_is_none(&d->what.addr[d->at]))
		d->at++;
	if (d->at >= 2) {
		give_up(d);
		return;
	}
	to = &d->what.addr[d->at];
	fd = start_connect(to, &d->what.from[to->family == ADDR_V6]);
	if (fd < 0) {
		next_address(d, PIAS_EUNREACH, strerror(-fd));
		return;
	}
	free_event(d);
	d->fd = fd;
	d->event = event_new(d->what.base, fd, EV_WRITE, on_connected, d);
	if (!d->event || event_add(d->event, &limit))
		next_address(d, PIAS_ENOMEM, error_text(PIAS_ENOMEM));
}

struct dial *dial_start(const struct dial_request *request, dial_fn *done, void *ctx)
{
	struct dial *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->what = *request;
	d->done = done;
	d->ctx = ctx;
	d->fd = -1;
	d->err = PIAS_EUNREACH;
	snprintf(d->why, sizeof(d->why), "no address of a family that we have");
	if (!schedule(d))
		return d;
	dial_free(d);
	return NULL;
}
