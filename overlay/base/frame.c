/* Frames on links. */
#include "overlay/base/frame.h"

#include "overlay/base/error.h"

int frame_length(const uint8_t *buf, size_t len)
{
	uint16_t n;

	if (len < FRAME_HEADER_LEN)
		return 0;
	n = be16_get(buf);
	if (n < FRAME_HEADER_LEN || buf[3])
		return PIAS_EMALFORMED;
	return n;
}

void frame_begin(struct wr *w, void *buf, size_t len, uint8_t type)
{
	wr_init(w, buf, len < FRAME_MAX ? len : FRAME_MAX);
	wr_u16(w, 0);
	wr_u8(w, type);
	wr_u8(w, 0);
}

int frame_end(struct wr *w)
{
	if (w->err)
		return w->err;
	be16_put(w->start, (uint16_t)wr_len(w));
	return (int)wr_len(w);
}
