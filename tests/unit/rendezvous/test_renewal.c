/*
 * LEASE datagrams in the hands of an adversary who can record, replay, cut and change
 * them, and ask any AP: no lease is made, prolonged, moved or ended by that.
 */
#include "tests/fixture/join_world.h"

/* Gives AP @ap a datagram as if @from sent it to the group's address. */
static void inject(struct world *w, unsigned ap, const struct world_event *e)
{
	struct addr to = addr_v4((const uint8_t[]){198, 18, 0, 1}, CONTROL_PORT);

	w->ap[ap].env.now = w->now;
	joins_on_datagram(w->ap[ap].joins, &e->from, &to, e->data, e->len);
	env_settle(&w->ap[ap].env);
}

/* The last LEASE that agent 0 sent, after a refresh at least. */
static struct world_event recorded(struct world *w)
{
	unsigned n = w->n_leases;

	while (w->n_leases == n)
		ck_assert(world_step(w, w->now + 20 * SEC));
	world_run(w, 200 * MSEC);
	return w->last[MSG_SERVER_LEASE & 15];
}

static struct world_member member(struct world *w)
{
	struct world_member *m =
		world_find(w, &w->agent[0].config.group[0], &w->agent[0].id);

	ck_assert_ptr_nonnull(m);
	return *m;
}

START_TEST(test_replay_at_join_ap)
{
	struct world *w = world_joined(1);
	struct world_event e = recorded(w);
	struct world_member before = member(w), after;
	uint64_t bytes = w->n_bytes_from_ap;
	unsigned i;

	for (i = 0; i < 10; i++)
		inject(w, 0, &e);
	ck_assert_uint_eq(world_count(w, drop_refresh_old), 10);
	ck_assert_uint_eq(w->n_bytes_from_ap, bytes);
	world_run(w, 100 * MSEC);
	after = member(w);
	ck_assert_uint_eq(after.seq, before.seq);
	ck_assert_int_eq(after.expires, before.expires);
	world_free(w);
}
END_TEST

/* At another AP it is passed on to the join AP, which has seen it. */
START_TEST(test_replay_elsewhere)
{
	struct world *w = world_joined(2);
	struct world_event e = recorded(w);
	struct world_member before = member(w), after;

	inject(w, 1, &e);
	world_run(w, 1 * SEC);
	ck_assert_uint_eq(world_count(w, refreshes_relayed), 1);
	ck_assert_uint_eq(world_count(w, drop_refresh_old), 1);
	after = member(w);
	ck_assert_int_eq(after.expires, before.expires);
	ck_assert_uint_eq(joins_n_servers(w->ap[1].joins), 0);
	world_free(w);
}
END_TEST

/* Even where the join AP is thought dead, it moves nothing: the seq is known. */
START_TEST(test_replay_at_adopter)
{
	struct world *w = world_joined(3);
	struct world_event old = recorded(w), e = recorded(w);
	struct world_member before = member(w), after;

	ck_assert(memcmp(old.data, e.data, old.len));
	world_everybody_thinks(w, 0, PEER_DEAD);
	inject(w, 1, &old);
	world_run(w, 2 * SEC);
	after = member(w);
	ck_assert_int_eq(after.ap, 0);
	ck_assert_int_eq(after.expires, before.expires);
	ck_assert_uint_eq(joins_n_servers(w->ap[1].joins), 0);
	ck_assert_uint_eq(joins_n_servers(w->ap[0].joins), 1);
	ck_assert_uint_eq(w->agent[0].n_state[AGENT_LOST], 0);
	world_free(w);
}
END_TEST

/* After a leave, even one that everybody has forgotten, nothing comes back. */
START_TEST(test_replay_after_leave)
{
	struct world *w = world_joined(4);
	struct world_event e = recorded(w);
	unsigned i;

	agent_leave(w->agent[0].agent);
	ck_assert(world_await(w, 0, 0, AGENT_LEFT, 1 * SEC));
	world_run(w, 1 * SEC);
	if (_i) {
		memset(w->member, 0, sizeof(w->member));
		w->n_groups = 0;
	}
	for (i = 0; i < WORLD_APS; i++)
		inject(w, i, &e);
	world_run(w, 10 * SEC);
	ck_assert_ptr_null(world_live(w, 0, 0));
	for (i = 0; i < WORLD_APS; i++)
		ck_assert_uint_eq(w->ap[i].joins->servers.by_member.n, 0);
	world_free(w);
}
END_TEST

