/*
 * Frames on links (PROTOCOL 2): a 4-byte header {length u16 with the header, type u8,
 * zero u8}, then the body. One message a frame.
 */
#ifndef PIAS_OVERLAY_BASE_FRAME_H
#define PIAS_OVERLAY_BASE_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "overlay/base/wire.h"

#define FRAME_HEADER_LEN 4
#define FRAME_MAX	 65535
#define FRAME_BODY_MAX	 (FRAME_MAX - FRAME_HEADER_LEN)

/*
 * Looks at the first bytes of a stream. Returns the length of the frame there, 0
 * when fewer than a header's bytes are at hand, or PIAS_EMALFORMED.
 */
int frame_length(const uint8_t *buf, size_t len);

/* Opens a frame of @type in @buf; write the body through @w, then frame_end. */
void frame_begin(struct wr *w, void *buf, size_t len, uint8_t type);
/* Fills in the length. Returns the frame's length or PIAS_ETOOBIG. */
int frame_end(struct wr *w);

#endif
