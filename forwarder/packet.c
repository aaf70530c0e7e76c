/*
 * Packet parsing and building. The one place, with the BPF program to come, that
 * reads IP headers by offset. Every offset is checked against the length that the IP
 * header itself gives, which in turn is checked against what has arrived.
 */
#include "forwarder/packet.h"

#include <string.h>

#include "forwarder/checksum.h"

#define EXTENSIONS_MAX 8 /* IPv6 extension headers; more is nobody's honest packet */
#define BUILT_TTL      64

enum {
	NEXT_HOP_BY_HOP = 0,
	NEXT_ROUTING = 43,
	NEXT_FRAGMENT = 44,
	NEXT_AUTH = 51,
	NEXT_DESTINATION = 60,
	NEXT_MOBILITY = 135,
};

static int parse_ipv4(struct packet *p, size_t len)
{
	const uint8_t *h = p->data;
	unsigned header = 4 * (h[0] & 15), offset;

	if (len < IPV4_HEADER_LEN || header < IPV4_HEADER_LEN)
		return PIAS_EMALFORMED;
	p->len = be16_get(h + 2);
	if (p->len > len || p->len < header)
		return PIAS_EMALFORMED;
	if (checksum_fold(checksum_add(0, h, header)) != 0xffff)
		return PIAS_EMALFORMED;
	offset = be16_get(h + 6);
	p->dont_fragment = offset & 0x4000;
	if (offset & 0x3fff) {
		p->fragment = offset & 0x1fff ? FRAGMENT_LATER : FRAGMENT_FIRST;
		p->fragment_id = be16_get(h + 4);
	}
	p->ttl = h[8];
	p->proto = h[9];
	p->l4 = (uint16_t)header;
	p->src = addr_v4(h + 12, 0);
	p->dst = addr_v4(h + 16, 0);
	return 0;
}

static bool is_extension(uint8_t next)
{
	return next == NEXT_HOP_BY_HOP || next == NEXT_ROUTING || next == NEXT_FRAGMENT ||
	       next == NEXT_AUTH || next == NEXT_DESTINATION || next == NEXT_MOBILITY;
}

static void parse_fragment_header(struct packet *p, const uint8_t *h)
{
	unsigned offset = be16_get(h + 2);

	if (!(offset & ~6u))
		return; /* an atomic fragment (RFC 6946) is a whole packet */
	p->fragment = offset & ~7u ? FRAGMENT_LATER : FRAGMENT_FIRST;
	p->fragment_id = be32_get(h + 4);
}

/* Walks the extension headers up to the transport's, or to a later fragment's payload. */
static int parse_extensions(struct packet *p, uint8_t next)
{
	uint32_t at = IPV6_HEADER_LEN;
	int i;

	for (i = 0; is_extension(next) && p->fragment != FRAGMENT_LATER; i++) {
		const uint8_t *h = p->data + at;
		uint32_t n;

		if (i == EXTENSIONS_MAX || (next == NEXT_HOP_BY_HOP && i) ||
		    p->len - at < 8)
			return PIAS_EMALFORMED;
		n = next == NEXT_AUTH ? 4u * (h[1] + 2u) : 8u * (h[1] + 1u);
		if (next == NEXT_FRAGMENT) {
			if (p->fragment)
				return PIAS_EMALFORMED;
			n = 8;
			parse_fragment_header(p, h);
		}
		if (n > p->len - at)
			return PIAS_EMALFORMED;
		at += n;
		next = h[0];
	}
	p->proto = next;
	p->l4 = (uint16_t)at;
	return 0;
}

static int parse_ipv6(struct packet *p, size_t len)
{
	const uint8_t *h = p->data;

	if (len < IPV6_HEADER_LEN)
		return PIAS_EMALFORMED;
	p->len = IPV6_HEADER_LEN + be16_get(h + 4);
	if (p->len > len)
		return PIAS_EMALFORMED;
	p->ttl = h[7];
	p->dont_fragment = true;
	p->src = addr_v6(h + 8, 0);
	p->dst = addr_v6(h + 24, 0);
	return parse_extensions(p, h[6]);
}

