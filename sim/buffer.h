/*
 * Message bytes on their way, in power-of-two sizes from free lists: in steady state
 * nothing is allocated.
 */
#ifndef PIAS_SIM_BUFFER_H
#define PIAS_SIM_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#define BUFFER_CLASSES 12 /* 64 bytes to 128 KiB */

struct buffer {
	struct buffer *next; /* while free */
	uint32_t len;
	uint8_t size_class;
	uint8_t data[];
};

struct buffers {
	struct buffer *free_list[BUFFER_CLASSES];
	size_t allocated; /* bytes, for accounting */
};

/* A buffer of @len bytes (at most 128 KiB), contents undefined. */
struct buffer *buffer_get(struct buffers *bs, size_t len);
void buffer_put(struct buffers *bs, struct buffer *b);
void buffers_fini(struct buffers *bs);

#endif
