/* A listening TCP socket that survives running out of descriptors. */
#ifndef PIAS_CLI_LISTENER_H
#define PIAS_CLI_LISTENER_H

#include <event2/event.h>

#include "cli/tls.h"

struct listener;

/* The connection @fd is non-blocking and becomes the callee's. */
typedef void listener_fn(void *ctx, int fd, const struct addr *from);

/* NULL: it failed, and @why says at what. */
struct listener *listener_new(struct event_base *base, const struct addr *on,
			      listener_fn *fn, void *ctx, char why[static TLS_WHY_MAX]);
void listener_free(struct listener *l);

#endif
