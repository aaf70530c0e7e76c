/*
 * Segmentation offload in software: a super-packet (one IP and TCP or UDP header, then
 * the payload of many segments) is cut into finished packets with their own lengths,
 * ids, sequence numbers, flags and checksums.
 */
#ifndef PIAS_FORWARDER_GSO_H
#define PIAS_FORWARDER_GSO_H

#include "forwarder/packet.h"

struct gso {
	const struct packet *packet;
	uint32_t at;	      /* offset of the next segment's payload */
	uint16_t index;	      /* of the next segment */
	uint16_t segment_len; /* payload bytes of a segment; the last may have less */
	uint64_t sum;	      /* of the transport header without what changes */
	bool has_checksum;    /* false: UDP over IPv4 that came without */
};

/*
 * @segment_len: payload bytes of a segment. @is_partial: the packet's transport
 * checksum is not final. PIAS_EMALFORMED: nothing that could be cut.
 */
must_check int gso_init(struct gso *g, const struct packet *packet, uint16_t segment_len,
			bool is_partial);
/* Segments in all. */
uint32_t gso_count(const struct gso *g);
/* Length of a full segment, headers included. */
uint32_t gso_segment_size(const struct gso *g);
/* Writes the next segment to @out; returns its length, 0 after the last. */
size_t gso_next(struct gso *g, uint8_t *out);

#endif
