/* The flow table: states, idle times, and what floods can and cannot push out. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "forwarder/flow.h"
#include "tests/fixture/suite.h"

static const struct siphash_key key = {1, 2};
static struct flows t;
static pias_time now = 1000 * SEC;

static void setup(void)
{
	now = 1000 * SEC;
	flows_init(&t, &key, 1024);
}

static void teardown(void)
{
	flows_fini(&t);
}

static struct pick_flow flow_key(uint8_t proto, uint32_t client, uint16_t sport)
{
	struct pick_flow f;

	memset(&f, 0, sizeof(f));
	f.src[0] = client;
	f.dst[0] = 0x010012c6;
	f.sport = sport;
	f.dport = 80;
	f.proto = proto;
	f.family = 4;
	return f;
}

static struct flow *find(const struct pick_flow *k)
{
	return flows_find(&t, now, flows_hash(&t, k), k);
}

/* One packet of a flow, as forward.c treats it; NULL: no room. */
static struct flow *packet(const struct pick_flow *k, uint8_t flags)
{
	struct flow *f = find(k);

	if (!f) {
		if (flows_add(&t, now, flows_hash(&t, k), k, &f) == FLOW_REFUSED)
			return NULL;
		flow_place(f, 0xfeed, 3);
	}
	flow_touch(f, now, flags, 1, 100);
	return f;
}

START_TEST(test_entry)
{
	struct pick_flow k = flow_key(PROTO_UDP, 9, 1000), other = k;
	struct flow *f;
	struct addr a;

	ck_assert_ptr_null(find(&k));
	f = packet(&k, 0);
	ck_assert_ptr_eq(find(&k), f);
	ck_assert_uint_eq(t.n, 1);
	ck_assert(f->server == 0xfeed);
	ck_assert_uint_eq(f->target, 3);
	ck_assert_uint_eq(f->packets, 1);
	ck_assert_uint_eq(flow_bytes(f), 100);
	a = flow_client(f);
	ck_assert_uint_eq(a.port, 1000);
	ck_assert_uint_eq(a.ip[0], 9);
	a = flow_group(f);
	ck_assert_uint_eq(a.port, 80);
	ck_assert_uint_eq(a.ip[0], 198);
	other.proto = PROTO_TCP;
	ck_assert_ptr_null(find(&other));
	other = k;
	other.family = 6;
	ck_assert_ptr_null(find(&other));
	other = k;
	other.sport++;
	ck_assert_ptr_null(find(&other));
	flow_touch(f, now, 0, 40, 1ULL << 40);
	ck_assert_uint_eq(f->packets, 41);
	ck_assert(flow_bytes(f) == (1ULL << 40) + 100);
}
END_TEST

START_TEST(test_tcp_states)
{
	struct pick_flow k = flow_key(PROTO_TCP, 9, 1000);
	struct flow *f = packet(&k, TCP_SYN);

	ck_assert_int_eq(f->state, FLOW_NEW);
	packet(&k, TCP_SYN); /* sent again */
	ck_assert_int_eq(f->state, FLOW_NEW);
	packet(&k, TCP_ACK);
	ck_assert_int_eq(f->state, FLOW_ESTABLISHED);
	packet(&k, TCP_SYN); /* a stray or forged one changes nothing */
	ck_assert_int_eq(f->state, FLOW_ESTABLISHED);
	packet(&k, TCP_FIN | TCP_ACK);
	ck_assert_int_eq(f->state, FLOW_CLOSING);
	packet(&k, TCP_ACK);
	ck_assert_int_eq(f->state, FLOW_CLOSING);
	packet(&k, TCP_SYN); /* the port is used anew */
	ck_assert_int_eq(f->state, FLOW_NEW);
	packet(&k, TCP_RST);
	ck_assert_int_eq(f->state, FLOW_CLOSING);
}
END_TEST

START_TEST(test_udp_states)
{
	struct pick_flow k = flow_key(PROTO_UDP, 9, 1000);

	ck_assert_int_eq(packet(&k, 0)->state, FLOW_NEW);
	ck_assert_int_eq(packet(&k, 0)->state, FLOW_NEW);
	ck_assert_int_eq(packet(&k, 0)->state, FLOW_ESTABLISHED);
}
END_TEST

