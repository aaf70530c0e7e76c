/*
 * Failure detection on a scripted network: who is probed and how often, what is lost
 * and repeated, helpers, verdicts that come when they must and not when the fault is
 * ours, and coordinates that come of it.
 */
#include <stdio.h>

#include "overlay/message.h"
#include "overlay/probe.h"
#include "tests/fixture/peernet.h"
#include "tests/fixture/suite.h"

#define PERIOD (500 * MSEC)

/* One AP's prober and what it reported. */
struct watch {
	struct node *node;
	struct probes *probes;
	unsigned n_neighbours, n_helpers;
	int neighbour[NET_NODES], helper[NET_NODES];
	int target; /* -1: none */
	unsigned n_unanswered, n_heard[NET_NODES], n_moved;
	pias_time unanswered_at;
	uint64_t incarnation[NET_NODES];
	struct coord coord; /* as published when it last heard from somebody */
};

static struct watch watch[NET_NODES];

static int index_of(const struct id *id)
{
	return id->b[0] / 0x10 - 1;
}

static bool next_target(void *ctx, struct contact *out)
{
	struct watch *w = ctx;

	if (w->target < 0)
		return false;
	*out = w->node->net->node[w->target].self;
	return true;
}

static unsigned neighbours(void *ctx, struct contact *out, unsigned max)
{
	struct watch *w = ctx;
	unsigned i;

	ck_assert_uint_le(w->n_neighbours, max);
	for (i = 0; i < w->n_neighbours; i++)
		out[i] = w->node->net->node[w->neighbour[i]].self;
	return i;
}

static unsigned helpers(void *ctx, const struct id *subject, struct contact *out,
			unsigned max)
{
	struct watch *w = ctx;
	unsigned i, n = w->n_helpers < max ? w->n_helpers : max;

	for (i = 0; i < n; i++) {
		out[i] = w->node->net->node[w->helper[i]].self;
		ck_assert(!id_eq(&out[i].id, subject));
	}
	return n;
}

static void unanswered(void *ctx, const struct contact *subject)
{
	struct watch *w = ctx;

	w->n_unanswered++;
	w->unanswered_at = w->node->env.now;
}

static void heard(void *ctx, const struct contact *from, uint64_t incarnation)
{
	struct watch *w = ctx;

	w->n_heard[index_of(&from->id)]++;
	w->incarnation[index_of(&from->id)] = incarnation;
	if (!memcmp(&w->coord, probes_coord(w->probes), sizeof(w->coord)))
		return;
	w->coord = *probes_coord(w->probes);
	w->n_moved++;
}

static const struct probes_ops ops = {
	.next_target = next_target,
	.neighbours = neighbours,
	.helpers = helpers,
	.unanswered = unanswered,
	.heard = heard,
};

static int on_message(struct node *n, const struct contact *from, uint8_t type,
		      struct rd *body, bool is_datagram)
{
	if (type > MSG_PROBE_ASK_ACK)
		return 0;
	return probes_on_message(watch[n->index].probes, from, type, body);
}

static void watch_init(struct net *net, int i, uint64_t incarnation)
{
	struct watch *w = &watch[i];
	struct node *n = &net->node[i];

	memset(w, 0, sizeof(*w));
	w->node = n;
	w->target = -1;
	n->on_message = on_message;
	w->probes = probes_new(&n->env, n->peers, &n->self, incarnation, PERIOD, &ops, w);
	ck_assert_ptr_nonnull(w->probes);
	w->coord = *probes_coord(w->probes);
	probes_start(w->probes);
}

static struct net *start(unsigned n)
{
	struct net *net = net_new(n);
	unsigned i;

	for (i = 0; i < n; i++)
		watch_init(net, (int)i, 1000 + i);
	return net;
}

static void kill_node(struct net *net, int i, bool whole_host)
{
	probes_free(watch[i].probes);
	watch[i].probes = NULL;
	net_kill(net, i, whole_host);
}

