/* The AP put together: who gets what, when it is ready, and that every door settles. */
#include "tests/fixture/ap.h"

#include "forwarder/proxy.h"
#include "tests/fixture/suite.h"

/* What the fakes were called for, in order, as one letter each. */
static char calls[100];
static const struct overlay_ops *overlay_ops;
static const struct rendezvous_ops *rendezvous_ops;
static void *overlay_ctx, *rendezvous_ctx;
static bool is_joined, is_ready, no_overlay, no_rendezvous;
static int answer, n_wakes;
static pias_time woken_at;
static struct server_identity server;
static struct proxy p;

static void call(char c)
{
	size_t n = strlen(calls);

	ck_assert_uint_lt(n + 1, sizeof(calls));
	calls[n] = c;
	calls[n + 1] = '\0';
}

static void expect(const char *want)
{
	ck_assert_str_eq(calls, want);
	calls[0] = '\0';
}

/* The layers below */

static char a_layer;

struct overlay *overlay_new(struct env *env, const struct overlay_config *config,
			    const struct overlay_ops *ops, void *ctx)
{
	overlay_ops = ops;
	overlay_ctx = ctx;
	return no_overlay ? NULL : (struct overlay *)&a_layer;
}

void overlay_free(struct overlay *o)
{
	call('o');
}

void overlay_start(struct overlay *o)
{
	call('s');
}

void overlay_leave(struct overlay *o)
{
	call('L');
}

bool overlay_is_joined(const struct overlay *o)
{
	return is_joined;
}

int overlay_on_link_up(struct overlay *o, uint32_t link, const struct id *peer,
		       bool dialed, const uint8_t key[OVERLAY_LINK_KEY_LEN])
{
	call('u');
	return answer;
}

int overlay_on_frame(struct overlay *o, uint32_t link, const uint8_t *frame, size_t len)
{
	call('f');
	return answer;
}

void overlay_on_link_down(struct overlay *o, uint32_t link)
{
	call('d');
}

void overlay_on_dial_failed(struct overlay *o, const struct id *id,
			    const struct addr addr[2], int why)
{
	call('x');
}

void overlay_on_datagram(struct overlay *o, const struct addr *from, const uint8_t *data,
			 size_t len)
{
	call('g');
}

struct rendezvous *rendezvous_new(struct env *env, struct overlay *overlay,
				  const struct rendezvous_config *config,
				  const struct rendezvous_ops *ops, void *ctx)
{
	rendezvous_ops = ops;
	rendezvous_ctx = ctx;
	return no_rendezvous ? NULL : (struct rendezvous *)&a_layer;
}

void rendezvous_free(struct rendezvous *rv)
{
	call('r');
}

void rendezvous_leave(struct rendezvous *rv)
{
	call('l');
}

bool rendezvous_is_ready(const struct rendezvous *rv)
{
	return is_ready;
}

int rendezvous_on_message(struct rendezvous *rv, const struct contact *from, uint8_t type,
			  struct rd *body)
{
	call('m');
	return answer;
}

void rendezvous_on_range_changed(struct rendezvous *rv)
{
	call('1');
}

void rendezvous_on_successors_changed(struct rendezvous *rv)
{
	call('2');
}

void rendezvous_on_peer_changed(struct rendezvous *rv, const struct contact *peer,
				enum peer_status now)
{
	call('3');
}

int rendezvous_on_server_up(struct rendezvous *rv, uint32_t link,
			    const struct server_identity *who)
{
	call('U');
	server = *who;
	return answer;
}

int rendezvous_on_server_frame(struct rendezvous *rv, uint32_t link, const uint8_t *frame,
			       size_t len)
{
	call('F');
	return answer;
}

void rendezvous_on_server_down(struct rendezvous *rv, uint32_t link)
{
	call('D');
}

/* The host */

static void on_ready(void *ctx, bool ready)
{
	call(ready ? 'R' : 'W');
}

static void on_join_failed(void *ctx, int err, const char *why)
{
	ck_assert_int_eq(err, PIAS_ERING);
	ck_assert_str_eq(why, "because");
	call('J');
}

static const struct proxy_ops ops = {on_ready, on_join_failed};

static void wake(void *host, pias_time at)
{
	n_wakes++;
	woken_at = at;
}

static const struct env_ops env_ops = {
	.tunnel = host_tunnel,
	.emit = host_emit,
	.random = host_random,
	.wake = wake,
};

static struct proxy_config config(void)
{
	struct proxy_config c = {.forward = {.max_flows = 64, .mtu = 1500}};

	ck_assert_int_eq(prefix_parse("198.18.0.0/24", &c.forward.prefix[0]), 0);
	c.forward.n_prefixes = 1;
	ck_assert_int_eq(addr_parse("192.0.2.1", 7427, &c.forward.self[0]), 0);
	return c;
}

