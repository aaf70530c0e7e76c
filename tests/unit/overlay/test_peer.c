/*
 * Links and what is sent over them: dialing on demand, HELLO and refusals, two dials
 * at once, drains and idle ends, backoff, seeds, and every datagram that must not pass.
 */
#include <stdio.h>

#include "overlay/base/frame.h"
#include "overlay/link.h"
#include "overlay/message.h"
#include "overlay/session.h"
#include "tests/fixture/peernet.h"
#include "tests/fixture/suite.h"

/* Dialing and sending */

START_TEST(test_dial_on_demand)
{
	struct net *net = net_new(2);

	ck_assert(!net_is_linked(net, 0, 1));
	ck_assert_int_eq(net_send(net, 0, 1, 0x41, "hello"), 0);
	ck_assert_int_eq(net_send_datagram(net, 0, 1, 0x42, "world"), 0);
	ck_assert_int_eq(net_send(net, 0, 1, 0x43, ""), 0);
	net_pass(net, SEC);
	ck_assert_uint_eq(net->node[0].n_dials, 1);
	ck_assert(net_is_linked(net, 0, 1) && net_is_linked(net, 1, 0));
	ck_assert_uint_eq(net->node[1].n_rx, 3);
	ck_assert(net->node[1].rx[0].type == 0x41 && !net->node[1].rx[0].is_datagram);
	ck_assert_mem_eq(net->node[1].rx[0].head, "hello", 5);
	ck_assert(net->node[1].rx[1].type == 0x42 && net->node[1].rx[1].is_datagram);
	ck_assert_uint_eq(net->node[1].rx[1].len, 5);
	ck_assert_uint_eq(net->node[1].rx[2].len, 0);
	ck_assert(id_eq(&net->node[1].rx[0].from, &net->node[0].self.id));
	ck_assert_uint_eq(net->node[1].up_incarnation, 1000);
	/* And back, without another dial. */
	ck_assert_int_eq(net_send_datagram(net, 1, 0, 0x44, "x"), 0);
	ck_assert_int_eq(net_send(net, 1, 0, 0x45, "y"), 0);
	net_pass(net, SEC);
	ck_assert_uint_eq(net->node[0].n_rx, 2);
	ck_assert_uint_eq(net->node[1].n_dials, 0);
	ck_assert_uint_eq(NET_COUNT(net, 0, links_up), 1);
	ck_assert_uint_eq(NET_COUNT(net, 0, datagrams_in), 1);
	ck_assert_uint_eq(NET_COUNT(net, 0, datagrams_out), 1);
	net_free(net);
}
END_TEST

START_TEST(test_waiting_is_bounded)
{
	static uint8_t big[FRAME_BODY_MAX];
	struct net *net = net_new(3);
	struct node *n = &net->node[0];
	int i;

	for (i = 0; i < OUTBOX_MESSAGES; i++)
		ck_assert_int_eq(net_send(net, 0, 1, 0x41, "m"), 0);
	ck_assert_int_eq(net_send(net, 0, 1, 0x41, "m"), PIAS_EFULL);
	for (i = 0; i < OUTBOX_DATAGRAMS; i++)
		ck_assert_int_eq(net_send_datagram(net, 0, 1, 0x42, "d"), 0);
	ck_assert_int_eq(net_send_datagram(net, 0, 1, 0x42, "d"), PIAS_EFULL);
	for (i = 0; i < 4; i++)
		ck_assert_int_eq(peers_send(n->peers, &net->node[2].self, 0x43, big,
					    FRAME_BODY_MAX),
				 0);
	ck_assert_int_eq(peers_send(n->peers, &net->node[2].self, 0x43, big, 60000),
			 PIAS_EFULL);
	ck_assert_uint_eq(NET_COUNT(net, 0, drop_send_full), 3);
	net_pass(net, SEC);
	ck_assert_uint_eq(net->node[1].n_rx, OUTBOX_MESSAGES + OUTBOX_DATAGRAMS);
	ck_assert_uint_eq(net->node[2].n_rx, 4);
	ck_assert_uint_eq(net->node[2].rx[3].len, FRAME_BODY_MAX);
	net_free(net);
}
END_TEST

START_TEST(test_what_cannot_be_sent)
{
	static uint8_t big[FRAME_BODY_MAX + 1];
	struct net *net = net_new(2);
	struct node *n = &net->node[0];
	struct contact v6 = net->node[1].self, nowhere = v6;

	memset(&v6.addr[0], 0, sizeof(v6.addr[0]));
	nowhere = v6;
	ck_assert_int_eq(addr_parse("2001:db8::9", 7427, &v6.addr[1]), 0);
	ck_assert_int_eq(peers_send(n->peers, &v6, 0x41, "x", 1), PIAS_EUNREACH);
	ck_assert_int_eq(peers_send_datagram(n->peers, &nowhere, 0x41, "x", 1),
			 PIAS_EUNREACH);
	ck_assert_int_eq(peers_send(n->peers, &n->self, 0x41, "x", 1), PIAS_EUNREACH);
	ck_assert_uint_eq(NET_COUNT(net, 0, drop_send_unreach), 3);
	ck_assert_int_eq(peers_send(n->peers, &net->node[1].self, 0x41, big, sizeof(big)),
			 PIAS_ETOOBIG);
	ck_assert_int_eq(peers_send_datagram(n->peers, &net->node[1].self, 0x41, big,
					     SEAL_BODY_MAX + 1),
			 PIAS_ETOOBIG);
	ck_assert_uint_eq(NET_COUNT(net, 0, drop_send_big), 2);
	net_pass(net, SEC);
	ck_assert_uint_eq(n->n_dials, 0);
	net_free(net);
}
END_TEST

/* A jumbo frame of a client fits, and so does the largest datagram there is. */
START_TEST(test_large_datagrams)
{
	static const size_t len[] = {1500, 9000, SEAL_BODY_MAX};
	static uint8_t body[SEAL_BODY_MAX];
	struct net *net = net_new(2);
	int i;

	net_send(net, 0, 1, 0x41, "");
	net_pass(net, SEC);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(peers_send_datagram(net->node[0].peers,
						     &net->node[1].self, 0x80, body,
						     len[i]),
				 0);
	net_pass(net, SEC);
	ck_assert_uint_eq(net->node[1].n_rx, 4);
	for (i = 0; i < 3; i++)
		ck_assert_uint_eq(net->node[1].rx[1 + i].len, len[i]);
	net_free(net);
}
END_TEST