START_TEST(test_idle)
{
	static const struct {
		uint8_t proto, flags[3];
		int n;
		pias_time life;
	} cases[] = {
		{PROTO_TCP, {TCP_SYN}, 1, 30 * SEC},
		{PROTO_TCP, {TCP_SYN, TCP_ACK}, 2, 3600 * SEC},
		{PROTO_TCP, {TCP_SYN, TCP_ACK, TCP_FIN}, 3, 10 * SEC},
		{PROTO_UDP, {0}, 1, 30 * SEC},
		{PROTO_UDP, {0, 0, 0}, 3, 180 * SEC},
	};
	struct pick_flow k = flow_key(cases[_i].proto, 9, 1000);
	uint32_t pos = 0;
	int i;

	for (i = 0; i < cases[_i].n; i++)
		packet(&k, cases[_i].flags[i]);
	now += cases[_i].life - SEC;
	ck_assert_ptr_nonnull(find(&k));
	ck_assert_ptr_nonnull(flows_next(&t, now, &pos));
	now += 2 * SEC;
	ck_assert_ptr_null(find(&k));
	pos = 0;
	ck_assert_ptr_null(flows_next(&t, now, &pos));
}
END_TEST

/* Enters half as many established flows as there is room for. */
static unsigned establish(uint8_t proto, unsigned n)
{
	unsigned i, entered = 0;

	for (i = 0; i < n; i++) {
		struct pick_flow k = flow_key(proto, 7, (uint16_t)i);

		if (packet(&k, TCP_SYN) && packet(&k, TCP_ACK) && packet(&k, TCP_ACK))
			entered++;
	}
	return entered;
}

static unsigned survivors(uint8_t proto, unsigned n)
{
	unsigned i, found = 0;

	for (i = 0; i < n; i++) {
		struct pick_flow k = flow_key(proto, 7, (uint16_t)i);

		found += find(&k) != NULL;
	}
	return found;
}

/* A flood a hundred times the table's size costs no established flow. */
START_TEST(test_flood)
{
	uint8_t proto = _i ? PROTO_UDP : PROTO_TCP;
	unsigned i, entered = establish(proto, 512);

	ck_assert_uint_ge(entered, 500);
	for (i = 0; i < 100 * 1024; i++) {
		struct pick_flow k = flow_key(proto, 100 + i, (uint16_t)i);

		packet(&k, TCP_SYN);
		if (i % 4096 == 0)
			now += SEC;
	}
	ck_assert_uint_eq(survivors(proto, 512), entered);
	ck_assert_uint_le(t.n, 1024);
	ck_assert_uint_gt(t.n, 1000); /* it did fill */
}
END_TEST

/* Even if the strangers get established, those in use stay; idle ones give way. */
START_TEST(test_established_flood)
{
	unsigned i, entered = establish(PROTO_TCP, 512), refused = 0;
	struct pick_flow k;

	for (i = 0; i < 20 * 1024; i++) {
		k = flow_key(PROTO_TCP, 100 + i, 5);
		refused += !packet(&k, TCP_SYN);
		if (find(&k))
			packet(&k, TCP_ACK);
	}
	ck_assert_uint_eq(survivors(PROTO_TCP, 512), entered);
	ck_assert_uint_gt(refused, 10 * 1024);
	now += 61 * SEC;
	for (i = 0; i < 1024; i++) {
		k = flow_key(PROTO_TCP, 500000 + i, 5);
		ck_assert_ptr_nonnull(packet(&k, TCP_SYN));
	}
	ck_assert_uint_lt(survivors(PROTO_TCP, 512), entered);
}
END_TEST

/* In a full set the newcomers' own oldest goes first. */
START_TEST(test_eviction_order)
{
	struct pick_flow k[20];
	struct flow *f;
	int i, n = 0;

	flows_fini(&t);
	flows_init(&t, &key, FLOW_WAYS); /* one set */
	for (i = 0; i < FLOW_WAYS; i++) {
		k[i] = flow_key(PROTO_TCP, 1, (uint16_t)i);
		packet(&k[i], TCP_SYN);
		now += SEC;
	}
	packet(&k[0], TCP_ACK); /* established: no longer evictable */
	k[8] = flow_key(PROTO_TCP, 1, 8);
	ck_assert_int_eq(flows_add(&t, now, flows_hash(&t, &k[8]), &k[8], &f),
			 FLOW_EVICTED_ONE);
	ck_assert_ptr_null(find(&k[1]));
	for (i = 0; i < 9; i++)
		n += find(&k[i]) != NULL;
	ck_assert_int_eq(n, 8);
	for (i = 0; i < 9; i++)
		if (find(&k[i]))
			packet(&k[i], TCP_ACK), packet(&k[i], TCP_ACK);
	k[9] = flow_key(PROTO_TCP, 1, 9);
	ck_assert_int_eq(flows_add(&t, now, flows_hash(&t, &k[9]), &k[9], &f),
			 FLOW_REFUSED);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_entry);
	tcase_add_test(c, test_tcp_states);
	tcase_add_test(c, test_udp_states);
	tcase_add_loop_test(c, test_idle, 0, 5);
	tcase_add_loop_test(c, test_flood, 0, 2);
	tcase_add_test(c, test_established_flood);
	tcase_add_test(c, test_eviction_order);
}

int main(void)
{
	return suite_main("flow", fill);
}
