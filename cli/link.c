/*
 * The table of links, the listeners, and what happens to an open link.
 *
 * A link is open until the core closes it (then it is flushed, silently) or something
 * ends it (then that is reported). Either way it leaves through the reaper, an event
 * of its own: no link is ever freed, and nothing reported, while the core or a loop
 * over frames is on the stack. Operations on a link that is not open do nothing.
 */
#include "cli/link.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/crowd.h"
#include "cli/dial.h"
#include "cli/listener.h"
#include "cli/stream.h"
#include "overlay/base/frame.h"
#include "overlay/base/htab.h"

#define READ_HIGH     (256u << 10) /* bytes taken in ahead of the core */
#define LISTENERS_MAX 4

enum link_state {
	LINK_OPEN,
	LINK_CLOSING, /* flushing what was sent; the core knows it is gone */
	LINK_DEAD,    /* with the reaper */
};

struct link {
	TAILQ_ENTRY(link) entry; /* of all or of dead */
	struct links *ls;
	struct bufferevent *bev;
	struct peer_identity who;
	uint32_t id;
	enum link_state state;
	bool is_silent; /* nobody wants to hear of its end */
	bool is_clean;	/* end with TLS's goodbye */
	int err;
	char why[TLS_WHY_MAX];
};

/* An accepted connection before its handshake is over, or a dial. */
struct half {
	TAILQ_ENTRY(half) entry;
	struct links *ls;
	struct handshake *handshake; /* accepted, and then: */
	struct addr from;
	struct dial *dial; /* dialed (NULL: failed at once), and then: */
	struct id id;
	struct addr addr[2];
};

TAILQ_HEAD(link_list, link);
TAILQ_HEAD(half_list, half);

struct links {
	struct links_config config;
	const struct links_ops *ops;
	void *ctx;
	struct htab by_id;
	struct link_list all, dead;
	struct half_list halves;
	struct half_list failed; /* dials that could not even begin */
	struct listener *listener[LISTENERS_MAX];
	unsigned n_listeners;
	unsigned n_accepted, n_dials;
	struct crowd crowd; /* of the accepted that shake hands */
	struct event *reaper;
	uint32_t last_id;
};

/* The table */

static uint64_t hash_of(uint32_t id)
{
	return id * UINT64_C(0x9e3779b97f4a7c15);
}

static bool has_id(const void *item, const void *key)
{
	const struct link *l = item;

	return l->id == *(const uint32_t *)key;
}

static struct link *find_open(struct links *ls, uint32_t id)
{
	struct link *l = htab_find(&ls->by_id, hash_of(id), has_id, &id);

	return l && l->state == LINK_OPEN ? l : NULL;
}

static uint32_t new_id(struct links *ls)
{
	do
		ls->last_id++;
	while (!ls->last_id ||
	       htab_find(&ls->by_id, hash_of(ls->last_id), has_id, &ls->last_id));
	return ls->last_id;
}

unsigned links_n(const struct links *ls)
{
	return ls->by_id.n;
}

/* Ends */

/* Hands @l to the reaper. The first reason counts. */
static void end(struct link *l, int err, const char *why)
{
	struct links *ls = l->ls;

	if (l->state == LINK_DEAD)
		return;
	l->state = LINK_DEAD;
	l->err = err;
	snprintf(l->why, sizeof(l->why), "%s", why);
	bufferevent_disable(l->bev, EV_READ | EV_WRITE);
	TAILQ_REMOVE(&ls->all, l, entry);
	TAILQ_INSERT_TAIL(&ls->dead, l, entry);
	event_active(ls->reaper, EV_TIMEOUT, 0);
}

static void free_link(struct link *l, struct link_list *list)
{
	struct links *ls = l->ls;

	htab_del(&ls->by_id, hash_of(l->id), l);
	TAILQ_REMOVE(list, l, entry);
	if (l->is_clean)
		stream_close(l->bev, true);
	else
		stream_free(l->bev);
	free(l);
}

