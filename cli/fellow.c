/*
 * A sign is a bound UNIX socket with an abstract name, "pias-join/ADDRESS/FORM/SELF"; a
 * claim is one of the name "pias-join-group/GROUP", which only one program can have.
 */
#include "cli/fellow.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LIST "/proc/net/unix"

void fellow_init(struct fellow *f)
{
	if (getrandom(&f->self, sizeof(f->self), 0) != (ssize_t)sizeof(f->self))
		f->self = (uint64_t)getpid();
}

/* A socket of that abstract name, which is @n bytes behind the leading NUL of @sa. */
static int hold(struct sockaddr_un *sa, int n)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)sa,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) ==
	    0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int fellow_sign(const struct fellow *f, const struct addr *host, const char *form)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	char text[ADDR_STR_MAX];

	return hold(&sa, snprintf(sa.sun_path + 1, sizeof(sa.sun_path) - 1,
				  "pias-join/%s/%s/%016" PRIx64, addr_str(host, text),
				  form, f->self));
}

int fellow_claim(const struct group_name *group)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	char text[GROUP_NAME_STR_MAX];

	return hold(&sa, snprintf(sa.sun_path + 1, sizeof(sa.sun_path) - 1,
				  "pias-join-group/%s", group_name_str(group, text)));
}

/* "...: 00000002 ... @pias-join/ADDRESS/FORM/SELF" */
static bool is_fellow(const struct fellow *f, const char *line, const char *prefix)
{
	const char *sign = strstr(line, prefix), *self;
	char mine[24];

	if (!sign)
		return false;
	self = strrchr(sign, '/');
	snprintf(mine, sizeof(mine), "/%016" PRIx64, f->self);
	return strncmp(self, mine, strlen(mine)) != 0;
}

bool fellow_serves(const struct fellow *f, const struct addr *host, const char *form)
{
	char prefix[ADDR_STR_MAX + FELLOW_FORM_MAX + 16], text[ADDR_STR_MAX], line[256];
	FILE *list = fopen(LIST, "re");
	bool found = false;

	if (!list)
		return false;
	snprintf(prefix, sizeof(prefix), "@pias-join/%s/%s%s", addr_str(host, text),
		 form ? form : "", form ? "/" : "");
	while (!found && fgets(line, sizeof(line), list))
		found = is_fellow(f, line, prefix);
	fclose(list);
	return found;
}
