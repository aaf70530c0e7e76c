/*
 * Bodies of the overlay's messages: a type, then the body. What is taken must write
 * back as the very same bytes: nobody can say one thing in two ways.
 */
#include "overlay/message.h"
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
		if (msg_##name##_read(&r, &m))                                           \
			return;                                                          \
		msg_##name##_write(&w, &m);                                              \
		same(&w, body, len);                                                     \
		return;                                                                  \
	}

static void hello(struct rd *r, struct wr *w, const uint8_t *body, size_t len)
{
	struct msg_hello m;

	if (msg_hello_read(r, &m) || m.version != PROTOCOL_VERSION)
		return;
	msg_hello_write(w, &m);
	same(w, body, len);
}

/* Its text may have been made printable. */
static void refused(struct rd *r, struct wr *w, size_t len)
{
	struct msg_refused m;

	if (msg_refused_read(r, &m))
		return;
	must(error_text(m.why));
	msg_refused_write(w, &m);
	must(wr_len(w) == len);
}

static void routed(struct rd *r, struct wr *w, const uint8_t *body, size_t len)
{
	struct msg_routed m;

	if (msg_routed_read(r, &m))
		return;
	msg_routed_write(w, &m);
	same(w, body, len - rd_left(r));
}

static void events(struct rd *r, struct wr *w, const uint8_t *body, size_t len)
{
	struct msg_event e;
	uint16_t n = rd_u16(r), i;

	wr_u16(w, n);
	for (i = 0; i < n && !r->err; i++) {
		msg_event_read(r, &e);
		if (!r->err)
			msg_event_write(w, &e);
	}
	if (!rd_done(r))
		same(w, body, len);
}

static void entries(struct rd *r, struct wr *w, const uint8_t *body, size_t len)
{
	struct msg_entries head;
	struct member m;
	unsigned i;

	msg_entries_read(r, &head);
	msg_entries_write(w, &head);
	for (i = 0; i < head.n && !r->err; i++) {
		msg_member_read(r, &m);
		if (!r->err)
			msg_member_write(w, &m);
	}
	if (!rd_done(r))
		same(w, body, len);
}

static void try(uint8_t type, const uint8_t *body, size_t len, struct wr w)
{
	struct rd r;

	rd_init(&r, body, len);
	switch (type) {
		WHOLE(PROBE, probe)
		WHOLE(PROBE_ACK, probe)
		WHOLE(PROBE_ASK, probe_ask)
		WHOLE(PROBE_ASK_ACK, probe_ask_ack)
		WHOLE(JOIN, ask)
		WHOLE(JOIN_OK, list)
		WHOLE(JOIN_GOTO, join_goto)
		WHOLE(JOIN_NO, join_no)
		WHOLE(GET_LIST, ask)
		WHOLE(LIST, list)
		WHOLE(NOTIFY, ask)
		WHOLE(LEAVE, list)
		WHOLE(FIND, find)
		WHOLE(FOUND, found)
		WHOLE(SYNC, sync)
	case MSG_HELLO:
		hello(&r, &w, body, len);
		break;
	case MSG_REFUSED:
		refused(&r, &w, len);
		break;
	case MSG_ROUTED:
		routed(&r, &w, body, len);
		break;
	case MSG_EVENTS:
		events(&r, &w, body, len);
		break;
	case MSG_ENTRIES:
		entries(&r, &w, body, len);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t back[1 << 16];
	struct wr w;

	if (!len || len > sizeof(back))
		return 0;
	wr_init(&w, back, sizeof(back));
	try(data[0], data + 1, len - 1, w);
	return 0;
}
