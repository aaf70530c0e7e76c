/*
 * "Once per address and minute": what somebody outside can make us say as often as it
 * likes is said once a minute for each address and text, and the rest counted.
 */
#ifndef PIAS_CLI_QUIET_H
#define PIAS_CLI_QUIET_H

#include <stdbool.h>

#include "overlay/base/addr.h"
#include "overlay/base/timer.h"

#define QUIET_PERIOD (60 * SEC)
#define QUIET_MAX    256 /* things said; the oldest makes room when its minute is over */

struct quiet {
	struct {
		struct addr about; /* without port */
		uint64_t text;	   /* its hash */
		pias_time said_at;
		uint32_t kept;
	} entry[QUIET_MAX];
	unsigned n;
};

/*
 * May @text about @about be said at @now? If so, @kept is how often it was not since
 * the last time.
 */
bool quiet_may_say(struct quiet *q, const struct addr *about, const char *text,
		   pias_time now, uint32_t *kept);

#endif