/* Two dials at once */

START_TEST(test_simultaneous_dial)
{
	struct net *net = net_new(2);
	unsigned i;

	net->one_way[0][1] = 5 * MSEC; /* asymmetric, so that orders differ */
	net->one_way[1][0] = (_i + 1) * 4 * MSEC;
	for (i = 0; i < 20; i++) {
		net_send(net, 0, 1, 0x41, "to 1");
		net_send(net, 1, 0, 0x42, "to 0");
		net_send_datagram(net, 0, 1, 0x43, "to 1");
		net_pass(net, 3 * MSEC);
	}
	net_pass(net, SEC);
	ck_assert(net->node[0].n_dials == 1 && net->node[1].n_dials == 1);
	ck_assert_uint_eq(net_n_open(net, 0), 2);
	ck_assert_uint_eq(net->node[1].n_rx, 40); /* each once */
	ck_assert_uint_eq(net->node[0].n_rx, 20);
	/* The link dialed by the smaller id stays, the other is drained by both. */
	net_pass(net, 5 * SEC);
	net_send(net, 1, 0, 0x42, "again");
	net_send_datagram(net, 0, 1, 0x43, "again");
	net_pass(net, 6 * SEC);
	ck_assert_uint_eq(net_n_open(net, 0), 1);
	ck_assert_uint_eq(net_n_open(net, 1), 1);
	for (i = 0; i < net->n_wires; i++)
		ck_assert(net->wire[i].is_open[0] == (net->wire[i].end[0] == 0));
	net_send(net, 1, 0, 0x42, "still");
	net_send_datagram(net, 1, 0, 0x42, "still");
	net_pass(net, SEC);
	ck_assert_uint_eq(net->node[0].n_rx, 23);
	ck_assert_uint_eq(net->node[1].n_rx, 41);
	ck_assert(net->node[0].n_down == 0 && net->node[1].n_down == 0);
	net_free(net);
}
END_TEST

/* The end of links */

START_TEST(test_idle_link_closes_in_good_order)
{
	struct net *net = net_new(2);

	net_send(net, 0, 1, 0x41, "x");
	net_pass(net, 200 * SEC);
	net_send_datagram(net, 1, 0, 0x41, "use"); /* starts the time anew */
	net_pass(net, 299 * SEC);
	ck_assert(net_is_linked(net, 0, 1) && net_is_linked(net, 1, 0));
	net_pass(net, 2 * SEC);
	ck_assert(!net_is_linked(net, 0, 1) && !net_is_linked(net, 1, 0));
	ck_assert(net_n_open(net, 0) == 0 && net_n_open(net, 1) == 0);
	ck_assert(net->node[0].n_down == 0 && net->node[1].n_down == 0);
	ck_assert_uint_eq(NET_COUNT(net, 1, links_failed), 0);
	net_send(net, 0, 1, 0x41, "y"); /* as new */
	net_pass(net, SEC);
	ck_assert_uint_eq(net->node[1].n_rx, 2);
	net_free(net);
}
END_TEST

static bool drop_datagrams(struct net *net, int from, int to, bool is_datagram)
{
	return is_datagram;
}

/* One end finds it idle first and says so: the other is not alarmed. */
START_TEST(test_idle_by_the_other_end)
{
	struct net *net = net_new(2);

	net_send(net, 0, 1, 0x41, "x");
	net_pass(net, 100 * SEC);
	net->drop = drop_datagrams;
	net_send_datagram(net, 1, 0, 0x41, "in vain");
	net->drop = NULL;
	net_pass(net, 250 * SEC);
	ck_assert(!net_is_linked(net, 0, 1) && !net_is_linked(net, 1, 0));
	ck_assert(net_n_open(net, 0) == 0 && net_n_open(net, 1) == 0);
	ck_assert(net->node[0].n_down == 0 && net->node[1].n_down == 0);
	ck_assert(net->node[1].n_logs == 0 && NET_COUNT(net, 1, links_failed) == 0);
	net_free(net);
}
END_TEST

START_TEST(test_lost_link_is_reported)
{
	struct net *net = net_new(2);

	net_send(net, 0, 1, 0x41, "x");
	net_pass(net, SEC);
	net_kill(net, 1, false);
	net_pass(net, SEC);
	ck_assert_uint_eq(net->node[0].n_down, 1);
	ck_assert(id_eq(&net->node[0].down, &net->node[1].self.id));
	ck_assert_int_eq(net->node[0].down_why, PIAS_EUNREACH);
	ck_assert(!net_is_linked(net, 0, 1));
	net_free(net);
}
END_TEST

/* What was sent before the link closed but arrives after it is still read. */
START_TEST(test_session_lingers)
{
	struct net *net = net_new(2);

	net_send(net, 0, 1, 0x41, "x");
	net_pass(net, SEC);
	net->delay = (_i ? 7 : 3) * SEC; /* the datagram is slow, the close is not */
	net_send_datagram(net, 0, 1, 0x42, "late");
	net_settle(net);
	net->delay = 10 * MSEC;
	net_kill(net, 0, false);
	net_pass(net, 20 * SEC);
	ck_assert_uint_eq(net->node[1].n_down, 1);
	ck_assert_uint_eq(net->node[1].n_rx, _i ? 1 : 2);
	ck_assert_uint_eq(NET_COUNT(net, 1, drop_seal_unknown), _i);
	net_free(net);
}
END_TEST

/* A host that lost power and came back: the corpse of the old link is not used. */
START_TEST(test_restart)
{
	struct net *net = net_new(2);

	net_send(net, 0, 1, 0x41, "x");
	net_pass(net, SEC);
	net_kill(net, 1, true);
	net_pass(net, SEC);
	net_boot_as(net, 1, "lab", 5000);
	net_send(net, 1, 0, 0x41, "back");
	net_pass(net, SEC);
	ck_assert_uint_eq(net->node[0].up_incarnation, 5000);
	ck_assert_uint_eq(net->node[0].n_rx, 1);
	net_send(net, 0, 1, 0x41, "a");
	net_send_datagram(net, 0, 1, 0x42, "b");
	net_pass(net, SEC);
	ck_assert_uint_eq(net->node[1].n_rx, 2);
	ck_assert_uint_eq(net->node[0].n_down, 0);
	net_pass(net, 11 * SEC);
	ck_assert_uint_eq(net_n_open(net, 0), 1); /* the corpse was drained */
	net_free(net);
}
END_TEST

