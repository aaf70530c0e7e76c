/*
 * Kernel settings as files: @name is a path like net/ipv4/ip_forward below @root,
 * which is /proc/sys but in tests.
 */
#ifndef PIAS_CLI_SYSCTL_H
#define PIAS_CLI_SYSCTL_H

/* The number in the file, or -1. */
int sysctl_read(const char *root, const char *name);
/* 0 or a negative errno. */
int sysctl_write(const char *root, const char *name, const char *value);

#endif
