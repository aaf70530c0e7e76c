/*
 * The join AP's parts put together: what comes in goes to hello.c, server_link.c,
 * renewal.c or health.c; what they want of a group's rendezvous AP, and what health.c
 * finds out, goes through here to membership.h. A health report is repeated until the
 * rendezvous AP knows, or knows better.
 */
#include "rendezvous/join.h"

#include <stdlib.h>
#include <string.h>

static void on_challenged(void *ctx, struct health *h);
static void on_health_changed(void *ctx, struct health *h);
static void on_measured(void *ctx, struct health *h);
static void send_probe(void *ctx, struct health *h, const uint8_t *probe, size_t len);

static const struct health_ops health_ops = {
	.send = send_probe,
	.challenged = on_challenged,
	.changed = on_health_changed,
	.measured = on_measured,
};

static struct server *server_of(struct health *h)
{
	return (struct server *)((char *)h - offsetof(struct server, health));
}

static void on_lease_expired(void *ctx, struct server *s)
{
	struct joins *j = ctx;
	char group[GROUP_NAME_STR_MAX], id[9];

	env_log(j->env, LOG_LEVEL_INFO, "join: not refreshed group=%s server=%s",
		group_name_str(&s->who.group, group), id_short(&s->who.server, id));
	server_del(s);
}

struct joins *joins_new(struct env *env, struct overlay *overlay,
			const struct rendezvous_config *config,
			const struct rendezvous_ops *ops, void *ctx)
{
	struct joins *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->ticket_sealer = ticket_sealer_new(env->aead, config->ring_key);
	if (!j->ticket_sealer) {
		free(j);
		return NULL;
	}
	j->env = env;
	j->overlay = overlay;
	j->config = *config;
	j->ops = ops;
	j->ctx = ctx;
	hello_init(&j->hello, config->ring, config->ring_key);
	prober_init(&j->prober, env, overlay_self(overlay), config->health_period,
		    config->health_misses, &health_ops, j);
	servers_init(&j->servers, env, config->max_servers, on_lease_expired, j);
	attempts_init(&j->attempts, env);
	turns_init(&j->turns, env, server_link_on_turn, j);
	htab_init(&j->links);
	return j;
}

void joins_free(struct joins *j)
{
	if (!j)
		return;
	server_links_fini(j);
	servers_fini(&j->servers);
	turns_fini(&j->turns);
	attempts_fini(&j->attempts);
	aead_free(j->ticket_sealer);
	hello_fini(&j->hello);
	crypto_wipe(j, sizeof(*j));
	free(j);
}

void joins_set_membership(struct joins *j, struct membership *m)
{
	j->membership = m;
}

void joins_leave(struct joins *j)
{
	j->is_leaving = true;
}

static void on_challenged(void *ctx, struct health *h)
{
	struct joins *j = ctx;
	struct server *s = server_of(h);
	bool is_met = h->state == HEALTH_UP;

	if (!is_met) {
		count(j->env, challenges_failed);
		attempts_failed(&j->attempts, j->env->now, &s->who.server,
				&s->who.unicast);
	}
	server_link_judge_alike(j, s, is_met);
	if (s->origin.is_link)
		server_link_on_challenged(j, s, is_met);
	else
		renewal_on_challenged(j, s, is_met);
}

/* Membership */

/* The measured time, as far as it is worth telling: over 1 ms and 20 % from the last. */
static uint32_t rtt_worth_telling(const struct server *s)
{
	uint32_t now = s->health.rtt_us, told = s->rtt_told_us;
	uint32_t change = now > told ? now - told : told - now;

	return told && (change <= 1000 || change <= told / 5) ? told : now;
}

static void fill_member(struct member_record *m, const struct server *s)
{
	*m = (struct member_record){
		.server = s->who.server,
		.unicast = s->who.unicast,
		.cookie = s->who.gue_cookie,
		.seq = s->seq,
		.stamp = s->stamp,
		.rtt_us = rtt_worth_telling(s),
		.mtu = s->who.mtu,
		.encap = s->who.encap,
		.flags = s->health.state == HEALTH_UP ? MEMBER_UP : 0,
	};
	memcpy(m->name, s->who.name, sizeof(m->name));
}

static void on_done(void *ctx, uint32_t cookie, const struct membership_request *request,
		    const struct membership_result *result);

