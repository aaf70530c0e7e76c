/*
 * Telling the service manager how far we are (sd_notify(3)): a datagram to the socket
 * named by NOTIFY_SOCKET, and nothing where there is none.
 */
#ifndef PIAS_CLI_NOTIFY_H
#define PIAS_CLI_NOTIFY_H

#include "overlay/base/timer.h"

/* "READY=1", "STOPPING=1", "STATUS=..."; several, separated by newlines. */
void notify_manager(const char *state);
/* How often the manager wants to hear "WATCHDOG=1" at least; 0: it does not. */
pias_time notify_watchdog(void);

#endif
