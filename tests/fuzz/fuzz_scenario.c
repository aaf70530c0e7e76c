/*
 * A scenario's text, and a plan's, as files in memory. What is refused is explained in
 * one line that names the file; a plan that is taken is written and read again.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "sim/plan.h"
#include "sim/scenario.h"
#include "tests/fuzz/fuzz.h"

static void read_scenario(const char *name)
{
	static struct scenario s;
	static char why[SETTINGS_WHY_MAX];

	why[0] = '\0';
	if (scenario_read(&s, name, NULL, 0, why)) {
		must(strstr(why, name) && memchr(why, 0, sizeof(why)));
		return;
	}
	must(s.experiment && s.n_sizes && s.n_tables);
	scenario_free(&s);
}

static void read_plan(const char *name)
{
	static struct plan p, again;
	static char why[SETTINGS_WHY_MAX];
	int fd = memfd_create("again", MFD_CLOEXEC);
	char again_name[64];
	unsigned i;
	FILE *f;

	why[0] = '\0';
	must(fd >= 0);
	if (plan_read(&p, name, why)) {
		must(strstr(why, name) && memchr(why, 0, sizeof(why)));
		close(fd);
		return;
	}
	snprintf(again_name, sizeof(again_name), "/proc/self/fd/%d", fd);
	f = fopen(again_name, "w");
	must(f != NULL);
	plan_write(&p, f);
	must(!fclose(f));
	must(!plan_read(&again, again_name, why));
	must(again.n_ops == p.n_ops && again.n_aps == p.n_aps && again.seed == p.seed);
	for (i = 0; i < p.n_ops; i++) {
		must(again.op[i].at == p.op[i].at && again.op[i].kind == p.op[i].kind);
		must(again.op[i].target == p.op[i].target);
		must(again.op[i].arg == p.op[i].arg);
	}
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char name[64];
	int fd = memfd_create("scenario.conf", MFD_CLOEXEC);

	must(fd >= 0);
	must(write(fd, data, len) == (ssize_t)len);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	read_scenario(name);
	read_plan(name);
	close(fd);
	return 0;
}
