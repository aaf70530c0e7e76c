/* What --version prints and the control socket tells. */
#ifndef PIAS_CLI_VERSION_H
#define PIAS_CLI_VERSION_H

#define PIAS_VERSION "0.1.0"

#endif
