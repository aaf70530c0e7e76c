/*
 * What may be joined, by whom and from where: the rules of PROTOCOL 6.3, each with the
 * words that tell a person what is wrong. Nothing here changes state.
 */
#include <string.h>

#include "rendezvous/join.h"

#define MTU_MIN_V4 576
#define MTU_MIN_V6 1280

static bool is_in_prefixes(const struct joins *j, const struct addr *a)
{
	return prefixes_have(j->config.prefix, j->config.n_prefixes, a);
}

static int check_group(const struct joins *j, const struct group_name *g, char *why,
		       size_t len)
{
	struct addr a = group_name_addr(g);
	char name[GROUP_NAME_STR_MAX];

	if (!is_in_prefixes(j, &a)) {
		env_text(why, len, "%s is not within the anycast prefixes of this ring",
			 group_name_str(g, name));
		return PIAS_EDENIED;
	}
	if (g->proto && g->port == CONTROL_PORT) {
		env_text(why, len, "port %u of anycast addresses is reserved for pias",
			 CONTROL_PORT);
		return PIAS_EDENIED;
	}
	return 0;
}

static int check_unicast(const struct joins *j, const struct admission *who, char *why,
			 size_t len)
{
	const struct addr *a = &who->unicast;
	unsigned mtu_min = a->family == ADDR_V6 ? MTU_MIN_V6 : MTU_MIN_V4;
	char text[ADDR_STR_MAX];

	addr_str(a, text);
	if (!addr_is_unicast(a))
		env_text(why, len, "%s is not a unicast address", text);
	else if (is_in_prefixes(j, a))
		env_text(why, len, "%s is an anycast address: name the host's own one",
			 text);
	/* One that left or died may have become a server: its host is challenged. */
	else if (overlay_is_host(j->overlay, a))
		env_text(why, len, "%s is the address of an anycast proxy", text);
	else if (who->encap != ENCAP_GUE && who->encap != ENCAP_IPIP)
		env_text(why, len, "unknown encapsulation %u", who->encap);
	else if ((who->encap == ENCAP_GUE) != (a->port != 0))
		env_text(why, len, "%s: GUE needs a UDP port, IP-in-IP has none", text);
	else if (who->mtu < mtu_min)
		env_text(why, len, "MTU %u is below %u", who->mtu, mtu_min);
	else if (!who->probe_port)
		env_text(why, len, "no port to send probes to");
	else
		return 0;
	return PIAS_EINVALID;
}

int admission_check_here(struct joins *j, const struct admission *who, char *why,
			 size_t len)
{
	const struct contact *self = overlay_self(j->overlay);
	char text[ADDR_STR_MAX], id[9];
	pias_time wait;

	if (j->is_leaving) {
		env_text(why, len,
			 "this anycast proxy is shutting down; ask another one");
		return PIAS_EBUSY;
	}
	if (addr_is_none(&self->addr[who->unicast.family == ADDR_V6])) {
		env_text(why, len,
			 "anycast proxy %s has no IPv%u address to reach %s from",
			 id_short(&self->id, id), who->unicast.family,
			 addr_str(&who->unicast, text));
		return PIAS_EUNREACH;
	}
	wait = attempts_wait(&j->attempts, j->env->now, &who->server, &who->unicast);
	if (wait) {
		count(j->env, drop_join_limit);
		env_text(why, len,
			 "%s did not answer through the tunnel %u times within a minute; "
			 "try again in %u s",
			 addr_str(&who->unicast, text), ATTEMPTS_FAILED,
			 (unsigned)(wait / SEC) + 1);
		return PIAS_EBUSY;
	}
	return 0;
}

/* Two hosts with one certificate would take the membership from each other for ever. */
int admission_check_twin(const struct server *s, const struct addr *unicast, char *why,
			 size_t len)
{
	char text[ADDR_STR_MAX];

	if (s->state != SERVER_WATCHED || s->health.state != HEALTH_UP ||
	    addr_host_eq(&s->who.unicast, unicast))
		return 0;
	env_text(why, len,
		 "a server with the same key is a member at %s: give each server a "
		 "certificate of its own",
		 addr_str(&s->who.unicast, text));
	return PIAS_EEXISTS;
}

int admission_check(struct joins *j, const struct admission *who, char *why, size_t len)
{
	int err = check_group(j, &who->group, why, len);

	if (!err)
		err = check_unicast(j, who, why, len);
	if (!err)
		err = admission_check_here(j, who, why, len);
	return err;
}
