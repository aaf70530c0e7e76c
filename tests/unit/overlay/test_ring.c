/*
 * The ring by itself: Zave's operations over a bus with delays, no membership table, no
 * fingers. The bus plays the detector: a dead one is known to be gone a second later.
 */
#include <string.h>

#include "overlay/ring.h"
#include "tests/fixture/rng.h"
#include "tests/fixture/suite.h"

#define NODES	24
#define DELAY	(10 * MSEC)
#define VERDICT (1 * SEC)
#define HEALED	(60 * SEC)

struct bus;

struct node {
	struct bus *bus;
	struct env env;
	struct ring ring;
	bool is_up;
	pias_time died;
	pias_time wake;
	unsigned n_changed;
};

struct parcel {
	pias_time at;
	unsigned to, from;
	uint8_t type;
	size_t len;
	uint8_t body[MSG_LIST_MAX];
};

struct bus {
	pias_time now;
	unsigned n;
	struct node node[NODES];
	struct parcel *parcel;
	unsigned n_parcels, cap;
	struct rng rng;
	uint64_t n_sent;
};

static struct node *node_of(struct bus *bus, const struct id *id)
{
	unsigned i;

	for (i = 0; i < bus->n; i++)
		if (id_eq(&bus->node[i].ring.self.id, id))
			return &bus->node[i];
	return NULL;
}

static int on_send(void *ctx, const struct contact *to, uint8_t type, const void *body,
		   size_t len)
{
	struct node *x = ctx, *y = node_of(x->bus, &to->id);
	struct bus *bus = x->bus;
	struct parcel *p;

	ck_assert_ptr_nonnull(y);
	ck_assert_ptr_ne(x, y);
	if (bus->n_parcels == bus->cap) {
		bus->cap = bus->cap ? 2 * bus->cap : 64;
		bus->parcel = realloc(bus->parcel, bus->cap * sizeof(*p));
	}
	p = &bus->parcel[bus->n_parcels++];
	p->at = bus->now + DELAY;
	p->to = (unsigned)(y - bus->node);
	p->from = (unsigned)(x - bus->node);
	p->type = type;
	p->len = len;
	memcpy(p->body, body, len);
	bus->n_sent++;
	return 0;
}

static pias_time on_patience(void *ctx, const struct contact *to)
{
	return 4 * DELAY;
}

static bool on_is_gone(void *ctx, const struct id *id)
{
	struct node *x = ctx, *y = node_of(x->bus, id);

	return y && !y->is_up && y->died && x->bus->now - y->died >= VERDICT;
}

static void on_silent(void *ctx, const struct contact *who)
{
}

static void on_changed(void *ctx, unsigned what)
{
	((struct node *)ctx)->n_changed++;
}

static void on_done(void *ctx)
{
}

static const struct ring_ops ring_ops = {
	.send = on_send,
	.patience = on_patience,
	.is_gone = on_is_gone,
	.silent = on_silent,
	.changed = on_changed,
	.done = on_done,
};

static void env_wake(void *host, pias_time at)
{
	((struct node *)host)->wake = at;
}

static void env_random_bytes(void *host, void *buf, size_t len)
{
	rng_fill(&((struct node *)host)->bus->rng, buf, len);
}

static const struct env_ops env_ops = {.wake = env_wake, .random = env_random_bytes};

static void deliver(struct bus *bus, const struct parcel *p)
{
	struct node *x = &bus->node[p->to];
	const struct contact *from = &bus->node[p->from].ring.self;
	struct msg_list list;
	struct msg_ask ask;
	struct rd r;

	if (!x->is_up)
		return;
	x->env.now = bus->now;
	rd_init(&r, p->body, p->len);
	switch (p->type) {
	case MSG_GET_LIST:
		ck_assert_int_eq(msg_ask_read(&r, &ask), 0);
		ring_on_get_list(&x->ring, from, &ask);
		break;
	case MSG_NOTIFY:
		ck_assert_int_eq(msg_ask_read(&r, &ask), 0);
		ring_on_notify(&x->ring, from);
		break;
	case MSG_LIST:
		ck_assert_int_eq(msg_list_read(&r, &list), 0);
		ring_on_list(&x->ring, from, &list);
		break;
	case MSG_LEAVE:
		ck_assert_int_eq(msg_list_read(&r, &list), 0);
		ring_on_leave(&x->ring, from, &list);
		break;
	default:
		ck_abort_msg("type %u", p->type);
	}
	env_settle(&x->env);
}

