/* Becoming a member of the ring, and letting others in (PROTOCOL 4.1). */
#include "overlay/parts.h"

/* Becoming a member */

static void start_member(struct overlay *o)
{
	membership_start(&o->membership);
	probes_start(o->probes);
	if (o->config.mode == TABLE_FINGERS)
		fingers_start(&o->fingers);
	timer_set(&o->env->timers, &o->seeds,
		  o->env->now + env_jitter(o->env, OVERLAY_SEEDS_PERIOD));
}

static void join_admitted(void *ctx, const struct contact *m, const struct msg_list *list)
{
	struct overlay *o = ctx;
	struct contact from = *m;
	char id[9];

	log_info(o->env, "ring: joined after=%s", id_short(&m->id, id));
	ring_join(&o->ring, &from, list);
	start_member(o);
	membership_on_heard(&o->membership, &from, list->incarnation);
	membership_pull(&o->membership, &from);
}

static void join_create(void *ctx)
{
	struct overlay *o = ctx;

	log_info(o->env, "ring: created name=%s", o->config.ring);
	ring_create(&o->ring);
	start_member(o);
	o->joined = true;
	overlay_emit(o);
}

static void join_failed(void *ctx, int err, const char *why)
{
	struct overlay *o = ctx;

	o->ops->join_failed(o->ctx, err, why);
}

static void join_dial_seed(void *ctx, const struct addr *seed)
{
	struct overlay *o = ctx;

	peers_dial_seed(o->peers, seed);
}

const struct join_ops admit_join_ops = {
	.send = overlay_send_message,
	.dial_seed = join_dial_seed,
	.admitted = join_admitted,
	.create = join_create,
	.failed = join_failed,
};

static void refuse_joiner(struct overlay *o, const struct contact *joiner, uint32_t nonce,
			  int why)
{
	struct msg_join_no m = {.nonce = nonce, .why = why};
	uint8_t body[MSG_NO_LEN];
	struct wr w;

	wr_init(&w, body, sizeof(body));
	msg_join_no_write(&w, &m);
	peers_send(o->peers, joiner, MSG_JOIN_NO, body, wr_len(&w));
}

static void direct_joiner(struct overlay *o, const struct contact *joiner, uint32_t nonce)
{
	struct msg_join_goto m = {.nonce = nonce};
	uint8_t body[MSG_GOTO_MAX];
	struct wr w;

	/* Our list and our table disagree: that passes. */
	if (!route_preceding(o, &joiner->id, &m.to) || id_eq(&m.to.id, &joiner->id)) {
		refuse_joiner(o, joiner, nonce, PIAS_EBUSY);
		return;
	}
	wr_init(&w, body, sizeof(body));
	msg_join_goto_write(&w, &m);
	peers_send(o->peers, joiner, MSG_JOIN_GOTO, body, wr_len(&w));
}

static void admit_joiner(struct overlay *o, const struct contact *joiner, uint32_t nonce,
			 struct msg_list *list)
{
	uint8_t body[MSG_LIST_MAX];
	struct wr w;

	list->nonce = nonce;
	wr_init(&w, body, sizeof(body));
	msg_list_write(&w, list);
	peers_send(o->peers, joiner, MSG_JOIN_OK, body, wr_len(&w));
}

int admit_on_join(struct overlay *o, const struct contact *from, struct rd *body)
{
	struct msg_list list;
	struct msg_ask m;
	int err = msg_ask_read(body, &m);

	if (err)
		return err;
	if (!o->is_joined || o->ring.state != RING_MEMBER)
		refuse_joiner(o, from, m.nonce, PIAS_ENOTREADY);
	else if (membership_on_contact(&o->membership, from))
		refuse_joiner(o, from, m.nonce, PIAS_EDUPLICATE);
	else if (ring_admits(&o->ring, &from->id, &list))
		admit_joiner(o, from, m.nonce, &list);
	else
		direct_joiner(o, from, m.nonce);
	return 0;
}
