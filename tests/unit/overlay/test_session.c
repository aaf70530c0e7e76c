/*
 * Sealed datagrams: golden bytes, the replay window against a model, forged, cut and
 * replayed ones that change nothing, the change of keys between epochs.
 */
#include <stdio.h>
#include <string.h>

#include "overlay/base/wire.h"
#include "overlay/session.h"
#include "tests/fixture/rng.h"
#include "tests/fixture/suite.h"

#define EPOCH ((uint64_t)1 << SESSION_EPOCH_BITS)

struct pair {
	struct session a, b; /* a dialed */
};

static void pair_init(struct pair *p, enum aead_kind kind)
{
	uint8_t key[HASH_LEN];

	memset(key, 0x5a, sizeof(key));
	ck_assert_int_eq(crypto_init(), 0);
	ck_assert_int_eq(session_init(&p->a, kind, key, true), 0);
	ck_assert_int_eq(session_init(&p->b, kind, key, false), 0);
}

static void pair_fini(struct pair *p)
{
	session_fini(&p->a);
	session_fini(&p->b);
}

/* One datagram with @counter as its body. */
static size_t seal_at(struct session *s, uint64_t counter, uint8_t *out)
{
	uint8_t body[8];
	int n;

	be64_put(body, counter);
	s->tx_next = counter;
	n = session_seal(s, 0x01020304, 0x42, body, sizeof(body), out);
	ck_assert_int_eq(n, 8 + SEAL_OVERHEAD);
	return (size_t)n;
}

static int open_one(struct session *s, const uint8_t *data, size_t len)
{
	uint8_t *exact = malloc(len), *out = malloc(len);
	uint32_t index;
	int n;

	memcpy(exact, data, len);
	n = session_index(exact, len, &index);
	if (!n)
		n = session_open(s, exact, len, out);
	free(exact);
	free(out);
	return n;
}

/*
 * The bytes on the wire: computed independently from the specification (PROTOCOL 3.1)
 * with Python's hmac and AES-128-GCM of the openssl library.
 */
static const char golden[] = "01000000010203040000000000000007"
			     "ef273a841046ea97fee06203281f8c7a656579700c71";

START_TEST(test_golden)
{
	uint8_t want[64], got[64], out[64];
	size_t i, n = strlen(golden) / 2;
	struct pair p;
	unsigned v;

	for (i = 0; i < n; i++) {
		ck_assert_int_eq(sscanf(golden + 2 * i, "%2x", &v), 1);
		want[i] = (uint8_t)v;
	}
	pair_init(&p, AEAD_AES128GCM);
	p.a.tx_next = 7;
	ck_assert_int_eq(session_seal(&p.a, 0x01020304, 0x42, "hello", 5, got), (int)n);
	ck_assert_mem_eq(got, want, n);
	ck_assert_int_eq(session_open(&p.b, want, n, out), 6);
	ck_assert_mem_eq(out, "\x42hello", 6);
	pair_fini(&p);
}
END_TEST

START_TEST(test_both_ways)
{
	uint8_t wire[128], out[128];
	struct pair p;
	int i, n;

	pair_init(&p, _i ? AEAD_STAND_IN : AEAD_AES128GCM);
	for (i = 0; i < 20; i++) {
		n = session_seal(&p.a, 1, 0x09, "x", (size_t)(i & 1), wire);
		ck_assert_int_eq(n, SEAL_OVERHEAD + (i & 1));
		/* Not to be had back by who sent it, nor by the same bytes twice. */
		ck_assert_int_eq(session_open(&p.a, wire, (size_t)n, out), PIAS_EAUTH);
		ck_assert_int_eq(session_open(&p.b, wire, (size_t)n, out), 1 + (i & 1));
		ck_assert_int_eq(session_open(&p.b, wire, (size_t)n, out), PIAS_EREPLAY);
		n = session_seal(&p.b, 1, 0x09, "y", 1, wire);
		ck_assert_int_eq(session_open(&p.a, wire, (size_t)n, out), 2);
		ck_assert(out[0] == 0x09 && out[1] == 'y');
	}
	pair_fini(&p);
}
END_TEST

