/*
 * Packets between APs: what the ingress AP wraps, what the rendezvous AP makes of it,
 * and that nothing ever takes a third hop.
 */
#include "tests/fixture/ap.h"

#include "forwarder/encap.h"
#include "tests/fixture/suite.h"

static uint8_t buf[70000];
static const struct ip_spec client = {
	.family = 4, .src = "192.0.2.9", .dst = "198.18.0.1"};

static void setup(void)
{
	ap_start(64);
}

/* At the ingress */

static struct wrap unwrap(const struct event *e, const uint8_t **packet, size_t *len)
{
	struct wrap w;
	struct rd r;

	ck_assert_uint_eq(e->type, MSG_WRAPPED);
	rd_init(&r, e->data, e->len);
	wrap_read(&r, &w);
	ck_assert_int_eq(r.err, 0);
	*len = rd_left(&r);
	*packet = rd_view(&r, *len);
	return w;
}

START_TEST(test_wrapped)
{
	size_t len = ip_udp(buf, &client, 1000, 53, 30), n;
	struct group_name name = ap_name("198.18.0.1:53/udp");
	const uint8_t *packet;
	struct event *e;
	struct wrap w;

	ap_packet_in(buf, len, (struct packet_in){.headroom = _i ? FORWARD_HEADROOM : 0});
	e = ap_only(SENT);
	ck_assert(id_eq(&e->to, &ap.owner.id));
	w = unwrap(e, &packet, &n);
	ck_assert_uint_eq(w.hops, 1);
	ck_assert(id_eq(&w.ingress, &ap.self.id));
	ck_assert_mem_eq(&w.coord, &ap.coord, sizeof(w.coord));
	ck_assert(group_name_eq(&w.name, &name));
	ck_assert_uint_eq(w.proto, 17);
	ck_assert_uint_eq(w.sport, 1000);
	ck_assert_uint_eq(w.dport, 53);
	ck_assert_uint_eq(n, len);
	ck_assert_mem_eq(packet, buf, len);
	ck_assert_uint_eq(ap_counter(packets_wrapped), 1);
	ck_assert_uint_eq(ap_counter(packets_two_hops), 0);
	/* The request for the route goes out beside it, and last. */
	ck_assert_int_eq(ap.event[ap.n_events - 1].kind, WANT);
}
END_TEST

START_TEST(test_super_packet)
{
	size_t len = ip_tcp(buf, &client, 1000, 80, 1, TCP_ACK, 0, 14000), n;
	const uint8_t *packet;
	int i;

	ip_put16(buf + 36, ip_pseudo(buf, 6, len - 20));
	ap_packet_in(buf, len,
		     (struct packet_in){
			     .segment_len = 1400, .csum_start = 20, .csum_offset = 16});
	ck_assert_int_eq(ap_count(SENT), 10);
	for (i = 0; i < 10; i++) {
		unwrap(&ap.event[i], &packet, &n);
		ck_assert(ip_is_intact(packet, n));
		ck_assert_uint_eq(ip_get32(packet + 24), 1 + (unsigned)i * 1400);
	}
	ck_assert_uint_eq(ap_counter(packets_wrapped), 10);
}
END_TEST

/* An ingress that owns the group, or has a copy, answers from it: two hops. */
START_TEST(test_local)
{
	size_t len = ip_udp(buf, &client, 1000, 53, 30);

	if (_i) {
		ap.exact = SELECT_NO_GROUP;
		ap.wide = SELECT_OK;
	} else {
		ap.exact = SELECT_OK;
	}
	ap_packet(buf, len);
	ck_assert(addr_eq(&ap_only(TUNNEL)->tunnel.to, &ap.target.to));
	ck_assert_int_eq(ap_count(SENT), 0);
	ck_assert_int_eq(ap_count(ROUTED), 0);
	ck_assert(id_eq(&ap.asked_ingress, &ap.self.id));
	ck_assert_uint_eq(ap_counter(packets_two_hops), 1);
	ck_assert_uint_eq(forward_n_flows(ap.f), 1);
}
END_TEST

