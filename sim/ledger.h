/*
 * What each host has sent to each other one: the traffic of the links between them. A
 * world keeps one only if an experiment asks for it.
 */
#ifndef PIAS_SIM_LEDGER_H
#define PIAS_SIM_LEDGER_H

#include <stddef.h>
#include <stdint.h>

/* Of one direction between two hosts, by index. */
struct ledger_line {
	uint32_t from, to;
	uint64_t messages, bytes;
};

/* A zeroed struct is an empty ledger. */
struct ledger {
	struct ledger_line *line; /* hashed; without messages: free */
	uint32_t n, cap;	  /* a power of two, or 0 */
};

void ledger_fini(struct ledger *l);
void ledger_add(struct ledger *l, uint32_t from, uint32_t to, size_t len);
/* All @l->n lines, most bytes first, then by index; the caller frees them. */
struct ledger_line *ledger_sorted(const struct ledger *l);

#endif
