/*
 * Measured distances: who is measured and when, what is believed, what a choice makes
 * of it. Servers and join APs are the script's: it answers BORROW and echoes probes.
 */
#include "tests/fixture/fake_ring.h"
#include "tests/fixture/suite.h"

#define SERVERS 20

static struct fake_ring ring;
static struct group_name name;
static struct overlay *in;
static pias_time rtt[SERVERS]; /* from the ingress AP; 0: no answer */
static unsigned n_probes[SERVERS];
static struct msg_borrow borrowed; /* the last that a join AP got */
static bool is_echoing;
static struct {
	uint64_t session;
	pias_time at;
} echoes[64]; /* to come */
static unsigned n_echoes;

static void setup(void)
{
	ring_start(&ring, 4);
	name = ring_name_at(&ring, 2, 0);
	in = &ring.ap[0];
	memset(rtt, 0, sizeof(rtt));
	memset(n_probes, 0, sizeof(n_probes));
	n_echoes = 0;
	is_echoing = true;
}

static void teardown(void)
{
	ring_free(&ring);
}

static void join_by(unsigned ap, unsigned server, pias_time told)
{
	struct membership_request q = ring_request(MEMBERSHIP_JOIN, &name, server, 1);

	q.lease = 3600 * SEC;
	q.member.rtt_us = (uint32_t)told;
	ck_assert_int_eq(ring_do(&ring.ap[ap], &q)->err, 0);
}

static unsigned server_of(const struct id *id)
{
	unsigned i;

	for (i = 0; i < SERVERS; i++) {
		struct id x = ring_server(i);

		if (id_eq(&x, id))
			return i;
	}
	ck_abort_msg("no such server");
}

static size_t lend(uint8_t out[256], uint64_t session)
{
	static const uint8_t key[SERVER_KEY_LEN];
	struct server_probe p = {.session = session, .reply = in->self.addr[0]};
	struct msg_lend m = {.session = session, .port = 7428};
	struct wr w;

	m.len = (uint8_t)server_probe_encode(m.probe, &p, key);
	wr_init(&w, out, 256);
	msg_write_lend(&w, &m);
	return wr_len(&w);
}

static int give(const struct contact *from, uint64_t session)
{
	uint8_t buf[256];
	struct rd r;

	rd_init(&r, buf, lend(buf, session));
	return rendezvous_on_message(in->rv, from, MSG_LEND, &r);
}

static void echo(uint64_t session)
{
	static const uint8_t key[SERVER_KEY_LEN];
	struct server_echo e = {.session = session};
	uint8_t data[SERVER_ECHO_LEN];
	struct addr from = {0};
	size_t len = server_echo_encode(data, &e, key);

	rendezvous_on_server_datagram(in->rv, &from, &in->self.addr[0], data, len);
	ring_settle(in);
}

/* A BORROW came to AP @to: LEND at once, and the echo a round trip after the probe. */
static void answer(unsigned to, const struct msg_borrow *b)
{
	unsigned server = server_of(&b->server), before = in->n_tunnel;

	borrowed = *b;
	n_probes[server]++;
	if (!rtt[server])
		return;
	ck_assert_int_eq(give(&ring.ap[to].self, b->session), 0);
	ck_assert_uint_eq(in->n_tunnel, before + 1);
	ck_assert(id_eq(&in->tunnel.to.server, &b->server));
	ck_assert(group_name_eq(&in->tunnel.group, &name));
	ck_assert_uint_eq(in->tunnel.port, 7428);
	ck_assert_uint_eq(in->tunnel.data[0], MSG_SERVER_PROBE);
	if (!is_echoing)
		return;
	ck_assert_uint_lt(n_echoes, 64);
	echoes[n_echoes].session = b->session;
	echoes[n_echoes++].at = ring.now + rtt[server];
}

/* The echo that is due first; n_echoes: none. */
static unsigned next_echo(void)
{
	unsigned i, best = 0;

	for (i = 1; i < n_echoes; i++)
		if (echoes[i].at < echoes[best].at)
			best = i;
	return best;
}

/* One event at or before @until; answers it if it was a BORROW that arrived. */
static bool step(pias_time until)
{
	const struct ring_message *m = ring.first;
	struct msg_borrow b = {.session = 0};
	unsigned to = m ? m->to : 0;
	struct rd r;

	if (m && m->type == MSG_BORROW) {
		rd_init(&r, m->body, m->len);
		msg_read_borrow(&r, &b);
		ck_assert_int_eq(r.err, 0);
		ck_assert(group_name_eq(&b.name, &name));
	}
	if (!ring_step(&ring, until))
		return false;
	if (b.session && ring.first != m)
		answer(to, &b);
	return true;
}

