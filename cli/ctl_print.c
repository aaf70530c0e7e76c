/*
 * From JSON to tables and sentences. Everything is read from the reply with defaults,
 * because a daemon of another version may leave things out: what is missing shows as
 * "-", never as a crash. Ids are cut to their first 8 digits; -j has them whole.
 */
#include "cli/ctl_print.h"

#include <string.h>

#include "cli/table.h"
#include "overlay/base/counter.h"

/* Reading the reply */

static const cJSON *get(const cJSON *o, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(o, key);
}

static const char *string(const cJSON *o, const char *key)
{
	const char *s = cJSON_GetStringValue(get(o, key));

	return s ? s : "-";
}

static double number(const cJSON *o, const char *key)
{
	const cJSON *v = get(o, key);

	return cJSON_IsNumber(v) ? v->valuedouble : 0;
}

static bool flag(const cJSON *o, const char *key)
{
	return cJSON_IsTrue(get(o, key));
}

/* Strings of an array, separated by @between, or "-". */
static const char *joined(const cJSON *array, const char *between, char *buf, size_t len)
{
	const cJSON *i;
	size_t at = 0;

	snprintf(buf, len, "-");
	cJSON_ArrayForEach(i, array) {
		if (at < len)
			at += (size_t)snprintf(buf + at, len - at, "%s%s",
					       at ? between : "",
					       cJSON_IsString(i) ? i->valuestring : "?");
	}
	return buf;
}

#define SHORT_ID 8

static void add_id(struct table *t, const cJSON *o, const char *key)
{
	table_addf(t, "%.*s", SHORT_ID, string(o, key));
}

static void add_addresses(struct table *t, const cJSON *o)
{
	char text[256];

	table_add(t, joined(get(o, "addresses"), " ", text, sizeof(text)));
}

/* Microseconds as milliseconds; "-" if the key is not there. */
static void add_ms(struct table *t, const cJSON *o, const char *key)
{
	if (cJSON_IsNumber(get(o, key)))
		table_addf(t, "%.3f ms", number(o, key) / 1000);
	else
		table_add(t, NULL);
}

/* Milliseconds as seconds. */
static void add_seconds(struct table *t, const cJSON *o, const char *key)
{
	if (cJSON_IsNumber(get(o, key)))
		table_addf(t, "%.1f s", number(o, key) / 1000);
	else
		table_add(t, NULL);
}

static void finish(FILE *f, struct table *t, const cJSON *reply, const char *none)
{
	if (t->n_cells)
		table_print(t, f);
	else
		fprintf(f, "%s\n", none);
	if (get(reply, "truncated"))
		fprintf(f, "... and %.0f more\n", number(reply, "truncated"));
	table_fini(t);
}

/* Status, ring */

static void print_line(FILE *f, const char *name, const char *text)
{
	fprintf(f, "%-13s%s\n", name, text);
}

static void print_status(FILE *f, const cJSON *r)
{
	const cJSON *groups = get(r, "groups");
	char text[1024];
	long s = (long)number(r, "uptime_s");

	print_line(f, "state", string(r, "state"));
	print_line(f, "ring", string(r, "ring"));
	print_line(f, "id", string(r, "id"));
	print_line(f, "addresses", joined(get(r, "addresses"), ", ", text, sizeof(text)));
	print_line(f, "prefixes", joined(get(r, "prefixes"), ", ", text, sizeof(text)));
	snprintf(text, sizeof(text), "%s, %s", string(r, "interface"),
		 flag(r, "announcing") ? "up: announcing" : "down: not announcing");
	print_line(f, "interface", text);
	snprintf(text, sizeof(text), "%ldd %02ld:%02ld:%02ld", s / 86400, s / 3600 % 24,
		 s / 60 % 60, s % 60);
	print_line(f, "up for", text);
	if (get(r, "drain_left_s"))
		fprintf(f, "%-13s%.0f s left\n", "draining", number(r, "drain_left_s"));
	if (get(r, "join_trouble"))
		print_line(f, "trouble", string(r, "join_trouble"));
	fprintf(f, "%-13s%.0f in the ring, links to %.0f programs\n", "APs",
		number(r, "aps"), number(r, "links"));
	fprintf(f, "%-13s%.0f owned, %.0f copies, %.0f cached, %.0f joined here\n",
		"groups", number(groups, "owned"), number(groups, "copied"),
		number(groups, "cached"), number(groups, "joined"));
	fprintf(f, "%-13s%.0f joined through this AP\n", "members", number(r, "servers"));
	fprintf(f, "%-13s%.0f\n", "flows", number(r, "flows"));
	print_line(f, "version", string(r, "version"));
}

