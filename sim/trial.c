/*
 * Running a plan: an unsafe phase in which the schedule and the faults do their worst;
 * then everything heals and gets time to converge; then the oracle looks at the rest;
 * then it listens whether the rest is quiet.
 */
#include "sim/trial.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/base/crypto.h"
#include "sim/mishap.h"
#include "sim/oracle.h"
#include "sim/truth.h"

#define CONVERGE_TIME  (100 * SEC) /* the longest lease, its grace, and retries */
#define QUIET_TIME     (10 * SEC)
#define CHECK_PERIOD   (1 * SEC)
#define TRAFFIC_PERIOD (20 * MSEC)
#define NEWS_TIME      (5 * SEC) /* from a server's coming or going to all knowing it */
#define ASK_ROUNDS     3
#define ASK_PERIOD     (2 * SEC)
#define CLOCKS_APART   (3600 * SEC)
#define NETWORKS       120 /* of the AS graph */

void trial_violate(struct trial *t, const char *fmt, ...)
{
	va_list ap;

	if (t->violation.is_found)
		return;
	t->violation.is_found = true;
	t->violation.at = t->world.now;
	t->violation.kind = fmt;
	va_start(ap, fmt);
	vsnprintf(t->violation.what, sizeof(t->violation.what), fmt, ap);
	va_end(ap);
}

/* --- traffic --------------------------------------------------------------------- */

static struct host *sender(const struct trial *t, unsigned i)
{
	return i < TRIAL_CLIENTS ? t->client[i] : t->server[i - TRIAL_CLIENTS]->host;
}

static void send_query(struct trial *t, struct query *q)
{
	struct host *from = sender(t, q->sender);
	uint8_t packet[QUERY_LEN_MAX];
	size_t len;

	if (!from->is_up || from->is_paused)
		return;
	q->number = t->n_queries++;
	for (q->part = 0; q->part < query_parts(q); q->part++) {
		len = truth_packet(t, q, packet);
		world_send_packet(&t->world, from, packet, len);
	}
}

/* Mostly small; some as large as they fit, some larger than a tunnel. */
static uint16_t draw_payload(struct rng *r, enum query_kind kind)
{
	if (kind == QUERY_FRAGMENTS)
		return (uint16_t)rng_below(r, 400);
	return (uint16_t)rng_below(r, rng_chance(r, 0.8) ? 100 : 1400);
}

static void traffic(void *ctx, uint64_t arg)
{
	struct trial *t = ctx;
	struct query q = {0};

	if (!t->has_traffic)
		return;
	q.sender = (uint16_t)rng_below(&t->rng, TRIAL_CLIENTS + t->n_servers);
	q.group = (uint16_t)rng_below(&t->rng, t->n_groups);
	q.kind = group_name_is_wide(&t->group[q.group])
			 ? (uint8_t)rng_below(&t->rng, N_QUERY_KINDS)
		 : rng_chance(&t->rng, 0.2) ? QUERY_FRAGMENTS
					    : QUERY_UDP;
	q.size = draw_payload(&t->rng, (enum query_kind)q.kind);
	q.port = (uint16_t)(10000 + rng_below(&t->rng, 50000));
	send_query(t, &q);
	world_at(&t->world, t->world.now + TRAFFIC_PERIOD, traffic, t, 0);
}

static void check(void *ctx, uint64_t arg)
{
	struct trial *t = ctx;

	oracle_check_always(t);
	world_at(&t->world, t->world.now + CHECK_PERIOD, check, t, 0);
}

static void delivered(void *ctx, struct server *s, const struct packet *p,
		      const struct host *from)
{
	oracle_check_delivery(ctx, s, p);
}

/* Everybody asks every group, a few times: somebody must answer. */
static void ask_all(struct trial *t)
{
	unsigned round, c, g;

	for (round = 0; round < ASK_ROUNDS; round++) {
		for (c = 0; c < TRIAL_CLIENTS; c++)
			for (g = 0; g < t->n_groups; g++) {
				struct query q = {.sender = (uint16_t)c,
						  .group = (uint16_t)g,
						  .port = TRIAL_ASK_PORT,
						  .kind = QUERY_UDP};

				send_query(t, &q);
			}
		world_run(&t->world, t->world.now + ASK_PERIOD);
	}
}

/* --- the world ------------------------------------------------------------------- */

static uint32_t ingress(void *ctx, const struct host *from)
{
	struct trial *t = ctx;

	return catchment_find(&t->catchment, from, t->ap, t->n_aps);
}

static void ready_changed(void *ctx, struct ap *ap)
{
	struct trial *t = ctx;

	catchment_changed(&t->catchment);
}

