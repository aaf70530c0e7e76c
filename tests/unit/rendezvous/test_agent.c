/*
 * The server's side: what the person is told when it does not work, that it tries on
 * when that makes sense and stops when not, and that it believes and answers nobody
 * but the AP it deals with.
 */
#include "tests/fixture/join_world.h"

static void to_agent(struct world *w, const uint8_t *data, size_t len)
{
	struct world_agent *a = &w->agent[0];

	a->env.now = w->now;
	agent_on_datagram(a->agent, &w->ap[0].overlay.self.addr[0], data, len);
	env_settle(&a->env);
}

static void probe_agent(struct world *w, const uint8_t *data, size_t len)
{
	struct world_agent *a = &w->agent[0];

	a->env.now = w->now;
	agent_on_probe(a->agent, 0, &w->ap[0].overlay.self.addr[0], data, len);
	env_settle(&a->env);
}

static bool await_words(struct world *w, const char *words, pias_time patience)
{
	pias_time until = w->now + patience;

	while (!strstr(w->agent[0].last_why, words))
		if (!world_step(w, until))
			return false;
	return true;
}

START_TEST(test_states_in_order)
{
	struct world *w = world_joined(1);
	struct world_agent *a = &w->agent[0];

	ck_assert_uint_eq(a->n_state[AGENT_HELLO], 1);
	ck_assert_uint_eq(a->n_state[AGENT_LINK], 1);
	ck_assert_uint_eq(a->n_state[AGENT_PROVE], 1);
	ck_assert_uint_eq(a->n_state[AGENT_JOINED], 1);
	ck_assert_uint_eq(a->n_refused, 0);
	agent_leave(a->agent);
	agent_leave(a->agent);
	world_run(w, 2 * SEC);
	ck_assert_uint_eq(a->n_state[AGENT_LEFT], 1);
	ck_assert_int_eq(timers_next(&a->env.timers), PIAS_NEVER);
	ck_assert_ptr_null(agent_ap(a->agent, 0));
	ck_assert_int_eq(agent_lease_left(a->agent, 0), 0);
	world_free(w);
}
END_TEST

/* Leaving while it still searches, dials or proves ends everything, at once. */
START_TEST(test_leave_early)
{
	static const enum agent_state at[] = {AGENT_HELLO, AGENT_LINK, AGENT_PROVE,
					      AGENT_PROVE};
	struct world *w = world_new(2);

	world_agent(w, 0)->tunnel_ok = _i < 3;
	world_start_agent(w, 0);
	ck_assert(world_await(w, 0, 0, at[_i], 1 * SEC));
	w->agent[0].env.now = w->now;
	agent_leave(w->agent[0].agent);
	env_settle(&w->agent[0].env);
	ck_assert_int_eq(agent_group_state(w->agent[0].agent, 0), AGENT_LEFT);
	world_run(w, 10 * SEC);
	ck_assert_int_eq(agent_group_state(w->agent[0].agent, 0), AGENT_LEFT);
	ck_assert_ptr_null(world_live(w, 0, 0));
	ck_assert_uint_eq(w->ap[0].joins->servers.by_member.n, 0);
	ck_assert_int_eq(timers_next(&w->agent[0].env.timers), PIAS_NEVER);
	world_free(w);
}
END_TEST

/* Another ring, or no AP at all: silence, which is said after a while. */
START_TEST(test_nobody_answers)
{
	struct world *w = world_new(3);
	uint64_t bytes;

	strcpy(world_agent(w, 0)->config.ring, "other");
	world_start_agent(w, 0);
	ck_assert(await_words(w, "no answer from an anycast proxy", 10 * SEC));
	ck_assert(!w->agent[0].last_final);
	ck_assert_int_eq(agent_group_state(w->agent[0].agent, 0), AGENT_HELLO);
	ck_assert_uint_ge(world_count(w, drop_hello_mark), 5);
	ck_assert_uint_eq(w->n_bytes_from_ap, 0);
	/* Said once, and asked every two seconds. */
	w->agent[0].n_refused = 0;
	bytes = w->n_bytes_to_ap;
	world_run(w, 60 * SEC);
	ck_assert_uint_eq(w->agent[0].n_refused, 0);
	ck_assert_uint_ge((w->n_bytes_to_ap - bytes) / SERVER_HELLO_LEN, 26);
	ck_assert_uint_le((w->n_bytes_to_ap - bytes) / SERVER_HELLO_LEN, 35);
	world_free(w);
}
END_TEST

