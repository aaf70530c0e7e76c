/* The keys of a scenario file: what each must look like, and its default. */
#include "sim/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/duration.h"
#include "sim/experiment.h"

/* --- readers ----------------------------------------------------------------------- */

/* The index of @value among @n words, or -1 and in @why what they are. */
static int word_index(const char *const *word, unsigned n, const char *value,
		      char why[static SETTING_PROBLEM_MAX])
{
	size_t len = 0;
	unsigned i;

	for (i = 0; i < n; i++)
		if (!strcmp(word[i], value))
			return (int)i;
	for (i = 0, *why = '\0'; i < n && len < SETTING_PROBLEM_MAX; i++)
		len += (size_t)snprintf(why + len, SETTING_PROBLEM_MAX - len, "%s%s",
					!i	     ? ""
					: i == n - 1 ? " or "
						     : ", ",
					word[i]);
	return -1;
}

static int read_experiment(void *into, const struct setting *o, const char *value,
			   char why[static SETTING_PROBLEM_MAX])
{
	const char *name[EXPERIMENTS_MAX];
	unsigned n;
	int i;

	for (n = 0; experiments[n]; n++)
		name[n] = experiments[n]->name;
	i = word_index(name, n, value, why);
	if (i < 0)
		return PIAS_EINVALID;
	((struct scenario *)into)->experiment = experiments[i];
	return 0;
}

static int read_topology(void *into, const struct setting *o, const char *value,
			 char why[static SETTING_PROBLEM_MAX])
{
	static const char *const name[] = {"world", "matrix", "fixed"};
	int i = word_index(name, 3, value, why);

	if (i < 0)
		return PIAS_EINVALID;
	((struct scenario *)into)->topology = (enum topology_kind)i;
	return 0;
}

static int read_ingress(void *into, const struct setting *o, const char *value,
			char why[static SETTING_PROBLEM_MAX])
{
	static const char *const name[] = {"policy", "nearest"};
	int i = word_index(name, 2, value, why);

	if (i < 0)
		return PIAS_EINVALID;
	((struct scenario *)into)->ingress = (enum ingress_kind)i;
	return 0;
}

static int read_placement(void *into, const struct setting *o, const char *value,
			  char why[static SETTING_PROBLEM_MAX])
{
	static const char *const name[] = {"population", "largest"};
	int i = word_index(name, 2, value, why);

	if (i < 0)
		return PIAS_EINVALID;
	((struct scenario *)into)->aps_in_largest = i == 1;
	return 0;
}

static int read_queue(void *into, const struct setting *o, const char *value,
		      char why[static SETTING_PROBLEM_MAX])
{
	static const char *const name[] = {"radix", "heap"};
	int i = word_index(name, 2, value, why);

	if (i < 0)
		return PIAS_EINVALID;
	((struct scenario *)into)->queue = i ? QUEUE_HEAP : QUEUE_RADIX;
	return 0;
}

static int read_start(void *into, const struct setting *o, const char *value,
		      char why[static SETTING_PROBLEM_MAX])
{
	static const char *const name[] = {"join", "perfect"};
	int i = word_index(name, 2, value, why);

	if (i < 0)
		return PIAS_EINVALID;
	((struct scenario *)into)->is_perfect = i;
	return 0;
}

static int read_bool(void *into, const struct setting *o, const char *value,
		     char why[static SETTING_PROBLEM_MAX])
{
	static const char *const name[] = {"no", "yes"};
	int i = word_index(name, 2, value, why);
	bool b = i == 1;

	if (i < 0)
		return PIAS_EINVALID;
	memcpy((char *)into + o->at, &b, sizeof(b));
	return 0;
}