START_TEST(test_header)
{
	uint8_t wire[64];
	struct pair p;
	uint32_t index;
	size_t n, i;

	pair_init(&p, AEAD_AES128GCM);
	n = seal_at(&p.a, 0, wire);
	ck_assert_int_eq(session_index(wire, n, &index), 0);
	ck_assert_uint_eq(index, 0x01020304);
	for (i = 0; i < SEAL_OVERHEAD; i++)
		ck_assert_int_eq(session_index(wire, i, &index), PIAS_EMALFORMED);
	ck_assert_int_eq(session_index(wire, DATAGRAM_MAX + 1, &index), PIAS_EMALFORMED);
	for (i = 0; i < 4; i++) {
		wire[i] ^= 2;
		ck_assert_int_eq(session_index(wire, n, &index), PIAS_EMALFORMED);
		wire[i] ^= 2;
	}
	pair_fini(&p);
}
END_TEST

/* A flipped bit anywhere, or a byte less or more: refused, and the session is as before.
 */
START_TEST(test_tampering_changes_nothing)
{
	uint8_t wire[64];
	struct session before;
	struct pair p;
	size_t n, i;

	pair_init(&p, AEAD_AES128GCM);
	n = seal_at(&p.a, 3000, wire);
	ck_assert_int_gt(open_one(&p.b, wire, n), 0);
	n = seal_at(&p.a, 3001, wire);
	before = p.b;
	for (i = 0; i < 8 * n; i++) {
		wire[i / 8] ^= (uint8_t)(1 << i % 8);
		/* a changed index is found out by the tag, as associated data */
		ck_assert_int_lt(open_one(&p.b, wire, n), 0);
		wire[i / 8] ^= (uint8_t)(1 << i % 8);
		ck_assert_mem_eq(&p.b, &before, sizeof(before));
	}
	for (i = 0; i < n; i++) {
		ck_assert_int_lt(open_one(&p.b, wire, i), 0);
		ck_assert_mem_eq(&p.b, &before, sizeof(before));
	}
	wire[n] = 0;
	ck_assert_int_eq(open_one(&p.b, wire, n + 1), PIAS_EAUTH);
	ck_assert_mem_eq(&p.b, &before, sizeof(before));
	ck_assert_int_gt(open_one(&p.b, wire, n), 0);
	pair_fini(&p);
}
END_TEST

START_TEST(test_window_edges)
{
	static const struct {
		uint64_t counter;
		bool is_taken;
	} t[] = {
		{5000, true},	      {5000, false},
		{5000 - 1023, true},  {5000 - 1023, false},
		{5000 - 1024, false}, {4500, true},
		{4500, false},	      {0, false},
		{5001, true},	      {5001 - 1023, true},
		{5001 - 1024, false}, {100000, true},
		{99999, true},	      {100000 - 1023, true},
		{5002, false},	      {100000 - 1023, false},
		{100064, true},	      {100000, false},
		{100001, true},
	};
	uint8_t wire[64];
	struct pair p;
	size_t i, n;
	int got;

	pair_init(&p, AEAD_STAND_IN);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		n = seal_at(&p.a, t[i].counter, wire);
		got = open_one(&p.b, wire, n);
		ck_assert_msg(t[i].is_taken ? got > 0 : got == PIAS_EREPLAY,
			      "step %zu: %d", i, got);
	}
	pair_fini(&p);
}
END_TEST

#define MODEL_MAX 20000

/* Random reordering, leaps and repeats: taken once if within the window of the newest. */
START_TEST(test_window_against_model)
{
	static bool seen[MODEL_MAX];
	struct rng rng = {(uint64_t)_i};
	uint64_t newest = 0, c;
	uint8_t wire[64];
	bool any = false, want;
	struct pair p;
	int step, got;
	size_t n;

	memset(seen, 0, sizeof(seen));
	pair_init(&p, AEAD_STAND_IN);
	for (step = 0; step < 20000; step++) {
		switch (rng_below(&rng, 8)) {
		case 0:
			c = newest + rng_below(&rng, rng_below(&rng, 40) ? 4 : 3000);
			break;
		case 1:
			c = newest > 1020 ? newest - 1020 - rng_below(&rng, 8) : 0;
			break;
		default:
			c = newest - rng_below(&rng, (uint32_t)(newest < 1100 ? newest + 1
									      : 1100));
		}
		if (c >= MODEL_MAX)
			break;
		want = !any || c > newest || (newest - c < SESSION_WINDOW && !seen[c]);
		n = seal_at(&p.a, c, wire);
		got = open_one(&p.b, wire, n);
		ck_assert_msg(want ? got > 0 : got == PIAS_EREPLAY,
			      "counter %llu newest %llu: %d", (unsigned long long)c,
			      (unsigned long long)newest, got);
		any = true;
		seen[c] = true;
		if (c > newest)
			newest = c;
	}
	ck_assert_int_gt(step, 500);
	pair_fini(&p);
}
END_TEST

