#include "sim/pages.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void *pages_new(size_t size)
{
	size_t len = (size + PAGES_UNIT - 1) & ~(PAGES_UNIT - 1);
	void *p = aligned_alloc(PAGES_UNIT, len);

	if (!p)
		return NULL;
	/* Where there are none, it is only slower. */
	(void)madvise(p, len, MADV_HUGEPAGE);
	return memset(p, 0, len);
}
