/*
 * A long wire: joins pairs of interfaces and holds every frame for a while, because
 * the lab's kernels may lack netem. Both ends of a pair are packet sockets with
 * PACKET_VNET_HDR, so that segmentation and checksum offload pass through untouched
 * and a 64 KB super-packet costs one read and one write.
 *
 *   shaper FILE        FILE: lines of "IFACE IFACE DELAY_MS LOSS_PERCENT"
 *
 * SIGHUP reads the delays and losses of the same links again. Frames of one direction
 * never overtake each other; a full queue drops the newest.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINKS_MAX   16
#define FRAME_MAX   (65536 + 256)
#define QUEUE_BYTES (64u << 20) /* a wire of 40 ms at 10 Gbit/s, reserved lazily */
#define READ_BATCH  64

/* One frame in a queue; the bytes (virtio header first) follow, padded to 8. */
struct slot {
	uint64_t due_ns;
	uint32_t len; /* 0: nothing more before the end, go on at the start */
	uint32_t pad;
};

struct direction {
	int rx, tx;
	uint64_t delay_ns;
	uint32_t loss; /* of 2^32 */
	uint8_t *ring;
	size_t head, tail, end; /* read at head, write at tail; bytes in use if != */
	uint64_t passed, lost, dropped;
};

struct wire {
	char ifname[2][IFNAMSIZ];
	struct direction dir[2];
};

static struct wire wires[LINKS_MAX];
static unsigned n_wires;
static volatile sig_atomic_t reload, stop;
static uint64_t random_state = 88172645463325252ull;

static void on_signal(int sig)
{
	if (sig == SIGHUP)
		reload = 1;
	else
		stop = 1;
}

static void die(const char *what, const char *which)
{
	fprintf(stderr, "shaper: %s %s: %s\n", what, which, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint32_t draw(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32);
}

static int open_end(const char *ifname)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_ALL)};
	int one = 1, buffer = 32 << 20;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket for", ifname);
	at.sll_ifindex = (int)if_nametoindex(ifname);
	if (at.sll_ifindex == 0)
		die("interface", ifname);
	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer)))
		die("socket options of", ifname);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)))
		die("bind to", ifname);
	return fd;
}

static void direction_init(struct direction *d, int rx, int tx)
{
	d->rx = rx;
	d->tx = tx;
	d->ring = mmap(NULL, QUEUE_BYTES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (d->ring == MAP_FAILED)
		die("mmap", "queue");
}

static void wire_set(struct wire *w, double delay_ms, double loss_percent)
{
	double loss = loss_percent / 100 * 4294967296.0;

	for (int i = 0; i < 2; i++) {
		w->dir[i].delay_ns = (uint64_t)(delay_ms * 1e6);
		w->dir[i].loss = loss >= 4294967295.0 ? UINT32_MAX : (uint32_t)loss;
	}
}

static struct wire *wire_find(const char *a, const char *b)
{
	for (unsigned i = 0; i < n_wires; i++)
		if (!strcmp(wires[i].ifname[0], a) && !strcmp(wires[i].ifname[1], b))
			return &wires[i];
	return NULL;
}

static struct wire *wire_add(const char *a, const char *b)
{
	struct wire *w = &wires[n_wires++];
	int fd_a = open_end(a), fd_b = open_end(b);

	snprintf(w->ifname[0], IFNAMSIZ, "%s", a);
	snprintf(w->ifname[1], IFNAMSIZ, "%s", b);
	direction_init(&w->dir[0], fd_a, fd_b);
	direction_init(&w->dir[1], fd_b, fd_a);
	return w;
}

static void read_config(const char *path, bool may_add)
{
	FILE *f = fopen(path, "re");
	char line[256], a[IFNAMSIZ], b[IFNAMSIZ];
	double delay, loss;
	struct wire *w;

	if (!f)
		die("open", path);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%15s %15s %lf %lf", a, b, &delay, &loss) != 4)
			continue;
		w = wire_find(a, b);
		if (!w && may_add && n_wires < LINKS_MAX)
			w = wire_add(a, b);
		if (w)
			wire_set(w, delay, loss);
	}
	fclose(f);
}

/* Room for one more frame of any size, contiguous; NULL when the queue is full. */
static struct slot *queue_room(struct direction *d)
{
	const size_t need = sizeof(struct slot) + FRAME_MAX;

