/*
 * The options of piasd.conf. libconfuse gives the syntax: comments, lists, strings and
 * line numbers. All options are strings to it; what they must look like is decided by
 * the readers here, which run while libconfuse still knows the line. Defaults go
 * through the same readers, so that there is one way for a value into the struct.
 *
 * libconfuse's lexer is a process-wide singleton and its callbacks carry no context:
 * the one file being read is therefore a static here.
 */
#include "cli/config.h"

#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/duration.h"
#include "cli/tls.h"
#include "cli/uncomment.h"

#define PROBLEM_MAX 192
#define FILE_MAX    (1 << 20)

struct option;

/* Reads @value into @c, or says in @why what it should be. */
typedef int reader(struct config *c, const struct option *o, const char *value,
		   char why[static PROBLEM_MAX]);

struct option {
	const char *name;
	reader *read;
	const char *def;    /* NULL: none */
	size_t at;	    /* in struct config */
	int64_t min, max;   /* numbers; of durations in us */
	bool is_list, must; /* must be given */
};

static int no(char *why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int no(char *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, PROBLEM_MAX, fmt, ap);
	va_end(ap);
	return PIAS_EINVALID;
}

/* --- readers ----------------------------------------------------------------------- */

static int read_ring(struct config *c, const struct option *o, const char *value,
		     char why[static PROBLEM_MAX])
{
	if (!tls_word_is_valid(value, RING_NAME_MAX))
		return no(why, "a name of 1 to %d letters, digits, '.', '_' or '-'",
			  RING_NAME_MAX);
	strcpy(c->proxy.overlay.ring, value);
	strcpy(c->proxy.rendezvous.ring, value);
	return 0;
}

static int read_address(struct config *c, const struct option *o, const char *value,
			char why[static PROBLEM_MAX])
{
	struct addr a, *slot;

	if (addr_parse(value, 0, &a) || a.port || !addr_is_unicast(&a))
		return no(why, "a unicast IPv4 or IPv6 address of this host, without a "
			       "port");
	slot = &c->proxy.overlay.self.addr[a.family == ADDR_V6];
	if (!addr_is_none(slot))
		return no(why, "at most one address of each family");
	*slot = a;
	return 0;
}

static int read_prefix(struct config *c, const struct option *o, const char *value,
		       char why[static PROBLEM_MAX])
{
	struct forward_config *f = &c->proxy.forward;
	struct prefix p;
	unsigned i;

	if (prefix_parse(value, &p) || !addr_is_unicast(&p.base))
		return no(why, "a prefix like 198.18.0.0/24, host bits zero");
	if (f->n_prefixes == RENDEZVOUS_PREFIXES_MAX)
		return no(why, "at most %d prefixes", RENDEZVOUS_PREFIXES_MAX);
	for (i = 0; i < f->n_prefixes; i++)
		if (prefix_has(&f->prefix[i], &p.base) ||
		    prefix_has(&p, &f->prefix[i].base))
			return no(why, "prefixes that do not overlap");
	f->prefix[f->n_prefixes++] = p;
	return 0;
}

static int read_seed(struct config *c, const struct option *o, const char *value,
		     char why[static PROBLEM_MAX])
{
	struct overlay_config *v = &c->proxy.overlay;
	struct addr a;

	/* Port 0 stands for ours, which may come further down in the file. */
	if (addr_parse(value, 0, &a) || !addr_is_unicast(&a))
		return no(why, "the address of an AP, like 192.0.2.2 or "
			       "[2001:db8::3]:7427");
	if (v->n_seeds == OVERLAY_SEEDS_MAX)
		return no(why, "at most %d seeds", OVERLAY_SEEDS_MAX);
	v->seed[v->n_seeds++] = a;
	return 0;
}

/* Below, because it needs to know the file that is being read. */
static int read_path(struct config *c, const struct option *o, const char *value,
		     char why[static PROBLEM_MAX]);

static int read_tun(struct config *c, const struct option *o, const char *value,
		    char why[static PROBLEM_MAX])
{
	/* One character less than the kernel takes: the draining one has a 'd' behind. */
	if (!tls_word_is_valid(value, sizeof(c->tun) - 2) || !strcmp(value, ".") ||
	    !strcmp(value, ".."))
		return no(why,
			  "an interface name of 1 to %zu letters, digits, '.', '_' "
			  "or '-'",
			  sizeof(c->tun) - 2);
	strcpy(c->tun, value);
	return 0;
}