static void finish(struct net *net)
{
	unsigned i;

	for (i = 0; i < net->n; i++)
		probes_free(watch[i].probes);
	net_free(net);
}

/* 0 probes 1; 2, 3 and 4 may help. */
static struct net *start_pair(void)
{
	struct net *net = start(5);
	int i;

	watch[0].n_neighbours = 1;
	watch[0].neighbour[0] = 1;
	watch[0].n_helpers = 3;
	for (i = 0; i < 3; i++)
		watch[0].helper[i] = 2 + i;
	net_pass(net, 10 * SEC);
	ck_assert_uint_eq(watch[0].n_unanswered, 0);
	return net;
}

static const struct id *id_of(const struct net *net, int i)
{
	return &net->node[i].self.id;
}

/* The ordinary case */

START_TEST(test_periodic)
{
	struct net *net = start(4);
	uint32_t rtt;
	unsigned n;

	net->one_way[0][2] = net->one_way[2][0] = 40 * MSEC;
	watch[0].n_neighbours = 2;
	watch[0].neighbour[0] = 1;
	watch[0].neighbour[1] = 2;
	watch[0].target = 3;
	ck_assert(probes_heard_ago(watch[0].probes, id_of(net, 1)) == PIAS_NEVER);
	ck_assert_ptr_null(probes_peer_coord(watch[0].probes, id_of(net, 1)));
	ck_assert_uint_eq(probes_rtt_us(watch[0].probes, id_of(net, 1)), 0);
	net_pass(net, 20 * SEC);
	n = watch[0].n_heard[1];
	ck_assert_msg(n >= 36 && n <= 44, "%u answers in 20 s", n);
	ck_assert_uint_ge(watch[1].n_heard[0], n); /* a probe is hearing, too */
	ck_assert_uint_eq(watch[0].incarnation[1], 1001);
	ck_assert_uint_eq(watch[1].incarnation[0], 1000);
	ck_assert_uint_ge(watch[0].n_heard[3], 30);
	/* The first probe waited for the dial; that time must not count as distance. */
	rtt = probes_rtt_us(watch[0].probes, id_of(net, 1));
	ck_assert_msg(rtt >= 19000 && rtt <= 21000, "rtt %u", rtt);
	rtt = probes_rtt_us(watch[0].probes, id_of(net, 2));
	ck_assert_msg(rtt >= 79000 && rtt <= 81000, "rtt %u", rtt);
	ck_assert_uint_eq(probes_rtt_us(watch[1].probes, id_of(net, 0)), 0);
	ck_assert_ptr_nonnull(probes_peer_coord(watch[1].probes, id_of(net, 0)));
	ck_assert_int_lt(probes_heard_ago(watch[0].probes, id_of(net, 1)), SEC);
	/* Nothing was sent twice, nobody else was asked. */
	ck_assert_uint_eq(NET_COUNT(net, 0, probes_lost), 0);
	ck_assert_uint_eq(NET_COUNT(net, 0, probes_indirect), 0);
	ck_assert_uint_le(NET_COUNT(net, 0, probes_out), 3 * 44);
	finish(net);
}
END_TEST

START_TEST(test_incarnation)
{
	struct net *net = start_pair();

	probes_set_incarnation(watch[0].probes, 7777);
	probes_set_incarnation(watch[1].probes, 8888);
	net_pass(net, SEC);
	ck_assert_uint_eq(watch[1].incarnation[0], 7777);
	ck_assert_uint_eq(watch[0].incarnation[1], 8888);
	finish(net);
}
END_TEST

