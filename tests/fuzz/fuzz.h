/*
 * What the fuzz targets share. Each tests/fuzz/fuzz_X.c is one target: one function
 * that takes bytes as they might come from outside. libFuzzer drives it (`make fuzz`),
 * or replay.c with the files of corpus/X (`make unit`). A target aborts on what must
 * never be, whatever the bytes were.
 */
#ifndef PIAS_TESTS_FUZZ_FUZZ_H
#define PIAS_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define must(x)                                                                          \
	do {                                                                             \
		if (!(x)) {                                                              \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #x);  \
			abort();                                                         \
		}                                                                        \
	} while (0)

/* The input as a program: takes from the front, gives zeros when it is used up. */
struct fuzz_in {
	const uint8_t *p;
	size_t left;
};

static inline uint8_t fuzz_u8(struct fuzz_in *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->p++;
}

static inline uint16_t fuzz_u16(struct fuzz_in *in)
{
	uint16_t high = fuzz_u8(in);

	return (uint16_t)(high << 8 | fuzz_u8(in));
}

/* At most @want bytes, in place; their number in @len. */
static inline const uint8_t *fuzz_bytes(struct fuzz_in *in, size_t want, size_t *len)
{
	const uint8_t *p = in->p;

	*len = want < in->left ? want : in->left;
	in->p += *len;
	in->left -= *len;
	return p;
}

#endif
