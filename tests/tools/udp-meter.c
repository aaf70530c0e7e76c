/*
 * Asks a UDP echo at a steady rate and says what became of the questions.
 *
 *   udp-meter [-r PER_SECOND] [-t SECONDS] [-w WAIT_MS] [-s SIZE] [-b ADDRESS] ADDRESS
 * PORT
 *
 * Runs for SECONDS (0: until SIGTERM or SIGINT), waits WAIT_MS for stragglers, and
 * ends with one line of key=value:
 *   sent, received, lost, duplicates, icmp (errors the path reported),
 *   longest_gap_ms  longest time between the sending of two questions next to each
 *                   other among the answered ones: how long the service was away
 *   rtt_us_p50, rtt_us_p99, servers=NAME:COUNT,...
 * Whenever another server answers it prints "server=NAME at=SECONDS" (wall clock).
 * "ready" on the first line means: the first question was answered.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tests/tools/echo.h"

#define SERVERS_MAX 16
#define SIZE_MAX_   65507
#define SEQ_MAX	    (1u << 24)

struct server {
	char name[ECHO_NAME_MAX];
	uint64_t n;
};

struct meter {
	int fd;
	uint32_t run;
	size_t size;
	uint64_t interval_ns, start_ns;
	uint64_t sent, received, enough, duplicates, icmp;
	uint32_t *rtt_us; /* by seq; 0 = not answered */
	struct server server[SERVERS_MAX];
	unsigned n_servers;
	int last_server;
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "udp-meter: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void ask(struct meter *m)
{
	static union {
		struct echo echo;
		char bytes[SIZE_MAX_];
	} u;

	u.echo = (struct echo){.magic = htonl(ECHO_MAGIC),
			       .run = m->run,
			       .seq = m->sent,
			       .sent_ns = clock_ns(CLOCK_MONOTONIC)};
	/* A pending ICMP error is reported by, and instead of, the next send. */
	while (send(m->fd, &u, m->size, 0) < 0 && errno != EAGAIN) {
		m->icmp++;
		if (errno == EMSGSIZE || errno == EPERM || errno == ENETUNREACH)
			break;
	}
	m->sent++;
}

static void note_server(struct meter *m, const char *name)
{
	unsigned i = 0;

	while (i < m->n_servers && strncmp(m->server[i].name, name, ECHO_NAME_MAX))
		i++;
	if (i == m->n_servers) {
		if (i == SERVERS_MAX)
			return;
		memcpy(m->server[m->n_servers++].name, name, ECHO_NAME_MAX - 1);
	}
	m->server[i].n++;
	if (m->last_server != (int)i) {
		printf("server=%s at=%.6f\n", m->server[i].name,
		       (double)clock_ns(CLOCK_REALTIME) / 1e9);
		fflush(stdout);
		m->last_server = (int)i;
	}
}

static void on_answer(struct meter *m, const struct echo *e)
{
	uint64_t rtt_us = (clock_ns(CLOCK_MONOTONIC) - e->sent_ns) / 1000;

	if (e->magic != htonl(ECHO_MAGIC) || e->run != m->run || e->seq >= m->sent)
		return;
	if (m->rtt_us[e->seq]) {
		m->duplicates++;
		return;
	}
	m->rtt_us[e->seq] = rtt_us ? (uint32_t)rtt_us : 1;
	if (m->received++ == 0) {
		printf("ready\n");
		fflush(stdout);
	}
	note_server(m, e->server);
}

static void read_answers(struct meter *m)
{
	static union {
		struct echo echo;
		char bytes[65536];
	} u;

	for (;;) {
		ssize_t n = recv(m->fd, &u, sizeof(u), MSG_DONTWAIT);

		if (n >= (ssize_t)sizeof(u.echo))
			on_answer(m, &u.echo);
		else if (n < 0 && errno == EAGAIN)
			return;
		else if (n < 0 && errno != EINTR)
			m->icmp++;
	}
}

static void wait_until(struct meter *m, uint64_t until_ns)
{
	for (;;) {
		uint64_t now = clock_ns(CLOCK_MONOTONIC);
		uint64_t left = now >= until_ns ? 0 : until_ns - now;
		struct timespec t = {(time_t)(left / 1000000000u),
				     (long)(left % 1000000000u)};
		struct pollfd p = {.fd = m->fd, .events = POLLIN};

		if (ppoll(&p, 1, &t, NULL) > 0)
			read_answers(m);
		if (left == 0 || m->received >= m->enough || (stop && left > 1000000000u))
			return;
	}
}

