/*
 * Bodies of the messages that open and close links, and of the probes. Codecs only:
 * what the values mean is up to peer.c and probe.c. What always holds: a read that
 * returns 0 consumed its whole body, and texts it gives are printable.
 */
#include <string.h>

#include "overlay/message.h"

void msg_hello_write(struct wr *w, const struct msg_hello *m)
{
	wr_u16(w, m->version);
	id_write(w, &m->ring);
	wr_u32(w, m->index);
	wr_u64(w, m->incarnation);
	contact_write(w, &m->sender);
}

int msg_hello_read(struct rd *r, struct msg_hello *m)
{
	memset(m, 0, sizeof(*m));
	m->version = rd_u16(r);
	if (!r->err && m->version != PROTOCOL_VERSION) {
		rd_view(r, rd_left(r));
		return r->err;
	}
	id_read(r, &m->ring);
	m->index = rd_u32(r);
	m->incarnation = rd_u64(r);
	contact_read(r, &m->sender);
	if (!contact_has_addr(&m->sender))
		r->err = PIAS_EMALFORMED;
	return rd_done(r);
}

void msg_refused_write(struct wr *w, const struct msg_refused *m)
{
	size_t len = strlen(m->text);

	wr_u16(w, (uint16_t)-m->why);
	wr_bytes(w, m->text, len < REFUSED_TEXT_MAX ? len : REFUSED_TEXT_MAX);
}

int msg_refused_read(struct rd *r, struct msg_refused *m)
{
	size_t i, len;

	memset(m, 0, sizeof(*m));
	m->why = -(int)rd_u16(r);
	len = rd_left(r);
	if (len > REFUSED_TEXT_MAX)
		return PIAS_EMALFORMED;
	rd_bytes(r, m->text, len);
	for (i = 0; i < len; i++)
		if (m->text[i] < ' ' || m->text[i] > '~')
			m->text[i] = '?';
	return rd_done(r);
}

void msg_probe_write(struct wr *w, const struct msg_probe *m)
{
	wr_u64(w, m->nonce);
	wr_u64(w, m->incarnation);
	wr_u8(w, m->by_link);
	coord_write(w, &m->coord);
}

int msg_probe_read(struct rd *r, struct msg_probe *m)
{
	m->nonce = rd_u64(r);
	m->incarnation = rd_u64(r);
	m->by_link = rd_u8(r);
	coord_read(r, &m->coord);
	if (m->by_link > 1)
		r->err = PIAS_EMALFORMED;
	return rd_done(r);
}

void msg_probe_ask_write(struct wr *w, const struct msg_probe_ask *m)
{
	wr_u64(w, m->nonce);
	contact_write(w, &m->subject);
}

int msg_probe_ask_read(struct rd *r, struct msg_probe_ask *m)
{
	m->nonce = rd_u64(r);
	contact_read(r, &m->subject);
	if (!contact_has_addr(&m->subject))
		r->err = PIAS_EMALFORMED;
	return rd_done(r);
}

void msg_probe_ask_ack_write(struct wr *w, const struct msg_probe_ask_ack *m)
{
	wr_u64(w, m->nonce);
	wr_u64(w, m->incarnation);
}

int msg_probe_ask_ack_read(struct rd *r, struct msg_probe_ask_ack *m)
{
	m->nonce = rd_u64(r);
	m->incarnation = rd_u64(r);
	return rd_done(r);
}
