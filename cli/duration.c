/* Durations in text: a whole number and a unit, nothing else. */
#include "cli/duration.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DURATION_MAX (3650 * 24 * 3600 * SEC)

static const struct {
	const char *name;
	pias_time length;
} units[] = {
	{"h", 3600 * SEC}, {"m", 60 * SEC}, {"s", SEC}, {"ms", MSEC}, {"us", USEC},
};

#define N_UNITS (sizeof(units) / sizeof(*units))

static pias_time unit_length(const char *s)
{
	size_t i;

	if (!*s)
		return SEC;
	for (i = 0; i < N_UNITS; i++) {
		if (!strcmp(s, units[i].name))
			return units[i].length;
	}
	return 0;
}

int duration_parse(const char *s, pias_time *out)
{
	unsigned long long n;
	pias_time unit;
	char *end;

	if (!isdigit((unsigned char)*s) || strspn(s, "0123456789") > 18)
		return PIAS_EINVALID;
	n = strtoull(s, &end, 10);
	unit = unit_length(end);
	if (!unit || n > (unsigned long long)(DURATION_MAX / unit))
		return PIAS_EINVALID;
	*out = (pias_time)n * unit;
	return 0;
}

char *duration_str(pias_time t, char buf[static DURATION_STR_MAX])
{
	size_t i = t ? 0 : 2;

	while (i < N_UNITS - 1 && t % units[i].length)
		i++;
	snprintf(buf, DURATION_STR_MAX, "%" PRId64 "%s", t / units[i].length,
		 units[i].name);
	return buf;
}
