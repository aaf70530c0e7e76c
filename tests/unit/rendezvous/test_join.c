/*
 * Whole joins: real join APs and agents against a scripted network and rendezvous AP.
 * What is promised: a membership exists once and only where a tunnel was proved; it
 * survives loss, repeats, reordering, routing flips and the crash of its join AP; a
 * dead server is out within a second; what is forged or replayed changes nothing.
 */
#include "tests/fixture/join_world.h"

START_TEST(test_join)
{
	struct world *w = world_joined(1);
	const struct world_member *m = world_live(w, 0, 0);

	ck_assert_ptr_nonnull(m);
	ck_assert_str_eq(m->name, "team0");
	ck_assert(addr_eq(&m->unicast, &w->agent[0].config.unicast));
	ck_assert_int_eq(m->ap, 0);
	ck_assert_uint_ge(m->rtt_us, 2 * w->delay);
	ck_assert_uint_eq(joins_n_servers(w->ap[0].joins), 1);
	ck_assert_uint_eq(world_count(w, joins), 1);
	ck_assert(id_eq(&agent_ap(w->agent[0].agent, 0)->id, &w->ap[0].overlay.self.id));
	ck_assert_int_eq(agent_lease_left(w->agent[0].agent, 0), 30 * SEC);
	/* HELLO, COOKIE, dial, JOIN, PROBE, ECHO, UPDATE, its answer, ACCEPT. */
	ck_assert_int_le(w->agent[0].joined_at - 1000 * SEC, 12 * w->delay);
	/* The link has served. */
	world_run(w, 1 * SEC);
	ck_assert(!w->link[0].is_open);
	world_free(w);
}
END_TEST

/* A probe lent to another AP is echoed to that one. */
START_TEST(test_lend)
{
	struct world *w = world_joined(1);
	const struct agent_config *a = &w->agent[0].config;
	struct world_ap *other = &w->ap[1];
	struct msg_borrow b = {.session = 0x5e55, .name = a->group[0]};
	struct target to = {.to = a->unicast, .cookie = a->cookie};
	struct msg_lend lend;

	b.server = w->agent[0].id;
	ck_assert(!joins_lend(other->joins, &other->overlay.self, &b, &lend));
	ck_assert(joins_lend(w->ap[0].joins, &other->overlay.self, &b, &lend));
	ck_assert_uint_eq(lend.port, a->probe_port[0]);
	world_tunnel(other, &to, &b.name, lend.port, lend.probe, lend.len);
	world_run(w, 3 * w->delay);
	ck_assert_uint_eq(other->env.counters.v[COUNTER_drop_echo], 1);
	/* Of a server that is down there is none. */
	w->agent[0].tunnel_ok = false;
	world_run(w, 2 * SEC);
	ck_assert(!joins_lend(w->ap[0].joins, &other->overlay.self, &b, &lend));
	world_free(w);
}
END_TEST

START_TEST(test_lease_is_kept)
{
	struct world *w = world_joined(2);
	pias_time t;

	for (t = 0; t < 10 * 60; t++) {
		world_run(w, 1 * SEC);
		ck_assert_ptr_nonnull(world_live(w, 0, 0));
	}
	ck_assert_uint_eq(w->agent[0].n_state[AGENT_JOINED], 1);
	ck_assert_uint_eq(world_count(w, joins), 1);
	ck_assert_uint_ge(world_count(w, refreshes), 55);
	ck_assert_uint_le(w->n_leases, 65);
	ck_assert_uint_eq(world_count(w, servers_dead), 0);
	world_free(w);
}
END_TEST

/* Measured while all was slow: put right between refreshes. */
START_TEST(test_distance_is_put_right)
{
	struct world *w = world_new(5);

	w->delay = 20 * MSEC;
	world_agent(w, 0);
	world_start_agent(w, 0);
	ck_assert(world_await(w, 0, 0, AGENT_JOINED, 5 * SEC));
	ck_assert_uint_ge(world_live(w, 0, 0)->rtt_us, 40000);
	w->delay = 1 * MSEC;
	world_run(w, 4 * SEC);
	ck_assert_uint_le(world_live(w, 0, 0)->rtt_us, 4000);
	ck_assert_uint_eq(world_count(w, refreshes), 0);
	world_free(w);
}
END_TEST

START_TEST(test_leave)
{
	struct world *w = world_joined(3);

	agent_leave(w->agent[0].agent);
	ck_assert(world_await(w, 0, 0, AGENT_LEFT, 100 * MSEC));
	ck_assert_ptr_null(world_live(w, 0, 0));
	ck_assert_uint_eq(joins_n_servers(w->ap[0].joins), 0);
	ck_assert_uint_eq(world_count(w, leaves), 1);
	world_run(w, 10 * SEC);
	ck_assert_uint_eq(world_count(w, servers_dead), 0);
	world_free(w);
}
END_TEST