static void on_reap(evutil_socket_t fd, short what, void *arg)
{
	struct links *ls = arg;
	struct link *l, copy;
	struct half *h, dial;

	while ((h = TAILQ_FIRST(&ls->failed))) {
		dial = *h;
		TAILQ_REMOVE(&ls->failed, h, entry);
		free(h);
		ls->ops->dial_failed(ls->ctx, &dial.id, dial.addr, PIAS_EBUSY,
				     "too many dials under way");
	}
	while ((l = TAILQ_FIRST(&ls->dead))) {
		copy = *l;
		free_link(l, &ls->dead);
		if (!copy.is_silent)
			ls->ops->down(ls->ctx, copy.id, &copy.who, copy.err, copy.why);
	}
}

/* All sent? Then nothing keeps it. */
static void flush_or_wait(struct link *l)
{
	struct timeval limit = {.tv_sec = LINK_CLOSE_S};

	if (evbuffer_get_length(bufferevent_get_output(l->bev))) {
		bufferevent_set_timeouts(l->bev, NULL, &limit);
		return;
	}
	l->is_clean = true;
	end(l, 0, "");
}

void links_close(struct links *ls, uint32_t id)
{
	struct link *l = find_open(ls, id);

	if (!l)
		return;
	l->state = LINK_CLOSING;
	l->is_silent = true;
	bufferevent_disable(l->bev, EV_READ);
	flush_or_wait(l);
}

void links_send(struct links *ls, uint32_t id, const void *frame, size_t len)
{
	struct link *l = find_open(ls, id);
	size_t waiting;

	if (!l)
		return;
	waiting = evbuffer_get_length(bufferevent_get_output(l->bev));
	if (waiting + len > LINK_BACKLOG_MAX)
		end(l, PIAS_EFULL, "it stopped reading");
	else if (bufferevent_write(l->bev, frame, len))
		end(l, PIAS_ENOMEM, error_text(PIAS_ENOMEM));
}

/* Open links */

/* The length of the frame that is whole in @in, 0 if none is, or an error. */
static int whole_frame(struct evbuffer *in)
{
	size_t have = evbuffer_get_length(in);
	uint8_t head[FRAME_HEADER_LEN];
	int n;

	if (evbuffer_copyout(in, head, sizeof(head)) < (ssize_t)sizeof(head))
		return 0;
	n = frame_length(head, sizeof(head));
	return n > 0 && (size_t)n > have ? 0 : n;
}

/* What came is no good: flush what we have to say, tell the core that it is over. */
static void refuse_frame(struct link *l, const char *why)
{
	const struct links_ops *ops = l->ls->ops;
	struct peer_identity who = l->who;
	void *ctx = l->ls->ctx;
	uint32_t id = l->id;

	if (l->state != LINK_OPEN)
		return;
	links_close(l->ls, id);
	ops->down(ctx, id, &who, PIAS_EMALFORMED, why);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct link *l = arg;
	uint8_t *frame;
	int n, err;

	while (l->state == LINK_OPEN && (n = whole_frame(in))) {
		frame = n > 0 ? evbuffer_pullup(in, n) : NULL;
		if (!frame) {
			refuse_frame(l, "it sent something that is not a frame");
			return;
		}
		err = l->ls->ops->frame(l->ls->ctx, l->id, l->who.kind, frame, (size_t)n);
		evbuffer_drain(in, (size_t)n);
		if (err)
			refuse_frame(l, "it sent a message that we refuse");
	}
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct link *l = arg;

	if (l->state == LINK_CLOSING)
		flush_or_wait(l);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	int system_err = errno;
	struct link *l = arg;
	char why[TLS_WHY_MAX] = "";
	unsigned long tls_err;
	int err = 0;

	if (what & BEV_EVENT_TIMEOUT) {
		end(l, PIAS_ETIMEOUT, error_text(PIAS_ETIMEOUT));
		return;
	}
	tls_err = bufferevent_get_openssl_error(bev);
	if (tls_err) {
		err = tls_explain(bufferevent_openssl_get_ssl(bev), tls_err, why);
	} else if (what & BEV_EVENT_ERROR && system_err) {
		err = PIAS_EUNREACH;
		snprintf(why, sizeof(why), "%s", strerror(system_err));
	}
	end(l, err, why);
}

