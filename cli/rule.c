/*
 * The kernel keeps rules in a list sorted by preference, new ones after old ones of
 * the same preference. The rule for local addresses stands first, at 0. To get in
 * front of it: add ours (behind it), add a second local rule further down, delete the
 * first, add it again (now behind ours), delete the second. Lookups of local addresses
 * succeed at every moment of this, and deleting ours restores what was.
 */
#include "cli/rule.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* The one that "ip rule add" would take first: rules added later go ahead of ours. */
#define PREFERENCE_BEFORE_MAIN 32765
#define RULES_MAX	       1024 /* of one family, that we look at */

/* A rule as the kernel lists it. */
struct seen {
	struct rule rule;
	uint32_t preference;
	uint8_t action;
	bool is_ours;
	bool is_plain; /* no selector at all */
};

struct seen_list {
	struct seen item[RULES_MAX];
	unsigned n;
	int err;
};

static void read_attr(struct seen *s, const struct nlattr *a, uint8_t family)
{
	const struct fib_rule_port_range *range;

	switch (mnl_attr_get_type(a)) {
	case FRA_DST:
		s->is_plain &= !netlink_get_addr(a, family, &s->rule.to);
		break;
	case FRA_SRC:
		s->is_plain &= !netlink_get_addr(a, family, &s->rule.from);
		break;
	case FRA_IIFNAME:
		s->rule.is_output = !strcmp(mnl_attr_get_str(a), "lo");
		s->is_plain = false;
		break;
	case FRA_DPORT_RANGE:
		range = mnl_attr_get_payload(a);
		s->rule.udp_port = range->start;
		s->is_plain = false;
		break;
	case FRA_OIFNAME:
	case FRA_FWMARK:
	case FRA_IP_PROTO:
	case FRA_SPORT_RANGE:
	case FRA_UID_RANGE:
	case FRA_L3MDEV:
		s->is_plain = false;
		break;
	case FRA_PRIORITY:
		s->preference = mnl_attr_get_u32(a);
		break;
	case FRA_TABLE:
		s->rule.table = mnl_attr_get_u32(a);
		break;
	case FRA_PROTOCOL:
		s->is_ours = mnl_attr_get_u8(a) == NETLINK_PROTOCOL;
		break;
	}
}

static void see(void *ctx, const struct nlmsghdr *h)
{
	const struct fib_rule_hdr *f = mnl_nlmsg_get_payload(h);
	struct seen_list *l = ctx;
	const struct nlattr *a;
	struct seen *s;

	if (l->n == RULES_MAX) {
		l->err = -E2BIG;
		return;
	}
	s = &l->item[l->n++];
	memset(s, 0, sizeof(*s));
	s->action = f->action;
	s->is_plain = true;
	s->rule.table = f->table;
	mnl_attr_for_each(a, h, sizeof(*f))
		read_attr(s, a, f->family);
	if (s->action != FR_ACT_TO_TBL)
		s->rule.table = 0;
}

static struct seen_list *list_rules(struct netlink *n, uint8_t family, int *err)
{
	struct seen_list *l = calloc(1, sizeof(*l));

	if (!l) {
		*err = -ENOMEM;
		return NULL;
	}
	*err = netlink_dump(n, RTM_GETRULE, family, see, l);
	if (!*err)
		*err = l->err;
	if (!*err)
		return l;
	free(l);
	return NULL;
}

/* Where the local rule is in the list; l->n if nowhere. */
static unsigned find_local(const struct seen_list *l)
{
	unsigned i;

	for (i = 0; i < l->n; i++) {
		if (l->item[i].rule.table == RT_TABLE_LOCAL && l->item[i].is_plain)
			break;
	}
	return i;
}

static bool is_same(const struct seen *s, const struct rule *r)
{
	return s->is_ours && s->rule.table == r->table &&
	       s->rule.is_output == r->is_output && s->rule.udp_port == r->udp_port &&
	       addr_host_eq(&s->rule.to, &r->to) && addr_host_eq(&s->rule.from, &r->from);
}

/* Is @r among the first @end rules? */
static bool is_present(const struct seen_list *l, unsigned end, const struct rule *r)
{
	unsigned i;

	for (i = 0; i < end; i++) {
		if (is_same(&l->item[i], r))
			return true;
	}
	return false;
}