/* Nobody confirms: it still ends, after a second. */
START_TEST(test_leave_unheard)
{
	struct world *w = world_joined(4);

	w->loss = 100;
	agent_leave(w->agent[0].agent);
	ck_assert(!world_await(w, 0, 0, AGENT_LEFT, 900 * MSEC));
	ck_assert(world_await(w, 0, 0, AGENT_LEFT, 200 * MSEC));
	world_free(w);
}
END_TEST

/* The server dies: down within a second, though its lease runs on (R3). */
START_TEST(test_death)
{
	struct world *w = world_joined((uint64_t)_i + 10);
	pias_time start;

	world_run(w, 1 * SEC + _i * 17 * MSEC);
	ck_assert_ptr_nonnull(world_live(w, 0, 0));
	start = w->now;
	world_kill_agent(w, 0);
	ck_assert(world_await_live(w, 0, false, 2 * SEC));
	ck_assert_int_le(w->now - start, 850 * MSEC);
	ck_assert_int_ge(w->now - start, 500 * MSEC);
	ck_assert_uint_eq(world_count(w, servers_dead), 1);
	world_free(w);
}
END_TEST

/* The tunnel breaks and heals while the server lives on. */
START_TEST(test_revival)
{
	struct world *w = world_joined(5);

	w->agent[0].tunnel_ok = false;
	ck_assert(world_await_live(w, 0, false, 1 * SEC));
	world_run(w, 15 * SEC);
	/* Refreshed meanwhile, but not up: no packets are sent its way. */
	ck_assert_ptr_null(world_live(w, 0, 0));
	ck_assert_int_eq(agent_group_state(w->agent[0].agent, 0), AGENT_JOINED);
	w->agent[0].tunnel_ok = true;
	ck_assert(world_await_live(w, 0, true, 1100 * MSEC));
	ck_assert_uint_eq(world_count(w, servers_dead), 1);
	ck_assert_uint_eq(world_count(w, servers_revived), 1);
	world_free(w);
}
END_TEST

/* Losing 5 % of the datagrams is no reason to be declared dead. */
START_TEST(test_loss_is_not_death)
{
	struct world *w = world_joined(6);

	w->loss = 5;
	world_run(w, 60 * SEC);
	ck_assert_uint_le(world_count(w, servers_dead), 1);
	ck_assert_ptr_nonnull(world_live(w, 0, 0));
	world_free(w);
}
END_TEST

/* The report of a death outlives an owner's crash. */
START_TEST(test_death_is_told_until_heard)
{
	struct world *w = world_joined(7);

	w->owner_is_silent = true;
	world_kill_agent(w, 0);
	world_run(w, 4 * SEC);
	ck_assert_ptr_nonnull(world_live(w, 0, 0));
	w->owner_is_silent = false;
	ck_assert(world_await_live(w, 0, false, 2 * SEC));
	world_free(w);
}
END_TEST

static const struct {
	unsigned flip, loss, twice, late;
} network[] = {
	{0, 0, 0, 0},	{5, 5, 0, 0},  {50, 5, 0, 0},	 {50, 5, 20, 0},
	{50, 0, 0, 30}, {5, 5, 5, 10}, {50, 10, 10, 10},
};

/* R2: joins under routing flips and loss, then ten minutes of the same. */
START_TEST(test_bad_network)
{
	struct world *w = world_new((uint64_t)_i + 100);
	struct world_agent *a = world_agent(w, 0);
	unsigned long down = 0;
	pias_time t;

	w->flip = network[_i % 7].flip;
	w->loss = network[_i % 7].loss;
	w->twice = network[_i % 7].twice;
	w->late = network[_i % 7].late;
	world_start_agent(w, 0);
	ck_assert_msg(world_await(w, 0, 0, AGENT_JOINED, 3 * SEC), "seed %d", _i);
	for (t = 0; t < 600; t++) {
		world_run(w, 1 * SEC);
		down += !world_live(w, 0, 0);
	}
	/* Now and then three echoes in a row are lost, for a second. */
	ck_assert_uint_le(down, 30);
	ck_assert_uint_eq(a->n_state[AGENT_LOST], 0);
	ck_assert_uint_eq(a->n_state[AGENT_JOINED], 1);
	world_free(w);
}
END_TEST

/* R2: 1,000 joins with 5 % or 50 % of packets flipping between two APs, 5 % lost. */
START_TEST(test_thousand_joins)
{
	unsigned i, n_joined = 0;

	for (i = 0; i < 1000; i++) {
		struct world *w = world_new(1000 * (uint64_t)_i + i);

		world_agent(w, 0);
		w->flip = _i ? 50 : 5;
		w->loss = 5;
		world_start_agent(w, 0);
		n_joined += world_await(w, 0, 0, AGENT_JOINED, 3 * SEC);
		world_free(w);
	}
	ck_assert_uint_eq(n_joined, 1000);
}
END_TEST

