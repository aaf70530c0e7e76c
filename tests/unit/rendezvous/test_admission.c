/*
 * Refusals: every rule of PROTOCOL 6.3 by a JOIN that breaks it, with the error, the
 * words that reach the person, and whether trying again makes sense; and every limit.
 */
#include "tests/fixture/join_world.h"

static void refused(struct world *w, unsigned i, int err, const char *words,
		    bool is_final)
{
	struct world_agent *a = &w->agent[i];
	pias_time until = w->now + 20 * SEC;

	while (!a->n_refused)
		ck_assert(world_step(w, until));
	ck_assert_msg(a->last_err == err, "%s: %s", error_text(a->last_err), a->last_why);
	ck_assert_msg(strstr(a->last_why, words), "\"%s\" lacks \"%s\"", a->last_why,
		      words);
	ck_assert(a->last_final == is_final);
	ck_assert_int_ne(agent_group_state(a->agent, 0), AGENT_JOINED);
	ck_assert_ptr_null(world_live(w, i, 0));
	a->n_refused = 0;
}

struct broken {
	const char *group, *unicast, *words;
	int err;
	bool is_final;
	uint16_t port, mtu, probe_port;
	uint8_t encap;
};

static const struct broken broken[] = {
	{"198.19.0.1:53/udp", "10.0.0.1", "not within the anycast prefixes", PIAS_EDENIED,
	 true, 6080, 1500, 50000, ENCAP_GUE},
	{"198.18.0.1:7427/udp", "10.0.0.1", "reserved", PIAS_EDENIED, true, 6080, 1500,
	 50000, ENCAP_GUE},
	{"198.18.0.1:7427/tcp", "10.0.0.1", "reserved", PIAS_EDENIED, true, 6080, 1500,
	 50000, ENCAP_GUE},
	{"198.18.0.1:53/udp", "224.0.0.1", "not a unicast address", PIAS_EINVALID, true,
	 6080, 1500, 50000, ENCAP_GUE},
	{"198.18.0.1:53/udp", "127.0.0.1", "not a unicast address", PIAS_EINVALID, true,
	 6080, 1500, 50000, ENCAP_GUE},
	{"198.18.0.1:53/udp", "198.18.0.77", "anycast address", PIAS_EINVALID, true, 6080,
	 1500, 50000, ENCAP_GUE},
	{"198.18.0.1:53/udp", "192.0.2.1", "anycast proxy", PIAS_EINVALID, true, 6080,
	 1500, 50000, ENCAP_GUE},
	{"198.18.0.1:53/udp", "192.0.2.3", "anycast proxy", PIAS_EINVALID, true, 6080,
	 1500, 50000, ENCAP_GUE},
	{"198.18.0.1:53/udp", "10.0.0.1", "encapsulation", PIAS_EINVALID, true, 6080,
	 1500, 50000, 9},
	{"198.18.0.1:53/udp", "10.0.0.1", "GUE needs a UDP port", PIAS_EINVALID, true, 0,
	 1500, 50000, ENCAP_GUE},
	{"198.18.0.1:53/udp", "10.0.0.1", "MTU 575", PIAS_EINVALID, true, 6080, 575,
	 50000, ENCAP_GUE},
	{"198.18.0.1:53/udp", "10.0.0.1", "probes", PIAS_EINVALID, true, 6080, 1500, 0,
	 ENCAP_GUE},
	{"198.18.0.1:53/udp", "2001:db8::9", "no IPv6 address", PIAS_EUNREACH, false,
	 6080, 1500, 50000, ENCAP_GUE},
};

