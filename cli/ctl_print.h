/* Replies of the daemon (ctl_reply.h) for people. */
#ifndef PIAS_CLI_CTL_PRINT_H
#define PIAS_CLI_CTL_PRINT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>

#include "cli/ctl_request.h"

/* @all: counters that are zero as well. */
void ctl_print(FILE *f, enum ctl_command command, const cJSON *reply, bool all);

#endif
