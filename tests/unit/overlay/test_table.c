/*
 * The membership table against a plain list of claims: precedence, order, owners,
 * digests, tombstones and limits. And the book under it.
 */
#include <string.h>

#include "overlay/table.h"
#include "tests/fixture/rng.h"
#include "tests/fixture/suite.h"

static struct member member(uint8_t id, uint64_t incarnation, enum peer_status status)
{
	struct member m;
	uint8_t ip[4] = {192, 0, 2, id};

	memset(&m, 0, sizeof(m));
	m.contact.id.b[0] = id;
	m.contact.id.b[ID_LEN - 1] = id;
	m.contact.addr[0] = addr_v4(ip, 7427);
	m.incarnation = incarnation;
	m.status = status;
	return m;
}

static uint32_t position(const struct table *t, uint8_t id)
{
	struct member m = member(id, 1, PEER_ALIVE);

	return table_find(t, &m.contact.id);
}

static enum table_news apply(struct table *t, uint8_t id, uint64_t incarnation,
			     enum peer_status status)
{
	struct member m = member(id, incarnation, status);
	enum peer_status was;

	return table_apply(t, &m, SEC, &was);
}

/* Greater incarnation first, then the worse status; the greater claim wins. */
START_TEST(test_precedence)
{
	struct book *book = book_new();
	uint64_t i1, i2;
	int s1, s2;

	for (i1 = 5; i1 <= 6; i1++)
		for (i2 = 5; i2 <= 6; i2++)
			for (s1 = PEER_ALIVE; s1 <= PEER_LEFT; s1++)
				for (s2 = PEER_ALIVE; s2 <= PEER_LEFT; s2++) {
					bool newer = i2 > i1 || (i2 == i1 && s2 > s1);
					struct table t;
					struct member m;

					table_init(&t, book, 8);
					apply(&t, 1, 4, PEER_ALIVE);
					ck_assert_int_eq(apply(&t, 1, i1, s1),
							 TABLE_NEWS);
					ck_assert_int_eq(apply(&t, 1, i2, s2),
							 newer ? TABLE_NEWS : TABLE_OLD);
					table_member(&t, 0, &m);
					ck_assert_uint_eq(m.incarnation, newer ? i2 : i1);
					ck_assert_int_eq(m.status, newer ? s2 : s1);
					ck_assert_uint_eq(t.n_live,
							  m.status <= PEER_SUSPECT);
					ck_assert_uint_eq(t.n_tombs,
							  m.status > PEER_SUSPECT);
					table_fini(&t);
				}
	ck_assert_uint_eq(book_n(book), 0);
	book_free(book);
}
END_TEST

START_TEST(test_unknown_dead_is_no_news)
{
	struct book *book = book_new();
	struct table t;

	table_init(&t, book, 8);
	ck_assert_int_eq(apply(&t, 1, 5, PEER_DEAD), TABLE_OLD);
	ck_assert_int_eq(apply(&t, 1, 5, PEER_LEFT), TABLE_OLD);
	ck_assert_uint_eq(t.n, 0);
	ck_assert_uint_eq(table_owner(&t, &(struct id){{0}}), TABLE_NONE);
	table_fini(&t);
	book_free(book);
}
END_TEST

/* An AP's address is what it said itself under that incarnation. */
START_TEST(test_address_needs_incarnation)
{
	struct book *book = book_new();
	struct member m = member(1, 5, PEER_SUSPECT), got;
	enum peer_status was;
	struct table t;

	table_init(&t, book, 8);
	apply(&t, 1, 5, PEER_ALIVE);
	m.contact.addr[0].port = 1;
	ck_assert_int_eq(table_apply(&t, &m, SEC, &was), TABLE_NEWS);
	table_member(&t, 0, &got);
	ck_assert_uint_eq(got.contact.addr[0].port, 7427);
	m.incarnation = 6;
	m.status = PEER_ALIVE;
	ck_assert_int_eq(table_apply(&t, &m, SEC, &was), TABLE_NEWS);
	table_member(&t, 0, &got);
	ck_assert_uint_eq(got.contact.addr[0].port, 1);
	table_fini(&t);
	book_free(book);
}
END_TEST

