/* What this process has used of the machine: time and memory. */
#ifndef PIAS_SIM_METER_H
#define PIAS_SIM_METER_H

#include <stddef.h>

struct meter {
	double wall_s, cpu_s;
	size_t allocated; /* bytes that are in use, by malloc's account */
};

struct meter meter_read(void);
double meter_cpu_s(void);
double meter_peak_rss_mb(void); /* MiB, the most so far */

#endif