/* The join AP crashes: the next refresh makes another one take over. */
START_TEST(test_join_ap_crash)
{
	struct world *w = world_joined(8);
	bool known = _i;

	world_run(w, 1 * SEC);
	world_kill_ap(w, 0);
	w->nearest = 1;
	if (known)
		world_everybody_thinks(w, 0, PEER_DEAD);
	world_run(w, 15 * SEC);
	ck_assert_ptr_nonnull(world_live(w, 0, 0));
	ck_assert_int_eq(world_live(w, 0, 0)->ap, 1);
	ck_assert_uint_eq(joins_n_servers(w->ap[1].joins), 1);
	ck_assert_uint_eq(w->ap[1].env.counters.v[COUNTER_servers_adopted], 1);
	ck_assert(id_eq(&agent_ap(w->agent[0].agent, 0)->id, &w->ap[1].overlay.self.id));
	ck_assert_uint_eq(w->agent[0].n_state[AGENT_JOINED], 1);
	/* It is watched there. */
	world_kill_agent(w, 0);
	ck_assert(world_await_live(w, 0, false, 1 * SEC));
	world_free(w);
}
END_TEST

/* The join AP restarts and remembers nothing: it proves the server again. */
START_TEST(test_join_ap_restart)
{
	struct world *w = world_joined(9);

	world_kill_ap(w, 0);
	world_start_ap(w, 0);
	ck_assert_uint_eq(joins_n_servers(w->ap[0].joins), 0);
	world_run(w, 12 * SEC);
	ck_assert_uint_eq(joins_n_servers(w->ap[0].joins), 1);
	ck_assert_ptr_nonnull(world_live(w, 0, 0));
	ck_assert_uint_eq(w->agent[0].n_state[AGENT_JOINED], 1);
	world_free(w);
}
END_TEST

/* The owner and all copies lost the group: a refresh brings it back. */
START_TEST(test_owner_forgot)
{
	struct world *w = world_joined(10);

	memset(w->member, 0, sizeof(w->member));
	w->n_groups = 0;
	world_run(w, 12 * SEC);
	ck_assert_ptr_nonnull(world_live(w, 0, 0));
	ck_assert_uint_eq(w->agent[0].n_state[AGENT_LOST], 0);
	world_free(w);
}
END_TEST

/* Routing moved for good: three refreshes are passed on, then the join AP moves too. */
START_TEST(test_moved_for_good)
{
	struct world *w = world_joined(11);

	w->nearest = 2;
	world_run(w, 35 * SEC);
	ck_assert_int_eq(world_live(w, 0, 0)->ap, 0);
	ck_assert_uint_ge(world_count(w, refreshes_relayed), 3);
	world_run(w, 15 * SEC);
	ck_assert_int_eq(world_live(w, 0, 0)->ap, 2);
	/* The old one was told, and stopped probing. */
	ck_assert_uint_eq(joins_n_servers(w->ap[0].joins), 0);
	ck_assert_uint_eq(joins_n_servers(w->ap[2].joins), 1);
	ck_assert_uint_eq(world_count(w, servers_dead), 0);
	world_free(w);
}
END_TEST

/* An AP that is asked to leave through another one. */
START_TEST(test_leave_elsewhere)
{
	struct world *w = world_joined(12);

	w->nearest = 1;
	if (_i)
		world_kill_ap(w, 0);
	agent_leave(w->agent[0].agent);
	ck_assert(world_await(w, 0, 0, AGENT_LEFT, 900 * MSEC));
	ck_assert_ptr_null(world_live(w, 0, 0));
	ck_assert_uint_eq(world_count(w, leaves), 1);
	world_free(w);
}
END_TEST

/* No AP answers for longer than the lease: lost, and joined again when one does. */
START_TEST(test_lease_lost)
{
	struct world *w = world_joined(13);
	struct world_agent *a = &w->agent[0];

	w->loss = 100;
	ck_assert(world_await(w, 0, 0, AGENT_LOST, 31 * SEC));
	ck_assert_ptr_null(world_live(w, 0, 0));
	world_run(w, 60 * SEC);
	ck_assert_uint_eq(joins_n_servers(w->ap[0].joins), 0);
	w->loss = 0;
	ck_assert(world_await(w, 0, 0, AGENT_JOINED, 3 * SEC));
	ck_assert_ptr_nonnull(world_live(w, 0, 0));
	ck_assert_int_eq(a->last_err, PIAS_ETIMEOUT);
	world_free(w);
}
END_TEST

