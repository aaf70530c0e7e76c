/*
 * Answers UDP datagrams, each from the address it came to:
 *
 *   udp-echo NAME ADDRESS PORT [ADDRESS PORT ...]
 *
 * Packets of udp-meter come back with NAME in them, anything else as it was. The
 * addresses need not exist yet (IP_FREEBIND): a server may start before it joins.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>

#include "tests/tools/echo.h"

#define SOCKETS_MAX 16
#define BURST	    64

static int open_socket(const char *addr, const char *port)
{
	struct sockaddr_storage at;
	socklen_t len = parse_addr("udp-echo", addr, port, &at);
	int one = 1, buffer = 4 << 20;
	int fd = socket(at.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	if (fd >= 0) {
		setsockopt(fd, SOL_IP, IP_FREEBIND, &one, sizeof(one));
		setsockopt(fd, SOL_IPV6, IPV6_FREEBIND, &one, sizeof(one));
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
	}
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len)) {
		fprintf(stderr, "udp-echo: %s port %s: %s\n", addr, port,
			strerror(errno));
		exit(1);
	}
	return fd;
}

static void answer(int fd, const char *name)
{
	static union {
		struct echo echo;
		char bytes[65536];
	} u;
	struct sockaddr_storage from;

	for (int i = 0; i < BURST; i++) {
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(fd, &u, sizeof(u), 0, (struct sockaddr *)&from,
				     &from_len);

		if (n < 0)
			return;
		if ((size_t)n >= sizeof(u.echo) && u.echo.magic == htonl(ECHO_MAGIC))
			strncpy(u.echo.server, name, ECHO_NAME_MAX - 1);
		if (sendto(fd, &u, (size_t)n, 0, (struct sockaddr *)&from, from_len) <
			    0 &&
		    errno != EAGAIN)
			fprintf(stderr, "udp-echo: answer: %s\n", strerror(errno));
	}
}

int main(int argc, char **argv)
{
	struct pollfd p[SOCKETS_MAX];
	nfds_t n = 0;

	if (argc < 4 || argc % 2 || argc > 2 + 2 * SOCKETS_MAX) {
		fprintf(stderr, "usage: udp-echo NAME ADDRESS PORT [ADDRESS PORT ...]\n");
		return 2;
	}
	for (int i = 2; i < argc; i += 2)
		p[n++] = (struct pollfd){.fd = open_socket(argv[i], argv[i + 1]),
					 .events = POLLIN};
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		if (poll(p, n, -1) < 0)
			return 1;
		for (nfds_t i = 0; i < n; i++)
			if (p[i].revents)
				answer(p[i].fd, argv[1]);
	}
}
