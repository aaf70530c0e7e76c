/* Packets by hand: what builds them shares nothing with what is tested. */
#include "sim/query.h"

#include <string.h>

#include "forwarder/checksum.h"
#include "overlay/base/wire.h"

#define TAG_LEN		  18
#define TCP_HEADER_LEN	  20
#define ICMP_HEADER_LEN	  8
#define ICMP_ECHO	  8
#define ICMPV6_ECHO	  128
#define FRAGMENT_UNIT	  8
#define FRAGMENT_MORE	  0x2000
#define FRAGMENT_HEADER	  8 /* IPv6 */
#define IPPROTO_FRAGMENT6 44

unsigned query_parts(const struct query *q)
{
	return q->kind == QUERY_FRAGMENTS ? QUERY_PARTS_MAX : 1;
}

/* All parts of a datagram but the last must be multiples of eight bytes long. */
static size_t payload_len(const struct query *q)
{
	size_t len = q->size < TAG_LEN ? TAG_LEN : q->size;

	return q->kind == QUERY_FRAGMENTS
		       ? len / FRAGMENT_UNIT * FRAGMENT_UNIT + FRAGMENT_UNIT
		       : len;
}

static void put_payload(const struct query *q, uint8_t *out)
{
	size_t i, len = payload_len(q);

	be64_put(out, q->number);
	be16_put(out + 8, q->sender);
	be16_put(out + 10, q->group);
	be16_put(out + 12, q->port);
	be16_put(out + 14, q->size);
	out[16] = q->kind;
	out[17] = q->part;
	for (i = TAG_LEN; i < len; i++)
		out[i] = (uint8_t)(q->number * i + q->part);
}

static void put_ports(uint8_t *h, const struct query *q, const struct addr *to)
{
	be16_put(h, q->port);
	be16_put(h + 2, to->port ? to->port : 9); /* any belongs to a whole address */
}

/* Of all parts together: UDP's checksum covers them. */
static size_t put_udp(const struct query *q, const struct addr *from,
		      const struct addr *to, uint8_t *h)
{
	struct query each = *q;
	size_t len = UDP_HEADER_LEN;

	put_ports(h, q, to);
	for (each.part = 0; each.part < query_parts(q); each.part++) {
		put_payload(&each, h + len);
		len += payload_len(q);
	}
	be16_put(h + 4, (uint16_t)len);
	be16_put(h + 6, 0);
	checksum_put_nonzero(h + 6,
			     checksum_add(checksum_pseudo(from->family, from->ip, to->ip,
							  PROTO_UDP, (uint32_t)len),
					  h, len));
	return len;
}

static size_t put_tcp(const struct query *q, const struct addr *from,
		      const struct addr *to, uint8_t *h)
{
	size_t len = TCP_HEADER_LEN + payload_len(q);

	memset(h, 0, TCP_HEADER_LEN);
	put_ports(h, q, to);
	be32_put(h + 4, (uint32_t)q->number);
	h[12] = 5 << 4;
	h[13] = TCP_SYN;
	be16_put(h + 14, 65535);
	put_payload(q, h + TCP_HEADER_LEN);
	checksum_put(h + 16, checksum_add(checksum_pseudo(from->family, from->ip, to->ip,
							  PROTO_TCP, (uint32_t)len),
					  h, len));
	return len;
}

static size_t put_ping(const struct query *q, const struct addr *from,
		       const struct addr *to, uint8_t *h)
{
	size_t len = ICMP_HEADER_LEN + payload_len(q);
	uint64_t sum = 0;

	memset(h, 0, ICMP_HEADER_LEN);
	h[0] = from->family == ADDR_V6 ? ICMPV6_ECHO : ICMP_ECHO;
	be16_put(h + 4, q->port);
	be16_put(h + 6, (uint16_t)q->number);
	put_payload(q, h + ICMP_HEADER_LEN);
	if (from->family == ADDR_V6)
		sum = checksum_pseudo(ADDR_V6, from->ip, to->ip, IPPROTO_NUM_ICMPV6,
				      (uint32_t)len);
	checksum_put(h + 2, checksum_add(sum, h, len));
	return len;
}

/* Cuts part q->part out of the datagram of @len bytes behind @packet's header. */
static size_t cut(const struct query *q, const struct addr *from, const struct addr *to,
		  uint8_t *packet, const uint8_t *datagram, size_t len)
{
	size_t first = UDP_HEADER_LEN + payload_len(q);
	size_t at = q->part ? first + (q->part - 1u) * payload_len(q) : 0;
	size_t n = q->part ? payload_len(q) : first, header;
	bool more = at + n < len;

	if (from->family == ADDR_V6) {
		header = packet_build_ip(packet, from, to, IPPROTO_FRAGMENT6, 0,
					 FRAGMENT_HEADER + n);
		packet[header] = PROTO_UDP;
		packet[header + 1] = 0;
		be16_put(packet + header + 2, (uint16_t)(at | more));
		be32_put(packet + header + 4, (uint32_t)q->number);
		header += FRAGMENT_HEADER;
	} else {
		header = packet_build_ip(packet, from, to, PROTO_UDP, (uint16_t)q->number,
					 n);
		be16_put(packet + 6,
			 (uint16_t)(at / FRAGMENT_UNIT | (more ? FRAGMENT_MORE : 0)));
		be16_put(packet + 10, 0);
		checksum_put(packet + 10, checksum_add(0, packet, header));
	}
	memcpy(packet + header, datagram + at, n);
	return header + n;
}

size_t query_build(const struct query *q, const struct addr *from, const struct addr *to,
		   uint8_t out[static QUERY_LEN_MAX])
{
	static const uint8_t icmp[] = {
		[ADDR_V4] = IPPROTO_NUM_ICMP, [ADDR_V6] = IPPROTO_NUM_ICMPV6};
	uint8_t body[QUERY_PARTS_MAX * QUERY_LEN_MAX];
	uint8_t proto = PROTO_UDP;
	size_t len = 0, header;

	switch ((enum query_kind)q->kind) {
	case QUERY_UDP:
		len = put_udp(q, from, to, body);
		break;
	case QUERY_FRAGMENTS:
		len = put_udp(q, from, to, body);
		return cut(q, from, to, out, body, len);
	case QUERY_TCP:
		proto = PROTO_TCP;
		len = put_tcp(q, from, to, body);
		break;
	case QUERY_PING:
		proto = icmp[from->family];
		len = put_ping(q, from, to, body);
		break;
	case N_QUERY_KINDS:
		break;
	}
	header = packet_build_ip(out, from, to, proto, (uint16_t)q->number, len);
	memcpy(out + header, body, len);
	return header + len;
}

bool query_read(const struct packet *p, struct query *out)
{
	size_t at = p->payload;
	const uint8_t *tag = p->data + at;

	if (p->proto == IPPROTO_NUM_ICMP || p->proto == IPPROTO_NUM_ICMPV6)
		tag = p->data + (at += ICMP_HEADER_LEN);
	if (p->len < at + TAG_LEN)
		return false;
	out->number = be64_get(tag);
	out->sender = be16_get(tag + 8);
	out->group = be16_get(tag + 10);
	out->port = be16_get(tag + 12);
	out->size = be16_get(tag + 14);
	out->kind = tag[16];
	out->part = tag[17];
	return out->kind < N_QUERY_KINDS && out->part < query_parts(out) &&
	       out->size <= QUERY_LEN_MAX - 100;
}