START_TEST(test_rule)
{
	struct world *w = world_new(1);
	const struct broken *b = &broken[_i];
	struct agent_config *c = &world_agent(w, 0)->config;

	ck_assert_int_eq(group_name_parse(b->group, &c->group[0]), 0);
	ck_assert_int_eq(addr_parse(b->unicast, b->port, &c->unicast), 0);
	c->mtu = b->mtu;
	c->probe_port[0] = b->probe_port;
	c->encap = b->encap;
	world_start_agent(w, 0);
	refused(w, 0, b->err, b->words, b->is_final);
	ck_assert_uint_eq(w->ap[0].n_probes, 0);
	ck_assert_uint_eq(world_count(w, joins_refused), 1);
	/* Final: it asks no more. */
	world_run(w, 60 * SEC);
	ck_assert(world_count(w, joins_refused) > 1 || b->is_final);
	ck_assert(world_count(w, joins_refused) == 1 || !b->is_final);
	world_free(w);
}
END_TEST

/* Who retires an AP may let its host serve: the address is challenged as any other. */
START_TEST(test_former_ap)
{
	static const enum peer_status gone[] = {PEER_LEFT, PEER_DEAD};
	struct world *w = world_new(1);
	struct agent_config *c = &world_agent(w, 0)->config;
	unsigned i;

	for (i = 0; i < WORLD_APS; i++)
		w->ap[i].overlay.status[2] = gone[_i];
	ck_assert_int_eq(addr_parse("192.0.2.3", 6080, &c->unicast), 0);
	world_start_agent(w, 0);
	refused(w, 0, PIAS_ETUNNEL, "no answer through the tunnel", false);
	ck_assert_uint_gt(w->ap[0].n_probes, 0);
	world_free(w);
}
END_TEST

START_TEST(test_no_group)
{
	struct world *w = world_new(2);

	world_agent(w, 0)->config.create = false;
	world_start_agent(w, 0);
	refused(w, 0, PIAS_ENOTFOUND, "stand-in", true);
	world_free(w);
}
END_TEST

/* What the rendezvous AP says reaches the person in its own words. */
START_TEST(test_owner_refuses)
{
	struct world *w = world_new(3);

	w->owner_err = _i ? PIAS_EFULL : PIAS_EINVALID;
	world_agent(w, 0);
	world_start_agent(w, 0);
	refused(w, 0, w->owner_err, "says the stand-in", !_i);
	ck_assert_uint_eq(joins_n_servers(w->ap[0].joins), 0);
	if (_i) {
		w->owner_err = 0;
		ck_assert(world_await(w, 0, 0, AGENT_JOINED, 2 * SEC));
	}
	world_free(w);
}
END_TEST

START_TEST(test_owner_silent)
{
	struct world *w = world_new(4);

	w->owner_is_silent = true;
	world_agent(w, 0);
	world_start_agent(w, 0);
	refused(w, 0, PIAS_ETIMEOUT, "", false);
	w->owner_is_silent = false;
	ck_assert(world_await(w, 0, 0, AGENT_JOINED, 2 * SEC));
	world_free(w);
}
END_TEST

/* A broken tunnel is explained, and tried three times a minute, no more. */
START_TEST(test_tunnel)
{
	struct world *w = world_new(5);
	pias_time start = w->now;

	world_agent(w, 0)->tunnel_ok = false;
	world_start_agent(w, 0);
	refused(w, 0, PIAS_ETUNNEL, "rp_filter", false);
	ck_assert_ptr_nonnull(strstr(w->agent[0].last_why, "10.0.0.1:6080"));
	ck_assert_ptr_nonnull(strstr(w->agent[0].last_why, "198.18.0.1 "));
	/* Loss or not? Again soon; then at leisure. */
	refused(w, 0, PIAS_ETUNNEL, "firewall", false);
	ck_assert_int_le(w->now - start, 4 * SEC); /* two challenges of 1.5 s */
	refused(w, 0, PIAS_ETUNNEL, "firewall", false);
	ck_assert_int_ge(w->now - start, 10 * SEC);
	refused(w, 0, PIAS_EBUSY, "3 times within a minute", false);
	ck_assert_uint_eq(w->ap[0].n_probes, 3 * 4);
	ck_assert_uint_eq(world_count(w, challenges_failed), 3);
	w->agent[0].tunnel_ok = true;
	ck_assert(world_await(w, 0, 0, AGENT_JOINED, start + 80 * SEC - w->now));
	ck_assert_int_ge(w->now - start, 60 * SEC);
	world_free(w);
}
END_TEST

