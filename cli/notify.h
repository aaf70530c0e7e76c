/*
 * Telling the service manager how far we are (sd_notify(3)): a datagram to the socket
 * named by NOTIFY_SOCKET, and nothing where there is none.
 */
#ifndef PIAS_CLI_NOTIFY_H
#define PIAS_CLI_NOTIFY_H

/* "READY=1", "STOPPING=1", "STATUS=..."; several, separated by newlines. */
void notify_manager(const char *state);

#endif
