/* One line on standard error, rewritten twice a second at most. */
#include "sim/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define TELL_PERIOD 0.5 /* s */

static double real_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void progress_begin(struct progress *p, double all)
{
	p->has_terminal = isatty(STDERR_FILENO);
	p->all = all;
	p->done = 0;
	p->begun = p->told = real_time();
}

void progress_add(struct progress *p, double work, pias_time now, unsigned n_aps)
{
	double t, spent;

	p->done += work;
	if (!p->has_terminal || p->done <= 0)
		return;
	t = real_time();
	if (t - p->told < TELL_PERIOD)
		return;
	p->told = t;
	spent = t - p->begun;
	fprintf(stderr, "\r%u APs: %.0f s simulated, %.0f s real, %.0f s left  \033[K",
		n_aps, (double)now / SEC, spent,
		p->all > p->done ? spent * (p->all / p->done - 1) : 0.0);
}

void progress_end(struct progress *p)
{
	if (p->has_terminal)
		fputs("\r\033[K", stderr);
}
