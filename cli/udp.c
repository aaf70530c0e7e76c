/*
 * Datagrams in bursts. Sends are gathered in one arena for all sockets and leave at
 * udp_out_flush, one sendmmsg for each socket that has something; super-datagrams
 * above COPY_MAX bytes leave at once (after what was gathered before them), because
 * copying them would cost more than the call saves. A datagram that the system does
 * not take is dropped and counted: there is no queue behind the socket's own.
 */
#include "cli/udp.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COPY_MAX       8192
#define SEGMENTS_MAX   64    /* of one call: UDP_MAX_SEGMENTS of older kernels */
#define SUPER_MAX      65000 /* bytes of one call: below the IP maximum with headers */
#define BUFFER_BYTES   (4 << 20)
#define CONTROL_LEN(t) CMSG_SPACE(sizeof(t))

/* Addresses */

socklen_t udp_sockaddr(const struct addr *a, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (a->family == ADDR_V4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(a->port);
		memcpy(&v4->sin_addr, a->ip, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(a->port);
	memcpy(&v6->sin6_addr, a->ip, 16);
	return sizeof(*v6);
}

struct addr udp_addr(const struct sockaddr *sa)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;
	const uint8_t *ip;

	if (sa->sa_family == AF_INET)
		return addr_v4((const uint8_t *)&v4->sin_addr, ntohs(v4->sin_port));
	if (sa->sa_family != AF_INET6)
		return (struct addr){0};
	ip = v6->sin6_addr.s6_addr;
	if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		return addr_v4(ip + 12, ntohs(v6->sin6_port));
	return addr_v6(ip, ntohs(v6->sin6_port));
}

/* Sockets */

static int set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) ? -errno : 0;
}

static int fragment_rather_than_refuse(int fd, int family)
{
	if (family == ADDR_V4)
		return set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
	return set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
}

static int set_deaf(int fd)
{
	struct sock_filter refuse = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = {1, &refuse};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) ? -errno
										 : 0;
}

/* Beyond the host's limits with CAP_NET_ADMIN, up to them without. */
static void set_buffers(int fd)
{
	if (set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES))
		(void)!set_int(fd, SOL_SOCKET, SO_SNDBUF, BUFFER_BYTES);
	if (set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES))
		(void)!set_int(fd, SOL_SOCKET, SO_RCVBUF, BUFFER_BYTES);
}

static int prepare(int fd, int type, const struct addr *local, unsigned flags)
{
	struct sockaddr_storage sa;
	socklen_t len = udp_sockaddr(local, &sa);
	int err = fragment_rather_than_refuse(fd, local->family);

	/* Raw sockets are of one family anyway, and refuse to be told so. */
	if (!err && type == SOCK_DGRAM && local->family == ADDR_V6)
		err = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (!err && flags & UDP_DEAF)
		err = set_deaf(fd);
	if (!err && flags & UDP_COALESCED)
		err = set_int(fd, IPPROTO_UDP, UDP_GRO, 1);
	if (err)
		return err;
	set_buffers(fd);
	return bind(fd, (struct sockaddr *)&sa, len) ? -errno : 0;
}

static int open_socket(const struct addr *local, int type, int proto, unsigned flags)
{
	int family = local->family == ADDR_V4 ? AF_INET : AF_INET6;
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);
	int err;

	if (fd < 0)
		return -errno;
	err = prepare(fd, type, local, flags);
	if (!err)
		return fd;
	close(fd);
	return err;
}

int udp_open(const struct addr *local, unsigned flags)
{
	return open_socket(local, SOCK_DGRAM, IPPROTO_UDP, flags);
}

int udp_open_raw(const struct addr *local, int proto, unsigned flags)
{
	struct addr host = *local;

	host.port = 0;
	return open_socket(&host, SOCK_RAW, proto, flags);
}

struct addr udp_local(int fd)
{
	struct sockaddr_storage sa = {0};
	socklen_t len = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &len))
		return (struct addr){0};
	return udp_addr((struct sockaddr *)&sa);
}

/* Sending */

struct udp_out *udp_out_new(void)
{
	return calloc(1, sizeof(struct udp_out));
}

void udp_out_free(struct udp_out *o)
{
	free(o);
}