static void configure(const struct trial *t, struct proxy_config *c)
{
	const struct plan *p = t->plan;

	ap_defaults(&t->world, c);
	c->overlay.n_replicas = c->rendezvous.n_replicas = p->n_replicas;
	c->overlay.mode = p->table;
	c->rendezvous.max_groups = p->max_groups;
	c->rendezvous.max_members = p->max_members;
	c->rendezvous.max_group_members = p->max_group_members;
	c->rendezvous.max_servers = p->max_servers;
	c->rendezvous.max_cached = p->max_cached;
	c->forward.max_flows = p->max_flows;
}

static void make_aps(struct trial *t)
{
	struct proxy_config c;
	unsigned i, k;

	configure(t, &c);
	for (i = 0; i < t->n_aps; i++) {
		t->ap[i] = ap_new(&t->world, &c);
		t->ap[i]->ready_changed = ready_changed;
		t->ap[i]->ctx = t;
	}
	for (i = 0; i < t->n_aps; i++) {
		struct overlay_config *o = &t->ap[i]->config.overlay;

		for (k = 0; k < TRIAL_SEEDS && k < t->n_aps; k++)
			o->seed[o->n_seeds++] = t->ap[k]->host->addr;
	}
}

/* Where the plan has them, and the first for the end: a seed, which is there then. */
static void make_twins(struct trial *t)
{
	unsigned i;

	t->twin[0] = ap_new_twin(t->ap[0]);
	for (i = 0; i < t->plan->n_ops; i++) {
		unsigned of = t->plan->op[i].target % t->n_aps;

		if (t->plan->op[i].kind == OP_TWIN && !t->twin[of])
			t->twin[of] = ap_new_twin(t->ap[of]);
	}
}

/* Of a port, or of a whole address: its own, or that of the group before. */
static void make_groups(struct trial *t)
{
	static const uint8_t ip4[4] = {198, 18, 0, 0};
	static const uint8_t ip6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0x0a};
	unsigned g;

	for (g = 0; g < t->n_groups; g++) {
		struct group_name *name = &t->group[g];
		bool wide = rng_chance(&t->rng, t->plan->wide);
		bool is_v6 = rng_chance(&t->rng, t->plan->ipv6);
		bool shares = rng_chance(&t->rng, 0.5);

		name->proto = wide ? 0 : PROTO_UDP;
		name->port = wide ? 0 : 53;
		if (wide && shares && g && !group_name_is_wide(name - 1)) {
			*name = group_name_widen(name - 1);
			continue;
		}
		name->family = is_v6 ? ADDR_V6 : ADDR_V4;
		memcpy(name->ip, is_v6 ? ip6 : ip4, is_v6 ? 16 : 4);
		name->ip[is_v6 ? 15 : 3] = (uint8_t)(1 + g);
	}
}

static void make_servers(struct trial *t)
{
	unsigned i, first, second;

	for (i = 0; i < t->n_servers; i++) {
		first = (unsigned)rng_below(&t->rng, t->n_groups);
		second = (unsigned)rng_below(&t->rng, t->n_groups);
		t->server[i] = server_new(&t->world, "sim", &t->group[first],
					  rng_chance(&t->rng, t->plan->gue) ? ENCAP_GUE
									    : ENCAP_IPIP);
		if (rng_chance(&t->rng, t->plan->both) && second != first)
			t->server[i]->also = t->group[second];
		t->server[i]->delivered = delivered;
		t->server[i]->ctx = t;
		t->gone_at[i] = PIAS_NEVER;
	}
}

static void make_clients(struct trial *t)
{
	static const struct host_doors none;
	static const struct id drawn;
	unsigned i;

	for (i = 0; i < TRIAL_CLIENTS; i++) {
		struct host *h = world_add_host(
			&t->world, topology_add(&t->world.topology, POINT_CLIENT),
			&drawn);

		h->doors = &none;
		t->client[i] = h;
		world_start_host(&t->world, h);
	}
}

/* No two hosts' clocks show the same. */
static void set_clocks(struct trial *t)
{
	uint32_t i, ppm = t->plan->drift_ppm;

	for (i = 0; i < t->world.n_hosts; i++) {
		struct host *h = t->world.host[i];

		h->env.aead = t->plan->real_crypto ? AEAD_AES128GCM : AEAD_STAND_IN;
		h->clock_ahead = (pias_time)rng_below(&h->rng, CLOCKS_APART);
		h->clock_ppm = (int32_t)rng_below(&h->rng, 2 * ppm + 1) - (int32_t)ppm;
	}
}