static void set_flow(struct pick_flow *f, unsigned family, const uint8_t *src,
		     const uint8_t *dst, uint8_t proto)
{
	size_t n = family == ADDR_V4 ? 4 : 16;

	memset(f, 0, sizeof(*f));
	memcpy(f->src, src, n);
	memcpy(f->dst, dst, n);
	f->family = (uint8_t)family;
	f->proto = proto;
}

static int parse_udp(struct packet *p)
{
	const uint8_t *h = p->data + p->l4;
	uint32_t left = p->len - p->l4;

	if (left < UDP_HEADER_LEN || be16_get(h + 4) < UDP_HEADER_LEN)
		return PIAS_EMALFORMED;
	if (!p->fragment && be16_get(h + 4) > left)
		return PIAS_EMALFORMED;
	p->payload = (uint16_t)(p->l4 + UDP_HEADER_LEN);
	p->flow.sport = be16_get(h);
	p->flow.dport = be16_get(h + 2);
	return 0;
}

/* A first fragment has to hold the whole TCP header: RFC 1858's tiny fragments do not. */
static int parse_tcp(struct packet *p)
{
	const uint8_t *h = p->data + p->l4;
	uint32_t left = p->len - p->l4, header;

	if (left < 20)
		return PIAS_EMALFORMED;
	header = 4u * (h[12] >> 4);
	if (header < 20 || header > left)
		return PIAS_EMALFORMED;
	p->payload = (uint16_t)(p->l4 + header);
	p->tcp_flags = h[13];
	p->flow.sport = be16_get(h);
	p->flow.dport = be16_get(h + 2);
	return 0;
}

static bool is_error_type(unsigned family, uint8_t type)
{
	if (family == ADDR_V6)
		return type < 128;
	return type == 3 || type == 4 || type == 11 || type == 12;
}

/* Finds the transport header in a quoted IP header; 0 if there is none to be used. */
static unsigned quoted_transport(const struct packet *p, const uint8_t *q, unsigned left,
				 uint8_t *proto)
{
	if (p->family == ADDR_V4) {
		if (left < IPV4_HEADER_LEN || q[0] >> 4 != 4 || (q[0] & 15) < 5 ||
		    be16_get(q + 6) & 0x1fff)
			return 0;
		*proto = q[9];
		return 4u * (q[0] & 15);
	}
	if (left < IPV6_HEADER_LEN || q[0] >> 4 != 6)
		return 0;
	*proto = q[6];
	return IPV6_HEADER_LEN;
}

/*
 * An ICMP error to an anycast address is about a packet that a server sent from
 * there: the quoted source is our destination. Turned round it names the flow. One
 * that quotes something else is forged or lost its way.
 */
static int parse_icmp_error(struct packet *p)
{
	const uint8_t *q = p->data + p->l4 + 8, *src, *dst;
	unsigned left = p->len - p->l4 - 8, n = p->family == ADDR_V4 ? 4 : 16;
	uint8_t proto;
	unsigned l4 = quoted_transport(p, q, left, &proto);

	if (!l4)
		return PIAS_EMALFORMED;
	src = q + (n == 4 ? 12 : 8);
	dst = src + n;
	if (memcmp(src, p->dst.ip, n))
		return PIAS_EMALFORMED;
	p->is_icmp_error = true;
	set_flow(&p->flow, p->family, dst, src, proto);
	if (!packet_has_ports(p))
		return 0;
	if (l4 + 4 > left)
		return PIAS_EMALFORMED;
	p->flow.sport = be16_get(q + l4 + 2);
	p->flow.dport = be16_get(q + l4);
	return 0;
}

static int parse_icmp(struct packet *p)
{
	if (p->len - p->l4 < 8)
		return PIAS_EMALFORMED;
	if (!is_error_type(p->family, p->data[p->l4]))
		return 0;
	return parse_icmp_error(p);
}

static int parse_transport(struct packet *p)
{
	p->payload = p->l4;
	if (p->fragment == FRAGMENT_LATER)
		return 0;
	switch (p->proto) {
	case PROTO_UDP:
		return parse_udp(p);
	case PROTO_TCP:
		return parse_tcp(p);
	case IPPROTO_NUM_ICMP:
		return p->family == ADDR_V4 ? parse_icmp(p) : 0;
	case IPPROTO_NUM_ICMPV6:
		return p->family == ADDR_V6 ? parse_icmp(p) : 0;
	default:
		return 0;
	}
}

