/*
 * Replies, built from what the layers show of themselves. Units are in the names of
 * the keys; addresses, ids and groups are text as everywhere; what is not known is
 * null or absent. cJSON fails only without memory, and then leaves things out: such a
 * reply has no "ok" and is not sent.
 */
#include "cli/ctl_reply.h"

#include <stdio.h>

#include "cli/clock.h"
#include "cli/version.h"

static void add_number(cJSON *o, const char *key, double v)
{
	cJSON_AddNumberToObject(o, key, v);
}

static void add_string(cJSON *o, const char *key, const char *v)
{
	cJSON_AddStringToObject(o, key, v);
}

static void add_bool(cJSON *o, const char *key, bool v)
{
	cJSON_AddBoolToObject(o, key, v);
}

static void add_id(cJSON *o, const char *key, const struct id *id)
{
	char text[ID_STR_MAX];

	add_string(o, key, id_str(id, text));
}

static void add_addr(cJSON *o, const char *key, const struct addr *a)
{
	char text[ADDR_STR_MAX];

	add_string(o, key, addr_str(a, text));
}

static void add_group(cJSON *o, const char *key, const struct group_name *g)
{
	char text[GROUP_NAME_STR_MAX];

	add_string(o, key, group_name_str(g, text));
}

static void append(cJSON *list, const char *text)
{
	cJSON_AddItemToArray(list, cJSON_CreateString(text));
}

static void add_addresses(cJSON *o, const char *key, const struct addr addr[2])
{
	cJSON *list = cJSON_AddArrayToObject(o, key);
	char text[ADDR_STR_MAX];
	int i;

	for (i = 0; i < 2; i++)
		if (!addr_is_none(&addr[i]))
			append(list, addr_str(&addr[i], text));
}

/* {"id", "addresses"} */
static cJSON *contact_object(const struct contact *c)
{
	cJSON *o = cJSON_CreateObject();

	add_id(o, "id", &c->id);
	add_addresses(o, "addresses", c->addr);
	return o;
}

static void add_contact(cJSON *o, const char *key, const struct contact *c)
{
	cJSON_AddItemToObject(o, key, c ? contact_object(c) : cJSON_CreateNull());
}

/* Counts all that is shown to it, keeps CTL_LIST_MAX. */
struct list {
	cJSON *array;
	unsigned n;
};

/* A new object at the end of the list; NULL: it is long enough. */
static cJSON *list_add(struct list *l)
{
	cJSON *o;

	if (++l->n > CTL_LIST_MAX)
		return NULL;
	o = cJSON_CreateObject();
	cJSON_AddItemToArray(l->array, o);
	return o;
}

static struct list list_begin(cJSON *o, const char *key)
{
	return (struct list){.array = cJSON_AddArrayToObject(o, key)};
}

static void list_end(cJSON *o, const struct list *l)
{
	if (l->n > CTL_LIST_MAX)
		add_number(o, "truncated", l->n - CTL_LIST_MAX);
}

/* Status */

static const char *state_text(const struct host *h)
{
	if (h->is_draining)
		return "draining";
	return h->proxy.is_ready ? "ready" : "joining";
}

struct tally {
	unsigned owned, copied, cached, joined;
};

static void tally_group(void *ctx, const struct group_info *info)
{
	struct tally *t = ctx;

	t->owned += !!(info->roles & ROLE_OWNER);
	t->copied += !!(info->roles & ROLE_REPLICA);
	t->cached += !!(info->roles & ROLE_CACHE);
	t->joined += !!(info->roles & ROLE_JOIN);
}

static void add_groups(cJSON *o, struct host *h)
{
	cJSON *groups = cJSON_AddObjectToObject(o, "groups");
	struct tally t = {0};

	rendezvous_each_group(h->proxy.rendezvous, tally_group, &t);
	add_number(groups, "owned", t.owned);
	add_number(groups, "copied", t.copied);
	add_number(groups, "cached", t.cached);
	add_number(groups, "joined", t.joined);
}