static void run(pias_time time)
{
	pias_time until = ring.now + time;

	for (;;) {
		unsigned i = next_echo();
		bool is_echo = n_echoes && echoes[i].at <= until;

		if (step(is_echo ? echoes[i].at : until))
			continue;
		if (!is_echo)
			break;
		ring_set_now(&ring, echoes[i].at);
		echo(echoes[i].session);
		echoes[i] = echoes[--n_echoes];
	}
	ring_set_now(&ring, until);
}

static const struct route *resolve(void)
{
	ring_packet(in, &name);
	run(20 * MSEC);
	return ring_route_of(in, &name)->route;
}

static unsigned first(void)
{
	return server_of(&ring_route_of(in, &name)->route->target[0].server);
}

static uint32_t cost(unsigned i)
{
	return ring_route_of(in, &name)->route->target[i].cost_us;
}

/* Cheapest by way of the join AP is 0; in truth 2 is nearest. */
static void join_three(void)
{
	unsigned i;

	for (i = 0; i < 3; i++)
		join_by(1, i, (i + 1) * MSEC);
	rtt[0] = 60 * MSEC;
	rtt[1] = 40 * MSEC;
	rtt[2] = 35 * MSEC;
}

static unsigned n_seen;

static void see(void *ctx, const struct member_info *info)
{
	ck_assert_uint_eq(info->cost_us, rtt[server_of(&info->server)]);
	n_seen++;
}

START_TEST(test_nearest_by_measurement)
{
	join_three();
	ck_assert_ptr_nonnull(resolve());
	ck_assert_uint_eq(first(), 0);
	ck_assert_uint_eq(cost(0), 11 * MSEC); /* 10 ms to its join AP, 1 from there */
	run(100 * MSEC);
	/* By less than a fifth and a millisecond as well: the first was but a guess. */
	ck_assert_uint_eq(first(), 2);
	ck_assert_uint_eq(cost(0), 35 * MSEC);
	ck_assert_uint_eq(cost(1), 40 * MSEC);
	ck_assert_uint_eq(cost(2), 60 * MSEC);
	ck_assert_uint_eq(in->env.counters.v[COUNTER_surveys], 3);
	ck_assert_uint_eq(ring_route_of(in, &name)->n_changes, 2);
	/* The operator sees the same. */
	n_seen = 0;
	ck_assert_int_eq(rendezvous_each_member(in->rv, &name, see, NULL), 0);
	ck_assert_uint_eq(n_seen, 3);
}
END_TEST

/* From then on it takes a fifth, and both of two samples. */
START_TEST(test_stays_then)
{
	join_three();
	resolve();
	run(SEC);
	rtt[1] = 30 * MSEC;
	run(SURVEY_PERIOD * 5 / 4);
	ring_packet(in, &name);
	run(10 * SEC);
	ck_assert_uint_eq(first(), 2);
	rtt[2] = 50 * MSEC;
	ring_packet(in, &name);
	run(SURVEY_PERIOD);
	ck_assert_uint_eq(first(), 2);
	ring_packet(in, &name);
	run(SURVEY_PERIOD);
	ck_assert_uint_eq(first(), 1);
	ck_assert_uint_eq(cost(0), 30 * MSEC);
	ck_assert_uint_eq(cost(1), 50 * MSEC);
}
END_TEST

START_TEST(test_only_while_used)
{
	unsigned before;

	join_three();
	resolve();
	run(SURVEY_PERIOD * 2 + 10 * SEC);
	before = n_probes[0];
	ck_assert_uint_ge(before, 1);
	run(SURVEY_IDLE + 10 * SEC);
	ck_assert_uint_eq(n_probes[0], before);
	ck_assert_uint_eq(in->rv->survey.by_addr.n, 0);
}
END_TEST

/* Of many the nearest; who turns out to be far makes room for the next. */
START_TEST(test_nearest_few)
{
	unsigned i, n = 0;

	for (i = 0; i < SERVERS; i++)
		join_by(1, i, (i + 1) * MSEC);
	for (i = 0; i < SERVERS; i++)
		rtt[i] = (i < 4 ? 300 : 15) * MSEC;
	resolve();
	run(10 * SEC);
	for (i = 0; i < SERVERS; i++)
		n += n_probes[i];
	ck_assert_uint_eq(n, 12);
	ck_assert_uint_eq(n_probes[11], 1);
	ck_assert_uint_eq(n_probes[12], 0);
	ck_assert_uint_ge(first(), 4);
}
END_TEST

/* There is no choice to make. */
START_TEST(test_one_member)
{
	join_by(1, 0, MSEC);
	resolve();
	run(10 * SEC);
	ck_assert_uint_eq(n_probes[0], 0);
}
END_TEST