START_TEST(test_drop)
{
	struct net *net = net_new(3);

	net_send(net, 0, 1, 0x41, "x");
	net_pass(net, SEC);
	net_kill(net, 2, false);
	net_send(net, 0, 2, 0x41, "waits");
	peers_drop(net->node[0].peers, &net->node[1].self.id);
	peers_drop(net->node[0].peers, &net->node[2].self.id);
	peers_drop(net->node[0].peers, &net->node[2].self.id); /* unknown: fine */
	ck_assert(!net_is_linked(net, 0, 1));
	ck_assert_uint_eq(net_n_open(net, 0), 0);
	ck_assert_uint_eq(NET_COUNT(net, 0, drop_send_unreach), 1);
	net_send_datagram(net, 1, 0, 0x42, "key is gone");
	net_pass(net, SEC);
	ck_assert_uint_eq(NET_COUNT(net, 0, drop_seal_unknown), 1);
	ck_assert_uint_eq(net->node[0].n_down, 0);
	ck_assert_uint_eq(net->node[1].n_down, 1);
	net_free(net);
}
END_TEST

/* Backoff */

START_TEST(test_backoff)
{
	struct net *net = net_new(2);
	struct node *n = &net->node[0];
	pias_time last = 0, wait, want = 100 * MSEC;
	unsigned dials = 0, i;

	net_kill(net, 1, false);
	for (i = 0; i < 8; i++) {
		while (n->n_dials == dials) {
			net_send(net, 0, 1, 0x41, "x");
			net_pass(net, MSEC);
		}
		dials = n->n_dials;
		wait = net->now - last;
		/* a dial fails after 20 ms; then the backoff, give or take an eighth */
		if (i)
			ck_assert_msg(wait >= 20 * MSEC + want * 7 / 8 &&
					      wait <= 23 * MSEC + want * 9 / 8,
				      "dial %u after %lld us", i, (long long)wait);
		if (i)
			want = 2 * want < 5 * SEC ? 2 * want : 5 * SEC;
		last = net->now;
	}
	ck_assert(want == 5 * SEC);
	ck_assert_uint_eq(n->n_down, 7); /* one is under way */
	ck_assert_int_eq(n->down_why, PIAS_EUNREACH);
	net_pass(net, 100 * MSEC);
	/* It contacts us: no need to wait any longer. */
	net_boot_as(net, 1, "lab", 5000);
	net_send(net, 0, 1, 0x41, "waited");
	net_send(net, 1, 0, 0x41, "here I am");
	net_pass(net, 100 * MSEC);
	ck_assert_uint_eq(n->n_rx, 1);
	ck_assert_uint_eq(net->node[1].n_rx, 1);
	ck_assert_uint_eq(n->n_dials, 8);
	net_kill(net, 1, false);
	net_pass(net, 100 * MSEC);
	net_send(net, 0, 1, 0x41, "at once");
	ck_assert_uint_eq(n->n_dials, 9);
	net_free(net);
}
END_TEST

/* A dial that never ends is given up. */
START_TEST(test_dial_timeout)
{
	struct net *net = net_new(2);

	net_kill(net, 1, true);
	net->is_black_hole = true;
	net_send(net, 0, 1, 0x41, "x");
	net_pass(net, DIAL_TIMEOUT - SEC);
	ck_assert_uint_eq(net->node[0].n_down, 0);
	net_pass(net, 2 * SEC);
	ck_assert_uint_eq(net->node[0].n_down, 1);
	ck_assert_int_eq(net->node[0].down_why, PIAS_ETIMEOUT);
	ck_assert_uint_eq(NET_COUNT(net, 0, drop_send_unreach), 1);
	ck_assert_uint_eq(NET_COUNT(net, 0, links_failed), 1);
	net_free(net);
}
END_TEST

/* HELLO and refusals */

static size_t hello_frame(const struct net *net, int as, uint16_t version,
			  const char *ring, uint8_t *buf)
{
	struct msg_hello m = {
		.version = version,
		.index = 77,
		.incarnation = 4711,
		.sender = net->node[as].self,
	};
	struct wr w;

	crypto_id(&m.ring, ring, strlen(ring));
	frame_begin(&w, buf, 256, MSG_HELLO);
	msg_hello_write(&w, &m);
	return (size_t)frame_end(&w);
}

/* The last frame sent was a REFUSED for @why. */
static void check_refused(const struct net *net, int why, const char *text)
{
	struct msg_refused m;
	struct rd r;

	ck_assert_uint_eq(net->frame[2], MSG_REFUSED);
	rd_init(&r, net->frame + FRAME_HEADER_LEN, net->frame_len - FRAME_HEADER_LEN);
	ck_assert_int_eq(msg_refused_read(&r, &m), 0);
	ck_assert_int_eq(m.why, why);
	ck_assert_msg(strstr(m.text, text), "text: %s", m.text);
}

static const struct {
	uint16_t version;
	const char *ring;
	int as; /* whose contact; certified is node 2's id */
	enum counter counter;
	int why;
	const char *text;
} refusals[] = {
	{2, "lab", 2, COUNTER_drop_peer_version, PIAS_EVERSION, "version 1"},
	{1, "other", 2, COUNTER_drop_peer_ring, PIAS_ERING, "ring lab"},
	{1, "lab", 1, COUNTER_drop_peer_identity, PIAS_EAUTH, "certificate"},
};

START_TEST(test_refusals)
{
	struct net *net = net_new(3);
	struct node *n = &net->node[0];
	uint8_t buf[256];
	int result;
	uint32_t link;
	size_t len;

	net_kill(net, 2, true);
	link = net_raw_link(net, 0, 2, false, &result);
	ck_assert_int_eq(result, 0);
	ck_assert_uint_eq(net->frame[2], MSG_HELLO); /* ours came at once */
	len = hello_frame(net, refusals[_i].as, refusals[_i].version, refusals[_i].ring,
			  buf);
	ck_assert_int_eq(peers_on_frame(n->peers, link, buf, len), 0);
	check_refused(net, refusals[_i].why, refusals[_i].text);
	ck_assert(!net->wire[link / 2].is_open[link & 1]);
	ck_assert_uint_eq(n->env.counters.v[refusals[_i].counter], 1);
	ck_assert_uint_eq(n->n_up, 0);
	ck_assert_uint_eq(n->n_logs, 1);
	ck_assert(strstr(n->log, "refused id=30303030"));
	net_free(net);
}
END_TEST