static void setup(void)
{
	struct proxy_config c = config();

	memset(&ap, 0, sizeof(ap));
	env_init(&ap.env, &env_ops, NULL);
	ap.env.now = 1000 * SEC;
	ap.exact = ap.wide = SELECT_NOT_OURS;
	ck_assert_int_eq(proxy_init(&p, &ap.env, &c, &ops, NULL), 0);
	ap.f = p.forward;
	expect("");
}

static void teardown(void)
{
	proxy_fini(&p);
	ap_forget();
	env_fini(&ap.env);
}

static void run_until(pias_time t)
{
	while (woken_at <= t) {
		ap.env.now = woken_at;
		proxy_on_wake(&p);
	}
	ap.env.now = t;
}

/* Tests */

START_TEST(test_no_memory)
{
	struct proxy_config c = config();

	teardown();
	calls[0] = '\0';
	env_init(&ap.env, &env_ops, NULL);
	no_overlay = true;
	ck_assert_int_eq(proxy_init(&p, &ap.env, &c, &ops, NULL), PIAS_ENOMEM);
	expect("");
	no_overlay = false;
	no_rendezvous = true;
	ck_assert_int_eq(proxy_init(&p, &ap.env, &c, &ops, NULL), PIAS_ENOMEM);
	expect("o");
	env_fini(&ap.env);
	no_rendezvous = false;
	setup();
}
END_TEST

START_TEST(test_ready)
{
	proxy_start(&p);
	expect("s");
	run_until(1001 * SEC);
	expect("");
	is_joined = true;
	overlay_ops->joined(overlay_ctx);
	env_settle(&ap.env);
	run_until(1002 * SEC);
	expect(""); /* joined, but what we own has not come yet */
	is_ready = true;
	run_until(1003 * SEC);
	expect("R");
	ck_assert(p.is_ready);
	is_ready = false; /* a range that moves later withdraws nothing */
	run_until(1004 * SEC);
	expect("");
	ck_assert(p.is_ready);
}
END_TEST

/* Ready in the step after the join, not a period later. */
START_TEST(test_ready_at_once)
{
	proxy_start(&p);
	is_joined = is_ready = true;
	overlay_ops->joined(overlay_ctx);
	proxy_settle(&p);
	ck_assert_int_eq(woken_at, ap.env.now);
	proxy_on_wake(&p);
	expect("sR");
	ck_assert_int_eq(woken_at, PIAS_NEVER); /* and nothing is polled any more */
}
END_TEST

START_TEST(test_leave)
{
	proxy_start(&p);
	if (_i) {
		is_joined = is_ready = true;
		run_until(1001 * SEC);
		expect("sR");
	} else {
		expect("s");
	}
	proxy_leave(&p);
	expect(_i ? "lW" : "l");
	rendezvous_ops->left(rendezvous_ctx); /* all is handed over */
	expect("L");
	proxy_leave(&p);
	expect("");
	is_joined = is_ready = true;
	overlay_ops->joined(overlay_ctx);
	proxy_settle(&p);
	run_until(1002 * SEC);
	expect(""); /* never ready again */
}
END_TEST

START_TEST(test_links)
{
	struct peer_identity who = {.kind = PEER_KIND_AP};
	const uint8_t key[OVERLAY_LINK_KEY_LEN] = {0};
	struct addr none[2] = {{0}, {0}};

	answer = PIAS_EFULL;
	ck_assert_int_eq(proxy_on_link_up(&p, 1, &who, true, key), PIAS_EFULL);
	ck_assert_int_eq(proxy_on_frame(&p, 1, PEER_KIND_AP, NULL, 0), PIAS_EFULL);
	proxy_on_link_down(&p, 1, PEER_KIND_AP);
	proxy_on_dial_failed(&p, &who.id, none, PIAS_ETIMEOUT);
	expect("ufdx");
	who.kind = PEER_KIND_SERVER;
	who.id = ap_id(7);
	who.from = ip_addr("192.0.2.9");
	strcpy(who.name, "somebody");
	ck_assert_int_eq(proxy_on_link_up(&p, 1, &who, false, key), PIAS_EFULL);
	ck_assert_int_eq(proxy_on_frame(&p, 1, PEER_KIND_SERVER, NULL, 0), PIAS_EFULL);
	proxy_on_link_down(&p, 1, PEER_KIND_SERVER);
	expect("UFD");
	ck_assert(id_eq(&server.id, &who.id));
	ck_assert_str_eq(server.name, "somebody");
	ck_assert(addr_eq(&server.from, &who.from));
}
END_TEST

START_TEST(test_datagrams)
{
	static const struct {
		uint8_t first;
		size_t len;
		const char *want;
	} t[] = {{1, 20, "g"},	 {0xa0, 20, "c"}, {0xff, 1, "c"}, {0, 20, ""},
		 {0x9f, 20, ""}, {0x40, 20, ""},  {1, 0, ""}};
	struct addr from = ip_addr("192.0.2.9"), to = ip_addr("192.0.2.1");
	uint8_t data[20] = {t[_i].first};

	proxy_on_datagram(&p, &from, &to, data, t[_i].len);
	if (ap_count(CONTROL))
		call('c');
	expect(t[_i].want);
	ck_assert_uint_eq(ap_counter(drop_datagram_malformed), !*t[_i].want);
}
END_TEST

