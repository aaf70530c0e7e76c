/*
 * piasctl: asks a running piasd, and makes a ring's credentials. Exit status: 0 done, 1
 * failure, 2 usage. The commands of the daemon are those of cli/ctl_request.h.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/config.h"
#include "cli/ctl_client.h"
#include "cli/ctl_print.h"
#include "cli/pki.h"
#include "cli/version.h"
#include "overlay/base/crypto.h"

#define EXIT_USAGE 2

static const struct {
	const char *name, *args, *help;
} commands[] = {
#define X(name, args, help) [CTL_##name] = {#name, args, help},
	CTL_COMMANDS(X)
#undef X
};

static const struct {
	const char *args, *help;
} pki_help[] = {
	{"init --ring NAME DIR", "a new ring: its CA and the key of its APs"},
	{"ap DIR NAME", "a certificate and key for an AP"},
	{"as DIR OWNER [NAME]", "the same for a server of an owner"},
};

struct options {
	const char *socket;
	bool is_json, all;
};

/* Usage */

static void usage(FILE *f)
{
	char left[64];
	size_t i;

	fprintf(f, "usage: piasctl [-s SOCKET] [-j] [-a] COMMAND\n\n");
	for (i = 0; i < N_CTL_COMMANDS; i++) {
		snprintf(left, sizeof(left), "%s %s", commands[i].name, commands[i].args);
		fprintf(f, "  %-28s%s\n", left, commands[i].help);
	}
	for (i = 0; i < sizeof(pki_help) / sizeof(pki_help[0]); i++) {
		snprintf(left, sizeof(left), "pki %s", pki_help[i].args);
		fprintf(f, "  %-28s%s\n", left, pki_help[i].help);
	}
	fprintf(f, "\n"
		   "  -s, --socket FILE   piasd's control socket, default\n"
		   "                      " CONFIG_DEFAULT_SOCKET "\n"
		   "  -j, --json          the daemon's answer as JSON\n"
		   "  -a, --all           counters that are zero as well\n"
		   "  -h, --help\n"
		   "  -V, --version\n"
		   "\n"
		   "pki takes --days N (default: CA 3650, AP 365, servers 30) and\n"
		   "--not-before YYYY-MM-DD[THH:MM:SSZ]. See piasctl(8).\n");
}

__attribute__((format(printf, 1, 2))) static int wrong_usage(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "piasctl: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\ntry piasctl --help\n");
	return EXIT_USAGE;
}

static int failure(const char *why)
{
	fprintf(stderr, "piasctl: %s\n", why);
	return EXIT_FAILURE;
}

/* Commands of the daemon */

static int show(enum ctl_command command, const cJSON *reply, const struct options *o)
{
	const char *error =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(reply, "error"));
	char *text;

	if (o->is_json) {
		text = cJSON_Print(reply);
		if (!text)
			return failure("out of memory");
		puts(text);
		cJSON_free(text);
	} else if (error) {
		return failure(error);
	} else {
		ctl_print(stdout, command, reply, o->all);
	}
	if (fflush(stdout))
		return failure("standard output cannot be written to");
	return error ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Adds one argument for each word of the command's, under its name in lower case. */
static int add_arguments(cJSON *request, enum ctl_command command, int argc, char **argv)
{
	const char *args = commands[command].args;
	int n_wanted = !*args ? 0 : strchr(args, ' ') ? 2 : 1, i = 0;

	if (argc != n_wanted)
		return wrong_usage("usage: piasctl %s %s", commands[command].name, args);
	if (strstr(args, "CLIENT"))
		cJSON_AddStringToObject(request, "client", argv[i++]);
	if (strstr(args, "GROUP"))
		cJSON_AddStringToObject(request, "group", argv[i++]);
	return EXIT_SUCCESS;
}

static int ask(enum ctl_command command, int argc, char **argv, const struct options *o)
{
	char why[CTL_CLIENT_WHY_MAX], local_why[CTL_WHY_MAX], *text;
	cJSON *request = cJSON_CreateObject(), *reply = NULL;
	struct ctl_request checked;
	int code;

	cJSON_AddStringToObject(request, "cmd", commands[command].name);
	code = add_arguments(request, command, argc, argv);
	if (code)
		goto out;
	text = cJSON_PrintUnformatted(request);
	if (!text || ctl_request_parse(&checked, text, strlen(text), local_why)) {
		code = wrong_usage("%s", text ? local_why : "out of memory");
		cJSON_free(text);
		goto out;
	}
	cJSON_free(text);
	reply = ctl_client_ask(o->socket, request, why);
	code = reply ? show(command, reply, o) : failure(why);
out:
	cJSON_Delete(reply);
	cJSON_Delete(request);
	return code;
}

/* pki */

struct pki_options {
	const char *ring;
	struct pki_validity validity;
};

static bool read_time(const char *s, time_t *out)
{
	static const char *const form[] = {"%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"};
	const char *end;
	struct tm tm;
	size_t i;

	for (i = 0; i < sizeof(form) / sizeof(form[0]); i++) {
		memset(&tm, 0, sizeof(tm));
		end = strptime(s, form[i], &tm);
		if (!end || *end)
			continue;
		*out = timegm(&tm);
		return *out > 0;
	}
	return false;
}