/* The leave of an earlier life does not end the next one, wherever it is played. */
START_TEST(test_replay_of_old_leave)
{
	struct world *w = world_joined(5);
	struct world_event e;
	unsigned i;

	agent_leave(w->agent[0].agent);
	world_run(w, 1 * SEC);
	e = w->last[MSG_SERVER_LEASE & 15];
	world_kill_agent(w, 0);
	world_start_agent(w, 0);
	ck_assert(world_await(w, 0, 0, AGENT_JOINED, 2 * SEC));
	if (_i) {
		world_kill_ap(w, 0);
		world_start_ap(w, 0);
	}
	for (i = 0; i < WORLD_APS; i++)
		inject(w, i, &e);
	world_run(w, 15 * SEC);
	ck_assert_ptr_nonnull(world_live(w, 0, 0));
	ck_assert_uint_eq(w->agent[0].n_state[AGENT_LOST], 0);
	world_free(w);
}
END_TEST

/* Every byte of it counts; cut or longer it is nothing. */
START_TEST(test_forged)
{
	struct world *w = world_joined(6);
	struct world_event good = recorded(w), e;
	struct world_member before = member(w), after;
	uint64_t bytes = w->n_bytes_from_ap, dropped;
	size_t i;

	be64_put(good.data + 1, be64_get(good.data + 1) + 5); /* news, but not sealed */
	for (i = 0; i < good.len; i++) {
		e = good;
		e.data[i] ^= 0x10;
		inject(w, (unsigned)i % WORLD_APS, &e);
		e = good;
		e.len = i;
		inject(w, (unsigned)i % WORLD_APS, &e);
	}
	e = good;
	e.len++;
	inject(w, 0, &e);
	inject(w, 0, &good);
	dropped = world_count(w, drop_ticket) + world_count(w, drop_server_datagram) +
		  world_count(w, drop_hello_mark) + world_count(w, drop_echo);
	ck_assert_uint_eq(dropped, 2 * good.len + 2);
	ck_assert_uint_eq(w->n_bytes_from_ap, bytes);
	world_run(w, 1 * SEC);
	after = member(w);
	ck_assert_uint_eq(after.seq, before.seq);
	world_free(w);
}
END_TEST

/* A server with a ticket of its own cannot speak for another one. */
START_TEST(test_other_servers_ticket)
{
	struct world *w = world_joined(7);
	struct world_event mine = recorded(w), e;
	struct server_lease l, forged;
	struct server_keys keys;
	struct aead *seal;
	uint8_t out[SERVER_LEASE_MAX];

	/* Ticket of agent 0, seal of somebody with another key. */
	ck_assert_int_eq(server_lease_decode(&l, mine.data, mine.len), 0);
	forged = (struct server_lease){.seq = l.seq + 100,
				       .ticket = l.ticket,
				       .ticket_len = l.ticket_len,
				       .op = SERVER_LEAVE};
	server_keys_init(&keys, (const uint8_t[SERVER_KEY_LEN]){0});
	seal = aead_new(AEAD_AES128GCM, keys.seal);
	e = mine;
	e.len = server_lease_encode(out, &forged, seal);
	memcpy(e.data, out, e.len);
	aead_free(seal);
	inject(w, 0, &e);
	ck_assert_uint_eq(world_count(w, drop_ticket), 1);
	world_run(w, 1 * SEC);
	ck_assert_ptr_nonnull(world_live(w, 0, 0));
	world_free(w);
}
END_TEST

/* Noise of every length and first byte: counted, never answered, no state. */
START_TEST(test_noise)
{
	struct world *w = world_joined(8);
	struct world_event e = {.from = w->agent[0].udp};
	uint64_t bytes = w->n_bytes_from_ap, before, after;
	unsigned i, n = 20000;

	before = world_count(w, drop_ticket) + world_count(w, drop_server_datagram) +
		 world_count(w, drop_hello_mark) + world_count(w, drop_echo);
	for (i = 0; i < n; i++) {
		e.len = world_random(w) % (SERVER_HELLO_LEN + 20);
		world_draw(w, e.data, e.len);
		if (e.len && i % 2)
			e.data[0] = (uint8_t)(MSG_SERVER_HELLO + i / 2 % 16);
		inject(w, i % WORLD_APS, &e);
	}
	after = world_count(w, drop_ticket) + world_count(w, drop_server_datagram) +
		world_count(w, drop_hello_mark) + world_count(w, drop_echo);
	ck_assert_uint_eq(after - before, n);
	ck_assert_uint_eq(w->n_bytes_from_ap, bytes);
	ck_assert_uint_eq(w->ap[1].joins->servers.by_member.n, 0);
	world_run(w, 20 * SEC);
	ck_assert_ptr_nonnull(world_live(w, 0, 0));
	world_free(w);
}
END_TEST