START_TEST(test_messages)
{
	struct contact from = {.id = ap_id(3)};
	struct rd r;

	rd_init(&r, "", 0);
	answer = PIAS_EMALFORMED;
	ck_assert_int_eq(overlay_ops->message(overlay_ctx, &from, 0x40, &r),
			 PIAS_EMALFORMED);
	ck_assert_int_eq(overlay_ops->message(overlay_ctx, &from, 0x7f, &r),
			 PIAS_EMALFORMED);
	expect("mm");
	ck_assert_int_eq(overlay_ops->message(overlay_ctx, &from, MSG_WRAPPED, &r),
			 PIAS_EMALFORMED);
	ck_assert_uint_eq(ap_counter(drop_message_unknown), 0);
	ck_assert_int_eq(overlay_ops->message(overlay_ctx, &from, 0xa0, &r), 0);
	ck_assert_uint_eq(ap_counter(drop_message_unknown), 1);
	expect("");
}
END_TEST

START_TEST(test_wires)
{
	struct group_name g = ap_name("198.18.0.1:53/udp");
	struct target t = ap_target(1, "203.0.113.1", ENCAP_IPIP);
	struct addr from = ip_addr("198.18.0.1:7427"), to = ip_addr("192.0.2.9:1");
	struct ip_spec s = {.family = 4, .src = "192.0.2.9", .dst = "198.18.0.1"};
	struct contact peer = {.id = ap_id(3)};
	struct route *r = route_new(&g, 1, 1);
	struct packet_in in = {0};
	uint8_t buf[100];

	overlay_ops->range_changed(overlay_ctx);
	overlay_ops->successors_changed(overlay_ctx);
	overlay_ops->peer_changed(overlay_ctx, &peer, PEER_DEAD);
	overlay_ops->join_failed(overlay_ctx, PIAS_ERING, "because");
	expect("123J");
	rendezvous_ops->answer(rendezvous_ctx, &from, &to, "x", 1);
	ap_only(EMIT);
	rendezvous_ops->tunnel_control(rendezvous_ctx, &t, &g, 4000, "x", 1);
	ap_only(TUNNEL);
	ap_forget();
	r->version = 1;
	r->target[0] = t;
	ck_assert_int_eq(rendezvous_ops->route(rendezvous_ctx, &g, r), 0);
	in.data = buf;
	in.len = ip_udp(buf, &s, 1000, 53, 10);
	proxy_on_packet(&p, &in);
	ck_assert(addr_eq(&ap_only(TUNNEL)->tunnel.to, &t.to));
	ap_forget();
	ck_assert_int_eq(rendezvous_ops->route(rendezvous_ctx, &g, NULL), 0);
	proxy_on_packet(&p, &in);
	ck_assert_int_eq(ap_count(TUNNEL), 0);
}
END_TEST

static void tick(void *ctx)
{
}

/* Whichever door a step comes in by, a timer armed in it reaches the host. */
START_TEST(test_settle)
{
	struct peer_identity who = {.kind = PEER_KIND_AP};
	const uint8_t key[OVERLAY_LINK_KEY_LEN] = {0};
	struct addr from = ip_addr("192.0.2.9"), none[2] = {{0}, {0}};
	struct timer t;

	answer = 0;
	timer_init(&t, tick, NULL);
	timer_set(&ap.env.timers, &t, ap.env.now + 5 * SEC - _i);
	switch (_i) {
	case 0:
		ck_assert_int_eq(proxy_on_link_up(&p, 1, &who, true, key), 0);
		break;
	case 1:
		ck_assert_int_eq(proxy_on_frame(&p, 1, PEER_KIND_AP, NULL, 0), 0);
		break;
	case 2:
		proxy_on_link_down(&p, 1, PEER_KIND_AP);
		break;
	case 3:
		proxy_on_dial_failed(&p, &who.id, none, PIAS_ETIMEOUT);
		break;
	case 4:
		proxy_on_datagram(&p, &from, &from, key, 1);
		break;
	case 5:
		proxy_settle(&p);
		break;
	case 6:
		proxy_on_wake(&p);
		break;
	default:
		proxy_leave(&p);
	}
	ck_assert_int_eq(n_wakes, 1);
	ck_assert_int_eq(woken_at, ap.env.now + 5 * SEC - _i);
	timer_stop(&ap.env.timers, &t);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_no_memory);
	tcase_add_test(c, test_ready);
	tcase_add_test(c, test_ready_at_once);
	tcase_add_loop_test(c, test_leave, 0, 2);
	tcase_add_test(c, test_links);
	tcase_add_loop_test(c, test_datagrams, 0, 7);
	tcase_add_test(c, test_messages);
	tcase_add_test(c, test_wires);
	tcase_add_loop_test(c, test_settle, 0, 8);
}

int main(void)
{
	return suite_main("proxy", fill);
}