static int read_log_level(struct config *c, const struct option *o, const char *value,
			  char why[static PROBLEM_MAX])
{
	static const char *const name[] = {
		[LOG_LEVEL_ERROR] = "error",
		[LOG_LEVEL_WARN] = "warn",
		[LOG_LEVEL_INFO] = "info",
		[LOG_LEVEL_DEBUG] = "debug",
	};
	unsigned i;

	for (i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		if (strcmp(value, name[i]))
			continue;
		c->log_level = (enum log_level)i;
		return 0;
	}
	return no(why, "error, warn, info or debug");
}

static int read_table(struct config *c, const struct option *o, const char *value,
		      char why[static PROBLEM_MAX])
{
	if (!strcmp(value, "full"))
		c->proxy.overlay.mode = TABLE_FULL;
	else if (!strcmp(value, "fingers"))
		c->proxy.overlay.mode = TABLE_FINGERS;
	else
		return no(why, "full or fingers");
	return 0;
}

static int read_duration(struct config *c, const struct option *o, const char *value,
			 char why[static PROBLEM_MAX])
{
	char min[DURATION_STR_MAX], max[DURATION_STR_MAX];
	pias_time t;

	if (duration_parse(value, &t) || t < o->min || t > o->max)
		return no(why,
			  "a duration from %s to %s: a whole number and us, ms, s, m "
			  "or h",
			  duration_str(o->min, min), duration_str(o->max, max));
	memcpy((char *)c + o->at, &t, sizeof(t));
	return 0;
}

static int parse_number(const char *s, int64_t *out)
{
	char *end;

	if (*s < '0' || *s > '9')
		return PIAS_EINVALID;
	errno = 0;
	*out = strtoll(s, &end, 10);
	return *end || errno ? PIAS_EINVALID : 0;
}

static int check_number(const struct option *o, const char *value, int64_t *out,
			char why[static PROBLEM_MAX])
{
	if (!parse_number(value, out) && *out >= o->min && *out <= o->max)
		return 0;
	return no(why, "a whole number from %lld to %lld", (long long)o->min,
		  (long long)o->max);
}

static int read_u32(struct config *c, const struct option *o, const char *value,
		    char why[static PROBLEM_MAX])
{
	int64_t v;
	uint32_t u;

	if (check_number(o, value, &v, why))
		return PIAS_EINVALID;
	u = (uint32_t)v;
	memcpy((char *)c + o->at, &u, sizeof(u));
	return 0;
}

static int read_u16(struct config *c, const struct option *o, const char *value,
		    char why[static PROBLEM_MAX])
{
	int64_t v;
	uint16_t u;

	if (check_number(o, value, &v, why))
		return PIAS_EINVALID;
	u = (uint16_t)v;
	memcpy((char *)c + o->at, &u, sizeof(u));
	return 0;
}

_Static_assert(sizeof(unsigned) == sizeof(uint32_t), "counts are read as u32");

/* --- the table -----------------------------------------------------------------------
 */

#define AT(field) .at = offsetof(struct config, field)