/* Both ends say why, once per minute however often it is tried. */
START_TEST(test_other_ring)
{
	struct net *net = net_new(2);
	int i;

	net_kill(net, 1, false);
	net_boot_as(net, 1, "other", 2000);
	for (i = 0; i < 40; i++) {
		net_send(net, 0, 1, 0x41, "x");
		net_pass(net, SEC);
	}
	ck_assert_uint_ge(net->node[0].n_dials, 6); /* every 5 s at most */
	ck_assert_uint_le(net->node[0].n_dials, 10);
	ck_assert_uint_eq(net->node[0].n_logs, 1);
	ck_assert_uint_eq(net->node[1].n_logs, 1);
	ck_assert(strstr(net->node[0].log, "refused"));
	ck_assert(strstr(net->node[1].log, "refused"));
	ck_assert(strstr(net->node[0].log, "another ring"));
	ck_assert_uint_ge(net->node[0].n_down, 6);
	ck_assert_int_eq(net->node[0].down_why, PIAS_ERING);
	ck_assert_uint_eq(net->node[0].n_rx + net->node[1].n_rx, 0);
	for (i = 0; i < 40; i++) {
		net_send(net, 0, 1, 0x41, "x");
		net_pass(net, SEC);
	}
	ck_assert_uint_eq(net->node[0].n_logs, 2);
	ck_assert_uint_eq(net_n_open(net, 0), 0);
	net_free(net);
}
END_TEST

/* The layer above refuses: another AP has that id. */
START_TEST(test_duplicate_by_verdict)
{
	struct net *net = net_new(2);

	net->node[1].refuse = PIAS_EDUPLICATE;
	net_send(net, 0, 1, 0x41, "x");
	net_pass(net, SEC);
	ck_assert_uint_eq(NET_COUNT(net, 1, drop_peer_duplicate), 1);
	ck_assert_int_eq(net->node[0].down_why, PIAS_EDUPLICATE);
	ck_assert(strstr(net->node[0].log, "same key"));
	ck_assert(strstr(net->node[1].log, "same key"));
	ck_assert(net->node[1].n_rx == 0 && !net_is_linked(net, 1, 0));
	net_free(net);
}
END_TEST

/* Two APs with our own key: neither takes the other. */
START_TEST(test_duplicate_of_ourselves)
{
	struct net *net = net_new(2);
	struct contact self;

	net_kill(net, 1, false);
	net_boot_as(net, 1, "lab", 2000);
	peers_free(net->node[1].peers);
	self = net->node[1].self;
	self.id = net->node[0].self.id;
	net->node[1].self = self;
	net->node[1].peers = peers_new(&net->node[1].env, "lab", &self, 2000,
				       &net_peers_ops, &net->node[1]);
	peers_dial_seed(net->node[0].peers, &self.addr[0]);
	net_pass(net, SEC);
	ck_assert_uint_ge(NET_COUNT(net, 0, drop_peer_duplicate) +
				  NET_COUNT(net, 1, drop_peer_duplicate),
			  1);
	ck_assert_uint_eq(net->node[0].n_seed_failed, 1);
	ck_assert_int_eq(net->node[0].seed_why, PIAS_EDUPLICATE);
	ck_assert(strstr(net->node[0].log, "same key"));
	ck_assert(strstr(net->node[1].log, "same key"));
	ck_assert(net->node[0].n_up + net->node[1].n_up == 0);
	ck_assert(net->node[0].n_down + net->node[1].n_down == 0);
	net_free(net);
}
END_TEST

/* Another AP with its key came and went: datagrams of the link go where that ends. */
START_TEST(test_duplicate_of_a_peer)
{
	struct net *net = net_new(3);
	struct node *other = &net->node[2];

	net_send(net, 0, 1, 0x41, "x");
	net_pass(net, SEC);
	net_kill(net, 2, false);
	net_boot_as(net, 2, "lab", 500);
	peers_free(other->peers);
	other->self.id = net->node[1].self.id;
	other->peers =
		peers_new(&other->env, "lab", &other->self, 500, &net_peers_ops, other);
	net_send(net, 2, 0, 0x41, "x");
	net_pass(net, SEC);
	ck_assert_uint_eq(net->node[0].n_rx, 1);
	ck_assert_int_eq(net_send_datagram(net, 0, 1, 0x42, "y"), 0);
	net_kill(net, 2, false);
	net_pass(net, SEC);
	ck_assert_int_eq(net_send_datagram(net, 0, 1, 0x42, "y"), 0);
	net_pass(net, SEC);
	ck_assert_uint_eq(net->node[1].n_rx, 3);
	net_free(net);
}
END_TEST

START_TEST(test_never_says_hello)
{
	struct net *net = net_new(3);
	struct node *n = &net->node[0];
	uint32_t link;
	int result;

	net_kill(net, 2, true);
	link = net_raw_link(net, 0, 2, false, &result);
	net_send(net, 0, 2, 0x41, "waits for its HELLO");
	net_pass(net, 4900 * MSEC);
	ck_assert(net->wire[link / 2].is_open[link & 1]);
	ck_assert_uint_eq(n->n_dials, 0); /* a link is there already */
	net_pass(net, 200 * MSEC);
	ck_assert(!net->wire[link / 2].is_open[link & 1]);
	check_refused(net, PIAS_ETIMEOUT, "HELLO");
	ck_assert_uint_eq(n->n_down, 1);
	ck_assert_uint_eq(n->n_up, 0);
	ck_assert_uint_eq(NET_COUNT(net, 0, drop_send_unreach), 1);
	ck_assert_uint_eq(NET_COUNT(net, 0, links_failed), 1);
	net_free(net);
}
END_TEST