/* Somebody else's address is never sent more than the challenge. */
START_TEST(test_claimed_address)
{
	struct world *w = world_new(6);
	struct world_agent *victim = world_agent(w, 1);

	ck_assert_int_eq(addr_parse("10.0.0.2", 6080, &victim->config.unicast), 0);
	world_agent(w, 0)->config.unicast = victim->config.unicast;
	world_start_agent(w, 0);
	refused(w, 0, PIAS_ETUNNEL, "10.0.0.2", false);
	world_run(w, 50 * SEC);
	ck_assert_uint_le(w->ap[0].n_probes, 12);
	ck_assert_ptr_null(world_live(w, 0, 0));
	world_free(w);
}
END_TEST

START_TEST(test_leaving_ap)
{
	struct world *w = world_new(7);

	joins_leave(w->ap[0].joins);
	world_agent(w, 0);
	world_start_agent(w, 0);
	refused(w, 0, PIAS_EBUSY, "shutting down", false);
	w->nearest = 1;
	ck_assert(world_await(w, 0, 0, AGENT_JOINED, 2 * SEC));
	world_free(w);
}
END_TEST

START_TEST(test_full)
{
	struct world *w = world_new(8);

	world_kill_ap(w, 0);
	w->config.max_servers = 1;
	world_start_ap(w, 0);
	world_agent(w, 0);
	world_start_agent(w, 0);
	ck_assert(world_await(w, 0, 0, AGENT_JOINED, 2 * SEC));
	world_agent(w, 1);
	world_start_agent(w, 1);
	refused(w, 1, PIAS_EFULL, "serves 1 servers", false);
	ck_assert_uint_eq(world_count(w, drop_server_full), 1);
	agent_leave(w->agent[0].agent);
	ck_assert(world_await(w, 1, 0, AGENT_JOINED, 3 * SEC));
	world_free(w);
}
END_TEST

/* Two hosts with one certificate: the second is told, the first is left alone. */
START_TEST(test_twin)
{
	struct world *w = world_joined(9);

	world_agent(w, 1)->id = w->agent[0].id;
	w->agent[1].config.start += 1000;
	world_start_agent(w, 1);
	while (!w->agent[1].n_refused)
		ck_assert(world_step(w, w->now + SEC));
	ck_assert_int_eq(w->agent[1].last_err, PIAS_EEXISTS);
	ck_assert_ptr_nonnull(strstr(w->agent[1].last_why, "certificate of its own"));
	ck_assert_ptr_nonnull(world_live(w, 0, 0));
	ck_assert(addr_eq(&world_live(w, 0, 0)->unicast, &w->agent[0].config.unicast));
	/* Until that one dies: then the key has moved, and may join. */
	world_kill_agent(w, 0);
	ck_assert(world_await(w, 1, 0, AGENT_JOINED, 20 * SEC));
	world_free(w);
}
END_TEST

/* The same at two APs: they do take it from each other, and say so. */
START_TEST(test_twin_elsewhere)
{
	struct world *w = world_joined(10);

	w->nearest = 1;
	world_agent(w, 1)->id = w->agent[0].id;
	w->agent[1].config.start += 1000;
	world_start_agent(w, 1);
	ck_assert(world_await(w, 1, 0, AGENT_JOINED, 2 * SEC));
	world_run(w, 12 * SEC);
	ck_assert_int_eq(w->agent[0].last_err, PIAS_EEXISTS);
	ck_assert_ptr_nonnull(strstr(w->agent[0].last_why, "certificate of its own"));
	world_free(w);
}
END_TEST

/* A link by hand */

static struct server_identity identity(void)
{
	struct server_identity who = {.name = "team\033[2J"};

	memset(who.id.b, 0xa0, ID_LEN);
	return who;
}

static struct world *with_link(struct server_join *j)
{
	struct world *w = world_new(11);
	struct server_identity who = identity();

