/*
 * Links from servers: JOIN in, ACCEPT or REFUSE out (PROTOCOL 6.2, 6.3). A JOIN is
 * checked, its address challenged through the tunnel, the membership entered at the
 * rendezvous AP, and only then is it accepted; every refusal says why in words meant
 * for the person at the server. What happens in between hangs on the server's record;
 * when the link is gone by then, so is the record.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/base/frame.h"
#include "rendezvous/join.h"

struct server_link {
	struct joins *joins;
	struct server_identity who;
	struct timer end;
	uint64_t serial;
	uint32_t link;
	uint32_t n_requests;
};

static bool is_link(const void *item, const void *key)
{
	const struct server_link *l = item;

	return l->link == *(const uint32_t *)key;
}

/* Link numbers are the host's, not an adversary's: spread them, no more. */
static uint64_t link_hash(uint32_t link)
{
	return (uint64_t)link * 0x9e3779b97f4a7c15ULL >> 16;
}

static struct server_link *find_link(const struct joins *j, uint32_t link)
{
	return htab_find(&j->links, link_hash(link), is_link, &link);
}

/* With it go the JOINs that wait for their turn. */
static void forget_link(struct joins *j, struct server_link *l)
{
	struct server *s;

	while ((s = turn_find_waiting(&j->turns, &l->who.id, l->serial)))
		server_del(s);
	timer_stop(&j->env->timers, &l->end);
	htab_del(&j->links, link_hash(l->link), l);
	free(l);
}

void server_links_fini(struct joins *j)
{
	struct server_link *l;
	uint32_t pos = 0;

	while ((l = htab_next(&j->links, &pos))) {
		timer_stop(&j->env->timers, &l->end);
		free(l);
	}
	htab_fini(&j->links);
}

static void on_link_end(void *ctx)
{
	struct server_link *l = ctx;
	struct joins *j = l->joins;
	uint32_t link = l->link;

	forget_link(j, l);
	j->env->ops->link_close(j->env->host, link);
}

/* How many links @server has. A handshake costs more than this walk. */
static unsigned count_links(const struct joins *j, const struct id *server)
{
	const struct server_link *l;
	uint32_t pos = 0;
	unsigned n = 0;

	while ((l = htab_next(&j->links, &pos)))
		n += id_eq(&l->who.id, server);
	return n;
}

int joins_on_link_up(struct joins *j, uint32_t link, const struct server_identity *who)
{
	struct server_link *l;

	if (j->links.n >= SERVER_LINKS_MAX ||
	    count_links(j, &who->id) >= SERVER_LINKS_EACH) {
		count(j->env, drop_join_limit);
		return PIAS_EFULL;
	}
	assert(!find_link(j, link));
	l = calloc(1, sizeof(*l));
	if (!l)
		return PIAS_ENOMEM;
	l->joins = j;
	l->link = link;
	l->serial = ++j->link_serial;
	l->who = *who;
	timer_init(&l->end, on_link_end, l);
	if (htab_add(&j->links, link_hash(link), l)) {
		free(l);
		return PIAS_ENOMEM;
	}
	timer_set(&j->env->timers, &l->end, j->env->now + SERVER_LINK_TIME);
	return 0;
}

void joins_on_link_down(struct joins *j, uint32_t link)
{
	struct server_link *l = find_link(j, link);

	if (l)
		forget_link(j, l);
}

/* NULL: the link that @s came by is gone. */
static struct server_link *link_of(const struct joins *j, const struct server *s)
{
	struct server_link *l = find_link(j, s->origin.link);

	return l && l->serial == s->origin.link_serial ? l : NULL;
}

/* Refusing */

/* Not worth another try without somebody changing something? */
static bool is_final(int err)
{
	switch (err) {
	case PIAS_EDENIED:
	case PIAS_EINVALID:
	case PIAS_ENOTFOUND:
	case PIAS_EVERSION:
		return true;
	default:
		return false;
	}
}

