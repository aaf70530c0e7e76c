/*
 * Sends the smallest UDP packets there are, as fast as it can or at a given rate, for
 * benchmarks of forwarders: whole frames through a packet socket, past the queueing
 * discipline.
 *
 *   udp-flood [-r PER_SECOND] [-t SECONDS] [-f FLOWS] [-b BURST] [-p PORTS] IFACE
 *             GATEWAY_MAC SOURCE DESTINATION PORT
 *
 * IPv4. Frames of 60 bytes (64 with the check sequence); FLOWS source ports in turn,
 * BURST frames of each at a time, to PORTS destination ports from PORT on. Prints
 * "sent=N seconds=S" at the end.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <unistd.h>

#include "tests/tools/echo.h"

#define FRAME_LEN   60
#define PAYLOAD_LEN (FRAME_LEN - 14 - 20 - 8)
#define FLOWS_MAX   65536
#define BATCH	    64

struct frame {
	uint8_t mac[12];
	uint16_t type;
	struct iphdr ip;
	struct udphdr udp;
	uint8_t payload[PAYLOAD_LEN];
} __attribute__((packed));

static struct frame frames[FLOWS_MAX];

static void die(const char *what)
{
	fprintf(stderr, "udp-flood: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint32_t sum16(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *p = data;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static void frame_init(struct frame *f, const uint8_t mac[12], uint32_t src, uint32_t dst,
		       uint16_t sport, uint16_t dport)
{
	uint32_t sum;

	memset(f, 0, sizeof(*f));
	memcpy(f->mac, mac, 12);
	f->type = htons(ETH_P_IP);
	f->ip = (struct iphdr){.version = 4,
			       .ihl = 5,
			       .ttl = 64,
			       .protocol = IPPROTO_UDP,
			       .frag_off = htons(IP_DF),
			       .tot_len = htons(FRAME_LEN - 14),
			       .saddr = src,
			       .daddr = dst};
	f->ip.check = fold(sum16(&f->ip, sizeof(f->ip), 0));
	f->udp.source = htons(sport);
	f->udp.dest = htons(dport);
	f->udp.len = htons(8 + PAYLOAD_LEN);
	sum = sum16(&f->ip.saddr, 8, IPPROTO_UDP + 8 + PAYLOAD_LEN);
	f->udp.check = fold(sum16(&f->udp, 8 + PAYLOAD_LEN, sum));
}

static int open_socket(const char *ifname, uint8_t own_mac[6])
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET};
	socklen_t len = sizeof(at);
	int one = 1, fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd < 0)
		die("socket");
	at.sll_ifindex = (int)if_nametoindex(ifname);
	if (at.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    getsockname(fd, (struct sockaddr *)&at, &len))
		die(ifname);
	if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)))
		die("PACKET_QDISC_BYPASS");
	memcpy(own_mac, at.sll_addr, 6);
	return fd;
}

static void run(int fd, double rate, double seconds, unsigned flows, unsigned burst)
{
	struct mmsghdr m[BATCH];
	struct iovec iov[BATCH];
	uint64_t start = clock_ns(CLOCK_MONOTONIC), now = start, sent = 0;
	uint64_t end = start + (uint64_t)(seconds * 1e9);

	memset(m, 0, sizeof(m));
	while (now < end) {
		int n;

		for (unsigned i = 0; i < BATCH; i++) {
			unsigned flow = (unsigned)((sent + i) / burst % flows);

			iov[i] = (struct iovec){&frames[flow], FRAME_LEN};
			m[i].msg_hdr.msg_iov = &iov[i];
			m[i].msg_hdr.msg_iovlen = 1;
		}
		n = sendmmsg(fd, m, BATCH, 0);
		/* ENOBUFS: the far end's ring is full, which is what a flood is for. */
		sent += n > 0 ? (uint64_t)n : 1;
		do
			now = clock_ns(CLOCK_MONOTONIC);
		while (rate > 0 && (double)(now - start) * rate / 1e9 < (double)sent);
	}
	printf("sent=%llu seconds=%.3f\n", (unsigned long long)sent,
	       (double)(now - start) / 1e9);
}

static void usage(void)
{
	fprintf(stderr,
		"usage: udp-flood [-r PER_SECOND] [-t SECONDS] [-f FLOWS] [-b BURST] "
		"[-p PORTS] IFACE GATEWAY_MAC SOURCE DESTINATION PORT\n");
	exit(2);
}

int main(int argc, char **argv)
{
	double rate = 0, seconds = 2;
	unsigned flows = 256, burst = 1, ports = 1;
	struct in_addr src, dst;
	uint8_t mac[12];
	int opt, fd;

	while ((opt = getopt(argc, argv, "r:t:f:b:p:")) != -1) {
		switch (opt) {
		case 'r':
			rate = atof(optarg);
			break;
		case 't':
			seconds = atof(optarg);
			break;
		case 'f':
			flows = (unsigned)atoi(optarg);
			break;
		case 'b':
			burst = (unsigned)atoi(optarg);
			break;
		case 'p':
			ports = (unsigned)atoi(optarg);
			break;
		default:
			usage();
		}
	}
	if (argc - optind != 5 || flows == 0 || flows > FLOWS_MAX || burst == 0 || ports == 0)
		usage();
	argv += optind;
	if (sscanf(argv[1], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2],
		   &mac[3], &mac[4], &mac[5]) != 6 ||
	    inet_pton(AF_INET, argv[2], &src) != 1 ||
	    inet_pton(AF_INET, argv[3], &dst) != 1)
		usage();
	fd = open_socket(argv[0], mac + 6);
	for (unsigned i = 0; i < flows; i++)
		frame_init(&frames[i], mac, src.s_addr, dst.s_addr, (uint16_t)(10000 + i),
			   (uint16_t)((unsigned)atoi(argv[4]) + i % ports));
	run(fd, rate, seconds, flows, burst);
	return 0;
}