/* Dead hosts must not hold links for ever: 10 s unanswered is the end. */
static void set_socket_options(int fd)
{
	static const struct {
		int level, name, value;
	} option[] = {
		{IPPROTO_TCP, TCP_NODELAY, 1},	{SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, 5}, {IPPROTO_TCP, TCP_KEEPINTVL, 2},
		{IPPROTO_TCP, TCP_KEEPCNT, 3},	{IPPROTO_TCP, TCP_USER_TIMEOUT, 10000},
	};
	unsigned i;

	for (i = 0; i < sizeof(option) / sizeof(option[0]); i++)
		setsockopt(fd, option[i].level, option[i].name, &option[i].value,
			   sizeof(option[i].value));
}

static struct link *new_link(struct links *ls, struct bufferevent *bev,
			     const struct tls_name *who, const struct addr *from)
{
	struct link *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->ls = ls;
	l->bev = bev;
	l->id = new_id(ls);
	l->who.kind = who->kind;
	l->who.id = who->id;
	l->who.from = *from;
	snprintf(l->who.name, sizeof(l->who.name), "%s", who->name);
	if (htab_add(&ls->by_id, hash_of(l->id), l)) {
		free(l);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&ls->all, l, entry);
	return l;
}

/* Takes @bev. 0 or PIAS_ENOMEM, PIAS_EFULL, PIAS_ECRYPTO: then it is gone. */
static int open_link(struct links *ls, struct bufferevent *bev,
		     const struct tls_name *who, const struct addr *from, bool dialed)
{
	uint8_t key[OVERLAY_LINK_KEY_LEN];
	struct link *l = NULL;
	int err = 0;

	if (ls->by_id.n >= LINK_MAX)
		err = PIAS_EFULL;
	else
		err = tls_export(bufferevent_openssl_get_ssl(bev), key);
	if (!err)
		l = new_link(ls, bev, who, from);
	if (!l) {
		stream_free(bev);
		return err ? err : PIAS_ENOMEM;
	}
	set_socket_options(bufferevent_getfd(bev));
	bufferevent_setcb(bev, on_read, on_written, on_event, l);
	bufferevent_setwatermark(bev, EV_READ, 0, READ_HIGH);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	err = ls->ops->up(ls->ctx, l->id, &l->who, dialed, key);
	crypto_wipe(key, sizeof(key));
	if (err)
		links_close(ls, l->id);
	else
		bufferevent_trigger(bev, EV_READ, BEV_OPT_DEFER_CALLBACKS);
	return 0;
}

/* Dialing */

static struct half *new_half(struct links *ls)
{
	struct half *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->ls = ls;
	TAILQ_INSERT_TAIL(&ls->halves, h, entry);
	return h;
}

static void free_half(struct half *h)
{
	TAILQ_REMOVE(&h->ls->halves, h, entry);
	free(h);
}

static void on_dialed(void *ctx, struct dial *d, struct bufferevent *bev,
		      const struct tls_name *who, const struct addr *at, int err,
		      const char *why)
{
	struct half *h = ctx, what = *h;
	struct links *ls = h->ls;

	ls->n_dials--;
	free_half(h);
	if (bev) {
		err = open_link(ls, bev, who, at, true);
		why = error_text(err);
	}
	if (err)
		ls->ops->dial_failed(ls->ctx, &what.id, what.addr, err, why);
	dial_free(d);
}

static struct dial *start_dial(struct links *ls, struct half *h)
{
	struct dial_request what = {.base = ls->config.base, .tls = ls->config.tls};
	unsigned i;

	if (ls->n_dials >= LINK_DIAL_MAX)
		return NULL;
	what.id = h->id;
	for (i = 0; i < 2; i++) {
		what.from[i] = ls->config.local[i];
		if (!addr_is_none(&h->addr[i]) &&
		    ls->config.has_family[h->addr[i].family == ADDR_V6])
			what.addr[i] = h->addr[i];
	}
	return dial_start(&what, on_dialed, h);
}

void links_dial(struct links *ls, const struct id *id, const struct addr addr[2])
{
	struct half *h = new_half(ls);

	if (!h)
		return; /* out of memory, too much so to say it */
	h->id = *id;
	h->addr[0] = addr[0];
	h->addr[1] = addr[1];
	h->dial = start_dial(ls, h);
	if (h->dial) {
		ls->n_dials++;
		return;
	}
	TAILQ_REMOVE(&ls->halves, h, entry);
	TAILQ_INSERT_TAIL(&ls->failed, h, entry);
	event_active(ls->reaper, EV_TIMEOUT, 0);
}

