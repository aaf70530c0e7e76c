/*
 * Everything at once, from a seed: servers join, refresh, die, drain and leave through
 * any AP, APs join, leave and crash, links lose messages. Then quiet: every AP that
 * sends packets to a group must have exactly its eligible members, nearest first.
 */
#include "tests/fixture/fake_ring.h"
#include "tests/fixture/suite.h"

#define N_APS	  8
#define N_GROUPS  6
#define N_SERVERS 5
#define QUIET	  (65 * SEC) /* every subscription is renewed in that time */

struct sim_server {
	bool is_member, is_up, is_draining;
	uint64_t seq;
	uint32_t stamp;
	unsigned ap; /* its join AP */
};

static struct fake_ring ring;
static struct sim_server server[N_GROUPS][N_SERVERS];
static struct rng rng;

static struct group_name group(unsigned i)
{
	struct group_name g = ring_name("198.18.7.1:1/udp");

	g.port = (uint16_t)(i + 1);
	return g;
}

static unsigned any_ap(void)
{
	unsigned i;

	do
		i = rng_below(&rng, N_APS);
	while (!ring.ap[i].is_up || !ring.ap[i].is_member);
	return i;
}

/* What the server @s of group @g, or its join AP, has to say; answered or not. */
static void say(unsigned g, unsigned s, enum membership_op op)
{
	struct sim_server *x = &server[g][s];
	struct group_name name = group(g);
	struct membership_request q;

	if (op == MEMBERSHIP_HEALTH) {
		x->stamp++;
	} else {
		x->seq++;
		x->stamp = 0;
		x->ap = any_ap();
	}
	q = ring_request(op, &name, s, x->seq);
	q.member.stamp = x->stamp;
	q.member.flags =
		(x->is_up ? MEMBER_UP : 0) | (x->is_draining ? MEMBER_DRAINING : 0);
	ring_ask(&ring.ap[x->ap], &q);
}

static void change_server(void)
{
	unsigned g = rng_below(&rng, N_GROUPS), s = rng_below(&rng, N_SERVERS);
	struct sim_server *x = &server[g][s];

	if (!x->is_member) {
		x->is_member = x->is_up = true;
		x->is_draining = false;
		say(g, s, MEMBERSHIP_JOIN);
		return;
	}
	switch (rng_below(&rng, 6)) {
	case 0:
		x->is_member = false;
		say(g, s, MEMBERSHIP_LEAVE);
		return;
	case 1:
		x->is_up = !x->is_up;
		say(g, s,
		    ring.ap[x->ap].is_member ? MEMBERSHIP_HEALTH : MEMBERSHIP_REFRESH);
		return;
	case 2:
		x->is_draining = true;
		say(g, s, MEMBERSHIP_REFRESH);
		return;
	default:
		say(g, s, MEMBERSHIP_REFRESH);
	}
}

static unsigned n_members(void)
{
	unsigned i, n = 0;

	for (i = 0; i < N_APS; i++)
		n += ring.ap[i].is_member;
	return n;
}

static void change_ap(void)
{
	struct overlay *o = &ring.ap[rng_below(&rng, N_APS)];

	if (!o->is_up) {
		o->has_left = false;
		ring_join(o);
	} else if (n_members() < 4) {
		return;
	} else if (rng_below(&rng, 2)) {
		ring_leave(o);
	} else {
		ring_crash(o);
		ring_run(&ring, rng_below(&rng, 4) * SEC);
		ring_notice(&ring, PEER_DEAD);
	}
}

/* Every AP has packets for every group. */
static void send_packets(void)
{
	unsigned i, g;

	for (i = 0; i < N_APS; i++)
		for (g = 0; g < N_GROUPS && ring.ap[i].is_up; g++) {
			struct group_name name = group(g);

			ring_packet(&ring.ap[i], &name);
		}
}

/* Servers are alive and refresh: through quiet times and losses. */
static void live(pias_time time)
{
	unsigned g, s;

	for (; time > 0; time -= 5 * SEC) {
		send_packets();
		for (g = 0; g < N_GROUPS; g++)
			for (s = 0; s < N_SERVERS; s++)
				if (server[g][s].is_member)
					say(g, s, MEMBERSHIP_REFRESH);
		ring_run(&ring, 5 * SEC);
	}
}

static void check_order(const struct route *r, const struct overlay *o)
{
	unsigned i;

	for (i = 0; i < r->n_targets; i++) {
		const struct target *t = &r->target[i], *next = t + 1;

		ck_assert_uint_eq(r->slot[0], 0);
		if (id_eq(&t->join_ap, &o->self.id))
			ck_assert_uint_eq(t->cost_us, 1000);
		/* The first may have stayed; after that by cost, who drains last. */
		if (i && i + 1 < r->n_targets) {
			ck_assert_uint_le(t->is_draining, next->is_draining);
			if (t->is_draining == next->is_draining)
				ck_assert_uint_le(t->cost_us, next->cost_us);
		}
	}
}

static void check_route(const struct overlay *o, unsigned g)
{
	struct group_name name = group(g);
	const struct route *r = ring_route_of((struct overlay *)o, &name)->route;
	unsigned s, i, n = 0;

	for (s = 0; s < N_SERVERS; s++) {
		struct sim_server *x = &server[g][s];
		struct id id = ring_server(s);
		const struct target *found = NULL;

		/* A negative answer lasts for a second only. */
		for (i = 0; r && i < r->n_targets; i++)
			if (id_eq(&r->target[i].server, &id))
				found = &r->target[i];
		ck_assert_msg((found != NULL) == (x->is_member && x->is_up),
			      "ap %u group %u server %u: %s", o->i, g, s,
			      found ? "still there" : "missing");
		if (!found)
			continue;
		n++;
		ck_assert_uint_eq(found->is_draining, x->is_draining);
		ck_assert(id_eq(&found->join_ap, &ring.ap[x->ap].self.id));
	}
	if (!r)
		return;
	ck_assert_uint_eq(r->n_targets, n);
	check_order(r, o);
}

static void check_all(void)
{
	unsigned i, g;

	for (i = 0; i < N_APS; i++)
		for (g = 0; g < N_GROUPS && ring.ap[i].is_member; g++)
			check_route(&ring.ap[i], g);
}

static const uint8_t losable[] = {
	MSG_UPDATE,  MSG_UPDATE_ACK, MSG_RESOLVE,     MSG_PUSH, MSG_NEGATIVE,
	MSG_RECORDS, MSG_INVITE,     MSG_RECORDS_ACK, MSG_PULL, MSG_PULL_DONE};

START_TEST(test_converges)
{
	unsigned round, i;

	rng.s = (uint64_t)_i + 1;
	memset(server, 0, sizeof(server));
	ring_new(&ring, N_APS);
	for (i = 0; i < 4; i++)
		ring_join(&ring.ap[i]);
	ring_run(&ring, SEC);
	for (round = 0; round < 4; round++) {
		for (i = 0; i < 60; i++) {
			if (!rng_below(&rng, 12))
				change_ap();
			else
				change_server();
			if (!rng_below(&rng, 4))
				send_packets();
			if (!rng_below(&rng, 6)) {
				ring.lose_type =
					losable[rng_below(&rng, sizeof(losable))];
				ring.lose_n = 1 + rng_below(&rng, 3);
			}
			ring_run(&ring, rng_below(&rng, 400) * MSEC);
		}
		ring.lose_n = 0;
		live(QUIET);
		check_all();
	}
	ring_free(&ring);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_loop_test(c, test_converges, 0, 30);
}

int main(void)
{
	return suite_main("converge", fill);
}