	*j = (struct server_join){.create = true,
				  .policy = POLICY_NEAREST,
				  .encap = ENCAP_GUE,
				  .mtu = 1500,
				  .probe_port = 50000,
				  .seq = 1};
	ck_assert_int_eq(group_name_parse("198.18.0.1:53/udp", &j->group), 0);
	ck_assert_int_eq(addr_parse("10.0.0.1", 6080, &j->unicast), 0);
	ck_assert_int_eq(joins_on_link_up(w->ap[0].joins, 5, &who), 0);
	return w;
}

static int send_join(struct world *w, const struct server_join *j)
{
	uint8_t frame[SERVER_FRAME_MAX];
	size_t len = server_join_encode(frame, j);
	int err;

	w->ap[0].env.now = w->now;
	err = joins_on_frame(w->ap[0].joins, 5, frame, len);

	env_settle(&w->ap[0].env);
	return err;
}

/* As the HELLO of a host at 10.0.0.1 would get it. */
static void get_cookie(struct world *w, struct server_join *j)
{
	const struct addr from = {.family = ADDR_V4, .ip = {10, 0, 0, 1}};
	uint8_t hello[SERVER_HELLO_LEN], out[SERVER_COOKIE_MAX];
	struct server_cookie c = {.nonce = 3};
	struct server_hello h = {.nonce = 3};
	struct server_mark mark;
	size_t len;

	server_mark_init(&mark, "lab");
	server_hello_encode(hello, &h, &mark);
	len = hello_answer(&w->ap[0].joins->hello, &w->ap[0].env, &w->ap[0].overlay.self,
			   &from, hello, sizeof(hello), out);
	ck_assert_int_eq(server_cookie_decode(&c, out, len, &mark), 0);
	j->nonce = c.nonce;
	j->seen = c.seen;
	memcpy(j->cookie, c.cookie, sizeof(j->cookie));
}

START_TEST(test_no_cookie)
{
	struct server_join j;
	struct world *w = with_link(&j);

	ck_assert_int_eq(send_join(w, &j), 0);
	ck_assert_uint_eq(world_count(w, drop_hello_cookie), 1);
	ck_assert_uint_eq(world_count(w, joins_refused), 1);
	ck_assert_uint_eq(w->ap[0].n_probes, 0);
	ck_assert_uint_eq(w->ap[0].joins->servers.by_member.n, 0);
	world_free(w);
}
END_TEST

/* A link that speaks nonsense is closed; one that asks too much, too. */
START_TEST(test_bad_link)
{
	static const uint8_t nonsense[] = {0, 6, MSG_SERVER_ACCEPT, 0, 1, 2};
	struct server_join j;
	struct world *w = with_link(&j);
	struct server_identity who = identity();
	unsigned i;

	ck_assert_int_eq(joins_on_frame(w->ap[0].joins, 5, nonsense, sizeof(nonsense)),
			 PIAS_EMALFORMED);
	ck_assert_uint_eq(world_count(w, drop_message_malformed), 1);
	ck_assert_uint_eq(w->ap[0].joins->links.n, 0);
	ck_assert_int_eq(joins_on_link_up(w->ap[0].joins, 5, &who), 0);
	for (i = 0; i < SERVER_LINK_REQUESTS; i++) {
		j.unicast.ip[3] = (uint8_t)i; /* or it has failed too often */
		ck_assert_int_eq(send_join(w, &j), 0);
	}
	ck_assert_int_eq(send_join(w, &j), PIAS_EFULL);
	ck_assert_uint_eq(world_count(w, drop_join_limit), 1);
	ck_assert_uint_eq(w->ap[0].joins->links.n, 0);
	world_free(w);
}
END_TEST

