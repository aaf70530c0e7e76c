/*
 * Each operation draws from a stream of its own, by its time: leaving others out does
 * not change it.
 */
#include "sim/mishap.h"

#include <stdlib.h>
#include <string.h>

#include "sim/truth.h"

/* After these the ring may have lost what it needs, until somebody notices. */
#define UNSETTLED_TIME (60 * SEC)
#define FORGED	       20
#define WALL_CLOCK     1700000000000000ull /* us; any */
#define WALL_LEAP      7200000000ull	   /* two hours */

static struct rng stream_of(const struct trial *t, const struct op *op)
{
	struct rng r;

	rng_init(&r, t->plan->seed, RNG_FAULTS, (uint64_t)op->at);
	return r;
}

void mishap_unsettle(struct trial *t)
{
	t->unsettled = t->world.now + UNSETTLED_TIME;
}

/* --- starts and ends ---------------------------------------------------------------- */

static uint64_t draw_wall(struct trial *t)
{
	return t->plan->has_clock_leaps ? WALL_CLOCK + rng_below(&t->rng, WALL_LEAP) : 0;
}

void mishap_start_ap(struct trial *t, struct ap *ap)
{
	if (ap->host->is_up)
		return;
	ap->wall = draw_wall(t);
	ap_start(ap);
}

void mishap_start_server(struct trial *t, unsigned i)
{
	struct server *s = t->server[i];

	if (s->state == AGENT_LEFT)
		server_crash(s);
	if (s->host->is_up)
		return;
	s->wall = draw_wall(t);
	t->gone_at[i] = PIAS_NEVER;
	server_start(s);
}

static void crash_server(struct trial *t, unsigned i)
{
	if (!t->server[i]->host->is_up)
		return;
	if (t->gone_at[i] == PIAS_NEVER)
		t->gone_at[i] = t->world.now;
	server_crash(t->server[i]);
}

static void leave_server(struct trial *t, unsigned i)
{
	if (!t->server[i]->host->is_up || t->gone_at[i] != PIAS_NEVER)
		return;
	t->gone_at[i] = t->world.now;
	server_leave(t->server[i]);
}

void mishap_to_servers(struct trial *t)
{
	unsigned first = t->n_servers ? (unsigned)rng_below(&t->rng, t->n_servers) : 0;
	unsigned k, live = 0, down = 0;

	for (k = 0; k < t->n_servers; k++) {
		unsigned i = (first + k) % t->n_servers;

		if (t->gone_at[i] != PIAS_NEVER) {
			if (!down++)
				mishap_start_server(t, i);
			continue;
		}
		live++;
		if (live == 1)
			crash_server(t, i);
		else if (live == 2)
			leave_server(t, i);
	}
}

static void gone(void *ctx, uint64_t i)
{
	struct trial *t = ctx;

	if (t->ap[i]->is_leaving)
		ap_crash(t->ap[i], false);
}

static void leave_ap(struct trial *t, unsigned i)
{
	if (!trial_ap_is_live(t->ap[i]) || t->ap[i]->host->is_paused)
		return;
	ap_leave(t->ap[i]);
	world_at(&t->world, t->world.now + DRAIN_TIME, gone, t, i);
}

static void crowd(struct trial *t)
{
	unsigned i;

	for (i = 0; i < t->n_aps; i++)
		mishap_start_ap(t, t->ap[i]);
	for (i = 0; i < t->n_servers; i++)
		mishap_start_server(t, i);
}

static void twin_ends(void *ctx, uint64_t i)
{
	struct trial *t = ctx;

	if (t->twin[i])
		ap_crash(t->twin[i], false);
}

static void twin(struct trial *t, unsigned i, const struct op *op)
{
	if (!t->twin[i] || t->twin[i]->host->is_up)
		return;
	mishap_start_ap(t, t->twin[i]);
	world_at(&t->world, t->world.now + op->arg * MSEC, twin_ends, t, i);
}

/* --- the network -------------------------------------------------------------------- */

static void partition(struct trial *t, const struct op *op)
{
	struct rng r = stream_of(t, op);
	uint64_t bit = 1ull << rng_below(&r, PARTITIONS_MAX);
	uint32_t i;

	for (i = 0; i < t->world.n_hosts; i++)
		if (rng_chance(&r, op->arg / 100.0))
			t->world.host[i]->fault.side |= bit;
		else
			t->world.host[i]->fault.side &= ~bit;
	if (op->target % 3 != 1)
		t->world.faults.cut_out |= bit;
	if (op->target % 3 != 0)
		t->world.faults.cut_in |= bit;
}

