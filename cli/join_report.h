/*
 * What pias-join says, to stderr: one line for each thing that happened, none for a
 * repetition of the last.
 */
#ifndef PIAS_CLI_JOIN_REPORT_H
#define PIAS_CLI_JOIN_REPORT_H

#include "cli/decap_io.h"
#include "rendezvous/agent.h"

#define JOIN_REPORT_LINE_MAX 512

struct join_report {
	bool is_verbose;
	/* What was said last about each group, and about links, to leave out repeats. */
	enum agent_state state[AGENT_GROUPS_MAX];
	char group[AGENT_GROUPS_MAX][JOIN_REPORT_LINE_MAX];
	char trouble[JOIN_REPORT_LINE_MAX];
};

void join_report_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void join_report_state(struct join_report *r, const struct agent *a, unsigned i,
		       const struct group_name *group, enum agent_state state);
void join_report_refused(struct join_report *r, unsigned i,
			 const struct group_name *group, int err, const char *why,
			 bool is_final);
void join_report_trouble(struct join_report *r, const struct addr *ap, const char *why);
void join_report_stats(const struct decap_stats *s);

#endif
