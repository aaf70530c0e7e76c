/* Group names: text, bytes, keys. An invalid name never leaves these functions. */
#include "rendezvous/name.h"

#include <string.h>

#include "overlay/base/crypto.h"

static const struct {
	const char *suffix;
	uint8_t proto;
} protos[] = {
	{"/tcp", PROTO_TCP},
	{"/udp", PROTO_UDP},
};

bool group_name_is_valid(const struct group_name *g)
{
	struct addr a = group_name_addr(g);

	if (!addr_is_unicast(&a))
		return false;
	if (g->family == ADDR_V4 && memcmp(g->ip + 4, "\0\0\0\0\0\0\0\0\0\0\0", 12))
		return false;
	if (g->proto != 0 && g->proto != PROTO_TCP && g->proto != PROTO_UDP)
		return false;
	return (g->proto == 0) == (g->port == 0);
}

static int from_addr(const struct addr *a, uint8_t proto, struct group_name *out)
{
	struct group_name g = {.family = a->family, .proto = proto, .port = a->port};

	memcpy(g.ip, a->ip, sizeof(g.ip));
	if (!group_name_is_valid(&g))
		return PIAS_EINVALID;
	*out = g;
	return 0;
}

int group_name_parse(const char *s, struct group_name *out)
{
	const char *slash = strchr(s, '/');
	char host[ADDR_STR_MAX];
	struct addr a;
	unsigned i;

	if (!slash)
		return addr_parse(s, 0, &a) ? PIAS_EINVALID : from_addr(&a, 0, out);
	if ((size_t)(slash - s) >= sizeof(host))
		return PIAS_EINVALID;
	memcpy(host, s, (size_t)(slash - s));
	host[slash - s] = '\0';
	if (addr_parse(host, 0, &a))
		return PIAS_EINVALID;
	for (i = 0; i < sizeof(protos) / sizeof(*protos); i++)
		if (!strcmp(slash, protos[i].suffix))
			return from_addr(&a, protos[i].proto, out);
	return PIAS_EINVALID;
}

char *group_name_str(const struct group_name *g, char buf[static GROUP_NAME_STR_MAX])
{
	struct addr a = group_name_addr(g);
	unsigned i;

	_Static_assert(GROUP_NAME_STR_MAX >= ADDR_STR_MAX + 4, "room for the protocol");
	addr_str(&a, buf);
	for (i = 0; i < sizeof(protos) / sizeof(*protos); i++)
		if (g->proto == protos[i].proto)
			strcat(buf, protos[i].suffix);
	return buf;
}

bool group_name_eq(const struct group_name *a, const struct group_name *b)
{
	return !memcmp(a, b, sizeof(*a));
}

int group_name_cmp(const struct group_name *a, const struct group_name *b)
{
	int d;

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	d = memcmp(a->ip, b->ip, sizeof(a->ip));
	if (d)
		return d;
	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	return (int)a->proto - (int)b->proto;
}

bool group_name_is_wide(const struct group_name *g)
{
	return g->proto == 0;
}

struct group_name group_name_widen(const struct group_name *g)
{
	struct group_name wide = *g;

	wide.proto = 0;
	wide.port = 0;
	return wide;
}

struct addr group_name_addr(const struct group_name *g)
{
	struct addr a = {.family = g->family, .port = g->port};

	memcpy(a.ip, g->ip, sizeof(a.ip));
	return a;
}

uint64_t group_name_hash(const struct group_name *g, const struct siphash_key *key)
{
	return siphash(key, g, sizeof(*g));
}

void group_name_key(const struct group_name *g, struct id *out)
{
	uint8_t buf[GROUP_NAME_LEN];
	struct wr w;

	wr_init(&w, buf, sizeof(buf));
	group_name_write(&w, g);
	crypto_id(out, buf, sizeof(buf));
}

void group_name_read(struct rd *r, struct group_name *g)
{
	g->family = rd_u8(r);
	g->proto = rd_u8(r);
	g->port = rd_u16(r);
	rd_bytes(r, g->ip, sizeof(g->ip));
	if (!group_name_is_valid(g))
		r->err = PIAS_EMALFORMED;
}

void group_name_write(struct wr *w, const struct group_name *g)
{
	wr_u8(w, g->family);
	wr_u8(w, g->proto);
	wr_u16(w, g->port);
	wr_bytes(w, g->ip, sizeof(g->ip));
}
