/*
 * Drawing a run and running it: an unsafe phase in which the schedule and the faults
 * do their worst; then everything heals and gets time to converge; then the oracle
 * looks at the rest; then it listens whether the rest is quiet.
 */
#include "sim/trial.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/base/crypto.h"
#include "sim/oracle.h"

#define FORM_TIME      (15 * SEC)  /* to form the ring, before things go wrong */
#define CONVERGE_TIME  (100 * SEC) /* the longest lease, its grace, and retries */
#define QUIET_TIME     (10 * SEC)
#define CHECK_PERIOD   (1 * SEC)
#define TRAFFIC_PERIOD (20 * MSEC)
#define ASK_ROUNDS     5
#define DRAIN_TIME     (5 * SEC) /* from leaving to being gone */

static const char *const op_name[N_OP_KINDS] = {
	"crash",	"power-cut", "start", "leave",	 "server-crash", "server-start",
	"server-leave", "partition", "slow",  "forgery", "reroute",	 "heal",
};

/* --- drawing ------------------------------------------------------------------ */

static unsigned draw_size(struct rng *r, unsigned max)
{
	/* Small rings are the hard cases: half of all runs have up to 10 APs. */
	return 1 +
	       (unsigned)rng_below(r, rng_chance(r, 0.5) ? (max < 10 ? max : 10) : max);
}

static double draw_rate(struct rng *r, double max)
{
	return rng_chance(r, 0.5) ? 0 : max * rng_unit(r);
}

static void draw_rates(struct rng *r, struct fault_rates *f)
{
	f->loss = draw_rate(r, 0.2);
	f->duplicate = draw_rate(r, 0.2);
	f->reorder = draw_rate(r, 0.3);
	f->corrupt = draw_rate(r, 0.05);
	f->truncate = draw_rate(r, 0.05);
	f->jitter = draw_rate(r, 0.5);
}

