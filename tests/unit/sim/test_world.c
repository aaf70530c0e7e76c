/*
 * The world's promises: time, order on links, what crashes and cuts do to links under
 * way, and the fates of datagrams.
 */
#include <string.h>

#include "sim/event.h"
#include "tests/fixture/suite.h"

#define ONE_WAY (10 * MSEC)

struct seen {
	struct host *host;
	uint32_t link;
	unsigned ups, downs, failed, wakes, datagrams, frames;
	int why;
	pias_time at; /* of the latest */
	uint8_t last[64];
	size_t len;
	bool in_order;
};

static struct world w;
static struct seen seen[3];

static void note(struct seen *s, const void *data, size_t len)
{
	s->at = s->host->env.now;
	s->len = len < sizeof(s->last) ? len : sizeof(s->last);
	memcpy(s->last, data, s->len);
}

static void on_wake(void *core)
{
	struct seen *s = core;

	s->wakes++;
	s->at = s->host->env.now;
	env_run(&s->host->env);
}

static int on_up(void *core, uint32_t link, const struct host *who, bool dialed,
		 const uint8_t key[OVERLAY_LINK_KEY_LEN])
{
	struct seen *s = core;

	s->ups++;
	s->link = link;
	note(s, key, OVERLAY_LINK_KEY_LEN);
	return 0;
}

static int on_frame(void *core, uint32_t link, const uint8_t *frame, size_t len)
{
	struct seen *s = core;

	s->in_order = frame[0] == (uint8_t)(s->frames + 1) && link == s->link;
	s->frames++;
	note(s, frame, len);
	return 0;
}

static void on_down(void *core, uint32_t link)
{
	struct seen *s = core;

	s->downs++;
	s->at = s->host->env.now;
}

static void on_failed(void *core, const struct id *id, const struct addr addr[2], int why)
{
	struct seen *s = core;

	s->failed++;
	s->why = why;
	s->at = s->host->env.now;
}

static void on_datagram(void *core, const struct addr *from, const uint8_t *data,
			size_t len)
{
	struct seen *s = core;

	s->datagrams++;
	note(s, data, len);
}

static const struct host_doors doors = {
	.wake = on_wake,
	.link_up = on_up,
	.frame = on_frame,
	.link_down = on_down,
	.dial_failed = on_failed,
	.datagram = on_datagram,
};

static void set_up(void)
{
	static const struct id drawn;
	unsigned i;

	memset(seen, 0, sizeof(seen));
	topology_init_fixed(&w.topology, 1, ONE_WAY);
	world_init(&w, 1, QUEUE_RADIX);
	for (i = 0; i < 3; i++) {
		struct host *h =
			world_add_host(&w, topology_add(&w.topology, POINT_AP), &drawn);

		h->doors = &doors;
		h->core = &seen[i];
		seen[i].host = h;
		world_start_host(&w, h);
	}
}

static void tear_down(void)
{
	world_fini(&w);
}

static void dial(unsigned from, unsigned to)
{
	struct addr addr[2] = {seen[to].host->addr};

	world_enter(seen[from].host);
	transit_ops.dial(seen[from].host, &seen[to].host->id, addr);
}

static void send_frame(unsigned from, uint8_t n)
{
	uint8_t frame[5] = {n};

	world_enter(seen[from].host);
	transit_ops.link_send(seen[from].host, seen[from].link, frame, sizeof(frame));
}

START_TEST(test_link)
{
	uint8_t i;

	dial(0, 1);
	world_run(&w, 35 * MSEC);
	ck_assert_uint_eq(seen[0].ups, 0);
	ck_assert_uint_eq(seen[1].ups, 1);
	ck_assert_int_eq(seen[1].at, 3 * ONE_WAY);
	world_run(&w, 45 * MSEC);
	ck_assert_uint_eq(seen[0].ups, 1);
	ck_assert_int_eq(seen[0].at, 4 * ONE_WAY);
	ck_assert_mem_eq(seen[0].last, seen[1].last, OVERLAY_LINK_KEY_LEN);
	/* Late retransmissions delay, but never overtake. */
	w.faults.rates.loss = 0.5;
	for (i = 1; i <= 100; i++)
		send_frame(0, i);
	while (seen[1].frames < 100 && w.now < 1000 * SEC) {
		world_run(&w, w.now + MSEC);
		ck_assert(!seen[1].frames || seen[1].in_order);
	}
	ck_assert_uint_eq(seen[1].frames, 100);
	world_enter(seen[0].host);
	transit_ops.link_close(seen[0].host, seen[0].link);
	ck_assert(!world_run(&w, w.now + SEC));
	ck_assert_uint_eq(seen[1].downs, 1);
	ck_assert_uint_eq(seen[0].downs, 0); /* who closes is not told */
}
END_TEST