static int read_table(void *into, const struct setting *o, const char *value,
		      char why[static SETTING_PROBLEM_MAX])
{
	static const char *const name[] = {"full", "fingers"};
	struct scenario *s = into;
	int i = word_index(name, 2, value, why);
	enum table_mode mode = i ? TABLE_FINGERS : TABLE_FULL;

	if (i < 0)
		return PIAS_EINVALID;
	if (s->n_tables == 2 || (s->n_tables && s->table[0] == mode))
		return setting_no(why, "given once");
	s->table[s->n_tables++] = mode;
	return 0;
}

static int read_size(void *into, const struct setting *o, const char *value,
		     char why[static SETTING_PROBLEM_MAX])
{
	struct setting one = *o;
	struct scenario *s = into;

	if (s->n_sizes == SCENARIO_SIZES_MAX)
		return setting_no(why, "at most %d sizes", SCENARIO_SIZES_MAX);
	one.at = offsetof(struct scenario, aps) + s->n_sizes * sizeof(s->aps[0]);
	if (setting_read_u32(into, &one, value, why))
		return PIAS_EINVALID;
	s->n_sizes++;
	return 0;
}

/* As a part, but up to option.max. */
static int read_real(void *into, const struct setting *o, const char *value,
		     char why[static SETTING_PROBLEM_MAX])
{
	char *end;
	double v = strtod(value, &end);

	if (end == value || *end || !(v >= 0 && v <= (double)o->max))
		return setting_no(why, "a number from 0 to %lld", (long long)o->max);
	memcpy((char *)into + o->at, &v, sizeof(v));
	return 0;
}

/* --- the script -------------------------------------------------------------------- */

static const struct scripted_form {
	const char *verb, *object; /* object NULL: it stands alone */
} forms[N_SCRIPTED] = {
	[SCRIPT_CRASH_AP] = {"crash", "ap"},
	[SCRIPT_CUT_AP] = {"cut", "ap"},
	[SCRIPT_LEAVE_AP] = {"leave", "ap"},
	[SCRIPT_START_AP] = {"start", "ap"},
	[SCRIPT_SLOW_AP] = {"slow", "ap"},
	[SCRIPT_CRASH_SERVER] = {"crash", "server"},
	[SCRIPT_LEAVE_SERVER] = {"leave", "server"},
	[SCRIPT_START_SERVER] = {"start", "server"},
	[SCRIPT_PARTITION] = {"partition", "percent"},
	[SCRIPT_HEAL] = {"heal", NULL},
	[SCRIPT_REROUTE] = {"reroute", NULL},
};

static int find_form(const char *verb, const char *object)
{
	int i;

	for (i = 0; i < N_SCRIPTED; i++) {
		const struct scripted_form *f = &forms[i];

		if (strcmp(f->verb, verb))
			continue;
		if (f->object ? object && !strcmp(f->object, object) : !object)
			return i;
	}
	return -1;
}

/* "60s crash ap 3", "90s reroute" */
static int read_event(void *into, const struct setting *o, const char *value,
		      char why[static SETTING_PROBLEM_MAX])
{
	struct scenario *s = into;
	char at[32] = "", verb[32] = "", object[32] = "", which[8] = "", rest[2] = "";
	int n = sscanf(value, "%31s %31s %31s %7[0-9] %1s", at, verb, object, which,
		       rest);
	int form = find_form(verb, *object ? object : NULL);
	struct script_event e = {.which = (uint32_t)strtoul(which, NULL, 10)};

	if (form < 0 || n != (forms[form].object ? 4 : 2) || duration_parse(at, &e.at))
		return setting_no(why, "TIME and one of: crash, cut, leave, start, slow "
				       "ap N; crash, leave, start server N; partition "
				       "percent N; heal; reroute");
	if (form == SCRIPT_PARTITION && e.which > 100)
		return setting_no(why, "TIME partition percent N, at most 100");
	if (s->n_events == SCENARIO_EVENTS_MAX)
		return setting_no(why, "at most %d events", SCENARIO_EVENTS_MAX);
	e.what = (enum scripted)form;
	s->event[s->n_events++] = e;
	return 0;
}

/* --- the table --------------------------------------------------------------------- */

