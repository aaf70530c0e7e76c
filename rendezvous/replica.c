/*
 * Copies to successors, and records from anybody.
 *
 * Versions (PROTOCOL 7.2): the owner's are the ones that count. Whoever copies takes
 * them over; an owner that learns of a later one, from the time of another owner,
 * goes on in a new epoch, so that ingress APs never see a version go back.
 */
#include "rendezvous/replica.h"

#include <stdlib.h>
#include <string.h>

struct wait {
	struct answer answer;
	pias_time ends;
	uint8_t n_waiting; /* acknowledgements; 0: finished */
};

static void copy_due(void *ctx);
static void wait_over(void *ctx);

void replicas_init(struct replicas *r, struct env *env, struct groups *groups,
		   struct pushes *pushes, struct post *post, unsigned n_replicas,
		   void (*copied)(void *ctx, const struct answer *a), void *ctx)
{
	memset(r, 0, sizeof(*r));
	r->env = env;
	r->groups = groups;
	r->pushes = pushes;
	r->post = post;
	r->n_replicas = n_replicas < REPLICAS_MAX ? n_replicas : REPLICAS_MAX;
	r->copied = copied;
	r->ctx = ctx;
	r->first_serial = 1;
	TAILQ_INIT(&r->due);
	timer_init(&r->copy_timer, copy_due, r);
	timer_init(&r->wait_timer, wait_over, r);
}

void replicas_fini(struct replicas *r)
{
	timer_stop(&r->env->timers, &r->copy_timer);
	timer_stop(&r->env->timers, &r->wait_timer);
	free(r->wait);
}

unsigned replicas_list(const struct replicas *r, struct contact out[static REPLICAS_MAX])
{
	if (r->n_replicas <= 1)
		return 0;
	return overlay_successors(r->post->overlay, out, r->n_replicas - 1);
}

/* Waiting for acknowledgements */

static struct wait *wait_at(struct replicas *r, uint32_t serial)
{
	return &r->wait[serial % r->waits_cap];
}

static int grow_waits(struct replicas *r)
{
	uint32_t i, cap = r->waits_cap ? 2 * r->waits_cap : 8;
	struct wait *w;

	if (r->n_waits < r->waits_cap)
		return 0;
	if (cap > WAITS_MAX)
		return PIAS_EFULL;
	w = malloc(cap * sizeof(*w));
	if (!w)
		return PIAS_ENOMEM;
	for (i = 0; i < r->n_waits; i++)
		w[(r->first_serial + i) % cap] = *wait_at(r, r->first_serial + i);
	free(r->wait);
	r->wait = w;
	r->waits_cap = cap;
	return 0;
}

/* Returns the serial; 0: too many wait already, this one does not. */
static uint32_t wait_add(struct replicas *r, const struct answer *answer, unsigned n)
{
	uint32_t serial = r->first_serial + r->n_waits;
	struct wait *w;

	/* 0 is no serial; once in 2^32 updates one has to go without. */
	if (!serial && !r->n_waits)
		serial = r->first_serial = 1;
	if (!serial || grow_waits(r))
		return 0;
	w = wait_at(r, serial);
	w->answer = *answer;
	w->ends = r->env->now + COPY_WAIT;
	w->n_waiting = (uint8_t)n;
	r->n_waits++;
	if (!timer_is_set(&r->wait_timer))
		timer_set(&r->env->timers, &r->wait_timer, w->ends);
	return serial;
}

static void drop_finished(struct replicas *r)
{
	while (r->n_waits && !wait_at(r, r->first_serial)->n_waiting) {
		r->first_serial++;
		r->n_waits--;
	}
	if (r->n_waits)
		timer_set(&r->env->timers, &r->wait_timer,
			  wait_at(r, r->first_serial)->ends);
	else
		timer_stop(&r->env->timers, &r->wait_timer);
}

static void finish_wait(struct replicas *r, struct wait *w)
{
	struct answer answer = w->answer;

	w->n_waiting = 0;
	drop_finished(r);
	r->copied(r->ctx, &answer);
}

/* Time is up for the first; the others' follows in order. */
static void wait_over(void *ctx)
{
	struct replicas *r = ctx;

	finish_wait(r, wait_at(r, r->first_serial));
}

int replicas_on_ack(struct replicas *r, struct rd *body)
{
	struct msg_records_ack m;
	struct wait *w;

	msg_read_records_ack(body, &m);
	if (body->err)
		return body->err;
	if (m.serial - r->first_serial >= r->n_waits)
		return 0; /* too late: it has been answered */
	w = wait_at(r, m.serial);
	if (w->n_waiting > 1)
		w->n_waiting--;
	else if (w->n_waiting)
		finish_wait(r, w);
	return 0;
}

