/*
 * Memory that is read all over: on huge pages where the kernel gives them, since
 * looking up where a small page lies can cost more than reading it.
 */
#ifndef PIAS_SIM_PAGES_H
#define PIAS_SIM_PAGES_H

#include <stddef.h>

#define PAGES_UNIT ((size_t)2 << 20) /* bytes; what it takes is a multiple of it */

/* At least @size bytes, zeroed, for free(); NULL: no memory. */
void *pages_new(size_t size);

#endif