/* A peer far away, yet steady: each probe goes out once. */
START_TEST(test_distant_peer_is_asked_once)
{
	struct net *net = start(2);
	uint64_t out;

	net->delay = 190 * MSEC;
	watch[0].n_neighbours = 1;
	watch[0].neighbour[0] = 1;
	net_pass(net, 30 * SEC);
	out = NET_COUNT(net, 0, probes_out);
	net_pass(net, 60 * SEC);
	out = NET_COUNT(net, 0, probes_out) - out;
	ck_assert_msg(out >= 108 && out <= 132, "%d probes in 60 s", (int)out);
	ck_assert_uint_eq(watch[0].n_unanswered, 0);
	finish(net);
}
END_TEST

/*
 * Two that have just started, far apart, with a link between them. The first answer
 * takes its time, whatever their coordinates say, which know nothing yet.
 */
START_TEST(test_distant_strangers)
{
	struct net *net = start(2);
	unsigned i;

	net->delay = 450 * MSEC;
	for (i = 0; i < 2; i++) {
		watch[i].n_neighbours = 1;
		watch[i].neighbour[0] = 1 - (int)i;
	}
	net_pass(net, 30 * SEC);
	for (i = 0; i < 2; i++) {
		ck_assert_uint_eq(watch[i].n_unanswered, 0);
		ck_assert_uint_ge(watch[i].n_heard[1 - i], 20);
	}
	finish(net);
}
END_TEST

/* Losses */

static int drop_n;		  /* how many datagrams more between 0 and 1 */
static bool drop_links, drop_all; /* frames between 0 and 1; everything of 1 */

static bool drop_between(struct net *net, int from, int to, bool is_datagram)
{
	if (drop_all && (from == 1 || to == 1))
		return true;
	if (from + to != 1)
		return false;
	if (!is_datagram)
		return drop_links;
	return drop_n > 0 && drop_n-- > 0;
}

START_TEST(test_lost_probe_is_repeated)
{
	struct net *net = start_pair();
	uint64_t out = NET_COUNT(net, 0, probes_out);
	unsigned n = watch[0].n_heard[1];

	drop_n = 1; /* _i: the probe, or its answer */
	net->drop = drop_between;
	if (_i) {
		drop_n = 0;
		while (NET_COUNT(net, 0, probes_out) == out)
			net_pass(net, MSEC);
		drop_n = 1;
	}
	net_pass(net, 2 * SEC);
	ck_assert_int_eq(drop_n, 0);
	ck_assert_uint_ge(NET_COUNT(net, 0, probes_out) - out, 4);
	ck_assert_uint_ge(watch[0].n_heard[1] - n, 3);
	ck_assert_uint_eq(NET_COUNT(net, 0, probes_lost), 0);
	ck_assert_uint_eq(watch[0].n_unanswered, 0);
	finish(net);
}
END_TEST

/* The path between two is cut; the helpers know better. */
START_TEST(test_indirect)
{
	struct net *net = start_pair();
	unsigned n = watch[0].n_heard[1];

	drop_n = 1000000;
	drop_links = true;
	net->drop = drop_between;
	net_pass(net, 10 * SEC);
	ck_assert_uint_eq(watch[0].n_unanswered, 0);
	ck_assert_uint_gt(watch[0].n_heard[1], n + 5);
	ck_assert_uint_ge(NET_COUNT(net, 0, probes_indirect), 3 * 5);
	ck_assert_uint_ge(NET_COUNT(net, 0, probes_lost), 5);
	/* heard of, but not heard directly */
	ck_assert_int_gt(probes_heard_ago(watch[0].probes, id_of(net, 1)), 9 * SEC);
	finish(net);
}
END_TEST

/* Only datagrams are lost, and nobody can help: the link still tells. */
START_TEST(test_answer_by_link)
{
	struct net *net = start_pair();
	unsigned n = watch[0].n_heard[1];
	uint32_t rtt = probes_rtt_us(watch[0].probes, id_of(net, 1));

	watch[0].n_helpers = 0;
	drop_n = 1000000;
	drop_links = false;
	net->drop = drop_between;
	net->link_delay = 50 * MSEC;
	net_pass(net, 10 * SEC);
	ck_assert_uint_eq(watch[0].n_unanswered, 0);
	ck_assert_uint_gt(watch[0].n_heard[1], n + 5);
	/* which says nothing about the distance */
	ck_assert_uint_eq(probes_rtt_us(watch[0].probes, id_of(net, 1)), rtt);
	finish(net);
}
END_TEST

