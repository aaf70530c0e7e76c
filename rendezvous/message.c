/*
 * The codecs of message.h. A read function takes the whole body: what is wrong in it,
 * or left over after it, ends as the cursor's error, and the caller checks once.
 */
#include "rendezvous/message.h"

#include <string.h>

#define TTL_MS_MAX (24 * 3600 * 1000)

static void refuse_if(struct rd *r, bool is_wrong)
{
	if (is_wrong)
		r->err = PIAS_EMALFORMED;
}

static void end(struct rd *r)
{
	r->err = rd_done(r);
}

static bool read_bool(struct rd *r)
{
	uint8_t v = rd_u8(r);

	refuse_if(r, v > 1);
	return v;
}

static pias_time read_ms(struct rd *r)
{
	uint32_t ms = rd_u32(r);

	refuse_if(r, ms > TTL_MS_MAX);
	return ms * MSEC;
}

static void write_ms(struct wr *w, pias_time t)
{
	wr_u32(w, (uint32_t)(t / MSEC));
}

void msg_read_update(struct rd *r, struct msg_update *m)
{
	m->cookie = rd_u32(r);
	m->op = rd_u8(r);
	refuse_if(r, m->op < MEMBERSHIP_JOIN || m->op > MEMBERSHIP_HEALTH);
	m->create = read_bool(r);
	m->policy = rd_u8(r);
	group_name_read(r, &m->name);
	m->lease = read_ms(r);
	member_read(r, &m->member);
	refuse_if(r, m->member.flags & MEMBER_GONE);
	end(r);
}

void msg_write_update(struct wr *w, const struct msg_update *m)
{
	wr_u32(w, m->cookie);
	wr_u8(w, m->op);
	wr_u8(w, m->create);
	wr_u8(w, m->policy);
	group_name_write(w, &m->name);
	write_ms(w, m->lease);
	member_write(w, &m->member);
}

/* Printable ASCII: it is shown to a person. */
static void read_reason(struct rd *r, char reason[static REASON_MAX + 1])
{
	uint8_t i, len = rd_u8(r);

	reason[0] = '\0';
	if (len > REASON_MAX) {
		r->err = PIAS_EMALFORMED;
		return;
	}
	rd_bytes(r, reason, len);
	reason[len] = '\0';
	for (i = 0; i < len; i++)
		refuse_if(r, reason[i] < ' ' || reason[i] > '~');
}

void msg_read_update_ack(struct rd *r, struct msg_update_ack *m)
{
	m->cookie = rd_u32(r);
	m->err = -(int)rd_u8(r);
	m->lease = read_ms(r);
	m->seq = rd_u64(r);
	read_reason(r, m->reason);
	end(r);
}

void msg_write_update_ack(struct wr *w, const struct msg_update_ack *m)
{
	size_t len = strlen(m->reason);

	wr_u32(w, m->cookie);
	wr_u8(w, (uint8_t)-m->err);
	write_ms(w, m->lease);
	wr_u64(w, m->seq);
	wr_u8(w, (uint8_t)len);
	wr_bytes(w, m->reason, len);
}

void msg_read_moved(struct rd *r, struct msg_moved *m)
{
	group_name_read(r, &m->name);
	id_read(r, &m->server);
	m->seq = rd_u64(r);
	id_read(r, &m->join_ap);
	end(r);
}

void msg_write_moved(struct wr *w, const struct msg_moved *m)
{
	group_name_write(w, &m->name);
	id_write(w, &m->server);
	wr_u64(w, m->seq);
	id_write(w, &m->join_ap);
}

void msg_read_resolve(struct rd *r, struct msg_resolve *m)
{
	group_name_read(r, &m->name);
	m->version = rd_u64(r);
	m->hops_left = rd_u8(r);
	refuse_if(r, m->hops_left > RESOLVE_HOPS);
	contact_read(r, &m->ingress);
	refuse_if(r, !contact_has_addr(&m->ingress));
	coord_read(r, &m->coord);
	end(r);
}

void msg_write_resolve(struct wr *w, const struct msg_resolve *m)
{
	group_name_write(w, &m->name);
	wr_u64(w, m->version);
	wr_u8(w, m->hops_left);
	contact_write(w, &m->ingress);
	coord_write(w, &m->coord);
}

void msg_read_push(struct rd *r, struct msg_push *m)
{
	unsigned i;

	group_name_read(r, &m->name);
	m->version = rd_u64(r);
	refuse_if(r, !m->version);
	m->policy = rd_u8(r);
	refuse_if(r, m->policy != POLICY_NEAREST);
	m->ttl = read_ms(r);
	m->n_all = rd_u32(r);
	m->n = rd_u8(r);
	if (m->n > PUSH_MEMBERS_MAX || m->n > m->n_all) {
		r->err = PIAS_EMALFORMED;
		m->n = 0;
	}
	for (i = 0; i < m->n; i++)
		member_read(r, &m->member[i]);
	end(r);
}

void msg_write_push(struct wr *w, const struct msg_push *m)
{
	unsigned i;

	group_name_write(w, &m->name);
	wr_u64(w, m->version);
	wr_u8(w, m->policy);
	write_ms(w, m->ttl);
	wr_u32(w, m->n_all);
	wr_u8(w, m->n);
	for (i = 0; i < m->n; i++)
		member_write(w, &m->member[i]);
}

void msg_read_negative(struct rd *r, struct msg_negative *m)
{
	group_name_read(r, &m->name);
	m->ttl = read_ms(r);
	end(r);
}