void joins_ask(struct joins *j, struct server *s, enum membership_op op)
{
	struct membership_request r = {
		.name = s->who.group,
		.op = op,
		.create = s->create,
		.policy = s->who.policy,
		.lease = s->who.lease_ms * MSEC,
		.cookie = (uint32_t)s->health.session,
	};
	struct membership_result full = {.err = PIAS_EFULL};

	fill_member(&r.member, s);
	full.reason = "this anycast proxy has too many joins under way";
	if (membership_update(j->membership, &r))
		on_done(j, r.cookie, &r, &full);
}

/* Says what the rendezvous AP does not know yet, unless something is on its way. */
static void tell_health(struct joins *j, struct server *s)
{
	bool is_up = s->health.state == HEALTH_UP;
	bool is_news = is_up != s->up_told || (rtt_worth_telling(s) != s->rtt_told_us &&
					       j->env->now >= s->told_at + RTT_PERIOD);

	if (s->state != SERVER_WATCHED || s->is_telling || !is_news)
		return;
	s->is_telling = true;
	s->stamp++;
	joins_ask(j, s, MEMBERSHIP_HEALTH);
}

static void on_health_changed(void *ctx, struct health *h)
{
	struct joins *j = ctx;
	struct server *s = server_of(h);
	bool is_up = h->state == HEALTH_UP;
	char group[GROUP_NAME_STR_MAX], id[9];

	if (is_up)
		count(j->env, servers_revived);
	else
		count(j->env, servers_dead);
	env_log(j->env, LOG_LEVEL_INFO, "health: %s group=%s server=%s",
		is_up ? "up" : "down", group_name_str(&s->who.group, group),
		id_short(&s->who.server, id));
	tell_health(j, s);
}

static void on_measured(void *ctx, struct health *h)
{
	tell_health(ctx, server_of(h));
}

static void note_told(struct server *s, const struct membership_request *request)
{
	s->told_at = s->servers->env->now;
	s->up_told = request->member.flags & MEMBER_UP;
	s->rtt_told_us = request->member.rtt_us;
}

static void on_health_done(struct joins *j, struct server *s,
			   const struct membership_request *request,
			   const struct membership_result *result)
{
	s->is_telling = false;
	if (result->err == PIAS_EREPLAY || result->err == PIAS_ENOTFOUND) {
		/* Somebody else's now, or nobody's; unless a refresh overtook us. */
		if (request->member.seq == s->seq)
			server_del(s);
		return;
	}
	if (!result->err)
		note_told(s, request);
	if (result->err != PIAS_EFULL)
		tell_health(j, s);
}

static void on_done(void *ctx, uint32_t cookie, const struct membership_request *request,
		    const struct membership_result *result)
{
	struct joins *j = ctx;
	struct server *s =
		server_find(&j->servers, &request->name, &request->member.server);

	if (!s || (uint32_t)s->health.session != cookie)
		return;
	switch (request->op) {
	case MEMBERSHIP_JOIN:
		if (!result->err)
			note_told(s, request);
		server_link_on_done(j, s, result);
		break;
	case MEMBERSHIP_REFRESH:
		if (!result->err)
			note_told(s, request);
		renewal_on_done(j, s, request, result);
		break;
	case MEMBERSHIP_LEAVE:
		renewal_on_done(j, s, request, result);
		break;
	case MEMBERSHIP_HEALTH:
		on_health_done(j, s, request, result);
		break;
	}
}

/* Another AP watches it now: ours only if we heard of nothing later. */
static void on_moved(void *ctx, const struct group_name *name, const struct id *server,
		     uint64_t seq, const struct id *join_ap)
{
	struct joins *j = ctx;
	struct server *s = server_find(&j->servers, name, server);

	if (s && s->state == SERVER_WATCHED && s->seq < seq &&
	    !id_eq(join_ap, &overlay_self(j->overlay)->id))
		server_del(s);
}

const struct membership_ops joins_membership_ops = {
	.done = on_done,
	.moved = on_moved,
};

/* Shared with renewal.c, and the rest */

void joins_watch(struct joins *j, struct server *s, pias_time lease)
{
	s->state = SERVER_WATCHED;
	s->create = true; /* whoever lost the group meanwhile shall have it back */
	server_extend(s, lease);
	tell_health(j, s);
}

