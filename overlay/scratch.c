/* Grows by doubling, never shrinks. */
#include "overlay/scratch.h"

#include <stdlib.h>

#define SCRATCH_MIN 2048

uint8_t *scratch_get(struct scratch *s, size_t len)
{
	size_t n = s->len ? s->len : SCRATCH_MIN;
	uint8_t *buf;

	while (n < len)
		n *= 2;
	if (n == s->len)
		return s->buf;
	buf = realloc(s->buf, n);
	if (!buf)
		return NULL;
	s->buf = buf;
	s->len = n;
	return buf;
}

void scratch_fini(struct scratch *s)
{
	free(s->buf);
	s->buf = NULL;
	s->len = 0;
}