/* Nothing counts before HELLO, and HELLO counts once. */
START_TEST(test_order_of_messages)
{
	static const uint8_t early[] = {0, 5, 0x41, 0, 1};
	struct net *net = net_new(3);
	struct node *n = &net->node[0];
	uint8_t buf[256];
	uint32_t link;
	int result;
	size_t len;

	net_kill(net, 2, true);
	link = net_raw_link(net, 0, 2, true, &result);
	ck_assert_int_eq(peers_on_frame(n->peers, link, early, 5), PIAS_ESTATE);
	ck_assert_uint_eq(n->n_rx, 0);
	link = net_raw_link(net, 0, 2, false, &result);
	len = hello_frame(net, 2, 1, "lab", buf);
	ck_assert_int_eq(peers_on_frame(n->peers, link, buf, len), 0);
	ck_assert_uint_eq(n->n_up, 1);
	ck_assert_int_eq(peers_on_frame(n->peers, link, early, 5), 0);
	ck_assert_uint_eq(n->n_rx, 1);
	ck_assert_int_eq(peers_on_frame(n->peers, link, buf, len), PIAS_ESTATE);
	ck_assert(!net_is_linked(net, 0, 2));
	ck_assert_int_eq(peers_on_frame(n->peers, link, early, 5), PIAS_ESTATE);
	ck_assert_uint_eq(n->n_rx, 1);
	ck_assert_uint_eq(NET_COUNT(net, 0, drop_message_state), 3);
	net_free(net);
}
END_TEST

/* Every prefix of a HELLO, a byte more, and frames whose header lies. */
START_TEST(test_malformed_frames)
{
	struct net *net = net_new(3);
	struct node *n = &net->node[0];
	uint8_t buf[256], *exact;
	size_t len, i;
	int result;
	uint32_t link;

	net_kill(net, 2, true);
	len = hello_frame(net, 2, 1, "lab", buf);
	for (i = 0; i <= len + 1; i++) {
		if (i == len)
			continue;
		exact = calloc(1, i ? i : 1);
		memcpy(exact, buf, i < len ? i : len);
		if (i >= FRAME_HEADER_LEN)
			be16_put(exact, (uint16_t)i); /* an honest length */
		link = net_raw_link(net, 0, 2, false, &result);
		ck_assert_int_eq(result, 0);
		ck_assert_int_eq(peers_on_frame(n->peers, link, exact, i),
				 PIAS_EMALFORMED);
		free(exact);
	}
	link = net_raw_link(net, 0, 2, false, &result);
	ck_assert_int_eq(peers_on_frame(n->peers, link, buf, len - 1), PIAS_EMALFORMED);
	ck_assert_uint_eq(NET_COUNT(net, 0, drop_message_malformed), len + 2);
	ck_assert_uint_eq(n->n_up, 0);
	net_free(net);
}
END_TEST

static const struct {
	size_t len;
	uint8_t frame[8];
	int err;
} ends[] = {
	{4, {0, 4, MSG_REFUSED, 0}, PIAS_EMALFORMED},
	{5, {0, 5, MSG_REFUSED, 0, 0}, PIAS_EMALFORMED},
	{6, {0, 6, MSG_REFUSED, 0, 0, 18}, 0}, /* without a text: the code's own */
	{8, {0, 8, MSG_REFUSED, 0, 0, 99, 'n', 'o'}, 0},
};

START_TEST(test_refused_by_peer)
{
	struct net *net = net_new(3);
	struct node *n = &net->node[0];
	uint8_t buf[256];
	uint32_t link;
	int result;
	size_t len;

	net_kill(net, 2, true);
	link = net_raw_link(net, 0, 2, true, &result);
	if (_i & 1) { /* also of a link that is up already */
		len = hello_frame(net, 2, 1, "lab", buf);
		ck_assert_int_eq(peers_on_frame(n->peers, link, buf, len), 0);
	}
	ck_assert_int_eq(
		peers_on_frame(n->peers, link, ends[_i / 2].frame, ends[_i / 2].len),
		ends[_i / 2].err);
	ck_assert(!net_is_linked(net, 0, 2));
	ck_assert_uint_eq(n->n_down, 1);
	ck_assert_uint_eq(n->n_logs, ends[_i / 2].err ? 0 : 1);
	ck_assert_uint_eq(NET_COUNT(net, 0, drop_message_malformed),
			  ends[_i / 2].err ? 1 : 0);
	if (_i / 2 == 2)
		ck_assert(strstr(n->log, error_text(PIAS_ERING)));
	net_free(net);
}
END_TEST

/* An AP we have a link from, but no family in common with: no datagrams, no harm. */
START_TEST(test_no_common_family)
{
	struct net *net = net_new(3);
	struct node *n = &net->node[0];
	uint8_t buf[256];
	uint32_t link;
	int result;
	size_t len;

	net_kill(net, 2, true);
	memset(net->node[2].self.addr, 0, sizeof(net->node[2].self.addr));
	ck_assert_int_eq(addr_parse("2001:db8::3", 7427, &net->node[2].self.addr[1]), 0);
	link = net_raw_link(net, 0, 2, false, &result);
	len = hello_frame(net, 2, 1, "lab", buf);
	ck_assert_int_eq(peers_on_frame(n->peers, link, buf, len), 0);
	ck_assert_int_eq(net_send(net, 0, 2, 0x41, "x"), 0);
	ck_assert_int_eq(net_send_datagram(net, 0, 2, 0x41, "x"), PIAS_EUNREACH);
	ck_assert_uint_eq(NET_COUNT(net, 0, drop_send_unreach), 1);
	net_free(net);
}
END_TEST

START_TEST(test_incarnation)
{
	struct net *net = net_new(2);

	peers_set_incarnation(net->node[0].peers, 123456);
	net_send(net, 0, 1, 0x41, "x");
	net_pass(net, SEC);
	ck_assert_uint_eq(net->node[1].up_incarnation, 123456);
	net_free(net);
}
END_TEST

/* Frames and datagrams of noise, and good ones with a few bytes changed. */
START_TEST(test_noise)
{
	struct rng rng = {(uint64_t)_i};
	struct net *net = net_new(3);
	struct node *n = &net->node[0];
	uint8_t good[256], *exact;
	uint32_t link = 0;
	size_t len, k;
	int step, result = -1;

	net_kill(net, 2, true);
	len = hello_frame(net, 2, 1, "lab", good);
	for (step = 0; step < 1500; step++) {
		size_t size = step % 2 ? len : rng_below(&rng, 200);

		if (!net->wire[link / 2].is_open[link & 1] || result) {
			link = net_raw_link(net, 0, 2, step & 1, &result);
			ck_assert_int_eq(result, 0);
		}
		exact = malloc(size ? size : 1);
		rng_fill(&rng, exact, size);
		if (step % 2)
			memcpy(exact, good, size);
		for (k = rng_below(&rng, 4); k; k--)
			if (size)
				exact[rng_below(&rng, (uint32_t)size)] =
					(uint8_t)rng_u64(&rng);
		if (step % 5 == 0) {
			if (size)
				exact[0] = SEAL_MAGIC;
			peers_on_datagram(n->peers, &n->self.addr[0], exact, size);
		} else if (peers_on_frame(n->peers, link, exact, size) &&
			   net->wire[link / 2].is_open[link & 1]) {
			net_link_close(n, link);
		}
		free(exact);
	}
	ck_assert_uint_gt(n->n_up, 10);
	ck_assert_uint_gt(NET_COUNT(net, 0, drop_message_malformed), 100);
	ck_assert_uint_gt(NET_COUNT(net, 0, drop_datagram_malformed), 100);
	net_free(net);
}
END_TEST

