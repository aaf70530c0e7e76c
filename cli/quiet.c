/*
 * A small table of what was said of whom and when. Full of fresh entries it stays
 * silent about new ones: a flood from many addresses must not become a flood of lines.
 */
#include "cli/quiet.h"

#include <string.h>

#include "overlay/base/siphash.h"

/* Who finds two texts of one hash silences one of its own lines. */
static uint64_t hash_of(const char *text)
{
	static const struct siphash_key key = {1, 2};

	return siphash(&key, text, strlen(text));
}

static int find(const struct quiet *q, const struct addr *about, uint64_t text)
{
	unsigned i;

	for (i = 0; i < q->n; i++)
		if (q->entry[i].text == text && addr_host_eq(&q->entry[i].about, about))
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

bool quiet_may_say(struct quiet *q, const struct addr *about, const char *text,
		   pias_time now, uint32_t *kept)
{
	uint64_t hash = hash_of(text);
	int i = find(q, about, hash);

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
	q->entry[i].text = hash;
	q->entry[i].said_at = now;
	q->entry[i].kept = 0;
	return true;
}