/* One server leaves room for the others. */
START_TEST(test_links_of_one)
{
	struct server_join j;
	struct world *w = with_link(&j);
	struct server_identity who = identity();
	uint32_t i;

	joins_on_link_down(w->ap[0].joins, 5);
	for (i = 0; i < SERVER_LINKS_EACH; i++)
		ck_assert_int_eq(joins_on_link_up(w->ap[0].joins, i, &who), 0);
	ck_assert_int_eq(joins_on_link_up(w->ap[0].joins, i, &who), PIAS_EFULL);
	ck_assert_uint_eq(world_count(w, drop_join_limit), 1);
	who.id.b[0] ^= 1;
	ck_assert_int_eq(joins_on_link_up(w->ap[0].joins, i, &who), 0);
	joins_on_link_down(w->ap[0].joins, 0);
	who.id.b[0] ^= 1;
	ck_assert_int_eq(joins_on_link_up(w->ap[0].joins, 0, &who), 0);
	world_free(w);
}
END_TEST

/* Links that never ask for anything end by themselves, and there is a maximum. */
START_TEST(test_idle_links)
{
	struct server_join j;
	struct world *w = with_link(&j);
	struct server_identity who = identity();
	uint32_t i;

	joins_on_link_down(w->ap[0].joins, 5);
	for (i = 0; i < SERVER_LINKS_MAX; i++) {
		be32_put(who.id.b, i / SERVER_LINKS_EACH);
		ck_assert_int_eq(joins_on_link_up(w->ap[0].joins, i, &who), 0);
	}
	be32_put(who.id.b, i);
	ck_assert_int_eq(joins_on_link_up(w->ap[0].joins, i, &who), PIAS_EFULL);
	ck_assert_uint_eq(world_count(w, drop_join_limit), 1);
	for (i = 0; i < SERVER_LINKS_MAX / 2; i++)
		joins_on_link_down(w->ap[0].joins, i);
	ck_assert_uint_eq(w->ap[0].joins->links.n, SERVER_LINKS_MAX / 2);
	w->ap[0].env.now += SERVER_LINK_TIME - 1;
	env_run(&w->ap[0].env);
	ck_assert_uint_eq(w->ap[0].joins->links.n, SERVER_LINKS_MAX / 2);
	w->ap[0].env.now += 1;
	env_run(&w->ap[0].env);
	ck_assert_uint_eq(w->n_events, SERVER_LINKS_MAX / 2); /* that many closed */
	ck_assert_uint_eq(w->ap[0].joins->links.n, 0);
	world_free(w);
}
END_TEST

START_TEST(test_not_understood)
{
	uint8_t frame[SERVER_FRAME_MAX + 2];
	struct server_join j;
	struct world *w = with_link(&j);
	struct server_identity who = identity();
	size_t len;

	get_cookie(w, &j);
	len = server_join_encode(frame, &j);
	frame[len++] = 0x81;
	frame[len++] = 0;
	be16_put(frame, (uint16_t)len);
	ck_assert_int_eq(joins_on_frame(w->ap[0].joins, 5, frame, len), 0);
	ck_assert_uint_eq(world_count(w, joins_refused), 1);
	ck_assert_uint_eq(w->ap[0].n_probes, 0);
	/* The same without it is fine, and the name is made printable. */
	ck_assert_int_eq(send_join(w, &j), 0);
	ck_assert_uint_eq(w->ap[0].n_probes, 1);
	ck_assert_str_eq(
		server_find(&w->ap[0].joins->servers, &j.group, &who.id)->who.name,
		"team?[2J");
	world_free(w);
}
END_TEST

/*
 * A server that names a stranger's address, in as many groups as it can, or in one again
 * and again: he gets four challenges a minute, and one address is challenged at a time.
 */