#define AT(field) .at = offsetof(struct scenario, field)

static const struct setting table[] = {
	{"experiment", read_experiment, .must = true},
	{"topology", read_topology, .def = "world"},
	{"matrix", setting_read_path, AT(matrix), .max = PATH_MAX},
	{"one-way", setting_read_duration, "25ms", AT(one_way), 0, 10 * SEC},
	{"placement", read_placement, .def = "population"},
	{"ingress", read_ingress, .def = "policy"},
	{"networks", setting_read_u32, "2000", AT(networks), 20, 100000},
	{"convergence", setting_read_duration, "0s", AT(convergence), 0, 3600 * SEC},
	{"loss", setting_read_part, "0", AT(rates.loss)},
	{"duplicate", setting_read_part, "0", AT(rates.duplicate)},
	{"reorder", setting_read_part, "0", AT(rates.reorder)},
	{"corrupt", setting_read_part, "0", AT(rates.corrupt)},
	{"truncate", setting_read_part, "0", AT(rates.truncate)},
	{"jitter", setting_read_part, "0", AT(rates.jitter)},
	{"aps", read_size, "30", .min = 1, .max = 100000, .is_list = true},
	{"table", read_table, "full", .is_list = true},
	{"start", read_start, .def = "join"},
	{"wave", setting_read_u32, "100", AT(wave), 1, 100000},
	{"wave-period", setting_read_duration, "1s", AT(wave_period), 1 * MSEC,
	 3600 * SEC},
	{"server-spread", setting_read_duration, "5s", AT(server_spread), 1 * MSEC,
	 86400 * SEC},
	{"groups", setting_read_u32, "20", AT(groups), 1, 1000000},
	{"servers", setting_read_u32, "60", AT(servers), 0, 4000000},
	{"clients", setting_read_u32, "100", AT(clients), 0, 4000000},
	{"size-exponent", read_real, "1.0", AT(size_exponent), .max = 4},
	{"popularity-exponent", read_real, "1.0", AT(popularity_exponent), .max = 4},
	{"warm-up", setting_read_duration, "60s", AT(warm_up), 0, 86400 * SEC},
	{"duration", setting_read_duration, "60s", AT(duration), 1 * SEC, 604800 * SEC},
	{"replicas", setting_read_u32, "3", AT(rendezvous.n_replicas), 1, 8},
	{"lease", setting_read_duration, "30s", AT(rendezvous.lease), 1 * SEC,
	 3600 * SEC},
	{"refresh", setting_read_duration, "10s", AT(rendezvous.refresh), 100 * MSEC,
	 1200 * SEC},
	{"health-period", setting_read_duration, "250ms", AT(rendezvous.health_period),
	 20 * MSEC, 60 * SEC},
	{"health-misses", setting_read_u32, "3", AT(rendezvous.health_misses), 1, 100},
	{"negative-ttl", setting_read_duration, "1s", AT(rendezvous.negative_ttl),
	 10 * MSEC, 60 * SEC},
	{"cache-idle", setting_read_duration, "120s", AT(rendezvous.cache_idle), 1 * SEC,
	 86400 * SEC},
	{"max-groups", setting_read_u32, "1000000", AT(rendezvous.max_groups), 1,
	 100000000},
	{"max-members", setting_read_u32, "1000000", AT(rendezvous.max_members), 1,
	 100000000},
	{"max-group-members", setting_read_u32, "100000",
	 AT(rendezvous.max_group_members), 1, 10000000},
	{"max-servers", setting_read_u32, "65536", AT(rendezvous.max_servers), 1,
	 10000000},
	{"stabilise-period", setting_read_duration, "1s", AT(stabilise_period), 50 * MSEC,
	 60 * SEC},
	{"probe-period", setting_read_duration, "500ms", AT(probe_period), 50 * MSEC,
	 60 * SEC},
	{"finger-period", setting_read_duration, "30s", AT(finger_period), 1 * SEC,
	 3600 * SEC},
	{"real-crypto", read_bool, "no", AT(real_crypto)},
	{"share-records", read_bool, "yes", AT(shares_records)},
	{"queue", read_queue, .def = "radix"},
	{"pairs", setting_read_u32, "1000", AT(pairs), 1, 10000000},
	{"repeats", setting_read_u32, "10", AT(repeats), 1, 1000000},
	{"rate", setting_read_u32, "10", AT(rate), 1, 100000},
	{"joins", setting_read_u32, "1000", AT(joins), 1, 1000000},
	{"lookups", setting_read_u32, "1000", AT(lookups), 1, 65536},
	{"moves-per-day", read_real, "0.07", AT(moves_per_day), .max = 1000000},
	{"packets-per-move", setting_read_u32, "0", AT(packets_per_move), 0, 1000000000},
	{"reroute-period", setting_read_duration, "0s", AT(reroute_period), 0,
	 86400 * SEC},
	{"events", read_event, .is_list = true},
};

