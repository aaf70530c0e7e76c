/*
 * Bodies of the messages about groups: a type, then the body. What is taken must write
 * back as the very same bytes.
 */
#include "rendezvous/message.h"
#include "tests/fuzz/fuzz.h"

static void same(const struct wr *w, const uint8_t *body, size_t len)
{
	must(!w->err);
	must(wr_len(w) == len);
	must(!memcmp(w->start, body, len));
}

#define WHOLE(NAME, name)                                                                \
	case MSG_##NAME: {                                                               \
		struct msg_##name m;                                                     \
                                                                                         \
		msg_read_##name(&r, &m);                                                 \
		if (r.err)                                                               \
			return;                                                          \
		msg_write_##name(&w, &m);                                                \
		same(&w, body, len);                                                     \
		return;                                                                  \
	}

static void records(struct rd r, struct wr *w, const uint8_t *body, size_t len)
{
	struct member_record member;
	struct msg_records m;
	struct msg_group g;
	unsigned i, k;

	if (msg_check_records(r))
		return;
	msg_read_records(&r, &m);
	msg_write_records(w, &m);
	for (i = 0; i < m.n_groups; i++) {
		msg_read_group(&r, &g);
		msg_write_group(w, &g);
		for (k = 0; k < g.n_members; k++) {
			member_read(&r, &member);
			member_write(w, &member);
		}
	}
	must(!rd_done(&r));
	same(w, body, len);
}

static void try(uint8_t type, const uint8_t *body, size_t len, struct wr w)
{
	struct rd r;

	rd_init(&r, body, len);
	switch (type) {
		WHOLE(UPDATE, update)
		WHOLE(UPDATE_ACK, update_ack)
		WHOLE(MOVED, moved)
		WHOLE(RESOLVE, resolve)
		WHOLE(PUSH, push)
		WHOLE(NEGATIVE, negative)
		WHOLE(UNSUBSCRIBE, unsubscribe)
		WHOLE(RECORDS_ACK, records_ack)
		WHOLE(INVITE, invite)
		WHOLE(PULL, pull)
		WHOLE(PULL_DONE, pull_done)
		WHOLE(TAKEN, taken)
		WHOLE(BORROW, borrow)
		WHOLE(LEND, lend)
	case MSG_RECORDS:
		records(r, &w, body, len);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t back[1 << 17];
	struct wr w;

	if (!len || len > 1 << 16)
		return 0;
	wr_init(&w, back, sizeof(back));
	try(data[0], data + 1, len - 1, w);
	return 0;
}
