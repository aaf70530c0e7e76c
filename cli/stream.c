/*
 * Handshakes and lingering closes. We own socket and SSL ourselves rather than let the
 * bufferevent close them, because a refused peer must still be able to read the alert
 * that tells it why: its own first message may already be in our receive buffer, and
 * closing over unread data resets the connection.
 *
 * Callbacks are deferred by libevent, so nothing here runs from within OpenSSL or from
 * within a call of ours into libevent.
 */
#include "cli/stream.h"

#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

/* Lingering */

struct linger_ctx {
	struct event *readable;
	size_t left; /* bytes we are willing to discard */
	int fd;
	LIST_ENTRY(linger_ctx) entry;
};

static LIST_HEAD(, linger_ctx) lingering = LIST_HEAD_INITIALIZER(lingering);
static unsigned n_lingering;

static void linger_end(struct linger_ctx *l)
{
	LIST_REMOVE(l, entry);
	n_lingering--;
	event_free(l->readable);
	close(l->fd);
	free(l);
}

static void on_lingering(evutil_socket_t fd, short what, void *arg)
{
	struct linger_ctx *l = arg;
	char waste[4096];
	ssize_t n = 0;

	if (what & EV_READ) {
		while ((n = read(fd, waste, sizeof(waste))) > 0 && (size_t)n < l->left)
			l->left -= (size_t)n;
		if (n < 0 && errno == EAGAIN)
			return;
	}
	linger_end(l);
}

static void linger(struct event_base *base, int fd)
{
	struct timeval limit = {.tv_sec = STREAM_LINGER_S};
	struct linger_ctx *l;

	if (n_lingering >= STREAM_LINGER_MAX || shutdown(fd, SHUT_WR)) {
		close(fd);
		return;
	}
	l = calloc(1, sizeof(*l));
	if (l)
		l->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_lingering, l);
	if (!l || !l->readable || event_add(l->readable, &limit)) {
		if (l && l->readable)
			event_free(l->readable);
		free(l);
		close(fd);
		return;
	}
	l->left = 1 << 20;
	l->fd = fd;
	LIST_INSERT_HEAD(&lingering, l, entry);
	n_lingering++;
}

void stream_end_lingering(struct event_base *base)
{
	struct linger_ctx *l, *next;

	for (l = LIST_FIRST(&lingering); l; l = next) {
		next = LIST_NEXT(l, entry);
		if (event_get_base(l->readable) == base)
			linger_end(l);
	}
}

static int take_apart(struct bufferevent *bev, bool is_clean)
{
	SSL *ssl = bufferevent_openssl_get_ssl(bev);
	int fd = bufferevent_getfd(bev);

	bufferevent_disable(bev, EV_READ | EV_WRITE);
	if (is_clean)
		SSL_shutdown(ssl);
	bufferevent_free(bev);
	SSL_free(ssl);
	return fd;
}

void stream_free(struct bufferevent *bev)
{
	close(take_apart(bev, false));
}

void stream_close(struct bufferevent *bev, bool is_clean)
{
	struct event_base *base = bufferevent_get_base(bev);

	linger(base, take_apart(bev, is_clean));
}

/* Handshakes */

struct handshake {
	struct bufferevent *bev;
	struct event *limit;
	bool awaits_word; /* established when the other end has said something */
	handshake_fn *done;
	void *ctx;
};

static void free_handshake(struct handshake *h)
{
	event_free(h->limit);
	free(h);
}

void handshake_cancel(struct handshake *h)
{
	stream_free(h->bev);
	free_handshake(h);
}

static void fail(struct handshake *h, int err, const char *why)
{
	handshake_fn *done = h->done;
	void *ctx = h->ctx;

	stream_close(h->bev, false);
	free_handshake(h);
	done(ctx, NULL, err, why);
}

static void succeed(struct handshake *h)
{
	handshake_fn *done = h->done;
	struct bufferevent *bev = h->bev;
	void *ctx = h->ctx;

	bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
	bufferevent_disable(bev, EV_READ | EV_WRITE);
	free_handshake(h);
	done(ctx, bev, 0, "");
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct handshake *h = arg;
	int system_err = errno;
	unsigned long err;
	char why[TLS_WHY_MAX];

	if (what & BEV_EVENT_CONNECTED) {
		if (!h->awaits_word)
			succeed(h);
		return;
	}
	err = bufferevent_get_openssl_error(bev);
	if (err || SSL_get_verify_result(bufferevent_openssl_get_ssl(bev)) != X509_V_OK) {
		fail(h, tls_explain(bufferevent_openssl_get_ssl(bev), err, why), why);
		return;
	}
	if (what & BEV_EVENT_ERROR && system_err)
		snprintf(why, sizeof(why), "%s during the TLS handshake",
			 strerror(system_err));
	else
		snprintf(why, sizeof(why), "it closed the connection at once");
	fail(h, PIAS_EUNREACH, why);
}

static void on_word(struct bufferevent *bev, void *arg)
{
	succeed(arg);
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	char why[64];

	snprintf(why, sizeof(why), "no answer to TLS within %d s", STREAM_HANDSHAKE_S);
	fail(arg, PIAS_ETIMEOUT, why);
}

static struct bufferevent *new_stream(struct event_base *base, struct tls *tls, int fd,
				      bool dialed)
{
	SSL *ssl = dialed ? tls_dial(tls) : tls_accept(tls);
	struct bufferevent *bev;

	if (!ssl)
		return NULL;
	bev = bufferevent_openssl_socket_new(base, fd, ssl,
					     dialed ? BUFFEREVENT_SSL_CONNECTING
						    : BUFFEREVENT_SSL_ACCEPTING,
					     BEV_OPT_DEFER_CALLBACKS);
	if (!bev)
		SSL_free(ssl);
	return bev;
}

struct handshake *handshake_start(struct event_base *base, struct tls *tls, int fd,
				  bool dialed, handshake_fn *done, void *ctx)
{
	struct timeval limit = {.tv_sec = STREAM_HANDSHAKE_S};
	struct handshake *h = calloc(1, sizeof(*h));
	struct bufferevent *bev = h ? new_stream(base, tls, fd, dialed) : NULL;

	if (!bev) {
		free(h);
		close(fd);
		return NULL;
	}
	h->bev = bev;
	h->done = done;
	h->ctx = ctx;
	h->limit = evtimer_new(base, on_limit, h);
	if (!h->limit || evtimer_add(h->limit, &limit)) {
		if (h->limit)
			event_free(h->limit);
		stream_free(bev);
		free(h);
		return NULL;
	}
	h->awaits_word = dialed && tls->self.kind == PEER_KIND_AP;
	bufferevent_setcb(bev, h->awaits_word ? on_word : NULL, NULL, on_event, h);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	return h;
}
