/* Free lists of message buffers. */
#include "sim/buffer.h"

#include <assert.h>
#include <stdlib.h>

#define SMALLEST 64

struct buffer *buffer_get(struct buffers *bs, size_t len)
{
	struct buffer *b;
	unsigned c = 0;

	while (((size_t)SMALLEST << c) < len)
		c++;
	assert(c < BUFFER_CLASSES);
	b = bs->free_list[c];
	if (b) {
		bs->free_list[c] = b->next;
	} else {
		b = malloc(sizeof(*b) + ((size_t)SMALLEST << c));
		if (!b)
			abort();
		bs->allocated += sizeof(*b) + ((size_t)SMALLEST << c);
		b->size_class = (uint8_t)c;
	}
	b->len = (uint32_t)len;
	return b;
}

void buffer_put(struct buffers *bs, struct buffer *b)
{
	b->next = bs->free_list[b->size_class];
	bs->free_list[b->size_class] = b;
}

void buffers_fini(struct buffers *bs)
{
	unsigned c;

	for (c = 0; c < BUFFER_CLASSES; c++) {
		while (bs->free_list[c]) {
			struct buffer *b = bs->free_list[c];

			bs->free_list[c] = b->next;
			free(b);
		}
	}
}
