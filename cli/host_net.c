/*
 * One function, host_net_sync, compares what is with what should be and repairs the
 * difference; starting, healing after somebody's change and following the main table
 * are all this. Addresses go on before rules: a reply needs the first to exist, and a
 * rule alone does no harm.
 */
#include "cli/host_net.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/loopback.h"
#include "cli/route_table.h"
#include "cli/rule.h"
#include "overlay/overlay.h"

#define RULES_PER_ADDR 4
#define RULES_MAX      (RULES_PER_ADDR * HOST_NET_ADDRS_MAX)
#define TCP_HEADER     20

static int explain(char *why, int err, const char *what)
{
	snprintf(why, HOST_NET_WHY_MAX, "%s: %s", what, strerror(-err));
	return PIAS_ESYSTEM;
}

static int explain_addr(char *why, int err, const char *what, const struct addr *a)
{
	char s[ADDR_STR_MAX];

	snprintf(why, HOST_NET_WHY_MAX, "%s %s: %s%s", what, addr_str(a, s),
		 strerror(-err), err == -EPERM ? " (CAP_NET_ADMIN is needed)" : "");
	return PIAS_ESYSTEM;
}

/* What should be */

static bool copies_have_source(const struct host_net *h, uint8_t family)
{
	return h->config.also_client && family == ADDR_V6;
}

static uint32_t table_of(const struct host_net *h, uint8_t family)
{
	if (h->is_large)
		return RT_TABLE_MAIN;
	return route_table_number(h->config.inner_mtu, copies_have_source(h, family));
}

static unsigned rules_for(const struct host_net *h, const struct addr *a, struct rule *r)
{
	uint32_t table = table_of(h, a->family);
	unsigned n = 0;

	r[n++] = (struct rule){RULE_BEFORE_LOCAL, .to = *a, .udp_port = CONTROL_PORT,
			       .table = table};
	if (h->config.also_client) {
		r[n++] = (struct rule){RULE_BEFORE_LOCAL, .to = *a, .is_output = true,
				       .table = table};
		/* Rather to nobody than to ourselves. */
		r[n++] = (struct rule){RULE_BEFORE_LOCAL, .to = *a, .is_output = true};
	}
	if (!h->config.leave_mss && !h->is_large)
		r[n++] = (struct rule){RULE_BEFORE_MAIN, .from = *a, .table = table};
	return n;
}

static unsigned all_rules(const struct host_net *h, struct rule *r)
{
	unsigned n = 0, i;

	for (i = 0; i < h->config.n_anycast; i++)
		n += rules_for(h, &h->config.anycast[i], r + n);
	return n;
}

static bool has_family(const struct host_net *h, uint8_t family)
{
	unsigned i;

	for (i = 0; i < h->config.n_anycast; i++) {
		if (h->config.anycast[i].family == family)
			return true;
	}
	return false;
}

/* Making it so */

static int sync_address(struct host_net *h, unsigned i, char *why)
{
	const struct addr *a = &h->config.anycast[i];
	enum loopback_state state;
	char s[ADDR_STR_MAX];
	int err = loopback_state(&h->requests, a, &state);

	if (err)
		return explain_addr(why, err, "looking for address", a);
	if (state != LOOPBACK_ABSENT)
		return 0;
	if (h->config.leave_addresses) {
		snprintf(why, HOST_NET_WHY_MAX,
			 "address %s is not on this host: add it to the loopback "
			 "interface, or leave out --no-address",
			 addr_str(a, s));
		return PIAS_ENOTFOUND;
	}
	err = loopback_add(&h->requests, a);
	if (err && err != -EEXIST)
		return explain_addr(why, err, "cannot put on the loopback address", a);
	return 0;
}

static int sync_table(struct host_net *h, uint8_t family, char *why)
{
	unsigned headers = TCP_HEADER + (family == ADDR_V4 ? 20 : 40);
	struct route_copy copy = {0};
	int err;

	if (h->is_large || !has_family(h, family))
		return 0;
	copy.table = table_of(h, family);
	if (!h->config.leave_mss)
		copy.advmss = h->config.inner_mtu - headers;
	if (copies_have_source(h, family))
		copy.source = h->config.source_v6;
	err = route_table_sync(&h->requests, family == ADDR_V4 ? AF_INET : AF_INET6,
			       &copy);
	if (err == -E2BIG) {
		h->is_large = true;
		return 0;
	}
	return err ? explain(why, err, "cannot copy the main routing table") : 0;
}

int host_net_sync(struct host_net *h, char why[static HOST_NET_WHY_MAX])
{
	struct rule rules[RULES_MAX];
	unsigned i;
	int err = 0;

	for (i = 0; i < h->config.n_anycast && !err; i++)
		err = sync_address(h, i, why);
	if (!err)
		err = sync_table(h, ADDR_V4, why);
	if (!err)
		err = sync_table(h, ADDR_V6, why);
	if (err)
		return err;
	err = rule_add_all(&h->requests, rules, all_rules(h, rules));
	if (!err)
		return 0;
	return explain(why, err,
		       err == -ENOENT ? "policy routing has no rule for the local table"
				      : "cannot add policy routing rules");
}

/* Undoing it */

struct used_tables {
	uint32_t table[RULES_MAX];
	unsigned n;
};

static void note_table(void *ctx, uint32_t table)
{
	struct used_tables *u = ctx;

	if (route_table_is_ours(table) && u->n < RULES_MAX)
		u->table[u->n++] = table;
}

