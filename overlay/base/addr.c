/* Addresses as values; text forms go through the C library's inet_pton and inet_ntop. */
#include "overlay/base/addr.h"

#include <arpa/inet.h>
#include <string.h>

struct addr addr_v4(const uint8_t ip[4], uint16_t port)
{
	struct addr a = {.family = ADDR_V4, .port = port};

	memcpy(a.ip, ip, 4);
	return a;
}

struct addr addr_v6(const uint8_t ip[16], uint16_t port)
{
	struct addr a = {.family = ADDR_V6, .port = port};

	memcpy(a.ip, ip, 16);
	return a;
}

size_t addr_ip_len(const struct addr *a)
{
	switch (a->family) {
	case ADDR_V4:
		return 4;
	case ADDR_V6:
		return 16;
	default:
		return 0;
	}
}

bool addr_host_eq(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && !memcmp(a->ip, b->ip, sizeof(a->ip));
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return addr_host_eq(a, b) && a->port == b->port;
}

bool addr_is_none(const struct addr *a)
{
	return a->family == ADDR_NONE;
}

bool addr_is_unicast(const struct addr *a)
{
	static const uint8_t zero[16], v6_loopback[16] = {[15] = 1};
	/* ::ffff:192.0.2.1 and the like: a socket would take it for IPv4. */
	static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

	switch (a->family) {
	case ADDR_V4:
		return a->ip[0] != 0 && a->ip[0] != 127 && a->ip[0] < 224;
	case ADDR_V6:
		return memcmp(a->ip, zero, 16) && memcmp(a->ip, v6_loopback, 16) &&
		       memcmp(a->ip, v4_mapped, 12) && a->ip[0] != 0xff;
	default:
		return false;
	}
}

void addr_read(struct rd *r, struct addr *a)
{
	memset(a, 0, sizeof(*a));
	a->family = rd_u8(r);
	if (a->family == ADDR_NONE)
		return;
	if (a->family != ADDR_V4 && a->family != ADDR_V6) {
		a->family = ADDR_NONE;
		r->err = PIAS_EMALFORMED;
		return;
	}
	rd_bytes(r, a->ip, addr_ip_len(a));
	a->port = rd_u16(r);
}

void addr_write(struct wr *w, const struct addr *a)
{
	wr_u8(w, a->family);
	if (a->family == ADDR_NONE)
		return;
	wr_bytes(w, a->ip, addr_ip_len(a));
	wr_u16(w, a->port);
}

static int parse_port(const char *s, unsigned long max, unsigned long *out)
{
	unsigned long v = 0;

	if (!*s)
		return PIAS_EINVALID;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return PIAS_EINVALID;
		v = v * 10 + (unsigned long)(*s - '0');
		if (v > max)
			return PIAS_EINVALID;
	}
	*out = v;
	return 0;
}

int addr_parse(const char *s, uint16_t default_port, struct addr *out)
{
	char host[INET6_ADDRSTRLEN];
	const char *end, *port = NULL;
	unsigned long v = default_port;

	memset(out, 0, sizeof(*out));
	if (*s == '[') {
		end = strchr(++s, ']');
		if (!end || (end[1] && end[1] != ':'))
			return PIAS_EINVALID;
		if (end[1])
			port = end + 2;
	} else {
		end = strchr(s, ':');
		if (end && !strchr(end + 1, ':'))
			port = end + 1;
		else
			end = s + strlen(s);
	}
	if ((size_t)(end - s) >= sizeof(host))
		return PIAS_EINVALID;
	memcpy(host, s, (size_t)(end - s));
	host[end - s] = '\0';
	if (port && parse_port(port, 65535, &v))
		return PIAS_EINVALID;
	if (inet_pton(AF_INET, host, out->ip) == 1)
		out->family = ADDR_V4;
	else if (inet_pton(AF_INET6, host, out->ip) == 1)
		out->family = ADDR_V6;
	else
		return PIAS_EINVALID;
	out->port = (uint16_t)v;
	return 0;
}

static void append_u16(char *s, unsigned v)
{
	char digits[6];
	int n = 0;

	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	s += strlen(s);
	while (n)
		*s++ = digits[--n];
	*s = '\0';
}

char *addr_str(const struct addr *a, char buf[static ADDR_STR_MAX])
{
	char *host = buf;

	switch (a->family) {
	case ADDR_V4:
		inet_ntop(AF_INET, a->ip, buf, ADDR_STR_MAX);
		break;
	case ADDR_V6:
		if (a->port)
			*host++ = '[';
		inet_ntop(AF_INET6, a->ip, host, ADDR_STR_MAX - 8);
		if (a->port)
			strcat(buf, "]");
		break;
	default:
		return strcpy(buf, "none");
	}
	if (a->port) {
		strcat(buf, ":");
		append_u16(buf, a->port);
	}
	return buf;
}

static void mask(uint8_t ip[16], unsigned len)
{
	unsigned i;

	for (i = 0; i < 16; i++) {
		if (len >= 8 * (i + 1))
			continue;
		if (len <= 8 * i)
			ip[i] = 0;
		else
			ip[i] &= (uint8_t)(0xff00 >> (len - 8 * i));
	}
}

int prefix_parse(const char *s, struct prefix *out)
{
	char host[INET6_ADDRSTRLEN];
	const char *slash = strchr(s, '/');
	struct addr masked;
	unsigned long len;

	if (!slash || (size_t)(slash - s) >= sizeof(host))
		return PIAS_EINVALID;
	memcpy(host, s, (size_t)(slash - s));
	host[slash - s] = '\0';
	if (addr_parse(host, 0, &out->base) || out->base.port)
		return PIAS_EINVALID;
	if (parse_port(slash + 1, 8 * addr_ip_len(&out->base), &len))
		return PIAS_EINVALID;
	out->len = (uint8_t)len;
	masked = out->base;
	mask(masked.ip, out->len);
	return addr_eq(&masked, &out->base) ? 0 : PIAS_EINVALID;
}

char *prefix_str(const struct prefix *p, char buf[static PREFIX_STR_MAX])
{
	addr_str(&p->base, buf);
	strcat(buf, "/");
	append_u16(buf, p->len);
	return buf;
}

bool prefix_has(const struct prefix *p, const struct addr *a)
{
	unsigned n = p->len / 8, bits = p->len % 8;

	if (a->family != p->base.family || memcmp(a->ip, p->base.ip, n))
		return false;
	return !bits || !((a->ip[n] ^ p->base.ip[n]) & (0xff00 >> bits) & 0xff);
}

bool prefixes_have(const struct prefix *p, unsigned n, const struct addr *a)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (prefix_has(&p[i], a))
			return true;
	return false;
}