/* The detector speaks to everybody, a second after the death. */
static pias_time next_verdict(const struct bus *bus, unsigned *who)
{
	pias_time at = PIAS_NEVER;
	unsigned i;

	for (i = 0; i < bus->n; i++) {
		pias_time t = bus->node[i].died + VERDICT;

		if (!bus->node[i].is_up && bus->node[i].died && t > bus->now && t < at) {
			at = t;
			*who = i;
		}
	}
	return at;
}

static void verdict(struct bus *bus, unsigned who)
{
	unsigned i;

	for (i = 0; i < bus->n; i++) {
		struct node *x = &bus->node[i];

		if (!x->is_up)
			continue;
		x->env.now = bus->now;
		ring_on_gone(&x->ring, &bus->node[who].ring.self.id);
		env_settle(&x->env);
	}
}

static bool step_once(struct bus *bus, pias_time until)
{
	struct node *first = NULL;
	unsigned i, best = 0, who = 0;
	pias_time at = next_verdict(bus, &who);
	enum { VERDICTS, TIMER, PARCEL } what = VERDICTS;

	for (i = 0; i < bus->n; i++)
		if (bus->node[i].is_up && bus->node[i].wake < at) {
			at = bus->node[i].wake;
			first = &bus->node[i];
			what = TIMER;
		}
	for (i = 0; i < bus->n_parcels; i++)
		if (bus->parcel[i].at < at) {
			at = bus->parcel[i].at;
			best = i;
			what = PARCEL;
		}
	if (at > until)
		return false;
	bus->now = at;
	if (what == VERDICTS) {
		verdict(bus, who);
	} else if (what == TIMER) {
		first->env.now = at;
		env_run(&first->env);
		env_settle(&first->env);
	} else {
		struct parcel p = bus->parcel[best];

		bus->n_parcels--;
		memmove(&bus->parcel[best], &bus->parcel[best + 1],
			(bus->n_parcels - best) * sizeof(p));
		deliver(bus, &p);
	}
	return true;
}

static void run(struct bus *bus, pias_time d)
{
	pias_time until = bus->now + d;

	while (step_once(bus, until))
		;
	bus->now = until;
}

static struct bus *bus_new(uint64_t seed, unsigned n)
{
	struct bus *bus = calloc(1, sizeof(*bus));
	unsigned i;

	bus->rng.s = seed;
	bus->now = SEC;
	bus->n = n;
	for (i = 0; i < n; i++) {
		struct node *x = &bus->node[i];
		uint8_t ip[4] = {192, 0, 2, (uint8_t)(i + 1)};

		x->bus = bus;
		x->wake = PIAS_NEVER;
		rng_fill(&bus->rng, &x->ring.self.id, ID_LEN);
		x->ring.self.addr[0] = addr_v4(ip, 7427);
	}
	return bus;
}

static void bus_free(struct bus *bus)
{
	unsigned i;

	for (i = 0; i < bus->n; i++) {
		if (!bus->node[i].is_up)
			continue;
		ring_fini(&bus->node[i].ring);
		ck_assert_int_eq(timers_next(&bus->node[i].env.timers), PIAS_NEVER);
		env_fini(&bus->node[i].env);
	}
	free(bus->parcel);
	free(bus);
}

static unsigned n_up(const struct bus *bus)
{
	unsigned i, n = 0;

	for (i = 0; i < bus->n; i++)
		n += bus->node[i].is_up;
	return n;
}

