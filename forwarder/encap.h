/*
 * The headers of a tunnel to a server (PROTOCOL 8.1): GUE with the server's cookie
 * over UDP, or IP in IP. The host's sockets write the outer IP and UDP headers.
 */
#ifndef PIAS_FORWARDER_ENCAP_H
#define PIAS_FORWARDER_ENCAP_H

#include <stddef.h>
#include <stdint.h>

#include "overlay/base/env.h"
#include "overlay/base/error.h"

#define ENCAP_GUE_LEN 12

/* Bytes in front of the inner packet that we write ourselves. */
unsigned encap_header_len(uint8_t encap);
/* Largest inner packet through a path of @mtu. */
unsigned encap_inner_mtu(uint8_t encap, unsigned outer_family, unsigned mtu);

/* Writes encap_header_len() bytes. @inner_family: 4 or 6. */
void encap_write(uint8_t *out, uint8_t encap, unsigned inner_family, uint64_t cookie);

struct encap_gue {
	uint8_t inner; /* family: 4 or 6 */
	uint64_t cookie;
};

/* Reads a GUE header of ours at @data; PIAS_EMALFORMED for any other. */
must_check int encap_gue_read(const uint8_t *data, size_t len, struct encap_gue *out);

#endif
