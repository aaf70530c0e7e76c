/*
 * One dump shows both tables. Wanted are the copies of what main holds, present is
 * what our table holds, both as requests of equal form; what is only in one of the two
 * lists is added or deleted. Between the two steps a packet finds no copy, falls
 * through to the main table, and is routed all the same.
 */
#include "cli/route_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * 7427 and 7428, then the inner MTU in four digits. Programs that serve through equal
 * tunnels have equal tables, and may share them.
 */
#define TABLE_BASE   74270000
#define TABLE_SOURCE 10000

struct request_list {
	struct nlmsghdr **item;
	size_t n;
	size_t max;
	int err;
};

struct both_tables {
	const struct route_copy *copy;
	struct request_list wanted;
	struct request_list present;
};

static void list_fini(struct request_list *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		free(l->item[i]);
	free(l->item);
}

static bool list_make_room(struct request_list *l)
{
	size_t cap = l->max ? 2 * l->max : 64;
	struct nlmsghdr **item;

	if (l->n < l->max)
		return true;
	item = realloc(l->item, cap * sizeof(struct nlmsghdr *));
	if (!item)
		return false;
	l->item = item;
	l->max = cap;
	return true;
}

static void list_add(struct request_list *l, const struct nlmsghdr *request)
{
	struct nlmsghdr *mine;

	if (l->err)
		return;
	if (l->n >= ROUTE_TABLE_MAX) {
		l->err = -E2BIG;
		return;
	}
	mine = list_make_room(l) ? malloc(request->nlmsg_len) : NULL;
	if (!mine) {
		l->err = -ENOMEM;
		return;
	}
	memcpy(mine, request, request->nlmsg_len);
	l->item[l->n++] = mine;
}

static void collect(void *ctx, const struct nlmsghdr *route)
{
	char buf[NETLINK_MESSAGE_MAX] __attribute__((aligned(8)));
	struct both_tables *b = ctx;
	const struct route_copy same = {.table = b->copy->table};
	uint32_t table = route_table_of(route);

	if (table == RT_TABLE_MAIN && route_copy_request(b->copy, route, buf))
		list_add(&b->wanted, (struct nlmsghdr *)buf);
	else if (table == same.table && route_copy_request(&same, route, buf))
		list_add(&b->present, (struct nlmsghdr *)buf);
}

/* By bytes; the sequence number is not set yet. */
static int compare(const void *a, const void *b)
{
	const struct nlmsghdr *x = *(struct nlmsghdr *const *)a;
	const struct nlmsghdr *y = *(struct nlmsghdr *const *)b;

	if (x->nlmsg_len != y->nlmsg_len)
		return x->nlmsg_len < y->nlmsg_len ? -1 : 1;
	return memcmp(x, y, x->nlmsg_len);
}

static void list_sort(struct request_list *l)
{
	if (l->n)
		qsort(l->item, l->n, sizeof(l->item[0]), compare);
}

static bool list_has(const struct request_list *l, struct nlmsghdr *request)
{
	return l->n && bsearch(&request, l->item, l->n, sizeof(l->item[0]), compare);
}

static bool has_gateway(const struct nlmsghdr *route)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, route, sizeof(struct rtmsg)) {
		switch (mnl_attr_get_type(a)) {
		case RTA_GATEWAY:
		case RTA_VIA:
		case RTA_MULTIPATH:
		case RTA_NH_ID:
			return true;
		}
	}
	return false;
}

static void ask_as(struct netlink *n, const struct nlmsghdr *route, uint16_t type,
		   uint16_t flags)
{
	char buf[NETLINK_MESSAGE_MAX] __attribute__((aligned(8)));
	struct nlmsghdr *h = (struct nlmsghdr *)buf;

	memcpy(buf, route, route->nlmsg_len);
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	/*
	 * A route that can't be copied (its link just went, say) is one that the main
	 * table keeps serving, without the smaller segment size.
	 */
	(void)!netlink_ask(n, h);
}

/* Directly connected networks first: gateways lie in them. */
static void add_missing(struct netlink *n, const struct request_list *wanted,
			const struct request_list *present, bool gateways)
{
	size_t i;

	for (i = 0; i < wanted->n; i++) {
		if (has_gateway(wanted->item[i]) == gateways &&
		    !list_has(present, wanted->item[i]))
			ask_as(n, wanted->item[i], RTM_NEWROUTE,
			       NLM_F_CREATE | NLM_F_EXCL);
	}
}

static void apply(struct netlink *n, struct both_tables *b)
{
	size_t i;

	list_sort(&b->wanted);
	list_sort(&b->present);
	for (i = 0; i < b->present.n; i++) {
		if (!list_has(&b->wanted, b->present.item[i]))
			ask_as(n, b->present.item[i], RTM_DELROUTE, 0);
	}
	add_missing(n, &b->wanted, &b->present, false);
	add_missing(n, &b->wanted, &b->present, true);
}

int route_table_sync(struct netlink *n, uint8_t family, const struct route_copy *copy)
{
	struct both_tables b = {.copy = copy};
	int err = netlink_dump(n, RTM_GETROUTE, family, collect, &b);

	if (!err)
		err = b.wanted.err ? b.wanted.err : b.present.err;
	if (!err)
		apply(n, &b);
	list_fini(&b.wanted);
	list_fini(&b.present);
	return err;
}

bool route_table_is_ours(uint32_t table)
{
	return table >= TABLE_BASE && table < TABLE_BASE + 2 * TABLE_SOURCE;
}

uint32_t route_table_number(unsigned inner_mtu, bool has_source)
{
	return TABLE_BASE + (has_source ? TABLE_SOURCE : 0) + inner_mtu % TABLE_SOURCE;
}

struct sweep {
	bool (*is_used)(void *ctx, uint32_t table);
	void *ctx;
	struct request_list left;
};

static void collect_left(void *ctx, const struct nlmsghdr *route)
{
	char buf[NETLINK_MESSAGE_MAX] __attribute__((aligned(8)));
	uint32_t table = route_table_of(route);
	const struct route_copy same = {.table = table};
	struct sweep *s = ctx;

	if (!route_table_is_ours(table) || s->is_used(s->ctx, table) ||
	    route_protocol_of(route) != NETLINK_PROTOCOL)
		return;
	if (route_copy_request(&same, route, buf))
		list_add(&s->left, (struct nlmsghdr *)buf);
}

int route_table_sweep(struct netlink *n, uint8_t family,
		      bool (*is_used)(void *ctx, uint32_t table), void *ctx)
{
	struct sweep s = {.is_used = is_used, .ctx = ctx};
	int err = netlink_dump(n, RTM_GETROUTE, family, collect_left, &s);
	size_t i;

	for (i = 0; i < s.left.n; i++)
		ask_as(n, s.left.item[i], RTM_DELROUTE, 0);
	list_fini(&s.left);
	return err;
}
