/*
 * What clients would get without pias, on the same map and AS graph, computed from the
 * topology: the best server by unicast, native anycast straight to the servers, and
 * DNS that names the server nearest to the client's resolver. And pias with a full
 * table of groups at every ingress AP and perfect knowledge of distances: always two
 * hops. Delays are one way, in us.
 */
#ifndef PIAS_SIM_BASELINE_H
#define PIAS_SIM_BASELINE_H

#include "sim/service.h"

struct baseline {
	struct service *service;
	uint32_t *resolver;   /* by client: its point */
	struct reach *native; /* by group, made when asked for */
	bool *has_native;
};

must_check int baseline_init(struct baseline *b, struct service *s);
void baseline_fini(struct baseline *b);

/* PIAS_NEVER where there is no way. Servers count while they are joined. */
pias_time baseline_direct(const struct baseline *b, unsigned client, unsigned group);
pias_time baseline_two_hops(const struct baseline *b, unsigned client, unsigned group);
/*
 * The same, but the ingress AP knows only the way by each server's join AP, the way
 * there and on, and takes the server to which that is shortest.
 */
pias_time baseline_by_join_ap(const struct baseline *b, unsigned client, unsigned group);
pias_time baseline_native(struct baseline *b, unsigned client, unsigned group);
pias_time baseline_dns(const struct baseline *b, unsigned client, unsigned group);
/* From a client to its resolver; 0 where points have no place. */
double baseline_resolver_km(const struct baseline *b, unsigned client);

#endif