/* Whoever admits it; for a moment, after a crash, there may be nobody. */
static bool join(struct bus *bus, unsigned i)
{
	struct node *x = &bus->node[i];
	struct contact self = x->ring.self;
	struct msg_list list;
	unsigned k;

	for (k = 0; k < bus->n; k++)
		if (bus->node[k].is_up &&
		    ring_admits(&bus->node[k].ring, &self.id, &list))
			break;
	if (k == bus->n && n_up(bus))
		return false;
	env_init(&x->env, &env_ops, x);
	x->env.now = bus->now;
	ring_init(&x->ring, &x->env, &self, (uint64_t)bus->now, SEC, &ring_ops, x);
	x->is_up = true;
	if (k < bus->n)
		ring_join(&x->ring, &bus->node[k].ring.self, &list);
	else
		ring_create(&x->ring);
	env_settle(&x->env);
	return true;
}

static void stop(struct bus *bus, unsigned i)
{
	struct node *x = &bus->node[i];
	struct contact self = x->ring.self;

	ring_fini(&x->ring);
	env_fini(&x->env);
	x->ring.self = self;
	x->is_up = false;
	x->died = bus->now;
	x->wake = PIAS_NEVER;
}

static void leave(struct bus *bus, unsigned i)
{
	bus->node[i].env.now = bus->now;
	ring_leave(&bus->node[i].ring);
	ck_assert(!ring_owns(&bus->node[i].ring, &bus->node[i].ring.self.id));
	stop(bus, i);
}

/*
 * Zave's condition for a failure, and for a leave before the ring has settled: everybody
 * keeps a live successor, or is alone.
 */
static bool may_die(struct bus *bus, unsigned victim)
{
	unsigned i, k;

	for (i = 0; i < bus->n; i++) {
		const struct ring *r = &bus->node[i].ring;
		bool has_live = false;

		if (!bus->node[i].is_up || i == victim)
			continue;
		for (k = 0; k < r->n_succ; k++) {
			struct node *s = node_of(bus, &r->succ[k].id);

			has_live |= s && s->is_up && s != &bus->node[victim];
		}
		if (!has_live && n_up(bus) > 2)
			return false;
	}
	return true;
}

static int by_id(const void *a, const void *b)
{
	const struct node *const *x = a, *const *y = b;

	return id_cmp(&(*x)->ring.self.id, &(*y)->ring.self.id);
}

static const char *wrong(struct bus *bus)
{
	struct node *m[NODES];
	unsigned i, k, n = 0, want;

	for (i = 0; i < bus->n; i++)
		if (bus->node[i].is_up)
			m[n++] = &bus->node[i];
	qsort(m, n, sizeof(struct node *), by_id);
	want = n - 1 < RING_L ? n - 1 : RING_L;
	for (i = 0; i < n; i++) {
		const struct ring *r = &m[i]->ring;

		if (!id_eq(&r->pred.id, &m[(i + n - 1) % n]->ring.self.id))
			return "predecessor";
		if (r->n_succ != want)
			return "length";
		for (k = 0; k < want; k++)
			if (!id_eq(&r->succ[k].id, &m[(i + k + 1) % n]->ring.self.id))
				return "successor";
	}
	return NULL;
}

static void converge(struct bus *bus, pias_time within)
{
	pias_time start = bus->now;
	const char *what;

	while ((what = wrong(bus))) {
		if (bus->now - start > within)
			ck_abort_msg("not ideal: %s, %u members", what, n_up(bus));
		run(bus, 100 * MSEC);
	}
}

/* Tests */

START_TEST(test_alone)
{
	struct bus *bus = bus_new(1, 1);
	struct ring *r = &bus->node[0].ring;
	struct id key = {{0x55}};

	ck_assert(join(bus, 0));
	run(bus, 10 * SEC);
	ck_assert_uint_eq(r->n_succ, 0);
	ck_assert_ptr_null(ring_head(r));
	ck_assert(ring_owns(r, &key));
	ck_assert(ring_owns(r, &r->self.id));
	ck_assert_uint_eq(bus->n_sent, 0);
	bus_free(bus);
}
END_TEST

/* One joins after the other; in an ideal ring nothing changes any more. */
START_TEST(test_grow_and_rest)
{
	unsigned n = (unsigned)_i, i, changed = 0;
	struct bus *bus = bus_new(n, n);

	for (i = 0; i < n; i++) {
		ck_assert(join(bus, i));
		converge(bus, HEALED);
	}
	for (i = 0; i < n; i++)
		changed += bus->node[i].n_changed;
	run(bus, 60 * SEC);
	for (i = 0; i < n; i++)
		changed -= bus->node[i].n_changed;
	ck_assert_uint_eq(changed, 0);
	bus_free(bus);
}
END_TEST

