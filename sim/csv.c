/* Result files: header, temporary names, renaming. */
#include "sim/csv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/version.h"

static bool fails(struct csv_set *s, const char *name, int err)
{
	if (!s->failed)
		snprintf(s->why, sizeof(s->why), "%s: %s", name, strerror(err));
	s->failed = true;
	return false;
}

bool csv_open_set(struct csv_set *s, const char *folder, const struct scenario *scenario,
		  uint64_t seed)
{
	struct stat st;

	memset(s, 0, sizeof(*s));
	s->folder = folder;
	s->scenario = scenario;
	s->seed = seed;
	if (mkdir(folder, 0777) && errno != EEXIST)
		return fails(s, folder, errno);
	if (stat(folder, &st))
		return fails(s, folder, errno);
	if (!S_ISDIR(st.st_mode))
		return fails(s, folder, ENOTDIR);
	if (access(folder, W_OK | X_OK))
		return fails(s, folder, errno);
	return true;
}

static void write_comment(const struct csv_set *s, FILE *f)
{
	const char *key;
	unsigned i;

	fprintf(f, "# scenario: %s\n# seed: %lu\n# version: pias-sim %s\n# options:",
		s->scenario->file, (unsigned long)s->seed, PIAS_VERSION);
	for (i = 0; (key = scenario_key(i)); i++)
		fprintf(f, " %s=\"%s\"", key, scenario_value(s->scenario, i));
	fputc('\n', f);
}

FILE *csv_new(struct csv_set *s, const char *name, const char *columns)
{
	struct csv_file *c = &s->file[s->n];
	FILE *sink;

	if (s->n == CSV_FILES_MAX)
		abort();
	snprintf(c->final, sizeof(c->final), "%s/%s.csv", s->folder, name);
	snprintf(c->temporary, sizeof(c->temporary), "%s/%s.csv.part", s->folder, name);
	c->f = fopen(c->temporary, "we");
	if (!c->f) {
		fails(s, c->temporary, errno);
		sink = fopen("/dev/null", "we");
		if (!sink)
			abort();
		c->temporary[0] = '\0';
		c->f = sink;
	}
	s->n++;
	write_comment(s, c->f);
	fprintf(c->f, "%s\n", columns);
	return c->f;
}

static bool finish(struct csv_set *s, struct csv_file *c)
{
	bool bad = fflush(c->f) || ferror(c->f);

	if (bad)
		fails(s, c->final, errno);
	if (fclose(c->f) && !bad)
		bad = !fails(s, c->final, errno);
	c->f = NULL;
	return !bad;
}

bool csv_commit(struct csv_set *s)
{
	unsigned i;

	for (i = 0; i < s->n; i++)
		finish(s, &s->file[i]);
	for (i = 0; i < s->n && !s->failed; i++) {
		if (rename(s->file[i].temporary, s->file[i].final))
			fails(s, s->file[i].final, errno);
		else
			s->file[i].temporary[0] = '\0';
	}
	csv_abandon(s);
	return !s->failed;
}

void csv_abandon(struct csv_set *s)
{
	unsigned i;

	for (i = 0; i < s->n; i++) {
		if (s->file[i].f)
			fclose(s->file[i].f);
		if (s->file[i].temporary[0])
			unlink(s->file[i].temporary);
	}
	s->n = 0;
}