static void clog_host(struct host *h, unsigned way, pias_time until)
{
	if (way != 1)
		h->fault.clogged_out = until;
	if (way != 0)
		h->fault.clogged_in = until;
}

static void swizzle_step(void *ctx, uint64_t arg)
{
	struct trial *t = ctx;
	struct host *h = t->world.host[arg & 0xffffffff];

	clog_host(h, 2, t->world.now + (pias_time)(arg >> 32) * MSEC);
}

/* FoundationDB's: one by one within so many ms; the last one's end comes first. */
static void swizzle(struct trial *t, const struct op *op)
{
	struct rng r = stream_of(t, op);
	uint32_t i;

	for (i = 0; i < t->world.n_hosts; i++) {
		uint64_t begin = rng_below(&r, op->arg), end = rng_below(&r, op->arg);

		if (rng_chance(&r, 0.3))
			world_at(&t->world, t->world.now + (pias_time)begin * MSEC,
				 swizzle_step, t, (op->arg + end - begin) << 32 | i);
	}
}

struct neighbour {
	pias_time delay;
	uint32_t host;
};

static int by_delay(const void *a, const void *b)
{
	const struct neighbour *x = a, *y = b;

	if (x->delay != y->delay)
		return x->delay < y->delay ? -1 : 1;
	return x->host < y->host ? -1 : x->host > y->host;
}

static void power_cut(struct trial *t, uint32_t host)
{
	unsigned i;

	for (i = 0; i < t->n_aps; i++)
		if (t->ap[i]->host->index == host)
			ap_crash(t->ap[i], true);
	for (i = 0; i < t->n_servers; i++)
		if (t->server[i]->host->index == host)
			crash_server(t, i);
}

/* All that lies nearest to an AP loses power together. */
static void region(struct trial *t, const struct ap *ap, const struct op *op)
{
	struct world *w = &t->world;
	struct neighbour *n = calloc(w->n_hosts, sizeof(*n));
	uint32_t i;

	if (!n)
		abort();
	for (i = 0; i < w->n_hosts; i++) {
		n[i].host = i;
		n[i].delay = i == ap->host->index
				     ? 0
				     : topology_delay(&w->topology, ap->host->point,
						      w->host[i]->point);
	}
	qsort(n, w->n_hosts, sizeof(*n), by_delay);
	for (i = 0; i < w->n_hosts * op->arg / 100 || i == 0; i++)
		power_cut(t, n[i].host);
	free(n);
}

void mishap_heal(struct trial *t)
{
	uint32_t i;

	t->world.faults.cut_out = t->world.faults.cut_in = 0;
	for (i = 0; i < t->world.n_hosts; i++) {
		struct fault_host *f = &t->world.host[i]->fault;

		f->slow = 1;
		f->clogged_out = f->clogged_in = 0;
	}
	for (i = 0; i < t->n_aps; i++)
		twin_ends(t, i);
}

/* --- forgery ------------------------------------------------------------------------ */

void mishap_overhear(struct trial *t, const struct host *from, const struct host *to,
		     const uint8_t *data, size_t len)
{
	struct overheard *o = &t->overheard[t->n_overheard++ % TRIAL_OVERHEARD];

	if (len > sizeof(o->data))
		len = sizeof(o->data);
	o->from = from->index;
	o->to = to->index;
	o->len = len;
	memcpy(o->data, data, len);
}

/* What nobody sent, at an AP's door: nothing may change that can be seen. */
static void knock(struct trial *t, struct ap *ap, const struct host *from,
		  const uint8_t *data, size_t len)
{
	struct host *h = ap->host;
	uint64_t before;

	if (!h->is_up || h->is_paused)
		return;
	world_enter(h);
	before = truth_digest(t, ap);
	h->doors->datagram(h->core, &from->addr, data, len);
	if (truth_digest(t, ap) != before)
		trial_violate(t, "ap %u: a forged datagram of type %02x changed it",
			      h->index, data[0]);
	world_leave(h);
}

static void forge_junk(struct trial *t, struct rng *r, struct ap *ap)
{
	static const uint8_t first[] = {0x01, 0xa0, 0xa4, 0xa5, 0xa6, 0x45, 0x60};
	uint8_t junk[1400];
	size_t len = 1 + rng_below(r, sizeof(junk));
	struct tunnel_packet pkt = {.inner = 4, .data = junk, .len = len};
	struct server *s;

	rng_fill(r, junk, len);
	junk[0] = first[rng_below(r, sizeof(first))];
	knock(t, ap, t->client[0], junk, len);
	if (!t->n_servers)
		return;
	s = t->server[rng_below(r, t->n_servers)];
	pkt.to = server_unicast(s);
	pkt.encap = s->encap;
	t->client[0]->env.ops->tunnel(t->client[0], &pkt);
}