uint32_t joins_refresh_ms(const struct joins *j, pias_time lease)
{
	pias_time third = lease / 3;
	pias_time refresh = j->config.refresh < third ? j->config.refresh : third;

	return refresh > MSEC ? (uint32_t)(refresh / MSEC) : 1;
}

size_t joins_ticket(struct joins *j, const struct server *s,
		    uint8_t out[static SERVER_TICKET_MAX])
{
	struct ticket t = {.who = s->who, .join_ap = *overlay_self(j->overlay)};
	size_t len = ticket_seal(out, &t, j->ticket_sealer, j->env);

	crypto_wipe(&t, sizeof(t));
	return len;
}

/*
 * From our unicast address where we have one of that family: the server holds the
 * anycast address itself, and IPv4 drops packets that seem to come from an own address.
 */
void joins_send(struct joins *j, const struct addr *to, const struct addr *from,
		const uint8_t *data, size_t len)
{
	const struct contact *self = overlay_self(j->overlay);

	if (addr_is_none(&self->addr[to->family == ADDR_V6]) && !addr_is_none(from))
		j->ops->answer(j->ctx, from, to, data, len);
	else
		j->env->ops->datagram(j->env->host, to, data, len);
}

static void send_probe(void *ctx, struct health *h, const uint8_t *probe, size_t len)
{
	struct joins *j = ctx;
	const struct admission *who = &server_of(h)->who;
	struct target to = {
		.server = who->server,
		.join_ap = overlay_self(j->overlay)->id,
		.to = who->unicast,
		.cookie = who->gue_cookie,
		.mtu = who->mtu,
		.encap = who->encap,
	};

	j->ops->tunnel_control(j->ctx, &to, &who->group, who->probe_port, probe, len);
}

static void on_echo(struct joins *j, const uint8_t *data, size_t len)
{
	struct server_echo e;
	struct server *s;

	if (server_echo_decode(&e, data, len)) {
		count(j->env, drop_server_datagram);
		return;
	}
	s = server_find_session(&j->servers, e.session);
	if (s)
		health_on_echo(&s->health, &e);
	else
		count(j->env, drop_echo);
}

static void on_hello(struct joins *j, const struct addr *from, const struct addr *to,
		     const uint8_t *data, size_t len)
{
	uint8_t out[SERVER_COOKIE_MAX];
	size_t n = hello_answer(&j->hello, j->env, overlay_self(j->overlay), from, data,
				len, out);

	if (n)
		joins_send(j, from, to, out, n);
}

void joins_on_datagram(struct joins *j, const struct addr *from, const struct addr *to,
		       const uint8_t *data, size_t len)
{
	struct server_origin origin = {.from = *from, .to = *to};

	switch (len ? data[0] : 0) {
	case MSG_SERVER_HELLO:
		on_hello(j, from, to, data, len);
		break;
	case MSG_SERVER_ECHO:
		on_echo(j, data, len);
		break;
	case MSG_SERVER_LEASE:
		origin.via = overlay_self(j->overlay)->id;
		renewal_on_datagram(j, &origin, false, data, len);
		break;
	default:
		count(j->env, drop_server_datagram);
	}
}

bool joins_lend(struct joins *j, const struct contact *to, const struct msg_borrow *m,
		struct msg_lend *out)
{
	const struct server *s = server_find(&j->servers, &m->name, &m->server);
	const struct addr *reply;

	if (!s || s->state != SERVER_WATCHED)
		return false;
	/* Without an address of the server's family that AP sends nothing there either.
	 */
	reply = &to->addr[s->health.family == ADDR_V6];
	if (addr_is_none(reply))
		return false;
	out->session = m->session;
	out->port = s->who.probe_port;
	out->len = (uint8_t)health_lend(&s->health, m->session, reply, out->probe);
	return out->len != 0;
}

uint32_t joins_n_servers(const struct joins *j)
{
	uint32_t pos = 0, n = 0;
	const struct server *s;

	while ((s = htab_next(&j->servers.by_member, &pos)))
		n += s->state == SERVER_WATCHED;
	return n;
}

void joins_each_group(const struct joins *j,
		      void (*fn)(void *ctx, const struct group_name *group), void *ctx)
{
	uint32_t pos = 0;
	const struct server *s;

	while ((s = htab_next(&j->servers.by_member, &pos)))
		if (s->state == SERVER_WATCHED)
			fn(ctx, &s->who.group);
}
