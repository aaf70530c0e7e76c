/* The one command that a program runs and looks after. */
#ifndef PIAS_CLI_CHILD_H
#define PIAS_CLI_CHILD_H

#include <sys/types.h>

#include "overlay/base/error.h"

/*
 * Starts @argv (looked up in PATH) with default signal handling; it is sent SIGTERM if
 * this program dies. Returns 0 or a negative errno value: it could not be run.
 */
must_check int child_start(char **argv, pid_t *out);
/* The exit code that a shell would report for @status of waitpid. */
int child_exit_code(int status);

#endif