	if (d->tail >= d->head) {
		/* Always leave space for the slot that says "go on at the start". */
		if (d->tail + need + sizeof(struct slot) <= QUEUE_BYTES)
			return (struct slot *)(d->ring + d->tail);
		if (d->head <= need)
			return NULL;
		((struct slot *)(d->ring + d->tail))->len = 0;
		d->tail = 0;
	}
	if (d->tail + need >= d->head)
		return NULL;
	return (struct slot *)(d->ring + d->tail);
}

static void direction_read(struct direction *d)
{
	static uint8_t scrap[FRAME_MAX];

	for (int i = 0; i < READ_BATCH; i++) {
		struct slot *s = queue_room(d);
		ssize_t n = recv(d->rx, s ? (uint8_t *)(s + 1) : scrap, FRAME_MAX, 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENETDOWN))
			return;
		if (n <= (ssize_t)sizeof(struct virtio_net_hdr) || !s) {
			d->dropped++;
			continue;
		}
		if (d->loss && draw() < d->loss) {
			d->lost++;
			continue;
		}
		s->due_ns = now_ns() + d->delay_ns;
		s->len = (uint32_t)n;
		d->tail += sizeof(*s) + (((size_t)n + 7) & ~(size_t)7);
	}
}

/* Sends what is due; returns when the next frame is (UINT64_MAX: queue empty). */
static uint64_t direction_write(struct direction *d, uint64_t now)
{
	while (d->head != d->tail) {
		struct slot *s = (struct slot *)(d->ring + d->head);

		if (s->len == 0) {
			d->head = 0;
			continue;
		}
		if (s->due_ns > now)
			return s->due_ns;
		if (send(d->tx, s + 1, s->len, MSG_DONTWAIT) == (ssize_t)s->len)
			d->passed++;
		else
			d->dropped++;
		d->head += sizeof(*s) + (((size_t)s->len + 7) & ~(size_t)7);
	}
	return UINT64_MAX;
}

static uint64_t write_all(void)
{
	uint64_t next = UINT64_MAX, now = now_ns();

	for (unsigned i = 0; i < 2 * n_wires; i++) {
		uint64_t due = direction_write(&wires[i / 2].dir[i % 2], now);

		if (due < next)
			next = due;
	}
	return next;
}

static void run(const char *path)
{
	struct pollfd p[2 * LINKS_MAX];

	for (unsigned i = 0; i < 2 * n_wires; i++)
		p[i] = (struct pollfd){.fd = wires[i / 2].dir[i % 2].rx,
				       .events = POLLIN};
	while (!stop) {
		uint64_t next = write_all(), now = now_ns();
		uint64_t wait = next <= now ? 0 : next - now;
		struct timespec t = {(time_t)(wait / 1000000000u),
				     (long)(wait % 1000000000u)};

		if (reload) {
			reload = 0;
			read_config(path, false);
		}
		if (ppoll(p, 2 * n_wires, next == UINT64_MAX ? NULL : &t, NULL) <= 0)
			continue;
		for (unsigned i = 0; i < 2 * n_wires; i++)
			if (p[i].revents)
				direction_read(&wires[i / 2].dir[i % 2]);
	}
}

int main(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = on_signal};

	if (argc != 2) {
		fprintf(stderr,
			"usage: shaper FILE (lines: IFACE IFACE DELAY_MS LOSS_PERCENT)\n");
		return 2;
	}
	sigaction(SIGHUP, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	read_config(argv[1], true);
	if (n_wires == 0) {
		fprintf(stderr, "shaper: %s names no link\n", argv[1]);
		return 2;
	}
	prctl(PR_SET_TIMERSLACK, 1000);
	/* A wire does not wait for a busy processor; BFD would take that for an outage.
	 */
	setpriority(PRIO_PROCESS, 0, -15);
	printf("ready\n");
	fflush(stdout);
	run(argv[1]);
	for (unsigned i = 0; i < 2 * n_wires; i++) {
		struct wire *w = &wires[i / 2];
		struct direction *d = &w->dir[i % 2];

		printf("%s->%s passed=%llu lost=%llu dropped=%llu\n", w->ifname[i % 2],
		       w->ifname[1 - i % 2], (unsigned long long)d->passed,
		       (unsigned long long)d->lost, (unsigned long long)d->dropped);
	}
	return 0;
}
