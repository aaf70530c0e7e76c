/*
 * The packet path of an AP between fakes: packets from the TUN with any offload fields,
 * and what other APs wrap. A program of {operation, length u16, bytes}; one packet in,
 * and everything is accounted for by some counter.
 */
#include <check.h>

#include "forwarder/checksum.h"
#include "tests/fuzz/fuzz.h"

/* The fixture's assertions, outside of Check. */
#undef ck_assert_int_eq
#undef ck_assert_int_le
#undef ck_assert_ptr_nonnull
#define ck_assert_int_eq(a, b)	 must((a) == (b))
#define ck_assert_int_le(a, b)	 must((a) <= (b))
#define ck_assert_ptr_nonnull(p) must(p)
#include "tests/fixture/ap.h"

enum { OP_PACKET, OP_WRAPPED, OP_PLACED, OP_ROUTES, OP_TIME, OP_ANSWERS, N_OPS };

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

static uint64_t accounted(void)
{
	const uint64_t *v = ap.env.counters.v;

	return v[COUNTER_packets_out] + v[COUNTER_packets_wrapped] +
	       v[COUNTER_packet_too_big] + v[COUNTER_drop_packet_malformed] +
	       v[COUNTER_drop_packet_prefix] + v[COUNTER_drop_packet_source] +
	       v[COUNTER_drop_packet_ttl] + v[COUNTER_drop_no_group] +
	       v[COUNTER_drop_no_member] + v[COUNTER_drop_no_rendezvous] +
	       v[COUNTER_drop_no_family] + v[COUNTER_drop_too_big] +
	       v[COUNTER_drop_fragment] + v[COUNTER_drop_icmp_limit] +
	       v[COUNTER_drop_hops] + v[COUNTER_drop_server_datagram] +
	       v[COUNTER_drop_message_malformed] + v[COUNTER_drop_no_memory];
}

static void packet(struct fuzz_in *in)
{
	struct packet_in p = {.headroom = FORWARD_HEADROOM};
	uint8_t flags = fuzz_u8(in);
	uint64_t before = accounted();
	const uint8_t *bytes;
	uint8_t *buf;

	if (flags & 2)
		p.headroom = fuzz_u8(in) & 31;
	if (flags & 4)
		p.segment_len = fuzz_u16(in);
	if (flags & 8) {
		p.csum_start = fuzz_u16(in);
		p.csum_offset = fuzz_u8(in);
	}
	bytes = fuzz_bytes(in, fuzz_u16(in) & 0xfff, &p.len);
	buf = malloc(p.headroom + p.len + 1);
	memcpy(buf + p.headroom, bytes, p.len);
	p.data = buf + p.headroom;
	if (flags & 1)
		put_ip_sum(p.data, p.len);
	forward_on_packet(ap.f, &p);
	must(accounted() > before || ap_count(CONTROL));
	free(buf);
}

static void message(struct fuzz_in *in, uint8_t type)
{
	struct contact from = {.id = ap_id(fuzz_u8(in) & 1 ? 0x11 : 0x0e)};
	uint8_t flags = fuzz_u8(in);
	uint64_t before = accounted();
	const uint8_t *bytes;
	struct rd body;
	uint8_t *copy;
	size_t len;
	int err;

	bytes = fuzz_bytes(in, fuzz_u16(in) & 0xfff, &len);
	copy = malloc(len + 1);
	memcpy(copy, bytes, len);
	if (flags & 1 && len > WRAP_HEADER_LEN && type == MSG_WRAPPED)
		put_ip_sum(copy + WRAP_HEADER_LEN, len - WRAP_HEADER_LEN);
	rd_init(&body, copy, len);
	err = forward_on_message(ap.f, &from, type, &body);
	must(!err || err == PIAS_EMALFORMED);
	if (type == MSG_WRAPPED)
		must(err || accounted() > before);
	free(copy);
}

/* Targets of all kinds, or none. */
static void routes(uint8_t which)
{
	static const char *const group[] = {"198.18.0.1:53/udp", "198.18.0.1",
					    "[2001:db8:a::1]:80/tcp", "2001:db8:a::1"};
	struct target t[3] = {ap_target(1, "203.0.113.1", ENCAP_GUE),
			      ap_target(2, "203.0.113.2", ENCAP_IPIP),
			      ap_target(3, "2001:db8::3", ENCAP_GUE)};
	const char *g = group[which & 3];

	t[0].is_draining = which & 64;
	t[2].mtu = which & 128 ? 1280 : 9000;
	if (which & 4)
		ap_negative(g);
	else
		ap_route(g, t, which & 8 ? 3 : 1);
}

static void answers(uint8_t how)
{
	ap.exact = (enum select_result)(how & 3);
	ap.wide = (enum select_result)(how >> 2 & 3);
	ap.owner_err = how & 16 ? PIAS_EUNREACH : 0;
	ap.owner.id = ap_id(how & 32 ? 0x5e : 0x0e);
	ap.has_successor = how & 64;
}

static void step(struct fuzz_in *in)
{
	switch (fuzz_u8(in) % N_OPS) {
	case OP_PACKET:
		packet(in);
		break;
	case OP_WRAPPED:
		message(in, MSG_WRAPPED);
		break;
	case OP_PLACED:
		message(in, MSG_PLACED);
		break;
	case OP_ROUTES:
		routes(fuzz_u8(in));
		break;
	case OP_TIME:
		ap.env.now += (pias_time)fuzz_u16(in) * MSEC;
		break;
	case OP_ANSWERS:
		answers(fuzz_u8(in));
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_in in = {data, len};

	ap_start(64);
	routes(8);
	while (in.left) {
		step(&in);
		ap_forget();
	}
	ap_stop();
	return 0;
}