static void add_place(struct table *t, const char *place, const cJSON *contact)
{
	table_add(t, place);
	add_id(t, contact, "id");
	if (cJSON_GetArraySize(get(contact, "addresses")))
		add_addresses(t, contact);
	else
		table_add(t, "(nobody known there)");
}

static void print_ring(FILE *f, const cJSON *r)
{
	static const char *const heading[] = {"<PLACE", "<ID", "<ADDRESSES"};
	struct table t;
	const cJSON *i;
	char place[32];
	int n = 0;

	table_init(&t, 3, heading);
	if (cJSON_IsObject(get(r, "predecessor")))
		add_place(&t, "predecessor", get(r, "predecessor"));
	add_place(&t, "self", get(r, "self"));
	cJSON_ArrayForEach(i, get(r, "successors")) {
		snprintf(place, sizeof(place), "successor %d", ++n);
		add_place(&t, place, i);
	}
	cJSON_ArrayForEach(i, get(r, "fingers")) {
		snprintf(place, sizeof(place), "finger 2^%.0f", number(i, "bit"));
		add_place(&t, place, i);
	}
	finish(f, &t, r, "");
	if (!flag(r, "joined"))
		fprintf(f, "not joined yet\n");
}

/* Peers, groups, members, flows */

static void print_peers(FILE *f, const cJSON *r)
{
	static const char *const heading[] = {"<ID", "<ADDRESSES", "<STATUS", "<LINK",
					      "RTT", "PREDICTED",  "HEARD",   "<ROLES"};
	struct table t;
	const cJSON *p;
	char roles[128];

	table_init(&t, 8, heading);
	cJSON_ArrayForEach(p, get(r, "peers")) {
		add_id(&t, p, "id");
		add_addresses(&t, p);
		table_add(&t, string(p, "status"));
		table_add(&t, flag(p, "link") ? "yes" : "no");
		add_ms(&t, p, "rtt_us");
		add_ms(&t, p, "predicted_us");
		add_seconds(&t, p, "heard_ms_ago");
		table_add(&t, joined(get(p, "roles"), ",", roles, sizeof(roles)));
	}
	finish(f, &t, r, "no other APs are known");
}

static void print_groups(FILE *f, const cJSON *r)
{
	static const char *const heading[] = {"<GROUP", "MEMBERS", "SUBSCRIBERS",
					      "<ROLES OF THIS AP"};
	struct table t;
	const cJSON *g;
	char roles[64];

	table_init(&t, 4, heading);
	cJSON_ArrayForEach(g, get(r, "groups")) {
		table_add(&t, string(g, "group"));
		if (flag(g, "negative"))
			table_add(&t, "no such group");
		else
			table_addf(&t, "%.0f", number(g, "members"));
		table_addf(&t, "%.0f", number(g, "subscribers"));
		table_add(&t, joined(get(g, "roles"), ",", roles, sizeof(roles)));
	}
	finish(f, &t, r, "no groups are known here");
}

static const char *member_state(const cJSON *m)
{
	if (!flag(m, "up"))
		return "dead";
	return flag(m, "draining") ? "draining" : "up";
}