/* A malformed message ends its link; as a datagram it is only counted. */
START_TEST(test_malformed_messages)
{
	struct net *net = net_new(2);

	net_send(net, 0, 1, 0x41, "x");
	net_pass(net, SEC);
	net->node[1].malformed = PIAS_EMALFORMED;
	net_send_datagram(net, 0, 1, 0x41, "x");
	net_pass(net, SEC);
	ck_assert_uint_eq(NET_COUNT(net, 1, drop_datagram_malformed), 1);
	ck_assert(net_is_linked(net, 0, 1) && net_is_linked(net, 1, 0));
	net_send(net, 0, 1, 0x41, "x");
	net_pass(net, SEC);
	ck_assert_uint_eq(NET_COUNT(net, 1, drop_message_malformed), 1);
	ck_assert(!net_is_linked(net, 0, 1) && !net_is_linked(net, 1, 0));
	ck_assert(net->node[0].n_down == 1 && net->node[1].n_down == 1);
	net_free(net);
}
END_TEST

static int drop_sender(struct node *n, const struct contact *from, uint8_t type,
		       struct rd *body, bool is_datagram)
{
	peers_drop(n->peers, &from->id);
	return type == 0x42 ? PIAS_EMALFORMED : 0;
}

static void drop_and_send(struct node *n, const struct contact *who)
{
	ck_assert_int_eq(peers_send(n->peers, who, 0x41, "welcome", 7), 0);
}

/* Whoever is called may drop the very peer, or send to it. */
START_TEST(test_calls_from_callbacks)
{
	struct net *net = net_new(2);

	net->node[1].on_up = drop_and_send;
	net->node[1].on_message = drop_sender;
	net_send(net, 0, 1, (uint8_t)(0x41 + _i), "x");
	net_pass(net, SEC);
	ck_assert_uint_eq(net->node[0].n_rx, 1);
	ck_assert_mem_eq(net->node[0].rx[0].head, "welcome", 7);
	ck_assert(!net_is_linked(net, 1, 0) && net_n_open(net, 1) == 0);
	net_send_datagram(net, 0, 1, 0x42, "x");
	net_pass(net, SEC);
	ck_assert(!net_is_linked(net, 1, 0));
	net_free(net);
}
END_TEST

static void drop_who(struct node *n, const struct contact *who)
{
	peers_drop(n->peers, &who->id);
}

START_TEST(test_dropped_while_asked)
{
	struct net *net = net_new(2);

	net->node[1].on_up = drop_who;
	net_send(net, 0, 1, 0x41, "x");
	net_pass(net, SEC);
	ck_assert(net->node[1].n_rx == 0 && net_n_open(net, 1) == 0);
	ck_assert_uint_eq(net->node[0].n_down, 1);
	net_free(net);
}
END_TEST

/* Seeds */

START_TEST(test_seeds)
{
	struct net *net = net_new(3);
	struct node *n = &net->node[0];

	net_kill(net, 2, false);
	peers_dial_seed(n->peers, &net->node[1].self.addr[0]);
	peers_dial_seed(n->peers, &net->node[1].self.addr[0]); /* once is enough */
	peers_dial_seed(n->peers, &net->node[2].self.addr[0]);
	ck_assert_uint_eq(n->n_dials, 2);
	net_pass(net, SEC);
	ck_assert_uint_eq(n->n_seed_up, 1);
	ck_assert(id_eq(&n->up, &net->node[1].self.id) && n->n_up == 1);
	ck_assert_uint_eq(n->n_seed_failed, 1);
	ck_assert(addr_eq(&n->seed_addr, &net->node[2].self.addr[0]));
	ck_assert_int_eq(n->seed_why, PIAS_EUNREACH);
	/* The link serves as any other; the seed may be dialed again later. */
	net_send(net, 0, 1, 0x41, "x");
	peers_dial_seed(n->peers, &net->node[1].self.addr[0]);
	net_pass(net, SEC);
	ck_assert(net->node[1].n_rx == 1 && n->n_seed_up == 2);
	net_free(net);
}
END_TEST

START_TEST(test_seed_refuses)
{
	struct net *net = net_new(2);

	net_kill(net, 1, false);
	net_boot_as(net, 1, "other", 1);
	peers_dial_seed(net->node[0].peers, &net->node[1].self.addr[0]);
	net_pass(net, SEC);
	ck_assert_uint_eq(net->node[0].n_seed_failed, 1);
	ck_assert_int_eq(net->node[0].seed_why, PIAS_ERING);
	ck_assert(strstr(net->node[0].seed_text, "ring"));
	net_free(net);
}
END_TEST

START_TEST(test_seed_is_ourselves)
{
	struct net *net = net_new(1);

	peers_dial_seed(net->node[0].peers, &net->node[0].self.addr[0]);
	net_pass(net, SEC);
	ck_assert_uint_eq(net->node[0].n_seed_failed, 1);
	ck_assert_int_eq(net->node[0].seed_why, PIAS_ELOOP);
	ck_assert_uint_eq(NET_COUNT(net, 0, drop_peer_duplicate), 0);
	ck_assert(net->node[0].n_down == 0 && net->node[0].n_logs == 0);
	ck_assert_uint_eq(net_n_open(net, 0), 0);
	net_free(net);
}
END_TEST