void msg_write_negative(struct wr *w, const struct msg_negative *m)
{
	group_name_write(w, &m->name);
	write_ms(w, m->ttl);
}

void msg_read_unsubscribe(struct rd *r, struct msg_unsubscribe *m)
{
	group_name_read(r, &m->name);
	end(r);
}

void msg_write_unsubscribe(struct wr *w, const struct msg_unsubscribe *m)
{
	group_name_write(w, &m->name);
}

void msg_read_records(struct rd *r, struct msg_records *m)
{
	m->serial = rd_u32(r);
	m->n_groups = rd_u16(r);
}

void msg_write_records(struct wr *w, const struct msg_records *m)
{
	wr_u32(w, m->serial);
	wr_u16(w, m->n_groups);
}

void msg_read_group(struct rd *r, struct msg_group *g)
{
	group_name_read(r, &g->name);
	id_read(r, &g->creator);
	g->policy = rd_u8(r);
	refuse_if(r, g->policy != POLICY_NEAREST);
	g->version = rd_u64(r);
	refuse_if(r, !g->version);
	g->n_members = rd_u16(r);
}

void msg_write_group(struct wr *w, const struct msg_group *g)
{
	group_name_write(w, &g->name);
	id_write(w, &g->creator);
	wr_u8(w, g->policy);
	wr_u64(w, g->version);
	wr_u16(w, g->n_members);
}

int msg_check_records(struct rd r)
{
	struct member_record member;
	struct msg_records m;
	struct msg_group g;
	unsigned i, j;

	msg_read_records(&r, &m);
	for (i = 0; i < m.n_groups && !r.err; i++) {
		msg_read_group(&r, &g);
		for (j = 0; j < g.n_members && !r.err; j++)
			member_read(&r, &member);
	}
	return rd_done(&r);
}

void msg_read_records_ack(struct rd *r, struct msg_records_ack *m)
{
	m->serial = rd_u32(r);
	end(r);
}

void msg_write_records_ack(struct wr *w, const struct msg_records_ack *m)
{
	wr_u32(w, m->serial);
}

void msg_read_invite(struct rd *r, struct msg_invite *m)
{
	unsigned i;

	m->kind = rd_u8(r);
	refuse_if(r, m->kind < INVITE_COPY || m->kind > INVITE_LEAVE);
	id_read(r, &m->from);
	id_read(r, &m->to);
	m->n_groups = rd_u32(r);
	for (i = 0; i < DIGEST_BUCKETS; i++)
		m->digest[i] = rd_u64(r);
	end(r);
}

void msg_write_invite(struct wr *w, const struct msg_invite *m)
{
	unsigned i;

	wr_u8(w, m->kind);
	id_write(w, &m->from);
	id_write(w, &m->to);
	wr_u32(w, m->n_groups);
	for (i = 0; i < DIGEST_BUCKETS; i++)
		wr_u64(w, m->digest[i]);
}

void msg_read_pull(struct rd *r, struct msg_pull *m)
{
	m->nonce = rd_u32(r);
	id_read(r, &m->from);
	id_read(r, &m->to);
	m->buckets = rd_u16(r);
	end(r);
}

void msg_write_pull(struct wr *w, const struct msg_pull *m)
{
	wr_u32(w, m->nonce);
	id_write(w, &m->from);
	id_write(w, &m->to);
	wr_u16(w, m->buckets);
}

void msg_read_pull_done(struct rd *r, struct msg_pull_done *m)
{
	m->nonce = rd_u32(r);
	id_read(r, &m->end);
	m->flags = rd_u8(r);
	refuse_if(r, m->flags & ~PULL_FLAGS);
	end(r);
}

void msg_write_pull_done(struct wr *w, const struct msg_pull_done *m)
{
	wr_u32(w, m->nonce);
	id_write(w, &m->end);
	wr_u8(w, m->flags);
}

void msg_read_taken(struct rd *r, struct msg_taken *m)
{
	id_read(r, &m->from);
	id_read(r, &m->to);
	end(r);
}

void msg_write_taken(struct wr *w, const struct msg_taken *m)
{
	id_write(w, &m->from);
	id_write(w, &m->to);
}

void msg_read_borrow(struct rd *r, struct msg_borrow *m)
{
	group_name_read(r, &m->name);
	id_read(r, &m->server);
	m->session = rd_u64(r);
	refuse_if(r, !m->session);
	end(r);
}

void msg_write_borrow(struct wr *w, const struct msg_borrow *m)
{
	group_name_write(w, &m->name);
	id_write(w, &m->server);
	wr_u64(w, m->session);
}

/* The probe is tagged for the server: nothing in it is for us, but it must be one. */
void msg_read_lend(struct rd *r, struct msg_lend *m)
{
	size_t len;

	m->session = rd_u64(r);
	m->port = rd_u16(r);
	len = rd_left(r);
	m->len = 0;
	if (r->err || !m->session || !m->port || !len || len > sizeof(m->probe)) {
		r->err = PIAS_EMALFORMED;
		return;
	}
	m->len = (uint8_t)len;
	rd_bytes(r, m->probe, len);
	refuse_if(r, m->probe[0] != MSG_SERVER_PROBE);
	end(r);
}

void msg_write_lend(struct wr *w, const struct msg_lend *m)
{
	wr_u64(w, m->session);
	wr_u16(w, m->port);
	wr_bytes(w, m->probe, m->len);
}
