/*
 * How long does a join take, seen from outside? Runs on the server's host:
 *
 *   join-meter [-n ROUNDS] [-i IFACE] ADDRESS PORT COMMAND...
 *
 * Each round starts COMMAND (a pias-join for ADDRESS PORT/udp), takes the time of the
 * first datagram that leaves this host for ADDRESS's control port, the HELLO, and the
 * time of the first client's packet that comes out of the tunnel at ADDRESS PORT, both
 * as the kernel stamped them; then ends COMMAND and waits until no more packets come.
 * Some client must be asking all the time. Prints one line "join_us=N" a round, and
 * "timeout" for a round without a packet in ten seconds.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tools/echo.h"

#define CONTROL_PORT 7427
#define ROUND_NS     10000000000u
#define QUIET_NS     50000000u

struct meter {
	int service, wire;
	struct sockaddr_storage addr;
};

static void die(const char *what)
{
	fprintf(stderr, "join-meter: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void stamp(int fd)
{
	int one = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)))
		die("SO_TIMESTAMPNS");
}

/* Reads one packet; its time in ns, 0 when there is none. */
static uint64_t read_stamped(int fd, void *buf, size_t *len)
{
	char control[256];
	struct iovec iov = {buf, *len};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);

	if (n < 0)
		return 0;
	*len = (size_t)n;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		struct timespec t;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPNS)
			continue;
		memcpy(&t, CMSG_DATA(c), sizeof(t));
		return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	}
	return clock_ns(CLOCK_REALTIME);
}

/* Is this frame a datagram to the control port of the group's address? */
static bool is_hello(const struct meter *m, const uint8_t *frame, size_t len)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&m->addr;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&m->addr;
	const uint8_t *ip = frame + 14;
	struct udphdr udp;

	if (m->addr.ss_family == AF_INET) {
		if (len < 14 + 28 || ip[9] != IPPROTO_UDP ||
		    memcmp(ip + 16, &v4->sin_addr, 4))
			return false;
		memcpy(&udp, ip + (ip[0] & 15) * 4, sizeof(udp));
	} else {
		if (len < 14 + 48 || ip[6] != IPPROTO_UDP ||
		    memcmp(ip + 24, &v6->sin6_addr, 16))
			return false;
		memcpy(&udp, ip + 40, sizeof(udp));
	}
	return udp.dest == htons(CONTROL_PORT);
}

/* Throws away what is queued, until nothing came for a while. */
static void settle(struct meter *m)
{
	static uint8_t buf[65536];
	uint64_t last = clock_ns(CLOCK_MONOTONIC);

	while (clock_ns(CLOCK_MONOTONIC) - last < QUIET_NS) {
		struct pollfd p = {.fd = m->service, .events = POLLIN};
		size_t len = sizeof(buf);

		if (poll(&p, 1, 5) > 0 && read_stamped(m->service, buf, &len))
			last = clock_ns(CLOCK_MONOTONIC);
	}
	for (size_t len = sizeof(buf); read_stamped(m->wire, buf, &len);
	     len = sizeof(buf))
		;
}

static void wait_for_packet(struct meter *m)
{
	static uint8_t buf[65536];
	uint64_t give_up = clock_ns(CLOCK_MONOTONIC) + ROUND_NS, hello = 0, t;

	while (clock_ns(CLOCK_MONOTONIC) < give_up) {
		struct pollfd p[2] = {{.fd = m->wire, .events = POLLIN},
				      {.fd = m->service, .events = POLLIN}};
		size_t len = sizeof(buf);

		poll(p, 2, 100);
		while (!hello && (t = read_stamped(m->wire, buf, &len))) {
			if (is_hello(m, buf, len))
				hello = t;
			len = sizeof(buf);
		}
		len = sizeof(buf);
		if (hello && (t = read_stamped(m->service, buf, &len)) && t > hello) {
			printf("join_us=%llu\n", (unsigned long long)(t - hello) / 1000);
			return;
		}
	}
	printf("timeout\n");
}

static void one_round(struct meter *m, char **command)
{
	pid_t pid;

	settle(m);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		execv(command[0], command);
		_exit(127);
	}
	wait_for_packet(m);
	fflush(stdout);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

static void open_sockets(struct meter *m, const char *ifname, const char *addr,
			 const char *port)
{
	socklen_t len = parse_addr("join-meter", addr, port, &m->addr);
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_ALL),
				 .sll_ifindex = (int)if_nametoindex(ifname)};
	int one = 1;

	m->service = socket(m->addr.ss_family, SOCK_DGRAM, 0);
	if (m->service < 0)
		die("socket");
	setsockopt(m->service, SOL_IP, IP_FREEBIND, &one, sizeof(one));
	setsockopt(m->service, SOL_IPV6, IPV6_FREEBIND, &one, sizeof(one));
	if (bind(m->service, (struct sockaddr *)&m->addr, len))
		die(addr);
	stamp(m->service);
	/* All protocols: only then does the kernel show what leaves. */
	m->wire = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	if (m->wire < 0 || bind(m->wire, (struct sockaddr *)&at, sizeof(at)))
		die(ifname);
	stamp(m->wire);
}

int main(int argc, char **argv)
{
	const char *ifname = "eth0";
	int rounds = 100, opt;
	struct meter m;

	while ((opt = getopt(argc, argv, "+n:i:")) != -1) {
		switch (opt) {
		case 'n':
			rounds = atoi(optarg);
			break;
		case 'i':
			ifname = optarg;
			break;
		default:
			return 2;
		}
	}
	if (argc - optind < 3) {
		fprintf(stderr,
			"usage: join-meter [-n ROUNDS] [-i IFACE] ADDRESS PORT COMMAND...\n");
		return 2;
	}
	argv += optind;
	open_sockets(&m, ifname, argv[0], argv[1]);
	for (int i = 0; i < rounds; i++)
		one_round(&m, argv + 2);
	return 0;
}
