/*
 * A small table of addresses and when each was last spoken of. Full of fresh entries
 * it stays silent about new ones: a flood from many addresses must not become a flood
 * of lines.
 */
#include "cli/quiet.h"

static int find(const struct quiet *q, const struct addr *about)
{
	unsigned i;

	for (i = 0; i < q->n; i++)
		if (addr_host_eq(&q->entry[i].about, about))
			return (int)i;
	return -1;
}

/* A free place, or that of an entry older than the period; -1: all are fresh. */
static int find_room(struct quiet *q, pias_time now)
{
	unsigned i, oldest = 0;

	if (q->n < QUIET_MAX)
		return (int)q->n++;
	for (i = 1; i < q->n; i++)
		if (q->entry[i].said_at < q->entry[oldest].said_at)
			oldest = i;
	return now - q->entry[oldest].said_at >= QUIET_PERIOD ? (int)oldest : -1;
}

bool quiet_may_say(struct quiet *q, const struct addr *about, pias_time now,
		   uint32_t *kept)
{
	int i = find(q, about);

	*kept = 0;
	if (i >= 0 && now - q->entry[i].said_at < QUIET_PERIOD) {
		q->entry[i].kept++;
		return false;
	}
	if (i >= 0)
		*kept = q->entry[i].kept;
	else
		i = find_room(q, now);
	if (i < 0)
		return false;
	q->entry[i].about = *about;
	q->entry[i].about.port = 0;
	q->entry[i].said_at = now;
	q->entry[i].kept = 0;
	return true;
}
