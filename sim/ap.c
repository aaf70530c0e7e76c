/* The world's doors of an AP: each is the proxy's door of the same name. */
#include "sim/ap.h"

#include <stdlib.h>
#include <string.h>

static void door_wake(void *core)
{
	struct ap *ap = core;

	proxy_on_wake(&ap->proxy);
}

static struct peer_identity identity_of(const struct host *who)
{
	struct peer_identity p = {
		.kind = who->is_server ? PEER_KIND_SERVER : PEER_KIND_AP,
		.id = who->id,
		.name = "sim",
		.from = who->addr,
	};

	return p;
}

static int door_link_up(void *core, uint32_t link, const struct host *who, bool dialed,
			const uint8_t key[OVERLAY_LINK_KEY_LEN])
{
	struct ap *ap = core;
	struct peer_identity p = identity_of(who);

	return proxy_on_link_up(&ap->proxy, link, &p, dialed, key);
}

static enum peer_kind kind_of_link(const struct ap *ap, uint32_t link)
{
	return world_link_peer(ap->host->world, link)->is_server ? PEER_KIND_SERVER
								 : PEER_KIND_AP;
}

static int door_frame(void *core, uint32_t link, const uint8_t *frame, size_t len)
{
	struct ap *ap = core;

	return proxy_on_frame(&ap->proxy, link, kind_of_link(ap, link), frame, len);
}

static void door_link_down(void *core, uint32_t link)
{
	struct ap *ap = core;

	proxy_on_link_down(&ap->proxy, link, kind_of_link(ap, link));
}

static void door_dial_failed(void *core, const struct id *id, const struct addr addr[2],
			     int why)
{
	struct ap *ap = core;

	proxy_on_dial_failed(&ap->proxy, id, addr, why);
}

static void door_datagram(void *core, const struct addr *from, const uint8_t *data,
			  size_t len)
{
	struct ap *ap = core;

	proxy_on_datagram(&ap->proxy, from, &ap->host->addr, data, len);
}

static void door_packet(void *core, uint8_t *data, size_t len)
{
	struct ap *ap = core;
	struct packet_in p = {.data = data, .len = len};

	proxy_on_packet(&ap->proxy, &p);
	proxy_settle(&ap->proxy);
}

static const struct host_doors doors = {
	.wake = door_wake,
	.link_up = door_link_up,
	.frame = door_frame,
	.link_down = door_link_down,
	.dial_failed = door_dial_failed,
	.datagram = door_datagram,
	.packet = door_packet,
};

static void on_ready(void *ctx, bool is_ready)
{
	struct ap *ap = ctx;

	ap->is_ready = is_ready;
	if (ap->ready_changed)
		ap->ready_changed(ap->ctx, ap);
}

static void on_join_failed(void *ctx, int err, const char *why)
{
	struct ap *ap = ctx;

	ap->join_error = err;
}

static const struct proxy_ops proxy_ops = {
	.ready = on_ready,
	.join_failed = on_join_failed,
};

void ap_defaults(const struct world *w, struct proxy_config *c)
{
	unsigned i;

	*c = (struct proxy_config){
		.overlay = {.ring = "sim", .n_replicas = 3},
		.rendezvous = {.ring = "sim",
			       .n_replicas = 3,
			       .lease = 30 * SEC,
			       .refresh = 10 * SEC,
			       .health_period = 250 * MSEC,
			       .health_misses = 3,
			       .negative_ttl = 1 * SEC,
			       .cache_idle = 120 * SEC,
			       .max_groups = 1000000,
			       .max_members = 1000000,
			       .max_group_members = 100000,
			       .max_cached = 262144,
			       .max_servers = 65536},
		.forward = {.max_flows = 1024, .mtu = 1500},
	};
	for (i = 0; i < 2; i++) {
		c->rendezvous.prefix[c->rendezvous.n_prefixes++] = w->anycast[i];
		c->forward.prefix[c->forward.n_prefixes++] = w->anycast[i];
	}
}

static struct ap *new_with_id(struct world *w, const struct proxy_config *config,
			      const struct id *id)
{
	struct ap *ap = calloc(1, sizeof(*ap));

	if (!ap)
		abort();
	ap->host = world_add_host(w, topology_add(&w->topology, POINT_AP), id);
	ap->host->doors = &doors;
	ap->host->core = ap;
	ap->config = *config;
	ap->config.overlay.self.id = ap->host->id;
	ap->config.overlay.self.addr[0] = ap->host->addr;
	ap->config.forward.self[0] = ap->host->addr;
	return ap;
}

struct ap *ap_new(struct world *w, const struct proxy_config *config)
{
	static const struct id drawn;

	return new_with_id(w, config, &drawn);
}

struct ap *ap_new_twin(struct ap *of)
{
	return new_with_id(of->host->world, &of->config, &of->host->id);
}

void ap_free(struct ap *ap)
{
	if (!ap)
		return;
	if (ap->host->is_up)
		proxy_fini(&ap->proxy);
	free(ap);
}

void ap_begin(struct ap *ap)
{
	struct host *h = ap->host;

	world_start_host(h->world, h);
	ap->is_leaving = false;
	ap->join_error = 0;
	ap->starts++;
	ap->config.overlay.incarnation =
		ap->wall ? ap->wall + (uint64_t)h->world->now
			 : ap->starts << 32 | (uint64_t)h->world->now / SEC;
	if (proxy_init(&ap->proxy, &h->env, &ap->config, &proxy_ops, ap))
		abort();
}

void ap_start(struct ap *ap)
{
	ap_begin(ap);
	proxy_start(&ap->proxy);
	world_leave(ap->host);
}

void ap_crash(struct ap *ap, bool silent)
{
	if (!ap->host->is_up)
		return;
	proxy_fini(&ap->proxy);
	memset(&ap->proxy, 0, sizeof(ap->proxy));
	world_crash_host(ap->host->world, ap->host, silent);
	if (!ap->is_ready)
		return;
	ap->is_ready = false;
	if (ap->ready_changed)
		ap->ready_changed(ap->ctx, ap);
}

void ap_leave(struct ap *ap)
{
	if (!ap->host->is_up || ap->is_leaving)
		return;
	ap->is_leaving = true;
	world_enter(ap->host);
	proxy_leave(&ap->proxy);
	world_leave(ap->host);
}
