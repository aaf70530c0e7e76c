/* Each event is what its words say; one that finds nothing to do does nothing. */
#include "sim/script.h"

#define DRAIN_TIME  (5 * SEC) /* from leaving to being gone */
#define SLOW_FACTOR 20

static void gone(void *ctx, uint64_t i)
{
	struct service *s = ctx;

	if (s->ap[i]->is_leaving)
		ap_crash(s->ap[i], false);
}

static void start_server(struct server *server)
{
	if (server->state == AGENT_LEFT)
		server_crash(server);
	if (!server->host->is_up)
		server_start(server);
}

/* Some hosts can't reach the others, nor be reached. */
static void partition(struct service *s, uint32_t percent)
{
	uint32_t i;

	for (i = 0; i < s->world.n_hosts; i++)
		s->world.host[i]->fault.side =
			rng_chance(&s->rng, percent / 100.0) ? 1 : 0;
	s->world.faults.cut_out = s->world.faults.cut_in = 1;
}

static void heal(struct service *s)
{
	uint32_t i;

	s->world.faults.cut_out = s->world.faults.cut_in = 0;
	for (i = 0; i < s->world.n_hosts; i++)
		s->world.host[i]->fault.slow = 1;
}

static void happen(void *ctx, uint64_t index)
{
	struct service *s = ctx;
	const struct script_event *e = &s->scenario->event[index];
	struct ap *ap = e->which < s->n_aps ? s->ap[e->which] : s->ap[0];
	struct server *server = s->server[e->which < s->n_servers ? e->which : 0];

	switch (e->what) {
	case SCRIPT_CRASH_AP:
	case SCRIPT_CUT_AP:
		ap_crash(ap, e->what == SCRIPT_CUT_AP);
		break;
	case SCRIPT_LEAVE_AP:
		ap_leave(ap);
		world_at(&s->world, s->world.now + DRAIN_TIME, gone, s, e->which);
		break;
	case SCRIPT_START_AP:
		if (!ap->host->is_up)
			ap_start(ap);
		break;
	case SCRIPT_SLOW_AP:
		ap->host->fault.slow = SLOW_FACTOR;
		break;
	case SCRIPT_CRASH_SERVER:
		server_crash(server);
		break;
	case SCRIPT_LEAVE_SERVER:
		server_leave(server);
		break;
	case SCRIPT_START_SERVER:
		start_server(server);
		break;
	case SCRIPT_PARTITION:
		partition(s, e->which);
		break;
	case SCRIPT_HEAL:
		heal(s);
		break;
	case SCRIPT_REROUTE:
		catchment_shift(&s->catchment);
		break;
	case N_SCRIPTED:
		break;
	}
}

void script_begin(struct service *s)
{
	unsigned i;

	s->began = s->world.now;
	for (i = 0; i < s->scenario->n_events; i++)
		world_at(&s->world, s->began + s->scenario->event[i].at, happen, s, i);
}
