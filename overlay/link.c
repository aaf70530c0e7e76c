/*
 * Peers, links and sessions as tables. What always holds: every open link is found by
 * its handle, every link by its session's index, and a peer's best link is up, of the
 * newest incarnation heard of, and the one that both ends prefer: dialed by the
 * smaller id, then the newest.
 */
#include "overlay/link.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/base/frame.h"
#include "overlay/message.h"

#define LINGERING_MAX 4 /* closed links of one peer */

static bool peer_has_id(const void *item, const void *key)
{
	return id_eq(&((const struct peer *)item)->contact.id, key);
}

static bool link_has_handle(const void *item, const void *key)
{
	return ((const struct link *)item)->handle == *(const uint32_t *)key;
}

static bool link_has_index(const void *item, const void *key)
{
	return ((const struct link *)item)->index == *(const uint32_t *)key;
}

struct peer *peer_find(const struct peers *p, const struct id *id)
{
	return htab_find(&p->by_id, id_prefix(id), peer_has_id, id);
}

struct peer *peer_add(struct peers *p, const struct contact *who)
{
	struct peer *peer;

	if (p->by_id.n >= PEERS_MAX)
		return NULL;
	peer = calloc(1, sizeof(*peer));
	if (!peer)
		return NULL;
	peer->peers = p;
	peer->contact = *who;
	peer->failed_at = PIAS_NEVER;
	peer->logged_at = PIAS_NEVER;
	if (!htab_add(&p->by_id, id_prefix(&who->id), peer))
		return peer;
	free(peer);
	return NULL;
}

void peer_free(struct peer *peer)
{
	struct peers *p = peer->peers;

	while (peer->links)
		link_free(peer->links);
	outbox_clear(&peer->outbox);
	timer_stop(&p->env->timers, &peer->timer);
	htab_del(&p->by_id, id_prefix(&peer->contact.id), peer);
	free(peer);
}

unsigned peer_n_open(const struct peer *peer)
{
	const struct link *l;
	unsigned n = 0;

	for (l = peer->links; l; l = l->next)
		n += l->state != LINK_CLOSED;
	return n;
}

bool peer_is_open(const struct peer *peer)
{
	return peer_n_open(peer) > 0;
}

/* When @peer was last of use; PIAS_NEVER = it is of use now. */
static pias_time last_use(const struct peer *peer)
{
	const struct link *l;
	pias_time used = -1;

	if (peer->is_dialing || !outbox_is_empty(&peer->outbox))
		return PIAS_NEVER;
	for (l = peer->links; l; l = l->next) {
		if (l->state == LINK_HELLO)
			return PIAS_NEVER;
		if (l->state == LINK_UP && l->used > used)
			used = l->used;
	}
	return used;
}

struct peer *peer_victim(const struct peers *p)
{
	pias_time oldest = p->env->now - LINK_DRAIN, t;
	struct peer *peer, *victim = NULL;
	uint32_t pos = 0;

	/* Ties go to the smaller id: the order of the table must not show. */
	while ((peer = htab_next(&p->by_id, &pos))) {
		t = last_use(peer);
		if (t > oldest)
			continue;
		if (victim && t == oldest &&
		    id_cmp(&peer->contact.id, &victim->contact.id) > 0)
			continue;
		oldest = t;
		victim = peer;
	}
	return victim;
}

struct link *link_find(const struct peers *p, uint32_t handle)
{
	return htab_find(&p->by_handle, handle, link_has_handle, &handle);
}

struct link *link_by_index(const struct peers *p, uint32_t index)
{
	return htab_find(&p->by_index, index, link_has_index, &index);
}

static uint32_t draw_index(struct peers *p)
{
	uint32_t index;

	do
		index = env_random_u32(p->env);
	while (link_by_index(p, index));
	return index;
}

static int enter_tables(struct peers *p, struct link *l)
{
	int err = htab_add(&p->by_handle, l->handle, l);

	if (err)
		return err;
	err = htab_add(&p->by_index, l->index, l);
	if (err)
		htab_del(&p->by_handle, l->handle, l);
	return err;
}

struct link *link_add(struct peer *peer, uint32_t handle, bool dialed,
		      const uint8_t key[static OVERLAY_LINK_KEY_LEN])
{
	struct peers *p = peer->peers;
	struct link *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	if (session_init(&l->session, p->env->aead, key, dialed))
		goto free_link;
	l->peer = peer;
	l->handle = handle;
	l->index = draw_index(p);
	l->dialed = dialed;
	l->since = l->used = p->env->now;
	if (enter_tables(p, l))
		goto fini_session;
	l->next = peer->links;
	peer->links = l;
	return l;

fini_session:
	session_fini(&l->session);
free_link:
	free(l);
	return NULL;
}

/* Did the end with the smaller id dial it? */
static bool is_canonical(const struct link *l)
{
	const struct peer *peer = l->peer;

	return l->dialed == (id_cmp(&peer->peers->self.id, &peer->contact.id) < 0);
}