/* Keys change every 2^23 datagrams; stragglers of the last epoch are still read. */
START_TEST(test_epochs)
{
	uint8_t first[64], last[64], late[64], next[64], far[64];
	size_t n;
	struct pair p;

	pair_init(&p, AEAD_AES128GCM);
	n = seal_at(&p.a, 5, first);
	seal_at(&p.a, EPOCH - 2, late);
	seal_at(&p.a, EPOCH - 1, last);
	seal_at(&p.a, EPOCH, next);
	ck_assert_uint_eq(p.a.tx.epoch, 1);
	ck_assert_mem_ne(last + SEAL_HEADER_LEN, next + SEAL_HEADER_LEN, 9);
	ck_assert_int_gt(open_one(&p.b, last, n), 0);
	ck_assert_int_gt(open_one(&p.b, next, n), 0);
	ck_assert_uint_eq(p.b.rx.epoch, 1);
	ck_assert_int_gt(open_one(&p.b, late, n), 0);
	ck_assert_int_eq(open_one(&p.b, late, n), PIAS_EREPLAY);
	ck_assert_int_eq(open_one(&p.b, first, n), PIAS_EREPLAY);
	/* Epochs may be lost altogether; then what came before them is too old. */
	seal_at(&p.a, EPOCH + 1, late);
	seal_at(&p.a, 9 * EPOCH, far);
	ck_assert_int_gt(open_one(&p.b, far, n), 0);
	ck_assert_int_eq(open_one(&p.b, late, n), PIAS_EREPLAY);
	pair_fini(&p);
}
END_TEST

/* A forged datagram that claims a later epoch makes us change nothing. */
START_TEST(test_forged_epoch)
{
	struct session before;
	uint8_t wire[64];
	struct pair p;
	size_t n;

	pair_init(&p, AEAD_AES128GCM);
	n = seal_at(&p.a, 1, wire);
	ck_assert_int_gt(open_one(&p.b, wire, n), 0);
	before = p.b;
	be64_put(wire + 8, 3 * EPOCH);
	ck_assert_int_eq(open_one(&p.b, wire, n), PIAS_EAUTH);
	be64_put(wire + 8, UINT64_MAX);
	ck_assert_int_lt(open_one(&p.b, wire, n), 0);
	ck_assert_mem_eq(&p.b, &before, sizeof(before));
	pair_fini(&p);
}
END_TEST

START_TEST(test_largest)
{
	static uint8_t body[SEAL_BODY_MAX], wire[DATAGRAM_MAX], out[DATAGRAM_MAX];
	struct rng rng = {1};
	struct pair p;

	pair_init(&p, AEAD_AES128GCM);
	rng_fill(&rng, body, sizeof(body));
	ck_assert_int_eq(session_seal(&p.a, 1, 0x80, body, sizeof(body), wire),
			 DATAGRAM_MAX);
	ck_assert_int_eq(session_open(&p.b, wire, DATAGRAM_MAX, out), SEAL_BODY_MAX + 1);
	ck_assert_mem_eq(out + 1, body, sizeof(body));
	pair_fini(&p);
}
END_TEST

/* Another link key, or the same role on both ends: nothing can be read. */
START_TEST(test_keys_differ)
{
	uint8_t key[HASH_LEN], wire[64], out[64];
	struct session other;
	struct pair p;
	size_t n;

	pair_init(&p, AEAD_AES128GCM);
	n = seal_at(&p.a, 0, wire);
	memset(key, 0x5a, sizeof(key));
	key[31] ^= 1;
	ck_assert_int_eq(session_init(&other, AEAD_AES128GCM, key, false), 0);
	ck_assert_int_eq(session_open(&other, wire, n, out), PIAS_EAUTH);
	session_fini(&other);
	key[31] ^= 1;
	ck_assert_int_eq(session_init(&other, AEAD_AES128GCM, key, true), 0);
	ck_assert_int_eq(session_open(&other, wire, n, out), PIAS_EAUTH);
	session_fini(&other);
	pair_fini(&p);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_golden);
	tcase_add_loop_test(c, test_both_ways, 0, 2);
	tcase_add_test(c, test_header);
	tcase_add_test(c, test_tampering_changes_nothing);
	tcase_add_test(c, test_window_edges);
	tcase_add_loop_test(c, test_window_against_model, 0, 6);
	tcase_add_test(c, test_epochs);
	tcase_add_test(c, test_forged_epoch);
	tcase_add_test(c, test_largest);
	tcase_add_test(c, test_keys_differ);
}

int main(void)
{
	return suite_main("session", fill);
}
