/*
 * The options of piasd.conf: what each must look like and where it goes. How a table
 * of options is read from a file is settings.c's business.
 */
#include "cli/config.h"

#include <stddef.h>
#include <string.h>

#include "cli/settings.h"
#include "cli/tls.h"

/* Readers */

static int read_ring(void *into, const struct setting *o, const char *value,
		     char why[static SETTING_PROBLEM_MAX])
{
	struct config *c = into;

	if (!tls_word_is_valid(value, RING_NAME_MAX))
		return setting_no(why,
				  "a name of 1 to %d letters, digits, '.', '_' or '-'",
				  RING_NAME_MAX);
	strcpy(c->proxy.overlay.ring, value);
	strcpy(c->proxy.rendezvous.ring, value);
	return 0;
}

static int read_address(void *into, const struct setting *o, const char *value,
			char why[static SETTING_PROBLEM_MAX])
{
	struct config *c = into;
	struct addr a, *slot;

	if (addr_parse(value, 0, &a) || a.port || !addr_is_unicast(&a))
		return setting_no(
			why, "a unicast IPv4 or IPv6 address of this host, without a "
			     "port");
	slot = &c->proxy.overlay.self.addr[a.family == ADDR_V6];
	if (!addr_is_none(slot))
		return setting_no(why, "at most one address of each family");
	*slot = a;
	return 0;
}

static int read_prefix(void *into, const struct setting *o, const char *value,
		       char why[static SETTING_PROBLEM_MAX])
{
	struct forward_config *f = &((struct config *)into)->proxy.forward;
	struct prefix p;
	unsigned i;

	if (prefix_parse(value, &p) || !addr_is_unicast(&p.base))
		return setting_no(why, "a prefix like 198.18.0.0/24, host bits zero");
	if (f->n_prefixes == RENDEZVOUS_PREFIXES_MAX)
		return setting_no(why, "at most %d prefixes", RENDEZVOUS_PREFIXES_MAX);
	for (i = 0; i < f->n_prefixes; i++)
		if (prefix_has(&f->prefix[i], &p.base) ||
		    prefix_has(&p, &f->prefix[i].base))
			return setting_no(why, "prefixes that do not overlap");
	f->prefix[f->n_prefixes++] = p;
	return 0;
}

static int read_seed(void *into, const struct setting *o, const char *value,
		     char why[static SETTING_PROBLEM_MAX])
{
	struct overlay_config *v = &((struct config *)into)->proxy.overlay;
	struct addr a;

	/* Port 0 stands for ours, which may come further down in the file. */
	if (addr_parse(value, 0, &a) || !addr_is_unicast(&a))
		return setting_no(why, "the address of an AP, like 192.0.2.2 or "
				       "[2001:db8::3]:7427");
	if (v->n_seeds == OVERLAY_SEEDS_MAX)
		return setting_no(why, "at most %d seeds", OVERLAY_SEEDS_MAX);
	v->seed[v->n_seeds++] = a;
	return 0;
}

static int read_tun(void *into, const struct setting *o, const char *value,
		    char why[static SETTING_PROBLEM_MAX])
{
	struct config *c = into;

	/* One character less than the kernel takes: the draining one has a 'd' behind. */
	if (!tls_word_is_valid(value, sizeof(c->tun) - 2) || !strcmp(value, ".") ||
	    !strcmp(value, ".."))
		return setting_no(
			why,
			"an interface name of 1 to %zu letters, digits, '.', '_' "
			"or '-'",
			sizeof(c->tun) - 2);
	strcpy(c->tun, value);
	return 0;
}

static int read_log_level(void *into, const struct setting *o, const char *value,
			  char why[static SETTING_PROBLEM_MAX])
{
	struct config *c = into;
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
	return setting_no(why, "error, warn, info or debug");
}

static int read_table(void *into, const struct setting *o, const char *value,
		      char why[static SETTING_PROBLEM_MAX])
{
	struct config *c = into;

	if (!strcmp(value, "full"))
		c->proxy.overlay.mode = TABLE_FULL;
	else if (!strcmp(value, "fingers"))
		c->proxy.overlay.mode = TABLE_FINGERS;
	else
		return setting_no(why, "full or fingers");
	return 0;
}

/* The table */

#define AT(field) .at = offsetof(struct config, field)

