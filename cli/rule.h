/*
 * Policy routing rules of ours, in two places: just before the main table, and in front
 * of the rule for local addresses, where the kernel lets nobody insert: that rule is
 * taken out and put back behind ours, at its old preference, without ever being
 * absent. Errors are negative errno values.
 */
#ifndef PIAS_CLI_RULE_H
#define PIAS_CLI_RULE_H

#include "cli/netlink.h"

enum rule_place {
	RULE_BEFORE_LOCAL,
	RULE_BEFORE_MAIN,
};

struct rule {
	enum rule_place place;
	struct addr from, to; /* a whole host, or none: any; one of them is given */
	bool is_output;	      /* only what this host itself sends */
	uint16_t udp_port;    /* only UDP to this port; 0: everything */
	uint32_t table;	      /* 0: no table, unreachable */
};

/* Puts every rule in its place; those that are there already stay. */
must_check int rule_add_all(struct netlink *n, const struct rule *rules,
			    unsigned n_rules);
/* Deletes those of these rules that are there and ours. */
void rule_del_all(struct netlink *n, const struct rule *rules, unsigned n_rules);

/*
 * Deletes every rule of ours about @host, of whatever form: what an earlier run left,
 * maybe with other options.
 */
must_check int rule_forget(struct netlink *n, const struct addr *host);
/* Calls @fn with the table of every rule in @family (AF_*), 0 where there is none. */
must_check int rule_each_table(struct netlink *n, uint8_t family,
			       void (*fn)(void *ctx, uint32_t table), void *ctx);

#endif
