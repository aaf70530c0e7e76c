/*
 * What became of each packet of a trial: how often it came to an AP from outside, went
 * from AP to AP, into a tunnel, and was let in by a server. And what it looked like
 * when it came: nothing else may leave.
 */
#ifndef PIAS_SIM_JOURNAL_H
#define PIAS_SIM_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct passage {
	uint16_t entered, crossed, tunnelled, delivered;
};

struct journal {
	struct passage *passage; /* by number and part of the query */
	size_t n;
	uint64_t *seen; /* hashes of what entered; open addressing, 0 is free */
	size_t n_seen, cap_seen;
};

void journal_fini(struct journal *j);
/* Of a part of query @number; grows as need be. */
struct passage *journal_passage(struct journal *j, uint64_t number, unsigned part);
void journal_note(struct journal *j, const uint8_t *packet, size_t len);
bool journal_has(const struct journal *j, const uint8_t *packet, size_t len);

#endif
