/* Privileges of this process. */
#ifndef PIAS_CLI_CAPABILITY_H
#define PIAS_CLI_CAPABILITY_H

#include <linux/capability.h>
#include <stdbool.h>

/* @cap: CAP_*. True, too, where it can't be told: the attempt will tell. */
bool capability_has(unsigned cap);

#endif