static uint64_t n_datagrams(size_t len, size_t segment_len)
{
	return segment_len ? (len + segment_len - 1) / segment_len : 1;
}

static void set_segment_len(struct msghdr *m, char *control, uint16_t segment_len)
{
	struct cmsghdr *c;

	m->msg_control = control;
	m->msg_controllen = CONTROL_LEN(uint16_t);
	c = CMSG_FIRSTHDR(m);
	c->cmsg_level = IPPROTO_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(segment_len));
	memcpy(CMSG_DATA(c), &segment_len, sizeof(segment_len));
}

static void send_single(struct udp_out *o, int fd, const struct sockaddr_storage *to,
			socklen_t to_len, const uint8_t *data, size_t len)
{
	if (sendto(fd, data, len, 0, (const struct sockaddr *)to, to_len) < 0)
		o->n_failed++;
	else
		o->n_sent++;
}

/* At most SEGMENTS_MAX segments and SUPER_MAX bytes, in one call where that works. */
static void send_super(struct udp_out *o, int fd, const struct sockaddr_storage *to,
		       socklen_t to_len, const uint8_t *data, size_t len,
		       size_t segment_len)
{
	struct iovec iov = {(void *)data, len};
	struct msghdr m = {.msg_name = (void *)to,
			   .msg_namelen = to_len,
			   .msg_iov = &iov,
			   .msg_iovlen = 1};
	_Alignas(struct cmsghdr) char control[CONTROL_LEN(uint16_t)] = {0};
	size_t n;

	set_segment_len(&m, control, (uint16_t)segment_len);
	if (sendmsg(fd, &m, 0) >= 0) {
		o->n_sent += n_datagrams(len, segment_len);
		return;
	}
	if (errno == EAGAIN || errno == ENOBUFS) {
		o->n_failed += n_datagrams(len, segment_len);
		return;
	}
	/* A segment is larger than the path's MTU, or no offload: one by one. */
	for (; len; data += n, len -= n) {
		n = len < segment_len ? len : segment_len;
		send_single(o, fd, to, to_len, data, n);
	}
}

static void send_now(struct udp_out *o, int fd, const struct addr *to,
		     const uint8_t *data, size_t len, size_t segment_len)
{
	size_t n, most = SUPER_MAX / segment_len;
	struct sockaddr_storage sa;
	socklen_t sa_len = udp_sockaddr(to, &sa);

	if (most > SEGMENTS_MAX)
		most = SEGMENTS_MAX;
	if (!most)
		most = 1;
	for (; len; data += n, len -= n) {
		n = len < most * segment_len ? len : most * segment_len;
		send_super(o, fd, &sa, sa_len, data, n, segment_len);
	}
}

void udp_out_add(struct udp_out *o, int fd, const struct addr *to, const void *data,
		 size_t len, size_t segment_len)
{
	if (segment_len && (segment_len >= len || segment_len > UINT16_MAX))
		segment_len = 0;
	if (segment_len && (len > COPY_MAX || len / segment_len >= SEGMENTS_MAX)) {
		udp_out_flush(o);
		send_now(o, fd, to, data, len, segment_len);
		return;
	}
	if (o->n == UDP_OUT_MAX || o->used + len > sizeof(o->bytes))
		udp_out_flush(o);
	if (len > sizeof(o->bytes)) {
		o->n_failed++;
		return;
	}
	o->item[o->n].fd = fd;
	o->item[o->n].segment_len = (uint16_t)segment_len;
	o->item[o->n].at = (uint32_t)o->used;
	o->item[o->n].len = (uint32_t)len;
	o->item[o->n].to_len = udp_sockaddr(to, &o->item[o->n].to);
	memcpy(o->bytes + o->used, data, len);
	o->used += len;
	o->n++;
}

/* One socket's share of a burst: its items, in order. */
struct share {
	unsigned n;
	unsigned item[UDP_OUT_MAX];
	struct mmsghdr msg[UDP_OUT_MAX];
	struct iovec iov[UDP_OUT_MAX];
	_Alignas(struct cmsghdr) char control[UDP_OUT_MAX][CONTROL_LEN(uint16_t)];
};

