/*
 * Cutting super-packets. What all segments share of the transport checksum is summed
 * once; each segment's payload is summed while it is copied.
 */
#include "forwarder/gso.h"

#include <string.h>

#include "forwarder/checksum.h"

static uint32_t payload_len(const struct packet *p)
{
	return p->len - p->payload;
}

/* Sum over addresses, protocol and transport header, with the fields of a segment 0. */
static uint64_t header_sum(const struct packet *p)
{
	unsigned n = p->family == ADDR_V4 ? 4 : 16, from = n == 4 ? 12 : 8;
	uint64_t sum = checksum_pseudo(p->family, p->data + from, p->data + from + n,
				       p->proto, 0);
	uint8_t h[60];

	memcpy(h, p->data + p->l4, p->payload - p->l4);
	if (p->proto == PROTO_TCP) {
		memset(h + 4, 0, 4); /* sequence number */
		h[13] = 0;	     /* flags */
		memset(h + 16, 0, 2);
	} else {
		memset(h + 4, 0, 4); /* length and checksum */
	}
	return checksum_add(sum, h, p->payload - p->l4);
}

int gso_init(struct gso *g, const struct packet *packet, uint16_t segment_len,
	     bool is_partial)
{
	const struct packet *p = packet;

	if (p->fragment || !segment_len || p->payload == p->l4)
		return PIAS_EMALFORMED;
	g->packet = p;
	g->at = p->payload;
	g->index = 0;
	g->segment_len = segment_len;
	g->sum = header_sum(p);
	g->has_checksum = p->proto == PROTO_TCP || p->family == ADDR_V6 || is_partial ||
			  be16_get(p->data + p->l4 + 6);
	return 0;
}

uint32_t gso_count(const struct gso *g)
{
	uint32_t n = payload_len(g->packet);

	return n ? (n + g->segment_len - 1) / g->segment_len : 1;
}

uint32_t gso_segment_size(const struct gso *g)
{
	uint32_t n = payload_len(g->packet);

	return g->packet->payload + (n < g->segment_len ? n : g->segment_len);
}

static void finish_ip(const struct gso *g, uint8_t *out, uint32_t total)
{
	if (g->packet->family == ADDR_V6) {
		be16_put(out + 4, (uint16_t)(total - IPV6_HEADER_LEN));
		return;
	}
	be16_put(out + 2, (uint16_t)total);
	be16_put(out + 4, (uint16_t)(be16_get(out + 4) + g->index));
	be16_put(out + 10, 0);
	checksum_put(out + 10, checksum_add(0, out, g->packet->l4));
}

/* CWR belongs to the first segment, FIN and PSH to the last. */
static void finish_tcp(const struct gso *g, uint8_t *h, uint64_t sum, bool is_last)
{
	uint32_t seq = be32_get(h + 4) + (g->at - g->packet->payload);
	uint8_t flags = h[13];

	if (g->index)
		flags &= (uint8_t)~TCP_CWR;
	if (!is_last)
		flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	be32_put(h + 4, seq);
	h[13] = flags;
	sum += checksum_word((uint16_t)(seq >> 16)) + checksum_word((uint16_t)seq);
	checksum_put(h + 16, sum + checksum_word(flags));
}

static void finish_udp(const struct gso *g, uint8_t *h, uint64_t sum, uint32_t len)
{
	be16_put(h + 4, (uint16_t)len);
	if (g->has_checksum)
		checksum_put_nonzero(h + 6, sum + checksum_word((uint16_t)len));
}

size_t gso_next(struct gso *g, uint8_t *out)
{
	const struct packet *p = g->packet;
	uint32_t left = p->len - g->at;
	uint32_t n = left < g->segment_len ? left : g->segment_len;
	uint32_t l4_len = p->payload - p->l4 + n;
	uint64_t sum = g->sum + checksum_word((uint16_t)l4_len);

	if (!left && g->index)
		return 0;
	memcpy(out, p->data, p->payload);
	sum = checksum_copy(sum, out + p->payload, p->data + g->at, n);
	finish_ip(g, out, p->payload + n);
	if (p->proto == PROTO_TCP)
		finish_tcp(g, out + p->l4, sum, n == left);
	else
		finish_udp(g, out + p->l4, sum, l4_len);
	g->at += n;
	g->index++;
	return p->payload + n;
}