/* The AP's TCP port is unreachable, or TLS fails: the host's words are passed on. */
START_TEST(test_dial_fails)
{
	struct world *w = world_new(4);

	world_agent(w, 0)->dial_refused = true;
	world_start_agent(w, 0);
	ck_assert(await_words(w, "connection refused", 1 * SEC));
	ck_assert_int_eq(w->agent[0].last_err, PIAS_EUNREACH);
	world_run(w, 60 * SEC);
	/* Ever more slowly: 250 ms, 500 ms ... 15 s. */
	ck_assert_uint_ge(w->agent[0].n_refused, 7);
	ck_assert_uint_le(w->agent[0].n_refused, 12);
	w->agent[0].dial_refused = false;
	ck_assert(world_await(w, 0, 0, AGENT_JOINED, 20 * SEC));
	world_free(w);
}
END_TEST

/* The AP closes the link without a word, as it does to a bad certificate. */
START_TEST(test_link_closed)
{
	struct world *w = world_new(5);
	uint32_t link;

	world_agent(w, 0)->tunnel_ok = false;
	world_start_agent(w, 0);
	ck_assert(world_await(w, 0, 0, AGENT_PROVE, 1 * SEC));
	link = w->n_links - 1;
	world_post(w, 0, EV_CLOSE_TO_AGENT)->link = link;
	ck_assert(await_words(w, "certificate", 100 * MSEC));
	ck_assert_int_eq(w->agent[0].last_err, PIAS_EUNREACH);
	w->agent[0].tunnel_ok = true;
	ck_assert(world_await(w, 0, 0, AGENT_JOINED, 2 * SEC));
	world_free(w);
}
END_TEST

/* Another AP answers at that address than the COOKIE named. */
START_TEST(test_wrong_ap)
{
	struct world *w = world_new(6);
	struct world_agent *a = world_agent(w, 0);
	struct id other;

	memset(other.b, 0x99, ID_LEN);
	world_start_agent(w, 0);
	ck_assert(world_await(w, 0, 0, AGENT_LINK, 1 * SEC));
	a->env.now = w->now;
	ck_assert_int_eq(agent_on_link_up(a->agent, 77, &other), PIAS_EAUTH);
	ck_assert_int_eq(a->last_err, PIAS_EAUTH);
	ck_assert_int_eq(agent_group_state(a->agent, 0), AGENT_IDLE);
	/* A link that nobody wants any more. */
	ck_assert_int_eq(agent_on_link_up(a->agent, 78, &other), PIAS_ESTATE);
	env_settle(&a->env);
	ck_assert(world_await(w, 0, 0, AGENT_JOINED, 2 * SEC));
	world_free(w);
}
END_TEST

/* Frames that make no sense end the link, and the search begins anew. */
START_TEST(test_bad_frames)
{
	static const uint8_t bad[][8] = {
		{0, 8, MSG_SERVER_ACCEPT, 0, 1, 2, 3, 4},
		{0, 8, MSG_SERVER_REFUSE, 0, 1, 2, 3, 4},
		{0, 8, MSG_SERVER_JOIN, 0, 1, 2, 3, 4},
		{0, 8, 0x01, 0, 1, 2, 3, 4},
	};
	struct world *w = world_new(7);
	struct world_agent *a = world_agent(w, 0);

	a->tunnel_ok = false;
	world_start_agent(w, 0);
	ck_assert(world_await(w, 0, 0, AGENT_PROVE, 1 * SEC));
	a->env.now = w->now;
	ck_assert_int_eq(agent_on_frame(a->agent, w->n_links - 1, bad[_i], 8),
			 PIAS_EMALFORMED);
	env_settle(&a->env);
	ck_assert_uint_eq(a->env.counters.v[COUNTER_drop_message_malformed], 1);
	ck_assert_int_eq(agent_group_state(a->agent, 0), AGENT_IDLE);
	/* Of a link that is not ours any more: nothing. */
	ck_assert_int_eq(agent_on_frame(a->agent, w->n_links - 1, bad[_i], 8), 0);
	a->tunnel_ok = true;
	ck_assert(world_await(w, 0, 0, AGENT_JOINED, 2 * SEC));
	world_free(w);
}
END_TEST