/* A server that crashes and starts again takes its membership back at once. */
START_TEST(test_server_restart)
{
	struct world *w = world_joined(14);

	world_kill_agent(w, 0);
	world_run(w, 100 * MSEC);
	world_start_agent(w, 0);
	ck_assert(world_await(w, 0, 0, AGENT_JOINED, 1 * SEC));
	ck_assert_uint_eq(joins_n_servers(w->ap[0].joins), 1);
	world_run(w, 60 * SEC);
	ck_assert_ptr_nonnull(world_live(w, 0, 0));
	ck_assert_uint_eq(w->agent[0].n_state[AGENT_LOST], 0);
	world_free(w);
}
END_TEST

/* Its clock went back an hour meanwhile: the refusal tells it where to go on. */
START_TEST(test_server_clock_back)
{
	struct world *w = world_joined(15);

	world_kill_agent(w, 0);
	w->agent[0].config.start -= 3600ULL * 1000000;
	world_start_agent(w, 0);
	ck_assert(world_await(w, 0, 0, AGENT_JOINED, 2 * SEC));
	ck_assert_int_eq(w->agent[0].last_err, PIAS_EREPLAY);
	ck_assert(!w->agent[0].last_final);
	ck_assert_ptr_nonnull(world_live(w, 0, 0));
	world_free(w);
}
END_TEST

/* Several groups are one search, one link, and separate leases. */
START_TEST(test_two_groups)
{
	struct world *w = world_new(16);
	struct agent_config *c = &world_agent(w, 0)->config;

	c->n_groups = 2;
	ck_assert_int_eq(group_name_parse("198.18.0.9", &c->group[1]), 0);
	world_start_agent(w, 0);
	ck_assert(world_await(w, 0, 0, AGENT_JOINED, 1 * SEC));
	ck_assert(world_await(w, 0, 1, AGENT_JOINED, 1 * SEC));
	ck_assert_uint_eq(w->n_links, 1);
	ck_assert_ptr_nonnull(world_live(w, 0, 1));
	world_run(w, 60 * SEC);
	ck_assert_ptr_nonnull(world_live(w, 0, 0));
	ck_assert_ptr_nonnull(world_live(w, 0, 1));
	agent_leave(w->agent[0].agent);
	world_run(w, 1 * SEC);
	ck_assert_ptr_null(world_live(w, 0, 0));
	ck_assert_ptr_null(world_live(w, 0, 1));
	world_free(w);
}
END_TEST

/* The link breaks while the rendezvous AP enters the server: nothing is left behind. */
START_TEST(test_server_gone_while_joining)
{
	struct world *w = world_new(17);

	world_agent(w, 0);
	world_start_agent(w, 0);
	while (!world_find(w, &w->agent[0].config.group[0], &w->agent[0].id))
		if (w->agent[0].is_up && w->ap[0].env.counters.v[COUNTER_joins] == 0 &&
		    w->n_links && w->ap[0].n_probes && w->last[MSG_SERVER_ECHO & 15].len)
			world_kill_agent(w, 0);
		else
			ck_assert(world_step(w, w->now + 5 * SEC));
	world_run(w, 5 * SEC);
	ck_assert_ptr_null(world_live(w, 0, 0));
	ck_assert_uint_eq(joins_n_servers(w->ap[0].joins), 0);
	world_free(w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("join");
	TCase *c = tcase_create("join");
	SRunner *r;
	int failed;

	tcase_add_test(c, test_join);
	tcase_add_test(c, test_lend);
	tcase_add_test(c, test_lease_is_kept);
	tcase_add_test(c, test_distance_is_put_right);
	tcase_add_test(c, test_leave);
	tcase_add_test(c, test_leave_unheard);
	tcase_add_loop_test(c, test_death, 0, 15);
	tcase_add_test(c, test_revival);
	tcase_add_test(c, test_loss_is_not_death);
	tcase_add_test(c, test_death_is_told_until_heard);
	tcase_add_loop_test(c, test_bad_network, 0, 42);
	tcase_add_loop_test(c, test_thousand_joins, 0, 2);
	tcase_add_loop_test(c, test_join_ap_crash, 0, 2);
	tcase_add_test(c, test_join_ap_restart);
	tcase_add_test(c, test_owner_forgot);
	tcase_add_test(c, test_moved_for_good);
	tcase_add_loop_test(c, test_leave_elsewhere, 0, 2);
	tcase_add_test(c, test_lease_lost);
	tcase_add_test(c, test_server_restart);
	tcase_add_test(c, test_server_clock_back);
	tcase_add_test(c, test_two_groups);
	tcase_add_test(c, test_server_gone_while_joining);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
