/*
 * What must hold, read as a specification (oracle.c). The oracle sees the whole world
 * and changes nothing.
 */
#ifndef PIAS_SIM_ORACLE_H
#define PIAS_SIM_ORACLE_H

#include "sim/trial.h"

/* At every moment, whatever goes wrong. */
void oracle_check_always(struct trial *t);
/* At each delivery to a server. */
void oracle_check_delivery(struct trial *t, const struct server *s,
			   const struct packet *p);
/* When all is healed and the time to converge has passed. */
void oracle_check_rest(struct trial *t);
/* Nothing is sent beyond what is periodic; counters from before and after @seconds. */
void oracle_check_quiet(struct trial *t, uint64_t messages_before, double seconds);
/* All messages that live APs have sent. */
uint64_t oracle_messages(const struct trial *t);

/* A client's packet for the group; what a server gets must be that to the byte. */
size_t oracle_build_packet(const struct trial *t, uint8_t *out, unsigned client,
			   unsigned group, uint64_t number);

#endif