START_TEST(test_local_drops)
{
	static const struct {
		enum select_result exact, wide;
		enum counter counter;
	} t[] = {
		{SELECT_NO_MEMBER, SELECT_OK, COUNTER_drop_no_member},
		{SELECT_NO_GROUP, SELECT_NO_MEMBER, COUNTER_drop_no_member},
		{SELECT_NO_GROUP, SELECT_NO_GROUP, COUNTER_drop_no_group},
	};

	ap.exact = t[_i].exact;
	ap.wide = t[_i].wide;
	ap_packet(buf, ip_udp(buf, &client, 1000, 53, 30));
	ck_assert_uint_eq(ap.env.counters.v[t[_i].counter], 1);
	ck_assert_int_eq(ap_count(TUNNEL) + ap_count(SENT), 0);
	ck_assert_int_eq(ap_count(WANT), 2);
}
END_TEST

/* No such exact group here, and the wide one is somebody else's. */
START_TEST(test_wide_elsewhere)
{
	const uint8_t *packet;
	struct wrap w;
	size_t n;

	ap.exact = SELECT_NO_GROUP;
	ap_packet(buf, ip_udp(buf, &client, 1000, 53, 30));
	w = unwrap(ap_only(SENT), &packet, &n);
	ck_assert(group_name_is_wide(&w.name));
	ck_assert_uint_eq(w.hops, 1);
}
END_TEST

START_TEST(test_no_rendezvous)
{
	ap.owner_err = PIAS_ENOTREADY;
	ap_packet(buf, ip_udp(buf, &client, 1000, 53, 30));
	ck_assert_int_eq(ap_count(SENT), 0);
	ck_assert_uint_eq(ap_counter(drop_no_rendezvous), 1);
}
END_TEST

/* We own it by the ring, but have not got it yet: the next on the ring still does. */
START_TEST(test_range_moving)
{
	ap.owner = ap.self;
	ap.has_successor = true;
	ap_packet(buf, ip_udp(buf, &client, 1000, 53, 30));
	ck_assert(id_eq(&ap_only(SENT)->to, &ap.successor.id));
	ap_forget();
	ap.has_successor = false;
	ap_packet(buf, ip_udp(buf, &client, 1000, 53, 30));
	ck_assert_int_eq(ap_count(SENT), 0);
	ck_assert_uint_eq(ap_counter(drop_no_rendezvous), 1);
}
END_TEST

static const struct addr *delivered(uint16_t sport)
{
	ap_forget();
	ap_packet(buf, ip_udp(buf, &client, sport, 53, 30));
	return &ap_only(TUNNEL)->tunnel.to;
}

static void place(uint16_t sport, const struct target *t)
{
	struct placed p = {.name = ap_name("198.18.0.1:53/udp"),
			   .client = ip_addr("192.0.2.9"),
			   .server = id_prefix(&t->server)};
	uint8_t body[PLACED_MAX];
	struct wr w;
	struct rd r;

	p.client.port = sport;
	wr_init(&w, body, sizeof(body));
	placed_write(&w, &p);
	rd_init(&r, body, wr_len(&w));
	ck_assert_int_eq(forward_on_message(ap.f, &ap.owner, MSG_PLACED, &r), 0);
}

/* Where the rendezvous AP put a flow, there it stays when the ingress chooses. */
START_TEST(test_placed)
{
	struct target t[2] = {ap_target(1, "203.0.113.1", ENCAP_GUE),
			      ap_target(2, "203.0.113.2", ENCAP_GUE)};
	unsigned i, on_first = 0;

	for (i = 0; i < 20; i++)
		place((uint16_t)(1000 + i), &t[1]);
	ap_route("198.18.0.1:53/udp", t, 2);
	for (i = 0; i < 20; i++)
		ck_assert(addr_eq(delivered((uint16_t)(1000 + i)), &t[1].to));
	for (i = 0; i < 20; i++)
		on_first += addr_eq(delivered((uint16_t)(2000 + i)), &t[0].to);
	ck_assert_uint_gt(on_first, 2); /* others go where the pick table says */
}
END_TEST