static void run(struct meter *m, double seconds)
{
	uint64_t n_max = seconds > 0 ? (uint64_t)(seconds * 1e9 / (double)m->interval_ns)
				     : SEQ_MAX;

	if (n_max > SEQ_MAX)
		n_max = SEQ_MAX;
	m->start_ns = clock_ns(CLOCK_MONOTONIC);
	while (!stop && m->sent < n_max && m->received < m->enough) {
		ask(m);
		wait_until(m, m->start_ns + m->sent * m->interval_ns);
	}
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* In steps of the sending interval, over the answered questions. */
static double longest_gap_ms(const struct meter *m)
{
	uint64_t longest = 0, last = 0;
	bool any = false;

	for (uint64_t i = 0; i < m->sent; i++) {
		if (!m->rtt_us[i])
			continue;
		if (any && i - last > longest)
			longest = i - last;
		last = i;
		any = true;
	}
	return (double)(longest * m->interval_ns) / 1e6;
}

static void report(struct meter *m)
{
	double gap = longest_gap_ms(m);
	uint64_t n = 0;

	for (uint64_t i = 0; i < m->sent; i++)
		if (m->rtt_us[i])
			m->rtt_us[n++] = m->rtt_us[i];
	qsort(m->rtt_us, n, sizeof(*m->rtt_us), compare_u32);
	printf("sent=%llu received=%llu lost=%llu duplicates=%llu icmp=%llu "
	       "longest_gap_ms=%.1f rtt_us_p50=%u rtt_us_p99=%u servers=",
	       (unsigned long long)m->sent, (unsigned long long)m->received,
	       (unsigned long long)(m->sent - m->received),
	       (unsigned long long)m->duplicates, (unsigned long long)m->icmp, gap,
	       n ? m->rtt_us[n / 2] : 0, n ? m->rtt_us[n * 99 / 100] : 0);
	for (unsigned i = 0; i < m->n_servers; i++)
		printf("%s%s:%llu", i ? "," : "", m->server[i].name,
		       (unsigned long long)m->server[i].n);
	printf("\n");
}

static void open_socket(struct meter *m, const char *bind_to, const char *interface,
			const char *addr, const char *port)
{
	struct sockaddr_storage to, from;
	socklen_t len = parse_addr("udp-meter", addr, port, &to);
	int buffer = 4 << 20;

	m->fd = socket(to.ss_family, SOCK_DGRAM, 0);
	if (m->fd < 0)
		die("socket");
	setsockopt(m->fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
	if (interface && setsockopt(m->fd, SOL_SOCKET, SO_BINDTODEVICE, interface,
				    (socklen_t)strlen(interface)))
		die(interface);
	if (bind_to) {
		socklen_t from_len = parse_addr("udp-meter", bind_to, "0", &from);

		if (bind(m->fd, (struct sockaddr *)&from, from_len))
			die(bind_to);
	}
	if (connect(m->fd, (struct sockaddr *)&to, len))
		die(addr);
}

static void usage(void)
{
	fprintf(stderr,
		"usage: udp-meter [-r PER_SECOND] [-t SECONDS] [-n ANSWERS] "
		"[-w WAIT_MS] [-s SIZE] [-b ADDRESS] [-i INTERFACE] ADDRESS PORT\n");
	exit(2);
}

int main(int argc, char **argv)
{
	struct meter m = {.size = 64,
			  .interval_ns = 1000000,
			  .enough = UINT64_MAX,
			  .last_server = -1};
	struct sigaction sa = {.sa_handler = on_signal};
	double seconds = 0, wait_ms = 500;
	const char *bind_to = NULL, *interface = NULL;
	int opt;

	while ((opt = getopt(argc, argv, "r:t:n:w:s:b:i:")) != -1) {
		switch (opt) {
		case 'r':
			m.interval_ns = (uint64_t)(1e9 / atof(optarg));
			break;
		case 't':
			seconds = atof(optarg);
			break;
		case 'n':
			m.enough = (uint64_t)atol(optarg);
			break;
		case 'w':
			wait_ms = atof(optarg);
			break;
		case 's':
			m.size = (size_t)atol(optarg);
			break;
		case 'b':
			bind_to = optarg;
			break;
		case 'i':
			interface = optarg;
			break;
		default:
			usage();
		}
	}
	if (argc - optind != 2 || m.interval_ns == 0 || m.size < sizeof(struct echo) ||
	    m.size > SIZE_MAX_)
		usage();
	m.rtt_us = calloc(SEQ_MAX, sizeof(*m.rtt_us));
	if (!m.rtt_us)
		die("memory");
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	prctl(PR_SET_TIMERSLACK, 1000);
	m.run = (uint32_t)clock_ns(CLOCK_REALTIME) ^ (uint32_t)getpid() << 16;
	open_socket(&m, bind_to, interface, argv[optind], argv[optind + 1]);
	run(&m, seconds);
	wait_until(&m, clock_ns(CLOCK_MONOTONIC) + (uint64_t)(wait_ms * 1e6));
	report(&m);
	return 0;
}