START_TEST(test_reflection)
{
	struct server_join j;
	struct world *w = with_link(&j);
	unsigned i;

	get_cookie(w, &j);
	w->ap[0].joins->servers.max = 1000;
	for (i = 0; i < 100; i++) {
		j.group.port = (uint16_t)(1000 + i);
		j.unicast.ip[3] = (uint8_t)(i < 50 ? 66 : 67);
		ck_assert_int_eq(send_join(w, &j), 0);
	}
	ck_assert_uint_eq(w->ap[0].n_probes, 1);
	world_run(w, 1400 * MSEC);
	ck_assert_uint_eq(w->ap[0].n_probes, 4);
	ck_assert_uint_eq(world_count(w, joins_refused), 0);
	world_run(w, 200 * MSEC);
	ck_assert_uint_eq(world_count(w, joins_refused), 50);
	ck_assert_uint_eq(w->ap[0].n_probes, 5);
	world_run(w, 5 * SEC);
	ck_assert_uint_eq(world_count(w, joins_refused), 100);
	ck_assert_uint_eq(w->ap[0].n_probes, 8);
	for (i = 0; i < 150; i++) {
		ck_assert_int_eq(send_join(w, &j), 0);
		world_run(w, 100 * MSEC);
	}
	/* Two are given up for the next one, which makes three failures; the last is not.
	 */
	ck_assert_uint_eq(w->ap[0].n_probes, 8 + 1 + 1 + 4);
	ck_assert_uint_ge(world_count(w, drop_join_limit), 140);
	ck_assert_uint_eq(w->ap[0].joins->servers.by_member.n, 0);
	world_free(w);
}
END_TEST

/* What waits for its turn goes with its link, and there is a maximum. */
START_TEST(test_waiting)
{
	struct server_join j;
	struct world *w = with_link(&j);
	struct servers *servers = &w->ap[0].joins->servers;
	unsigned i;

	get_cookie(w, &j);
	servers->max = 1000;
	for (i = 0; i < TURN_WAITING_MAX + 11; i++) {
		j.group.port = (uint16_t)(1000 + i);
		ck_assert_int_eq(send_join(w, &j), 0);
	}
	ck_assert_uint_eq(servers->by_member.n, TURN_WAITING_MAX + 1);
	ck_assert_uint_eq(world_count(w, drop_join_limit), 10);
	joins_on_link_down(w->ap[0].joins, 5);
	ck_assert_uint_eq(servers->by_member.n, 1);
	world_run(w, 2 * SEC);
	ck_assert_uint_eq(servers->by_member.n, 0);
	ck_assert_uint_eq(w->ap[0].joins->turns.by_server.n, 0);
	world_free(w);
}
END_TEST

/* One answer, and all groups of that address are challenged together. */
START_TEST(test_many_groups)
{
	struct world *w = world_new(12);
	struct agent_config *c = &world_agent(w, 0)->config;
	unsigned i;

	c->n_groups = 8;
	for (i = 0; i < c->n_groups; i++) {
		c->group[i] = c->group[0];
		c->group[i].port = (uint16_t)(1000 + i);
		c->probe_port[i] = (uint16_t)(50000 + i);
	}
	world_start_agent(w, 0);
	for (i = 0; i < c->n_groups; i++)
		ck_assert(world_await(w, 0, i, AGENT_JOINED, 200 * MSEC));
	ck_assert_uint_eq(w->ap[0].joins->turns.by_server.n, 0);
	world_free(w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("admission");
	TCase *c = tcase_create("admission");
	SRunner *r;
	int failed;

	tcase_add_loop_test(c, test_rule, 0, 13);
	tcase_add_loop_test(c, test_former_ap, 0, 2);
	tcase_add_test(c, test_no_group);
	tcase_add_loop_test(c, test_owner_refuses, 0, 2);
	tcase_add_test(c, test_owner_silent);
	tcase_add_test(c, test_tunnel);
	tcase_add_test(c, test_claimed_address);
	tcase_add_test(c, test_leaving_ap);
	tcase_add_test(c, test_full);
	tcase_add_test(c, test_twin);
	tcase_add_test(c, test_twin_elsewhere);
	tcase_add_test(c, test_no_cookie);
	tcase_add_test(c, test_bad_link);
	tcase_add_test(c, test_links_of_one);
	tcase_add_test(c, test_idle_links);
	tcase_add_test(c, test_not_understood);
	tcase_add_test(c, test_reflection);
	tcase_add_test(c, test_waiting);
	tcase_add_test(c, test_many_groups);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