/* A note that comes after the ingress has chosen by itself moves nothing. */
START_TEST(test_placed_late)
{
	struct target t[2] = {ap_target(1, "203.0.113.1", ENCAP_GUE),
			      ap_target(2, "203.0.113.2", ENCAP_GUE)};

	ap_route("198.18.0.1:53/udp", t, 1);
	ck_assert(addr_eq(delivered(1000), &t[0].to));
	ap_route("198.18.0.1:53/udp", t, 2);
	place(1000, &t[1]);
	ck_assert(addr_eq(delivered(1000), &t[0].to));
}
END_TEST

/* Its member is gone: the flow goes where the rendezvous AP has put it now, and stays. */
START_TEST(test_placed_anew)
{
	struct target t[3] = {ap_target(1, "203.0.113.1", ENCAP_GUE),
			      ap_target(2, "203.0.113.2", ENCAP_GUE),
			      ap_target(3, "203.0.113.3", ENCAP_GUE)};

	place(1000, &t[0]);
	ap_route("198.18.0.1", t + 1, 2);
	place(1000, &t[2]);
	ck_assert(addr_eq(delivered(1000), &t[2].to));
	place(1000, &t[1]);
	ck_assert(addr_eq(delivered(1000), &t[2].to));
}
END_TEST

/* About addresses that are not ours to serve, or a truncated note. */
START_TEST(test_placed_refused)
{
	struct placed p = {.server = 1};
	uint8_t body[PLACED_MAX];
	struct wr w;
	struct rd r;

	p.client = ip_addr(_i ? "198.18.0.9:1" : "192.0.2.9:1");
	p.name = ap_name(_i ? "198.18.0.1:53/udp" : "203.0.113.1:53/udp");
	wr_init(&w, body, sizeof(body));
	placed_write(&w, &p);
	rd_init(&r, body, wr_len(&w));
	ck_assert_int_eq(forward_on_message(ap.f, &ap.owner, MSG_PLACED, &r), 0);
	ck_assert_uint_eq(forward_n_flows(ap.f), 0);
	ck_assert_uint_eq(ap_counter(drop_packet_prefix), !_i);
	ck_assert_uint_eq(ap_counter(drop_packet_source), _i);
	rd_init(&r, body, wr_len(&w) - 1);
	ck_assert_int_eq(forward_on_message(ap.f, &ap.owner, MSG_PLACED, &r),
			 PIAS_EMALFORMED);
}
END_TEST

/* At the rendezvous AP */

static struct contact ingress;

/* What an ingress AP would send of the packet in buf, sent by @from. */
static size_t wrap_up(uint8_t *out, const char *name, uint8_t hops, size_t len)
{
	struct wrap w = {.hops = hops, .name = ap_name(name), .ingress = ap_id(0x16)};
	struct packet p;
	struct wr wr;

	ingress.id = ap_id(0x16);
	coord_init(&w.coord);
	ck_assert_int_eq(packet_parse(&p, buf, len), 0);
	w.proto = p.flow.proto;
	w.sport = p.flow.sport;
	w.dport = p.flow.dport;
	wr_init(&wr, out, 3000);
	wrap_write(&wr, &w);
	wr_bytes(&wr, buf, len);
	ck_assert_int_eq(wr.err, 0);
	return wr_len(&wr);
}

static int receive(const struct contact *from, const uint8_t *body, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct rd r;
	int err;

	memcpy(copy, body, len);
	rd_init(&r, copy, len);
	err = forward_on_message(ap.f, from, MSG_WRAPPED, &r);
	free(copy);
	return err;
}

