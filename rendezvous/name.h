/*
 * What an anycast group is called: an address with a TCP or UDP port, or a whole
 * address (every protocol and port). The group's key on the ring is the SHA-256 of
 * the 20 encoded bytes, cut to 160 bits.
 */
#ifndef PIAS_RENDEZVOUS_NAME_H
#define PIAS_RENDEZVOUS_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "overlay/base/addr.h"
#include "overlay/base/id.h"
#include "overlay/base/siphash.h"

#define GROUP_NAME_LEN	   20
#define GROUP_NAME_STR_MAX 64

#define PROTO_TCP 6
#define PROTO_UDP 17

/* Exactly 20 bytes without padding: hashed and compared as bytes. */
struct group_name {
	uint8_t family; /* 4 or 6 */
	uint8_t proto;	/* PROTO_TCP, PROTO_UDP, or 0: the whole address */
	uint16_t port;	/* host order; 0 with proto 0, and only then */
	uint8_t ip[16]; /* IPv4: the first four, the rest zero */
};

_Static_assert(sizeof(struct group_name) == GROUP_NAME_LEN, "no padding");

/* How a group's members are chosen; its creator says so. */
enum group_policy {
	POLICY_NEAREST = 1,
};

/* "198.18.0.1:53/udp", "[2001:db8:a::1]:80/tcp", "198.18.0.1", "2001:db8:a::1". */
must_check int group_name_parse(const char *s, struct group_name *out);
char *group_name_str(const struct group_name *g, char buf[static GROUP_NAME_STR_MAX]);

bool group_name_eq(const struct group_name *a, const struct group_name *b);
/* By family, address, port, protocol: the order in which people are shown groups. */
int group_name_cmp(const struct group_name *a, const struct group_name *b);
bool group_name_is_valid(const struct group_name *g);
bool group_name_is_wide(const struct group_name *g); /* a whole address */
/* The group of the whole address that @g lies in. */
struct group_name group_name_widen(const struct group_name *g);
struct addr group_name_addr(const struct group_name *g); /* with its port */
uint64_t group_name_hash(const struct group_name *g, const struct siphash_key *key);
void group_name_key(const struct group_name *g, struct id *out);

/* Refuses (PIAS_EMALFORMED in @r) what group_name_is_valid refuses. */
void group_name_read(struct rd *r, struct group_name *g);
void group_name_write(struct wr *w, const struct group_name *g);

#endif