/* One of two groups is refused for good: the other one joins all the same. */
START_TEST(test_one_of_two)
{
	struct world *w = world_new(8);
	struct agent_config *c = &world_agent(w, 0)->config;

	c->n_groups = 2;
	ck_assert_int_eq(group_name_parse("198.19.0.1:53/udp", &c->group[1]), 0);
	world_start_agent(w, 0);
	ck_assert(world_await(w, 0, 0, AGENT_JOINED, 1 * SEC));
	ck_assert_int_eq(agent_group_state(w->agent[0].agent, 1), AGENT_IDLE);
	ck_assert(w->agent[0].last_final);
	world_run(w, 30 * SEC);
	ck_assert_uint_eq(w->agent[0].n_refused, 1);
	ck_assert_uint_eq(w->n_links, 1);
	world_free(w);
}
END_TEST

/* COOKIEs without the mark, with another nonce, or late. */
START_TEST(test_forged_cookie)
{
	struct world *w = world_new(9);
	struct server_cookie c = {.nonce = 1};
	uint8_t out[SERVER_COOKIE_MAX];
	struct server_mark mark, wrong;
	struct env *env = &world_agent(w, 0)->env;
	size_t len;

	server_mark_init(&mark, "lab");
	server_mark_init(&wrong, "bal");
	c.ap = w->ap[2].overlay.self;
	c.seen = w->agent[0].udp;
	world_start_agent(w, 0);
	len = server_cookie_encode(out, &c, &wrong);
	to_agent(w, out, len);
	ck_assert_uint_eq(env->counters.v[COUNTER_drop_server_datagram], 1);
	len = server_cookie_encode(out, &c, &mark);
	to_agent(w, out, len);
	ck_assert_uint_eq(env->counters.v[COUNTER_drop_hello_cookie], 1);
	c.ap = (struct contact){0}; /* nowhere to go to */
	len = server_cookie_encode(out, &c, &mark);
	to_agent(w, out, len);
	ck_assert_uint_eq(env->counters.v[COUNTER_drop_server_datagram], 2);
	ck_assert_int_eq(agent_group_state(w->agent[0].agent, 0), AGENT_HELLO);
	ck_assert(world_await(w, 0, 0, AGENT_JOINED, 1 * SEC));
	ck_assert(id_eq(&agent_ap(w->agent[0].agent, 0)->id, &w->ap[0].overlay.self.id));
	world_free(w);
}
END_TEST

/* Probes that the session's AP did not make get no echo. */
START_TEST(test_forged_probe)
{
	struct world *w = world_joined(10);
	struct server_probe p = {.session = 1, .stamp = 2, .token = 3};
	struct world_event *e;
	struct env *env = &w->agent[0].env;
	uint8_t out[SERVER_PROBE_MAX], key[SERVER_KEY_LEN] = {0};
	unsigned n_events;
	size_t len, k;

	p.reply = addr_v4((const uint8_t[]){203, 0, 113, 9}, 53);
	len = server_probe_encode(out, &p, key);
	probe_agent(w, out, len);
	ck_assert_uint_eq(env->counters.v[COUNTER_drop_seal_forged], 1);
	probe_agent(w, out, len - 1);
	probe_agent(w, out, 0);
	ck_assert_uint_eq(env->counters.v[COUNTER_drop_server_datagram], 2);
	/* A real one, with each byte changed. */
	while (w->n_events == 0 || w->event[w->n_events - 1]->kind != EV_PROBE)
		ck_assert(world_step(w, w->now + SEC));
	e = w->event[w->n_events - 1];
	n_events = w->n_events;
	for (k = 0; k < e->len; k++) {
		e->data[k] ^= 1;
		probe_agent(w, e->data, e->len);
		e->data[k] ^= 1;
	}
	ck_assert_uint_eq(w->n_events, n_events);
	probe_agent(w, e->data, e->len);
	ck_assert_uint_eq(w->n_events, n_events + 1);
	world_free(w);
}
END_TEST

