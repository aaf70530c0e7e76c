/* What piasctl asks of piasd: one line of JSON, {"cmd": NAME, and its arguments}. */
#ifndef PIAS_CLI_CTL_REQUEST_H
#define PIAS_CLI_CTL_REQUEST_H

#include "overlay/base/addr.h"
#include "rendezvous/name.h"

#define CTL_LINE_MAX 4096 /* bytes of a request, newline included */
#define CTL_WHY_MAX  160

/* clang-format off */
#define CTL_COMMANDS(X)                                                         \
	X(status,   "",             "state, identity, sizes of tables")         \
	X(ring,     "",             "this AP's place on the ring, its successors and fingers") \
	X(peers,    "",             "all other APs known, with round-trip times") \
	X(groups,   "",             "groups owned, copied, cached or joined here") \
	X(members,  "GROUP",        "members of a group, nearest first")        \
	X(flows,    "",             "entries of the flow table")                \
	X(counters, "",             "what happened how often; drops by reason") \
	X(trace,    "CLIENT GROUP", "where a packet would go, and why")         \
	X(drain,    "",             "withdraw, forward on for the drain time, exit")
/* clang-format on */

enum ctl_command {
#define X(name, args, help) CTL_##name,
	CTL_COMMANDS(X)
#undef X
		N_CTL_COMMANDS
};

struct ctl_request {
	enum ctl_command command;
	struct group_name group; /* members, trace */
	struct addr client;	 /* trace; port 0: any */
};

/*
 * @len bytes without the newline. PIAS_EINVALID, and @why says what is wrong, for
 * anything but a known command with exactly its arguments.
 */
must_check int ctl_request_parse(struct ctl_request *out, const char *line, size_t len,
				 char why[static CTL_WHY_MAX]);

#endif
