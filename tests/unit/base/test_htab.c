/* The hash table against a plain array, with hashes that collide as badly as they can. */
#include <string.h>

#include "overlay/base/htab.h"
#include "tests/fixture/rng.h"
#include "tests/fixture/suite.h"

#define N_KEYS 300

struct item {
	int key;
};

static bool has_key(const void *item, const void *key)
{
	return ((const struct item *)item)->key == *(const int *)key;
}

/* From all alike to well spread; always some share the low bits. */
static uint64_t hash_of(int key, int badness)
{
	static const uint64_t mask[] = {0, 1, 7, 0xf8, ~0ull};

	return ((uint64_t)key * 0x9e3779b97f4a7c15ull) & mask[badness];
}

static void check_all(const struct htab *h, const struct item *items, const bool *in,
		      int badness)
{
	uint32_t pos = 0, n = 0;
	int i;

	for (i = 0; i < N_KEYS; i++) {
		const struct item *got = htab_find(h, hash_of(i, badness), has_key, &i);

		ck_assert_ptr_eq(got, in[i] ? &items[i] : NULL);
		n += in[i];
	}
	ck_assert_uint_eq(h->n, n);
	while (htab_next(h, &pos))
		n--;
	ck_assert_uint_eq(n, 0);
}

START_TEST(test_random_against_model)
{
	struct item items[N_KEYS];
	bool in[N_KEYS];
	struct rng rng = {(uint64_t)_i};
	struct htab h;
	int step, i, badness = _i % 5;

	memset(in, 0, sizeof(in));
	for (i = 0; i < N_KEYS; i++)
		items[i].key = i;
	htab_init(&h);
	for (step = 0; step < 4000; step++) {
		i = (int)rng_below(&rng, N_KEYS);
		if (in[i])
			htab_del(&h, hash_of(i, badness), &items[i]);
		else
			ck_assert_int_eq(htab_add(&h, hash_of(i, badness), &items[i]), 0);
		in[i] = !in[i];
		if (step % 200 == 0)
			check_all(&h, items, in, badness);
	}
	check_all(&h, items, in, badness);
	htab_fini(&h);
	ck_assert_uint_eq(h.n, 0);
}
END_TEST

START_TEST(test_empty)
{
	struct htab h;
	uint32_t pos = 0;
	int key = 1;

	htab_init(&h);
	ck_assert_ptr_null(htab_find(&h, 0, has_key, &key));
	ck_assert_ptr_null(htab_next(&h, &pos));
	htab_fini(&h);
}
END_TEST

/* The walk meets each item exactly once. */
START_TEST(test_walk)
{
	struct item items[100], *it;
	unsigned seen[100] = {0};
	struct htab h;
	uint32_t pos = 0;
	int i;

	htab_init(&h);
	for (i = 0; i < 100; i++) {
		items[i].key = i;
		ck_assert_int_eq(htab_add(&h, (uint64_t)i << 3, &items[i]), 0);
	}
	while ((it = htab_next(&h, &pos)))
		seen[it->key]++;
	for (i = 0; i < 100; i++)
		ck_assert_uint_eq(seen[i], 1);
	htab_fini(&h);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_loop_test(c, test_random_against_model, 0, 20);
	tcase_add_test(c, test_empty);
	tcase_add_test(c, test_walk);
}

int main(void)
{
	return suite_main("htab", fill);
}