static const struct setting table[] = {
	{"ring", read_ring, .must = true},
	{"address", read_address, .is_list = true, .must = true},
	{"prefix", read_prefix, .is_list = true, .must = true},
	{"certificate", setting_read_path, AT(certificate), .max = PATH_MAX,
	 .must = true},
	{"key", setting_read_path, AT(key), .max = PATH_MAX, .must = true},
	{"ca", setting_read_path, AT(ca), .max = PATH_MAX, .must = true},
	{"ring-key", setting_read_path, AT(ring_key), .max = PATH_MAX, .must = true},
	{"seeds", read_seed, .is_list = true},
	{"port", setting_read_u16, "7427", AT(port), .min = 1, .max = 65535},
	{"tun", read_tun, "pias0", AT(tun)},
	{"control-socket", setting_read_path, CONFIG_DEFAULT_SOCKET, AT(control_socket),
	 .max = CONFIG_SOCKET_MAX},
	{"log-level", read_log_level, "info", AT(log_level)},
	{"mtu", setting_read_u16, "1500", AT(proxy.forward.mtu), .min = 1280,
	 .max = 65535},
	{"replicas", setting_read_u32, "3", AT(proxy.rendezvous.n_replicas), .min = 1,
	 .max = 8},
	{"lease", setting_read_duration, "30s", AT(proxy.rendezvous.lease), 1 * SEC,
	 3600 * SEC},
	{"refresh", setting_read_duration, "10s", AT(proxy.rendezvous.refresh),
	 100 * MSEC, 1200 * SEC},
	{"health-period", setting_read_duration, "250ms",
	 AT(proxy.rendezvous.health_period), 20 * MSEC, 60 * SEC},
	{"health-misses", setting_read_u32, "3", AT(proxy.rendezvous.health_misses),
	 .min = 1, .max = 100},
	{"stabilise-period", setting_read_duration, "1s",
	 AT(proxy.overlay.stabilise_period), 50 * MSEC, 60 * SEC},
	{"probe-period", setting_read_duration, "500ms", AT(proxy.overlay.probe_period),
	 50 * MSEC, 60 * SEC},
	{"finger-period", setting_read_duration, "30s", AT(proxy.overlay.finger_period),
	 1 * SEC, 3600 * SEC},
	{"drain-time", setting_read_duration, "30s", AT(drain_time), 0, 3600 * SEC},
	{"cache-idle", setting_read_duration, "120s", AT(proxy.rendezvous.cache_idle),
	 1 * SEC, 86400 * SEC},
	{"negative-ttl", setting_read_duration, "1s", AT(proxy.rendezvous.negative_ttl),
	 10 * MSEC, 60 * SEC},
	{"table", read_table, "full", AT(proxy.overlay.mode)},
	{"max-groups", setting_read_u32, "1000000", AT(proxy.rendezvous.max_groups),
	 .min = 1, .max = 100000000},
	{"max-members", setting_read_u32, "1000000", AT(proxy.rendezvous.max_members),
	 .min = 1, .max = 100000000},
	{"max-group-members", setting_read_u32, "100000",
	 AT(proxy.rendezvous.max_group_members), .min = 1, .max = 10000000},
	{"max-cached", setting_read_u32, "262144", AT(proxy.rendezvous.max_cached),
	 .min = 1, .max = 100000000},
	{"max-servers", setting_read_u32, "65536", AT(proxy.rendezvous.max_servers),
	 .min = 1, .max = 10000000},
	{"max-flows", setting_read_u32, "65536", AT(proxy.forward.max_flows), .min = 1,
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

/* What no single option can know. */
static int check_together(struct settings *r, const struct config *c)
{
	const struct rendezvous_config *v = &c->proxy.rendezvous;
	const struct forward_config *f = &c->proxy.forward;
	char text[PREFIX_STR_MAX];
	unsigned i, k;

	if (v->lease < 2 * v->refresh)
		return settings_wrong(
			r,
			settings_line(r,
				      settings_line(r, "refresh") ? "refresh" : "lease"),
			"refresh must be at most half of lease, or one lost "
			"refresh ends a membership");
	for (i = 0; i < f->n_prefixes; i++)
		for (k = 0; k < 2; k++)
			if (prefix_has(&f->prefix[i], &c->proxy.overlay.self.addr[k]))
				return settings_wrong(
					r, settings_line(r, "address"),
					"address must not lie within prefix %s: it "
					"is what the world reaches this AP by when "
					"the prefix leads elsewhere",
					prefix_str(&f->prefix[i], text));
	if (v->max_group_members > v->max_members &&
	    settings_line(r, "max-group-members"))
		return settings_wrong(
			r, settings_line(r, "max-group-members"),
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
	struct settings r;
	int err;

	memset(c, 0, sizeof(*c));
	settings_init(&r, table, N_OPTIONS, c, file, why);
	err = settings_read(&r);
	if (!err)
		err = settings_apply_defaults(&r);
	if (!err)
		err = check_together(&r, c);
	if (!err)
		spread(c);
	return err;
}
