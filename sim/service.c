/*
 * Building the service of a scenario and bringing it up. Hosts are created in one
 * order (APs, servers, clients), so that a seed gives the same places whatever happens
 * later.
 */
#include "sim/service.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forwarder/packet.h"
#include "overlay/book.h"
#include "sim/event.h"
#include "sim/perfect.h"

#define SEEDS	   3
#define FORM_MAX   (600 * SEC) /* beyond the waves */
#define STEP	   (1 * SEC)
#define SHOT_MAGIC 0x50696173u
#define SHOT_LEN   64

/* --- Zipf ------------------------------------------------------------------------- */

int zipf_init(struct zipf *z, unsigned n, double exponent)
{
	double sum = 0;
	unsigned i;

	z->up_to = malloc(n * sizeof(*z->up_to));
	if (!z->up_to)
		return PIAS_ENOMEM;
	z->n = n;
	for (i = 0; i < n; i++)
		z->up_to[i] = sum += pow(i + 1.0, -exponent);
	return 0;
}

void zipf_fini(struct zipf *z)
{
	free(z->up_to);
	memset(z, 0, sizeof(*z));
}

unsigned zipf_draw(const struct zipf *z, struct rng *r)
{
	double at = rng_unit(r) * z->up_to[z->n - 1];
	unsigned lo = 0, hi = z->n - 1;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (at < z->up_to[mid])
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* --- shots ------------------------------------------------------------------------- */

uint32_t service_shoot(struct service *s, unsigned client, unsigned group, uint16_t flow)
{
	uint8_t packet[IPV6_HEADER_LEN + UDP_HEADER_LEN + SHOT_LEN], payload[SHOT_LEN];
	struct host *from = s->client[client];
	struct addr src = from->addr, dst = group_name_addr(&s->group[group]);
	struct shot *shot;

	if (s->n_shots == s->cap_shots) {
		s->cap_shots = s->cap_shots ? 2 * s->cap_shots : 4096;
		s->shot = realloc(s->shot, s->cap_shots * sizeof(*s->shot));
		if (!s->shot)
			abort();
	}
	shot = &s->shot[s->n_shots];
	*shot = (struct shot){.sent = s->world.now, .client = client, .group = group};
	shot->ingress = service_ingress(s, from);
	memset(payload, 0, sizeof(payload));
	be32_put(payload, SHOT_MAGIC);
	be32_put(payload + 4, s->n_shots);
	be64_put(payload + 8, (uint64_t)s->world.now);
	src.port = (uint16_t)(1024 + flow % 60000);
	world_send_packet(&s->world, from, packet,
			  packet_build_udp(packet, &src, &dst, (uint16_t)s->n_shots,
					   payload, sizeof(payload)));
	return s->n_shots++;
}

void service_forget_shots(struct service *s)
{
	s->n_shots = 0;
}

/* The time a packet took is taken from what it carries, not from what we know. */
static void delivered(void *ctx, struct server *server, const struct packet *p,
		      const struct host *from)
{
	struct service *s = ctx;
	const uint8_t *payload = p->data + p->payload;
	struct shot *shot;
	uint32_t n;

	if (p->len - p->payload != SHOT_LEN || !packet_udp_is_intact(p) ||
	    be32_get(payload) != SHOT_MAGIC)
		return;
	n = be32_get(payload + 4);
	if (n >= s->n_shots || s->shot[n].sent != (pias_time)be64_get(payload + 8))
		return;
	shot = &s->shot[n];
	if (shot->copies++)
		return;
	shot->arrived = s->world.now;
	shot->server = server->host->index - s->n_aps;
	shot->by = from->index;
	if (s->arrived)
		s->arrived(s->ctx, n);
}

/* --- routes ------------------------------------------------------------------------ */

uint32_t service_ingress(struct service *s, const struct host *from)
{
	uint32_t client = from->index - s->n_aps - s->n_servers;

	if (client < s->n_clients && s->moved[client] != UINT32_MAX)
		return s->moved[client];
	return catchment_find(&s->catchment, from, s->ap, s->n_aps);
}

static uint32_t ingress(void *ctx, const struct host *from)
{
	return service_ingress(ctx, from);
}

static void converged(void *ctx, uint64_t arg)
{
	struct service *s = ctx;

	catchment_changed(&s->catchment);
}

static void ready_changed(void *ctx, struct ap *ap)
{
	struct service *s = ctx;

	if (s->scenario->convergence)
		world_at(&s->world, s->world.now + s->scenario->convergence, converged, s,
			 0);
	else
		catchment_changed(&s->catchment);
}

/* --- who is there ------------------------------------------------------------------ */

static void configure(const struct service *s, enum table_mode table,
		      struct proxy_config *c)
{
	const struct scenario *sc = s->scenario;
	struct rendezvous_config *r = &c->rendezvous;

	ap_defaults(&s->world, c);
	c->overlay.mode = table;
	c->overlay.book = sc->shares_records ? s->book : NULL;
	c->overlay.n_replicas = sc->rendezvous.n_replicas;
	c->overlay.stabilise_period = sc->stabilise_period;
	c->overlay.probe_period = sc->probe_period;
	c->overlay.finger_period = sc->finger_period;
	r->n_replicas = sc->rendezvous.n_replicas;
	r->lease = sc->rendezvous.lease;
	r->refresh = sc->rendezvous.refresh;
	r->health_period = sc->rendezvous.health_period;
	r->health_misses = sc->rendezvous.health_misses;
	r->negative_ttl = sc->rendezvous.negative_ttl;
	r->cache_idle = sc->rendezvous.cache_idle;
	r->max_groups = sc->rendezvous.max_groups;
	r->max_members = sc->rendezvous.max_members;
	r->max_group_members = sc->rendezvous.max_group_members;
	r->max_servers = sc->rendezvous.max_servers;
}

static void make_aps(struct service *s, enum table_mode table)
{
	struct proxy_config c;
	unsigned i, k;

	configure(s, table, &c);
	for (i = 0; i < s->n_aps; i++) {
		s->ap[i] = ap_new(&s->world, &c);
		s->ap[i]->ready_changed = ready_changed;
		s->ap[i]->ctx = s;
	}
	for (i = 0; i < s->n_aps; i++) {
		struct overlay_config *o = &s->ap[i]->config.overlay;

		for (k = 0; k < SEEDS && k < s->n_aps; k++)
			o->seed[o->n_seeds++] = s->ap[k]->host->addr;
	}
}

static struct group_name group_name_of(unsigned i)
{
	struct group_name g = {.family = 4,
			       .proto = PROTO_UDP,
			       .port = (uint16_t)(53 + (i >> 16)),
			       .ip = {198, 18, (uint8_t)(i >> 8), (uint8_t)i}};

	return g;
}

/* One server for each group; the others by the groups' ranks. */
static int make_servers(struct service *s)
{
	struct zipf sizes;
	unsigned i;

	for (i = 0; i < s->n_groups; i++)
		s->group[i] = group_name_of(i);
	if (zipf_init(&sizes, s->n_groups, s->scenario->size_exponent))
		return PIAS_ENOMEM;
	for (i = 0; i < s->n_servers; i++) {
		if (i >= s->n_servers - s->n_crowd)
			s->group_of[i] = 0;
		else
			s->group_of[i] = i < s->n_groups ? i : zipf_draw(&sizes, &s->rng);
		s->server[i] = server_new(&s->world, "sim", &s->group[s->group_of[i]],
					  ENCAP_GUE);
		s->server[i]->lease = s->scenario->rendezvous.lease;
		s->server[i]->delivered = delivered;
		s->server[i]->ctx = s;
	}
	zipf_fini(&sizes);
	return 0;
}

static void make_clients(struct service *s)
{
	static const struct host_doors none;
	static const struct id drawn;
	unsigned i;

	for (i = 0; i < s->n_clients; i++) {
		struct host *h = world_add_host(
			&s->world, topology_add(&s->world.topology, POINT_CLIENT),
			&drawn);

		h->doors = &none;
		s->client[i] = h;
		s->moved[i] = UINT32_MAX;
		world_start_host(&s->world, h);
	}
}

static int make_topology(struct service *s, uint64_t seed, char why[static SERVICE_WHY])
{
	const struct scenario *sc = s->scenario;
	struct topology *t = &s->world.topology;
	char problem[160];
	struct matrix m;
	int err;

	if (sc->topology == TOPOLOGY_WORLD) {
		err = topology_init_world(t, seed);
		t->aps_in_largest = sc->aps_in_largest;
		return err;
	}
	if (sc->topology == TOPOLOGY_FIXED) {
		topology_init_fixed(t, seed, sc->one_way);
		return 0;
	}
	err = matrix_read(&m, sc->matrix, problem);
	if (err)
		snprintf(why, SERVICE_WHY, "%s", problem);
	else
		topology_init_matrix(t, seed, &m);
	return err;
}

static int allocate(struct service *s)
{
	s->ap = calloc(s->n_aps, sizeof(*s->ap));
	s->server = calloc(s->n_servers + 1, sizeof(*s->server));
	s->group_of = calloc(s->n_servers + 1, sizeof(*s->group_of));
	s->group = calloc(s->n_groups, sizeof(*s->group));
	s->client = calloc(s->n_clients + 1, sizeof(*s->client));
	s->moved = calloc(s->n_clients + 1, sizeof(*s->moved));
	s->book = book_new();
	if (!s->ap || !s->server || !s->group_of || !s->group || !s->client ||
	    !s->moved || !s->book)
		return PIAS_ENOMEM;
	return zipf_init(&s->popularity, s->n_groups, s->scenario->popularity_exponent);
}

static int populate(struct service *s, enum table_mode table, uint64_t seed)
{
	const struct scenario *sc = s->scenario;
	uint32_t i;
	int err;

	s->world.ingress = ingress;
	s->world.ingress_ctx = s;
	if (prefix_parse("198.18.0.0/15", &s->world.anycast[0]) ||
	    prefix_parse("2001:db8:a::/48", &s->world.anycast[1]))
		abort();
	make_aps(s, table);
	err = make_servers(s);
	if (err)
		return err;
	make_clients(s);
	for (i = 0; i < s->world.n_hosts; i++)
		s->world.host[i]->env.aead =
			sc->real_crypto ? AEAD_AES128GCM : AEAD_STAND_IN;
	err = catchment_init(&s->catchment, seed, sc->networks, &s->world);
	s->catchment.is_nearest = sc->ingress == INGRESS_NEAREST;
	return err;
}

int service_init(struct service *s, const struct scenario *sc, unsigned n_aps,
		 unsigned n_crowd, enum table_mode table, uint64_t seed,
		 char why[static SERVICE_WHY])
{
	int err;

	memset(s, 0, sizeof(*s));
	*why = '\0';
	s->scenario = sc;
	s->n_aps = n_aps;
	s->n_servers = sc->servers + n_crowd;
	s->n_crowd = n_crowd;
	s->n_groups = sc->groups;
	s->n_clients = sc->clients;
	rng_init(&s->rng, seed, RNG_WORKLOAD, 2);
	err = make_topology(s, seed, why);
	if (err)
		return err;
	world_init(&s->world, seed, sc->queue);
	err = allocate(s);
	if (!err)
		err = populate(s, table, seed);
	if (err) {
		snprintf(why, SERVICE_WHY, "%s", error_text(err));
		service_fini(s);
	}
	return err;
}

void service_fini(struct service *s)
{
	unsigned i;

	for (i = 0; s->ap && i < s->n_aps; i++)
		ap_free(s->ap[i]);
	for (i = 0; s->server && i < s->n_servers; i++)
		server_free(s->server[i]);
	catchment_fini(&s->catchment);
	world_fini(&s->world);
	zipf_fini(&s->popularity);
	book_free(s->book);
	free(s->ap);
	free(s->server);
	free(s->group_of);
	free(s->group);
	free(s->client);
	free(s->moved);
	free(s->shot);
	memset(s, 0, sizeof(*s));
}

/* --- time --------------------------------------------------------------------------- */

void service_run(struct service *s, pias_time until)
{
	while (s->world.now < until) {
		pias_time was = s->world.now;

		world_run(&s->world, was + STEP < until ? was + STEP : until);
		if (s->progress)
			progress_add(s->progress,
				     (double)(s->world.now - was) / SEC * s->n_aps,
				     s->world.now, s->n_aps);
	}
}

static unsigned n_ready(const struct service *s)
{
	unsigned i, n = 0;

	for (i = 0; i < s->n_aps; i++)
		n += s->ap[i]->is_ready;
	return n;
}

bool service_is_joined(const struct service *s, unsigned server)
{
	return s->server[server]->host->is_up && s->server[server]->state == AGENT_JOINED;
}

/* Without the crowd. */
static unsigned n_regular(const struct service *s)
{
	return s->n_servers - s->n_crowd;
}

static unsigned n_joined(const struct service *s)
{
	unsigned i, n = 0;

	for (i = 0; i < n_regular(s); i++)
		n += service_is_joined(s, i);
	return n;
}

/* The first AP makes the ring; the others come in waves. */
static void start_aps(struct service *s)
{
	const struct scenario *sc = s->scenario;
	unsigned i, at;

	for (i = 0, at = 1; i < s->n_aps; i++) {
		if (i == at) {
			service_run(s, s->world.now + sc->wave_period);
			at += sc->wave;
		}
		ap_start(s->ap[i]);
	}
}

static int by_id(const void *a, const void *b)
{
	struct ap *const *x = a, *const *y = b;

	return id_cmp(&(*x)->host->id, &(*y)->host->id);
}

/* All at once, each in its place. */
static void start_perfect(struct service *s)
{
	struct place *ring = calloc(s->n_aps, sizeof(*ring));
	struct ap **ap = malloc(s->n_aps * sizeof(struct ap *));
	unsigned i;

	if (!ring || !ap)
		abort();
	memcpy(ap, s->ap, s->n_aps * sizeof(struct ap *));
	qsort(ap, s->n_aps, sizeof(struct ap *), by_id);
	for (i = 0; i < s->n_aps; i++) {
		ap_begin(ap[i]);
		ring[i].contact = ap[i]->config.overlay.self;
		ring[i].incarnation = ap[i]->config.overlay.incarnation;
	}
	for (i = 0; i < s->n_aps; i++) {
		struct env *env = &ap[i]->host->env;

		perfect_join(ap[i]->proxy.overlay, ring, s->n_aps, i);
		timer_set(&env->timers, &ap[i]->proxy.ready_check, env->now);
		world_leave(ap[i]->host);
	}
	free(ring);
	free(ap);
}

static void start_server(void *ctx, uint64_t i)
{
	struct service *s = ctx;

	server_start(s->server[i]);
}

static void start_servers(struct service *s)
{
	unsigned i;

	for (i = 0; i < n_regular(s); i++)
		world_at(&s->world,
			 s->world.now +
				 (pias_time)rng_below(
					 &s->rng, (uint64_t)s->scenario->server_spread),
			 start_server, s, i);
	service_run(s, s->world.now + s->scenario->server_spread);
}

/*
 * Have all joined? @from: those before it had. Looking goes on from there each time,
 * so that a million servers are not walked every second.
 */
static bool are_joined(const struct service *s, unsigned *from)
{
	while (*from < n_regular(s) && service_is_joined(s, *from))
		++*from;
	return *from == n_regular(s);
}

struct mark service_mark(const struct service *s)
{
	const struct world *w = &s->world;

	return (struct mark){
		.now = w->now,
		.events = w->n_delivered,
		.used = meter_read(),
		.engine = w->buffers.allocated + w->cap_events * sizeof(struct event) +
			  w->cap_links * sizeof(struct sim_link),
	};
}

static void form_ring(struct service *s)
{
	pias_time end;

	if (s->scenario->is_perfect)
		start_perfect(s);
	else
		start_aps(s);
	end = s->world.now + FORM_MAX;
	while (n_ready(s) < s->n_aps && s->world.now < end)
		service_run(s, s->world.now + STEP);
}

static void join_servers(struct service *s)
{
	pias_time end;
	unsigned from = 0;

	start_servers(s);
	end = s->world.now + FORM_MAX;
	while (!are_joined(s, &from) && n_ready(s) == s->n_aps && s->world.now < end)
		service_run(s, s->world.now + STEP);
}

int service_form(struct service *s, char why[static SERVICE_WHY])
{
	s->begun = service_mark(s);
	form_ring(s);
	s->formed = service_mark(s);
	if (n_ready(s) == s->n_aps)
		join_servers(s);
	s->joined = service_mark(s);
	if (n_ready(s) < s->n_aps || n_joined(s) < n_regular(s)) {
		snprintf(why, SERVICE_WHY,
			 "not formed after %.0f s: %u of %u APs ready, %u of %u servers "
			 "joined",
			 (double)s->world.now / SEC, n_ready(s), s->n_aps, n_joined(s),
			 n_regular(s));
		return PIAS_ETIMEOUT;
	}
	s->world.faults.rates = s->scenario->rates;
	service_run(s, s->world.now + s->scenario->warm_up);
	return 0;
}

/* --- questions ------------------------------------------------------------------------
 */

struct ap *service_rendezvous(const struct service *s, unsigned group)
{
	struct id key;
	unsigned i;

	group_name_key(&s->group[group], &key);
	for (i = 0; i < s->n_aps; i++)
		if (s->ap[i]->host->is_up && s->ap[i]->is_ready &&
		    overlay_owns(s->ap[i]->proxy.overlay, &key))
			return s->ap[i];
	return NULL;
}

uint64_t service_count(const struct service *s, enum counter c)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < s->n_aps; i++)
		if (s->ap[i]->host->is_up)
			sum += s->ap[i]->host->env.counters.v[c];
	return sum;
}
