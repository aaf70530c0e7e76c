/*
 * Holds connections that never get anywhere: connects, sends the first bytes of a TLS
 * ClientHello and no more, and connects again whenever it is thrown out.
 *
 *   loiter [-n CONNECTIONS] [-a ADDRESSES] [-t SECONDS] SOURCE ADDRESS PORT
 *
 * From ADDRESSES consecutive addresses, of which SOURCE is the first. IPv4. Prints
 * "ready" once all were open, and "opened=N refused=N" at the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

#include "tests/tools/echo.h"

#define CONNECTIONS_MAX 4096

static const uint8_t hello[] = {22, 3, 1, 2, 0, 1, 0, 1};

static struct pollfd conn[CONNECTIONS_MAX];
static bool is_open[CONNECTIONS_MAX];
static unsigned long opened, refused;

static void die(const char *what)
{
	fprintf(stderr, "loiter: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void begin(unsigned i, struct in_addr source, unsigned n_sources,
		  const struct sockaddr_in *to)
{
	struct sockaddr_in from = {.sin_family = AF_INET};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	from.sin_addr.s_addr = htonl(ntohl(source.s_addr) + i % n_sources);
	if (fd < 0)
		die("socket");
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)))
		die("bind");
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) && errno != EINPROGRESS)
		die("connect");
	conn[i] = (struct pollfd){.fd = fd, .events = POLLOUT};
	is_open[i] = false;
}

/* Open now, or thrown out: then false. */
static bool go_on(unsigned i)
{
	char waste[256];

	if (conn[i].revents & POLLOUT && !is_open[i]) {
		if (write(conn[i].fd, hello, sizeof(hello)) < 0)
			return false;
		is_open[i] = true;
		opened++;
		conn[i].events = POLLIN;
		return true;
	}
	return !(conn[i].revents & (POLLIN | POLLERR | POLLHUP)) ||
	       read(conn[i].fd, waste, sizeof(waste)) > 0;
}

static void usage(void)
{
	fprintf(stderr, "usage: loiter [-n CONNECTIONS] [-a ADDRESSES] [-t SECONDS] "
			"SOURCE ADDRESS PORT\n");
	exit(2);
}

static void run(unsigned n, struct in_addr source, unsigned n_sources,
		const struct sockaddr_in *to, double seconds)
{
	uint64_t end = clock_ns(CLOCK_MONOTONIC) + (uint64_t)(seconds * 1e9);
	bool is_ready = false;

	for (unsigned i = 0; i < n; i++)
		begin(i, source, n_sources, to);
	while (clock_ns(CLOCK_MONOTONIC) < end) {
		if (poll(conn, n, 100) < 0)
			die("poll");
		for (unsigned i = 0; i < n; i++) {
			if (!conn[i].revents || go_on(i))
				continue;
			refused++;
			close(conn[i].fd);
			begin(i, source, n_sources, to);
		}
		if (!is_ready && opened >= n) {
			is_ready = true;
			puts("ready");
			fflush(stdout);
		}
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	unsigned n = 300, n_sources = 1;
	struct in_addr source;
	double seconds = 10;
	int opt;

	while ((opt = getopt(argc, argv, "n:a:t:")) != -1) {
		switch (opt) {
		case 'n':
			n = (unsigned)atoi(optarg);
			break;
		case 'a':
			n_sources = (unsigned)atoi(optarg);
			break;
		case 't':
			seconds = atof(optarg);
			break;
		default:
			usage();
		}
	}
	if (argc - optind != 3 || n == 0 || n > CONNECTIONS_MAX || n_sources == 0 ||
	    inet_pton(AF_INET, argv[optind], &source) != 1 ||
	    inet_pton(AF_INET, argv[optind + 1], &to.sin_addr) != 1)
		usage();
	to.sin_port = htons((uint16_t)atoi(argv[optind + 2]));
	run(n, source, n_sources, &to, seconds);
	printf("opened=%lu refused=%lu\n", opened, refused);
	return 0;
}
