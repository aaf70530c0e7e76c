/* A small array and one timer, armed for the earliest deadline in it. */
#include "overlay/suspicion.h"

#include <string.h>

#define RUMOUR_TIME  (10 * SEC) /* a rumour that nobody ended: see for ourselves */
#define HEALTH_MAX   4
#define HEALTH_DECAY (30 * SEC)

static void on_timer(void *ctx);

void suspicion_init(struct suspicion *s, struct env *env, pias_time probe_period,
		    const struct suspicion_ops *ops, void *ctx)
{
	memset(s, 0, sizeof(*s));
	s->env = env;
	s->probe_period = probe_period;
	s->ops = ops;
	s->ctx = ctx;
	timer_init(&s->timer, on_timer, s);
}

void suspicion_fini(struct suspicion *s)
{
	timer_stop(&s->env->timers, &s->timer);
}

static struct suspect *find(struct suspicion *s, const struct id *id)
{
	unsigned i;

	for (i = 0; i < s->n; i++)
		if (id_eq(&s->suspect[i].id, id))
			return &s->suspect[i];
	return NULL;
}

static void arm(struct suspicion *s)
{
	pias_time next = PIAS_NEVER;
	unsigned i;

	for (i = 0; i < s->n; i++)
		if (s->suspect[i].deadline < next)
			next = s->suspect[i].deadline;
	if (next == PIAS_NEVER)
		timer_stop(&s->env->timers, &s->timer);
	else
		timer_set(&s->env->timers, &s->timer, next);
}

static void del(struct suspicion *s, struct suspect *x)
{
	*x = s->suspect[--s->n];
	arm(s);
}

static unsigned ilog2(uint32_t n)
{
	unsigned log = 0;

	while (n >>= 1)
		log++;
	return log;
}

/* One probe period among few APs, more among many, more if we are often wrong. */
static pias_time patience(const struct suspicion *s, uint32_t n_live)
{
	unsigned log = ilog2(n_live);

	return s->probe_period * (log > 3 ? log : 3) / 3 * (1 + s->health);
}

static void feel_worse(struct suspicion *s)
{
	if (s->health < HEALTH_MAX)
		s->health++;
	s->health_at = s->env->now;
}

static void feel_better(struct suspicion *s)
{
	while (s->health && s->env->now - s->health_at >= HEALTH_DECAY) {
		s->health--;
		s->health_at += HEALTH_DECAY;
	}
}

void suspicion_add(struct suspicion *s, const struct id *id, uint64_t incarnation,
		   bool is_ours, uint32_t n_live)
{
	struct suspect *x = find(s, id);

	if (x && x->is_ours && x->incarnation == incarnation)
		return;
	if (!x && s->n == SUSPECTS_MAX) {
		count(s->env, drop_suspects_full);
		return;
	}
	feel_better(s);
	if (!x)
		x = &s->suspect[s->n++];
	x->id = *id;
	x->incarnation = incarnation;
	x->is_ours = is_ours;
	x->deadline = s->env->now + (is_ours ? patience(s, n_live) : RUMOUR_TIME);
	arm(s);
}

void suspicion_end(struct suspicion *s, const struct id *id, bool is_refuted)
{
	struct suspect *x = find(s, id);

	if (!x)
		return;
	if (x->is_ours && is_refuted)
		feel_worse(s);
	del(s, x);
}

void suspicion_relent(struct suspicion *s, const struct id *id)
{
	struct suspect *x = find(s, id);

	if (!x || !x->is_ours)
		return;
	x->is_ours = false;
	x->deadline = s->env->now + RUMOUR_TIME;
	feel_worse(s);
	arm(s);
}

/* One at a time: what follows from a verdict may change the others. */
static void on_timer(void *ctx)
{
	struct suspicion *s = ctx;
	struct suspect expired;
	struct suspect *x = s->suspect;

	while (x < s->suspect + s->n && x->deadline > s->env->now)
		x++;
	if (x == s->suspect + s->n)
		return;
	expired = *x;
	if (x->is_ours) {
		del(s, x);
	} else {
		x->deadline = s->env->now + RUMOUR_TIME;
		arm(s);
	}
	s->ops->expired(s->ctx, &expired.id, expired.is_ours);
}
