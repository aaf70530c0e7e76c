/*
 * LEASE datagrams: refreshes and leaves, at whichever AP anycast routing brings them
 * to. The ticket says who it is, the seal proves it, seq orders it. An AP that watches
 * the server serves it; any other passes it on to the join AP that the ticket names,
 * and becomes the join AP itself, after a challenge through the tunnel, when that one
 * is gone, or was gone and forgot, or the server asks for it because it got no answer
 * or comes here all the time. Only a server that met a challenge here, or is watched
 * here, is ever renewed from here; so replaying old datagrams revives nothing.
 */
#include <string.h>

#include "rendezvous/join.h"

static void ack(struct joins *j, const struct server_origin *origin,
		const uint8_t seal_key[AEAD_KEY_LEN], struct server_ack *a)
{
	struct aead *seal = aead_new(j->env->aead, seal_key);
	uint8_t out[SERVER_ACK_MAX], nonce[SERVER_NONCE_LEN];
	size_t len = 0;

	a->via = origin->via;
	a->join_ap = *overlay_self(j->overlay);
	if (seal) {
		env_random(j->env, nonce, sizeof(nonce));
		len = server_ack_encode(out, a, nonce, seal);
		aead_free(seal);
	}
	if (len)
		joins_send(j, &origin->from, &origin->to, out, len);
}

/* The end of it, here: forgets the server, and answers if a datagram asked. */
static void end(struct joins *j, struct server *s, struct server_ack *a)
{
	struct server_origin origin = s->origin;
	uint8_t key[AEAD_KEY_LEN];

	memcpy(key, s->seal_key, sizeof(key));
	server_del(s);
	if (!origin.is_link)
		ack(j, &origin, key, a);
	crypto_wipe(key, sizeof(key));
}

static void ack_refresh(struct joins *j, struct server *s, uint64_t seq, pias_time lease,
			bool with_ticket)
{
	struct server_ack a = {
		.seq = seq,
		.status = SERVER_ACK_OK,
		.is_up = s->health.state == HEALTH_UP,
		.lease_ms = (uint32_t)(lease / MSEC),
		.refresh_ms = joins_refresh_ms(j, lease),
	};

	if (with_ticket)
		a.ticket_len = (uint8_t)joins_ticket(j, s, a.ticket);
	ack(j, &s->origin, s->seal_key, &a);
}

void renewal_leave(struct joins *j, struct server *s)
{
	health_stop(&s->health);
	turn_end(s);
	s->state = SERVER_LEAVING;
	joins_ask(j, s, MEMBERSHIP_LEAVE);
}

/* A record of a server that some AP admitted before, by what its ticket says. */
static struct server *enter(struct joins *j, const struct ticket *t, uint64_t seq,
			    const struct server_origin *origin)
{
	struct server *s;

	if (server_add(&j->servers, &t->who, &j->prober, &s)) {
		count(j->env, drop_server_full);
		return NULL;
	}
	s->seq = seq;
	s->origin = *origin;
	s->create = true; /* it existed when the ticket was given */
	return s;
}

/*
 * What speaks against it here says nothing about the lease: the server tries again,
 * maybe elsewhere, and if all is in vain, gets the reason when it joins again.
 */
static void adopt(struct joins *j, const struct ticket *t, const struct server_lease *m,
		  const struct server_origin *origin)
{
	char why[SERVER_TEXT_MAX + 1];
	struct server *s;

	if (admission_check_here(j, &t->who, why, sizeof(why))) {
		count(j->env, drop_adoption);
		return;
	}
	s = enter(j, t, m->seq, origin);
	if (s)
		health_challenge(&s->health);
}

/* The join AP is somebody else who lives, as far as we know. */
static bool is_anothers(const struct joins *j, const struct ticket *t)
{
	enum peer_status status;

	if (id_eq(&t->join_ap.id, &overlay_self(j->overlay)->id))
		return false;
	status = overlay_peer_status(j->overlay, &t->join_ap.id);
	return status != PEER_DEAD && status != PEER_LEFT;
}

static void relay(struct joins *j, const struct contact *to,
		  const struct server_origin *origin, const struct server_lease *m)
{
	uint8_t body[2 * 19 + SERVER_LEASE_MAX];
	struct wr w;

	wr_init(&w, body, sizeof(body));
	addr_write(&w, &origin->from);
	addr_write(&w, &origin->to);
	wr_bytes(&w, m->data, m->len);
	/* What goes wrong is counted there; the server tries again. */
	if (!overlay_send_datagram(j->overlay, to, MSG_JOIN_RELAY, body, wr_len(&w)))
		count(j->env, refreshes_relayed);
}

static void on_stranger(struct joins *j, const struct ticket *t,
			const struct server_lease *m, const struct server_origin *origin,
			bool is_relayed)
{
	struct server *s;

	if (!is_relayed && !m->here && is_anothers(j, t)) {
		relay(j, &t->join_ap, origin, m);
		return;
	}
	if (m->op == SERVER_REFRESH) {
		adopt(j, t, m, origin);
		return;
	}
	s = enter(j, t, m->seq, origin);
	if (s)
		renewal_leave(j, s);
}

