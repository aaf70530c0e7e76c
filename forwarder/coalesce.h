/*
 * The reverse of gso.h, for the server's end of a tunnel: consecutive TCP segments of
 * one flow, or equal UDP datagrams, become one super-packet, so that the server's
 * kernel sees few large packets. A checksum is vouched for only after it was verified.
 */
#ifndef PIAS_FORWARDER_COALESCE_H
#define PIAS_FORWARDER_COALESCE_H

#include "forwarder/packet.h"

/*
 * @out: a super-packet, or a plain one as it came. Its checksum is partial (csum_start)
 * exactly if it is a super-packet.
 */
typedef void coalesce_out_fn(void *ctx, const struct packet_in *out);

/* One flow at a time is held back; its bytes are in here: allocate it, 64 KiB. */
struct coalesce {
	coalesce_out_fn *out;
	void *ctx;
	struct packet head;   /* parsed view of data; len grows */
	uint16_t n;	      /* segments held; 0 = none */
	uint16_t segment_len; /* payload bytes of the first */
	uint32_t next_seq;    /* TCP */
	uint16_t next_id;     /* IPv4 */
	uint8_t data[65536];
};

void coalesce_init(struct coalesce *c, coalesce_out_fn *out, void *ctx);
/*
 * Takes a parsed packet (copied if held back). Order within a flow is kept. Calls out
 * for whatever is complete by that.
 */
void coalesce_add(struct coalesce *c, const struct packet *p);
/* Passes on what is held back: at the end of each burst. */
void coalesce_flush(struct coalesce *c);

#endif
