/*
 * The doors of peer.h: what the host reports about links and datagrams, and what the
 * rest of the overlay sends. The handshake is in hello.c, dialing and timers in
 * dial.c, the tables in link.c.
 *
 * What always holds: a message or datagram reaches ops->message only from a peer whose
 * HELLO was accepted, and nothing is thrown away uncounted.
 */
#include "overlay/peer.h"

#include <stdlib.h>
#include <string.h>

#include "overlay/base/frame.h"
#include "overlay/dial.h"
#include "overlay/hello.h"
#include "overlay/message.h"

struct peers *peers_new(struct env *env, const char *ring, const struct contact *self,
			uint64_t incarnation, const struct peers_ops *ops, void *ctx)
{
	struct peers *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->env = env;
	p->ops = ops;
	p->ctx = ctx;
	p->self = *self;
	p->incarnation = incarnation;
	strncpy(p->ring, ring, RING_NAME_MAX);
	crypto_id(&p->ring_hash, p->ring, strlen(p->ring));
	timer_init(&p->seed_timer, dial_on_seed_timer, p);
	return p;
}

void peers_free(struct peers *p)
{
	struct peer *peer;
	uint32_t pos;

	if (!p)
		return;
	while (pos = 0, (peer = htab_next(&p->by_id, &pos)))
		peer_free(peer);
	timer_stop(&p->env->timers, &p->seed_timer);
	htab_fini(&p->by_id);
	htab_fini(&p->by_handle);
	htab_fini(&p->by_index);
	scratch_fini(&p->tx);
	scratch_fini(&p->rx);
	free(p);
}

void peers_set_incarnation(struct peers *p, uint64_t incarnation)
{
	p->incarnation = incarnation;
}

/* Makes room in a full table, without alarming who has to go. */
static void give_up_one(struct peers *p)
{
	struct peer *victim = peer_victim(p);

	if (!victim)
		return;
	while (victim->best)
		link_close(victim->best, 0, "");
	peer_free(victim);
}

/* The record of @who, new if need be; a full table gives up what it misses least. */
static struct peer *get_peer(struct peers *p, const struct contact *who)
{
	struct peer *peer = peer_find(p, &who->id);

	if (peer)
		return peer;
	if (p->by_id.n >= PEERS_MAX)
		give_up_one(p);
	peer = peer_add(p, who);
	if (!peer)
		count(p->env, drop_peer_full);
	return peer;
}

int peers_on_link_up(struct peers *p, uint32_t link, const struct id *id, bool dialed,
		     const uint8_t key[OVERLAY_LINK_KEY_LEN])
{
	struct contact who = {.id = *id};
	struct peer *peer = get_peer(p, &who);
	bool was_asked;
	struct link *l = NULL;

	if (!peer) {
		link_say_refused(p, link, PIAS_EFULL, error_text(PIAS_EFULL));
		return PIAS_EFULL;
	}
	was_asked = dialed && peer->is_dialing;
	if (was_asked)
		peer->is_dialing = false;
	if (peer_n_open(peer) < PEER_LINKS_MAX)
		l = link_add(peer, link, dialed, key);
	if (!l) {
		count(p->env, drop_peer_full);
		link_say_refused(p, link, PIAS_EFULL, error_text(PIAS_EFULL));
		dial_failed(peer, PIAS_EFULL, BACKOFF_MAX);
		return PIAS_EFULL;
	}
	l->is_for_seed = dialed && !was_asked;
	hello_send(l);
	dial_settle(peer, 0);
	return 0;
}

static int on_other(struct peers *p, struct link *l, uint8_t type, struct rd *body)
{
	struct contact from = l->contact;
	uint32_t handle = l->handle;
	int err;

	if (l->state != LINK_UP) {
		count(p->env, drop_message_state);
		return hello_on_lost(l, PIAS_ESTATE);
	}
	err = p->ops->message(p->ctx, &from, type, body, false);
	if (!err)
		return 0;
	if (err == PIAS_EMALFORMED)
		count(p->env, drop_message_malformed);
	l = link_find(p, handle);
	return l ? hello_on_lost(l, err) : 0;
}

int peers_on_frame(struct peers *p, uint32_t link, const uint8_t *frame, size_t len)
{
	struct link *l = link_find(p, link);
	struct rd body;

	if (!l) {
		count(p->env, drop_message_state);
		return PIAS_ESTATE;
	}
	if (len < FRAME_HEADER_LEN || frame_length(frame, len) != (int)len) {
		count(p->env, drop_message_malformed);
		return hello_on_lost(l, PIAS_EMALFORMED);
	}
	l->used = p->env->now;
	count(p->env, messages_in);
	rd_init(&body, frame + FRAME_HEADER_LEN, len - FRAME_HEADER_LEN);
	switch (frame[2]) {
	case MSG_HELLO:
		return hello_on_hello(l, &body);
	case MSG_REFUSED:
		return hello_on_refused(l, &body);
	default:
		return on_other(p, l, frame[2], &body);
	}
}

