/*
 * Log lines on standard error: "level noun: event key=value" on a terminal; with a
 * priority in journald's form ("<6>noun: event") where a service manager reads them.
 */
#ifndef PIAS_CLI_LOG_H
#define PIAS_CLI_LOG_H

#include "overlay/base/env.h"

/* Less important lines than @level are not written. */
void log_set_level(enum log_level level);
void log_line(enum log_level level, const char *text);
void log_say(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