static uint8_t rule_family(const struct rule *r)
{
	return netlink_family(addr_is_none(&r->to) ? &r->from : &r->to);
}

static void put_selectors(struct nlmsghdr *h, struct fib_rule_hdr *f,
			  const struct rule *r)
{
	struct fib_rule_port_range range = {r->udp_port, r->udp_port};

	if (!addr_is_none(&r->from)) {
		f->src_len = (uint8_t)(8 * addr_ip_len(&r->from));
		netlink_put_addr(h, FRA_SRC, &r->from);
	}
	if (!addr_is_none(&r->to)) {
		f->dst_len = (uint8_t)(8 * addr_ip_len(&r->to));
		netlink_put_addr(h, FRA_DST, &r->to);
	}
	if (r->is_output)
		mnl_attr_put_strz(h, FRA_IIFNAME, "lo");
	if (r->udp_port) {
		mnl_attr_put_u8(h, FRA_IP_PROTO, IPPROTO_UDP);
		mnl_attr_put(h, FRA_DPORT_RANGE, sizeof(range), &range);
	}
}

static int ask_rule(struct netlink *n, uint16_t type, const struct rule *r,
		    uint32_t preference)
{
	char buf[256] __attribute__((aligned(8)));
	bool add = type == RTM_NEWRULE;
	struct fib_rule_hdr *f;
	struct nlmsghdr *h;
	void *body;

	h = netlink_begin(buf, type, add ? NLM_F_CREATE | NLM_F_EXCL : 0, &body,
			  sizeof(*f));
	f = body;
	f->family = rule_family(r);
	f->action = r->table ? FR_ACT_TO_TBL : FR_ACT_UNREACHABLE;
	put_selectors(h, f, r);
	if (r->table)
		mnl_attr_put_u32(h, FRA_TABLE, r->table);
	mnl_attr_put_u32(h, FRA_PRIORITY, preference);
	mnl_attr_put_u8(h, FRA_PROTOCOL, NETLINK_PROTOCOL);
	return netlink_ask(n, h);
}

static int ask_local(struct netlink *n, uint16_t type, uint8_t family,
		     uint32_t preference)
{
	char buf[128] __attribute__((aligned(8)));
	bool add = type == RTM_NEWRULE;
	struct fib_rule_hdr *f;
	struct nlmsghdr *h;
	void *body;
	int err;

	h = netlink_begin(buf, type, add ? NLM_F_CREATE | NLM_F_EXCL : 0, &body,
			  sizeof(*f));
	f = body;
	f->family = family;
	f->action = FR_ACT_TO_TBL;
	f->table = RT_TABLE_LOCAL;
	mnl_attr_put_u32(h, FRA_TABLE, RT_TABLE_LOCAL);
	mnl_attr_put_u32(h, FRA_PRIORITY, preference);
	if (add)
		mnl_attr_put_u8(h, FRA_PROTOCOL, RTPROT_KERNEL);
	err = netlink_ask(n, h);
	return err == -EEXIST ? 0 : err;
}

/* Moves the local rule behind the others of its preference. */
static int move_local_back(struct netlink *n, uint8_t family, uint32_t preference)
{
	int err = ask_local(n, RTM_NEWRULE, family, preference + 1);

	if (err)
		return err;
	err = ask_local(n, RTM_DELRULE, family, preference);
	if (!err)
		err = ask_local(n, RTM_NEWRULE, family, preference);
	/* If it could not be put back, the second one stays, and serves. */
	if (!err)
		err = ask_local(n, RTM_DELRULE, family, preference + 1);
	return err;
}

static int add_before_local(struct netlink *n, uint8_t family, const struct rule *rules,
			    unsigned n_rules, const struct seen_list *l)
{
	unsigned at = find_local(l), i;
	bool is_moved = false;
	int err;

	if (at == l->n)
		return -ENOENT;
	for (i = 0; i < n_rules; i++) {
		if (rules[i].place != RULE_BEFORE_LOCAL ||
		    rule_family(&rules[i]) != family || is_present(l, at, &rules[i]))
			continue;
		err = ask_rule(n, RTM_NEWRULE, &rules[i], l->item[at].preference);
		if (err && err != -EEXIST)
			return err;
		is_moved = true;
	}
	return is_moved ? move_local_back(n, family, l->item[at].preference) : 0;
}