START_TEST(test_deliver)
{
	size_t len = ip_udp(buf, &client, 1000, 53, 30);
	struct group_name name = ap_name("198.18.0.1:53/udp");
	uint8_t body[3000];
	struct placed placed;
	struct event *e;
	struct rd r;

	ap.exact = SELECT_OK;
	len = wrap_up(body, "198.18.0.1:53/udp", 1, len);
	ck_assert_int_eq(receive(&ingress, body, len), 0);
	e = ap_only(TUNNEL);
	ck_assert(addr_eq(&e->tunnel.to, &ap.target.to));
	ck_assert_mem_eq(e->data + 12, buf, e->len - 12);
	ck_assert(id_eq(&ap.asked_ingress, &ingress.id));
	ck_assert_mem_eq(ap.asked_src.ip, "\xc0\x00\x02\x09", 4);
	ck_assert_uint_eq(ap_counter(packets_three_hops), 1);
	e = ap_only(SENT); /* the ingress is told */
	ck_assert_uint_eq(e->type, MSG_PLACED);
	ck_assert(id_eq(&e->to, &ingress.id));
	rd_init(&r, e->data, e->len);
	placed_read(&r, &placed);
	ck_assert_int_eq(rd_done(&r), 0);
	ck_assert(group_name_eq(&placed.name, &name));
	ck_assert_uint_eq(placed.client.port, 1000);
	ck_assert(placed.server == id_prefix(&ap.target.server));
	ck_assert_uint_eq(forward_n_flows(ap.f), 0); /* not our flow */
}
END_TEST

START_TEST(test_second_hop)
{
	size_t len = ip_udp(buf, &client, 1000, 53, 30), n;
	struct contact middle = {.id = ap_id(0x33)};
	const uint8_t *packet;
	uint8_t body[3000];
	struct wrap w;

	len = wrap_up(body, "198.18.0.1:53/udp", 1, len);
	ck_assert_int_eq(receive(&ingress, body, len), 0);
	w = unwrap(ap_only(SENT), &packet, &n);
	ck_assert(id_eq(&ap_only(SENT)->to, &ap.owner.id));
	ck_assert_uint_eq(w.hops, 2);
	ck_assert(id_eq(&w.ingress, &ingress.id));
	ck_assert_mem_eq(packet, buf, n);
	/* and there: */
	ap_forget();
	ap.exact = SELECT_OK;
	body[0] = 2;
	ck_assert_int_eq(receive(&middle, body, len), 0);
	ap_only(TUNNEL);
	ck_assert_uint_eq(ap_counter(packets_four_hops), 1);
	ck_assert(id_eq(&ap_only(ROUTED)->to, &ingress.id)); /* the note to the ingress */
}
END_TEST

/* Never a third one; nor back to where it came from. */
START_TEST(test_no_third_hop)
{
	size_t len = ip_udp(buf, &client, 1000, 53, 30);
	uint8_t body[3000];

	len = wrap_up(body, "198.18.0.1:53/udp", 2, len);
	ck_assert_int_eq(receive(&ap.owner, body, len), 0);
	ck_assert_int_eq(ap.n_events, 0);
	ck_assert_uint_eq(ap_counter(drop_hops), 1);
	body[0] = 3;
	ck_assert_int_eq(receive(&ap.owner, body, len), 0);
	ck_assert_uint_eq(ap_counter(drop_hops), 2);
	body[0] = 1;
	ap.owner = ingress;
	ck_assert_int_eq(receive(&ingress, body, len), 0);
	ck_assert_int_eq(ap.n_events, 0);
	ck_assert_uint_eq(ap_counter(drop_no_rendezvous), 1);
}
END_TEST

/* The exact group does not exist: the wide one, here or one hop further. */
START_TEST(test_widen)
{
	size_t len = ip_udp(buf, &client, 1000, 53, 30), n;
	const uint8_t *packet;
	uint8_t body[3000];
	struct wrap w;

	len = wrap_up(body, "198.18.0.1:53/udp", 1, len);
	ap.exact = SELECT_NO_GROUP;
	ap.wide = SELECT_OK;
	ck_assert_int_eq(receive(&ingress, body, len), 0);
	ap_only(TUNNEL);
	ck_assert_uint_eq(ap_counter(packets_three_hops), 1);
	ap_forget();
	ap.wide = SELECT_NOT_OURS;
	ck_assert_int_eq(receive(&ingress, body, len), 0);
	w = unwrap(ap_only(SENT), &packet, &n);
	ck_assert(group_name_is_wide(&w.name));
	ck_assert_uint_eq(w.hops, 2);
	/* The wide one may well be the business of whoever asked for the exact one. */
	ap_forget();
	ap.owner = ingress;
	ck_assert_int_eq(receive(&ingress, body, len), 0);
	ck_assert(id_eq(&ap_only(SENT)->to, &ingress.id));
}
END_TEST