/* What another AP passes on: whole and with a source, or refused. */
START_TEST(test_relay_malformed)
{
	struct world *w = world_joined(9);
	struct world_event e = recorded(w);
	uint8_t body[2 * 19 + WORLD_DATA], *copy;
	struct contact from = w->ap[1].overlay.self;
	size_t len, head;
	struct wr wr;
	struct rd r;

	wr_init(&wr, body, sizeof(body));
	addr_write(&wr, &e.from);
	addr_write(&wr, &e.to);
	head = wr_len(&wr);
	wr_bytes(&wr, e.data, e.len);
	for (len = 0; len <= wr_len(&wr); len++) {
		copy = calloc(1, len ? len : 1);
		memcpy(copy, body, len);
		rd_init(&r, copy, len);
		ck_assert_int_eq(joins_on_relay(w->ap[0].joins, &from, &r),
				 len < head ? PIAS_EMALFORMED : 0);
		free(copy);
	}
	/* The whole one is the datagram that the join AP has seen already. */
	ck_assert_uint_eq(world_count(w, drop_refresh_old), 1);
	body[0] = ADDR_NONE;
	rd_init(&r, body, wr_len(&wr));
	ck_assert_int_eq(joins_on_relay(w->ap[0].joins, &from, &r), PIAS_EMALFORMED);
	world_free(w);
}
END_TEST

/* The rendezvous AP is away: no answer, the lease goes on, and is renewed later. */
START_TEST(test_owner_away)
{
	struct world *w = world_joined(10);

	world_run(w, 8 * SEC);
	w->owner_is_silent = true;
	world_run(w, 8 * SEC);
	ck_assert_int_eq(agent_group_state(w->agent[0].agent, 0), AGENT_JOINED);
	ck_assert_int_lt(agent_lease_left(w->agent[0].agent, 0), 15 * SEC);
	w->owner_is_silent = false;
	world_run(w, 5 * SEC);
	ck_assert_int_gt(agent_lease_left(w->agent[0].agent, 0), 20 * SEC);
	ck_assert_uint_eq(w->agent[0].n_state[AGENT_LOST], 0);
	world_free(w);
}
END_TEST

/* The rendezvous AP has no place for it any more: told, and joined again later. */
START_TEST(test_owner_refuses)
{
	struct world *w = world_joined(11);

	w->owner_err = PIAS_ENOMEM;
	ck_assert(world_await(w, 0, 0, AGENT_LOST, 12 * SEC));
	ck_assert_uint_eq(joins_n_servers(w->ap[0].joins), 0);
	w->owner_err = 0;
	ck_assert(world_await(w, 0, 0, AGENT_JOINED, 2 * SEC));
	ck_assert_ptr_nonnull(world_live(w, 0, 0));
	world_free(w);
}
END_TEST

/* A short lease is refreshed three times within it, and ends by itself. */
START_TEST(test_short_lease)
{
	struct world *w = world_new(12);

	world_agent(w, 0)->config.lease = 3 * SEC;
	world_start_agent(w, 0);
	ck_assert(world_await(w, 0, 0, AGENT_JOINED, 2 * SEC));
	ck_assert_int_eq(agent_lease_left(w->agent[0].agent, 0), 3 * SEC);
	world_run(w, 60 * SEC);
	ck_assert_ptr_nonnull(world_live(w, 0, 0));
	ck_assert_uint_ge(world_count(w, refreshes), 52);
	ck_assert_uint_le(world_count(w, refreshes), 70);
	world_kill_agent(w, 0);
	world_run(w, 4 * SEC);
	ck_assert_uint_eq(w->ap[0].joins->servers.by_member.n, 0);
	world_free(w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("renewal");
	TCase *c = tcase_create("renewal");
	SRunner *r;
	int failed;

	tcase_add_test(c, test_replay_at_join_ap);
	tcase_add_test(c, test_replay_elsewhere);
	tcase_add_test(c, test_replay_at_adopter);
	tcase_add_loop_test(c, test_replay_after_leave, 0, 2);
	tcase_add_loop_test(c, test_replay_of_old_leave, 0, 2);
	tcase_add_test(c, test_forged);
	tcase_add_test(c, test_other_servers_ticket);
	tcase_add_test(c, test_noise);
	tcase_add_test(c, test_relay_malformed);
	tcase_add_test(c, test_owner_away);
	tcase_add_test(c, test_owner_refuses);
	tcase_add_test(c, test_short_lease);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