/* Accepting */

static void forget_accepted(struct half *h)
{
	h->ls->n_accepted--;
	crowd_del(&h->ls->crowd, &h->from);
	free_half(h);
}

static void on_accepted(void *ctx, struct bufferevent *bev, int err, const char *why)
{
	struct half *h = ctx;
	struct links *ls = h->ls;
	struct addr from = h->from;
	struct tls_name who;

	forget_accepted(h);
	if (bev) {
		err = tls_peer(bufferevent_openssl_get_ssl(bev), &who);
		if (!err)
			err = open_link(ls, bev, &who, &from, false);
		else
			stream_free(bev);
		why = error_text(err);
	}
	if (err && ls->ops->refused)
		ls->ops->refused(ls->ctx, &from, err, why);
}

/* The oldest from where most come from. */
static struct half *who_gives_way(const struct links *ls)
{
	struct half *h, *most = NULL;

	TAILQ_FOREACH(h, &ls->halves, entry)
	{
		if (!h->handshake)
			continue;
		if (!most ||
		    crowd_at(&ls->crowd, &h->from) > crowd_at(&ls->crowd, &most->from))
			most = h;
	}
	return most;
}

static void refuse_crowd(struct links *ls, const struct addr *from)
{
	if (ls->ops->refused)
		ls->ops->refused(ls->ctx, from, PIAS_EFULL,
				 "too many handshakes under way");
}

static void make_way(struct links *ls)
{
	struct half *h = who_gives_way(ls);
	struct addr from = h->from;

	handshake_cancel(h->handshake);
	forget_accepted(h);
	refuse_crowd(ls, &from);
}

static void on_connection(void *ctx, int fd, const struct addr *from)
{
	struct links *ls = ctx;
	struct half *h;

	if (ls->n_accepted >= LINK_HALF_MAX)
		make_way(ls);
	h = new_half(ls);
	if (!h) {
		close(fd);
		refuse_crowd(ls, from);
		return;
	}
	h->from = *from;
	h->handshake = handshake_start(ls->config.base, ls->config.tls, fd, false,
				       on_accepted, h);
	if (!h->handshake) {
		free_half(h);
		refuse_crowd(ls, from);
		return;
	}
	ls->n_accepted++;
	crowd_add(&ls->crowd, from);
}

int links_listen(struct links *ls, const struct addr *on, char why[static TLS_WHY_MAX])
{
	if (ls->n_listeners == LISTENERS_MAX)
		return PIAS_EFULL;
	ls->listener[ls->n_listeners] =
		listener_new(ls->config.base, on, on_connection, ls, why);
	if (!ls->listener[ls->n_listeners])
		return PIAS_ESYSTEM;
	ls->n_listeners++;
	return 0;
}

/* Life */

struct links *links_new(const struct links_config *config, const struct links_ops *ops,
			void *ctx)
{
	struct links *ls = calloc(1, sizeof(*ls));

	if (!ls)
		return NULL;
	ls->config = *config;
	ls->ops = ops;
	ls->ctx = ctx;
	htab_init(&ls->by_id);
	TAILQ_INIT(&ls->all);
	TAILQ_INIT(&ls->dead);
	TAILQ_INIT(&ls->halves);
	TAILQ_INIT(&ls->failed);
	ls->reaper = evtimer_new(config->base, on_reap, ls);
	if (ls->reaper)
		return ls;
	free(ls);
	return NULL;
}

void links_free(struct links *ls)
{
	struct half *h;
	struct link *l;

	if (!ls)
		return;
	while (ls->n_listeners)
		listener_free(ls->listener[--ls->n_listeners]);
	while ((h = TAILQ_FIRST(&ls->halves))) {
		if (h->handshake)
			handshake_cancel(h->handshake);
		if (h->dial)
			dial_free(h->dial);
		free_half(h);
	}
	while ((h = TAILQ_FIRST(&ls->failed))) {
		TAILQ_REMOVE(&ls->failed, h, entry);
		free(h);
	}
	while ((l = TAILQ_FIRST(&ls->all)))
		free_link(l, &ls->all);
	while ((l = TAILQ_FIRST(&ls->dead)))
		free_link(l, &ls->dead);
	event_free(ls->reaper);
	htab_fini(&ls->by_id);
	free(ls);
}