/* Deaths */

/*
 * A host that dies without a word is reported in time: one period, its timeout (150 ms
 * here, being near) and twice that for the helpers. And once, until probed again.
 */
START_TEST(test_silent_death)
{
	struct net *net = start_pair();
	pias_time died = net->now;

	drop_all = true;
	net->drop = drop_between;
	while (!watch[0].n_unanswered && net->now < died + 5 * SEC)
		net_pass(net, MSEC);
	ck_assert_uint_eq(watch[0].n_unanswered, 1);
	ck_assert_int_le(watch[0].unanswered_at - died,
			 PERIOD * 9 / 8 + (150 + 300) * MSEC + MSEC);
	ck_assert_int_ge(watch[0].unanswered_at - died, 450 * MSEC - 20 * MSEC);
	ck_assert_uint_eq(NET_COUNT(net, 0, probes_indirect), 3);
	ck_assert_uint_eq(NET_COUNT(net, 0, probes_lost), 1);
	drop_all = false;
	finish(net);
}
END_TEST

/* Verdicts make us doubt ourselves: the next takes longer. Answers restore trust. */
START_TEST(test_doubt)
{
	struct net *net = start_pair();
	pias_time first, second, from;

	drop_all = true;
	net->drop = drop_between;
	probes_now(watch[0].probes, &net->node[1].self);
	from = net->now;
	net_pass(net, 460 * MSEC);
	ck_assert_uint_eq(watch[0].n_unanswered, 1);
	first = watch[0].unanswered_at - from;
	watch[0].n_neighbours = 0;
	net_pass(net, SEC);
	from = net->now;
	probes_now(watch[0].probes, &net->node[1].self);
	net_pass(net, 2 * SEC);
	second = watch[0].unanswered_at - from;
	ck_assert_int_ge(second, 2 * first - 10 * MSEC);
	drop_all = false;
	watch[0].n_neighbours = 1;
	watch[0].neighbour[0] = 2; /* somebody who answers */
	net_pass(net, 10 * SEC);
	watch[0].n_neighbours = 0;
	drop_all = true;
	net_pass(net, SEC);
	from = net->now;
	probes_now(watch[0].probes, &net->node[1].self);
	net_pass(net, 2 * SEC);
	ck_assert_int_le(watch[0].unanswered_at - from, first + 10 * MSEC);
	drop_all = false;
	finish(net);
}
END_TEST

/* Its process is killed: the link breaks, whoever hears of it probes at once. */
START_TEST(test_killed_process)
{
	struct net *net = start_pair();
	pias_time died = net->now;

	kill_node(net, 1, false);
	while (!net->node[0].n_down)
		net_pass(net, MSEC);
	probes_now(watch[0].probes, &net->node[1].self);
	while (net->node[0].n_down == 1)
		net_pass(net, MSEC); /* dialed, refused: reported again */
	probes_now(watch[0].probes, &net->node[1].self);
	ck_assert_uint_eq(NET_COUNT(net, 0, probes_indirect), 3); /* no use in waiting */
	net_pass(net, 400 * MSEC);
	ck_assert_uint_eq(watch[0].n_unanswered, 1);
	ck_assert_int_le(watch[0].unanswered_at - died, 400 * MSEC);
	finish(net);
}
END_TEST