START_TEST(test_seed_never_answers)
{
	struct net *net = net_new(3);

	net_kill(net, 1, true);
	net_kill(net, 2, true);
	net->is_black_hole = true;
	peers_dial_seed(net->node[0].peers, &net->node[1].self.addr[0]);
	net_pass(net, SEC);
	peers_dial_seed(net->node[0].peers, &net->node[2].self.addr[0]);
	net_pass(net, DIAL_TIMEOUT - 500 * MSEC);
	ck_assert_uint_eq(net->node[0].n_seed_failed, 1);
	ck_assert_int_eq(net->node[0].seed_why, PIAS_ETIMEOUT);
	net_pass(net, SEC);
	ck_assert_uint_eq(net->node[0].n_seed_failed, 2);
	net_free(net);
}
END_TEST

/* Datagrams that must not pass */

START_TEST(test_bad_datagrams)
{
	struct net *net = net_new(2);
	struct node *n = &net->node[1];
	uint8_t good[256], bad[257];
	size_t len, i;

	net_send(net, 0, 1, 0x41, "x");
	net_pass(net, SEC);
	net_send_datagram(net, 0, 1, 0x42, "once");
	len = net->last_len;
	memcpy(good, net->last, len);
	net_pass(net, SEC);
	ck_assert_uint_eq(n->n_rx, 2);
	peers_on_datagram(n->peers, &net->node[0].self.addr[0], good, len);
	ck_assert_uint_eq(NET_COUNT(net, 1, drop_seal_replay), 1);
	memcpy(bad, good, len);
	bad[15] ^= 1; /* a fresh counter, the old tag */
	peers_on_datagram(n->peers, &net->node[0].self.addr[0], bad, len);
	ck_assert_uint_eq(NET_COUNT(net, 1, drop_seal_forged), 1);
	memcpy(bad, good, len);
	bad[4] ^= 1;
	peers_on_datagram(n->peers, &net->node[0].self.addr[0], bad, len);
	ck_assert_uint_eq(NET_COUNT(net, 1, drop_seal_unknown), 1);
	for (i = 0; i < len; i++) {
		uint8_t *exact = malloc(i ? i : 1);

		memcpy(exact, good, i);
		if (i > 15)
			exact[15] ^= 1;
		peers_on_datagram(n->peers, &net->node[0].self.addr[0], exact, i);
		free(exact);
	}
	ck_assert_uint_eq(NET_COUNT(net, 1, drop_datagram_malformed), SEAL_OVERHEAD);
	ck_assert_uint_eq(NET_COUNT(net, 1, drop_seal_forged), 1 + len - SEAL_OVERHEAD);
	ck_assert_uint_eq(n->n_rx, 2);
	/* None of it did any harm. */
	net_send_datagram(net, 0, 1, 0x42, "next");
	net_pass(net, SEC);
	ck_assert_uint_eq(n->n_rx, 3);
	ck_assert_uint_eq(NET_COUNT(net, 1, datagrams_in), 2);
	net_free(net);
}
END_TEST

/* A datagram that overtakes the HELLO of its sender: not yet. */
START_TEST(test_datagram_before_hello)
{
	struct net *net = net_new(2);

	net_send(net, 1, 0, 0x41, "x");
	net_pass(net, 25 * MSEC);     /* 1's HELLO is on its way */
	net->link_delay = 200 * MSEC; /* 0's will be slow */
	net_pass(net, 25 * MSEC);
	ck_assert(net_is_linked(net, 0, 1) && !net_is_linked(net, 1, 0));
	net_send_datagram(net, 0, 1, 0x42, "y");
	net_pass(net, 50 * MSEC);
	ck_assert_uint_eq(NET_COUNT(net, 1, drop_message_state), 1);
	ck_assert_uint_eq(net->node[1].n_rx, 0);
	net_pass(net, SEC);
	net_send_datagram(net, 0, 1, 0x42, "y");
	net_pass(net, SEC);
	ck_assert_uint_eq(net->node[1].n_rx, 1);
	ck_assert_uint_eq(net->node[0].n_rx, 1);
	net_free(net);
}
END_TEST

/* Bounds */

START_TEST(test_links_to_one_peer_are_bounded)
{
	struct net *net = net_new(3);
	int i, result;

	net_kill(net, 2, true);
	for (i = 0; i < PEER_LINKS_MAX; i++) {
		net_raw_link(net, 0, 2, false, &result);
		ck_assert_int_eq(result, 0);
	}
	net_raw_link(net, 0, 2, false, &result);
	ck_assert_int_eq(result, PIAS_EFULL);
	check_refused(net, PIAS_EFULL, "full");
	ck_assert_uint_eq(NET_COUNT(net, 0, drop_peer_full), 1);
	net_free(net);
}
END_TEST

START_TEST(test_peers_are_bounded)
{
	struct net *net = net_new(2);
	struct node *n = &net->node[0];
	struct contact who;
	unsigned i;

	memset(&who, 0, sizeof(who));
	who.addr[0] = addr_v4((const uint8_t[]){192, 0, 2, 99}, 7427);
	net->is_black_hole = true;
	net_send(net, 0, 1, 0x41, "x"); /* in use: must not have to go */
	net_pass(net, SEC);
	for (i = 0; i < PEERS_MAX - 1; i++) {
		be32_put(who.id.b, i * 2654435761u);
		ck_assert_int_eq(peers_send(n->peers, &who, 0x41, "x", 1), 0);
	}
	who.id.b[19] = 1; /* all are being dialed: there is nobody to give up */
	ck_assert_int_eq(peers_send(n->peers, &who, 0x41, "x", 1), PIAS_EFULL);
	ck_assert_uint_eq(NET_COUNT(net, 0, drop_peer_full), 1);
	net_pass(net, DIAL_TIMEOUT + SEC); /* failed dials are only remembered */
	net_send(net, 0, 1, 0x41, "x");
	ck_assert_int_eq(peers_send(n->peers, &who, 0x41, "x", 1), 0);
	ck_assert(net_is_linked(net, 0, 1));
	net_pass(net, 80 * SEC); /* and then forgotten */
	ck_assert(net_is_linked(net, 0, 1));
	for (i = 0; i < PEERS_MAX - 1; i++) {
		be32_put(who.id.b, i * 2654435761u);
		ck_assert_int_eq(peers_send(n->peers, &who, 0x41, "x", 1), 0);
	}
	net_free(net);
}
END_TEST

