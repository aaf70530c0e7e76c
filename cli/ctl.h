/*
 * The control socket: a UNIX socket on which each line is a request and is answered by
 * one line (ctl_request.h, ctl_reply.h). Who may open it is for the file's mode to say.
 */
#ifndef PIAS_CLI_CTL_H
#define PIAS_CLI_CTL_H

#include "cli/ctl_reply.h"

#define CTL_CLIENTS_MAX 32
#define CTL_TIMEOUT_S	10 /* for a client to ask, or to take its answer */

struct ctl;

/* NULL: it failed, and @why says at what. */
struct ctl *ctl_new(struct host *h, const char *path, char why[static HOST_WHY_MAX]);
/* Removes the socket's file. NULL is fine. */
void ctl_free(struct ctl *c);

#endif