/* Copies */

bool replica_copy(struct replicas *r, struct group *g, struct member *m,
		  const struct answer *answer)
{
	struct contact to[REPLICAS_MAX];
	unsigned n = replicas_list(r, to);
	struct packer p;
	uint32_t serial;

	m->is_copy_due = false;
	if (!n)
		return false;
	serial = wait_add(r, answer, n);
	packer_init(&p, r->post, r->groups, to, n, serial);
	packer_add(&p, g, m);
	packer_flush(&p);
	return serial != 0;
}

void replica_copy_later(struct replicas *r, struct group *g, struct member *m)
{
	m->is_copy_due = true;
	if (!g->is_copy_queued)
		TAILQ_INSERT_TAIL(&r->due, g, copy_entry);
	g->is_copy_queued = true;
	if (!timer_is_set(&r->copy_timer))
		timer_set(&r->env->timers, &r->copy_timer, r->env->now + COPY_PERIOD);
}

static void unqueue(struct replicas *r, struct group *g)
{
	if (!g->is_copy_queued)
		return;
	TAILQ_REMOVE(&r->due, g, copy_entry);
	g->is_copy_queued = false;
}

void replicas_release(struct replicas *r, struct group *g)
{
	push_gone(r->pushes, g, 0);
}

void replicas_drop(struct replicas *r, struct group *g, pias_time ttl)
{
	unqueue(r, g);
	push_gone(r->pushes, g, ttl);
	group_del(r->groups, g);
}

void replicas_flush(struct replicas *r)
{
	struct contact to[REPLICAS_MAX];
	unsigned n = replicas_list(r, to);
	struct group *g;
	struct packer p;
	uint32_t i;

	packer_init(&p, r->post, r->groups, to, n, 0);
	while ((g = TAILQ_FIRST(&r->due))) {
		unqueue(r, g);
		for (i = 0; i < g->n_members; i++) {
			if (!g->member[i]->is_copy_due)
				continue;
			g->member[i]->is_copy_due = false;
			if (n)
				packer_add(&p, g, g->member[i]);
		}
	}
	packer_flush(&p);
	timer_stop(&r->env->timers, &r->copy_timer);
}

static void copy_due(void *ctx)
{
	replicas_flush(ctx);
}

/* Records from others */

static void adopt_version(struct group *g, uint64_t version, bool is_ours)
{
	if (version <= g->version)
		return;
	if (is_ours)
		group_enter_epoch(g, version);
	else
		g->version = version;
}

static void merge_member(struct replicas *r, struct group *g,
			 const struct member_record *m, bool is_ours)
{
	struct merge c;

	/* A full table is counted by group_merge; the owner still has the member. */
	if (group_merge(r->groups, g, m, &c) || c.kind == MERGE_OLD)
		return;
	if (is_ours)
		replica_copy_later(r, g, c.member);
	if (c.kind != MERGE_CHANGED)
		return;
	if (is_ours)
		g->version = version_after(g->version, 1);
	push_changed(r->pushes, g, &c);
}

/* Members of a group that there is no room for are read over. */
static void merge_group(struct replicas *r, struct rd *body)
{
	struct member_record m;
	struct msg_group head;
	struct group *g;
	bool is_ours, is_created = false;
	unsigned i;
	int err;

	msg_read_group(body, &head);
	g = group_find(r->groups, &head.name);
	if (!g && head.n_members) {
		g = group_add(r->groups, &head.name, &head.creator, head.policy, 0, &err);
		is_created = g != NULL;
	}
	is_ours = g && overlay_owns(r->post->overlay, &g->node.key);
	if (g)
		adopt_version(g, head.version, is_ours);
	for (i = 0; i < head.n_members; i++) {
		member_read(body, &m);
		if (g)
			merge_member(r, g, &m, is_ours);
	}
	if (is_created)
		push_created(r->pushes, g);
}

int replicas_on_records(struct replicas *r, const struct contact *from, struct rd *body)
{
	int err = msg_check_records(*body);
	struct msg_records_ack ack;
	struct msg_records m;
	uint8_t buf[MESSAGE_WIRE_MAX];
	struct wr w;

	if (err)
		return err;
	msg_read_records(body, &m);
	while (m.n_groups--)
		merge_group(r, body);
	if (!m.serial)
		return 0;
	ack.serial = m.serial;
	wr_init(&w, buf, sizeof(buf));
	msg_write_records_ack(&w, &ack);
	(void)post_send(r->post, from, MSG_RECORDS_ACK, &w);
	return 0;
}
