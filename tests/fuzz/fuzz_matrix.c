/*
 * A file of measured round-trip times, in memory. What is refused is explained in a
 * line that names the file; what is taken is a matrix of delays that can be used.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "sim/topology.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	int fd = memfd_create("matrix", MFD_CLOEXEC);
	char name[64], why[160] = "";
	struct topology t;
	struct matrix m;
	unsigned a, b, i;

	must(fd >= 0);
	must(write(fd, data, len) == (ssize_t)len);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	if (matrix_read(&m, name, why)) {
		must(!m.rtt_ms && !m.n);
		must(!strncmp(why, name, strlen(name)) && memchr(why, 0, sizeof(why)));
	} else {
		topology_init_matrix(&t, 1, &m);
		for (i = 0; i < 4; i++)
			topology_add(&t, POINT_AP);
		for (a = 0; a < 4; a++)
			for (b = 0; b < 4; b++) {
				must(topology_delay(&t, a, b) >= 1);
				must(topology_delay(&t, a, b) <= 51 * SEC);
			}
		topology_fini(&t);
	}
	close(fd);
	return 0;
}