/* Slow all of a sudden: reported, then heard, and its real distance learnt. */
START_TEST(test_late_answer)
{
	struct net *net = start_pair();
	unsigned n;

	watch[0].n_helpers = 0;
	net->one_way[0][1] = net->one_way[1][0] = 900 * MSEC;
	n = watch[0].n_heard[1];
	net_pass(net, 1200 * MSEC);
	ck_assert_uint_eq(watch[0].n_unanswered, 1);
	ck_assert_uint_eq(watch[0].n_heard[1], n);
	net_pass(net, 2 * SEC);
	ck_assert_uint_gt(watch[0].n_heard[1], n);
	net_pass(net, 20 * SEC); /* finding its feet */
	n = watch[0].n_unanswered;
	net_pass(net, 60 * SEC);
	ck_assert_uint_eq(watch[0].n_unanswered, n);
	ck_assert_uint_ge(probes_rtt_us(watch[0].probes, id_of(net, 1)), 1700000);
	finish(net);
}
END_TEST

/*
 * We stood still: for so long that every timer ran out, while the answers lie unread.
 * Nobody else is to blame.
 */
START_TEST(test_stall)
{
	struct net *net = start_pair();
	uint64_t out = NET_COUNT(net, 0, probes_out);

	watch[0].n_helpers = _i; /* with and without help */
	while (NET_COUNT(net, 0, probes_out) == out)
		net_pass(net, MSEC);
	net->node[0].frozen_until = net->now + 5 * SEC;
	net_pass(net, 30 * SEC);
	ck_assert_uint_eq(watch[0].n_unanswered, 0);
	ck_assert_uint_ge(watch[0].n_heard[1], 50);
	finish(net);
}
END_TEST

/* It stood still: the suspicion comes, and so does the answer in the end. */
START_TEST(test_peer_stalls)
{
	struct net *net = start_pair();
	unsigned n = watch[0].n_heard[1];

	net->node[1].frozen_until = net->now + 3 * SEC;
	net_pass(net, 2 * SEC);
	ck_assert_uint_ge(watch[0].n_unanswered, 1);
	ck_assert_uint_eq(watch[0].n_heard[1], n);
	net_pass(net, 2 * SEC);
	ck_assert_uint_gt(watch[0].n_heard[1], n);
	finish(net);
}
END_TEST

/* The other end lost power and came back; we still hold the corpse of a link. */
START_TEST(test_restarted_peer)
{
	struct net *net = start_pair();

	kill_node(net, 1, true);
	net_boot_as(net, 1, "lab", 9000);
	watch_init(net, 1, 9000);
	/* its kernel answers what comes on the old link with a reset */
	net_post(net, NET_DOWN, 0, net->now + 700 * MSEC, NULL, 0)->link = 0;
	net_pass(net, 5 * SEC);
	ck_assert_uint_eq(watch[0].incarnation[1], 9000);
	ck_assert_int_lt(probes_heard_ago(watch[0].probes, id_of(net, 1)), SEC);
	finish(net);
}
END_TEST

START_TEST(test_forget)
{
	struct net *net = start_pair();

	drop_all = true;
	net->drop = drop_between;
	probes_now(watch[0].probes, &net->node[1].self);
	net_pass(net, 200 * MSEC);
	watch[0].n_neighbours = 0;
	probes_forget(watch[0].probes, id_of(net, 1));
	probes_forget(watch[0].probes, id_of(net, 1)); /* unknown: fine */
	net_pass(net, 10 * SEC);
	ck_assert_uint_eq(watch[0].n_unanswered, 0);
	ck_assert(probes_heard_ago(watch[0].probes, id_of(net, 1)) == PIAS_NEVER);
	drop_all = false;
	finish(net);
}
END_TEST

/* Messages one by one */

static int inject(struct net *net, int to, int from, uint8_t type, const void *body,
		  size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);
	struct rd r;
	int err;

	memcpy(exact, body, len);
	rd_init(&r, exact, len);
	err = probes_on_message(watch[to].probes, &net->node[from].self, type, &r);
	free(exact);
	return err;
}

static size_t ack_body(uint64_t nonce, uint8_t *buf)
{
	struct msg_probe m = {.nonce = nonce, .incarnation = 1001};
	struct wr w;

	coord_init(&m.coord);
	wr_init(&w, buf, MSG_PROBE_LEN);
	msg_probe_write(&w, &m);
	return wr_len(&w);
}

