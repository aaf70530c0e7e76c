/*
 * An IP packet as the forwarder sees it: where its headers are, which flow it belongs
 * to, whether it is a fragment. Parsing looks at everything that later code relies
 * on; nothing behind it checks lengths again.
 */
#ifndef PIAS_FORWARDER_PACKET_H
#define PIAS_FORWARDER_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "forwarder/pick.h"
#include "overlay/base/addr.h"
#include "rendezvous/name.h"

#define IPPROTO_NUM_ICMP   1
#define IPPROTO_NUM_IPV4   4
#define IPPROTO_NUM_IPV6   41
#define IPPROTO_NUM_ICMPV6 58

#define IPV4_HEADER_LEN 20
#define IPV6_HEADER_LEN 40
#define UDP_HEADER_LEN	8
#define PACKET_LEN_MAX	65575 /* an IPv6 header and 65,535 bytes */

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_URG 0x20
#define TCP_ECE 0x40
#define TCP_CWR 0x80

/*
 * A packet as it comes from or goes to a TUN. Where it comes from a client, the host
 * has forwarded it already in the sense of RFC 2003: TTL or hop limit is decremented.
 * With segment_len > 0 it is a super-packet (segmentation offload): one TCP or UDP
 * header, then a payload to be cut into segments of that many bytes. csum_start > 0:
 * the transport checksum is not final; only the pseudo-header's sum stands at
 * csum_start + csum_offset.
 */
struct packet_in {
	uint8_t *data; /* writable, and so are the headroom bytes before it */
	size_t len;
	uint16_t headroom;
	uint16_t segment_len;
	uint16_t csum_start, csum_offset;
};

enum fragment_kind {
	FRAGMENT_NONE,
	FRAGMENT_FIRST, /* has the transport header */
	FRAGMENT_LATER, /* has none */
};

struct packet {
	uint8_t *data;
	uint32_t len;	      /* as the IP header has it; what followed is cut off */
	uint16_t l4;	      /* offset of the transport header or fragment payload */
	uint16_t payload;     /* TCP and UDP: offset behind that header, else l4 */
	uint8_t family;	      /* 4 or 6 */
	uint8_t proto;	      /* of what stands at l4 */
	uint8_t ttl;	      /* or hop limit */
	uint8_t tcp_flags;    /* TCP only */
	uint8_t fragment;     /* enum fragment_kind */
	bool dont_fragment;   /* IPv4's DF; always with IPv6 */
	bool is_icmp_error;   /* about a packet of the group's to a client */
	uint32_t fragment_id; /* of a fragment */
	struct addr src, dst; /* ports 0 */
	/*
	 * The flow it counts as: its own; for an ICMP error that of the packet it
	 * quotes, turned round; without ports (0) for later fragments and for
	 * protocols that have none.
	 */
	struct pick_flow flow;
};

/* PIAS_EMALFORMED: no packet that anybody should have sent. */
must_check int packet_parse(struct packet *p, uint8_t *data, size_t len);

/* TCP or UDP flow of a port: only these can belong to a group with a port. */
bool packet_has_ports(const struct packet *p);
/* The most special group that the flow can belong to: exact, or the whole address. */
void packet_group(const struct packet *p, struct group_name *out);
/* The client of the flow, with its port. */
struct addr packet_client(const struct packet *p);

/* Does the transport checksum of a whole UDP datagram hold? IPv4's 0 does. */
bool packet_udp_is_intact(const struct packet *p);

/*
 * Builds an IP and UDP packet in @out (IPv6_HEADER_LEN + UDP_HEADER_LEN + @len bytes of
 * room); returns its length. Both addresses have the same family. @id: IPv4's.
 */
size_t packet_build_udp(uint8_t *out, const struct addr *from, const struct addr *to,
			uint16_t id, const void *payload, size_t len);
/* Writes an IP header for @payload_len bytes to follow; returns its length. */
size_t packet_build_ip(uint8_t *out, const struct addr *from, const struct addr *to,
		       uint8_t proto, uint16_t id, size_t payload_len);

#endif
