/*
 * A TUN interface with segmentation offload: whole TCP and UDP super-packets in and
 * out, described as in struct packet_in. It is not persistent: it lives exactly as
 * long as the process that opened it, and the routes through it with it.
 */
#ifndef PIAS_CLI_TUN_H
#define PIAS_CLI_TUN_H

#include <net/if.h>

#include "forwarder/forward.h"

#define TUN_PACKET_MAX 65535
#define TUN_HEADER_LEN 10 /* struct virtio_net_hdr */
#define TUN_READ_MAX   (TUN_HEADER_LEN + TUN_PACKET_MAX)
#define TUN_WHY_MAX    160

struct tun {
	int fd;
	int index;
	char name[IFNAMSIZ];
	bool has_uso; /* the kernel hands us UDP super-packets as well */
};

/*
 * Creates interface @name (which must not exist), down, with the largest MTU. On
 * failure @why says what to do.
 */
must_check int tun_open(struct tun *t, const char *name, char why[static TUN_WHY_MAX]);
void tun_close(struct tun *t);

/*
 * Reads one packet into @buf, which @out then points into. 1: a packet; 0: no more at
 * hand; negative: an error (errno value).
 */
must_check int tun_read(struct tun *t, uint8_t buf[static TUN_READ_MAX],
			struct packet_in *out);

/*
 * Writes one packet. With segment_len the kernel cuts it, or keeps it whole up to the
 * socket; then, and wherever csum_start is set, the transport checksum field holds the
 * pseudo-header's sum, and whoever writes it vouches for the payload. Returns 0 or a
 * negative errno value.
 */
must_check int tun_write(struct tun *t, const struct packet_in *packet);

#endif