static void refuse(struct joins *j, uint32_t link, const struct group_name *group,
		   int err, uint64_t seq, const char *why)
{
	struct server_refuse f = {.group = *group, .err = err, .seq = seq};
	char name[GROUP_NAME_STR_MAX];
	uint8_t out[SERVER_FRAME_MAX];
	size_t len;

	f.is_final = is_final(err);
	env_text(f.text, sizeof(f.text), "%s", why);
	count(j->env, joins_refused);
	env_log(j->env, LOG_LEVEL_INFO, "join: refused group=%s err=%s why=\"%s\"",
		group_name_str(group, name), error_text(err), why);
	len = server_refuse_encode(out, &f);
	j->env->ops->link_send(j->env->host, link, out, len);
}

/* Drops the record, whether or not somebody is left to be told. */
static void refuse_server(struct joins *j, struct server *s, int err, uint64_t seq,
			  const char *why)
{
	struct server_link *l = link_of(j, s);
	struct group_name group = s->who.group;

	server_del(s);
	if (l)
		refuse(j, l->link, &group, err, seq, why);
}

/* JOIN */

static int check_join(struct joins *j, const struct server_join *m,
		      const struct admission *who, char *why, size_t len)
{
	if (!hello_cookie_is_ours(&j->hello, m->nonce, &m->seen, m->cookie)) {
		count(j->env, drop_hello_cookie);
		env_text(why, len, "no anycast proxy of this ring gave that cookie");
		return PIAS_EAUTH;
	}
	if (m->not_understood) {
		env_text(why, len, "characteristic %u of the group is unknown here",
			 m->not_understood);
		return PIAS_EINVALID;
	}
	return admission_check(j, who, why, len);
}

/* What may stand in a member record (7.1): printable ASCII. */
static void copy_name(char to[SERVER_NAME_MAX + 1], const char *from)
{
	unsigned i;

	for (i = 0; i < SERVER_NAME_MAX && from[i]; i++)
		to[i] = from[i] > ' ' && from[i] <= '~' ? from[i] : '?';
	to[i] = '\0';
}

static void admission_of(const struct server_join *m, const struct server_identity *id,
			 struct admission *who)
{
	*who = (struct admission){
		.group = m->group,
		.server = id->id,
		.unicast = m->unicast,
		.gue_cookie = m->gue_cookie,
		.lease_ms = m->lease_ms,
		.mtu = m->mtu,
		.probe_port = m->probe_port,
		.encap = m->encap,
		.policy = m->policy,
	};
	copy_name(who->name, id->name);
	memcpy(who->key, m->key, sizeof(who->key));
}

/* Makes room for the new membership: a server that joins again has lost the old one. */
static int replace_server(struct joins *j, const struct admission *who,
			  struct server **out, char *why, size_t len)
{
	struct server *old = server_find(&j->servers, &who->group, &who->server);
	int err;

	if (old) {
		err = admission_check_twin(old, &who->unicast, why, len);
		if (err)
			return err;
		/* Asking again must not be a way never to have failed. */
		if (old->health.state == HEALTH_CHALLENGE)
			attempts_failed(&j->attempts, j->env->now, &old->who.server,
					&old->who.unicast);
		server_del(old);
	}
	err = server_add(&j->servers, who, &j->prober, out);
	if (err == PIAS_EFULL)
		count(j->env, drop_server_full);
	if (err)
		env_text(why, len, "this anycast proxy serves %u servers, its maximum",
			 j->servers.by_member.n);
	return err;
}

static int take_turn(struct joins *j, struct server *s, char *why, size_t len)
{
	bool is_now;
	int err = turn_take(&j->turns, s, &is_now);

	if (err == PIAS_EFULL) {
		count(j->env, drop_join_limit);
		env_text(why, len, "%u joins of this server wait for its first answer",
			 TURN_WAITING_MAX);
	} else if (err) {
		env_text(why, len, "%s", error_text(err));
	} else if (is_now) {
		health_challenge(&s->health);
	}
	return err;
}

void server_link_on_turn(void *ctx, struct server *s)
{
	health_challenge(&s->health);
}

