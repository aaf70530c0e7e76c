/*
 * Failed challenges: a server that claims an address where nobody echoes may do so 3
 * times a minute (PROTOCOL 6.3), so that claims are no way to bother somebody else. By
 * server and address: who claims the address of another server must not keep that one
 * from joining. Remembers 1,024 pairs, the oldest forgotten first.
 */
#ifndef PIAS_RENDEZVOUS_ATTEMPTS_H
#define PIAS_RENDEZVOUS_ATTEMPTS_H

#include "overlay/base/env.h"
#include "overlay/base/htab.h"
#include "overlay/base/siphash.h"

#define ATTEMPTS_MAX	1024
#define ATTEMPTS_WINDOW (60 * SEC)
#define ATTEMPTS_FAILED 3

struct attempt;

struct attempts {
	struct siphash_key key;
	struct htab by_claim;
	struct attempt *ring; /* in order of age; made at the first failure */
	uint32_t first, n;
};

void attempts_init(struct attempts *a, struct env *env);
void attempts_fini(struct attempts *a);

/* How long until @server may claim @host (ports don't matter) again; 0 = now. */
pias_time attempts_wait(struct attempts *a, pias_time now, const struct id *server,
			const struct addr *host);
void attempts_failed(struct attempts *a, pias_time now, const struct id *server,
		     const struct addr *host);

#endif