static void add_prefixes(cJSON *o, const struct host *h)
{
	cJSON *list = cJSON_AddArrayToObject(o, "prefixes");
	const struct forward_config *f = &h->config->proxy.forward;
	char text[PREFIX_STR_MAX];
	unsigned i;

	for (i = 0; i < f->n_prefixes; i++)
		append(list, prefix_str(&f->prefix[i], text));
}

static void reply_status(cJSON *o, struct host *h, const struct ctl_request *r)
{
	const struct contact *self = overlay_self(h->proxy.overlay);
	pias_time now = clock_now();

	add_string(o, "version", PIAS_VERSION);
	add_string(o, "ring", h->config->proxy.overlay.ring);
	add_id(o, "id", &self->id);
	add_addresses(o, "addresses", self->addr);
	add_prefixes(o, h);
	add_string(o, "state", state_text(h));
	add_string(o, "interface", h->announce.main.name);
	add_bool(o, "announcing", h->announce.is_up);
	add_number(o, "uptime_s", (double)((now - h->started_at) / SEC));
	if (h->is_draining)
		add_number(o, "drain_left_s",
			   (double)(h->drain_ends_at - now) / (double)SEC);
	if (!overlay_is_joined(h->proxy.overlay) && h->join_trouble[0])
		add_string(o, "join_trouble", h->join_trouble);
	add_number(o, "aps", overlay_n_peers(h->proxy.overlay));
	add_number(o, "links", links_n(h->links));
	add_number(o, "servers", rendezvous_n_servers(h->proxy.rendezvous));
	add_number(o, "flows", forward_n_flows(h->proxy.forward));
	add_groups(o, h);
}

/* Ring, peers */

static void add_coordinate(cJSON *o, const struct coord *c)
{
	cJSON *coord = cJSON_AddObjectToObject(o, "coordinate");
	cJSON *vec = cJSON_AddArrayToObject(coord, "vector");
	int i;

	for (i = 0; i < COORD_DIMS; i++)
		cJSON_AddItemToArray(vec, cJSON_CreateNumber((double)c->vec[i]));
	add_number(coord, "height", (double)c->height);
	add_number(coord, "error", (double)c->error);
}

static void reply_ring(cJSON *o, struct host *h, const struct ctl_request *r)
{
	struct overlay *v = h->proxy.overlay;
	struct contact c, successor[16], last = {0};
	cJSON *list, *finger;
	unsigned i, n;

	add_contact(o, "self", overlay_self(v));
	add_bool(o, "joined", overlay_is_joined(v));
	add_contact(o, "predecessor", overlay_predecessor(v, &c) ? &c : NULL);
	if (overlay_is_joined(v))
		add_id(o, "owns_after", overlay_range_from(v));
	add_coordinate(o, overlay_coord(v));
	list = cJSON_AddArrayToObject(o, "successors");
	n = overlay_successor_list(v, successor, 16);
	for (i = 0; i < n; i++)
		cJSON_AddItemToArray(list, contact_object(&successor[i]));
	list = cJSON_AddArrayToObject(o, "fingers");
	for (i = 0; i < ID_BITS; i++) {
		if (!overlay_finger(v, i, &c) || id_eq(&c.id, &last.id))
			continue;
		last = c;
		finger = contact_object(&c);
		add_number(finger, "bit", ID_BITS - 1 - i);
		cJSON_AddItemToArray(list, finger);
	}
}

