/*
 * Decapsulation. With GUE only an AP can know the cookie; IP in IP has nothing of the
 * kind, and is for fabrics where nobody else can send it (PROTOCOL 8.1). Either way the
 * inner packet is one that the group's clients could have sent to it, and nothing else
 * of this host can be reached through the tunnel.
 */
#include "forwarder/decap.h"

#include "forwarder/encap.h"

static bool is_host_of(const struct group_name *g, const struct addr *a)
{
	struct addr host = group_name_addr(g);

	return addr_host_eq(&host, a);
}

/*
 * Group @i's own traffic, ICMP errors about it, or its probes; the address is known to
 * be its. Later fragments pass: the kernel has use for them only behind a first.
 */
static bool is_for(const struct decap_config *c, unsigned i, const struct packet *p)
{
	const struct group_name *g = &c->group[i];

	if (group_name_is_wide(g) || p->fragment == FRAGMENT_LATER)
		return true;
	if (p->proto == PROTO_UDP && c->probe_port[i] &&
	    p->flow.dport == c->probe_port[i])
		return true;
	return p->flow.proto == g->proto && p->flow.dport == g->port;
}

static bool is_for_us(const struct decap_config *c, const struct packet *p)
{
	unsigned i;

	for (i = 0; i < c->n_groups; i++) {
		if (is_host_of(&c->group[i], &p->dst) && is_for(c, i, p))
			return true;
	}
	return false;
}

/* Our own addresses would be answered by ourselves, within this host. */
static bool is_possible_source(const struct decap_config *c, const struct addr *src)
{
	unsigned i;

	if (!addr_is_unicast(src) || addr_host_eq(src, &c->unicast))
		return false;
	for (i = 0; i < c->n_groups; i++) {
		if (is_host_of(&c->group[i], src))
			return false;
	}
	return true;
}

enum decap_verdict decap_ipip(const struct decap_config *c, unsigned family,
			      uint8_t *data, size_t len, struct packet *out)
{
	struct packet p;

	if (packet_parse(&p, data, len) || p.family != family)
		return DECAP_MALFORMED;
	if (!is_for_us(c, &p))
		return DECAP_GROUP;
	if (!is_possible_source(c, &p.src))
		return DECAP_SOURCE;
	*out = p;
	return DECAP_OK;
}

enum decap_verdict decap_gue(const struct decap_config *c, uint8_t *data, size_t len,
			     struct packet *out)
{
	uint8_t theirs[8], ours[8];
	struct encap_gue g;

	if (encap_gue_read(data, len, &g))
		return DECAP_TUNNEL;
	be64_put(theirs, g.cookie);
	be64_put(ours, c->cookie);
	if (!crypto_equal(theirs, ours, sizeof(ours)))
		return DECAP_COOKIE;
	return decap_ipip(c, g.inner, data + ENCAP_GUE_LEN, len - ENCAP_GUE_LEN, out);
}

const char *decap_verdict_text(enum decap_verdict v)
{
	static const char *const text[N_DECAP_VERDICTS] = {
#define X(name, words) [DECAP_##name] = words,
		DECAP_VERDICTS(X)
#undef X
	};

	return text[v];
}
