/*
 * Options and groups may come in any order; --exec ends them, so that the command's
 * own options stay its own. Every complaint names the argument and says what would do.
 */
#include "cli/join_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/duration.h"

#define MTU_MIN	  576
#define LEASE_MIN (1 * SEC)
#define LEASE_MAX (24 * 3600 * SEC)

enum option_id {
	OPT_CERT = 256,
	OPT_KEY,
	OPT_CA,
	OPT_CREATE,
	OPT_UNICAST,
	OPT_ENCAP,
	OPT_PORT,
	OPT_TUN,
	OPT_LEASE,
	OPT_MTU,
	OPT_NO_ADDRESS,
	OPT_NO_ROUTE,
	OPT_ALSO_CLIENT,
	OPT_EXEC,
};

static const struct option options[] = {
	{"cert", required_argument, NULL, OPT_CERT},
	{"key", required_argument, NULL, OPT_KEY},
	{"ca", required_argument, NULL, OPT_CA},
	{"create", no_argument, NULL, OPT_CREATE},
	{"unicast", required_argument, NULL, OPT_UNICAST},
	{"encap", required_argument, NULL, OPT_ENCAP},
	{"port", required_argument, NULL, OPT_PORT},
	{"tun", required_argument, NULL, OPT_TUN},
	{"lease", required_argument, NULL, OPT_LEASE},
	{"mtu", required_argument, NULL, OPT_MTU},
	{"no-address", no_argument, NULL, OPT_NO_ADDRESS},
	{"no-route", no_argument, NULL, OPT_NO_ROUTE},
	{"also-client", no_argument, NULL, OPT_ALSO_CLIENT},
	{"exec", no_argument, NULL, OPT_EXEC},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

static const char usage_text[] =
	"usage: pias-join --cert FILE --key FILE --ca FILE [OPTION...] GROUP... "
	"[--exec COMMAND [ARGUMENT...]]\n"
	"  GROUP              198.18.0.1:53/udp, [2001:db8:a::1]:80/tcp, or an address "
	"alone: all of it\n"
	"  --create           create groups that do not exist yet\n"
	"  --unicast ADDRESS  where tunnel packets shall come (an address of this host)\n"
	"  --encap gue|ipip   how they come: in UDP (default) or as IP in IP\n"
	"  --port PORT        UDP port for gue (6080)\n"
	"  --tun NAME         name of the tunnel interface (pj0, pj1 ...)\n"
	"  --lease TIME       lease to ask for, e.g. 30s (the proxy's default)\n"
	"  --mtu BYTES        largest packet on the path to this host (1500)\n"
	"  --no-address       the anycast addresses are on this host already\n"
	"  --no-route         do not make TCP advertise smaller segments\n"
	"  --also-client      this host's own packets to the groups go to other members\n"
	"  --exec COMMAND...  run it once joined; leave when it ends\n"
	"  -v, --verbose      say more\n"
	"  -h, --help\n"
	"  -V, --version\n";

const char *join_options_usage(void)
{
	return usage_text;
}

/* Values */

static int complain(char *why, const char *arg, const char *what)
{
	snprintf(why, JOIN_OPTIONS_WHY_MAX, "%s: %s", arg, what);
	return PIAS_EINVALID;
}

static int parse_number(const char *s, unsigned long min, unsigned long max,
			uint16_t *out)
{
	unsigned long v;
	char *end;

	if (*s < '0' || *s > '9' || strlen(s) > 5)
		return PIAS_EINVALID;
	v = strtoul(s, &end, 10);
	if (*end || v < min || v > max)
		return PIAS_EINVALID;
	*out = (uint16_t)v;
	return 0;
}

static int parse_unicast(struct join_options *o, const char *arg, char *why)
{
	if (addr_parse(arg, 0, &o->unicast) || o->unicast.port)
		return complain(why, arg, "--unicast takes an address without a port");
	if (!addr_is_unicast(&o->unicast))
		return complain(why, arg, "not an address that packets can be sent to");
	return 0;
}

static int parse_encap(struct join_options *o, const char *arg, char *why)
{
	if (!strcmp(arg, "gue"))
		o->encap = ENCAP_GUE;
	else if (!strcmp(arg, "ipip"))
		o->encap = ENCAP_IPIP;
	else
		return complain(why, arg, "--encap is gue or ipip");
	return 0;
}

static int parse_tun(struct join_options *o, const char *arg, char *why)
{
	if (!*arg || strlen(arg) >= sizeof(o->tun) || strpbrk(arg, "/: \t"))
		return complain(why, arg,
				"not a name for an interface (1 to 15 letters)");
	strcpy(o->tun, arg);
	return 0;
}

static int parse_lease(struct join_options *o, const char *arg, char *why)
{
	if (duration_parse(arg, &o->lease) || o->lease < LEASE_MIN ||
	    o->lease > LEASE_MAX)
		return complain(why, arg, "--lease takes a time from 1s to 24h");
	return 0;
}

/* Why @arg is no group, as helpfully as can be told. */
static const char *group_fault(const char *arg)
{
	const char *slash = strchr(arg, '/');
	char host[ADDR_STR_MAX];
	struct addr a;

	if (slash && strcmp(slash, "/udp") && strcmp(slash, "/tcp"))
		return "what follows '/' must be udp or tcp";
	snprintf(host, sizeof(host), "%.*s", (int)(slash ? slash - arg : 50), arg);
	if (addr_parse(host, 0, &a))
		return "not a group: write 198.18.0.1:53/udp, [2001:db8:a::1]:80/tcp, or "
		       "an address alone";
	if (!addr_is_unicast(&a))
		return "not an address that a group can have";
	if (slash && !a.port)
		return "the port is missing (198.18.0.1:53/udp)";
	return "udp or tcp? Write /udp or /tcp behind the port";
}

static int add_group(struct join_options *o, const char *arg, char *why)
{
	struct group_name g;
	unsigned i;

	if (group_name_parse(arg, &g))
		return complain(why, arg, group_fault(arg));
	for (i = 0; i < o->n_groups; i++) {
		if (group_name_eq(&o->group[i], &g))
			return complain(why, arg, "given twice");
	}
	if (o->n_groups == AGENT_GROUPS_MAX)
		return complain(why, arg, "one pias-join serves at most 64 groups");
	o->group[o->n_groups++] = g;
	return 0;
}

/* The line */

static int take_value(struct join_options *o, int id, const char *arg, char *why)
{
	switch (id) {
	case OPT_CERT:
		o->cert = arg;
		return 0;
	case OPT_KEY:
		o->key = arg;
		return 0;
	case OPT_CA:
		o->ca = arg;
		return 0;
	case OPT_UNICAST:
		return parse_unicast(o, arg, why);
	case OPT_ENCAP:
		return parse_encap(o, arg, why);
	case OPT_TUN:
		return parse_tun(o, arg, why);
	case OPT_LEASE:
		return parse_lease(o, arg, why);
	case OPT_PORT:
		return parse_number(arg, 1, 65535, &o->port)
			       ? complain(why, arg, "--port is 1 to 65535")
			       : 0;
	case OPT_MTU:
		return parse_number(arg, MTU_MIN, 65535, &o->mtu)
			       ? complain(why, arg, "--mtu is 576 to 65535")
			       : 0;
	default: /* 1: not an option */
		return add_group(o, arg, why);
	}
}

static bool take_flag(struct join_options *o, int id)
{
	switch (id) {
	case OPT_CREATE:
		return o->create = true;
	case OPT_NO_ADDRESS:
		return o->leave_addresses = true;
	case OPT_NO_ROUTE:
		return o->leave_mss = true;
	case OPT_ALSO_CLIENT:
		return o->also_client = true;
	case 'v':
		return o->is_verbose = true;
	}
	return false;
}

static int take_exec(struct join_options *o, int argc, char **argv, char *why)
{
	if (optind >= argc)
		return complain(why, "--exec", "the command is missing");
	o->exec = argv + optind;
	return 0;
}

static int check_complete(const struct join_options *o, char *why)
{
	if (!o->cert)
		return complain(why, "--cert", "missing: the server's certificate");
	if (!o->key)
		return complain(why, "--key", "missing: the certificate's private key");
	if (!o->ca)
		return complain(why, "--ca", "missing: the ring's CA certificate");
	if (o->n_groups)
		return 0;
	return complain(why, "GROUP",
			o->exec ? "missing: groups come before --exec, which takes the "
				  "rest of the line"
				: "missing: what shall be joined?");
}

static void fault(int c, char **argv, char *why)
{
	const char *arg = argv[optind - 1];

	complain(why, arg,
		 c == ':' ? "its value is missing" : "no such option, or with a value");
}

enum join_options_result join_options_parse(struct join_options *out, int argc,
					    char **argv,
					    char why[static JOIN_OPTIONS_WHY_MAX])
{
	int c, err = 0;

	*out = (struct join_options){.encap = ENCAP_GUE, .port = JOIN_GUE_PORT};
	strcpy(out->tun, JOIN_TUN_DEFAULT);
	optind = 0;
	opterr = 0;
	while (!err && (c = getopt_long(argc, argv, "-:vhV", options, NULL)) != -1) {
		if (c == 'h')
			return JOIN_OPTIONS_HELP;
		if (c == 'V')
			return JOIN_OPTIONS_VERSION;
		if (c == ':' || c == '?') {
			fault(c, argv, why);
			return JOIN_OPTIONS_WRONG;
		}
		if (c == OPT_EXEC) {
			err = take_exec(out, argc, argv, why);
			break;
		}
		if (!take_flag(out, c))
			err = take_value(out, c, optarg, why);
	}
	if (!err)
		err = check_complete(out, why);
	return err ? JOIN_OPTIONS_WRONG : JOIN_OPTIONS_OK;
}