static int op_order(const void *a, const void *b)
{
	const struct op *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static void draw_ops(struct rng *r, struct trial_options *o)
{
	unsigned n = (unsigned)rng_below(r, 60), i;

	for (i = 0; i < n; i++) {
		struct op *op = &o->op[o->n_ops];

		op->kind = (enum op_kind)rng_below(r, N_OP_KINDS);
		op->at = FORM_TIME + (pias_time)rng_below(r, (uint64_t)o->unsafe);
		op->target = (uint32_t)rng_u64(r);
		op->arg = rng_u64(r);
		o->n_ops += o->op_is_on[op->kind];
	}
	qsort(o->op, o->n_ops, sizeof(o->op[0]), op_order);
}

void trial_draw(struct trial_options *o, uint64_t seed)
{
	struct rng r;
	unsigned i;

	memset(o, 0, sizeof(*o));
	o->seed = seed;
	rng_init(&r, seed, RNG_WORKLOAD, 0);
	o->n_aps = draw_size(&r, TRIAL_APS_MAX);
	o->n_servers = (unsigned)rng_below(&r, TRIAL_SERVERS_MAX / 2);
	o->n_groups = 1 + (unsigned)rng_below(&r, TRIAL_GROUPS_MAX);
	o->unsafe = (pias_time)(20 + rng_below(&r, 60)) * SEC;
	for (i = 0; i < N_OP_KINDS; i++)
		o->op_is_on[i] = rng_chance(&r, 0.6);
	draw_rates(&r, &o->rates);
	draw_ops(&r, o);
}

void trial_print(const struct trial_options *o, FILE *f)
{
	unsigned i;

	fprintf(f,
		"seed=%lu aps=%u servers=%u groups=%u unsafe_s=%lu loss=%.3f duplicate=%.3f "
		"reorder=%.3f corrupt=%.3f truncate=%.3f jitter=%.3f ops=%u\n",
		(unsigned long)o->seed, o->n_aps, o->n_servers, o->n_groups,
		(unsigned long)(o->unsafe / SEC), o->rates.loss, o->rates.duplicate,
		o->rates.reorder, o->rates.corrupt, o->rates.truncate, o->rates.jitter,
		o->n_ops);
	for (i = 0; i < o->n_ops; i++)
		fprintf(f, "  %9.3f s  %-12s target=%u\n", (double)o->op[i].at / SEC,
			op_name[o->op[i].kind], o->op[i].target);
}

void trial_violate(struct trial *t, const char *fmt, ...)
{
	va_list ap;

	if (t->violation.is_found)
		return;
	t->violation.is_found = true;
	t->violation.at = t->world.now;
	va_start(ap, fmt);
	vsnprintf(t->violation.what, sizeof(t->violation.what), fmt, ap);
	va_end(ap);
}

/* --- what happens -------------------------------------------------------------- */

static void gone(void *ctx, uint64_t i)
{
	struct trial *t = ctx;
	struct ap *ap = t->ap[i];

	if (ap->is_leaving)
		ap_crash(ap, false);
}

static void partition(struct trial *t, const struct op *op)
{
	unsigned s = op->arg % PARTITIONS_MAX;
	uint64_t bit = 1ull << s;
	uint32_t i;

	for (i = 0; i < t->world.n_hosts; i++)
		if (rng_chance(&t->rng, 0.3))
			t->world.host[i]->fault.side |= bit;
		else
			t->world.host[i]->fault.side &= ~bit;
	if (op->target % 3 != 0)
		t->world.faults.cut_out |= bit;
	if (op->target % 3 != 1)
		t->world.faults.cut_in |= bit;
}

static void heal(struct trial *t)
{
	uint32_t i;

	t->world.faults.cut_out = t->world.faults.cut_in = 0;
	for (i = 0; i < t->world.n_hosts; i++)
		t->world.host[i]->fault.slow = 1;
}

/* Bytes that nobody who belongs to the ring would send, to an AP and to a server. */
static void forge(struct trial *t, struct ap *ap)
{
	static const uint8_t first[] = {0x01, 0xa0, 0xa4, 0xa5, 0xa6, 0x45, 0x60};
	struct host *from = t->client[0].host;
	uint8_t junk[1400];
	unsigned i;

	for (i = 0; i < 30; i++) {
		size_t len = 1 + rng_below(&t->rng, sizeof(junk));

		rng_fill(&t->rng, junk, len);
		junk[0] = first[rng_below(&t->rng, sizeof(first))];
		world_enter(from);
		from->env.ops->datagram(from, &ap->host->addr, junk, len);
		if (t->n_servers) {
			struct server *s = t->server[rng_below(&t->rng, t->n_servers)];
			struct tunnel_packet pkt = {.to = server_unicast(s),
						    .encap = s->encap,
						    .inner = 4,
						    .data = junk,
						    .len = len};

			from->env.ops->tunnel(from, &pkt);
		}
	}
}

static void happen(void *ctx, uint64_t index)
{
	struct trial *t = ctx;
	const struct op *op = &t->options->op[index];
	struct ap *ap = t->ap[op->target % t->n_aps];
	struct server *s = t->n_servers ? t->server[op->target % t->n_servers] : NULL;

	switch (op->kind) {
	case OP_AP_CRASH:
	case OP_AP_POWER_CUT:
		ap_crash(ap, op->kind == OP_AP_POWER_CUT);
		break;
	case OP_AP_START:
		if (!ap->host->is_up)
			ap_start(ap);
		break;
	case OP_AP_LEAVE:
		if (!trial_ap_is_live(ap))
			break;
		ap_leave(ap);
		world_at(&t->world, t->world.now + DRAIN_TIME, gone, t,
			 op->target % t->n_aps);
		break;
	case OP_SERVER_CRASH:
		if (s)
			server_crash(s);
		break;
	case OP_SERVER_START:
		if (s && s->state == AGENT_LEFT)
			server_crash(s);
		if (s && !s->host->is_up)
			server_start(s);
		break;
	case OP_SERVER_LEAVE:
		if (s)
			server_leave(s);
		break;
	case OP_PARTITION:
		partition(t, op);
		break;
	case OP_SLOW:
		ap->host->fault.slow = (float)(2 + op->arg % 50);
		break;
	case OP_FORGERY:
		forge(t, ap);
		break;
	case OP_REROUTE:
		catchment_shift(&t->catchment);
		break;
	case OP_HEAL:
		heal(t);
		break;
	case N_OP_KINDS:
		break;
	}
}

/* --- traffic --------------------------------------------------------------------- */

static void send_one(struct trial *t, unsigned client, unsigned group)
{
	uint8_t packet[256];
	struct host *from = client < TRIAL_CLIENTS
				    ? t->client[client].host
				    : t->server[client - TRIAL_CLIENTS]->host;
	size_t len;

	if (!from->is_up)
		return;
	len = oracle_build_packet(t, packet, client, group, t->checked++);
	world_send_packet(&t->world, from, packet, len);
}

static void traffic(void *ctx, uint64_t arg)
{
	struct trial *t = ctx;
	unsigned client, group;

	if (!t->traffic)
		return;
	client = (unsigned)rng_below(&t->rng, TRIAL_CLIENTS + t->n_servers);
	group = (unsigned)rng_below(&t->rng, t->n_groups);
	send_one(t, client, group);
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

/* Everybody asks every group, a few times: somebody must answer at the end. */
static void ask_all(struct trial *t)
{
	unsigned round, c, g;

	memset(t->answered, 0, sizeof(t->answered));
	for (round = 0; round < ASK_ROUNDS; round++) {
		for (c = 0; c < TRIAL_CLIENTS; c++)
			for (g = 0; g < t->n_groups; g++)
				send_one(t, c, g);
		world_run(&t->world, t->world.now + 2 * SEC);
	}
}

/* --- the world ------------------------------------------------------------------- */

#define NETWORKS 120 /* of the AS graph */

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

static void make_aps(struct trial *t)
{
	struct proxy_config c;
	unsigned i, k;

	ap_defaults(&t->world, &c);
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

/* Groups of a port, and now and then of a whole address. */
static void make_groups(struct trial *t)
{
	unsigned g;

	for (g = 0; g < t->n_groups; g++) {
		uint8_t ip[4] = {198, 18, 0, (uint8_t)(1 + g)};
		struct addr a = addr_v4(ip, 0);
		bool wide = rng_chance(&t->rng, 0.25);

		t->group[g].family = 4;
		t->group[g].proto = wide ? 0 : PROTO_UDP;
		t->group[g].port = wide ? 0 : 53;
		memcpy(t->group[g].ip, a.ip, 16);
	}
}

static void make_servers(struct trial *t)
{
	unsigned i;

	for (i = 0; i < t->n_servers; i++) {
		const struct group_name *g = &t->group[rng_below(&t->rng, t->n_groups)];

		t->server[i] =
			server_new(&t->world, "sim", g,
				   rng_chance(&t->rng, 0.5) ? ENCAP_GUE : ENCAP_IPIP);
		t->server[i]->delivered = delivered;
		t->server[i]->ctx = t;
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
		t->client[i].host = h;
		world_start_host(&t->world, h);
	}
}

static int make_topology(struct trial *t, const struct trial_options *o,
			 char why[static 160])
{
	struct matrix m;
	int err;

	if (!o->matrix)
		return topology_init_world(&t->world.topology, o->seed);
	err = matrix_read(&m, o->matrix, why);
	if (!err)
		topology_init_matrix(&t->world.topology, o->seed, &m);
	return err;
}

static int set_up(struct trial *t, const struct trial_options *o, char why[static 160])
{
	int err = make_topology(t, o, why);
	uint32_t i;

	if (err)
		return err;
	world_init(&t->world, o->seed, o->queue);
	t->options = o;
	t->n_aps = o->n_aps;
	t->n_servers = o->n_servers;
	t->n_groups = o->n_groups;
	t->world.ingress = ingress;
	t->world.ingress_ctx = t;
	rng_init(&t->rng, o->seed, RNG_WORKLOAD, 1);
	if (prefix_parse("198.18.0.0/24", &t->world.anycast[0]) ||
	    prefix_parse("2001:db8:a::/48", &t->world.anycast[1]))
		abort();
	make_groups(t);
	make_aps(t);
	make_servers(t);
	make_clients(t);
	for (i = 0; i < t->world.n_hosts; i++)
		t->world.host[i]->env.aead =
			o->real_crypto ? AEAD_AES128GCM : AEAD_STAND_IN;
	return catchment_init(&t->catchment, o->seed, NETWORKS, &t->world);
}

static void tear_down(struct trial *t)
{
	unsigned i;

	for (i = 0; i < t->n_aps; i++)
		ap_free(t->ap[i]);
	for (i = 0; i < t->n_servers; i++)
		server_free(t->server[i]);
	catchment_fini(&t->catchment);
	world_fini(&t->world);
}

/* --- phases ------------------------------------------------------------------------ */

static void form(struct trial *t)
{
	unsigned i;

	for (i = 0; i < t->n_aps; i++)
		ap_start(t->ap[i]);
	for (i = 0; i < t->n_servers; i++)
		server_start(t->server[i]);
	t->traffic = true;
	traffic(t, 0);
	check(t, 0);
	world_run(&t->world, FORM_TIME);
}

static void go_wrong(struct trial *t)
{
	unsigned i;

	t->world.faults.rates = t->options->rates;
	for (i = 0; i < t->options->n_ops; i++)
		world_at(&t->world, t->options->op[i].at, happen, t, i);
	world_run(&t->world, FORM_TIME + t->options->unsafe + DRAIN_TIME);
}

/* All faults end; the seeds are there, or nobody could find anybody. */
static void recover(struct trial *t)
{
	struct fault_rates none = {0};
	unsigned i;

	if (!t->options->never_heals) {
		t->world.faults.rates = none;
		heal(t);
	}
	for (i = 0; i < TRIAL_SEEDS && i < t->n_aps; i++)
		if (!t->ap[i]->host->is_up)
			ap_start(t->ap[i]);
	world_run(&t->world, t->world.now + CONVERGE_TIME);
}

static void run_phases(struct trial *t)
{
	uint64_t before;

	form(t);
	go_wrong(t);
	recover(t);
	t->traffic = false;
	ask_all(t);
	oracle_check_rest(t);
	before = oracle_messages(t);
	world_run(&t->world, t->world.now + QUIET_TIME);
	oracle_check_quiet(t, before, (double)QUIET_TIME / SEC);
}

int trial_run(const struct trial_options *o, struct trial_result *out)
{
	struct trial *t = calloc(1, sizeof(*t));
	int err = t ? 0 : PIAS_ENOMEM;

	memset(out, 0, sizeof(*out));
	if (!err)
		err = set_up(t, o, out->why);
	if (!err) {
		run_phases(t);
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
