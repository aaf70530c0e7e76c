/* Reading and writing one kernel setting. */
#include "cli/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int open_file(const char *root, const char *name, int mode)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return open(path, mode | O_CLOEXEC);
}

int sysctl_read(const char *root, const char *name)
{
	int fd = open_file(root, name, O_RDONLY);
	char text[16] = "";
	ssize_t n = -1;

	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	return n > 0 ? atoi(text) : -1;
}

int sysctl_write(const char *root, const char *name, const char *value)
{
	int fd = open_file(root, name, O_WRONLY);
	ssize_t n = -1;

	if (fd >= 0) {
		n = write(fd, value, strlen(value));
		close(fd);
	}
	return n > 0 ? 0 : -errno;
}