static void add_peer(void *ctx, const struct overlay_peer_info *p)
{
	cJSON *o = list_add(ctx), *roles;

	if (!o)
		return;
	add_id(o, "id", &p->contact.id);
	add_addresses(o, "addresses", p->contact.addr);
	add_string(o, "status", peer_status_text(p->status));
	add_bool(o, "link", p->has_link);
	roles = cJSON_AddArrayToObject(o, "roles");
	if (p->is_predecessor)
		append(roles, "predecessor");
	if (p->is_successor)
		append(roles, "successor");
	if (p->is_finger)
		append(roles, "finger");
	if (p->rtt_us)
		add_number(o, "rtt_us", p->rtt_us);
	if (p->predicted_us)
		add_number(o, "predicted_us", p->predicted_us);
	if (p->heard_ago != PIAS_NEVER)
		add_number(o, "heard_ms_ago", (double)(p->heard_ago / MSEC));
	add_number(o, "incarnation", (double)p->incarnation);
}

static void reply_peers(cJSON *o, struct host *h, const struct ctl_request *r)
{
	struct list l = list_begin(o, "peers");

	overlay_each_peer(h->proxy.overlay, add_peer, &l);
	list_end(o, &l);
}

/* Groups, members */

static void add_group_info(void *ctx, const struct group_info *g)
{
	static const struct {
		enum group_role role;
		const char *name;
	} role[] = {
		{ROLE_OWNER, "owner"},
		{ROLE_REPLICA, "copy"},
		{ROLE_CACHE, "cache"},
		{ROLE_JOIN, "join"},
		{ROLE_STRAY, "stray"},
	};
	cJSON *o = list_add(ctx), *roles;
	unsigned i;

	if (!o)
		return;
	add_group(o, "group", &g->name);
	roles = cJSON_AddArrayToObject(o, "roles");
	for (i = 0; i < sizeof(role) / sizeof(role[0]); i++)
		if (g->roles & role[i].role)
			append(roles, role[i].name);
	add_number(o, "members", g->n_members);
	add_number(o, "subscribers", g->n_subscribers);
	add_number(o, "group_version", (double)g->version);
	add_bool(o, "negative", g->is_negative);
}

static void reply_groups(cJSON *o, struct host *h, const struct ctl_request *r)
{
	struct list l = list_begin(o, "groups");

	rendezvous_each_group(h->proxy.rendezvous, add_group_info, &l);
	list_end(o, &l);
}

static const char *encap_text(uint8_t encap)
{
	return encap == ENCAP_IPIP ? "ipip" : "gue";
}

static void add_member(void *ctx, const struct member_info *m)
{
	cJSON *o = list_add(ctx);

	if (!o)
		return;
	add_id(o, "server", &m->server);
	if (m->name[0])
		add_string(o, "name", m->name);
	add_addr(o, "unicast", &m->unicast);
	add_string(o, "encap", encap_text(m->encap));
	add_contact(o, "join_ap", &m->join_ap);
	add_bool(o, "up", m->is_up);
	add_bool(o, "draining", m->is_draining);
	add_number(o, "rtt_us", m->rtt_us);
	add_number(o, "cost_us", m->cost_us);
	if (m->expires_in != PIAS_NEVER)
		add_number(o, "expires_in_ms", (double)(m->expires_in / MSEC));
	add_number(o, "seq", (double)m->seq);
}

/* False: nothing is known of the group here. */
static bool add_members(cJSON *o, struct host *h, const struct group_name *group)
{
	struct list l = list_begin(o, "members");
	int err = rendezvous_each_member(h->proxy.rendezvous, group, add_member, &l);

	list_end(o, &l);
	return !err;
}

static void reply_members(cJSON *o, struct host *h, const struct ctl_request *r)
{
	add_group(o, "group", &r->group);
	add_bool(o, "known", add_members(o, h, &r->group));
}

/* Flows, counters */

static const char *proto_text(uint8_t proto, char buf[static 8])
{
	switch (proto) {
	case PROTO_TCP:
		return "tcp";
	case PROTO_UDP:
		return "udp";
	case IPPROTO_NUM_ICMP:
	case IPPROTO_NUM_ICMPV6:
		return "icmp";
	default:
		snprintf(buf, 8, "%u", proto);
		return buf;
	}
}

