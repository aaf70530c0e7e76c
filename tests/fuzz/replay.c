/*
 * Feeds files to a fuzz target without libFuzzer, each from an exact-size heap copy so
 * that ASan sees an overrun. Arguments: files. The last line is what tests/run-unit
 * reads from a Check program, a file being a check; a target that fails ends in abort.
 */
#include "tests/fuzz/fuzz.h"

static long size_of(FILE *f)
{
	long n = fseek(f, 0, SEEK_END) ? -1 : ftell(f);

	rewind(f);
	return n;
}

static int replay(const char *file)
{
	FILE *f = fopen(file, "rb");
	long n = f ? size_of(f) : -1;
	uint8_t *data = n >= 0 ? malloc((size_t)n + !n) : NULL;

	if (!data || fread(data, 1, (size_t)n, f) != (size_t)n) {
		perror(file);
		exit(1);
	}
	fclose(f);
	LLVMFuzzerTestOneInput(data, (size_t)n);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		fprintf(stderr, "%s\n", argv[i]);
		replay(argv[i]);
	}
	printf("100%%: Checks: %d, Failures: 0, Errors: 0\n", argc - 1);
	return argc < 2;
}
