/* The treap against a sorted array, and against those who would make it deep. */
#include <string.h>

#include "rendezvous/keytree.h"
#include "tests/fixture/rng.h"
#include "tests/fixture/suite.h"

#define N 300

static struct keynode node[N];
static bool is_in[N];

/* Every 8th key is close to the ends of the ring. */
static void make(struct rng *r)
{
	unsigned i;

	memset(is_in, 0, sizeof(is_in));
	for (i = 0; i < N; i++) {
		rng_fill(r, &node[i].key, ID_LEN);
		if (i % 16 == 0)
			memset(&node[i].key, 0xff, ID_LEN - 1);
		if (i % 16 == 8)
			memset(&node[i].key, 0, ID_LEN - 1);
		node[i].priority = rng_u64(r) % 64; /* with ties */
	}
}

/* The smallest clockwise distance, by trying all. */
static struct keynode *slow_after(const struct id *key)
{
	struct keynode *best = NULL;
	struct id next = *key, d, best_d;
	unsigned i;

	id_inc(&next);
	for (i = 0; i < N; i++) {
		if (!is_in[i])
			continue;
		id_distance(&d, &next, &node[i].key);
		if (!best || id_cmp(&d, &best_d) < 0) {
			best = &node[i];
			best_d = d;
		}
	}
	return best;
}

static bool is_taken(const struct id *key)
{
	unsigned i;

	for (i = 0; i < N; i++)
		if (is_in[i] && id_eq(&node[i].key, key))
			return true;
	return false;
}

START_TEST(test_against_all)
{
	struct rng r = {.s = (uint64_t)_i};
	struct keytree t = {0};
	unsigned round, i;
	struct id key;

	make(&r);
	for (round = 0; round < 3000; round++) {
		i = rng_below(&r, N);
		if (is_in[i]) {
			keytree_del(&t, &node[i]);
			is_in[i] = false;
		} else if (!is_taken(&node[i].key)) {
			keytree_add(&t, &node[i]);
			is_in[i] = true;
		}
		rng_fill(&r, &key, ID_LEN);
		if (rng_below(&r, 2))
			key = node[rng_below(&r, N)].key;
		ck_assert_ptr_eq(keytree_after(&t, &key), slow_after(&key));
	}
	for (i = 0; i < N; i++)
		if (is_in[i])
			keytree_del(&t, &node[i]);
	ck_assert_ptr_null(t.root);
	ck_assert_ptr_null(keytree_after(&t, &key));
}
END_TEST

static unsigned depth(const struct keynode *n)
{
	unsigned l, r;

	if (!n)
		return 0;
	l = depth(n->left);
	r = depth(n->right);
	return 1 + (l > r ? l : r);
}

START_TEST(test_sorted_insertion_stays_shallow)
{
	struct keynode *n = calloc(10000, sizeof(*n));
	struct rng r = {.s = 1};
	struct keytree t = {0};
	unsigned i;

	for (i = 0; i < 10000; i++) {
		n[i].key.b[0] = (uint8_t)(i >> 8);
		n[i].key.b[1] = (uint8_t)i;
		n[i].priority = rng_u64(&r);
		keytree_add(&t, &n[i]);
	}
	ck_assert_uint_lt(depth(t.root), 50);
	free(n);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_loop_test(c, test_against_all, 0, 3);
	tcase_add_test(c, test_sorted_insertion_stays_shallow);
}

int main(void)
{
	return suite_main("keytree", fill);
}
