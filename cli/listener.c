/*
 * Listening sockets. When accept() fails, most likely for want of descriptors, the
 * pending connection would wake us again at once and for ever; so the listener rests
 * for a moment instead.
 */
#include "cli/listener.h"

#include <errno.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/udp.h"

#define BACKLOG	 128
#define PAUSE_MS 100

struct listener {
	struct evconnlistener *ev;
	struct event *resume;
	listener_fn *fn;
	void *ctx;
};

static void on_accept(struct evconnlistener *ev, evutil_socket_t fd, struct sockaddr *sa,
		      int len, void *arg)
{
	struct listener *l = arg;
	struct addr from = udp_addr(sa);

	l->fn(l->ctx, fd, &from);
}

static void on_error(struct evconnlistener *ev, void *arg)
{
	struct timeval pause = {.tv_usec = PAUSE_MS * 1000};
	struct listener *l = arg;

	evconnlistener_disable(ev);
	evtimer_add(l->resume, &pause);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	evconnlistener_enable(l->ev);
}

/* Returns the listening socket or a negative errno value. */
static int open_socket(const struct addr *on)
{
	struct sockaddr_storage sa;
	socklen_t len = udp_sockaddr(on, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1, err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (on->family == ADDR_V6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (!bind(fd, (struct sockaddr *)&sa, len) && !listen(fd, BACKLOG))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

void listener_free(struct listener *l)
{
	if (l->ev)
		evconnlistener_free(l->ev);
	if (l->resume)
		event_free(l->resume);
	free(l);
}

static struct listener *wrap(struct event_base *base, int fd, listener_fn *fn, void *ctx)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (!l) {
		close(fd);
		return NULL;
	}
	l->fn = fn;
	l->ctx = ctx;
	l->resume = evtimer_new(base, on_resume, l);
	l->ev = evconnlistener_new(base, on_accept, l,
				   LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!l->ev)
		close(fd);
	if (l->ev && l->resume) {
		evconnlistener_set_error_cb(l->ev, on_error);
		return l;
	}
	listener_free(l);
	return NULL;
}

struct listener *listener_new(struct event_base *base, const struct addr *on,
			      listener_fn *fn, void *ctx, char why[static TLS_WHY_MAX])
{
	char text[ADDR_STR_MAX];
	struct listener *l = NULL;
	int fd = open_socket(on);

	if (fd >= 0)
		l = wrap(base, fd, fn, ctx);
	if (l)
		return l;
	snprintf(why, TLS_WHY_MAX, "TCP %s: %s%s", addr_str(on, text),
		 fd < 0 ? strerror(-fd) : error_text(PIAS_ENOMEM),
		 fd == -EADDRINUSE ? " (is another piasd running?)" : "");
	return NULL;
}