/* A full table of idle links gives up the one used longest ago, in good order. */
START_TEST(test_idle_peer_makes_room)
{
	struct net *net = net_new(3);
	struct node *n = &net->node[0];
	struct contact who;
	unsigned i;
	int result;

	memset(&who, 0, sizeof(who));
	who.addr[0] = addr_v4((const uint8_t[]){192, 0, 2, 99}, 7427);
	net->is_black_hole = true;
	net_send(net, 0, 1, 0x41, "x"); /* used now, and not again */
	net_pass(net, 30 * SEC);
	for (i = 0; i < PEERS_MAX - 1; i++) {
		be32_put(who.id.b, i * 2654435761u);
		ck_assert_int_eq(peers_send(n->peers, &who, 0x41, "x", 1), 0);
	}
	who.id.b[19] = 1;
	ck_assert_int_eq(peers_send(n->peers, &who, 0x41, "x", 1), 0);
	ck_assert(!net_is_linked(net, 0, 1));
	net_pass(net, SEC);
	ck_assert(!net_is_linked(net, 1, 0));
	ck_assert(net->node[1].n_down == 0 && n->n_down == 0);
	/* Now all are in use: a link from somebody new is refused, and told so. */
	net_kill(net, 2, true);
	net_raw_link(net, 0, 2, false, &result);
	ck_assert_int_eq(result, PIAS_EFULL);
	check_refused(net, PIAS_EFULL, "full");
	net_free(net);
}
END_TEST

/* Many links, one after the other: the sessions that linger are few. */
START_TEST(test_lingering_is_bounded)
{
	struct net *net = net_new(3);
	struct node *n = &net->node[0];
	uint8_t buf[256];
	uint32_t link;
	int i, result;
	size_t len;

	net_kill(net, 2, true);
	len = hello_frame(net, 2, 1, "lab", buf);
	for (i = 0; i < 20; i++) {
		link = net_raw_link(net, 0, 2, false, &result);
		ck_assert_int_eq(peers_on_frame(n->peers, link, buf, len), 0);
		net->wire[link / 2].is_open[link & 1] = false;
		peers_on_link_down(n->peers, link);
		ck_assert_uint_le(n->peers->by_index.n, 4);
		ck_assert_uint_eq(n->peers->by_handle.n, 0);
	}
	net_pass(net, 6 * SEC);
	ck_assert_uint_eq(n->peers->by_index.n, 0);
	net_free(net);
}
END_TEST

/* As many seeds as can be configured are under way; the next waits its turn. */
START_TEST(test_seeds_are_bounded)
{
	struct net *net = net_new(1);
	struct node *n = &net->node[0];
	struct addr seed;
	int i;

	net->is_black_hole = true;
	for (i = 0; i < OVERLAY_SEEDS_MAX + 3; i++) {
		seed = addr_v4((const uint8_t[]){198, 51, 100, (uint8_t)i}, 7427);
		peers_dial_seed(n->peers, &seed);
	}
	ck_assert_uint_eq(n->n_dials, OVERLAY_SEEDS_MAX);
	net_pass(net, DIAL_TIMEOUT);
	ck_assert_uint_eq(n->n_seed_failed, OVERLAY_SEEDS_MAX);
	peers_dial_seed(n->peers, &seed);
	ck_assert_uint_eq(n->n_dials, OVERLAY_SEEDS_MAX + 1);
	net_free(net);
}
END_TEST

/* Same script, same bytes: all that was sent has the same hash. */
START_TEST(test_deterministic)
{
	uint8_t digest[2][HASH_LEN];
	struct net *net;
	int run, i;

	for (run = 0; run < 2; run++) {
		net = net_new(4);
		for (i = 0; i < 30; i++) {
			net_send(net, i % 4, (i + 1 + i / 4) % 4, 0x41, "abc");
			net_send_datagram(net, i % 4, (i + 2) % 4, 0x42, "def");
			net_pass(net, 7 * MSEC);
		}
		net_pass(net, 20 * SEC);
		net_send_datagram(net, 0, 1, 0x42, "ghi");
		crypto_hash(digest[run], net->last, net->last_len);
		net_free(net);
	}
	ck_assert_mem_eq(digest[0], digest[1], HASH_LEN);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_dial_on_demand);
	tcase_add_test(c, test_waiting_is_bounded);
	tcase_add_test(c, test_what_cannot_be_sent);
	tcase_add_test(c, test_large_datagrams);
	tcase_add_loop_test(c, test_simultaneous_dial, 0, 8);
	tcase_add_test(c, test_idle_link_closes_in_good_order);
	tcase_add_test(c, test_idle_by_the_other_end);
	tcase_add_test(c, test_lost_link_is_reported);
	tcase_add_loop_test(c, test_session_lingers, 0, 2);
	tcase_add_test(c, test_restart);
	tcase_add_test(c, test_drop);
	tcase_add_test(c, test_backoff);
	tcase_add_test(c, test_dial_timeout);
	tcase_add_loop_test(c, test_refusals, 0, 3);
	tcase_add_test(c, test_other_ring);
	tcase_add_test(c, test_duplicate_by_verdict);
	tcase_add_test(c, test_duplicate_of_ourselves);
	tcase_add_test(c, test_duplicate_of_a_peer);
	tcase_add_test(c, test_never_says_hello);
	tcase_add_test(c, test_order_of_messages);
	tcase_add_test(c, test_malformed_frames);
	tcase_add_loop_test(c, test_refused_by_peer, 0, 8);
	tcase_add_test(c, test_no_common_family);
	tcase_add_test(c, test_incarnation);
	tcase_add_loop_test(c, test_noise, 1, 4);
	tcase_add_test(c, test_malformed_messages);
	tcase_add_loop_test(c, test_calls_from_callbacks, 0, 2);
	tcase_add_test(c, test_dropped_while_asked);
	tcase_add_test(c, test_seeds);
	tcase_add_test(c, test_seed_refuses);
	tcase_add_test(c, test_seed_is_ourselves);
	tcase_add_test(c, test_seed_never_answers);
	tcase_add_test(c, test_bad_datagrams);
	tcase_add_test(c, test_datagram_before_hello);
	tcase_add_test(c, test_links_to_one_peer_are_bounded);
	tcase_add_test(c, test_peers_are_bounded);
	tcase_add_test(c, test_idle_peer_makes_room);
	tcase_add_test(c, test_lingering_is_bounded);
	tcase_add_test(c, test_seeds_are_bounded);
	tcase_add_test(c, test_deterministic);
}

int main(void)
{
	return suite_main("peer", fill);
}