static struct contact at_host(unsigned host)
{
	struct member m = member(1, 1, PEER_ALIVE);
	uint8_t ip[16] = {0x20, 1, 0xd, 0xb8, (uint8_t)(host >> 8), (uint8_t)host};

	if (host % 2)
		m.contact.addr[1] = addr_v6(ip, 7427);
	m.contact.addr[0] = addr_v4(ip + 2, 7427);
	return m.contact;
}

/* Whoever is at a host is found there; also after growth, and after others have gone. */
START_TEST(test_book_by_host)
{
	enum { HOSTS = 1000, EACH = 3 };
	static uint32_t ref[HOSTS][EACH];
	struct book *book = book_new();
	struct contact c;
	unsigned i, k, n;
	uint32_t at;

	for (k = 0; k < EACH; k++)
		for (i = 0; i < HOSTS; i++) {
			c = at_host(i);
			ref[i][k] = book_take(book, &c, 1 + k);
			ck_assert_uint_ne(ref[i][k], 0);
		}
	for (k = 0; k < EACH; k++)
		for (i = 0; i < HOSTS; i++) {
			c = at_host(i);
			for (at = 0, n = 0; (at = book_next_at(book, &c.addr[i % 2], at));
			     n++)
				ck_assert(at == ref[i][0] || at == ref[i][1] ||
					  at == ref[i][2]);
			ck_assert_uint_eq(n, EACH - k);
			book_drop(book, ref[i][(i + k) % EACH]);
		}
	c = at_host(1);
	ck_assert_uint_eq(book_next_at(book, &c.addr[0], 0), 0);
	ck_assert_uint_eq(book_next_at(book, &c.addr[1], 0), 0);
	book_free(book);
}
END_TEST

START_TEST(test_owner)
{
	static const struct {
		uint8_t key;
		int owner, before;
	} t[] = {
		{5, 10, 40},  {10, 10, 40}, {11, 20, 10}, {20, 20, 10}, /* 30 is dead */
		{25, 40, 20}, {30, 40, 20}, {40, 40, 20}, {41, 10, 40},
	};
	struct book *book = book_new();
	struct table table;
	struct id key = {{0}};
	uint32_t i;

	table_init(&table, book, 8);
	apply(&table, 40, 1, PEER_ALIVE);
	apply(&table, 10, 1, PEER_SUSPECT);
	apply(&table, 30, 1, PEER_ALIVE);
	apply(&table, 20, 1, PEER_ALIVE);
	apply(&table, 30, 1, PEER_DEAD);
	key.b[0] = key.b[ID_LEN - 1] = t[_i].key;
	i = table_owner(&table, &key);
	ck_assert_int_eq(table_record(&table, i)->contact.id.b[0], t[_i].owner);
	i = table_before(&table, &key);
	ck_assert_int_eq(table_record(&table, i)->contact.id.b[0], t[_i].before);
	table_fini(&table);
	book_free(book);
}
END_TEST

/* Ids that agree in the 32 bits that stand in the entry. */
START_TEST(test_equal_prefixes)
{
	struct book *book = book_new();
	struct member m = member(7, 1, PEER_ALIVE);
	enum peer_status was;
	struct table t;
	int k;

	table_init(&t, book, 300);
	for (k = 0; k < 256; k++) {
		m.contact.id.b[10] = (uint8_t)(k * 37);
		ck_assert_int_eq(table_apply(&t, &m, SEC, &was), TABLE_NEWS);
	}
	for (k = 0; k < 256; k++) {
		m.contact.id.b[10] = (uint8_t)k;
		ck_assert_uint_eq(table_find(&t, &m.contact.id), (uint32_t)k);
		ck_assert_uint_eq(table_owner(&t, &m.contact.id), (uint32_t)k);
	}
	table_fini(&t);
	book_free(book);
}
END_TEST