static uint64_t seen_nonce;

static int steal_nonce(struct node *n, const struct contact *from, uint8_t type,
		       struct rd *body, bool is_datagram)
{
	if (type == MSG_PROBE)
		seen_nonce = be64_get(body->p);
	return 0; /* and no answer */
}

/* An answer counts from the one who was asked, with the nonce, once. */
START_TEST(test_stray_answers)
{
	struct net *net = start_pair();
	uint8_t body[MSG_PROBE_LEN];
	unsigned n;
	size_t len;

	net->node[1].on_message = steal_nonce;
	watch[0].n_helpers = 0;
	seen_nonce = 0;
	while (!seen_nonce)
		net_pass(net, MSEC);
	n = watch[0].n_heard[1];
	len = ack_body(seen_nonce ^ 0x100, body);
	ck_assert_int_eq(inject(net, 0, 1, MSG_PROBE_ACK, body, len), 0);
	len = ack_body(seen_nonce, body);
	ck_assert_int_eq(inject(net, 0, 2, MSG_PROBE_ACK, body, len), 0);
	ck_assert_int_eq(inject(net, 0, 2, MSG_PROBE_ASK_ACK, body, 16), 0);
	ck_assert_uint_eq(NET_COUNT(net, 0, drop_probe_stray), 3);
	ck_assert(watch[0].n_heard[1] == n && watch[0].n_heard[2] == 0);
	ck_assert_int_eq(inject(net, 0, 1, MSG_PROBE_ACK, body, len), 0);
	ck_assert_uint_eq(watch[0].n_heard[1], n + 1);
	ck_assert_int_eq(inject(net, 0, 1, MSG_PROBE_ACK, body, len), 0);
	ck_assert_uint_eq(NET_COUNT(net, 0, drop_probe_stray), 4);
	ck_assert_uint_eq(watch[0].n_heard[1], n + 1);
	finish(net);
}
END_TEST

/* Only those who were asked to help are believed, and only when they were. */
START_TEST(test_stray_helpers)
{
	struct net *net = start_pair();
	uint8_t body[MSG_PROBE_ASK_ACK_LEN] = {0};
	unsigned n;
	int i;

	for (i = 1; i < 5; i++)
		net->node[i].on_message = steal_nonce;
	seen_nonce = 0;
	while (!NET_COUNT(net, 0, probes_indirect))
		net_pass(net, MSEC);
	n = watch[0].n_heard[1];
	be64_put(body, seen_nonce & ~(uint64_t)3);
	ck_assert_int_eq(inject(net, 0, 1, MSG_PROBE_ASK_ACK, body, sizeof(body)), 0);
	ck_assert_uint_eq(watch[0].n_heard[1], n); /* the subject is no helper */
	ck_assert_int_eq(inject(net, 0, 3, MSG_PROBE_ASK_ACK, body, sizeof(body)), 0);
	ck_assert_uint_eq(watch[0].n_heard[1], n + 1);
	ck_assert_int_eq(inject(net, 0, 4, MSG_PROBE_ASK_ACK, body, sizeof(body)), 0);
	ck_assert_uint_eq(watch[0].n_heard[1], n + 1);
	ck_assert_uint_eq(NET_COUNT(net, 0, drop_probe_stray), 2);
	finish(net);
}
END_TEST

static size_t ask_body(const struct contact *subject, uint8_t *buf)
{
	struct msg_probe_ask m = {.nonce = 42, .subject = *subject};
	struct wr w;

	wr_init(&w, buf, MSG_PROBE_ASK_MAX);
	msg_probe_ask_write(&w, &m);
	return wr_len(&w);
}

static unsigned n_answers;