static void on_join(struct joins *j, struct server_link *l, const struct server_join *m)
{
	char why[SERVER_TEXT_MAX + 1] = "";
	struct admission who;
	struct server *s;
	int err;

	admission_of(m, &l->who, &who);
	err = check_join(j, m, &who, why, sizeof(why));
	if (!err)
		err = replace_server(j, &who, &s, why, sizeof(why));
	crypto_wipe(who.key, sizeof(who.key));
	if (err) {
		refuse(j, l->link, &m->group, err, 0, why);
		return;
	}
	s->origin = (struct server_origin){
		.is_link = true, .link = l->link, .link_serial = l->serial};
	s->seq = m->seq;
	s->create = m->create;
	err = take_turn(j, s, why, sizeof(why));
	if (err)
		refuse_server(j, s, err, 0, why);
}

int joins_on_frame(struct joins *j, uint32_t link, const uint8_t *frame, size_t len)
{
	struct server_link *l = find_link(j, link);
	struct server_join m;
	int err;

	if (!l)
		return 0;
	if (frame_length(frame, len) != (int)len || frame[2] != MSG_SERVER_JOIN)
		err = PIAS_EMALFORMED;
	else
		err = server_join_decode(&m, frame + FRAME_HEADER_LEN,
					 len - FRAME_HEADER_LEN);
	if (err) {
		count(j->env, drop_message_malformed);
		forget_link(j, l);
		return err;
	}
	if (++l->n_requests > SERVER_LINK_REQUESTS) {
		count(j->env, drop_join_limit);
		forget_link(j, l);
		return PIAS_EFULL;
	}
	on_join(j, l, &m);
	crypto_wipe(m.key, sizeof(m.key));
	return 0;
}

static void refuse_tunnel(struct joins *j, struct server *s)
{
	char why[SERVER_TEXT_MAX + 1], text[ADDR_STR_MAX], group[ADDR_STR_MAX];
	struct addr a = group_name_addr(&s->who.group);

	a.port = 0;
	env_text(why, sizeof(why),
		 "no answer through the tunnel to %s: check the firewall there (%s), "
		 "rp_filter, and that %s is on its loopback",
		 addr_str(&s->who.unicast, text),
		 s->who.encap == ENCAP_GUE ? "UDP to that port" : "IP protocols 4 and 41",
		 addr_str(&a, group));
	refuse_server(j, s, PIAS_ETUNNEL, 0, why);
}

/* Good or bad, it holds for all that it said of that address. */
void server_link_judge_alike(struct joins *j, struct server *s, bool is_met)
{
	struct server *w;

	while ((w = turn_next_alike(s))) {
		if (is_met)
			health_challenge(&w->health);
		else
			refuse_tunnel(j, w);
	}
	turn_end(s);
}

void server_link_on_challenged(struct joins *j, struct server *s, bool is_met)
{
	if (!is_met) {
		refuse_tunnel(j, s);
	} else if (!link_of(j, s)) {
		server_del(s);
	} else {
		s->state = SERVER_ENTERING;
		joins_ask(j, s, MEMBERSHIP_JOIN);
	}
}

static void accept_server(struct joins *j, struct server *s, pias_time lease)
{
	struct server_link *l = link_of(j, s);
	struct server_accept a = {.group = s->who.group};
	uint8_t out[SERVER_FRAME_MAX];
	size_t len;

	if (!l) {
		renewal_leave(j, s); /* nobody will refresh what was entered */
		return;
	}
	a.lease_ms = (uint32_t)(lease / MSEC);
	a.refresh_ms = joins_refresh_ms(j, lease);
	a.ticket_len = (uint8_t)joins_ticket(j, s, a.ticket);
	if (!a.ticket_len) {
		refuse_server(j, s, PIAS_ECRYPTO, 0, "no ticket could be made");
		return;
	}
	count(j->env, joins);
	joins_watch(j, s, lease);
	len = server_accept_encode(out, &a);
	j->env->ops->link_send(j->env->host, l->link, out, len);
}

void server_link_on_done(struct joins *j, struct server *s,
			 const struct membership_result *result)
{
	if (s->state != SERVER_ENTERING)
		return;
	if (!result->err)
		accept_server(j, s, result->lease);
	else
		refuse_server(j, s, result->err,
			      result->err == PIAS_EREPLAY ? result->seq : 0,
			      result->reason);
}
