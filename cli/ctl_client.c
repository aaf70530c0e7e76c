/* A blocking client: piasctl has nothing else to do meanwhile. */
#include "cli/ctl_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

struct answer {
	char *text;
	size_t len, room;
};

static const char *advice(int err)
{
	switch (err) {
	case ENOENT:
	case ECONNREFUSED:
		return "; is piasd running here? -s names another socket";
	case EACCES:
	case EPERM:
		return "; run piasctl as root, or as the daemon's user or group";
	default:
		return "";
	}
}

/* Returns the connected socket, or -1 with @why. */
static int connect_to(const char *path, char *why)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = CTL_CLIENT_TIMEOUT_S};
	int fd = -1, err = ENAMETOOLONG;

	if (strlen(path) < sizeof(sa.sun_path)) {
		strcpy(sa.sun_path, path);
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd >= 0 && !connect(fd, (struct sockaddr *)&sa, sizeof(sa))) {
			setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
			setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
			return fd;
		}
		err = errno;
	}
	snprintf(why, CTL_CLIENT_WHY_MAX, "cannot connect to %.200s: %s%s", path,
		 strerror(err), advice(err));
	if (fd >= 0)
		close(fd);
	return -1;
}

static int send_line(int fd, const cJSON *request)
{
	char *text = cJSON_PrintUnformatted(request);
	size_t at = 0, len;
	ssize_t n = 0;

	if (!text)
		return -ENOMEM;
	len = strlen(text);
	text[len++] = '\n'; /* in place of the NUL, which is not sent */
	while (at < len && (n = send(fd, text + at, len - at, MSG_NOSIGNAL)) > 0)
		at += (size_t)n;
	cJSON_free(text);
	/* Who is turned away is told why before he has asked. */
	return at == len || errno == EPIPE ? 0 : -errno;
}

static int make_room(struct answer *a)
{
	size_t room = a->room ? 2 * a->room : 65536;
	char *text;

	if (a->len < a->room)
		return 0;
	if (room > CTL_CLIENT_REPLY_MAX)
		return -EMSGSIZE;
	text = realloc(a->text, room);
	if (!text)
		return -ENOMEM;
	a->text = text;
	a->room = room;
	return 0;
}

/* Up to the newline. */
static int receive_line(int fd, struct answer *a)
{
	ssize_t n;
	int err;

	do {
		err = make_room(a);
		if (err)
			return err;
		n = recv(fd, a->text + a->len, a->room - a->len, 0);
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (n == 0)
			return -ECONNRESET;
		a->len += (size_t)n;
	} while (a->text[a->len - 1] != '\n');
	return 0;
}

cJSON *ctl_client_ask(const char *path, const cJSON *request,
		      char why[static CTL_CLIENT_WHY_MAX])
{
	int err, fd = connect_to(path, why);
	struct answer a = {0};
	cJSON *reply = NULL;

	if (fd < 0)
		return NULL;
	err = send_line(fd, request);
	if (!err)
		err = receive_line(fd, &a);
	if (!err)
		reply = cJSON_ParseWithLength(a.text, a.len);
	if (!reply)
		snprintf(why, CTL_CLIENT_WHY_MAX, "no answer from piasd at %.200s: %s",
			 path, err ? strerror(-err) : "it is not JSON");
	free(a.text);
	close(fd);
	return reply;
}