static int count_answers(struct node *n, const struct contact *from, uint8_t type,
			 struct rd *body, bool is_datagram)
{
	if (type == MSG_PROBE_ASK_ACK) {
		ck_assert(be64_get(body->p) == 42);
		n_answers++;
	}
	return 0;
}

START_TEST(test_helping)
{
	struct net *net = start(4);
	struct contact dead = net->node[3].self;
	uint8_t body[MSG_PROBE_ASK_MAX];
	size_t len;
	int i;

	kill_node(net, 3, true);
	net->is_black_hole = true;
	net->node[0].on_message = count_answers;
	n_answers = 0;
	/* about itself */
	len = ask_body(&net->node[1].self, body);
	ck_assert_int_eq(inject(net, 1, 0, MSG_PROBE_ASK, body, len), 0);
	net_pass(net, SEC);
	ck_assert_uint_eq(n_answers, 1);
	ck_assert_uint_eq(NET_COUNT(net, 1, probes_out), 0);
	/* about somebody alive, whom it has to dial first */
	len = ask_body(&net->node[2].self, body);
	ck_assert_int_eq(inject(net, 1, 0, MSG_PROBE_ASK, body, len), 0);
	net_pass(net, SEC);
	ck_assert_uint_eq(n_answers, 2);
	ck_assert_uint_eq(watch[1].n_heard[2], 1);
	/* at an address that was another's with their key: that they live proves nothing
	 */
	for (i = 1; i <= 2; i++) {
		struct contact elsewhere = net->node[i].self;

		elsewhere.addr[0].port++;
		len = ask_body(&elsewhere, body);
		ck_assert_int_eq(inject(net, 1, 0, MSG_PROBE_ASK, body, len), 0);
	}
	net_pass(net, SEC);
	ck_assert_uint_eq(n_answers, 2);
	/* about the dead: silence, no verdict of its own, and only so many at once */
	len = ask_body(&dead, body);
	for (i = 0; i < 70; i++)
		ck_assert_int_eq(inject(net, 1, 0, MSG_PROBE_ASK, body, len), 0);
	ck_assert_uint_eq(NET_COUNT(net, 1, drop_probe_full), 6);
	net_pass(net, 20 * SEC);
	ck_assert_uint_eq(n_answers, 2);
	ck_assert_uint_eq(watch[1].n_unanswered, 0);
	ck_assert_int_eq(inject(net, 1, 0, MSG_PROBE_ASK, body, len), 0);
	ck_assert_uint_eq(NET_COUNT(net, 1, drop_probe_full), 6);
	finish(net);
}
END_TEST

START_TEST(test_own_probes_are_bounded)
{
	struct net *net = start(2);
	struct contact who;
	uint32_t i;

	net->is_black_hole = true;
	memset(&who, 0, sizeof(who));
	who.addr[0] = addr_v4((const uint8_t[]){192, 0, 2, 99}, 7427);
	for (i = 0; i < 130; i++) {
		be32_put(who.id.b, i * 2654435761u);
		probes_now(watch[0].probes, &who);
	}
	ck_assert_uint_eq(NET_COUNT(net, 0, drop_probe_full), 2);
	finish(net);
}
END_TEST

START_TEST(test_malformed)
{
	static const uint8_t type[] = {MSG_PROBE, MSG_PROBE_ACK, MSG_PROBE_ASK,
				       MSG_PROBE_ASK_ACK};
	struct net *net = start(2);
	uint8_t body[128];
	size_t len = 16, i;

	if (type[_i] == MSG_PROBE || type[_i] == MSG_PROBE_ACK)
		len = ack_body(1, body);
	else if (type[_i] == MSG_PROBE_ASK)
		len = ask_body(&net->node[1].self, body);
	else
		memset(body, 0, sizeof(body));
	body[len] = 0;
	for (i = 0; i <= len + 1; i++)
		ck_assert_int_eq(inject(net, 0, 1, type[_i], body, i),
				 i == len ? 0 : PIAS_EMALFORMED);
	ck_assert_int_eq(inject(net, 0, 1, 0x0f, body, 0), 0);
	ck_assert_uint_eq(NET_COUNT(net, 0, drop_message_unknown), 1);
	finish(net);
}
END_TEST