static void print_members(FILE *f, const cJSON *r)
{
	static const char *const heading[] = {"<SERVER", "<NAME",    "<UNICAST",
					      "<ENCAP",	 "<JOIN AP", "<STATE",
					      "RTT",	 "COST",     "LEASE"};
	struct table t;
	const cJSON *m;

	if (!flag(r, "known")) {
		fprintf(f,
			"this AP knows nothing of %s: it neither owns, copies nor "
			"caches it (piasctl trace tells who owns it)\n",
			string(r, "group"));
		return;
	}
	table_init(&t, 9, heading);
	cJSON_ArrayForEach(m, get(r, "members")) {
		add_id(&t, m, "server");
		table_add(&t, string(m, "name"));
		table_add(&t, string(m, "unicast"));
		table_add(&t, string(m, "encap"));
		add_id(&t, get(m, "join_ap"), "id");
		table_add(&t, member_state(m));
		add_ms(&t, m, "rtt_us");
		add_ms(&t, m, "cost_us");
		add_seconds(&t, m, "expires_in_ms");
	}
	finish(f, &t, r, "the group has no members");
}

static void print_flows(FILE *f, const cJSON *r)
{
	static const char *const heading[] = {"<CLIENT", "<GROUP", "<PROTOCOL", "<SERVER",
					      "PACKETS", "BYTES",  "IDLE"};
	struct table t;
	const cJSON *i;

	table_init(&t, 7, heading);
	cJSON_ArrayForEach(i, get(r, "flows")) {
		table_add(&t, string(i, "client"));
		table_add(&t, string(i, "group"));
		table_add(&t, string(i, "protocol"));
		add_id(&t, i, "server");
		table_addf(&t, "%.0f", number(i, "packets"));
		table_addf(&t, "%.0f", number(i, "bytes"));
		add_seconds(&t, i, "idle_ms");
	}
	finish(f, &t, r, "no flows");
}

/* Counters */

static const char *help_of(const char *name)
{
	unsigned i;

	for (i = 0; i < N_COUNTERS; i++)
		if (!strcmp(name, counter_name((enum counter)i)))
			return counter_help((enum counter)i);
	return "";
}

static void print_counters(FILE *f, const cJSON *r, bool all)
{
	static const char *const heading[] = {"<COUNTER", "VALUE", "<"};
	struct table t;
	const cJSON *c;

	table_init(&t, 3, heading);
	cJSON_ArrayForEach(c, get(r, "counters")) {
		if (!all && c->valuedouble <= 0)
			continue;
		table_add(&t, c->string);
		table_addf(&t, "%.0f", c->valuedouble);
		table_add(&t, help_of(c->string));
	}
	finish(f, &t, r, "nothing has happened yet");
}

/* Trace */

static const char *contact_text(const cJSON *c, char *buf, size_t len)
{
	char addresses[200];

	snprintf(buf, len, "%.*s (%s)", SHORT_ID, string(c, "id"),
		 joined(get(c, "addresses"), ", ", addresses, sizeof(addresses)));
	return buf;
}

static void explain_choice(FILE *f, const cJSON *r)
{
	const cJSON *server = get(r, "server"), *m;
	unsigned n = 0;

	fprintf(f,
		"It goes to server %.*s at %s (%s), which joined through AP %.*s; "
		"cost from here %.3f ms.\n",
		SHORT_ID, string(server, "id"), string(server, "unicast"),
		string(server, "encap"), SHORT_ID, string(server, "join_ap"),
		number(server, "cost_us") / 1000);
	if (flag(r, "by_flow"))
		fprintf(f,
			"It was chosen because the client's established flow is there; "
			"flows stay where they are.\n");
	else
		fprintf(f,
			"It was chosen because it is nearest: the cost is the way from "
			"the ingress AP to the server's join AP and on to the "
			"server.\n");
	if (flag(r, "sender_skipped"))
		fprintf(f, "The client is a member itself and was passed over.\n");
	cJSON_ArrayForEach(m, get(r, "members"))
		n++;
	if (n > 1)
		fprintf(f, "\nAll candidates:\n");
}

