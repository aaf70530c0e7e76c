/* Times as people write them: "250ms", "30s", "5m", "2h"; a bare number is seconds. */
#ifndef PIAS_CLI_DURATION_H
#define PIAS_CLI_DURATION_H

#include "overlay/base/error.h"
#include "overlay/base/timer.h"

#define DURATION_STR_MAX 32

/* PIAS_EINVALID for anything else, for fractions, and beyond ten years. */
must_check int duration_parse(const char *s, pias_time *out);
/* In the largest unit that needs no fraction: "1500ms", "30s", "2h". */
char *duration_str(pias_time t, char buf[static DURATION_STR_MAX]);

#endif
