/* Plans as files: one table of keys for reading and writing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/duration.h"
#include "sim/plan.h"

/* clang-format off */
static const struct op_form {
	const char *name;
	unsigned n; /* numbers after the name: target, arg */
	uint32_t arg_min, arg_max;
} forms[N_OP_KINDS] = {
	[OP_AP_CRASH] = {"crash", 1, 0, 0},
	[OP_AP_POWER_CUT] = {"power-cut", 1, 0, 0},
	[OP_AP_START] = {"start", 1, 0, 0},
	[OP_AP_LEAVE] = {"leave", 1, 0, 0},
	[OP_SERVER_CRASH] = {"server-crash", 1, 0, 0},
	[OP_SERVER_START] = {"server-start", 1, 0, 0},
	[OP_SERVER_LEAVE] = {"server-leave", 1, 0, 0},
	[OP_PARTITION] = {"partition", 2, 1, 99},
	[OP_SLOW] = {"slow", 2, 1, 1000},
	[OP_CLOG] = {"clog", 2, 1, 60000},
	[OP_SWIZZLE] = {"swizzle", 2, 1, 60000},
	[OP_RESET] = {"reset", 1, 0, 0},
	[OP_PAUSE] = {"pause", 2, 1, 60000},
	[OP_REGION] = {"region", 2, 1, 100},
	[OP_CROWD] = {"crowd", 0, 0, 0},
	[OP_TWIN] = {"twin", 2, 1, 60000},
	[OP_FORGERY] = {"forgery", 1, 0, 0},
	[OP_REROUTE] = {"reroute", 0, 0, 0},
	[OP_HEAL] = {"heal", 0, 0, 0},
};
/* clang-format on */

/* --- readers and writers ------------------------------------------------------------ */

static int read_u64(void *into, const struct setting *o, const char *value,
		    char why[static SETTING_PROBLEM_MAX])
{
	uint64_t v;
	char *end;

	errno = 0;
	v = strtoull(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno)
		return setting_no(why, "a whole number");
	memcpy((char *)into + o->at, &v, sizeof(v));
	return 0;
}

static int read_bool(void *into, const struct setting *o, const char *value,
		     char why[static SETTING_PROBLEM_MAX])
{
	bool b = !strcmp(value, "yes");

	if (!b && strcmp(value, "no"))
		return setting_no(why, "yes or no");
	memcpy((char *)into + o->at, &b, sizeof(b));
	return 0;
}

static int read_table(void *into, const struct setting *o, const char *value,
		      char why[static SETTING_PROBLEM_MAX])
{
	bool fingers = !strcmp(value, "fingers");

	if (!fingers && strcmp(value, "full"))
		return setting_no(why, "full or fingers");
	((struct plan *)into)->table = fingers ? TABLE_FINGERS : TABLE_FULL;
	return 0;
}

/* "15300ms crash 3", "20s partition 2 30", "41s heal" */
static int read_op(void *into, const struct setting *o, const char *value,
		   char why[static SETTING_PROBLEM_MAX])
{
	struct plan *p = into;
	struct op op = {0};
	char at[32] = "", name[32] = "", target[12] = "", arg[12] = "", rest[2] = "";
	int n = sscanf(value, "%31s %31s %11[0-9] %11[0-9] %1s", at, name, target, arg,
		       rest);
	unsigned long t = strtoul(target, NULL, 10), a = strtoul(arg, NULL, 10);
	const struct op_form *f = forms;

	while (f < forms + N_OP_KINDS && strcmp(f->name, name))
		f++;
	if (duration_parse(at, &op.at) || f == forms + N_OP_KINDS)
		return setting_no(why, "TIME and the name of an operation");
	if (op.at < PLAN_FORM_TIME || op.at > 3600 * SEC)
		return setting_no(why, "at a time from 15s to 1h");
	if (n != 2 + (int)f->n)
		return setting_no(why, "TIME %s and %u whole numbers", f->name, f->n);
	if (t > 999 || (f->n == 2 && (a < f->arg_min || a > f->arg_max)))
		return setting_no(why, "TIME %s, a number up to 999%s", f->name,
				  f->n == 2 ? ", and one that makes sense" : "");
	if (p->n_ops == PLAN_OPS_MAX)
		return setting_no(why, "at most %d operations", PLAN_OPS_MAX);
	op.kind = (enum op_kind)(f - forms);
	op.target = (uint32_t)t;
	op.arg = (uint32_t)a;
	p->op[p->n_ops++] = op;
	return 0;
}

/* --- the table ---------------------------------------------------------------------- */

#define AT(field) .at = offsetof(struct plan, field)
#define COUNT(name, d, field, least, most)                                               \
	{                                                                                \
		name, setting_read_u32, .def = d, AT(field), .min = least, .max = most   \
	}
#define PART(name, d, field)                                                             \
	{                                                                                \
		name, setting_read_part, .def = d, AT(field)                             \
	}

