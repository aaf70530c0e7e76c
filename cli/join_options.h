/* The command line of pias-join. */
#ifndef PIAS_CLI_JOIN_OPTIONS_H
#define PIAS_CLI_JOIN_OPTIONS_H

#include <net/if.h>

#include "overlay/base/env.h"
#include "rendezvous/agent.h"

#define JOIN_OPTIONS_WHY_MAX 256
#define JOIN_TUN_DEFAULT     "pj%d" /* the kernel counts */
#define JOIN_GUE_PORT	     6080

struct join_options {
	const char *cert, *key, *ca;
	struct group_name group[AGENT_GROUPS_MAX];
	unsigned n_groups;
	bool create;
	struct addr unicast; /* none: as the kernel would choose */
	uint8_t encap;	     /* enum encap */
	uint16_t port;	     /* GUE's */
	uint16_t mtu;	     /* of the path to us; 0: the interface's, at most 1500 */
	char tun[IFNAMSIZ];
	pias_time lease; /* 0: the AP's default */
	bool leave_addresses, leave_mss, also_client, is_verbose;
	char **exec; /* NULL, or a command with its arguments, NULL at the end */
};

enum join_options_result {
	JOIN_OPTIONS_OK,
	JOIN_OPTIONS_HELP,
	JOIN_OPTIONS_VERSION,
	JOIN_OPTIONS_WRONG, /* and @why says what */
};

/* Texts of @out borrow from @argv. */
enum join_options_result join_options_parse(struct join_options *out, int argc,
					    char **argv,
					    char why[static JOIN_OPTIONS_WHY_MAX]);
const char *join_options_usage(void);

#endif