static void take(struct share *s, struct udp_out *o, unsigned i)
{
	struct mmsghdr *m = &s->msg[s->n];

	memset(m, 0, sizeof(*m));
	memset(s->control[s->n], 0, sizeof(s->control[s->n]));
	s->iov[s->n] = (struct iovec){o->bytes + o->item[i].at, o->item[i].len};
	m->msg_hdr.msg_name = &o->item[i].to;
	m->msg_hdr.msg_namelen = o->item[i].to_len;
	m->msg_hdr.msg_iov = &s->iov[s->n];
	m->msg_hdr.msg_iovlen = 1;
	if (o->item[i].segment_len)
		set_segment_len(&m->msg_hdr, s->control[s->n], o->item[i].segment_len);
	s->item[s->n++] = i;
}

/* The message that sendmmsg stopped at: another way, or not at all. */
static void retry(struct udp_out *o, int fd, unsigned i)
{
	size_t segment_len = o->item[i].segment_len;

	if (segment_len && errno != EAGAIN && errno != ENOBUFS)
		send_super(o, fd, &o->item[i].to, o->item[i].to_len,
			   o->bytes + o->item[i].at, o->item[i].len, segment_len);
	else
		o->n_failed += n_datagrams(o->item[i].len, segment_len);
}

static void send_share(struct udp_out *o, int fd, struct share *s)
{
	unsigned at = 0;
	int i, n;

	while (at < s->n) {
		n = sendmmsg(fd, s->msg + at, s->n - at, 0);
		if (n <= 0) {
			if (n < 0 && errno == EINTR)
				continue;
			retry(o, fd, s->item[at++]);
			continue;
		}
		for (i = 0; i < n; i++)
			o->n_sent += n_datagrams(
				o->item[s->item[at + (unsigned)i]].len,
				o->item[s->item[at + (unsigned)i]].segment_len);
		at += (unsigned)n;
	}
}

void udp_out_flush(struct udp_out *o)
{
	unsigned first, i;
	struct share s;
	int fd;

	for (first = 0; first < o->n; first++) {
		fd = o->item[first].fd;
		if (fd < 0)
			continue;
		s.n = 0;
		for (i = first; i < o->n; i++) {
			if (o->item[i].fd != fd)
				continue;
			take(&s, o, i);
			o->item[i].fd = -1;
		}
		send_share(o, fd, &s);
	}
	o->n = 0;
	o->used = 0;
}

/* Receiving */

struct udp_in *udp_in_new(void)
{
	return malloc(sizeof(struct udp_in));
}

void udp_in_free(struct udp_in *in)
{
	free(in);
}

static size_t gro_size(struct msghdr *m)
{
	struct cmsghdr *c;
	int size;

	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != IPPROTO_UDP || c->cmsg_type != UDP_GRO)
			continue;
		memcpy(&size, CMSG_DATA(c), sizeof(size));
		return size > 0 ? (size_t)size : 0;
	}
	return 0;
}

static void prepare_slots(struct udp_in *in)
{
	unsigned i;

	for (i = 0; i < UDP_IN_MAX; i++) {
		struct msghdr *m = &in->msg[i].msg_hdr;

		memset(m, 0, sizeof(*m));
		in->iov[i] = (struct iovec){in->bytes[i], UDP_IN_BYTES};
		m->msg_iov = &in->iov[i];
		m->msg_iovlen = 1;
		m->msg_name = &in->from[i];
		m->msg_namelen = sizeof(in->from[i]);
		m->msg_control = in->control[i];
		m->msg_controllen = sizeof(in->control[i]);
	}
}

int udp_in_read(struct udp_in *in, int fd,
		void (*fn)(void *ctx, const struct udp_datagram *d), void *ctx)
{
	struct udp_datagram d;
	int i, n;

	prepare_slots(in);
	n = recvmmsg(fd, in->msg, UDP_IN_MAX, MSG_DONTWAIT, NULL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	for (i = 0; i < n; i++) {
		struct msghdr *m = &in->msg[i].msg_hdr;

		if (m->msg_flags & MSG_TRUNC)
			continue;
		d.from = udp_addr(m->msg_name);
		d.data = in->bytes[i];
		d.len = in->msg[i].msg_len;
		d.segment_len = gro_size(m);
		if (d.segment_len >= d.len)
			d.segment_len = 0;
		fn(ctx, &d);
	}
	return n;
}
