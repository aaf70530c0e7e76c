/*
 * A routing table of ours that is kept a copy of the main one, changed as
 * route_copy.h says. Errors are negative errno values.
 */
#ifndef PIAS_CLI_ROUTE_TABLE_H
#define PIAS_CLI_ROUTE_TABLE_H

#include "cli/route_copy.h"

#define ROUTE_TABLE_MAX 4096 /* routes of a main table that are copied */

/*
 * Makes the table of @copy in @family (AF_*) what it should be, with as few changes
 * as possible. -E2BIG: the main table has more than ROUTE_TABLE_MAX routes; the copy
 * is left as it was.
 */
must_check int route_table_sync(struct netlink *n, uint8_t family,
				const struct route_copy *copy);

/* Is @table one that a program like this could have made? */
bool route_table_is_ours(uint32_t table);
/* The number of the table for an inner MTU; routes with a source need another one. */
uint32_t route_table_number(unsigned inner_mtu, bool has_source);

/*
 * Deletes what lies in tables of ours that @is_used does not claim: left by a program
 * that is gone.
 */
must_check int route_table_sweep(struct netlink *n, uint8_t family,
				 bool (*is_used)(void *ctx, uint32_t table), void *ctx);

#endif
