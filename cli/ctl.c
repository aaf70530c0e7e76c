/*
 * Clients of the control socket. A client that asks too long a line, too slowly, or
 * does not take its answer is dropped; beyond CTL_CLIENTS_MAX nobody is let in. While
 * an answer waits to be taken the next request is not read, so that a client costs one
 * answer's memory at most.
 */
#include "cli/ctl.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct client {
	TAILQ_ENTRY(client) entry;
	struct ctl *ctl;
	struct bufferevent *bev;
};

TAILQ_HEAD(client_list, client);

struct ctl {
	struct host *host;
	struct evconnlistener *listener;
	struct client_list clients;
	unsigned n_clients;
	char path[CONFIG_SOCKET_MAX];
	struct stat file; /* so that we only remove our own */
};

static void drop(struct client *c)
{
	TAILQ_REMOVE(&c->ctl->clients, c, entry);
	c->ctl->n_clients--;
	bufferevent_free(c->bev);
	free(c);
}

/* A request */

static cJSON *answer_to(struct host *h, const char *line, size_t len)
{
	struct ctl_request request;
	char why[CTL_WHY_MAX];

	if (ctl_request_parse(&request, line, len, why))
		return ctl_reply_error(why);
	return ctl_reply(h, &request);
}

static void answer(struct client *c, const char *line, size_t len)
{
	cJSON *reply = answer_to(c->ctl->host, line, len);
	char *text = reply ? cJSON_PrintUnformatted(reply) : NULL;

	cJSON_Delete(reply);
	if (!text) {
		drop(c);
		return;
	}
	bufferevent_disable(c->bev, EV_READ);
	bufferevent_write(c->bev, text, strlen(text));
	bufferevent_write(c->bev, "\n", 1);
	cJSON_free(text);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct client *c = arg;
	size_t len;
	char *line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF);

	if (line && len < CTL_LINE_MAX)
		answer(c, line, len);
	else if (line || evbuffer_get_length(in) >= CTL_LINE_MAX)
		drop(c);
	free(line);
}

/* The answer is gone; the next request may be here already. */
static void on_written(struct bufferevent *bev, void *arg)
{
	bufferevent_enable(bev, EV_READ);
	bufferevent_trigger(bev, EV_READ, BEV_OPT_DEFER_CALLBACKS);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	drop(arg);
}

/* An answer to whatever it is about to ask; if it can't be sent now, never mind. */
static void turn_away(evutil_socket_t fd)
{
	static const char busy[] =
		"{\"ok\":false,\"error\":\"too many control clients at once; "
		"try again in a moment\"}\n";

	(void)!send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static void on_client(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa,
		      int len, void *arg)
{
	struct timeval limit = {.tv_sec = CTL_TIMEOUT_S};
	struct ctl *ctl = arg;
	struct client *c = NULL;

	if (ctl->n_clients < CTL_CLIENTS_MAX)
		c = calloc(1, sizeof(*c));
	if (c)
		c->bev = bufferevent_socket_new(ctl->host->base, fd,
						BEV_OPT_CLOSE_ON_FREE);
	if (!c || !c->bev) {
		free(c);
		turn_away(fd);
		return;
	}
	c->ctl = ctl;
	TAILQ_INSERT_TAIL(&ctl->clients, c, entry);
	ctl->n_clients++;
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, CTL_LINE_MAX);
	bufferevent_set_timeouts(c->bev, &limit, &limit);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

/* The socket */

static bool somebody_listens(const struct sockaddr_un *sa)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool yes = fd >= 0 && !connect(fd, (const struct sockaddr *)sa, sizeof(*sa));

	if (fd >= 0)
		close(fd);
	return yes;
}

/* The folder, if it is missing; a socket that a killed daemon left, if it is there. */
static void make_way(const struct sockaddr_un *sa)
{
	char folder[sizeof(sa->sun_path) + 1];
	struct stat st;

	snprintf(folder, sizeof(folder), "%s", sa->sun_path);
	mkdir(dirname(folder), 0755);
	if (!lstat(sa->sun_path, &st) && S_ISSOCK(st.st_mode))
		unlink(sa->sun_path);
}

/* Returns the listening socket or a negative errno value. */
static int open_socket(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	mode_t mask;
	int fd, err;

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (somebody_listens(&sa))
		return -EADDRINUSE;
	make_way(&sa);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	mask = umask(0117);
	err = bind(fd, (struct sockaddr *)&sa, sizeof(sa)) || listen(fd, 16) ? -errno : 0;
	umask(mask);
	if (!err)
		return fd;
	close(fd);
	return err;
}

struct ctl *ctl_new(struct host *h, const char *path, char why[static HOST_WHY_MAX])
{
	int fd = open_socket(path);
	struct ctl *c;

	if (fd < 0) {
		snprintf(why, HOST_WHY_MAX, "control socket %s: %s%s", path,
			 strerror(-fd),
			 fd == -EADDRINUSE ? " (is another piasd running?)" : "");
		return NULL;
	}
	c = calloc(1, sizeof(*c));
	if (c)
		c->listener = evconnlistener_new(
			h->base, on_client, c,
			LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!c || !c->listener) {
		snprintf(why, HOST_WHY_MAX, "%s", error_text(PIAS_ENOMEM));
		free(c);
		close(fd);
		return NULL;
	}
	c->host = h;
	snprintf(c->path, sizeof(c->path), "%s", path);
	lstat(path, &c->file);
	TAILQ_INIT(&c->clients);
	return c;
}

static void remove_file(const struct ctl *c)
{
	struct stat now;

	if (!lstat(c->path, &now) && now.st_ino == c->file.st_ino &&
	    now.st_dev == c->file.st_dev)
		unlink(c->path);
}

void ctl_free(struct ctl *c)
{
	struct client *client;

	if (!c)
		return;
	remove_file(c);
	evconnlistener_free(c->listener);
	while ((client = TAILQ_FIRST(&c->clients)))
		drop(client);
	free(c);
}
