/*
 * An AP: three layers and the wires between them. Every door runs one step and then
 * settles the wake-up; nothing is decided here but who gets what.
 *
 * Readiness is asked for, not announced: joined to the ring and holding what we own.
 * Once ready an AP stays so until it leaves, because whatever changes later is served
 * by the layers below while it lasts; withdrawing the prefix would only move clients.
 */
#include "forwarder/proxy.h"

#include <string.h>

#include "forwarder/wrap.h"
#include "overlay/session.h"

#define READY_PERIOD (50 * MSEC)

/* What the overlay says */

static int on_message(void *ctx, const struct contact *from, uint8_t type,
		      struct rd *body)
{
	struct proxy *p = ctx;

	if (type >= MSG_FORWARDER_FIRST && type < MSG_SERVER_FIRST)
		return forward_on_message(p->forward, from, type, body);
	if (type >= MSG_RENDEZVOUS_FIRST && type < MSG_FORWARDER_FIRST)
		return rendezvous_on_message(p->rendezvous, from, type, body);
	count(p->env, drop_message_unknown);
	return 0;
}

static void on_range_changed(void *ctx)
{
	struct proxy *p = ctx;

	rendezvous_on_range_changed(p->rendezvous);
}

static void on_successors_changed(void *ctx)
{
	struct proxy *p = ctx;

	rendezvous_on_successors_changed(p->rendezvous);
}

static void on_peer_changed(void *ctx, const struct contact *peer, enum peer_status now)
{
	struct proxy *p = ctx;

	rendezvous_on_peer_changed(p->rendezvous, peer, now);
}

static void check_ready(void *ctx)
{
	struct proxy *p = ctx;

	if (!overlay_is_joined(p->overlay) || !rendezvous_is_ready(p->rendezvous)) {
		timer_set(&p->env->timers, &p->ready_check, p->env->now + READY_PERIOD);
		return;
	}
	p->is_ready = true;
	log_info(p->env, "proxy: ready");
	p->ops->ready(p->ctx, true);
}

/* The rest of the step that joined us comes first: ready means all of it is done. */
static void on_joined(void *ctx)
{
	struct proxy *p = ctx;

	if (!p->is_ready && !p->is_leaving)
		timer_set(&p->env->timers, &p->ready_check, p->env->now);
}

static void on_join_failed(void *ctx, int err, const char *why)
{
	struct proxy *p = ctx;

	p->ops->join_failed(p->ctx, err, why);
}

static const struct overlay_ops overlay_ops = {
	.message = on_message,
	.range_changed = on_range_changed,
	.successors_changed = on_successors_changed,
	.peer_changed = on_peer_changed,
	.joined = on_joined,
	.join_failed = on_join_failed,
};

/* What the rendezvous layer says */

static int on_route(void *ctx, const struct group_name *name, struct route *route)
{
	struct proxy *p = ctx;

	return forward_route(p->forward, name, route);
}

static void on_tunnel_control(void *ctx, const struct target *to,
			      const struct group_name *group, uint16_t port,
			      const void *payload, size_t len)
{
	struct proxy *p = ctx;

	forward_tunnel_control(p->forward, to, group, port, payload, len);
}

static void on_answer(void *ctx, const struct addr *from, const struct addr *to,
		      const void *payload, size_t len)
{
	struct proxy *p = ctx;

	forward_answer(p->forward, from, to, payload, len);
}

/* Our groups are safe elsewhere: the ring may close up behind us. */
static void on_left(void *ctx)
{
	struct proxy *p = ctx;

	overlay_leave(p->overlay);
}

static const struct rendezvous_ops rendezvous_ops = {
	.route = on_route,
	.tunnel_control = on_tunnel_control,
	.answer = on_answer,
	.left = on_left,
};

/* Life */