static bool is_better(const struct link *a, const struct link *b)
{
	if (a->incarnation != b->incarnation)
		return a->incarnation > b->incarnation;
	return is_canonical(a) && !is_canonical(b);
}

static void choose_best(struct peer *peer)
{
	struct link *l;

	peer->best = NULL;
	for (l = peer->links; l; l = l->next)
		if (l->state == LINK_UP && (!peer->best || is_better(l, peer->best)))
			peer->best = l;
	if (peer->best)
		peer->contact = peer->best->contact;
}

void link_enter_up(struct link *l, const struct contact *peer, uint32_t peer_index,
		   uint64_t incarnation)
{
	assert(l->state == LINK_HELLO);
	l->state = LINK_UP;
	l->contact = *peer;
	l->since = l->used = l->peer->peers->env->now;
	l->peer_index = peer_index;
	l->incarnation = incarnation;
	choose_best(l->peer);
}

/* The newest few may linger. */
static void trim_lingering(struct peer *peer)
{
	struct link *l, *next;
	unsigned n = 0;

	for (l = peer->links; l; l = next) {
		next = l->next;
		if (l->state == LINK_CLOSED && ++n > LINGERING_MAX)
			link_free(l);
	}
}

void link_enter_closed(struct link *l)
{
	struct peers *p = l->peer->peers;

	assert(l->state != LINK_CLOSED);
	if (l->state == LINK_HELLO) {
		link_free(l);
		return;
	}
	htab_del(&p->by_handle, l->handle, l);
	l->state = LINK_CLOSED;
	l->since = p->env->now;
	choose_best(l->peer);
	trim_lingering(l->peer);
}

void link_free(struct link *l)
{
	struct peer *peer = l->peer;
	struct link **at = &peer->links;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	if (l->state != LINK_CLOSED)
		htab_del(&peer->peers->by_handle, l->handle, l);
	htab_del(&peer->peers->by_index, l->index, l);
	session_fini(&l->session);
	free(l);
	choose_best(peer);
}

static int send_frame(struct peers *p, uint32_t handle, uint8_t type, const void *body,
		      size_t len)
{
	uint8_t *buf = scratch_get(&p->tx, FRAME_HEADER_LEN + len);
	struct wr w;
	int n;

	if (!buf) {
		count(p->env, drop_no_memory);
		return PIAS_ENOMEM;
	}
	frame_begin(&w, buf, FRAME_HEADER_LEN + len, type);
	wr_bytes(&w, body, len);
	n = frame_end(&w);
	if (n < 0)
		return n;
	count(p->env, messages_out);
	p->env->ops->link_send(p->env->host, handle, buf, (size_t)n);
	return 0;
}

int link_send(struct link *l, uint8_t type, const void *body, size_t len)
{
	struct peers *p = l->peer->peers;

	l->used = p->env->now;
	return send_frame(p, l->handle, type, body, len);
}

int link_send_datagram(struct link *l, uint8_t type, const void *body, size_t len)
{
	struct peers *p = l->peer->peers;
	const struct addr *to = contact_addr(&l->contact, &p->self);
	uint8_t *buf = scratch_get(&p->tx, SEAL_OVERHEAD + len);
	int n;

	assert(l->state == LINK_UP);
	if (!to) {
		count(p->env, drop_send_unreach);
		return PIAS_EUNREACH;
	}
	if (!buf) {
		count(p->env, drop_no_memory);
		return PIAS_ENOMEM;
	}
	n = session_seal(&l->session, l->peer_index, type, body, len, buf);
	if (n < 0) {
		count(p->env, drop_no_memory);
		return n;
	}
	l->used = p->env->now;
	count(p->env, datagrams_out);
	p->env->ops->datagram(p->env->host, to, buf, (size_t)n);
	return 0;
}

void link_say_refused(struct peers *p, uint32_t handle, int why, const char *text)
{
	struct msg_refused m = {.why = why};
	uint8_t body[MSG_REFUSED_MAX];
	struct wr w;

	strncpy(m.text, text, REFUSED_TEXT_MAX);
	wr_init(&w, body, sizeof(body));
	msg_refused_write(&w, &m);
	send_frame(p, handle, MSG_REFUSED, body, wr_len(&w));
}

void link_close(struct link *l, int why, const char *text)
{
	struct env *env = l->peer->peers->env;

	link_say_refused(l->peer->peers, l->handle, why, text);
	env->ops->link_close(env->host, l->handle);
	link_enter_closed(l);
}

bool peer_log_is_due(struct peer *peer)
{
	pias_time now = peer->peers->env->now;

	if (peer->logged_at != PIAS_NEVER && now - peer->logged_at < PEER_LOG_PERIOD)
		return false;
	peer->logged_at = now;
	return true;
}