int packet_parse(struct packet *p, uint8_t *data, size_t len)
{
	int err = PIAS_EMALFORMED;

	memset(p, 0, sizeof(*p));
	p->data = data;
	if (!len)
		return PIAS_EMALFORMED;
	p->family = data[0] >> 4;
	if (p->family == ADDR_V4)
		err = parse_ipv4(p, len);
	else if (p->family == ADDR_V6)
		err = parse_ipv6(p, len);
	if (err)
		return err;
	set_flow(&p->flow, p->family, p->src.ip, p->dst.ip, p->proto);
	return parse_transport(p);
}

bool packet_has_ports(const struct packet *p)
{
	return p->flow.proto == PROTO_UDP || p->flow.proto == PROTO_TCP;
}

void packet_group(const struct packet *p, struct group_name *out)
{
	memset(out, 0, sizeof(*out));
	out->family = p->family;
	memcpy(out->ip, p->flow.dst, p->family == ADDR_V4 ? 4 : 16);
	if (packet_has_ports(p) && p->flow.dport) {
		out->proto = p->flow.proto;
		out->port = p->flow.dport;
	}
}

struct addr packet_client(const struct packet *p)
{
	struct addr a = {.family = p->family, .port = p->flow.sport};

	memcpy(a.ip, p->flow.src, sizeof(a.ip));
	return a;
}

static const uint8_t *source(const struct packet *p)
{
	return p->data + (p->family == ADDR_V4 ? 12 : 8);
}

static const uint8_t *destination(const struct packet *p)
{
	return p->data + (p->family == ADDR_V4 ? 16 : 24);
}

bool packet_udp_is_intact(const struct packet *p)
{
	const uint8_t *h = p->data + p->l4;
	uint16_t len = be16_get(h + 4);
	uint64_t sum;

	if (!be16_get(h + 6))
		return p->family == ADDR_V4;
	sum = checksum_pseudo(p->family, source(p), destination(p), PROTO_UDP, len);
	return checksum_fold(checksum_add(sum, h, len)) == 0xffff;
}

size_t packet_build_ip(uint8_t *out, const struct addr *from, const struct addr *to,
		       uint8_t proto, uint16_t id, size_t payload_len)
{
	if (from->family == ADDR_V6) {
		be32_put(out, 0x60000000);
		be16_put(out + 4, (uint16_t)payload_len);
		out[6] = proto;
		out[7] = BUILT_TTL;
		memcpy(out + 8, from->ip, 16);
		memcpy(out + 24, to->ip, 16);
		return IPV6_HEADER_LEN;
	}
	memset(out, 0, IPV4_HEADER_LEN);
	out[0] = 0x45;
	be16_put(out + 2, (uint16_t)(IPV4_HEADER_LEN + payload_len));
	be16_put(out + 4, id);
	out[8] = BUILT_TTL;
	out[9] = proto;
	memcpy(out + 12, from->ip, 4);
	memcpy(out + 16, to->ip, 4);
	checksum_put(out + 10, checksum_add(0, out, IPV4_HEADER_LEN));
	return IPV4_HEADER_LEN;
}

size_t packet_build_udp(uint8_t *out, const struct addr *from, const struct addr *to,
			uint16_t id, const void *payload, size_t len)
{
	size_t header =
		packet_build_ip(out, from, to, PROTO_UDP, id, UDP_HEADER_LEN + len);
	uint8_t *h = out + header;
	uint64_t sum;

	be16_put(h, from->port);
	be16_put(h + 2, to->port);
	be16_put(h + 4, (uint16_t)(UDP_HEADER_LEN + len));
	be16_put(h + 6, 0);
	memcpy(h + UDP_HEADER_LEN, payload, len);
	sum = checksum_pseudo(from->family, from->ip, to->ip, PROTO_UDP,
			      (uint32_t)(UDP_HEADER_LEN + len));
	checksum_put_nonzero(h + 6, checksum_add(sum, h, UDP_HEADER_LEN + len));
	return header + UDP_HEADER_LEN + len;
}
