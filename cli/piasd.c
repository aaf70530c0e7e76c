/*
 * piasd: one anycast proxy. Reads its configuration, checks the host, runs until it is
 * told to drain. Exit status: 0 drained, 1 failure, 2 usage or configuration.
 */
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "cli/ctl.h"
#include "cli/host.h"
#include "cli/log.h"
#include "cli/stream.h"
#include "cli/version.h"
#include "overlay/base/crypto.h"

#define EXIT_CONFIG 2

static struct options {
	const char *file;
	bool only_check, is_debug;
} options = {.file = CONFIG_DEFAULT_FILE};

static void usage(FILE *f)
{
	fprintf(f,
		"usage: piasd [-d] [-c FILE]     run an anycast proxy\n"
		"       piasd -t [-c FILE]       check the configuration and exit\n"
		"       piasd -h | -V\n"
		"\n"
		"  -c, --config FILE   default " CONFIG_DEFAULT_FILE "\n"
		"  -t, --test          check the configuration, print what is wrong\n"
		"  -d, --debug         log-level debug, whatever the file says\n"
		"  -h, --help\n"
		"  -V, --version\n"
		"\n"
		"SIGTERM and SIGINT drain; a second one ends it at once. See piasd(8).\n");
}

/* Returns whether to go on; else exits with *code. */
static bool read_options(int argc, char **argv, int *code)
{
	static const struct option table[] = {
		{"config", required_argument, NULL, 'c'},
		{"test", no_argument, NULL, 't'},
		{"debug", no_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	int c;

	*code = EXIT_SUCCESS;
	while ((c = getopt_long(argc, argv, "c:tdhV", table, NULL)) != -1) {
		switch (c) {
		case 'c':
			options.file = optarg;
			break;
		case 't':
			options.only_check = true;
			break;
		case 'd':
			options.is_debug = true;
			break;
		case 'h':
			usage(stdout);
			return false;
		case 'V':
			puts("piasd " PIAS_VERSION);
			return false;
		default:
			*code = EXIT_CONFIG;
		}
	}
	if (optind < argc)
		fprintf(stderr, "piasd: unexpected argument \"%s\"\n", argv[optind]);
	if (optind == argc && *code == EXIT_SUCCESS)
		return true;
	usage(stderr);
	*code = EXIT_CONFIG;
	return false;
}

/* One descriptor for each link: as many as we may have. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Timers to the microsecond: round-trip times are measured with them. */
static struct event_base *new_base(void)
{
	struct event_config *c = event_config_new();
	struct event_base *base = NULL;

	if (c && !event_config_set_flag(c, EVENT_BASE_FLAG_PRECISE_TIMER |
						   EVENT_BASE_FLAG_NO_CACHE_TIME))
		base = event_base_new_with_config(c);
	if (c)
		event_config_free(c);
	return base;
}

/* Runs until drained; @why is empty unless it could not begin. */
static int serve(struct host *h, char why[static HOST_WHY_MAX])
{
	struct ctl *ctl = ctl_new(h, h->config->control_socket, why);

	if (!ctl)
		return EXIT_FAILURE;
	why[0] = '\0';
	host_start(h);
	event_base_dispatch(h->base);
	ctl_free(ctl);
	return h->exit_code;
}

static int run(const struct config *config)
{
	struct event_base *base = new_base();
	char why[HOST_WHY_MAX] = "out of memory";
	struct host *h = calloc(1, sizeof(*h));
	int code = EXIT_FAILURE;

	if (base && h && !host_init(h, base, config, why)) {
		code = serve(h, why);
		host_fini(h);
	}
	if (why[0])
		fprintf(stderr, "piasd: %s\n", why);
	free(h);
	if (base) {
		stream_end_lingering(base);
		event_base_free(base);
	}
	return code;
}

/* The file, and what it names. */
static bool check(struct config *config)
{
	char why[CONFIG_WHY_MAX], host_why[HOST_WHY_MAX];

	if (config_read(config, options.file, why)) {
		fprintf(stderr, "%s\n", why);
		return false;
	}
	if (host_check_credentials(config, host_why)) {
		fprintf(stderr, "piasd: %s\n", host_why);
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	static struct config config;
	int code;

	if (!read_options(argc, argv, &code))
		return code;
	if (crypto_init()) {
		fprintf(stderr, "piasd: libgcrypt cannot be initialised\n");
		return EXIT_FAILURE;
	}
	if (!check(&config))
		return EXIT_CONFIG;
	if (options.only_check) {
		printf("%s: ok\n", options.file);
		return EXIT_SUCCESS;
	}
	if (options.is_debug)
		config.log_level = LOG_LEVEL_DEBUG;
	log_set_level(config.log_level);
	signal(SIGPIPE, SIG_IGN);
	raise_descriptors();
	return run(&config);
}
