/*
 * What must hold, read as a specification (oracle.c). The oracle sees the whole world
 * and changes nothing.
 */
#ifndef PIAS_SIM_ORACLE_H
#define PIAS_SIM_ORACLE_H

#include "sim/trial.h"

/* At every moment, whatever goes wrong; called once a second. */
void oracle_check_always(struct trial *t);
/* What travels; its context is the trial. */
extern const struct world_watch oracle_watch;
/* At each packet that a server lets in. */
void oracle_check_delivery(struct trial *t, const struct server *s,
			   const struct packet *p);
/* When all is healed and the time to converge has passed; from then on, always. */
void oracle_check_rest(struct trial *t);
/* When everybody had the time to ask everything. */
void oracle_check_answers(struct trial *t);
/* Of another AP with the key of one that is there, in a ring at rest. */
void oracle_check_twin(struct trial *t, const struct ap *twin);
/* Nothing is sent beyond what is periodic; counters from before and after @seconds. */
void oracle_check_quiet(struct trial *t, uint64_t messages_before, double seconds);
/* All messages that live APs have sent. */
uint64_t oracle_messages(const struct trial *t);

#endif