START_TEST(test_full)
{
	struct book *book = book_new();
	struct table t;
	uint8_t k;

	table_init(&t, book, 10);
	for (k = 1; k <= 10; k++)
		ck_assert_int_eq(apply(&t, k, 1, PEER_ALIVE), TABLE_NEWS);
	ck_assert_int_eq(apply(&t, 11, 1, PEER_ALIVE), TABLE_FULL_UP);
	/* The dead make room, the oldest first. */
	apply(&t, 4, 1, PEER_DEAD);
	apply(&t, 2, 1, PEER_DEAD);
	ck_assert_int_eq(apply(&t, 11, 1, PEER_ALIVE), TABLE_NEWS);
	ck_assert_uint_eq(position(&t, 4), TABLE_NONE);
	ck_assert_uint_ne(position(&t, 2), TABLE_NONE);
	ck_assert_uint_eq(t.n, 10);
	ck_assert_uint_eq(t.n_live, 9);
	table_fini(&t);
	ck_assert_uint_eq(book_n(book), 0);
	book_free(book);
}
END_TEST

START_TEST(test_tombstones_expire)
{
	struct book *book = book_new();
	struct table t;

	table_init(&t, book, 10);
	apply(&t, 1, 1, PEER_ALIVE);
	apply(&t, 2, 1, PEER_ALIVE);
	apply(&t, 3, 1, PEER_ALIVE);
	apply(&t, 1, 1, PEER_DEAD);
	apply(&t, 2, 1, PEER_LEFT);
	table_expire(&t, TOMBSTONE_LEFT);
	ck_assert_uint_eq(t.n, 3);
	table_expire(&t, SEC + TOMBSTONE_LEFT);
	ck_assert_uint_eq(t.n, 2);
	ck_assert_uint_eq(position(&t, 2), TABLE_NONE);
	table_expire(&t, SEC + TOMBSTONE_DEAD);
	ck_assert_uint_eq(t.n, 1);
	ck_assert_uint_eq(t.n_live, 1);
	table_fini(&t);
	book_free(book);
}
END_TEST

/* More dead than tombstones are kept: the oldest are forgotten. */
START_TEST(test_many_dead)
{
	struct book *book = book_new();
	struct member m = member(9, 1, PEER_ALIVE);
	enum peer_status was;
	struct table t;
	uint32_t k;

	table_init(&t, book, 4096);
	for (k = 0; k < TOMBSTONES_MAX + 50; k++) {
		be32_put(m.contact.id.b, k * 2654435761u);
		m.status = PEER_ALIVE;
		ck_assert_int_eq(table_apply(&t, &m, SEC, &was), TABLE_NEWS);
		m.status = PEER_DEAD;
		ck_assert_int_eq(table_apply(&t, &m, SEC, &was), TABLE_NEWS);
	}
	ck_assert_uint_eq(t.n, TOMBSTONES_MAX);
	ck_assert_uint_eq(t.n_live, 0);
	be32_put(m.contact.id.b, 49 * 2654435761u);
	ck_assert_uint_eq(table_find(&t, &m.contact.id), TABLE_NONE);
	be32_put(m.contact.id.b, 50 * 2654435761u);
	ck_assert_uint_ne(table_find(&t, &m.contact.id), TABLE_NONE);
	table_fini(&t);
	book_free(book);
}
END_TEST

/*
 * Random claims in two orders give one table, sorted, with equal digests; one more
 * claim and the digests differ in its bucket.
 */