START_TEST(test_dial_failed)
{
	static const uint8_t nowhere[4] = {10, 9, 9, 9};
	struct addr addr[2] = {addr_v4(nowhere, 7427)};

	world_crash_host(&w, seen[1].host, false);
	dial(0, 1);
	world_run(&w, 20 * MSEC);
	ck_assert_uint_eq(seen[0].failed, 1);
	ck_assert_int_eq(seen[0].why, PIAS_EUNREACH); /* refused: the host is there */
	transit_ops.dial(seen[0].host, &seen[2].host->id, addr);
	world_run(&w, w.now + 2 * SEC);
	ck_assert_uint_eq(seen[0].failed, 1);
	world_run(&w, w.now + 2 * SEC);
	ck_assert_uint_eq(seen[0].failed, 2);
	ck_assert_int_eq(seen[0].why, PIAS_ETIMEOUT);
	/* Somebody else lives there. */
	addr[0] = seen[2].host->addr;
	transit_ops.dial(seen[0].host, &seen[1].host->id, addr);
	world_run(&w, w.now + SEC);
	ck_assert_int_eq(seen[0].why, PIAS_EAUTH);
}
END_TEST

/* Told after one way, or after a time-out; also where the link was just coming up. */
START_TEST(test_crash)
{
	bool silent = _i & 1, is_early = _i & 2;

	dial(0, 1);
	world_run(&w, is_early ? 35 * MSEC : 50 * MSEC);
	world_crash_host(&w, seen[0].host, silent);
	world_run(&w, w.now + SEC);
	ck_assert_uint_eq(seen[1].downs, !silent);
	world_run(&w, w.now + 20 * SEC);
	ck_assert_uint_eq(seen[1].downs, 1);
	ck_assert_uint_eq(seen[0].downs, 0);
	/* And what was under way to the process that died is void. */
	world_start_host(&w, seen[0].host);
	transit_ops.datagram(seen[1].host, &seen[0].host->addr, "x", 1);
	world_crash_host(&w, seen[0].host, false);
	world_start_host(&w, seen[0].host);
	world_run(&w, w.now + SEC);
	ck_assert_uint_eq(seen[0].datagrams, 0);
}
END_TEST

START_TEST(test_cut)
{
	w.faults.cut_out = 1;
	seen[0].host->fault.side = 1;
	transit_ops.datagram(seen[0].host, &seen[1].host->addr, "x", 1);
	transit_ops.datagram(seen[1].host, &seen[0].host->addr, "y", 1);
	dial(1, 0);
	world_run(&w, SEC);
	ck_assert_uint_eq(seen[1].datagrams, 0);
	ck_assert_uint_eq(seen[0].datagrams, 1); /* only one way is cut */
	ck_assert_uint_eq(seen[1].failed + seen[1].ups, 0);
	world_run(&w, 4 * SEC);
	ck_assert_uint_eq(seen[1].failed, 1);
}
END_TEST

START_TEST(test_datagrams)
{
	unsigned i;

	for (i = 0; i < 1000; i++)
		transit_ops.datagram(seen[0].host, &seen[1].host->addr, "abc", 3);
	world_run(&w, SEC);
	ck_assert_uint_eq(seen[1].datagrams, 1000);
	ck_assert_int_eq(seen[1].at, ONE_WAY);
	ck_assert_mem_eq(seen[1].last, "abc", 3);
	w.faults.rates.loss = 0.3;
	w.faults.rates.duplicate = 0.2;
	for (i = 0; i < 1000; i++)
		transit_ops.datagram(seen[0].host, &seen[2].host->addr, "abc", 3);
	world_run(&w, 2 * SEC);
	ck_assert_uint_ge(seen[2].datagrams, 770); /* 1000 x 0.7 x 1.2 = 840 */
	ck_assert_uint_le(seen[2].datagrams, 910);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, test_link);
	tcase_add_test(c, test_dial_failed);
	tcase_add_loop_test(c, test_crash, 0, 4);
	tcase_add_test(c, test_cut);
	tcase_add_test(c, test_datagrams);
}

int main(void)
{
	return suite_main("world", fill);
}
