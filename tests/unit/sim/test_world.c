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

static void on_timer(void *ctx)
{
	struct seen *s = ctx;

	s->failed++;
	s->at = s->host->env.now;
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

/* What is sent waits; on a link, so long that it breaks. */
START_TEST(test_clogged)
{
	bool is_out = _i == 0;

	seen[is_out ? 0 : 1].host->fault.clogged_out = is_out ? 2 * SEC : 0;
	seen[is_out ? 0 : 1].host->fault.clogged_in = is_out ? 0 : 2 * SEC;
	transit_ops.datagram(seen[0].host, &seen[1].host->addr, "x", 1);
	transit_ops.datagram(seen[1].host, &seen[0].host->addr, "y", 1);
	world_run(&w, SEC);
	ck_assert_uint_eq(seen[1].datagrams, 0);
	ck_assert_uint_eq(seen[0].datagrams, 1);
	world_run(&w, 3 * SEC);
	ck_assert_uint_eq(seen[1].datagrams, 1);
	ck_assert_int_eq(seen[1].at, 2 * SEC + ONE_WAY);
	dial(0, 1);
	world_run(&w, 4 * SEC);
	seen[0].host->fault.clogged_out = 60 * SEC;
	send_frame(0, 1);
	world_run(&w, 90 * SEC);
	ck_assert_uint_eq(seen[1].frames, 0);
	ck_assert_uint_eq(seen[0].downs, 1);
	ck_assert_uint_eq(seen[1].downs, 1);
}
END_TEST

/* A handshake that would take longer than TCP and TLS wait fails. */
START_TEST(test_slow_dial)
{
	seen[1].host->fault.slow = _i ? 300 : 100;
	dial(0, 1);
	world_run(&w, 20 * SEC);
	ck_assert_uint_eq(seen[0].ups, !_i);
	ck_assert_uint_eq(seen[1].ups, !_i);
	ck_assert_uint_eq(seen[0].failed, _i);
	ck_assert(!_i || seen[0].why == PIAS_ETIMEOUT);
}
END_TEST

START_TEST(test_reset)
{
	bool is_up = _i == 0;

	dial(0, 1);
	dial(1, 2);
	world_run(&w, is_up ? SEC : 35 * MSEC);
	world_reset_links(&w, seen[0].host);
	world_run(&w, 2 * SEC);
	ck_assert_uint_eq(seen[0].ups, 1);
	ck_assert_uint_eq(seen[0].downs, 1);
	ck_assert_uint_eq(seen[1].downs, 1); /* the other one lives */
	ck_assert_uint_eq(seen[2].downs, 0);
	/* Nothing of it is left to confuse the next. */
	dial(0, 1);
	world_run(&w, 3 * SEC);
	send_frame(0, 1);
	world_run(&w, 4 * SEC);
	ck_assert_uint_eq(seen[1].frames, 1);
}
END_TEST

/* All that came meanwhile comes at the end, in order; a crash ends it, too. */
START_TEST(test_pause)
{
	bool crashes = _i == 1;
	uint8_t i;

	dial(0, 1);
	world_run(&w, SEC);
	world_pause_host(&w, seen[1].host, 5 * SEC);
	world_pause_host(&w, seen[2].host, 2 * SEC);
	for (i = 1; i <= 100; i++) {
		send_frame(0, i);
		transit_ops.datagram(seen[0].host, &seen[2].host->addr, "x", 1);
		world_run(&w, SEC + i * 30 * MSEC);
	}
	ck_assert_uint_eq(seen[1].frames, 0);
	ck_assert_uint_eq(seen[2].datagrams, 100);
	if (crashes) {
		world_crash_host(&w, seen[1].host, false);
		world_start_host(&w, seen[1].host);
	}
	world_run(&w, 6 * SEC);
	ck_assert_uint_eq(seen[1].frames, crashes ? 0 : 100);
	ck_assert(crashes || (seen[1].in_order && seen[1].at == 6 * SEC));
	transit_ops.datagram(seen[0].host, &seen[1].host->addr, "x", 1);
	world_run(&w, 7 * SEC);
	ck_assert_uint_eq(seen[1].datagrams, 1);
}
END_TEST

/* Each host lives by its own clock, and is woken when that says so. */
START_TEST(test_clock)
{
	static const int32_t ppm[] = {0, 100000, -100000, 37, -1};
	static struct timer t;
	struct host *h = seen[0].host;
	pias_time start, wanted;

	world_crash_host(&w, h, false);
	h->clock_ahead = 3000 * SEC;
	h->clock_ppm = ppm[_i];
	world_run(&w, 10 * SEC);
	world_start_host(&w, h);
	start = h->env.now;
	ck_assert_int_eq(start, 3010 * SEC + 10 * (pias_time)ppm[_i]);
	wanted = start + 1000 * SEC;
	timer_init(&t, on_timer, &seen[0]);
	timer_set(&h->env.timers, &t, wanted);
	world_leave(h);
	world_run(&w, 2000 * SEC);
	ck_assert_uint_eq(seen[0].failed, 1); /* see on_timer */
	ck_assert_int_ge(seen[0].at, wanted);
	ck_assert_int_le(seen[0].at, wanted + 10);
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
	tcase_add_loop_test(c, test_clogged, 0, 2);
	tcase_add_loop_test(c, test_slow_dial, 0, 2);
	tcase_add_loop_test(c, test_reset, 0, 2);
	tcase_add_loop_test(c, test_pause, 0, 2);
	tcase_add_loop_test(c, test_clock, 0, 5);
}

int main(void)
{
	return suite_main("world", fill);
}