static int make_topology(struct trial *t, const struct plan *p, char why[static 160])
{
	struct matrix m;
	int err;

	if (!*p->matrix)
		return topology_init_world(&t->world.topology, p->seed);
	err = matrix_read(&m, p->matrix, why);
	if (!err)
		topology_init_matrix(&t->world.topology, p->seed, &m);
	return err;
}

static int set_up(struct trial *t, const struct plan *p, char why[static 160])
{
	int err = make_topology(t, p, why);

	if (err)
		return err;
	world_init(&t->world, p->seed, p->queue);
	t->plan = p;
	t->n_aps = p->n_aps;
	t->n_servers = p->n_servers;
	t->n_groups = p->n_groups;
	t->world.ingress = ingress;
	t->world.ingress_ctx = t;
	t->world.watch = &oracle_watch;
	t->world.watch_ctx = t;
	rng_init(&t->rng, p->seed, RNG_WORKLOAD, 1);
	t->overheard = calloc(TRIAL_OVERHEARD, sizeof(*t->overheard));
	if (!t->overheard)
		return PIAS_ENOMEM;
	if (prefix_parse("198.18.0.0/24", &t->world.anycast[0]) ||
	    prefix_parse("2001:db8:a::/48", &t->world.anycast[1]))
		abort();
	make_groups(t);
	make_aps(t);
	make_servers(t);
	make_clients(t);
	make_twins(t);
	set_clocks(t);
	return catchment_init(&t->catchment, p->seed, NETWORKS, &t->world);
}

static void tear_down(struct trial *t)
{
	unsigned i;

	for (i = 0; i < t->n_aps; i++) {
		ap_free(t->ap[i]);
		ap_free(t->twin[i]);
	}
	for (i = 0; i < t->n_servers; i++)
		server_free(t->server[i]);
	journal_fini(&t->journal);
	free(t->overheard);
	catchment_fini(&t->catchment);
	world_fini(&t->world);
}

/* --- phases ------------------------------------------------------------------------ */

static void form(struct trial *t)
{
	unsigned i;

	for (i = 0; i < t->n_aps - t->plan->n_late_aps; i++)
		mishap_start_ap(t, t->ap[i]);
	for (i = 0; i < t->n_servers - t->plan->n_late_servers; i++)
		mishap_start_server(t, i);
	t->has_traffic = true;
	traffic(t, 0);
	check(t, 0);
	world_run(&t->world, PLAN_FORM_TIME);
}

static void go_wrong(struct trial *t)
{
	unsigned i;

	t->world.faults.rates = t->plan->rates;
	for (i = 0; i < t->plan->n_ops; i++)
		world_at(&t->world, t->plan->op[i].at, mishap_happen, t, i);
	world_run(&t->world, PLAN_FORM_TIME + t->plan->unsafe + DRAIN_TIME);
}

/* All faults end; the seeds are there, or nobody could find anybody. */
static void recover(struct trial *t)
{
	struct fault_rates none = {0};
	unsigned i;

	if (!t->plan->never_heals) {
		t->world.faults.rates = none;
		mishap_heal(t);
	}
	for (i = 0; i < TRIAL_SEEDS && i < t->n_aps; i++)
		mishap_start_ap(t, t->ap[i]);
	world_run(&t->world, t->world.now + CONVERGE_TIME);
}

static void rest(struct trial *t)
{
	uint64_t before;

	t->has_traffic = false;
	t->is_at_rest = true;
	oracle_check_rest(t);
	ask_all(t);
	oracle_check_answers(t);
	/* In a ring at rest servers come and go without anybody's waiting for leases. */
	t->is_at_rest = false;
	mishap_to_servers(t);
	mishap_start_ap(t, t->twin[0]);
	world_run(&t->world, t->world.now + NEWS_TIME);
	oracle_check_twin(t, t->twin[0]);
	ap_crash(t->twin[0], false);
	t->is_at_rest = true;
	memset(t->answered, 0, sizeof(t->answered));
	ask_all(t);
	oracle_check_answers(t);
	before = oracle_messages(t);
	world_run(&t->world, t->world.now + QUIET_TIME);
	oracle_check_quiet(t, before, (double)QUIET_TIME / SEC);
}

int trial_run(const struct plan *p, struct trial_result *out)
{
	struct trial *t = calloc(1, sizeof(*t));
	int err = t ? 0 : PIAS_ENOMEM;

	memset(out, 0, sizeof(*out));
	if (!err)
		err = set_up(t, p, out->why);
	if (!err) {
		form(t);
		go_wrong(t);
		recover(t);
		rest(t);
		out->violation = t->violation;
		out->events = t->world.n_delivered;
		out->delivered = t->delivered;
		out->trace = t->world.trace;
	}
	if (t)
		tear_down(t);
	free(t);
	return err;
}
