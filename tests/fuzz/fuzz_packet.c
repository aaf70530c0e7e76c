/*
 * A packet by itself: parsed, cut into segments, the segments parsed and put together
 * again. {segment length u16, flags}, then the packet. Checksums are put right if the
 * flags say so.
 */
#include "forwarder/checksum.h"
#include "forwarder/coalesce.h"
#include "forwarder/gso.h"
#include "forwarder/packet.h"
#include "tests/fuzz/fuzz.h"

enum { FIX_IP = 1, FIX_L4 = 2, PARTIAL = 4 };

static struct coalesce *joined;
static size_t n_out, bytes_out;

static void check(const struct packet *p, const uint8_t *data, size_t len)
{
	must(p->data == data && p->len <= len);
	must(p->family == 4 || p->family == 6);
	must(p->l4 <= p->len && p->payload >= p->l4 && p->payload <= p->len);
	if (p->payload > p->l4)
		must(p->proto == PROTO_TCP || p->proto == PROTO_UDP);
	if (p->fragment == FRAGMENT_LATER)
		must(p->payload == p->l4 && !p->flow.sport && !p->flow.dport);
}

static void on_out(void *ctx, const struct packet_in *out)
{
	struct packet p;

	must(!packet_parse(&p, out->data, out->len));
	must(!out->segment_len ||
	     (uint32_t)out->csum_start + out->csum_offset + 2 <= out->len);
	n_out++;
	bytes_out += p.len - p.payload;
}

static void put_ip_sum(uint8_t *data, size_t len)
{
	size_t header;

	if (len < IPV4_HEADER_LEN || data[0] >> 4 != 4)
		return;
	header = 4u * (data[0] & 15);
	if (header < IPV4_HEADER_LEN || header > len)
		return;
	be16_put(data + 10, 0);
	checksum_put(data + 10, checksum_add(0, data, header));
}

static void put_l4_sum(const struct packet *p)
{
	unsigned n = p->family == ADDR_V4 ? 4 : 16, from = n == 4 ? 12 : 8;
	uint8_t *at = p->data + p->l4 + (p->proto == PROTO_TCP ? 16 : 6);
	uint64_t sum;

	if (p->payload == p->l4 || p->fragment)
		return;
	if (p->proto == PROTO_UDP)
		be16_put(p->data + p->l4 + 4, (uint16_t)(p->len - p->l4));
	sum = checksum_pseudo(p->family, p->data + from, p->data + from + n, p->proto,
			      p->len - p->l4);
	be16_put(at, 0);
	checksum_put_nonzero(at, checksum_add(sum, p->data + p->l4, p->len - p->l4));
}

/* All payload comes out once, in segments of the size asked for. */
static void cut(const struct packet *p, uint16_t segment_len, bool is_partial)
{
	static uint8_t out[PACKET_LEN_MAX];
	size_t n = 0, len, payload = 0;
	struct packet segment;
	struct gso g;

	if (gso_init(&g, p, segment_len, is_partial))
		return;
	n_out = bytes_out = 0;
	while ((len = gso_next(&g, out))) {
		must(len <= gso_segment_size(&g));
		must(!packet_parse(&segment, out, len));
		must(segment.len == len);
		must(segment.payload - segment.l4 == p->payload - p->l4);
		must(segment.len - segment.payload <= segment_len);
		payload += segment.len - segment.payload;
		n++;
		coalesce_add(joined, &segment);
	}
	coalesce_flush(joined);
	must(n == gso_count(&g));
	must(payload == p->len - p->payload);
	must(bytes_out == payload && n_out <= n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_in in = {data, len};
	uint16_t segment_len = fuzz_u16(&in);
	uint8_t flags = fuzz_u8(&in);
	struct group_name name;
	struct packet p;
	uint8_t *copy;

	if (!joined) {
		joined = malloc(sizeof(*joined));
		coalesce_init(joined, on_out, NULL);
	}
	copy = malloc(in.left + !in.left);
	memcpy(copy, in.p, in.left);
	if (flags & FIX_IP)
		put_ip_sum(copy, in.left);
	if (!packet_parse(&p, copy, in.left)) {
		check(&p, copy, in.left);
		packet_group(&p, &name);
		must(!addr_is_unicast(&p.dst) || group_name_is_valid(&name));
		if (p.proto == PROTO_UDP && !p.fragment)
			(void)packet_udp_is_intact(&p);
		if (flags & FIX_L4)
			put_l4_sum(&p);
		coalesce_add(joined, &p);
		coalesce_flush(joined);
		cut(&p, segment_len, flags & PARTIAL);
	}
	free(copy);
	return 0;
}
