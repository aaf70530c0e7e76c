/* Claims that only the one they are about can tell apart. */
#include <string.h>

#include "overlay/book.h"
#include "overlay/membership.h"
#include "overlay/message.h"
#include "tests/fixture/quiet_env.h"
#include "tests/fixture/suite.h"

static struct env env;
static struct rng rng;
static struct book *book;
static struct membership m;
static unsigned n_sent;
static struct contact told;

static int send(void *ctx, const struct contact *to, uint8_t type, const void *body,
		size_t len)
{
	if (type != MSG_ENTRIES)
		return 0;
	told = *to;
	n_sent++;
	return 0;
}

static void changed(void *ctx, const struct contact *who, enum peer_status now,
		    enum peer_status was)
{
}

static const struct membership_ops ops = {.send = send, .changed = changed};

static struct contact contact_of(uint8_t id, uint8_t host)
{
	uint8_t ip[4] = {10, 0, 0, host};

	return (struct contact){.id = {{id}}, .addr = {addr_v4(ip, 7427)}};
}

static void set_up(void)
{
	struct contact self = contact_of(1, 1);

	env_init(&env, &quiet_env_ops, &rng);
	rng.s = 1;
	book = book_new();
	membership_init(&m, &env, book, &self, 100, 500 * MSEC, true, &ops, NULL);
	membership_start(&m);
	n_sent = 0;
}

static void tear_down(void)
{
	membership_fini(&m);
	book_free(book);
	env_fini(&env);
}

/*
 * Another one with its key is gone, but both had come to the same incarnation, and we
 * hold the other's address: it is told where it is, and will refute.
 */
START_TEST(test_two_addresses_of_one_incarnation)
{
	struct contact self = contact_of(9, 9), other = contact_of(9, 8);

	membership_on_heard(&m, &other, 5);
	n_sent = 0;
	membership_on_heard(&m, &other, 5);
	membership_on_heard(&m, &other, 4);
	ck_assert_uint_eq(n_sent, 0);
	membership_on_heard(&m, &self, 5);
	ck_assert_uint_eq(n_sent, 1);
	ck_assert(addr_eq(&told.addr[0], &self.addr[0]));
	/* Also where the other had gone further. */
	membership_on_heard(&m, &self, 4);
	ck_assert_uint_eq(n_sent, 2);
	/* The refutation settles it. */
	membership_on_heard(&m, &self, 6);
	n_sent = 0;
	membership_on_heard(&m, &self, 6);
	ck_assert_uint_eq(n_sent, 0);
}
END_TEST

/* What two tables hold of it differs, and so do their digests: both places are told. */
START_TEST(test_tables_differ_in_address)
{
	struct member ours = {contact_of(9, 8), 5, PEER_ALIVE};
	struct member theirs = {contact_of(9, 9), 5, PEER_ALIVE};
	struct contact other = contact_of(3, 3);
	struct msg_entries head = {.n = 1};
	uint8_t body[256];
	uint64_t digest;
	struct rd rd;
	struct wr wr;

	membership_on_heard(&m, &theirs.contact, 5);
	digest = m.table.digest[9];
	tear_down();
	set_up();
	membership_on_heard(&m, &ours.contact, 5);
	ck_assert_uint_ne(m.table.digest[9], digest);
	n_sent = 0;
	wr_init(&wr, body, sizeof(body));
	msg_entries_write(&wr, &head);
	msg_member_write(&wr, &theirs);
	rd_init(&rd, body, wr_len(&wr));
	ck_assert_int_eq(membership_on_message(&m, &other, MSG_ENTRIES, &rd), 0);
	ck_assert_uint_eq(n_sent, 2);
	ck_assert(addr_eq(&told.addr[0], &theirs.contact.addr[0]));
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, test_two_addresses_of_one_incarnation);
	tcase_add_test(c, test_tables_differ_in_address);
}

int main(void)
{
	return suite_main("membership", fill);
}
