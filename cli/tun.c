/*
 * TUN with IFF_VNET_HDR. Every packet is preceded by a virtio_net_hdr, which is
 * translated to and from struct packet_in here and nowhere else. Values in it are
 * host-endian (the kernel's default for TUN).
 */
#include "cli/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cli/netif.h"

/* Linux 6.2; the distribution's headers may be older than its kernel. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

#define TCP_CSUM_OFFSET 16
#define UDP_CSUM_OFFSET 6

_Static_assert(sizeof(struct virtio_net_hdr) == TUN_HEADER_LEN, "virtio_net_hdr");

static int set_offloads(struct tun *t)
{
	unsigned base = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;

	t->has_uso = ioctl(t->fd, TUNSETOFFLOAD, base | TUN_F_USO4 | TUN_F_USO6) == 0;
	if (t->has_uso || ioctl(t->fd, TUNSETOFFLOAD, base) == 0)
		return 0;
	return -errno;
}

static int attach(struct tun *t, const char *name)
{
	struct ifreq ifr = {.ifr_flags =
				    IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(t->fd, TUNSETIFF, &ifr))
		return -errno;
	memcpy(t->name, ifr.ifr_name, sizeof(t->name));
	return 0;
}

static int configure(struct tun *t)
{
	int err = set_offloads(t);

	if (err)
		return err;
	t->index = netif_index(t->name);
	if (t->index < 0)
		return t->index;
	/* -EAFNOSUPPORT or -ENOENT: a host without IPv6, nothing to switch off. */
	(void)!netif_no_autoconf(t->index);
	return netif_set_mtu(t->index, TUN_PACKET_MAX);
}

int tun_open(struct tun *t, const char *name, char why[static TUN_WHY_MAX])
{
	int err;

	memset(t, 0, sizeof(*t));
	t->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (t->fd < 0) {
		snprintf(why, TUN_WHY_MAX,
			 "/dev/net/tun: %s (is the tun module loaded, and the device "
			 "allowed?)",
			 strerror(errno));
		return PIAS_ESYSTEM;
	}
	err = attach(t, name);
	if (!err)
		err = configure(t);
	if (!err)
		return 0;
	snprintf(why, TUN_WHY_MAX, "interface %s: %s%s", name, strerror(-err),
		 err == -EBUSY	  ? " (another program has an interface of that name)"
		 : err == -EPERM  ? " (CAP_NET_ADMIN is needed)"
		 : err == -EINVAL ? " (not a name for an interface?)"
				  : "");
	tun_close(t);
	return PIAS_ESYSTEM;
}

void tun_close(struct tun *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

int tun_read(struct tun *t, uint8_t buf[static TUN_READ_MAX], struct packet_in *out)
{
	struct virtio_net_hdr h;
	ssize_t n = read(t->fd, buf, TUN_READ_MAX);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	memset(out, 0, sizeof(*out));
	if ((size_t)n < sizeof(h))
		return -EPROTO;
	memcpy(&h, buf, sizeof(h));
	out->data = buf + sizeof(h);
	out->headroom = sizeof(h);
	out->len = (size_t)n - sizeof(h);
	if (h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		out->csum_start = h.csum_start;
		out->csum_offset = h.csum_offset;
	}
	if (h.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		out->segment_len = h.gso_size;
	return 1;
}

/* The length of all headers, and with it what kind of super-packet this is. */
static int describe(const struct packet_in *p, struct virtio_net_hdr *h)
{
	bool is_v6 = p->data[0] >> 4 == 6;

	if ((size_t)p->csum_start + 20 > p->len)
		return -EINVAL;
	h->gso_size = p->segment_len;
	if (p->csum_offset == TCP_CSUM_OFFSET) {
		h->gso_type = is_v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
		h->hdr_len = (uint16_t)(p->csum_start +
					(p->data[p->csum_start + 12] >> 4) * 4);
		return 0;
	}
	if (p->csum_offset != UDP_CSUM_OFFSET)
		return -EINVAL;
	h->gso_type = VIRTIO_NET_HDR_GSO_UDP_L4;
	h->hdr_len = (uint16_t)(p->csum_start + 8);
	return 0;
}

int tun_write(struct tun *t, const struct packet_in *packet)
{
	struct virtio_net_hdr h = {.gso_type = VIRTIO_NET_HDR_GSO_NONE};
	struct iovec iov[2] = {{&h, sizeof(h)}, {packet->data, packet->len}};
	int err;

	if (packet->csum_start) {
		h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h.csum_start = packet->csum_start;
		h.csum_offset = packet->csum_offset;
	}
	if (packet->segment_len) {
		err = describe(packet, &h);
		if (err)
			return err;
	}
	return writev(t->fd, iov, 2) < 0 ? -errno : 0;
}
