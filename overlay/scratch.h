/* A buffer to build messages in, as large as the largest so far. */
#ifndef PIAS_OVERLAY_SCRATCH_H
#define PIAS_OVERLAY_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

/* All zero: empty. */
struct scratch {
	uint8_t *buf;
	size_t len;
};

/* @len bytes at least, until the next call; NULL: out of memory. */
uint8_t *scratch_get(struct scratch *s, size_t len);
void scratch_fini(struct scratch *s);

#endif