static void on_known(struct joins *j, struct server *s, const struct server_lease *m,
		     const struct server_origin *origin)
{
	if (m->seq <= s->seq) {
		count(j->env, drop_refresh_old);
		return;
	}
	s->seq = m->seq;
	s->stamp = 0;
	s->origin = *origin;
	if (m->op == SERVER_LEAVE)
		renewal_leave(j, s);
	else if (s->state == SERVER_ENTERING || s->state == SERVER_WATCHED)
		joins_ask(j, s, MEMBERSHIP_REFRESH);
}

static void ack_superseded(struct joins *j, const struct ticket *t,
			   const struct server_lease *m,
			   const struct server_origin *origin, uint64_t known)
{
	struct server_ack a = {
		.seq = m->seq, .status = SERVER_ACK_SUPERSEDED, .known = known};
	struct server_keys keys;

	server_keys_init(&keys, t->who.key);
	ack(j, origin, keys.seal, &a);
	crypto_wipe(&keys, sizeof(keys));
}

static void on_lease(struct joins *j, const struct ticket *t,
		     const struct server_lease *m, const struct server_origin *origin,
		     bool is_relayed)
{
	struct server *s = server_find(&j->servers, &t->who.group, &t->who.server);

	if (s && !crypto_equal(s->who.key, t->who.key, sizeof(t->who.key))) {
		if (m->seq <= s->seq) {
			ack_superseded(j, t, m, origin, s->seq);
			return;
		}
		server_del(s);
		s = NULL;
	}
	if (s)
		on_known(j, s, m, origin);
	else
		on_stranger(j, t, m, origin, is_relayed);
}

static int open_sealed(struct joins *j, const struct ticket *t, struct server_lease *m)
{
	struct server_keys keys;
	struct aead *seal;
	int err;

	server_keys_init(&keys, t->who.key);
	seal = aead_new(j->env->aead, keys.seal);
	crypto_wipe(&keys, sizeof(keys));
	err = seal ? server_lease_open(m, seal) : PIAS_ENOMEM;
	aead_free(seal);
	return err;
}

void renewal_on_datagram(struct joins *j, const struct server_origin *origin,
			 bool is_relayed, const uint8_t *data, size_t len)
{
	struct server_lease m;
	struct ticket t;

	if (server_lease_decode(&m, data, len)) {
		count(j->env, drop_server_datagram);
		return;
	}
	if (ticket_open(&t, m.ticket, m.ticket_len, j->ticket_sealer) ||
	    open_sealed(j, &t, &m))
		count(j->env, drop_ticket);
	else
		on_lease(j, &t, &m, origin, is_relayed);
	crypto_wipe(&t, sizeof(t));
}

int joins_on_relay(struct joins *j, const struct contact *from, struct rd *body)
{
	struct server_origin origin = {.via = from->id};
	const uint8_t *data;
	size_t len;

	addr_read(body, &origin.from);
	addr_read(body, &origin.to);
	len = rd_left(body);
	data = rd_view(body, len);
	if (rd_done(body) || addr_is_none(&origin.from))
		return PIAS_EMALFORMED;
	renewal_on_datagram(j, &origin, true, data, len);
	return 0;
}

void renewal_on_challenged(struct joins *j, struct server *s, bool is_met)
{
	if (!is_met) {
		count(j->env, drop_adoption);
		server_del(s);
		return;
	}
	s->state = SERVER_ENTERING;
	joins_ask(j, s, MEMBERSHIP_REFRESH);
}

static void on_refreshed(struct joins *j, struct server *s, uint64_t seq, pias_time lease)
{
	bool is_adopted = s->state == SERVER_ENTERING;

	if (is_adopted)
		count(j->env, servers_adopted);
	count(j->env, refreshes);
	joins_watch(j, s, lease);
	ack_refresh(j, s, seq, lease, is_adopted);
}

static void on_refresh_failed(struct joins *j, struct server *s, uint64_t seq,
			      const struct membership_result *result)
{
	struct server_ack a = {.seq = seq, .status = SERVER_ACK_UNKNOWN};

	switch (result->err) {
	case PIAS_ETIMEOUT:
	case PIAS_EFULL:
		/* The server asks again, and again, until its lease is over. */
		if (s->state == SERVER_ENTERING)
			server_del(s);
		break;
	case PIAS_EREPLAY:
		a.status = SERVER_ACK_SUPERSEDED;
		a.known = result->seq;
		end(j, s, &a);
		break;
	default:
		end(j, s, &a);
	}
}

/* Gone or never heard of is as good as left; unheard, the server asks again. */
static void on_leave_done(struct joins *j, struct server *s, uint64_t seq, int err)
{
	struct server_ack a = {.seq = seq, .status = SERVER_ACK_LEFT};

	if (err == PIAS_ETIMEOUT || err == PIAS_EFULL) {
		server_del(s);
		return;
	}
	count(j->env, leaves);
	end(j, s, &a);
}

void renewal_on_done(struct joins *j, struct server *s,
		     const struct membership_request *request,
		     const struct membership_result *result)
{
	uint64_t seq = request->member.seq;

	if (request->op == MEMBERSHIP_LEAVE)
		on_leave_done(j, s, seq, result->err);
	else if (s->state != SERVER_ENTERING && s->state != SERVER_WATCHED)
		return;
	else if (!result->err)
		on_refreshed(j, s, seq, result->lease);
	else if (seq == s->seq)
		on_refresh_failed(j, s, seq, result);
}