#define N_KEYS (sizeof(table) / sizeof(table[0]))

const char *scenario_key(unsigned i)
{
	return i < N_KEYS ? table[i].name : NULL;
}

const char *scenario_value(const struct scenario *s, unsigned i)
{
	return s->text[i] ? s->text[i] : "";
}

static void note(void *into, unsigned i, const char *value)
{
	struct scenario *s = into;
	char *was = s->text[i], *now = NULL;

	if (asprintf(&now, "%s%s%s", was ? was : "", was ? "," : "", value) < 0)
		abort();
	free(was);
	s->text[i] = now;
}

/* What no single key can know. */
static int check_together(struct settings *r, const struct scenario *s)
{
	unsigned i;

	if (s->topology == TOPOLOGY_MATRIX && !*s->matrix)
		return settings_wrong(r, settings_line(r, "topology"),
				      "topology matrix needs matrix = FILE");
	if (s->rendezvous.lease < 2 * s->rendezvous.refresh)
		return settings_wrong(r,
				      settings_line(r, settings_line(r, "refresh")
							       ? "refresh"
							       : "lease"),
				      "refresh must be at most half of lease");
	if (s->servers < s->groups && s->servers)
		return settings_wrong(r,
				      settings_line(r, settings_line(r, "servers")
							       ? "servers"
							       : "groups"),
				      "servers must be 0 or at least as many as groups "
				      "(%u), so that each has one",
				      s->groups);
	for (i = 0; i < s->n_events; i++) {
		const struct script_event *e = &s->event[i];
		bool is_ap = e->what <= SCRIPT_SLOW_AP;
		bool is_server = !is_ap && e->what <= SCRIPT_START_SERVER;

		if ((is_ap && e->which >= s->aps[0]) ||
		    (is_server && e->which >= s->servers))
			return settings_wrong(r, settings_line(r, "events"),
					      "events: there is no %s %u",
					      is_ap ? "ap" : "server", e->which);
	}
	return 0;
}

int scenario_read(struct scenario *s, const char *file, const char *const *set,
		  unsigned n_set, char why[static SETTINGS_WHY_MAX])
{
	struct settings r;
	unsigned i;
	int err = 0;

	memset(s, 0, sizeof(*s));
	snprintf(s->file, sizeof(s->file), "%s", file);
	settings_init(&r, table, N_KEYS, s, file, why);
	r.note = note;
	for (i = 0; !err && i < n_set; i++)
		err = settings_set(&r, set[i]);
	if (!err)
		err = settings_read(&r);
	if (!err)
		err = settings_apply_defaults(&r);
	if (!err)
		err = check_together(&r, s);
	if (err)
		scenario_free(s);
	return err;
}

void scenario_free(struct scenario *s)
{
	unsigned i;

	for (i = 0; i < N_KEYS; i++)
		free(s->text[i]);
	memset(s->text, 0, sizeof(s->text));
}
