/* The forwarder's two messages: golden bytes both ways, every prefix and one more. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "forwarder/wrap.h"
#include "tests/fixture/suite.h"

static const uint8_t golden_wrap[WRAP_HEADER_LEN] = {
	1, 17, 0x03, 0xe8, 0, 53, /* hops, UDP, ports */
	/* ingress */
	0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa,
	0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa,
	/* coordinate: 1.0, seven times 0, height 0.5, error 0.25 */
	0x3f, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0x3f, 0, 0, 0, 0x3e, 0x80, 0, 0,
	/* 198.18.0.1:53/udp */
	4, 17, 0, 53, 198, 18, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

static const uint8_t golden_placed[] = {4, 192, 0, 2,  9,   0x03, 0xe8, /* client */
					4, 17,	0, 53, 198, 18,	  0,	1, 0, 0, 0,
					0, 0,	0, 0,  0,   0,	  0,	0, 0, /* name */
					1, 2,	3, 4,  5,   6,	  7,	8};

static struct wrap some_wrap(void)
{
	struct wrap w = {.hops = 1, .proto = 17, .sport = 1000, .dport = 53};

	memset(&w.ingress, 0xaa, sizeof(w.ingress));
	w.coord.vec[0] = 1.0f;
	w.coord.height = 0.5f;
	w.coord.error = 0.25f;
	ck_assert_int_eq(group_name_parse("198.18.0.1:53/udp", &w.name), 0);
	return w;
}

START_TEST(test_wrap_encode)
{
	uint8_t out[WRAP_HEADER_LEN];
	struct wrap w = some_wrap();
	struct wr wr;

	wr_init(&wr, out, sizeof(out));
	wrap_write(&wr, &w);
	ck_assert_int_eq(wr.err, 0);
	ck_assert_uint_eq(wr_len(&wr), WRAP_HEADER_LEN);
	ck_assert_mem_eq(out, golden_wrap, sizeof(out));
}
END_TEST

START_TEST(test_wrap_decode)
{
	struct wrap w, want = some_wrap();
	struct rd r;
	size_t i;

	rd_init(&r, golden_wrap, sizeof(golden_wrap));
	wrap_read(&r, &w);
	ck_assert_int_eq(rd_done(&r), 0);
	ck_assert_uint_eq(w.hops, want.hops);
	ck_assert_uint_eq(w.proto, want.proto);
	ck_assert_uint_eq(w.sport, want.sport);
	ck_assert_uint_eq(w.dport, want.dport);
	ck_assert(id_eq(&w.ingress, &want.ingress));
	ck_assert_mem_eq(&w.coord, &want.coord, sizeof(w.coord));
	ck_assert(group_name_eq(&w.name, &want.name));
	for (i = 0; i < sizeof(golden_wrap); i++) {
		uint8_t *copy = malloc(i ? i : 1);

		memcpy(copy, golden_wrap, i);
		rd_init(&r, copy, i);
		wrap_read(&r, &w);
		ck_assert_int_eq(r.err, PIAS_EMALFORMED);
		free(copy);
	}
}
END_TEST

/* No hops at all; a coordinate that is no number; a name that names nothing. */
START_TEST(test_wrap_refuses)
{
	static const struct {
		size_t at;
		uint8_t v;
	} t[] = {{0, 0}, {26, 0x7f}, {66, 5}, {67, 1}, {70, 224}};
	uint8_t b[sizeof(golden_wrap)];
	struct wrap w;
	struct rd r;

	memcpy(b, golden_wrap, sizeof(b));
	b[t[_i].at] = t[_i].v;
	rd_init(&r, b, sizeof(b));
	wrap_read(&r, &w);
	ck_assert_int_eq(r.err, PIAS_EMALFORMED);
}
END_TEST

START_TEST(test_placed)
{
	struct placed p = {.server = 0x0102030405060708}, q;
	uint8_t out[PLACED_MAX], *copy;
	struct rd r;
	struct wr w;
	size_t i;

	ck_assert_int_eq(addr_parse("192.0.2.9:1000", 0, &p.client), 0);
	ck_assert_int_eq(group_name_parse("198.18.0.1:53/udp", &p.name), 0);
	wr_init(&w, out, sizeof(out));
	placed_write(&w, &p);
	ck_assert_uint_eq(wr_len(&w), sizeof(golden_placed));
	ck_assert_mem_eq(out, golden_placed, sizeof(golden_placed));
	for (i = 0; i <= sizeof(golden_placed) + 1; i++) {
		copy = calloc(1, i ? i : 1);
		memcpy(copy, golden_placed,
		       i < sizeof(golden_placed) ? i : sizeof(golden_placed));
		rd_init(&r, copy, i);
		placed_read(&r, &q);
		ck_assert_int_eq(rd_done(&r),
				 i == sizeof(golden_placed) ? 0 : PIAS_EMALFORMED);
		free(copy);
	}
	rd_init(&r, golden_placed, sizeof(golden_placed));
	placed_read(&r, &q);
	ck_assert(addr_eq(&p.client, &q.client));
	ck_assert(group_name_eq(&p.name, &q.name));
	ck_assert(p.server == q.server);
}
END_TEST

/* A flow has a port, and both of its ends are of one family. */
START_TEST(test_placed_refuses)
{
	struct placed p = {.server = 1}, q;
	uint8_t out[PLACED_MAX];
	struct rd r;
	struct wr w;

	ck_assert_int_eq(addr_parse(_i ? "192.0.2.9:1" : "[2001:db8::9]:1", 0, &p.client),
			 0);
	ck_assert_int_eq(
		group_name_parse(_i ? "198.18.0.1" : "198.18.0.1:53/udp", &p.name), 0);
	wr_init(&w, out, sizeof(out));
	placed_write(&w, &p);
	rd_init(&r, out, wr_len(&w));
	placed_read(&r, &q);
	ck_assert_int_eq(rd_done(&r), PIAS_EMALFORMED);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_wrap_encode);
	tcase_add_test(c, test_wrap_decode);
	tcase_add_loop_test(c, test_wrap_refuses, 0, 5);
	tcase_add_test(c, test_placed);
	tcase_add_loop_test(c, test_placed_refuses, 0, 2);
}

int main(void)
{
	return suite_main("wrap", fill);
}
