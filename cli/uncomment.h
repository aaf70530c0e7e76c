/* Comments of a configuration file, blanked out ahead of libconfuse. */
#ifndef PIAS_CLI_UNCOMMENT_H
#define PIAS_CLI_UNCOMMENT_H

#include <stdbool.h>

#include "overlay/base/error.h"

/*
 * Overwrites all comments in @text ("# ...", "// ...", and C's) with spaces; newlines
 * stay. PIAS_EMALFORMED if a string or a comment is not closed; @line is then where
 * it began.
 */
must_check int uncomment(char *text, int *line);

#endif