static bool read_days(const char *s, int *out)
{
	char *end;
	long v = strtol(s, &end, 10);

	*out = (int)v;
	return *s >= '0' && *s <= '9' && !*end && v >= 1 && v <= 36500;
}

/* Options may stand before, between and behind the words. */
static int read_pki_options(int *argc, char ***argv, struct pki_options *o)
{
	static const struct option table[] = {
		{"ring", required_argument, NULL, 'r'},
		{"days", required_argument, NULL, 'd'},
		{"not-before", required_argument, NULL, 'n'},
		{0},
	};
	int c;

	optind = 0;
	while ((c = getopt_long(*argc, *argv, "", table, NULL)) != -1) {
		if (c == 'r')
			o->ring = optarg;
		else if (c == 'd' && !read_days(optarg, &o->validity.days))
			return wrong_usage("--days takes a number from 1 to 36500");
		else if (c == 'n' && !read_time(optarg, &o->validity.not_before))
			return wrong_usage("--not-before takes YYYY-MM-DD or "
					   "YYYY-MM-DDTHH:MM:SSZ");
		else if (c == '?')
			return EXIT_USAGE;
	}
	*argc -= optind;
	*argv += optind;
	return EXIT_SUCCESS;
}

static int make_ring(const char *dir, const struct pki_options *o)
{
	char why[PKI_WHY_MAX];

	if (pki_init(dir, o->ring, &o->validity, why))
		return failure(why);
	printf("ring \"%s\": %s/ca.crt, ca.key (keep it off the APs), ring.key (on every "
	       "AP)\n",
	       o->ring, dir);
	return EXIT_SUCCESS;
}

/* @file NULL: as @name. */
static int issue(enum peer_kind kind, const char *dir, const char *name, const char *file,
		 const struct pki_options *o)
{
	char why[PKI_WHY_MAX], id[ID_STR_MAX], date[32];
	struct pki_result r;
	struct tm tm;

	if (pki_issue(dir, kind, name, file, &o->validity, &r, why))
		return failure(why);
	gmtime_r(&r.not_after, &tm);
	strftime(date, sizeof(date), "%F %T UTC", &tm);
	printf("%s/%s.crt and .key: %s %s of ring \"%s\", valid until %s\n", dir,
	       file ? file : name, kind == PEER_KIND_AP ? "AP" : "server",
	       id_str(&r.name.id, id), r.name.ring, date);
	return EXIT_SUCCESS;
}

static int pki(int argc, char **argv)
{
	struct pki_options o = {0};
	int code = read_pki_options(&argc, &argv, &o);

	if (code)
		return code;
	if (crypto_init())
		return failure("libgcrypt cannot be initialised");
	if (argc == 2 && !strcmp(argv[0], "init"))
		return o.ring ? make_ring(argv[1], &o)
			      : wrong_usage("pki init needs --ring NAME");
	if (o.ring)
		return wrong_usage("--ring belongs to pki init");
	if (argc == 3 && !strcmp(argv[0], "ap"))
		return issue(PEER_KIND_AP, argv[1], argv[2], NULL, &o);
	if ((argc == 3 || argc == 4) && !strcmp(argv[0], "as"))
		return issue(PEER_KIND_SERVER, argv[1], argv[2], argv[3], &o);
	return wrong_usage("usage: piasctl pki init --ring NAME DIR | ap DIR NAME | as "
			   "DIR OWNER [NAME]");
}

/* The command line */

/* Returns whether to go on; else exits with *code. */
static bool read_options(int argc, char **argv, struct options *o, int *code)
{
	static const struct option table[] = {
		{"socket", required_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'},
		{"all", no_argument, NULL, 'a'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	int c;

	*code = EXIT_SUCCESS;
	while ((c = getopt_long(argc, argv, "+s:jahV", table, NULL)) != -1) {
		switch (c) {
		case 's':
			o->socket = optarg;
			break;
		case 'j':
			o->is_json = true;
			break;
		case 'a':
			o->all = true;
			break;
		case 'h':
			usage(stdout);
			return false;
		case 'V':
			puts("piasctl " PIAS_VERSION);
			return false;
		default:
			*code = EXIT_USAGE;
			fprintf(stderr, "try piasctl --help\n");
			return false;
		}
	}
	return true;
}

/* -j and -a may follow the command as well. */
static int take_trailing(int argc, char **argv, struct options *o)
{
	int i, n = 0;

	for (i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "-j") || !strcmp(argv[i], "--json"))
			o->is_json = true;
		else if (!strcmp(argv[i], "-a") || !strcmp(argv[i], "--all"))
			o->all = true;
		else
			argv[n++] = argv[i];
	}
	return n;
}

int main(int argc, char **argv)
{
	struct options o = {.socket = CONFIG_DEFAULT_SOCKET};
	const char *name;
	int i, code;

	if (!read_options(argc, argv, &o, &code))
		return code;
	if (optind == argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	name = argv[optind];
	argc -= optind;
	argv += optind;
	if (!strcmp(name, "pki"))
		return pki(argc, argv);
	argc = take_trailing(argc - 1, argv + 1, &o);
	for (i = 0; i < N_CTL_COMMANDS; i++)
		if (!strcmp(name, commands[i].name))
			return ask((enum ctl_command)i, argc, argv + 1, &o);
	return wrong_usage("there is no command \"%s\"", name);
}
