/* GUE, variant 0 (draft-ietf-intarea-gue), no flags; its private data is the cookie. */
#include "forwarder/encap.h"

#include "forwarder/packet.h"

#define GUE_HLEN 2 /* 32-bit words behind the first: the cookie */

unsigned encap_header_len(uint8_t encap)
{
	return encap == ENCAP_GUE ? ENCAP_GUE_LEN : 0;
}

/* All bytes that @encap adds, the outer IP header included. */
static unsigned overhead_of(uint8_t encap, unsigned outer_family)
{
	unsigned ip = outer_family == ADDR_V4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN;

	return encap == ENCAP_GUE ? ip + UDP_HEADER_LEN + ENCAP_GUE_LEN : ip;
}

unsigned encap_inner_mtu(uint8_t encap, unsigned outer_family, unsigned mtu)
{
	unsigned overhead = overhead_of(encap, outer_family);

	return mtu > overhead ? mtu - overhead : 0;
}

void encap_write(uint8_t *out, uint8_t encap, unsigned inner_family, uint64_t cookie)
{
	if (encap != ENCAP_GUE)
		return;
	out[0] = GUE_HLEN;
	out[1] = inner_family == ADDR_V4 ? IPPROTO_NUM_IPV4 : IPPROTO_NUM_IPV6;
	be16_put(out + 2, 0);
	be64_put(out + 4, cookie);
}

int encap_gue_read(const uint8_t *data, size_t len, struct encap_gue *out)
{
	if (len < ENCAP_GUE_LEN || data[0] != GUE_HLEN || be16_get(data + 2))
		return PIAS_EMALFORMED;
	if (data[1] != IPPROTO_NUM_IPV4 && data[1] != IPPROTO_NUM_IPV6)
		return PIAS_EMALFORMED;
	out->inner = data[1] == IPPROTO_NUM_IPV4 ? ADDR_V4 : ADDR_V6;
	out->cookie = be64_get(data + 4);
	return 0;
}