/* clang-format off */
static const struct setting table[] = {
	{"seed", read_u64, .must = true, AT(seed)},
	COUNT("aps", "10", n_aps, 1, PLAN_APS_MAX),
	COUNT("late-aps", "0", n_late_aps, 0, PLAN_APS_MAX),
	COUNT("servers", "10", n_servers, 0, PLAN_SERVERS_MAX),
	COUNT("late-servers", "0", n_late_servers, 0, PLAN_SERVERS_MAX),
	COUNT("groups", "4", n_groups, 1, PLAN_GROUPS_MAX),
	PART("wide", "0.25", wide),
	PART("ipv6", "0", ipv6),
	PART("gue", "0.5", gue),
	PART("both", "0", both),
	COUNT("replicas", "3", n_replicas, 1, REPLICAS_MAX),
	{"table", read_table, .def = "full"},
	{"unsafe", setting_read_duration, .def = "30s", AT(unsafe), .max = 3600 * SEC},
	PART("loss", "0", rates.loss),
	PART("duplicate", "0", rates.duplicate),
	PART("reorder", "0", rates.reorder),
	PART("corrupt", "0", rates.corrupt),
	PART("truncate", "0", rates.truncate),
	PART("jitter", "0", rates.jitter),
	COUNT("drift-ppm", "0", drift_ppm, 0, 100000),
	{"clock-leaps", read_bool, .def = "no", AT(has_clock_leaps)},
	COUNT("max-groups", "1000", max_groups, 1, 1000000),
	COUNT("max-members", "1000", max_members, 1, 1000000),
	COUNT("max-group-members", "1000", max_group_members, 1, 1000000),
	COUNT("max-servers", "1000", max_servers, 1, 1000000),
	COUNT("max-cached", "1000", max_cached, 1, 1000000),
	COUNT("max-flows", "8192", max_flows, 8, 1000000),
	{"matrix", setting_read_path, AT(matrix), .max = PATH_MAX},
	{"real-crypto", read_bool, .def = "no", AT(real_crypto)},
	{"never-heals", read_bool, .def = "no", AT(never_heals)},
	{"ops", read_op, .is_list = true},
};
/* clang-format on */

#define N_KEYS (sizeof(table) / sizeof(table[0]))

static int check_together(struct settings *r, const struct plan *p)
{
	if (p->n_late_aps >= p->n_aps)
		return settings_wrong(r, settings_line(r, "late-aps"),
				      "late-aps must be less than aps (%u)", p->n_aps);
	if (p->n_late_servers > p->n_servers)
		return settings_wrong(r, settings_line(r, "late-servers"),
				      "late-servers must be at most servers (%u)",
				      p->n_servers);
	return 0;
}

int plan_read(struct plan *p, const char *file, char why[static SETTINGS_WHY_MAX])
{
	struct settings r;
	int err;

	memset(p, 0, sizeof(*p));
	settings_init(&r, table, N_KEYS, p, file, why);
	err = settings_read(&r);
	if (!err)
		err = settings_apply_defaults(&r);
	if (!err)
		err = check_together(&r, p);
	return err;
}

/* --- writing ------------------------------------------------------------------------ */

static void write_value(const struct plan *p, const struct setting *s, FILE *f)
{
	const char *at = (const char *)p + s->at;
	char text[DURATION_STR_MAX];

	if (s->read == setting_read_u32)
		fprintf(f, "%u", *(const uint32_t *)at);
	else if (s->read == read_u64)
		fprintf(f, "%lu", (unsigned long)*(const uint64_t *)at);
	else if (s->read == setting_read_part)
		fprintf(f, "%.15g", *(const double *)at);
	else if (s->read == setting_read_duration)
		fputs(duration_str(*(const pias_time *)at, text), f);
	else if (s->read == read_table)
		fputs(p->table == TABLE_FULL ? "full" : "fingers", f);
	else if (s->read == setting_read_path)
		fprintf(f, "\"%s\"", at);
	else
		fputs(*(const bool *)at ? "yes" : "no", f);
}

static void write_op(const struct op *op, FILE *f)
{
	const struct op_form *form = &forms[op->kind];
	char at[DURATION_STR_MAX];

	fprintf(f, "\"%s %s", duration_str(op->at, at), form->name);
	if (form->n > 0)
		fprintf(f, " %u", op->target);
	if (form->n > 1)
		fprintf(f, " %u", op->arg);
	fputc('"', f);
}

void plan_write(const struct plan *p, FILE *f)
{
	unsigned i;

	for (i = 0; i < N_KEYS; i++) {
		const struct setting *s = &table[i];

		if (s->is_list || (s->read == setting_read_path && !*p->matrix))
			continue;
		fprintf(f, "%s = ", s->name);
		write_value(p, s, f);
		fputc('\n', f);
	}
	if (!p->n_ops)
		return;
	fprintf(f, "ops = {\n");
	for (i = 0; i < p->n_ops; i++) {
		fputc('\t', f);
		write_op(&p->op[i], f);
		fputs(i + 1 < p->n_ops ? ",\n" : "\n", f);
	}
	fprintf(f, "}\n");
}

int plan_save(const struct plan *p, const char *comment, const char *file)
{
	char part[PATH_MAX];
	bool is_bad;
	FILE *f;
	int err;

	if (snprintf(part, sizeof(part), "%s.part", file) >= (int)sizeof(part)) {
		errno = ENAMETOOLONG;
		return PIAS_ESYSTEM;
	}
	f = fopen(part, "we");
	if (!f)
		return PIAS_ESYSTEM;
	fprintf(f, "# %s\n", comment);
	plan_write(p, f);
	is_bad = fflush(f) || ferror(f);
	err = errno;
	if (fclose(f) && !is_bad) {
		is_bad = true;
		err = errno;
	}
	if (!is_bad && rename(part, file)) {
		is_bad = true;
		err = errno;
	}
	if (!is_bad)
		return 0;
	unlink(part);
	errno = err;
	return PIAS_ESYSTEM;
}