/* Later fragments bring the ports of their flow along. */
START_TEST(test_later_fragment)
{
	struct ip_spec s = client;
	size_t len, whole = ip_udp(buf, &s, 1000, 53, 30);
	uint32_t first;
	uint8_t body[3000];

	ap.exact = SELECT_OK;
	len = wrap_up(body, "198.18.0.1:53/udp", 1, whole);
	ck_assert_int_eq(receive(&ingress, body, len), 0);
	first = ap.asked_hash;
	s.fragment = 0x0010;
	len = ip_udp(buf, &s, 7, 8, 30);
	memcpy(body + WRAP_HEADER_LEN, buf, len);
	ck_assert_int_eq(receive(&ingress, body, WRAP_HEADER_LEN + len), 0);
	ck_assert_uint_eq(ap.asked_hash, first);
	ck_assert_int_eq(ap_count(TUNNEL), 2);
}
END_TEST

START_TEST(test_every_prefix)
{
	size_t i, len = ip_udp(buf, &client, 1000, 53, 30);
	uint8_t body[3000];

	ap.exact = SELECT_OK;
	len = wrap_up(body, "198.18.0.1:53/udp", 1, len);
	for (i = 0; i < len; i++)
		ck_assert_int_eq(receive(&ingress, body, i), PIAS_EMALFORMED);
	ck_assert_int_eq(ap.n_events, 0);
}
END_TEST

/* What an honest ingress would never send. */
START_TEST(test_dishonest)
{
	size_t len = ip_udp(buf, &client, 1000, 53, 30);
	struct contact other = {.id = ap_id(0x77)};
	uint8_t body[3000];

	ap.exact = ap.wide = SELECT_OK;
	len = wrap_up(body, "198.18.0.1:53/udp", 1, len);
	switch (_i) {
	case 0: /* in another's name */
		ck_assert_int_eq(receive(&other, body, len), PIAS_EMALFORMED);
		break;
	case 1: /* for a group that the packet does not belong to */
		wrap_up(body, "198.18.0.2:53/udp", 1, len - WRAP_HEADER_LEN);
		ck_assert_int_eq(receive(&ingress, body, len), PIAS_EMALFORMED);
		break;
	case 2: /* another port than the packet's */
		body[5] ^= 1;
		ck_assert_int_eq(receive(&ingress, body, len), PIAS_EMALFORMED);
		break;
	default: /* another protocol */
		body[1] = 6;
		ck_assert_int_eq(receive(&ingress, body, len), PIAS_EMALFORMED);
	}
	ck_assert_int_eq(ap.n_events, 0);
}
END_TEST

/* The ingress AP may be configured otherwise; we are not. */
START_TEST(test_unacceptable)
{
	static const struct {
		const char *src, *dst, *name;
		uint8_t ttl;
		enum counter counter;
	} t[] = {
		{"192.0.2.9", "198.18.1.1", "198.18.1.1", 5, COUNTER_drop_packet_prefix},
		{"127.0.0.1", "198.18.0.1", "198.18.0.1", 5, COUNTER_drop_packet_source},
		{"198.18.0.2", "198.18.0.1", "198.18.0.1", 5, COUNTER_drop_packet_source},
		{"192.0.2.9", "198.18.0.1", "198.18.0.1", 0, COUNTER_drop_packet_ttl},
	};
	struct ip_spec s = {.family = 4, .src = t[_i].src, .dst = t[_i].dst};
	size_t len = ip_udp(buf, &s, 1000, 53, 30);
	uint8_t body[3000];

	ap.exact = ap.wide = SELECT_OK;
	buf[8] = t[_i].ttl;
	ip_fix(buf);
	len = wrap_up(body, t[_i].name, 1, len);
	ck_assert_int_eq(receive(&ingress, body, len), 0);
	ck_assert_int_eq(ap.n_events, 0);
	ck_assert_uint_eq(ap.env.counters.v[t[_i].counter], 1);
}
END_TEST

