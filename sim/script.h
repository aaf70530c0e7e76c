/* What a scenario's events do to its service. */
#ifndef PIAS_SIM_SCRIPT_H
#define PIAS_SIM_SCRIPT_H

#include "sim/service.h"

/* The script's clock begins now: its events happen from here on. */
void script_begin(struct service *s);

#endif