START_TEST(test_order_does_not_matter)
{
	struct rng rng = {(uint64_t)_i + 1};
	struct book *book = book_new();
	struct member claim[400];
	struct table a, b;
	enum peer_status was;
	int k, pass;

	table_init(&a, book, 256);
	table_init(&b, book, 256);
	for (k = 0; k < 400; k++)
		claim[k] =
			member((uint8_t)(1 + rng_below(&rng, 60)), 1 + rng_below(&rng, 3),
			       (enum peer_status)(PEER_ALIVE + rng_below(&rng, 4)));
	/* Twice: whose death was no news at first is known the second time. */
	for (pass = 0; pass < 2; pass++)
		for (k = 0; k < 400; k++) {
			table_apply(&a, &claim[k], SEC, &was);
			table_apply(&b, &claim[399 - k], SEC, &was);
		}
	ck_assert_uint_eq(a.n_live, b.n_live);
	ck_assert_mem_eq(a.digest, b.digest, sizeof(a.digest));
	for (k = 0; k < (int)a.n; k++) {
		struct member m, n;
		uint32_t at;

		table_member(&a, (uint32_t)k, &m);
		if (k)
			ck_assert_int_lt(
				id_cmp(&table_record(&a, (uint32_t)k - 1)->contact.id,
				       &m.contact.id),
				0);
		at = table_find(&b, &m.contact.id);
		if (at == TABLE_NONE) {
			ck_assert_int_gt(m.status, PEER_SUSPECT);
			continue;
		}
		table_member(&b, at, &n);
		ck_assert_uint_eq(m.incarnation, n.incarnation);
		ck_assert_int_eq(m.status, n.status);
	}
	apply(&a, 200, 1, PEER_ALIVE);
	ck_assert_uint_ne(a.digest[200], b.digest[200]);
	claim[0] = member(200, 1, PEER_ALIVE);
	table_del(&a, &claim[0].contact.id);
	ck_assert_mem_eq(a.digest, b.digest, sizeof(a.digest));
	table_fini(&a);
	table_fini(&b);
	ck_assert_uint_eq(book_n(book), 0);
	book_free(book);
}
END_TEST

/* One record for many holders; it stays where it is, and goes with the last. */
START_TEST(test_book)
{
	struct book *book = book_new();
	const struct record *first;
	uint32_t ref[2000], k;
	struct member m = member(1, 1, PEER_ALIVE);

	ref[0] = book_take(book, &m.contact, 1);
	first = book_get(book, ref[0]);
	ck_assert_uint_eq(book_take(book, &m.contact, 1), ref[0]);
	ck_assert_uint_ne(book_take(book, &m.contact, 2), ref[0]);
	ck_assert_uint_eq(book_n(book), 2);
	for (k = 1; k < 2000; k++) {
		be32_put(m.contact.id.b, k);
		ref[k] = book_take(book, &m.contact, 1);
		ck_assert_uint_ne(ref[k], 0);
	}
	ck_assert_uint_eq(book_n(book), 2001);
	ck_assert_ptr_eq(book_get(book, ref[0]), first);
	for (k = 1; k < 2000; k++) {
		ck_assert_uint_eq(be32_get(book_get(book, ref[k])->contact.id.b), k);
		book_drop(book, ref[k]);
	}
	book_drop(book, ref[0]);
	ck_assert_uint_eq(book_n(book), 2);
	book_take_again(book, ref[0]);
	book_drop(book, ref[0]);
	book_drop(book, ref[0]);
	ck_assert_uint_eq(book_n(book), 1);
	ck_assert_uint_eq(sizeof(struct entry), 8);
	book_free(book);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_precedence);
	tcase_add_test(c, test_unknown_dead_is_no_news);
	tcase_add_test(c, test_address_needs_incarnation);
	tcase_add_test(c, test_book_by_host);
	tcase_add_loop_test(c, test_owner, 0, 8);
	tcase_add_test(c, test_equal_prefixes);
	tcase_add_test(c, test_full);
	tcase_add_test(c, test_tombstones_expire);
	tcase_add_test(c, test_many_dead);
	tcase_add_loop_test(c, test_order_does_not_matter, 0, 20);
	tcase_add_test(c, test_book);
}

int main(void)
{
	return suite_main("table", fill);
}
