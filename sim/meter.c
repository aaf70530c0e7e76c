/* Read from the kernel and from malloc. Nothing simulated may depend on it. */
#include "sim/meter.h"

#include <malloc.h>
#include <sys/resource.h>
#include <time.h>

double meter_cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

double meter_peak_rss_mb(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)u.ru_maxrss / 1024.0;
}

struct meter meter_read(void)
{
	struct mallinfo2 m = mallinfo2();
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct meter){
		.wall_s = (double)t.tv_sec + (double)t.tv_nsec * 1e-9,
		.cpu_s = meter_cpu_s(),
		.allocated = m.uordblks + m.hblkhd,
	};
}
