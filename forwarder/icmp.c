/* Packet-too-big messages and their rate limit (PROTOCOL 8.4). */
#include "forwarder/icmp.h"

#include <string.h>

#include "forwarder/checksum.h"

#define ALL_INTERVAL	(SEC / 1000)
#define ALL_BURST	100
#define CLIENT_INTERVAL (SEC / 10)
#define CLIENT_BURST	10

#define ICMP_HEADER_LEN 8
#define IPV4_ERROR_MAX	576  /* RFC 1812, 4.3.2.3 */
#define IPV6_ERROR_MAX	1280 /* RFC 4443, 2.4 (c) */
#define IPV4_MTU_MIN	68
#define IPV6_MTU_MIN	1280

_Static_assert(IPV6_ERROR_MAX <= ICMP_ROOM, "room");

void icmp_limit_init(struct icmp_limit *l, const struct siphash_key *key)
{
	memset(l, 0, sizeof(*l));
	l->key = *key;
}

bool icmp_limit_take(struct icmp_limit *l, pias_time now, const struct addr *to)
{
	struct rate *client =
		&l->client[siphash(&l->key, to->ip, sizeof(to->ip)) % ICMP_BUCKETS];

	if (!rate_allows(&l->all, now, ALL_INTERVAL, ALL_BURST) ||
	    !rate_allows(client, now, CLIENT_INTERVAL, CLIENT_BURST))
		return false;
	rate_add(&l->all, now, ALL_INTERVAL);
	rate_add(client, now, CLIENT_INTERVAL);
	return true;
}

bool icmp_may_answer(const struct packet *p)
{
	return !p->is_icmp_error && p->fragment != FRAGMENT_LATER &&
	       addr_is_unicast(&p->src);
}

/* As much of the packet as fits behind the headers of a message of at most @max. */
static size_t quote(uint8_t *out, const struct packet *p, size_t max)
{
	size_t n = p->len < max ? p->len : max;

	memcpy(out, p->data, n);
	return n;
}

static size_t too_big_v4(uint8_t *out, const struct packet *p, unsigned mtu)
{
	uint8_t *h = out + IPV4_HEADER_LEN;
	size_t n = ICMP_HEADER_LEN +
		   quote(h + ICMP_HEADER_LEN, p,
			 IPV4_ERROR_MAX - IPV4_HEADER_LEN - ICMP_HEADER_LEN);

	h[0] = 3; /* destination unreachable: */
	h[1] = 4; /* fragmentation needed */
	be16_put(h + 2, 0);
	be16_put(h + 4, 0);
	be16_put(h + 6, (uint16_t)(mtu < IPV4_MTU_MIN ? IPV4_MTU_MIN : mtu));
	checksum_put(h + 2, checksum_add(0, h, n));
	return n + packet_build_ip(out, &p->dst, &p->src, IPPROTO_NUM_ICMP, 0, n);
}

static size_t too_big_v6(uint8_t *out, const struct packet *p, unsigned mtu)
{
	uint8_t *h = out + IPV6_HEADER_LEN;
	size_t n = ICMP_HEADER_LEN +
		   quote(h + ICMP_HEADER_LEN, p,
			 IPV6_ERROR_MAX - IPV6_HEADER_LEN - ICMP_HEADER_LEN);
	uint64_t sum = checksum_pseudo(ADDR_V6, p->dst.ip, p->src.ip, IPPROTO_NUM_ICMPV6,
				       (uint32_t)n);

	h[0] = 2;
	h[1] = 0;
	be16_put(h + 2, 0);
	be32_put(h + 4, mtu < IPV6_MTU_MIN ? IPV6_MTU_MIN : mtu);
	checksum_put(h + 2, checksum_add(sum, h, n));
	return n + packet_build_ip(out, &p->dst, &p->src, IPPROTO_NUM_ICMPV6, 0, n);
}

size_t icmp_too_big(uint8_t out[static ICMP_ROOM], const struct packet *p, unsigned mtu)
{
	return p->family == ADDR_V4 ? too_big_v4(out, p, mtu) : too_big_v6(out, p, mtu);
}
