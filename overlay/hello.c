/*
 * Both ends say HELLO first, at once. Whoever can't accept the other's says REFUSED
 * with the reason and closes; both log it. A link to our own id is ourselves (a seed
 * that was us) or, if the incarnation differs, somebody with a copy of our key.
 *
 * What always holds: nothing about a peer changes before its HELLO was found good in
 * every respect and the layer above agreed.
 */
#include "overlay/hello.h"

#include <stdlib.h>
#include <string.h>

#include "overlay/dial.h"
#include "overlay/message.h"

void hello_send(struct link *l)
{
	struct peers *p = l->peer->peers;
	struct msg_hello m = {
		.version = PROTOCOL_VERSION,
		.ring = p->ring_hash,
		.index = l->index,
		.incarnation = p->incarnation,
		.sender = p->self,
	};
	uint8_t body[MSG_HELLO_MAX];
	struct wr w;

	wr_init(&w, body, sizeof(body));
	msg_hello_write(&w, &m);
	link_send(l, MSG_HELLO, body, wr_len(&w));
}

/* A link on which nothing good came ended: whose dial or seed was it? */
static void report_failure(struct peer *peer, bool is_for_seed, int why, const char *text,
			   pias_time backoff)
{
	struct peers *p = peer->peers;
	struct contact who = peer->contact;
	struct addr seed;
	bool has_seed = is_for_seed && dial_take_seed(p, &who, true, &seed);

	dial_failed(peer, why, backoff);
	if (has_seed)
		dial_seed_failed(p, &seed, why, text);
}

static void refuse(struct link *l, int why, const char *text)
{
	struct peer *peer = l->peer;
	struct peers *p = peer->peers;
	bool is_for_seed = l->is_for_seed;
	char id[9];

	if (why != PIAS_ELOOP && peer_log_is_due(peer))
		log_warn(p->env, "peer: refused id=%s why=\"%s\"",
			 id_short(&peer->contact.id, id), text);
	link_close(l, why, text);
	report_failure(peer, is_for_seed, why, text, BACKOFF_MAX);
}

/* Ours to refuse before anybody above is asked? */
static int check(const struct link *l, const struct msg_hello *m)
{
	struct peers *p = l->peer->peers;

	if (m->version != PROTOCOL_VERSION) {
		count(p->env, drop_peer_version);
		return PIAS_EVERSION;
	}
	if (!id_eq(&m->ring, &p->ring_hash)) {
		count(p->env, drop_peer_ring);
		return PIAS_ERING;
	}
	if (!id_eq(&m->sender.id, &l->peer->contact.id)) {
		count(p->env, drop_peer_identity);
		return PIAS_EAUTH;
	}
	if (!id_eq(&m->sender.id, &p->self.id))
		return 0;
	if (m->incarnation == p->incarnation)
		return PIAS_ELOOP;
	count(p->env, drop_peer_duplicate);
	return PIAS_EDUPLICATE;
}

static const char *refusal_text(const struct peers *p, int why,
				char buf[static REFUSED_TEXT_MAX + 1])
{
	switch (why) {
	case PIAS_EVERSION:
		return "unsupported protocol version: this AP speaks version 1";
	case PIAS_ERING:
		strcpy(buf, "belongs to another ring: this AP is of ring ");
		return strcat(buf, p->ring);
	case PIAS_EAUTH:
		return "names another id than its certificate";
	case PIAS_ELOOP:
		return "that is this AP itself";
	default:
		return error_text(why);
	}
}

static void flush(struct link *l)
{
	struct parcel *parcel;

	while ((parcel = outbox_take(&l->peer->outbox))) {
		if (parcel->is_datagram)
			link_send_datagram(l, parcel->type, parcel->body, parcel->len);
		else
			link_send(l, parcel->type, parcel->body, parcel->len);
		free(parcel);
	}
}

static void accept(struct link *l, const struct msg_hello *m)
{
	struct peer *peer = l->peer;
	struct peers *p = peer->peers;
	struct addr seed;
	static const struct addr nowhere;
	const struct addr *at = contact_addr(&m->sender, &p->self);
	char id[9], where[ADDR_STR_MAX];
	bool has_seed = l->dialed && dial_take_seed(p, &m->sender, l->is_for_seed, &seed);

	peer->backoff = 0;
	peer->redial_at = 0;
	peer->failed_at = PIAS_NEVER;
	link_enter_up(l, &m->sender, m->index, m->incarnation);
	count(p->env, links_up);
	log_debug(p->env, "peer: up id=%s addr=%s dialed=%d", id_short(&m->sender.id, id),
		  addr_str(at ? at : &nowhere, where), l->dialed);
	flush(peer->best);
	dial_settle(peer, 0);
	if (has_seed)
		p->ops->seed_up(p->ctx, &m->sender);
}

int hello_on_hello(struct link *l, struct rd *body)
{
	struct peers *p = l->peer->peers;
	uint32_t handle = l->handle;
	char buf[REFUSED_TEXT_MAX + 1];
	struct msg_hello m;
	int err;

	if (l->state != LINK_HELLO) {
		count(p->env, drop_message_state);
		return hello_on_lost(l, PIAS_ESTATE);
	}
	if (msg_hello_read(body, &m)) {
		count(p->env, drop_message_malformed);
		return hello_on_lost(l, PIAS_EMALFORMED);
	}
	err = check(l, &m);
	if (!err) {
		err = p->ops->peer_up(p->ctx, &m.sender, m.incarnation);
		/* Whoever was asked may have dropped the peer. */
		l = link_find(p, handle);
		if (!l)
			return 0;
		if (err == PIAS_EDUPLICATE)
			count(p->env, drop_peer_duplicate);
	}
	if (err)
		refuse(l, err, refusal_text(p, err, buf));
	else
		accept(l, &m);
	return 0;
}

int hello_on_refused(struct link *l, struct rd *body)
{
	struct peer *peer = l->peer;
	struct peers *p = peer->peers;
	bool is_for_seed = l->is_for_seed;
	struct msg_refused m;
	const char *text;
	char id[9];

	if (msg_refused_read(body, &m)) {
		count(p->env, drop_message_malformed);
		return hello_on_lost(l, PIAS_EMALFORMED);
	}
	p->env->ops->link_close(p->env->host, l->handle);
	link_enter_closed(l);
	if (!m.why) {
		dial_settle(peer, 0);
		return 0;
	}
	text = m.text[0] ? m.text : error_text(m.why);
	if (m.why != PIAS_ELOOP && peer_log_is_due(peer))
		log_warn(p->env, "peer: refused_by id=%s why=\"%s\"",
			 id_short(&peer->contact.id, id), text);
	report_failure(peer, is_for_seed, m.why, text, BACKOFF_MAX);
	return 0;
}

int hello_on_lost(struct link *l, int why)
{
	struct peer *peer = l->peer;
	bool is_for_seed = l->is_for_seed, was_up = l->state == LINK_UP;

	link_enter_closed(l);
	if (was_up)
		dial_settle(peer, why);
	else
		report_failure(peer, is_for_seed, why, error_text(why), BACKOFF_MIN);
	return why;
}
