/*
 * piasd.conf: one table of options (their names, what they take, their defaults), read
 * by settings.h. Every value is checked where it stands; the first thing that is wrong
 * is reported as "FILE:LINE: what".
 */
#ifndef PIAS_CLI_CONFIG_H
#define PIAS_CLI_CONFIG_H

#include <limits.h>
#include <net/if.h>

#include "cli/settings.h"
#include "forwarder/proxy.h"

#define CONFIG_DEFAULT_FILE   "/etc/pias/piasd.conf"
#define CONFIG_DEFAULT_SOCKET "/run/pias/piasd.sock"
#define CONFIG_SOCKET_MAX     108 /* sockaddr_un */
#define CONFIG_WHY_MAX	      SETTINGS_WHY_MAX

struct config {
	/*
	 * All but what comes from files and the clock: our id and incarnation, the
	 * ring key.
	 */
	struct proxy_config proxy;
	char certificate[PATH_MAX], key[PATH_MAX], ca[PATH_MAX], ring_key[PATH_MAX];
	char control_socket[CONFIG_SOCKET_MAX];
	char tun[IFNAMSIZ];
	uint16_t port;
	enum log_level log_level;
	pias_time drain_time;
};

must_check int config_read(struct config *c, const char *file,
			   char why[static CONFIG_WHY_MAX]);

/* The table, for documentation and tests: the name of option @i, NULL past the end. */
const char *config_option_name(unsigned i);
/* Its default as it would be written in the file; NULL: it has none. */
const char *config_option_default(unsigned i);

#endif