/* All join at the same instant, most between the same two. */
START_TEST(test_join_at_once)
{
	unsigned n = (unsigned)_i, i;
	struct bus *bus = bus_new(n, n);

	for (i = 0; i < n; i++)
		ck_assert(join(bus, i));
	converge(bus, HEALED);
	bus_free(bus);
}
END_TEST

/* Crashes one after the other down to one, without waiting for more than a verdict. */
START_TEST(test_shrink)
{
	unsigned n = 12, i;
	struct bus *bus = bus_new((uint64_t)_i, n);

	for (i = 0; i < n; i++)
		ck_assert(join(bus, i));
	converge(bus, HEALED);
	for (i = n; i-- > 1;) {
		while (!may_die(bus, i))
			run(bus, 100 * MSEC);
		stop(bus, i);
		run(bus, rng_below(&bus->rng, 3) * SEC);
	}
	converge(bus, HEALED);
	ck_assert(ring_owns(&bus->node[0].ring, &bus->node[5].ring.self.id));
	bus_free(bus);
}
END_TEST

/* Half of the ring at once, as long as everybody keeps one live successor. */
START_TEST(test_mass_crash)
{
	unsigned n = 20, i, n_dead = 0;
	struct bus *bus = bus_new((uint64_t)_i, n);

	for (i = 0; i < n; i++)
		ck_assert(join(bus, i));
	converge(bus, HEALED);
	for (i = 0; i < n / 2; i++)
		if (may_die(bus, i)) {
			stop(bus, i);
			n_dead++;
		}
	ck_assert_uint_ge(n_dead, 5);
	converge(bus, HEALED);
	bus_free(bus);
}
END_TEST

/* A leaver's neighbours close the gap within one delay, without any verdict. */
START_TEST(test_leave)
{
	unsigned n = (unsigned)_i, i;
	struct bus *bus = bus_new(n, n);

	for (i = 0; i < n; i++)
		ck_assert(join(bus, i));
	converge(bus, HEALED);
	leave(bus, n - 1);
	run(bus, DELAY);
	for (i = 0; i + 1 < n; i++) {
		const struct ring *r = &bus->node[i].ring;

		ck_assert(!id_eq(&r->pred.id, &bus->node[n - 1].ring.self.id));
		ck_assert(!r->n_succ ||
			  !id_eq(&r->succ[0].id, &bus->node[n - 1].ring.self.id));
	}
	converge(bus, HEALED);
	bus_free(bus);
}
END_TEST

/* Every order in which four come, crash and leave again, three actions deep. */
START_TEST(test_every_order)
{
	unsigned code, k;

	for (code = 0; code < 8 * 8 * 8; code++) {
		struct bus *bus = bus_new((uint64_t)_i * 1000 + code + 1, 4);
		unsigned c = code;

		for (k = 0; k <= (unsigned)_i; k++)
			ck_assert(join(bus, k));
		run(bus, 3 * SEC);
		for (k = 0; k < 3; k++, c /= 8) {
			unsigned i = c % 4;

			if (!bus->node[i].is_up)
				join(bus, i);
			else if (may_die(bus, i) && c / 4 % 2)
				leave(bus, i);
			else if (may_die(bus, i))
				stop(bus, i);
			run(bus, rng_below(&bus->rng, 4) * 500 * MSEC);
		}
		converge(bus, HEALED);
		bus_free(bus);
	}
}
END_TEST

START_TEST(test_random_schedule)
{
	struct bus *bus = bus_new((uint64_t)_i, NODES);
	unsigned k;

	for (k = 0; k < 12; k++)
		ck_assert(join(bus, k));
	run(bus, 5 * SEC);
	for (k = 0; k < 100; k++) {
		unsigned i = rng_below(&bus->rng, NODES);

		if (!bus->node[i].is_up)
			join(bus, i);
		else if (n_up(bus) < 3 || !may_die(bus, i))
			;
		else if (rng_below(&bus->rng, 2))
			leave(bus, i);
		else
			stop(bus, i);
		run(bus, rng_below(&bus->rng, 3) * 300 * MSEC);
	}
	converge(bus, HEALED);
	bus_free(bus);
}
END_TEST

