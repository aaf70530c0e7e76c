/*
 * Datagram sockets, a burst at a time: received with recvmmsg, sent with sendmmsg,
 * equal segments as one super-datagram both ways (UDP_GRO, UDP_SEGMENT). Raw IP
 * sockets for IP-in-IP are sent to in the same way.
 */
#ifndef PIAS_CLI_UDP_H
#define PIAS_CLI_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "overlay/base/addr.h"

/* Addresses */

socklen_t udp_sockaddr(const struct addr *a, struct sockaddr_storage *out);
/* Family none for anything but IPv4 and IPv6; mapped IPv4 becomes IPv4. */
struct addr udp_addr(const struct sockaddr *sa);

/* Sockets */

enum udp_flags {
	UDP_DEAF = 1,	   /* only sent from: whatever arrives is thrown away at once */
	UDP_COALESCED = 2, /* UDP_GRO: super-datagrams may arrive */
};

/*
 * Non-blocking, large buffers, path MTU discovery off (large datagrams are
 * fragmented), IPv6 sockets take IPv6 only. @local with port 0: any. Returns the
 * descriptor or a negative errno value.
 */
must_check int udp_open(const struct addr *local, unsigned flags);
/* A raw socket of @local's family for IP protocol @proto (4, 41), bound to @local. */
must_check int udp_open_raw(const struct addr *local, int proto, unsigned flags);
/* The socket's own address, with the port the system chose. */
struct addr udp_local(int fd);

/* Sending */

#define UDP_OUT_MAX   64
#define UDP_OUT_BYTES (128 * 1024)

/*
 * What a burst wants to send, on any number of sockets. Datagrams of one socket leave
 * in the order in which they were added.
 */
struct udp_out {
	unsigned n;
	size_t used;
	struct {
		int fd;
		uint16_t segment_len; /* 0: a single datagram */
		uint32_t at, len;
		socklen_t to_len;
		struct sockaddr_storage to;
	} item[UDP_OUT_MAX];
	uint8_t bytes[UDP_OUT_BYTES];
	uint64_t n_sent, n_failed; /* datagrams, segments counted singly */
};

/* Large and zero: from calloc. */
struct udp_out *udp_out_new(void);
void udp_out_free(struct udp_out *o);
/*
 * Copies (or sends at once) @len bytes for @to; with @segment_len > 0 that many
 * datagrams of segment_len bytes, the last one possibly shorter.
 */
void udp_out_add(struct udp_out *o, int fd, const struct addr *to, const void *data,
		 size_t len, size_t segment_len);
void udp_out_flush(struct udp_out *o);

/* Receiving */

#define UDP_IN_MAX   32
#define UDP_IN_BYTES 65536 /* each */

struct udp_in {
	struct mmsghdr msg[UDP_IN_MAX];
	struct iovec iov[UDP_IN_MAX];
	struct sockaddr_storage from[UDP_IN_MAX];
	_Alignas(8) char control[UDP_IN_MAX][64];
	uint8_t bytes[UDP_IN_MAX][UDP_IN_BYTES];
};

struct udp_datagram {
	struct addr from;
	uint8_t *data;
	size_t len;
	size_t segment_len; /* with UDP_COALESCED: 0, or the size of each part */
};

struct udp_in *udp_in_new(void);
void udp_in_free(struct udp_in *in);
/*
 * Takes what is at hand, at most UDP_IN_MAX datagrams: fn is called for each. Returns
 * how many, or a negative errno value.
 */
int udp_in_read(struct udp_in *in, int fd,
		void (*fn)(void *ctx, const struct udp_datagram *d), void *ctx);

#endif
