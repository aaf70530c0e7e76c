/*
 * Bodies of the overlay's messages (PROTOCOL 2 to 5). Readers check everything that
 * can be checked without knowing the ring: counts, enums, that a contact one must be
 * able to reach has an address. What they accept is safe to act upon.
 */
#include "overlay/message.h"

/* A contact that will be dialed or passed on: placeholders are refused. */
static void read_reachable(struct rd *r, struct contact *c)
{
	contact_read(r, c);
	if (!contact_has_addr(c))
		r->err = PIAS_EMALFORMED;
}

void msg_ask_write(struct wr *w, const struct msg_ask *m)
{
	wr_u32(w, m->nonce);
	wr_u64(w, m->incarnation);
}

int msg_ask_read(struct rd *r, struct msg_ask *m)
{
	m->nonce = rd_u32(r);
	m->incarnation = rd_u64(r);
	return rd_done(r);
}

void msg_list_write(struct wr *w, const struct msg_list *m)
{
	int i;

	wr_u32(w, m->nonce);
	wr_u64(w, m->incarnation);
	contact_write(w, &m->pred);
	wr_u8(w, m->n_succ);
	for (i = 0; i < m->n_succ; i++)
		contact_write(w, &m->succ[i]);
}

int msg_list_read(struct rd *r, struct msg_list *m)
{
	int i;

	m->nonce = rd_u32(r);
	m->incarnation = rd_u64(r);
	read_reachable(r, &m->pred);
	m->n_succ = rd_u8(r);
	if (m->n_succ > RING_L)
		return PIAS_EMALFORMED;
	for (i = 0; i < m->n_succ; i++)
		contact_read(r, &m->succ[i]);
	return rd_done(r);
}

void msg_join_goto_write(struct wr *w, const struct msg_join_goto *m)
{
	wr_u32(w, m->nonce);
	contact_write(w, &m->to);
}

int msg_join_goto_read(struct rd *r, struct msg_join_goto *m)
{
	m->nonce = rd_u32(r);
	read_reachable(r, &m->to);
	return rd_done(r);
}

void msg_join_no_write(struct wr *w, const struct msg_join_no *m)
{
	wr_u32(w, m->nonce);
	wr_u8(w, (uint8_t)-m->why);
}

int msg_join_no_read(struct rd *r, struct msg_join_no *m)
{
	m->nonce = rd_u32(r);
	m->why = -(int)rd_u8(r);
	if (!m->why)
		return PIAS_EMALFORMED;
	return rd_done(r);
}

void msg_find_write(struct wr *w, const struct msg_find *m)
{
	wr_u32(w, m->nonce);
	wr_u8(w, m->hops_left);
	id_write(w, &m->key);
	contact_write(w, &m->asker);
}

int msg_find_read(struct rd *r, struct msg_find *m)
{
	m->nonce = rd_u32(r);
	m->hops_left = rd_u8(r);
	id_read(r, &m->key);
	read_reachable(r, &m->asker);
	return rd_done(r);
}

void msg_found_write(struct wr *w, const struct msg_found *m)
{
	wr_u32(w, m->nonce);
	wr_u8(w, m->hops_left);
	contact_write(w, &m->owner);
}

int msg_found_read(struct rd *r, struct msg_found *m)
{
	m->nonce = rd_u32(r);
	m->hops_left = rd_u8(r);
	read_reachable(r, &m->owner);
	return rd_done(r);
}

void msg_routed_write(struct wr *w, const struct msg_routed *m)
{
	wr_u8(w, m->hops_left);
	wr_u8(w, m->type);
	id_write(w, &m->key);
	contact_write(w, &m->origin);
}

int msg_routed_read(struct rd *r, struct msg_routed *m)
{
	m->hops_left = rd_u8(r);
	m->type = rd_u8(r);
	id_read(r, &m->key);
	read_reachable(r, &m->origin);
	if (m->type < MSG_RENDEZVOUS_FIRST)
		r->err = PIAS_EMALFORMED;
	return r->err;
}

void msg_member_write(struct wr *w, const struct member *m)
{
	contact_write(w, &m->contact);
	wr_u64(w, m->incarnation);
	wr_u8(w, (uint8_t)m->status);
}

void msg_member_read(struct rd *r, struct member *m)
{
	uint8_t status;

	read_reachable(r, &m->contact);
	m->incarnation = rd_u64(r);
	status = rd_u8(r);
	m->status = (enum peer_status)status;
	/* Incarnations are wall clocks in us; near the top they could not grow. */
	if (status < PEER_ALIVE || status > PEER_LEFT || m->incarnation >> 63)
		r->err = PIAS_EMALFORMED;
}

void msg_event_write(struct wr *w, const struct msg_event *m)
{
	msg_member_write(w, &m->member);
	id_write(w, &m->until);
}

void msg_event_read(struct rd *r, struct msg_event *m)
{
	msg_member_read(r, &m->member);
	id_read(r, &m->until);
}

void msg_sync_write(struct wr *w, const struct msg_sync *m)
{
	int i;

	for (i = 0; i < SYNC_BUCKETS; i++)
		wr_u64(w, m->digest[i]);
}

int msg_sync_read(struct rd *r, struct msg_sync *m)
{
	int i;

	for (i = 0; i < SYNC_BUCKETS; i++)
		m->digest[i] = rd_u64(r);
	return rd_done(r);
}

void msg_entries_write(struct wr *w, const struct msg_entries *m)
{
	wr_u8(w, m->flags);
	wr_bytes(w, m->buckets, sizeof(m->buckets));
	wr_u16(w, m->n);
}

void msg_entries_read(struct rd *r, struct msg_entries *m)
{
	m->flags = rd_u8(r);
	rd_bytes(r, m->buckets, sizeof(m->buckets));
	m->n = rd_u16(r);
	if (m->flags & ~(ENTRIES_LAST | ENTRIES_WANT_BACK))
		r->err = PIAS_EMALFORMED;
}