/* Single steps */

/* A bus with nodes at chosen places, only the first one running. */
static struct bus *bus_at(unsigned n, const uint8_t *place)
{
	struct bus *bus = bus_new(1, n);
	unsigned i;

	for (i = 0; i < n; i++) {
		memset(&bus->node[i].ring.self.id, 0, ID_LEN);
		bus->node[i].ring.self.id.b[0] = place[i];
	}
	ck_assert(join(bus, 0));
	return bus;
}

static struct contact at(const struct bus *bus, unsigned i)
{
	return bus->node[i].ring.self;
}

/* Nobody's word is enough: a candidate is adopted with his own answer only. */
START_TEST(test_candidate_must_answer)
{
	static const uint8_t place[] = {10, 20, 15};
	struct bus *bus = bus_at(3, place);
	struct ring *r = &bus->node[0].ring;
	struct msg_list m = {.n_succ = 0};
	struct contact b = at(bus, 1), c = at(bus, 2);

	ck_assert(join(bus, 1));
	converge(bus, HEALED);
	/* b answers, and names c, which does not run, as its predecessor. */
	while (!r->ask.nonce)
		run(bus, MSEC);
	m.nonce = r->ask.nonce;
	m.pred = c;
	ring_on_list(r, &b, &m);
	ck_assert(id_eq(&ring_head(r)->id, &b.id));
	ck_assert(r->ask.nonce && r->ask_candidate);
	run(bus, SEC);
	ck_assert(id_eq(&ring_head(r)->id, &b.id));
	bus_free(bus);
}
END_TEST

/* Answers from others, or to other questions, change nothing. */
START_TEST(test_stray_answers)
{
	static const uint8_t place[] = {10, 20, 15};
	struct bus *bus = bus_at(3, place);
	struct ring *r = &bus->node[0].ring;
	struct contact b = at(bus, 1), c = at(bus, 2);
	struct msg_list m = {.n_succ = 1};
	unsigned changed;

	ck_assert(join(bus, 1));
	converge(bus, HEALED);
	m.pred = c;
	m.succ[0] = c;
	changed = bus->node[0].n_changed;
	while (!r->ask.nonce)
		run(bus, MSEC);
	m.nonce = r->ask.nonce;
	ring_on_list(r, &c, &m);
	m.nonce = r->ask.nonce + 1;
	ring_on_list(r, &b, &m);
	m.nonce = 0;
	ring_on_list(r, &b, &m);
	ck_assert_uint_eq(bus->node[0].n_changed, changed);
	ck_assert(id_eq(&ring_head(r)->id, &b.id));
	bus_free(bus);
}
END_TEST

/* Rectify: closer is taken at once, farther only if the old one is dead. */
START_TEST(test_rectify)
{
	static const uint8_t place[] = {100, 20, 50, 10};
	struct bus *bus = bus_at(4, place);
	struct ring *r = &bus->node[0].ring;
	struct contact near = at(bus, 2), far = at(bus, 3);

	ck_assert(join(bus, 1));
	converge(bus, HEALED);
	ck_assert_uint_eq(r->pred.id.b[0], 20);
	ring_on_notify(r, &far);
	ck_assert_uint_eq(r->pred.id.b[0], 20);
	run(bus, SEC);
	ck_assert_uint_eq(r->pred.id.b[0], 20);
	ring_on_notify(r, &near);
	ck_assert_uint_eq(r->pred.id.b[0], 50);
	/* `near` never ran: only when that is found out does `far` become it. */
	ring_on_notify(r, &far);
	ck_assert_uint_eq(r->pred.id.b[0], 50);
	run(bus, 3 * 4 * DELAY);
	ck_assert_uint_eq(r->pred.id.b[0], 10);
	bus_free(bus);
}
END_TEST