static bool is_used(void *ctx, uint32_t table)
{
	const struct used_tables *u = ctx;
	unsigned i;

	for (i = 0; i < u->n; i++) {
		if (u->table[i] == table)
			return true;
	}
	return u->n == RULES_MAX;
}

/* Empties the tables that no rule leads to any more. */
static void sweep_tables(struct host_net *h)
{
	static const uint8_t family[2] = {AF_INET, AF_INET6};
	struct used_tables used;
	unsigned i;

	for (i = 0; i < 2; i++) {
		used.n = 0;
		if (rule_each_table(&h->requests, family[i], note_table, &used) == 0)
			(void)!route_table_sweep(&h->requests, family[i], is_used, &used);
	}
}

/* Everything of ours about @a: there is nobody else who needs it. */
static int forget(struct host_net *h, const struct addr *a)
{
	enum loopback_state state;
	int err = rule_forget(&h->requests, a);

	if (!err)
		err = loopback_state(&h->requests, a, &state);
	if (!err && state == LOOPBACK_OURS)
		err = loopback_del(&h->requests, a);
	return err;
}

int host_net_clean(struct host_net *h, const struct addr *anycast, unsigned n,
		   char why[static HOST_NET_WHY_MAX])
{
	unsigned i;
	int err;

	for (i = 0; i < n; i++) {
		err = fellow_serves(&h->fellow, &anycast[i], NULL)
			      ? 0
			      : forget(h, &anycast[i]);
		if (err)
			return explain_addr(why, err, "clearing up address", &anycast[i]);
	}
	sweep_tables(h);
	return 0;
}

/* The ways of serving an address that need different rules. */
static void form_of(const struct host_net *h, uint8_t family, char form[FELLOW_FORM_MAX])
{
	uint32_t table =
		route_table_number(h->config.inner_mtu, copies_have_source(h, family));

	snprintf(form, FELLOW_FORM_MAX, "%u%s%s", table, h->config.also_client ? "c" : "",
		 h->config.leave_mss ? "m" : "");
}

static int leave_signs(struct host_net *h, char *why)
{
	char form[FELLOW_FORM_MAX];
	unsigned i;
	int fd;

	for (i = 0; i < h->config.n_anycast; i++) {
		form_of(h, h->config.anycast[i].family, form);
		fd = fellow_sign(&h->fellow, &h->config.anycast[i], form);
		if (fd < 0)
			return explain(why, fd, "cannot leave a sign for other programs");
		h->sign[h->n_signs++] = fd;
	}
	return 0;
}

static void undo(struct host_net *h)
{
	struct rule rules[RULES_PER_ADDR];
	char form[FELLOW_FORM_MAX];
	const struct addr *a;
	unsigned i;

	/* First of all, so that of two that go at once one sees that it is the last. */
	while (h->n_signs)
		close(h->sign[--h->n_signs]);
	for (i = 0; i < h->config.n_anycast; i++) {
		a = &h->config.anycast[i];
		form_of(h, a->family, form);
		if (!fellow_serves(&h->fellow, a, NULL))
			(void)!forget(h, a);
		else if (!fellow_serves(&h->fellow, a, form))
			rule_del_all(&h->requests, rules, rules_for(h, a, rules));
	}
	sweep_tables(h);
}

/* Life and events */

int host_net_open(struct host_net *h, char why[static HOST_NET_WHY_MAX])
{
	uint32_t groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
			  RTMGRP_IPV6_ROUTE | RTMGRP_IPV4_RULE |
			  1u << (RTNLGRP_IPV6_RULE - 1);
	int err;

	memset(h, 0, sizeof(*h));
	fellow_init(&h->fellow);
	err = netlink_open(&h->requests, 0);
	if (err)
		return explain(why, err, "netlink");
	err = netlink_open(&h->events, groups);
	if (!err)
		return 0;
	netlink_close(&h->requests);
	return explain(why, err, "netlink");
}

int host_net_up(struct host_net *h, const struct host_net_config *config,
		char why[static HOST_NET_WHY_MAX])
{
	int err;

	h->config = *config;
	h->is_up = true;
	err = leave_signs(h, why);
	return err ? err : host_net_sync(h, why);
}

void host_net_close(struct host_net *h)
{
	if (!h->requests.socket)
		return;
	if (h->is_up)
		undo(h);
	h->is_up = false;
	netlink_close(&h->events);
	netlink_close(&h->requests);
}

int host_net_fd(const struct host_net *h)
{
	return netlink_fd(&h->events);
}

static void judge(void *ctx, const struct nlmsghdr *m)
{
	enum host_net_change *change = ctx;

	switch (m->nlmsg_type) {
	case RTM_DELADDR:
	case RTM_DELRULE:
		*change = HOST_NET_OURS;
		return;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		if (route_table_of(m) != RT_TABLE_MAIN)
			return;
		/* fall through */
	case RTM_NEWRULE:
		if (*change == HOST_NET_NOTHING)
			*change = HOST_NET_ROUTES;
		return;
	}
}

enum host_net_change host_net_on_events(struct host_net *h)
{
	enum host_net_change change = HOST_NET_NOTHING;
	int err = netlink_events(&h->events, judge, &change);

	return err && change == HOST_NET_NOTHING ? HOST_NET_ROUTES : change;
}
