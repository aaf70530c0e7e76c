/* Names and help of the counters. */
#include "overlay/base/counter.h"

static const struct {
	const char *name, *help;
} table[N_COUNTERS] = {
#define X(name, help) [COUNTER_##name] = {#name, help},
	PIAS_COUNTERS(X)
#undef X
};

const char *counter_name(enum counter c)
{
	return table[c].name;
}

const char *counter_help(enum counter c)
{
	return table[c].help;
}