/* tail + [last + 1]: a full list stays full, and the placeholder goes again. */
START_TEST(test_placeholder)
{
	struct bus *bus = bus_new(5, 12);
	struct ring *r = &bus->node[0].ring;
	struct id last;
	unsigned i, victim = 0;

	for (i = 0; i < 12; i++)
		ck_assert(join(bus, i));
	converge(bus, HEALED);
	ck_assert_uint_eq(r->n_succ, RING_L);
	last = r->succ[RING_L - 1].id;
	id_inc(&last);
	victim = (unsigned)(node_of(bus, &r->succ[0].id) - bus->node);
	stop(bus, victim);
	bus->node[0].env.now = bus->now;
	ring_on_gone(r, &bus->node[victim].ring.self.id);
	ck_assert_uint_eq(r->n_succ, RING_L);
	ck_assert(id_eq(&r->succ[RING_L - 1].id, &last));
	ck_assert(!contact_has_addr(&r->succ[RING_L - 1]));
	converge(bus, HEALED);
	bus_free(bus);
}
END_TEST

/* A list that wraps, repeats or names us is cut where it stops making sense. */
START_TEST(test_list_is_cut)
{
	static const uint8_t place[] = {10, 20, 30, 40, 15};
	struct bus *bus = bus_at(5, place);
	struct ring *r = &bus->node[0].ring;
	struct contact b = at(bus, 1);
	struct msg_list m = {.n_succ = 5};

	ck_assert(join(bus, 1));
	converge(bus, HEALED);
	while (!r->ask.nonce)
		run(bus, MSEC);
	m.nonce = r->ask.nonce;
	m.pred = at(bus, 0);
	m.succ[0] = at(bus, 2);
	m.succ[1] = at(bus, 2);
	m.succ[2] = at(bus, 3);
	m.succ[3] = at(bus, 0);
	m.succ[4] = at(bus, 4);
	ring_on_list(r, &b, &m);
	ck_assert_uint_eq(r->n_succ, 2);
	ck_assert_uint_eq(r->succ[1].id.b[0], 30);
	bus_free(bus);
}
END_TEST

/* Who admits whom: only the one right before; also a successor that restarted. */
START_TEST(test_admits)
{
	static const uint8_t place[] = {10, 20, 30};
	struct bus *bus = bus_at(3, place);
	struct msg_list m;
	struct id x = {{15}};

	ck_assert(join(bus, 1));
	ck_assert(join(bus, 2));
	converge(bus, HEALED);
	ck_assert(ring_admits(&bus->node[0].ring, &x, &m));
	ck_assert_uint_eq(m.n_succ, 2);
	ck_assert(!ring_admits(&bus->node[1].ring, &x, &m));
	ck_assert(!ring_admits(&bus->node[2].ring, &x, &m));
	x.b[0] = 35;
	ck_assert(ring_admits(&bus->node[2].ring, &x, &m));
	x.b[0] = 20;
	ck_assert(ring_admits(&bus->node[0].ring, &x, &m));
	ck_assert_uint_eq(m.n_succ, 1);
	ck_assert_uint_eq(m.succ[0].id.b[0], 30);
	x.b[0] = 10;
	ck_assert(!ring_admits(&bus->node[0].ring, &x, &m));
	bus_free(bus);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_alone);
	tcase_add_loop_test(c, test_grow_and_rest, 1, 14);
	tcase_add_loop_test(c, test_join_at_once, 2, 20);
	tcase_add_loop_test(c, test_shrink, 1, 10);
	tcase_add_loop_test(c, test_mass_crash, 1, 20);
	tcase_add_loop_test(c, test_leave, 2, 14);
	tcase_add_loop_test(c, test_every_order, 0, 4);
	tcase_add_loop_test(c, test_random_schedule, 1, 30);
	tcase_add_test(c, test_candidate_must_answer);
	tcase_add_test(c, test_stray_answers);
	tcase_add_test(c, test_rectify);
	tcase_add_test(c, test_placeholder);
	tcase_add_test(c, test_list_is_cut);
	tcase_add_test(c, test_admits);
}

int main(void)
{
	return suite_main("ring", fill);
}