/* ACKs: forged, unasked, or of an earlier refresh. */
START_TEST(test_forged_ack)
{
	struct world *w = world_joined(11);
	struct world_agent *a = &w->agent[0];
	struct server_ack ack = {.status = SERVER_ACK_UNKNOWN};
	uint8_t out[SERVER_ACK_MAX], nonce[SERVER_NONCE_LEN] = {0};
	struct server_keys keys;
	struct aead *seal;
	unsigned n = w->n_leases;
	size_t len;

	server_keys_init(&keys, (const uint8_t[SERVER_KEY_LEN]){0});
	seal = aead_new(AEAD_AES128GCM, keys.seal);
	while (w->n_leases == n)
		ck_assert(world_step(w, w->now + 20 * SEC));
	/* The very seq that is out, under another key. */
	ack.seq = be64_get(w->last[MSG_SERVER_LEASE & 15].data + 1);
	len = server_ack_encode(out, &ack, nonce, seal);
	aead_free(seal);
	to_agent(w, out, len);
	ck_assert_uint_eq(a->env.counters.v[COUNTER_drop_seal_forged], 1);
	ck_assert_int_eq(agent_group_state(a->agent, 0), AGENT_JOINED);
	world_run(w, 1 * SEC);
	/* Nothing is out now. */
	to_agent(w, out, len);
	to_agent(w, out, 8);
	ck_assert_uint_eq(a->env.counters.v[COUNTER_drop_server_datagram], 2);
	ck_assert_int_eq(agent_group_state(a->agent, 0), AGENT_JOINED);
	world_free(w);
}
END_TEST

START_TEST(test_noise)
{
	struct world *w = world_joined(12);
	struct world_agent *a = &w->agent[0];
	uint8_t data[WORLD_DATA];
	unsigned i, n_events = w->n_events;
	size_t len;

	for (i = 0; i < 20000; i++) {
		len = world_random(w) % 300;
		world_draw(w, data, len);
		if (len && i % 2)
			data[0] = (uint8_t)(MSG_SERVER_HELLO + i / 2 % 16);
		if (i % 4 < 2)
			to_agent(w, data, len);
		else
			probe_agent(w, data, len);
	}
	ck_assert_uint_eq(w->n_events, n_events);
	ck_assert_uint_eq(a->env.counters.v[COUNTER_drop_server_datagram] +
				  a->env.counters.v[COUNTER_drop_seal_forged],
			  20000);
	world_run(w, 20 * SEC);
	ck_assert_ptr_nonnull(world_live(w, 0, 0));
	world_free(w);
}
END_TEST

/* Same seed, same everything: the trace of a bad network repeats itself. */
START_TEST(test_deterministic)
{
	uint64_t sum[2];
	unsigned i, c;

	for (i = 0; i < 2; i++) {
		struct world *w = world_new(13);

		w->flip = 50;
		w->loss = w->late = w->twice = 10;
		world_agent(w, 0);
		world_agent(w, 1);
		world_start_agent(w, 0);
		world_start_agent(w, 1);
		world_run(w, 300 * SEC);
		sum[i] = w->random;
		for (c = 0; c < N_COUNTERS; c++)
			sum[i] = sum[i] * 31 + world_counter(w, c);
		world_free(w);
	}
	ck_assert_uint_eq(sum[0], sum[1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("agent");
	TCase *c = tcase_create("agent");
	SRunner *r;
	int failed;

	tcase_add_test(c, test_states_in_order);
	tcase_add_loop_test(c, test_leave_early, 0, 4);
	tcase_add_test(c, test_nobody_answers);
	tcase_add_test(c, test_dial_fails);
	tcase_add_test(c, test_link_closed);
	tcase_add_test(c, test_wrong_ap);
	tcase_add_loop_test(c, test_bad_frames, 0, 4);
	tcase_add_test(c, test_one_of_two);
	tcase_add_test(c, test_forged_cookie);
	tcase_add_test(c, test_forged_probe);
	tcase_add_test(c, test_forged_ack);
	tcase_add_test(c, test_noise);
	tcase_add_test(c, test_deterministic);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