static const struct option table[] = {
	{"ring", read_ring, .must = true},
	{"address", read_address, .is_list = true, .must = true},
	{"prefix", read_prefix, .is_list = true, .must = true},
	{"certificate", read_path, AT(certificate), .max = PATH_MAX, .must = true},
	{"key", read_path, AT(key), .max = PATH_MAX, .must = true},
	{"ca", read_path, AT(ca), .max = PATH_MAX, .must = true},
	{"ring-key", read_path, AT(ring_key), .max = PATH_MAX, .must = true},
	{"seeds", read_seed, .is_list = true},
	{"port", read_u16, "7427", AT(port), .min = 1, .max = 65535},
	{"tun", read_tun, "pias0", AT(tun)},
	{"control-socket", read_path, CONFIG_DEFAULT_SOCKET, AT(control_socket),
	 .max = CONFIG_SOCKET_MAX},
	{"log-level", read_log_level, "info", AT(log_level)},
	{"mtu", read_u16, "1500", AT(proxy.forward.mtu), .min = 1280, .max = 65535},
	{"replicas", read_u32, "3", AT(proxy.rendezvous.n_replicas), .min = 1, .max = 8},
	{"lease", read_duration, "30s", AT(proxy.rendezvous.lease), 1 * SEC, 3600 * SEC},
	{"refresh", read_duration, "10s", AT(proxy.rendezvous.refresh), 100 * MSEC,
	 1200 * SEC},
	{"health-period", read_duration, "250ms", AT(proxy.rendezvous.health_period),
	 20 * MSEC, 60 * SEC},
	{"health-misses", read_u32, "3", AT(proxy.rendezvous.health_misses), .min = 1,
	 .max = 100},
	{"stabilise-period", read_duration, "1s", AT(proxy.overlay.stabilise_period),
	 50 * MSEC, 60 * SEC},
	{"probe-period", read_duration, "500ms", AT(proxy.overlay.probe_period),
	 50 * MSEC, 60 * SEC},
	{"finger-period", read_duration, "30s", AT(proxy.overlay.finger_period), 1 * SEC,
	 3600 * SEC},
	{"drain-time", read_duration, "30s", AT(drain_time), 0, 3600 * SEC},
	{"cache-idle", read_duration, "120s", AT(proxy.rendezvous.cache_idle), 1 * SEC,
	 86400 * SEC},
	{"negative-ttl", read_duration, "1s", AT(proxy.rendezvous.negative_ttl),
	 10 * MSEC, 60 * SEC},
	{"table", read_table, "full", AT(proxy.overlay.mode)},
	{"max-groups", read_u32, "1000000", AT(proxy.rendezvous.max_groups), .min = 1,
	 .max = 100000000},
	{"max-members", read_u32, "1000000", AT(proxy.rendezvous.max_members), .min = 1,
	 .max = 100000000},
	{"max-group-members", read_u32, "100000", AT(proxy.rendezvous.max_group_members),
	 .min = 1, .max = 10000000},
	{"max-cached", read_u32, "262144", AT(proxy.rendezvous.max_cached), .min = 1,
	 .max = 100000000},
	{"max-servers", read_u32, "65536", AT(proxy.rendezvous.max_servers), .min = 1,
	 .max = 10000000},
	{"max-flows", read_u32, "65536", AT(proxy.forward.max_flows), .min = 1,
	 .max = 100000000},
};

#define N_OPTIONS (sizeof(table) / sizeof(table[0]))

const char *config_option_name(unsigned i)
{
	return i < N_OPTIONS ? table[i].name : NULL;
}

const char *config_option_default(unsigned i)
{
	return i < N_OPTIONS ? table[i].def : NULL;
}

/* --- reading ---------------------------------------------------------------------------
 */

static struct reading {
	struct config *c;
	const char *file;
	char *why;
	bool has_why;
	int line[N_OPTIONS]; /* where it was given; 0: it was not */
} * now;

static int read_path(struct config *c, const struct option *o, const char *value,
		     char why[static PROBLEM_MAX])
{
	const char *slash = strrchr(now->file, '/');
	int folder = *value != '/' && slash ? (int)(slash - now->file) + 1 : 0;
	size_t room = (size_t)o->max;

	if (!*value)
		return no(why, "the name of a file");
	if ((size_t)folder + strlen(value) >= room)
		return no(why, "a path of at most %zu bytes", room - 1);
	snprintf((char *)c + o->at, room, "%.*s%s", folder, now->file, value);
	return 0;
}

/* The first problem counts: what follows is often only its consequence. */
static void complain(int line, const char *fmt, va_list ap)
{
	char text[PROBLEM_MAX * 2];

	if (now->has_why)
		return;
	now->has_why = true;
	vsnprintf(text, sizeof(text), fmt, ap);
	if (line)
		snprintf(now->why, CONFIG_WHY_MAX, "%s:%d: %s", now->file, line, text);
	else
		snprintf(now->why, CONFIG_WHY_MAX, "%s: %s", now->file, text);
}

__attribute__((format(printf, 2, 3))) static int wrong(int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(line, fmt, ap);
	va_end(ap);
	return PIAS_EINVALID;
}

static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	complain(cfg->line, fmt, ap);
}

static unsigned index_of(const char *name)
{
	unsigned i;

	for (i = 0; strcmp(table[i].name, name); i++)
		;
	return i;
}

static int on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	unsigned i = index_of(opt->name);
	char why[PROBLEM_MAX];

	/* The first value of a list, too, finds nothing there before it. */
	if (now->line[i] && (!table[i].is_list || opt->nvalues == 1))
		return wrong(cfg->line, "%s is given twice (before in line %d)",
			     opt->name, now->line[i]);
	now->line[i] = cfg->line;
	if (table[i].read(now->c, &table[i], value, why))
		return wrong(cfg->line, "%s = \"%.60s\": must be %s", opt->name, value,
			     why);
	*(const char **)result = value;
	return 0;
}