static void explain_candidates(FILE *f, const cJSON *r)
{
	static const char *const heading[] = {"<",	  "<SERVER", "<UNICAST",
					      "<JOIN AP", "<STATE",  "COST"};
	const char *chosen = string(get(r, "server"), "id");
	struct table t;
	const cJSON *m;

	table_init(&t, 6, heading);
	cJSON_ArrayForEach(m, get(r, "members")) {
		table_add(&t, strcmp(string(m, "server"), chosen) ? " " : "->");
		add_id(&t, m, "server");
		table_add(&t, string(m, "unicast"));
		add_id(&t, get(m, "join_ap"), "id");
		table_add(&t, member_state(m));
		add_ms(&t, m, "cost_us");
	}
	if (t.n_cells > t.n_columns)
		table_print(&t, f);
	table_fini(&t);
}

static void explain_here(FILE *f, const cJSON *r, bool is_cached)
{
	char text[300];

	if (is_cached)
		fprintf(f, "This AP has the group cached, so it delivers the packet "
			   "itself: two hops.\n");
	else
		fprintf(f, "This AP is the group's rendezvous AP or holds a copy, so it "
			   "delivers the packet itself: two hops.\n");
	fprintf(f, "The group's rendezvous AP is %s.\n",
		flag(r, "rendezvous_is_here")
			? "this one"
			: contact_text(get(r, "rendezvous"), text, sizeof(text)));
	if (get(r, "server"))
		explain_choice(f, r);
	else
		fprintf(f,
			"No member can be chosen: none is up%s. The packet is "
			"dropped.\n",
			flag(r, "sender_skipped") ? " but the client itself" : "");
	explain_candidates(f, r);
}

static void print_trace(FILE *f, const cJSON *r)
{
	const char *step = string(r, "step");
	char text[300];

	fprintf(f, "A packet from %s for %s comes in at this AP, %s.\n",
		string(r, "client"), string(r, "group"),
		contact_text(get(r, "ingress"), text, sizeof(text)));
	if (!strcmp(step, "no-prefix"))
		fprintf(f, "The address lies in none of its prefixes: it is not taken "
			   "in.\n");
	else if (!strcmp(step, "no-group"))
		fprintf(f,
			"There is no such group, as this AP knows from its rendezvous "
			"AP %s. The packet is dropped.\n",
			contact_text(get(r, "rendezvous"), text, sizeof(text)));
	else if (!strcmp(step, "rendezvous"))
		fprintf(f,
			"The group is not known here yet. The packet is handed on to "
			"the group's rendezvous AP %s, which chooses the server nearest "
			"to this AP: three hops. At the same time the group is asked for "
			"and cached, so the next packet takes two.\n",
			contact_text(get(r, "rendezvous"), text, sizeof(text)));
	else if (!strcmp(step, "cached") || !strcmp(step, "local"))
		explain_here(f, r, !strcmp(step, "cached"));
	else
		fprintf(f, "It cannot be said where it goes: %s.\n",
			string(r, "trouble"));
}

static void print_drain(FILE *f, const cJSON *r)
{
	fprintf(f,
		"%s: the prefixes are withdrawn; forwarding goes on for %.0f s, then "
		"piasd exits\n",
		flag(r, "already") ? "draining already" : "draining",
		number(r, "drain_left_s"));
}

void ctl_print(FILE *f, enum ctl_command command, const cJSON *reply, bool all)
{
	switch (command) {
	case CTL_status:
		print_status(f, reply);
		return;
	case CTL_ring:
		print_ring(f, reply);
		return;
	case CTL_peers:
		print_peers(f, reply);
		return;
	case CTL_groups:
		print_groups(f, reply);
		return;
	case CTL_members:
		print_members(f, reply);
		return;
	case CTL_flows:
		print_flows(f, reply);
		return;
	case CTL_counters:
		print_counters(f, reply, all);
		return;
	case CTL_trace:
		print_trace(f, reply);
		return;
	case CTL_drain:
		print_drain(f, reply);
		return;
	case N_CTL_COMMANDS:
		return;
	}
}
