/* Tables of those who are to be told, at their limits; copies that wait, likewise. */
#include "tests/fixture/fake_ring.h"
#include "tests/fixture/suite.h"

static struct fake_ring ring;
static struct group_name name;
static struct owner *o; /* AP 2's part for it */

static void setup(void)
{
	ring_start(&ring, 4);
	name = ring_name_at(&ring, 2, 0);
	o = &ring.ap[2].rv->owner;
}

static void teardown(void)
{
	ring_free(&ring);
}

static struct contact stranger(unsigned i)
{
	struct contact c = {.addr = {addr_v4((uint8_t[]){192, 0, 2, 99}, 7427)}};

	c.id.b[0] = (uint8_t)(i >> 8);
	c.id.b[1] = (uint8_t)i;
	c.id.b[2] = 1;
	return c;
}

static void subscribe(unsigned i)
{
	struct contact c = stranger(i);

	push_subscribe(&o->pushes, ring_group(&ring.ap[2], &name), &c, &ring.ap[0].coord);
}

START_TEST(test_subscribers_are_few)
{
	struct contact c;
	struct group *g;
	unsigned i;

	ring_update(&ring.ap[0], MEMBERSHIP_JOIN, &name, 1, 1);
	g = ring_group(&ring.ap[2], &name);
	for (i = 0; i < SUBSCRIBERS_MAX; i++)
		subscribe(i * 7 % SUBSCRIBERS_MAX); /* in no order */
	ck_assert_uint_eq(g->n_subscribers, SUBSCRIBERS_MAX);
	for (i = 1; i < g->n_subscribers; i++)
		ck_assert_int_lt(id_cmp(&g->subscriber[i - 1].ap->contact.id,
					&g->subscriber[i].ap->contact.id),
				 0);
	subscribe(5); /* again */
	ck_assert_uint_eq(ring.ap[2].env.counters.v[COUNTER_drop_subscriber_full], 0);
	subscribe(SUBSCRIBERS_MAX);
	ck_assert_uint_eq(g->n_subscribers, SUBSCRIBERS_MAX);
	ck_assert_uint_eq(ring.ap[2].env.counters.v[COUNTER_drop_subscriber_full], 1);
	/* It was answered all the same. */
	ck_assert_uint_eq(ring.ap[2].env.counters.v[COUNTER_pushes], SUBSCRIBERS_MAX + 2);
	/* Those that ended make room. */
	ring_run(&ring, 20 * SEC);
	ring_update(&ring.ap[0], MEMBERSHIP_REFRESH, &name, 1, 2);
	ring_run(&ring, 20 * SEC);
	ring_update(&ring.ap[0], MEMBERSHIP_REFRESH, &name, 1, 3);
	ring_run(&ring, 21 * SEC);
	subscribe(SUBSCRIBERS_MAX);
	ck_assert_uint_eq(g->n_subscribers, 1);
	c = stranger(SUBSCRIBERS_MAX);
	push_unsubscribe(&o->pushes, g, &c.id);
	push_unsubscribe(&o->pushes, g, &c.id); /* nobody any more */
	ck_assert_uint_eq(g->n_subscribers, 0);
	ck_assert_ptr_null(g->subscriber);
}
END_TEST

/* The oldest question is forgotten for the newest. */
START_TEST(test_askers_are_few)
{
	struct group_name other = ring_name_at(&ring, 2, 1);
	struct contact c;
	unsigned i;

	c = stranger(1);
	push_negative(&o->pushes, &name, &c, &ring.ap[0].coord, SEC);
	for (i = 0; i < ASKERS_MAX; i++) {
		c = stranger(i + 2);
		push_negative(&o->pushes, &other, &c, &ring.ap[0].coord, SEC);
	}
	ck_assert_uint_eq(o->pushes.n_askers, ASKERS_MAX);
	ring_update(&ring.ap[0], MEMBERSHIP_JOIN, &name, 1, 1);
	ck_assert_uint_eq(ring_group(&ring.ap[2], &name)->n_subscribers, 0);
	ring_update(&ring.ap[0], MEMBERSHIP_JOIN, &other, 1, 1);
	ck_assert_uint_eq(ring_group(&ring.ap[2], &other)->n_subscribers, ASKERS_MAX);
}
END_TEST