static int add_before_main(struct netlink *n, uint8_t family, const struct rule *rules,
			   unsigned n_rules, const struct seen_list *l)
{
	unsigned i;
	int err;

	for (i = 0; i < n_rules; i++) {
		if (rules[i].place != RULE_BEFORE_MAIN ||
		    rule_family(&rules[i]) != family || is_present(l, l->n, &rules[i]))
			continue;
		err = ask_rule(n, RTM_NEWRULE, &rules[i], PREFERENCE_BEFORE_MAIN);
		if (err && err != -EEXIST)
			return err;
	}
	return 0;
}

/*
 * Two programs that move the local rule at once could lose it between them. An
 * abstract socket's name belongs to the network namespace, and to one owner.
 */
static int lock_rules(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0pias-rules"};
	struct timespec pause = {.tv_nsec = 2000000};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), tries;

	if (fd < 0)
		return -errno;
	for (tries = 0; tries < 500; tries++) {
		if (bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0)
			return fd;
		nanosleep(&pause, NULL);
	}
	close(fd);
	return -EBUSY;
}

static int add_family(struct netlink *n, uint8_t family, const struct rule *rules,
		      unsigned n_rules)
{
	struct seen_list *l;
	int err;

	l = list_rules(n, family, &err);
	if (!l)
		return err;
	err = add_before_local(n, family, rules, n_rules, l);
	if (!err)
		err = add_before_main(n, family, rules, n_rules, l);
	free(l);
	return err;
}

static bool has_family(const struct rule *rules, unsigned n_rules, uint8_t family)
{
	unsigned i;

	for (i = 0; i < n_rules; i++) {
		if (rule_family(&rules[i]) == family)
			return true;
	}
	return false;
}

int rule_add_all(struct netlink *n, const struct rule *rules, unsigned n_rules)
{
	int lock = lock_rules(), err = 0;

	if (lock < 0)
		return lock;
	if (has_family(rules, n_rules, AF_INET))
		err = add_family(n, AF_INET, rules, n_rules);
	if (!err && has_family(rules, n_rules, AF_INET6))
		err = add_family(n, AF_INET6, rules, n_rules);
	close(lock);
	return err;
}

static void del_seen(struct netlink *n, const struct seen *s)
{
	/* Another program may have been faster. */
	(void)!ask_rule(n, RTM_DELRULE, &s->rule, s->preference);
}

static void del_family(struct netlink *n, uint8_t family, const struct rule *rules,
		       unsigned n_rules)
{
	struct seen_list *l;
	unsigned i, j;
	int err;

	l = list_rules(n, family, &err);
	if (!l)
		return;
	for (i = 0; i < l->n; i++) {
		for (j = 0; j < n_rules; j++) {
			if (is_same(&l->item[i], &rules[j])) {
				del_seen(n, &l->item[i]);
				break;
			}
		}
	}
	free(l);
}

void rule_del_all(struct netlink *n, const struct rule *rules, unsigned n_rules)
{
	if (has_family(rules, n_rules, AF_INET))
		del_family(n, AF_INET, rules, n_rules);
	if (has_family(rules, n_rules, AF_INET6))
		del_family(n, AF_INET6, rules, n_rules);
}

int rule_forget(struct netlink *n, const struct addr *host)
{
	struct seen_list *l;
	unsigned i;
	int err;

	l = list_rules(n, netlink_family(host), &err);
	if (!l)
		return err;
	for (i = 0; i < l->n; i++) {
		if (l->item[i].is_ours && (addr_host_eq(&l->item[i].rule.to, host) ||
					   addr_host_eq(&l->item[i].rule.from, host)))
			del_seen(n, &l->item[i]);
	}
	free(l);
	return 0;
}

int rule_each_table(struct netlink *n, uint8_t family,
		    void (*fn)(void *ctx, uint32_t table), void *ctx)
{
	struct seen_list *l;
	unsigned i;
	int err;

	l = list_rules(n, family, &err);
	if (!l)
		return err;
	for (i = 0; i < l->n; i++)
		fn(ctx, l->item[i].rule.table);
	free(l);
	return 0;
}