/* One of a genuine one's bits is another; or it comes once more. */
static void forge_overheard(struct trial *t, struct rng *r)
{
	unsigned n = t->n_overheard < TRIAL_OVERHEARD ? t->n_overheard : TRIAL_OVERHEARD;
	struct overheard o;
	struct host *from;
	unsigned i;

	if (!n)
		return;
	o = t->overheard[rng_below(r, n)];
	from = t->world.host[o.from];
	if (rng_chance(r, 0.5)) {
		from->env.ops->datagram(from, &t->world.host[o.to]->addr, o.data, o.len);
		return;
	}
	o.data[rng_below(r, o.len)] ^= (uint8_t)(1u << rng_below(r, 8));
	for (i = 0; i < t->n_aps; i++)
		if (t->ap[i]->host->index == o.to)
			knock(t, t->ap[i], from, o.data, o.len);
}

/* A sound packet in a tunnel that nobody opened: its cookie is wrong. */
static void forge_tunnel(struct trial *t, struct rng *r)
{
	struct server *s = t->n_servers ? t->server[rng_below(r, t->n_servers)] : NULL;
	uint8_t gue[12 + QUERY_LEN_MAX] = {0};
	struct tunnel_packet pkt = {.encap = ENCAP_GUE, .inner = 4, .data = gue};

	if (!s || s->encap != ENCAP_GUE)
		return;
	gue[0] = 2;
	gue[1] = s->group.family == 4 ? IPPROTO_NUM_IPV4 : IPPROTO_NUM_IPV6;
	rng_fill(r, gue + 4, 8);
	pkt.to = server_unicast(s);
	pkt.len = 12 + truth_forgery(s, gue + 12);
	t->client[0]->env.ops->tunnel(t->client[0], &pkt);
}

static void forge(struct trial *t, struct ap *ap, const struct op *op)
{
	struct rng r = stream_of(t, op);
	unsigned i;

	t->is_forging = true;
	for (i = 0; i < FORGED; i++) {
		forge_junk(t, &r, ap);
		forge_overheard(t, &r);
		forge_tunnel(t, &r);
	}
	t->is_forging = false;
}

/* --- all of them -------------------------------------------------------------------- */

static void to_server(struct trial *t, const struct op *op)
{
	unsigned i;

	if (!t->n_servers)
		return;
	i = op->target % t->n_servers;
	if (op->kind == OP_SERVER_CRASH)
		crash_server(t, i);
	else if (op->kind == OP_SERVER_START)
		mishap_start_server(t, i);
	else
		leave_server(t, i);
}

void mishap_happen(void *ctx, uint64_t index)
{
	struct trial *t = ctx;
	const struct op *op = &t->plan->op[index];
	unsigned i = op->target % t->n_aps;
	struct ap *ap = t->ap[i];

	switch (op->kind) {
	case OP_AP_CRASH:
	case OP_AP_POWER_CUT:
		mishap_unsettle(t);
		ap_crash(ap, op->kind == OP_AP_POWER_CUT);
		break;
	case OP_AP_START:
		mishap_start_ap(t, ap);
		break;
	case OP_AP_LEAVE:
		leave_ap(t, i);
		break;
	case OP_SERVER_CRASH:
	case OP_SERVER_START:
	case OP_SERVER_LEAVE:
		to_server(t, op);
		break;
	case OP_PARTITION:
		mishap_unsettle(t);
		partition(t, op);
		break;
	case OP_SLOW:
		mishap_unsettle(t);
		ap->host->fault.slow = (float)op->arg;
		break;
	case OP_CLOG:
		mishap_unsettle(t);
		clog_host(ap->host, (unsigned)op->at / MSEC % 3,
			  t->world.now + op->arg * MSEC);
		break;
	case OP_SWIZZLE:
		mishap_unsettle(t);
		swizzle(t, op);
		break;
	case OP_RESET:
		world_reset_links(&t->world, ap->host);
		break;
	case OP_PAUSE:
		mishap_unsettle(t);
		world_pause_host(&t->world, ap->host, op->arg * MSEC);
		break;
	case OP_REGION:
		mishap_unsettle(t);
		region(t, ap, op);
		break;
	case OP_CROWD:
		crowd(t);
		break;
	case OP_TWIN:
		mishap_unsettle(t);
		twin(t, i, op);
		break;
	case OP_FORGERY:
		forge(t, ap, op);
		break;
	case OP_REROUTE:
		catchment_shift(&t->catchment);
		break;
	case OP_HEAL:
		mishap_heal(t);
		break;
	case N_OP_KINDS:
		break;
	}
}
