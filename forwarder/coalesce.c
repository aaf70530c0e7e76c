/*
 * Coalescing, with the rules of the kernel's GRO: only what can be cut again into the
 * very same packets is merged. So all headers must agree but for lengths, ids,
 * sequence numbers, checksums, and PSH and FIN of the last segment.
 */
#include "forwarder/coalesce.h"

#include <string.h>

#include "forwarder/checksum.h"

#define SUPER_MAX    65535
#define SEGMENTS_MAX 64 /* the kernel refuses to cut UDP into more */

void coalesce_init(struct coalesce *c, coalesce_out_fn *out, void *ctx)
{
	c->out = out;
	c->ctx = ctx;
	c->n = 0;
}

static uint32_t payload_len(const struct packet *p)
{
	return p->len - p->payload;
}

static unsigned csum_offset(const struct packet *p)
{
	return p->proto == PROTO_TCP ? 16 : 6;
}

static uint64_t pseudo_sum(const struct packet *p)
{
	unsigned n = p->family == ADDR_V4 ? 4 : 16, from = n == 4 ? 12 : 8;

	return checksum_pseudo(p->family, p->data + from, p->data + from + n, p->proto,
			       p->len - p->l4);
}

/* Could it stand in a super-packet at all? */
static bool is_candidate(const struct packet *p)
{
	const uint8_t *h = p->data + p->l4;

	if (p->fragment || p->payload == p->l4 || !payload_len(p) || p->len > SUPER_MAX)
		return false;
	if (p->l4 != (p->family == ADDR_V4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN))
		return false; /* IP options, extension headers */
	if (p->proto == PROTO_UDP)
		return be16_get(h + 6) && be16_get(h + 4) == p->len - p->l4;
	return p->tcp_flags & TCP_ACK && !(p->tcp_flags & (TCP_SYN | TCP_RST | TCP_URG));
}

/* After it a flow pauses, or would not be cut the same way. */
static bool is_last(const struct coalesce *c, const struct packet *p)
{
	return payload_len(p) < c->segment_len || p->tcp_flags & (TCP_PSH | TCP_FIN);
}

static void start(struct coalesce *c, const struct packet *p)
{
	uint64_t sum = pseudo_sum(p);

	sum = checksum_copy(sum, c->data + p->l4, p->data + p->l4, p->len - p->l4);
	if (checksum_fold(sum) != 0xffff) {
		c->n = 0;
		return;
	}
	memcpy(c->data, p->data, p->l4);
	c->head = *p;
	c->head.data = c->data;
	c->n = 1;
	c->segment_len = (uint16_t)payload_len(p);
	if (p->proto == PROTO_TCP)
		c->next_seq = be32_get(p->data + p->l4 + 4) + c->segment_len;
	if (p->family == ADDR_V4)
		c->next_id = (uint16_t)(be16_get(p->data + 4) + 1);
}

/* IP headers may differ in length, id (in sequence, or any with DF) and checksum. */
static bool same_ip(const struct coalesce *c, const struct packet *p)
{
	const uint8_t *a = c->data, *b = p->data;

	if (p->family == ADDR_V6)
		return !memcmp(a, b, 4) && !memcmp(a + 6, b + 6, IPV6_HEADER_LEN - 6);
	return !memcmp(a, b, 2) && !memcmp(a + 6, b + 6, 4) &&
	       !memcmp(a + 12, b + 12, 8) &&
	       (p->dont_fragment || be16_get(b + 4) == c->next_id);
}

/* Ports, acknowledgement, window, urgent pointer and options. */
static bool same_tcp(const struct coalesce *c, const struct packet *p)
{
	const uint8_t *a = c->data + c->head.l4, *b = p->data + p->l4;
	uint8_t flags = c->head.tcp_flags & (uint8_t)~TCP_CWR;

	return be32_get(b + 4) == c->next_seq && !memcmp(a, b, 4) &&
	       !memcmp(a + 8, b + 8, 5) &&
	       (p->tcp_flags & (uint8_t) ~(TCP_PSH | TCP_FIN)) == flags &&
	       !memcmp(a + 14, b + 14, 2) &&
	       !memcmp(a + 18, b + 18, (size_t)(p->payload - p->l4 - 18));
}

static bool follows(const struct coalesce *c, const struct packet *p)
{
	const struct packet *h = &c->head;

	if (!c->n || c->n == SEGMENTS_MAX || h->family != p->family ||
	    h->proto != p->proto || h->payload != p->payload)
		return false;
	if (payload_len(p) > c->segment_len || h->len + payload_len(p) > SUPER_MAX)
		return false;
	if (!same_ip(c, p))
		return false;
	if (p->proto == PROTO_UDP)
		return !memcmp(c->data + h->l4, p->data + p->l4, 4);
	return same_tcp(c, p);
}

/* False, with nothing changed, if the packet's own checksum does not hold. */
static bool append(struct coalesce *c, const struct packet *p)
{
	uint64_t sum = pseudo_sum(p);

	sum = checksum_add(sum, p->data + p->l4, p->payload - p->l4);
	sum = checksum_copy(sum, c->data + c->head.len, p->data + p->payload,
			    payload_len(p));
	if (checksum_fold(sum) != 0xffff)
		return false;
	c->head.len += payload_len(p);
	c->n++;
	c->next_seq += payload_len(p);
	c->next_id++;
	if (p->proto == PROTO_TCP)
		c->data[c->head.l4 + 13] |= p->tcp_flags;
	return true;
}

static void pass_on(struct coalesce *c, const struct packet *p)
{
	struct packet_in plain = {.data = p->data, .len = p->len};

	c->out(c->ctx, &plain);
}

/* Lengths of the whole, and the pseudo-header's sum where the checksum stands. */
static void finish_super(struct coalesce *c)
{
	const struct packet *h = &c->head;
	uint8_t *l4 = c->data + h->l4;
	uint16_t partial;

	if (h->family == ADDR_V4) {
		be16_put(c->data + 2, (uint16_t)h->len);
		be16_put(c->data + 10, 0);
		checksum_put(c->data + 10, checksum_add(0, c->data, IPV4_HEADER_LEN));
	} else {
		be16_put(c->data + 4, (uint16_t)(h->len - IPV6_HEADER_LEN));
	}
	if (h->proto == PROTO_UDP)
		be16_put(l4 + 4, (uint16_t)(h->len - h->l4));
	partial = checksum_fold(pseudo_sum(h));
	memcpy(l4 + csum_offset(h), &partial, 2);
}

void coalesce_flush(struct coalesce *c)
{
	const struct packet *h = &c->head;
	struct packet_in super = {
		.data = c->data,
		.len = h->len,
		.segment_len = c->segment_len,
		.csum_start = h->l4,
		.csum_offset = (uint16_t)csum_offset(h),
	};

	if (!c->n)
		return;
	if (c->n == 1) {
		c->n = 0;
		pass_on(c, h);
		return;
	}
	c->n = 0;
	finish_super(c);
	c->out(c->ctx, &super);
}

void coalesce_add(struct coalesce *c, const struct packet *p)
{
	if (!is_candidate(p)) {
		coalesce_flush(c);
		pass_on(c, p);
		return;
	}
	if (!follows(c, p) || !append(c, p)) {
		coalesce_flush(c);
		start(c, p);
	}
	if (!c->n)
		pass_on(c, p); /* a wrong checksum: the server's kernel shall see it */
	else if (is_last(c, p))
		coalesce_flush(c);
}
