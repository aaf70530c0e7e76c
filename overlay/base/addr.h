/*
 * Network addresses and prefixes of both families, as values. An address with
 * family 0 is "none". IPv4 uses the first four bytes of `ip`, the rest are zero, so
 * that equal addresses are equal bytes.
 */
#ifndef PIAS_OVERLAY_BASE_ADDR_H
#define PIAS_OVERLAY_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "overlay/base/error.h"
#include "overlay/base/wire.h"

#define ADDR_STR_MAX   56 /* "[v6]:65535" and NUL */
#define PREFIX_STR_MAX 56

enum addr_family {
	ADDR_NONE = 0,
	ADDR_V4 = 4,
	ADDR_V6 = 6,
};

struct addr {
	uint8_t family; /* enum addr_family */
	uint8_t zero;
	uint16_t port; /* host order; 0 where only the host matters */
	uint8_t ip[16];
};

struct prefix {
	struct addr base; /* host bits zero, port 0 */
	uint8_t len;	  /* bits */
};

struct addr addr_v4(const uint8_t ip[4], uint16_t port);
struct addr addr_v6(const uint8_t ip[16], uint16_t port);

/* Bytes of the address proper: 0, 4 or 16. */
size_t addr_ip_len(const struct addr *a);
bool addr_eq(const struct addr *a, const struct addr *b);      /* with the port */
bool addr_host_eq(const struct addr *a, const struct addr *b); /* without */
bool addr_is_none(const struct addr *a);

/*
 * Can a packet usefully be sent there? Refuses none, unspecified, loopback,
 * multicast, limited broadcast, IPv4 class E, and IPv4 dressed up as IPv6.
 */
bool addr_is_unicast(const struct addr *a);

/* Family byte, then (family not none) address and port: 1, 7 or 19 bytes. */
void addr_read(struct rd *r, struct addr *a);
void addr_write(struct wr *w, const struct addr *a);

/*
 * "192.0.2.1", "192.0.2.1:53", "2001:db8::1" or "[2001:db8::1]:53"; a missing
 * port becomes @default_port. Names are not resolved.
 */
must_check int addr_parse(const char *s, uint16_t default_port, struct addr *out);
/* With the port unless it is 0; returns @buf. */
char *addr_str(const struct addr *a, char buf[static ADDR_STR_MAX]);

/* "198.18.0.0/24"; host bits must be zero. */
must_check int prefix_parse(const char *s, struct prefix *out);
char *prefix_str(const struct prefix *p, char buf[static PREFIX_STR_MAX]);
bool prefix_has(const struct prefix *p, const struct addr *a);
/* Does any of @n prefixes have it? */
bool prefixes_have(const struct prefix *p, unsigned n, const struct addr *a);

#endif