/* Its own join AP measures anyway. */
START_TEST(test_own_servers)
{
	join_by(0, 0, 30 * MSEC);
	join_by(1, 1, MSEC);
	rtt[1] = 50 * MSEC;
	resolve();
	ck_assert_uint_eq(first(), 1);
	run(SEC);
	ck_assert_uint_eq(n_probes[0], 0);
	ck_assert_uint_eq(n_probes[1], 1);
	ck_assert_uint_eq(first(), 0);
	ck_assert_uint_eq(cost(0), 30 * MSEC);
}
END_TEST

/* Two tries, then the guess remains; a minute does not pass without another. */
START_TEST(test_no_answer)
{
	join_three();
	rtt[0] = rtt[1] = rtt[2] = 0;
	resolve();
	run(5 * SEC);
	ck_assert_uint_eq(n_probes[0], SURVEY_TRIES);
	ck_assert_uint_eq(in->env.counters.v[COUNTER_surveys_failed], 3);
	ck_assert_uint_eq(first(), 0);
	ck_assert_uint_eq(cost(0), 11 * MSEC);
	ring_packet(in, &name);
	run(SURVEY_PERIOD * 5 / 4 + 5 * SEC);
	ck_assert_uint_eq(n_probes[0], 2 * SURVEY_TRIES);
}
END_TEST

/* Old times are not believed; a server that stopped answering is a guess again. */
START_TEST(test_stale)
{
	pias_time end;

	join_three();
	resolve();
	run(SEC);
	ck_assert_uint_eq(cost(0), 35 * MSEC);
	rtt[0] = rtt[1] = rtt[2] = 0;
	for (end = ring.now + SURVEY_STALE + 10 * SEC; ring.now < end;) {
		ring_packet(in, &name);
		run(10 * SEC);
	}
	ck_assert_uint_eq(survey_us(&in->rv->survey,
				    &ring_route_of(in, &name)->route->target[0].to),
			  0);
	ck_assert_uint_eq(in->rv->survey.by_addr.n, 3);
}
END_TEST

/* What nobody asked for, or another AP than the one asked, starts nothing. */
START_TEST(test_strange_lends_and_echoes)
{
	uint64_t session;
	unsigned before;

	join_three();
	rtt[1] = rtt[2] = 0;
	is_echoing = false;
	resolve();
	run(SEC / 2);
	before = in->n_tunnel;
	session = borrowed.session; /* of a server that is not lent */
	ck_assert_int_eq(give(&ring.ap[2].self, session), 0);
	ck_assert_int_eq(give(&ring.ap[1].self, session + 1), 0);
	ck_assert_uint_eq(in->n_tunnel, before);
	/* An echo without a probe. */
	echo(session);
	ck_assert_uint_eq(in->env.counters.v[COUNTER_surveys], 0);
	ck_assert_uint_eq(in->env.counters.v[COUNTER_drop_echo], 1);
	/* One probe each, one echo each. */
	ck_assert_int_eq(give(&ring.ap[1].self, session), 0);
	ck_assert_int_eq(give(&ring.ap[1].self, session), 0);
	ck_assert_uint_eq(in->n_tunnel, before + 1);
	echo(session);
	echo(session);
	ck_assert_uint_eq(in->env.counters.v[COUNTER_surveys], 1);
	ck_assert_uint_eq(in->env.counters.v[COUNTER_drop_echo], 2);
}
END_TEST

/* Tables are bounded; newcomers find room when others are not wanted any more. */
START_TEST(test_bounds)
{
	struct survey *s = &in->rv->survey;
	struct target t = {.server = ring_server(0), .to = {.family = ADDR_V4}};
	unsigned i;

	for (i = 0; i < SURVEY_MAX + 5; i++) {
		t.to.ip[0] = 100;
		t.to.ip[1] = (uint8_t)(i >> 8);
		t.to.ip[2] = (uint8_t)i;
		survey_want(s, &name, &t, &ring.ap[1].self);
	}
	ck_assert_uint_eq(s->by_addr.n, SURVEY_MAX);
	ck_assert_uint_eq(s->n_flights, SURVEY_FLIGHTS);
	ck_assert_uint_eq(in->env.counters.v[COUNTER_surveys_full], 5);
	ring_settle(in);
	ring_run(&ring, SURVEY_IDLE);
	ck_assert_uint_eq(s->n_flights, 0);
	survey_want(s, &name, &t, &ring.ap[1].self);
	ck_assert_uint_eq(s->by_addr.n, 1);
	ck_assert_uint_eq(s->n_flights, 1);
	ring_settle(in);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_nearest_by_measurement);
	tcase_add_test(c, test_stays_then);
	tcase_add_test(c, test_only_while_used);
	tcase_add_test(c, test_nearest_few);
	tcase_add_test(c, test_one_member);
	tcase_add_test(c, test_own_servers);
	tcase_add_test(c, test_no_answer);
	tcase_add_test(c, test_stale);
	tcase_add_test(c, test_strange_lends_and_echoes);
	tcase_add_test(c, test_bounds);
}

int main(void)
{
	return suite_main("survey", fill);
}
