/* Membership records: their order, and their form on the wire (PROTOCOL 7.1). */
#include "rendezvous/member.h"

#include <string.h>

#define MTU_MIN	    576
#define LEFT_MS_MAX (24 * 3600 * 1000)

int member_order(uint64_t seq_a, uint32_t stamp_a, uint64_t seq_b, uint32_t stamp_b)
{
	if (seq_a != seq_b)
		return seq_a < seq_b ? -1 : 1;
	if (stamp_a != stamp_b)
		return stamp_a < stamp_b ? -1 : 1;
	return 0;
}

/* Printable ASCII only: it ends in logs and on terminals. */
static void read_name(struct rd *r, char name[static SERVER_NAME_MAX + 1])
{
	uint8_t i, len = rd_u8(r);

	name[0] = '\0';
	if (len > SERVER_NAME_MAX) {
		r->err = PIAS_EMALFORMED;
		return;
	}
	rd_bytes(r, name, len);
	name[len] = '\0';
	for (i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] > '~')
			r->err = PIAS_EMALFORMED;
}

static bool is_sound(const struct member_record *m)
{
	return contact_has_addr(&m->join_ap) && addr_is_unicast(&m->unicast) &&
	       (m->encap == ENCAP_GUE || m->encap == ENCAP_IPIP) &&
	       (m->encap != ENCAP_GUE || m->unicast.port) && m->mtu >= MTU_MIN &&
	       !(m->flags & ~MEMBER_FLAGS) && m->left <= LEFT_MS_MAX * MSEC;
}

void member_read(struct rd *r, struct member_record *m)
{
	memset(m, 0, sizeof(*m));
	id_read(r, &m->server);
	contact_read(r, &m->join_ap);
	coord_read(r, &m->coord);
	read_name(r, m->name);
	addr_read(r, &m->unicast);
	m->cookie = rd_u64(r);
	m->seq = rd_u64(r);
	m->stamp = rd_u32(r);
	m->rtt_us = rd_u32(r);
	m->mtu = rd_u16(r);
	m->encap = rd_u8(r);
	m->flags = rd_u8(r);
	m->left = rd_u32(r) * MSEC;
	if (!is_sound(m))
		r->err = PIAS_EMALFORMED;
}

void member_write(struct wr *w, const struct member_record *m)
{
	size_t len = strlen(m->name);

	id_write(w, &m->server);
	contact_write(w, &m->join_ap);
	coord_write(w, &m->coord);
	wr_u8(w, (uint8_t)len);
	wr_bytes(w, m->name, len);
	addr_write(w, &m->unicast);
	wr_u64(w, m->cookie);
	wr_u64(w, m->seq);
	wr_u32(w, m->stamp);
	wr_u32(w, m->rtt_us);
	wr_u16(w, m->mtu);
	wr_u8(w, m->encap);
	wr_u8(w, m->flags);
	wr_u32(w, (uint32_t)(m->left / MSEC));
}
