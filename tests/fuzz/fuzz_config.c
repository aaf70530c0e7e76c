/*
 * The text of piasd.conf, as a file in memory. What is refused is explained in one
 * line that names the file; what is taken makes sense together.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "cli/config.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct config config;
	static char why[CONFIG_WHY_MAX];
	char name[64];
	int fd = memfd_create("piasd.conf", MFD_CLOEXEC);

	must(fd >= 0);
	must(write(fd, data, len) == (ssize_t)len);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	why[0] = '\0';
	if (config_read(&config, name, why)) {
		must(why[0] && memchr(why, 0, sizeof(why)));
	} else {
		must(config.proxy.overlay.ring[0] && config.port);
		must(config.proxy.rendezvous.n_prefixes);
	}
	close(fd);
	return 0;
}
