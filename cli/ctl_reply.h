/* What piasd answers: an object of JSON for each command; keys are stable. */
#ifndef PIAS_CLI_CTL_REPLY_H
#define PIAS_CLI_CTL_REPLY_H

#include <cjson/cJSON.h>

#include "cli/ctl_request.h"
#include "cli/host.h"

/* Longer lists are cut, and say so: "truncated": how many were left out. */
#define CTL_LIST_MAX 10000

/* Never NULL but without memory. The caller deletes it. */
cJSON *ctl_reply(struct host *h, const struct ctl_request *request);
cJSON *ctl_reply_error(const char *why);

#endif