START_TEST(test_no_family)
{
	size_t len = ip_udp(buf, &client, 1000, 53, 30);
	uint8_t body[3000];

	ap_start_with(NULL, "2001:db8::1");
	ap.exact = SELECT_OK;
	len = wrap_up(body, "198.18.0.1:53/udp", 1, len);
	ck_assert_int_eq(receive(&ingress, body, len), 0);
	ck_assert_int_eq(ap.n_events, 0);
	ck_assert_uint_eq(ap_counter(drop_no_family), 1);
}
END_TEST

/* The rendezvous AP knows the tunnel's MTU, so it tells the client. */
START_TEST(test_too_big)
{
	struct ip_spec s = client;
	uint8_t body[3000];
	size_t len;

	ap.exact = SELECT_OK;
	s.fragment = 0x4000;
	len = wrap_up(body, "198.18.0.1:53/udp", 1, ip_udp(buf, &s, 1000, 53, 1472));
	ck_assert_int_eq(receive(&ingress, body, len), 0);
	ck_assert_int_eq(ap_count(TUNNEL), 0);
	ck_assert_uint_eq(ip_get32(ap_only(EMIT)->data + 24), 1460);
}
END_TEST

/* Damaged in any way, a message is refused or its packet is accounted for. */
START_TEST(test_anything)
{
	uint8_t body[3000], good[3000];
	struct rng r = {(uint64_t)_i};
	size_t len = ip_udp(buf, &client, 1000, 53, 30), n;
	unsigned i, k, refused = 0, delivered_n = 0;

	ap.exact = SELECT_OK;
	len = wrap_up(good, "198.18.0.1:53/udp", 1, len);
	for (i = 0; i < 20000; i++) {
		memcpy(body, good, len);
		for (k = rng_below(&r, 3); k; k--)
			body[rng_below(&r, (uint32_t)len)] = (uint8_t)rng_u64(&r);
		if (rng_below(&r, 2))
			ip_fix(body + WRAP_HEADER_LEN);
		n = rng_below(&r, 8) ? len : rng_below(&r, (uint32_t)len);
		if (receive(&ingress, body, n)) {
			refused++;
			ck_assert_int_eq(ap.n_events, 0);
		}
		delivered_n += (unsigned)ap_count(TUNNEL);
		ap_forget();
	}
	ck_assert_uint_gt(refused, 2000);
	ck_assert_uint_gt(delivered_n, 2000);
	ck_assert_uint_eq(refused + delivered_n + ap_counter(drop_hops) +
				  ap_counter(drop_packet_ttl) +
				  ap_counter(drop_packet_source) +
				  ap_counter(drop_packet_prefix),
			  20000);
}
END_TEST

START_TEST(test_unknown_type)
{
	struct rd r;

	rd_init(&r, "", 0);
	ck_assert_int_eq(forward_on_message(ap.f, &ap.owner, 0x9f, &r), 0);
	ck_assert_uint_eq(ap_counter(drop_message_unknown), 1);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, ap_stop);
	tcase_add_loop_test(c, test_wrapped, 0, 2);
	tcase_add_test(c, test_super_packet);
	tcase_add_loop_test(c, test_local, 0, 2);
	tcase_add_loop_test(c, test_local_drops, 0, 3);
	tcase_add_test(c, test_wide_elsewhere);
	tcase_add_test(c, test_no_rendezvous);
	tcase_add_test(c, test_range_moving);
	tcase_add_test(c, test_placed);
	tcase_add_test(c, test_placed_late);
	tcase_add_test(c, test_placed_anew);
	tcase_add_loop_test(c, test_placed_refused, 0, 2);
	tcase_add_test(c, test_deliver);
	tcase_add_test(c, test_second_hop);
	tcase_add_test(c, test_no_third_hop);
	tcase_add_test(c, test_widen);
	tcase_add_test(c, test_later_fragment);
	tcase_add_test(c, test_every_prefix);
	tcase_add_loop_test(c, test_dishonest, 0, 4);
	tcase_add_loop_test(c, test_unacceptable, 0, 4);
	tcase_add_test(c, test_no_family);
	tcase_add_test(c, test_too_big);
	tcase_add_loop_test(c, test_anything, 0, 2);
	tcase_add_test(c, test_unknown_type);
}

int main(void)
{
	return suite_main("relay", fill);
}
