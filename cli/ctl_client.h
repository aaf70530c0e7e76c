/* The other end of the control socket: one request, one reply. */
#ifndef PIAS_CLI_CTL_CLIENT_H
#define PIAS_CLI_CTL_CLIENT_H

#include <cjson/cJSON.h>

#include "overlay/base/error.h"

#define CTL_CLIENT_WHY_MAX   400
#define CTL_CLIENT_REPLY_MAX (64u << 20)
#define CTL_CLIENT_TIMEOUT_S 15

/*
 * Asks the daemon at @path. The parsed reply, which the caller deletes; NULL: it can't
 * be had, and @why says what to do. A refusal by the daemon is a reply.
 */
cJSON *ctl_client_ask(const char *path, const cJSON *request,
		      char why[static CTL_CLIENT_WHY_MAX]);

#endif