int proxy_init(struct proxy *p, struct env *env, const struct proxy_config *config,
	       const struct proxy_ops *ops, void *ctx)
{
	memset(p, 0, sizeof(*p));
	p->env = env;
	p->ops = ops;
	p->ctx = ctx;
	timer_init(&p->ready_check, check_ready, p);
	p->overlay = overlay_new(env, &config->overlay, &overlay_ops, p);
	if (!p->overlay)
		return PIAS_ENOMEM;
	p->rendezvous =
		rendezvous_new(env, p->overlay, &config->rendezvous, &rendezvous_ops, p);
	if (!p->rendezvous)
		goto free_overlay;
	p->forward = forward_new(env, p->overlay, p->rendezvous, &config->forward);
	if (!p->forward)
		goto free_rendezvous;
	return 0;
free_rendezvous:
	rendezvous_free(p->rendezvous);
free_overlay:
	overlay_free(p->overlay);
	return PIAS_ENOMEM;
}

void proxy_fini(struct proxy *p)
{
	timer_stop(&p->env->timers, &p->ready_check);
	rendezvous_free(p->rendezvous);
	forward_free(p->forward);
	overlay_free(p->overlay);
	memset(p, 0, sizeof(*p));
}

void proxy_start(struct proxy *p)
{
	timer_set(&p->env->timers, &p->ready_check, p->env->now + READY_PERIOD);
	overlay_start(p->overlay);
	env_settle(p->env);
}

void proxy_leave(struct proxy *p)
{
	bool was_ready = p->is_ready;

	if (p->is_leaving)
		return;
	p->is_leaving = true;
	p->is_ready = false;
	timer_stop(&p->env->timers, &p->ready_check);
	log_info(p->env, "proxy: leaving");
	rendezvous_leave(p->rendezvous);
	env_settle(p->env);
	if (was_ready)
		p->ops->ready(p->ctx, false);
}

/* Doors */

void proxy_on_wake(struct proxy *p)
{
	env_run(p->env);
	env_settle(p->env);
}

static int server_up(struct proxy *p, uint32_t link, const struct peer_identity *who)
{
	struct server_identity server = {.id = who->id, .from = who->from};

	memcpy(server.name, who->name, sizeof(server.name));
	return rendezvous_on_server_up(p->rendezvous, link, &server);
}

int proxy_on_link_up(struct proxy *p, uint32_t link, const struct peer_identity *who,
		     bool dialed, const uint8_t key[OVERLAY_LINK_KEY_LEN])
{
	int err;

	if (who->kind == PEER_KIND_AP)
		err = overlay_on_link_up(p->overlay, link, &who->id, dialed, key);
	else
		err = server_up(p, link, who);
	env_settle(p->env);
	return err;
}

int proxy_on_frame(struct proxy *p, uint32_t link, enum peer_kind kind,
		   const uint8_t *frame, size_t len)
{
	int err;

	if (kind == PEER_KIND_AP)
		err = overlay_on_frame(p->overlay, link, frame, len);
	else
		err = rendezvous_on_server_frame(p->rendezvous, link, frame, len);
	env_settle(p->env);
	return err;
}

void proxy_on_link_down(struct proxy *p, uint32_t link, enum peer_kind kind)
{
	if (kind == PEER_KIND_AP)
		overlay_on_link_down(p->overlay, link);
	else
		rendezvous_on_server_down(p->rendezvous, link);
	env_settle(p->env);
}

void proxy_on_dial_failed(struct proxy *p, const struct id *id, const struct addr addr[2],
			  int why)
{
	overlay_on_dial_failed(p->overlay, id, addr, why);
	env_settle(p->env);
}

void proxy_on_datagram(struct proxy *p, const struct addr *from, const struct addr *to,
		       const uint8_t *data, size_t len)
{
	if (len && data[0] == SEAL_MAGIC)
		overlay_on_datagram(p->overlay, from, data, len);
	else if (len && data[0] >= MSG_SERVER_FIRST)
		rendezvous_on_server_datagram(p->rendezvous, from, to, data, len);
	else
		count(p->env, drop_datagram_malformed);
	env_settle(p->env);
}

void proxy_on_packet(struct proxy *p, const struct packet_in *packet)
{
	forward_on_packet(p->forward, packet);
}

void proxy_settle(struct proxy *p)
{
	env_settle(p->env);
}