static void add_flow(void *ctx, const struct flow_info *f)
{
	cJSON *o = list_add(ctx);
	char proto[8];

	if (!o)
		return;
	add_addr(o, "client", &f->client);
	add_addr(o, "group", &f->group);
	add_string(o, "protocol", proto_text(f->proto, proto));
	add_id(o, "server", &f->server);
	add_number(o, "packets", (double)f->packets);
	add_number(o, "bytes", (double)f->bytes);
	add_number(o, "idle_ms", (double)(f->idle / MSEC));
}

static void reply_flows(cJSON *o, struct host *h, const struct ctl_request *r)
{
	struct list l = list_begin(o, "flows");

	forward_each_flow(h->proxy.forward, add_flow, &l);
	list_end(o, &l);
}

static void reply_counters(cJSON *o, struct host *h, const struct ctl_request *r)
{
	cJSON *all = cJSON_AddObjectToObject(o, "counters");
	unsigned i;

	for (i = 0; i < N_COUNTERS; i++)
		add_number(all, counter_name((enum counter)i),
			   (double)h->env.counters.v[i]);
}

/* Trace, drain */

static const char *step_text(enum trace_step step)
{
	switch (step) {
	case TRACE_CACHED:
		return "cached";
	case TRACE_RENDEZVOUS:
		return "rendezvous";
	case TRACE_LOCAL:
		return "local";
	case TRACE_NEGATIVE:
		return "no-group";
	case TRACE_NO_PREFIX:
		return "no-prefix";
	}
	return "unknown";
}

static void add_target(cJSON *o, const struct target *t)
{
	cJSON *target = cJSON_AddObjectToObject(o, "server");

	add_id(target, "id", &t->server);
	add_addr(target, "unicast", &t->to);
	add_string(target, "encap", encap_text(t->encap));
	add_id(target, "join_ap", &t->join_ap);
	add_number(target, "cost_us", t->cost_us);
	add_number(target, "mtu", t->mtu);
	add_bool(target, "draining", t->is_draining);
}

static void reply_trace(cJSON *o, struct host *h, const struct ctl_request *r)
{
	const struct contact *self = overlay_self(h->proxy.overlay);
	struct trace t;
	int err;

	host_enter(h);
	err = forward_trace(h->proxy.forward, &r->client, &r->group, &t);
	add_addr(o, "client", &r->client);
	add_contact(o, "ingress", self);
	if (err) {
		add_string(o, "step", "unknown");
		add_string(o, "trouble", error_text(err));
		return;
	}
	add_string(o, "step", step_text(t.step));
	add_group(o, "group", &t.group);
	if (t.step == TRACE_NO_PREFIX)
		return;
	add_contact(o, "rendezvous", &t.rendezvous);
	add_bool(o, "rendezvous_is_here", id_eq(&t.rendezvous.id, &self->id));
	add_bool(o, "by_flow", t.by_flow);
	add_bool(o, "sender_skipped", t.sender_skipped);
	if (t.has_target)
		add_target(o, &t.target);
	add_members(o, h, &t.group);
}

static void reply_drain(cJSON *o, struct host *h, const struct ctl_request *r)
{
	add_bool(o, "already", h->is_draining);
	host_drain(h);
	add_number(o, "drain_left_s",
		   (double)(h->drain_ends_at - clock_now()) / (double)SEC);
}

cJSON *ctl_reply_error(const char *why)
{
	cJSON *o = cJSON_CreateObject();

	add_bool(o, "ok", false);
	add_string(o, "error", why);
	return o;
}

cJSON *ctl_reply(struct host *h, const struct ctl_request *request)
{
	static void (*const reply[])(cJSON *, struct host *,
				     const struct ctl_request *) = {
#define X(name, args, help) [CTL_##name] = reply_##name,
		CTL_COMMANDS(X)
#undef X
	};
	cJSON *o = cJSON_CreateObject();

	add_bool(o, "ok", true);
	reply[request->command](o, h, request);
	return o;
}
