/*
 * The wheel. A lease hangs in the slot of the tick at or after its end, or in the
 * last slot ahead when that is further away. A prolonged lease stays where it hangs
 * and moves on when its slot comes by, so refreshes never touch the lists.
 */
#include "rendezvous/lease.h"

#include <string.h>

static void sweep(void *ctx);

void leases_init(struct leases *ls, struct env *env,
		 void (*ended)(void *ctx, struct lease *l), void *ctx)
{
	memset(ls, 0, sizeof(*ls));
	ls->env = env;
	ls->ended = ended;
	ls->ctx = ctx;
	ls->swept = env->now / LEASE_GRAIN;
	timer_init(&ls->timer, sweep, ls);
}

void leases_fini(struct leases *ls)
{
	timer_stop(&ls->env->timers, &ls->timer);
}

static void unlink_lease(struct lease *l)
{
	*l->pprev = l->next;
	if (l->next)
		l->next->pprev = l->pprev;
	l->pprev = NULL;
}

static void link_lease(struct lease **head, struct lease *l)
{
	l->next = *head;
	if (l->next)
		l->next->pprev = &l->next;
	l->pprev = head;
	*head = l;
}

static void hang(struct leases *ls, struct lease *l)
{
	int64_t tick = (l->ends + LEASE_GRAIN - 1) / LEASE_GRAIN;

	if (tick <= ls->swept)
		tick = ls->swept + 1;
	if (tick >= ls->swept + LEASE_SLOTS)
		tick = ls->swept + LEASE_SLOTS - 1;
	link_lease(&ls->slot[tick % LEASE_SLOTS], l);
	if (!timer_is_set(&ls->timer) || ls->timer.at > tick * LEASE_GRAIN)
		timer_set(&ls->env->timers, &ls->timer, tick * LEASE_GRAIN);
}

/* While nothing hangs there is no timer, and time passes without us. */
static void catch_up(struct leases *ls)
{
	int64_t now = ls->env->now / LEASE_GRAIN;

	if (!timer_is_set(&ls->timer) && now > ls->swept)
		ls->swept = now;
}

void lease_set(struct leases *ls, struct lease *l, pias_time ends)
{
	if (l->pprev && ends >= l->ends) {
		l->ends = ends;
		return;
	}
	if (l->pprev)
		unlink_lease(l);
	l->ends = ends;
	catch_up(ls);
	hang(ls, l);
}

void lease_stop(struct lease *l)
{
	if (l->pprev)
		unlink_lease(l);
}

bool lease_is_set(const struct lease *l)
{
	return l->pprev != NULL;
}

static void wake_at_next(struct leases *ls)
{
	int64_t tick;

	for (tick = ls->swept + 1; tick < ls->swept + LEASE_SLOTS; tick++)
		if (ls->slot[tick % LEASE_SLOTS]) {
			timer_set(&ls->env->timers, &ls->timer, tick * LEASE_GRAIN);
			return;
		}
}

/* What ended() does to other leases, also to those of this slot, is allowed. */
static void empty_slot(struct leases *ls, struct lease **slot)
{
	struct lease *due = *slot, *l;

	*slot = NULL;
	if (due)
		due->pprev = &due;
	while ((l = due)) {
		unlink_lease(l);
		if (l->ends > ls->env->now)
			hang(ls, l);
		else
			ls->ended(ls->ctx, l);
	}
}

static void sweep(void *ctx)
{
	struct leases *ls = ctx;
	int64_t now = ls->env->now / LEASE_GRAIN;

	/* After a long sleep every slot is due, once. */
	if (now - ls->swept > LEASE_SLOTS)
		ls->swept = now - LEASE_SLOTS;
	while (ls->swept < now) {
		ls->swept++;
		empty_slot(ls, &ls->slot[ls->swept % LEASE_SLOTS]);
	}
	wake_at_next(ls);
}
