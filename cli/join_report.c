/*
 * Lines for people. While joining is tried again and again, the same failure is told
 * once; a different one, or success, is news.
 */
#include "cli/join_report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/duration.h"

void join_report_line(const char *fmt, ...)
{
	char line[JOIN_REPORT_LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fprintf(stderr, "pias-join: %s\n", line);
}

/* "try again in 58 s", "in 55 s": no news. */
static bool differ_in_numbers_only(const char *a, const char *b)
{
	for (;;) {
		a += strspn(a, "0123456789");
		b += strspn(b, "0123456789");
		if (*a != *b)
			return false;
		if (!*a)
			return true;
		a++;
		b++;
	}
}

/* @last: what was said before; says @line only if it is something else. */
static void say_news(char last[JOIN_REPORT_LINE_MAX], const char *line)
{
	if (differ_in_numbers_only(last, line))
		return;
	snprintf(last, JOIN_REPORT_LINE_MAX, "%s", line);
	join_report_line("%s", line);
}

static char *ap_text(const struct contact *ap, char *buf, size_t size)
{
	char id[9], a[ADDR_STR_MAX] = "", b[ADDR_STR_MAX] = "";
	struct addr v4 = ap->addr[0], v6 = ap->addr[1];

	v4.port = v6.port = 0;
	if (!addr_is_none(&v4))
		addr_str(&v4, a);
	if (!addr_is_none(&v6))
		addr_str(&v6, b);
	snprintf(buf, size, "AP %s (%s%s%s)", id_short(&ap->id, id), a,
		 *a && *b ? ", " : "", b);
	return buf;
}

static void joined(struct join_report *r, const struct agent *a, unsigned i,
		   const struct group_name *group)
{
	char name[GROUP_NAME_STR_MAX], ap[2 * ADDR_STR_MAX + 32], lease[DURATION_STR_MAX];
	pias_time left = agent_lease_left(a, i);

	/* To the second, and up: some of it has passed on its way here. */
	left = (left + SEC - 1) / SEC * SEC;
	r->group[i][0] = '\0';
	r->trouble[0] = '\0';
	join_report_line("joined %s through %s, lease %s", group_name_str(group, name),
			 ap_text(agent_ap(a, i), ap, sizeof(ap)),
			 duration_str(left, lease));
}

static void lost(struct join_report *r, unsigned i, const struct group_name *group)
{
	char line[JOIN_REPORT_LINE_MAX], name[GROUP_NAME_STR_MAX];

	/* What goes wrong before the first join has been told by its own words. */
	if (r->state[i] != AGENT_JOINED)
		return;
	snprintf(line, sizeof(line), "%s: lease lost, joining again",
		 group_name_str(group, name));
	say_news(r->group[i], line);
}

void join_report_state(struct join_report *r, const struct agent *a, unsigned i,
		       const struct group_name *group, enum agent_state state)
{
	static const char *const progress[] = {
		[AGENT_HELLO] = "looking for a proxy",
		[AGENT_LINK] = "talking to a proxy",
		[AGENT_PROVE] = "waiting for the probe through the tunnel",
	};
	char name[GROUP_NAME_STR_MAX];

	switch (state) {
	case AGENT_IDLE:
		break;
	case AGENT_HELLO:
	case AGENT_LINK:
	case AGENT_PROVE:
		if (r->is_verbose)
			join_report_line("%s: %s", group_name_str(group, name),
					 progress[state]);
		break;
	case AGENT_JOINED:
		if (r->state[i] != AGENT_JOINED)
			joined(r, a, i, group);
		break;
	case AGENT_LOST:
		lost(r, i, group);
		break;
	case AGENT_LEFT:
		if (r->state[i] == AGENT_JOINED)
			join_report_line("left %s", group_name_str(group, name));
		break;
	}
	r->state[i] = state;
}

void join_report_refused(struct join_report *r, unsigned i,
			 const struct group_name *group, int err, const char *why,
			 bool is_final)
{
	char line[JOIN_REPORT_LINE_MAX], name[GROUP_NAME_STR_MAX];

	snprintf(line, sizeof(line), "%s: %s: %s", group_name_str(group, name),
		 is_final ? "refused" : "not joined yet",
		 why && *why ? why : error_text(err));
	say_news(r->group[i], line);
}

void join_report_trouble(struct join_report *r, const struct addr *ap, const char *why)
{
	char line[JOIN_REPORT_LINE_MAX], s[ADDR_STR_MAX];

	snprintf(line, sizeof(line), "AP at %s: %s (trying again)", addr_str(ap, s), why);
	say_news(r->trouble, line);
}

void join_report_stats(const struct decap_stats *s)
{
	unsigned v;

	join_report_line("tunnel: %" PRIu64 " packets (%" PRIu64 " bytes) let in, "
			 "%" PRIu64 " writes to the interface",
			 s->packets, s->bytes, s->n_written);
	for (v = DECAP_OK + 1; v < N_DECAP_VERDICTS; v++) {
		if (s->verdict[v])
			join_report_line("tunnel: %" PRIu64 " dropped: %s", s->verdict[v],
					 decap_verdict_text((enum decap_verdict)v));
	}
	if (s->n_write_failed)
		join_report_line("tunnel: %" PRIu64
				 " dropped: the interface refused them",
				 s->n_write_failed);
}