void peers_on_link_down(struct peers *p, uint32_t link)
{
	struct link *l = link_find(p, link);

	if (l)
		hello_on_lost(l, PIAS_EUNREACH);
}

void peers_on_dial_failed(struct peers *p, const struct id *id, const struct addr addr[2],
			  int why)
{
	static const struct id none;
	struct contact who = {.addr = {addr[0], addr[1]}};
	struct peer *peer;
	struct addr seed;

	if (id_eq(id, &none)) {
		if (dial_take_seed(p, &who, false, &seed))
			dial_seed_failed(p, &seed, why, error_text(why));
		return;
	}
	peer = peer_find(p, id);
	if (!peer || !peer->is_dialing)
		return;
	peer->is_dialing = false;
	dial_failed(peer, why, BACKOFF_MIN);
}

static void count_seal_error(struct env *env, int err)
{
	if (err == PIAS_EREPLAY)
		count(env, drop_seal_replay);
	else if (err == PIAS_ENOMEM)
		count(env, drop_no_memory);
	else
		count(env, drop_seal_forged);
}

void peers_on_datagram(struct peers *p, const struct addr *from, const uint8_t *data,
		       size_t len)
{
	struct contact sender;
	struct link *l;
	uint32_t index;
	uint8_t *inner;
	struct rd body;
	int n;

	if (session_index(data, len, &index)) {
		count(p->env, drop_datagram_malformed);
		return;
	}
	l = link_by_index(p, index);
	if (!l) {
		count(p->env, drop_seal_unknown);
		return;
	}
	inner = scratch_get(&p->rx, len);
	n = inner ? session_open(&l->session, data, len, inner) : PIAS_ENOMEM;
	if (n < 0) {
		count_seal_error(p->env, n);
		return;
	}
	if (l->state == LINK_HELLO) {
		count(p->env, drop_message_state);
		return;
	}
	l->used = p->env->now;
	count(p->env, datagrams_in);
	sender = l->contact;
	rd_init(&body, inner + 1, (size_t)n - 1);
	if (p->ops->message(p->ctx, &sender, inner[0], &body, true) == PIAS_EMALFORMED)
		count(p->env, drop_datagram_malformed);
}

void peers_dial_seed(struct peers *p, const struct addr *seed)
{
	dial_seed(p, seed);
}

/* No link yet: the message waits for one. */
static int enqueue(struct peers *p, const struct contact *to, bool is_datagram,
		   uint8_t type, const void *body, size_t len)
{
	struct peer *peer;
	int err;

	if (id_eq(&to->id, &p->self.id) || !contact_addr(to, &p->self)) {
		count(p->env, drop_send_unreach);
		return PIAS_EUNREACH;
	}
	peer = get_peer(p, to);
	if (!peer)
		return PIAS_EFULL;
	err = outbox_add(&peer->outbox, is_datagram, type, body, len);
	if (err)
		count(p->env, drop_send_full);
	peer->contact = *to;
	dial_settle(peer, 0);
	return err;
}

int peers_send(struct peers *p, const struct contact *to, uint8_t type, const void *body,
	       size_t len)
{
	const struct peer *peer = peer_find(p, &to->id);

	if (len > FRAME_BODY_MAX) {
		count(p->env, drop_send_big);
		return PIAS_ETOOBIG;
	}
	if (peer && peer->best)
		return link_send(peer->best, type, body, len);
	return enqueue(p, to, false, type, body, len);
}

int peers_send_datagram(struct peers *p, const struct contact *to, uint8_t type,
			const void *body, size_t len)
{
	const struct peer *peer = peer_find(p, &to->id);

	if (len > SEAL_BODY_MAX) {
		count(p->env, drop_send_big);
		return PIAS_ETOOBIG;
	}
	if (peer && peer->best)
		return link_send_datagram(peer->best, type, body, len);
	return enqueue(p, to, true, type, body, len);
}

bool peers_has_link(const struct peers *p, const struct id *id)
{
	const struct peer *peer = peer_find(p, id);

	return peer && peer->best;
}

void peers_drop(struct peers *p, const struct id *id)
{
	struct peer *peer = peer_find(p, id);
	struct env *env = p->env;
	struct link *l;

	if (!peer)
		return;
	for (l = peer->links; l; l = l->next)
		if (l->state != LINK_CLOSED)
			env->ops->link_close(env->host, l->handle);
	count_n(env, drop_send_unreach, outbox_clear(&peer->outbox));
	peer_free(peer);
}