/* Coordinates */

/* Eight hosts at known distances: predictions come to fit what nobody measured. */
START_TEST(test_coordinates)
{
	static const int x[8] = {0, 10, 20, 60, 70, 80, 120, 130}; /* ms on a line */
	struct net *net = start(8);
	double got, want, worst = 0;
	unsigned moved, samples;
	int i, j;

	for (i = 0; i < 8; i++) {
		for (j = 0; j < 8; j++)
			net->one_way[i][j] = (abs(x[i] - x[j]) + 4) * MSEC / 2;
		watch[i].n_neighbours = 4; /* 0-1-3, not 0-2, 0-4 ... */
		for (j = 0; j < 4; j++)
			watch[i].neighbour[j] = (i + (j < 2 ? j + 1 : 7 - j)) % 8;
	}
	net_pass(net, 300 * SEC);
	for (i = 0; i < 8; i++) {
		j = (i + 3) % 8; /* never probed: from i to i + 1, 2, 4 and 5 only */
		if (probes_rtt_us(watch[i].probes, id_of(net, j)))
			continue;
		got = coord_rtt_us(probes_coord(watch[i].probes),
				   probes_coord(watch[j].probes));
		want = 1000.0 * (abs(x[i] - x[j]) + 4);
		got = (got > want ? got - want : want - got) / want;
		if (got > worst)
			worst = got;
	}
	ck_assert_msg(worst > 0 && worst < 0.25, "worst error %g", worst);
	/* What is published has come to rest, though samples go on. */
	moved = watch[3].n_moved;
	samples = watch[3].n_heard[4];
	net_pass(net, 60 * SEC);
	ck_assert_uint_ge(watch[3].n_heard[4] - samples, 100);
	ck_assert_uint_le(watch[3].n_moved - moved, 10);
	ck_assert_uint_ge(moved, 5);
	finish(net);
}
END_TEST

START_TEST(test_deterministic)
{
	struct coord c[2];
	struct net *net;
	int run, i;

	for (run = 0; run < 2; run++) {
		net = start(6);
		for (i = 0; i < 6; i++) {
			watch[i].target = (i + 2) % 6;
			net->one_way[i][(i + 2) % 6] = (1 + i) * 3 * MSEC;
		}
		net_pass(net, 60 * SEC);
		c[run] = *probes_coord(watch[2].probes);
		finish(net);
	}
	ck_assert_mem_eq(&c[0], &c[1], sizeof(c[0]));
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_periodic);
	tcase_add_test(c, test_incarnation);
	tcase_add_test(c, test_distant_peer_is_asked_once);
	tcase_add_test(c, test_distant_strangers);
	tcase_add_loop_test(c, test_lost_probe_is_repeated, 0, 2);
	tcase_add_test(c, test_indirect);
	tcase_add_test(c, test_answer_by_link);
	tcase_add_test(c, test_silent_death);
	tcase_add_test(c, test_doubt);
	tcase_add_test(c, test_killed_process);
	tcase_add_test(c, test_late_answer);
	tcase_add_loop_test(c, test_stall, 0, 4);
	tcase_add_test(c, test_peer_stalls);
	tcase_add_test(c, test_restarted_peer);
	tcase_add_test(c, test_forget);
	tcase_add_test(c, test_stray_answers);
	tcase_add_test(c, test_stray_helpers);
	tcase_add_test(c, test_helping);
	tcase_add_test(c, test_own_probes_are_bounded);
	tcase_add_loop_test(c, test_malformed, 0, 4);
	tcase_add_test(c, test_coordinates);
	tcase_add_test(c, test_deterministic);
}

int main(void)
{
	return suite_main("probe", fill);
}