START_TEST(test_asked_long_ago)
{
	struct contact c = stranger(1);

	push_negative(&o->pushes, &name, &c, &ring.ap[0].coord, SEC);
	ring_run(&ring, ASKER_TIME);
	ring_update(&ring.ap[0], MEMBERSHIP_JOIN, &name, 1, 1);
	ck_assert_uint_eq(ring_group(&ring.ap[2], &name)->n_subscribers, 0);
	c = stranger(2);
	push_negative(&o->pushes, &name, &c, &ring.ap[0].coord, SEC);
	ck_assert_uint_eq(o->pushes.n_askers, 1);
}
END_TEST

/* More updates than can wait: the others are answered without; all are answered. */
START_TEST(test_waiting_updates_are_few)
{
	const unsigned n = WAITS_MAX + 100;
	struct overlay *from = &ring.ap[0];
	unsigned i;

	o->groups.limits.max_members = o->groups.limits.max_group_members = 2 * n;
	ring.lose_type = MSG_RECORDS_ACK;
	ring.lose_n = UINT32_MAX;
	for (i = 0; i < n; i++) {
		struct membership_request q = ring_request(MEMBERSHIP_JOIN, &name, i, 1);

		ring_ask(from, &q);
	}
	ring_run(&ring, 3 * ring.delay);
	ck_assert_uint_eq(o->replicas.n_waits, WAITS_MAX);
	ck_assert_uint_eq(from->n_done, n - WAITS_MAX);
	ring_run(&ring, COPY_WAIT + ring.delay);
	ck_assert_uint_eq(from->n_done, n);
	ck_assert_uint_eq(o->replicas.n_waits, 0);
	ck_assert(!timer_is_set(&o->replicas.wait_timer));
	ck_assert_int_eq(ring_last(from)->err, 0);
	/* The numbers go round. */
	ring.lose_n = 0;
	o->replicas.first_serial = UINT32_MAX - 1;
	for (i = 0; i < 6; i++)
		ck_assert_int_eq(ring_update(from, MEMBERSHIP_LEAVE, &name, i, 2)->err,
				 0);
}
END_TEST

/* A group too large for one RECORDS goes on in the next, whole. */
START_TEST(test_large_group_is_copied)
{
	struct overlay *heir = NULL;
	unsigned i, n = 300;

	for (i = 0; i < ring.n; i++)
		ring.ap[i].rv->owner.groups.limits.max_group_members = n;
	for (i = 0; i < n; i++) {
		struct membership_request q = ring_request(MEMBERSHIP_JOIN, &name, i, 1);

		ring_ask(&ring.ap[0], &q);
	}
	ring_run(&ring, SEC);
	for (i = 0; i < n; i++) {
		struct membership_request q =
			ring_request(MEMBERSHIP_REFRESH, &name, i, 2);

		ring_ask(&ring.ap[0], &q);
	}
	memset(ring.n_messages, 0, sizeof(ring.n_messages));
	ring_run(&ring, 2 * SEC);
	/* Refreshes: some 130 bytes each, 16 KiB a message, two replicas. */
	ck_assert_uint_le(ring.n_messages[MSG_RECORDS], 2 * 5);
	for (i = 0; i < ring.n; i++)
		if (i != 2 && ring_group(&ring.ap[i], &name))
			heir = &ring.ap[i];
	ck_assert_ptr_nonnull(heir);
	for (i = 0; i < n; i++)
		ck_assert_uint_eq(ring_member(heir, &name, i)->seq, 2);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_subscribers_are_few);
	tcase_add_test(c, test_askers_are_few);
	tcase_add_test(c, test_asked_long_ago);
	tcase_add_test(c, test_waiting_updates_are_few);
	tcase_add_test(c, test_large_group_is_copied);
}

int main(void)
{
	return suite_main("push", fill);
}