/* The whole file, uncommented; NULL: it can't be had, and that was said. */
static char *load(struct reading *r)
{
	char *text = calloc(1, FILE_MAX + 1);
	FILE *f = fopen(r->file, "re");
	size_t n = 0;
	int line;

	if (f && text)
		n = fread(text, 1, FILE_MAX + 1, f);
	if (!f || !text || ferror(f))
		wrong(0, "%s", strerror(errno));
	else if (n > FILE_MAX || memchr(text, 0, n))
		wrong(0, "not a configuration file: a NUL byte in it, or over %d bytes",
		      FILE_MAX);
	else if (uncomment(text, &line))
		wrong(line, "the string or comment that begins here does not end");
	if (f)
		fclose(f);
	if (!r->has_why)
		return text;
	free(text);
	return NULL;
}

static cfg_t *new_parser(void)
{
	cfg_opt_t opts[N_OPTIONS + 1] = {0};
	unsigned i;
	cfg_t *cfg;

	for (i = 0; i < N_OPTIONS; i++) {
		opts[i].name = table[i].name;
		opts[i].type = CFGT_STR;
		opts[i].flags = CFGF_NODEFAULT | (table[i].is_list ? CFGF_LIST : 0);
		opts[i].parsecb = on_value;
	}
	cfg = cfg_init(opts, CFGF_NONE);
	if (cfg)
		cfg_set_error_function(cfg, on_error);
	return cfg;
}

static int read_file(struct reading *r)
{
	char *text = load(r);
	cfg_t *cfg = text ? new_parser() : NULL;
	int rc = CFG_FILE_ERROR;

	if (cfg)
		rc = cfg_parse_buf(cfg, text);
	if (rc)
		wrong(cfg ? cfg->line : 0, cfg ? "syntax error" : "out of memory");
	if (cfg)
		cfg_free(cfg);
	free(text);
	return rc ? PIAS_EINVALID : 0;
}

static int apply_defaults(struct reading *r)
{
	char why[PROBLEM_MAX];
	unsigned i;

	for (i = 0; i < N_OPTIONS; i++) {
		if (r->line[i])
			continue;
		if (table[i].must)
			return wrong(0, "%s is missing", table[i].name);
		if (table[i].def && table[i].read(r->c, &table[i], table[i].def, why))
			return wrong(0, "%s: the default must be %s", table[i].name, why);
	}
	return 0;
}

static int line_of(const char *name)
{
	return now->line[index_of(name)];
}

/* What no single option can know. */
static int check_together(struct reading *r)
{
	const struct rendezvous_config *v = &r->c->proxy.rendezvous;
	const struct forward_config *f = &r->c->proxy.forward;
	char text[PREFIX_STR_MAX];
	unsigned i, k;

	if (v->lease < 2 * v->refresh)
		return wrong(line_of(line_of("refresh") ? "refresh" : "lease"),
			     "refresh must be at most half of lease, or one lost "
			     "refresh ends a membership");
	for (i = 0; i < f->n_prefixes; i++)
		for (k = 0; k < 2; k++)
			if (prefix_has(&f->prefix[i], &r->c->proxy.overlay.self.addr[k]))
				return wrong(line_of("address"),
					     "address must not lie within prefix %s: it "
					     "is what the world reaches this AP by when "
					     "the prefix leads elsewhere",
					     prefix_str(&f->prefix[i], text));
	if (v->max_group_members > v->max_members && line_of("max-group-members"))
		return wrong(line_of("max-group-members"),
			     "max-group-members must not exceed max-members (%u)",
			     v->max_members);
	return 0;
}

/* One value, wanted in several places. */
static void spread(struct config *c)
{
	struct rendezvous_config *r = &c->proxy.rendezvous;
	struct overlay_config *o = &c->proxy.overlay;
	unsigned i;

	for (i = 0; i < o->n_seeds; i++)
		if (!o->seed[i].port)
			o->seed[i].port = c->port;
	for (i = 0; i < 2; i++) {
		c->proxy.forward.self[i] = o->self.addr[i];
		if (!addr_is_none(&o->self.addr[i]))
			o->self.addr[i].port = c->port;
	}
	if (r->max_group_members > r->max_members)
		r->max_group_members = r->max_members;
	o->n_replicas = r->n_replicas;
	memcpy(r->prefix, c->proxy.forward.prefix, sizeof(r->prefix));
	r->n_prefixes = c->proxy.forward.n_prefixes;
}

int config_read(struct config *c, const char *file, char why[static CONFIG_WHY_MAX])
{
	struct reading r = {.c = c, .file = file, .why = why};
	int err;

	memset(c, 0, sizeof(*c));
	now = &r;
	err = read_file(&r);
	if (!err)
		err = apply_defaults(&r);
	if (!err)
		err = check_together(&r);
	if (!err)
		spread(c);
	now = NULL;
	return err;
}
