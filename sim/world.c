/*
 * Hosts, time and the event loop. Every event that is delivered enters the trace hash
 * with its time, kind, host and bytes; what is void is dropped without a trace.
 */
#include "sim/world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/event.h"
#include "sim/pages.h"

#define CONTROL_PORT 7427
#define HOSTS_MAX    (1u << 24)				/* addresses in 10.0.0.0/8 */
#define HOST_SLAB    (PAGES_UNIT / sizeof(struct host)) /* allocated at a time */

/* So many pops before it is delivered, an event, its host and its core are fetched. */
#define FETCH_EVENT (QUEUE_AHEAD - 2)
#define FETCH_HOST  9
#define FETCH_CORE  5

void world_init(struct world *w, uint64_t seed, enum queue_kind queue)
{
	struct topology topology = w->topology;

	memset(w, 0, sizeof(*w));
	w->topology = topology;
	w->seed = seed;
	w->free_event = EVENT_NONE;
	w->free_link = EVENT_NONE;
	queue_init(&w->queue, queue);
	faults_init(&w->faults, seed);
	rng_init(&w->rng, seed, RNG_NETWORK, 0);
}

void world_fini(struct world *w)
{
	uint32_t i;

	for (i = 0; i < w->n_hosts; i++)
		env_fini(&w->host[i]->env);
	for (i = 0; i < w->n_hosts; i += HOST_SLAB)
		free(w->host[i]);
	for (i = 0; i < w->n_events; i++)
		free(w->event[i].buf);
	for (i = 0; i < w->n_waiting; i++)
		free(w->waiting[i].buf);
	free(w->waiting);
	free(w->host);
	free(w->event);
	free(w->link);
	buffers_fini(&w->buffers);
	queue_fini(&w->queue);
	topology_fini(&w->topology);
	memset(w, 0, sizeof(*w));
}

/* --- hosts --------------------------------------------------------------- */

struct addr world_addr(uint32_t index)
{
	uint8_t ip[4] = {10, (uint8_t)(index >> 16), (uint8_t)(index >> 8),
			 (uint8_t)index};

	return addr_v4(ip, CONTROL_PORT);
}

/* The next of its slab, zeroed. */
static struct host *new_host(struct world *w)
{
	struct host *h;

	if (w->n_hosts == w->cap_hosts) {
		w->cap_hosts = w->cap_hosts ? 2 * w->cap_hosts : HOST_SLAB;
		w->host = realloc(w->host, w->cap_hosts * sizeof(struct host *));
	}
	h = w->n_hosts % HOST_SLAB ? w->host[w->n_hosts - 1] + 1 : pages_new(PAGES_UNIT);
	if (!h || !w->host || w->n_hosts == HOSTS_MAX)
		abort();
	w->host[w->n_hosts++] = h;
	return h;
}

struct host *world_add_host(struct world *w, uint32_t point, const struct id *id)
{
	static const struct id zero;
	struct host *h = new_host(w);

	h->world = w;
	h->index = w->n_hosts - 1;
	h->point = point;
	h->addr = world_addr(h->index);
	rng_init(&h->rng, w->seed, RNG_NODE, h->index);
	h->id = *id;
	if (id_eq(id, &zero))
		rng_fill(&h->rng, h->id.b, ID_LEN);
	env_init(&h->env, &transit_ops, h);
	return h;
}

static const uint8_t net6[12] = {0x20, 0x01, 0x0d, 0xb8, 0, 0xcc};

struct addr world_addr6(const struct host *h)
{
	uint8_t ip[16];

	memcpy(ip, net6, sizeof(net6));
	memcpy(ip + sizeof(net6), h->addr.ip, 4);
	return addr_v6(ip, 0);
}

uint32_t world_index_by_addr(const struct world *w, const struct addr *a)
{
	const uint8_t *ip = a->ip;
	uint32_t index;

	if (a->family == ADDR_V6 && !memcmp(ip, net6, sizeof(net6)))
		ip += sizeof(net6);
	else if (a->family != ADDR_V4)
		return UINT32_MAX;
	index = (uint32_t)ip[1] << 16 | (uint32_t)ip[2] << 8 | ip[3];
	return ip[0] == 10 && index < w->n_hosts ? index : UINT32_MAX;
}

struct host *world_host_by_addr(const struct world *w, const struct addr *a)
{
	uint32_t index = world_index_by_addr(w, a);

	return index == UINT32_MAX ? NULL : w->host[index];
}

/* The host's clock now; rounded down. */
static pias_time host_clock(const struct host *h)
{
	pias_time now = h->world->now;

	return now + h->clock_ahead + now / 1000000 * h->clock_ppm +
	       now % 1000000 * h->clock_ppm / 1000000;
}

pias_time host_clock_reaches(const struct host *h, pias_time at)
{
	pias_time left = at - host_clock(h), now = h->world->now;

	if (left <= 0 || !h->clock_ppm)
		return now + left;
	/* Not too early by the roundings. */
	return now + left / (1000000 + h->clock_ppm) * 1000000 +
	       left % (1000000 + h->clock_ppm) * 1000000 / (1000000 + h->clock_ppm) + 2;
}

void world_start_host(struct world *w, struct host *h)
{
	assert(!h->is_up);
	h->is_up = true;
	h->is_paused = false;
	h->env.now = host_clock(h);
	h->env.wake_asked = PIAS_NEVER;
}

void world_crash_host(struct world *w, struct host *h, bool silent)
{
	if (!h->is_up)
		return;
	h->is_up = false;
	transit_break_links(w, h, silent);
	h->generation++;
	timers_fini(&h->env.timers);
	timers_init(&h->env.timers);
}

void world_enter(struct host *h)
{
	h->env.now = host_clock(h);
}

void world_leave(struct host *h)
{
	env_settle(&h->env);
}

/* --- events -------------------------------------------------------------- */

static void grow_events(struct world *w)
{
	uint32_t i, cap = w->cap_events ? 2 * w->cap_events : 1024;

	w->event = realloc(w->event, cap * sizeof(*w->event));
	if (!w->event)
		abort();
	for (i = cap; i-- > w->cap_events;) {
		memset(&w->event[i], 0, sizeof(w->event[i]));
		w->event[i].from = w->free_event;
		w->free_event = i;
	}
	w->n_events = w->cap_events = cap;
}

struct event *event_new(struct world *w, pias_time at, enum event_kind kind)
{
	uint32_t i;
	struct event *e;

	if (w->free_event == EVENT_NONE)
		grow_events(w);
	i = w->free_event;
	e = &w->event[i];
	w->free_event = e->from;
	memset(e, 0, sizeof(*e));
	e->kind = (uint8_t)kind;
	queue_push(&w->queue, (uint64_t)(at > w->now ? at : w->now), i);
	return e;
}

struct buffer *event_bytes(struct world *w, const void *data, size_t len)
{
	struct buffer *b = buffer_get(&w->buffers, len);

	memcpy(b->data, data, len);
	return b;
}

static void event_free(struct world *w, uint32_t i)
{
	struct event *e = &w->event[i];

	if (e->buf)
		buffer_put(&w->buffers, e->buf);
	e->buf = NULL;
	e->from = w->free_event;
	w->free_event = i;
}

void world_at(struct world *w, pias_time at, void (*fn)(void *ctx, uint64_t arg),
	      void *ctx, uint64_t arg)
{
	struct event *e = event_new(w, at, EVENT_CALL);

	e->call.fn = fn;
	e->call.ctx = ctx;
	e->call.arg = arg;
}

/* One step of a hash that only has to tell runs apart, not to withstand anybody. */
static uint64_t mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0x9fb21c651e98df25ULL;
	return h ^ h >> 28;
}

static void trace(struct world *w, const struct event *e)
{
	uint64_t h =
		mix(mix(w->trace, (uint64_t)w->now), (uint64_t)e->kind << 32 | e->host);
	uint64_t word;
	size_t i;

	for (i = 0; e->buf && i < e->buf->len; i += sizeof(word)) {
		size_t left = e->buf->len - i;

		word = 0;
		memcpy(&word, e->buf->data + i,
		       left < sizeof(word) ? left : sizeof(word));
		h = mix(h, word);
	}
	w->trace = h;
}

/* --- pauses ----------------------------------------------------------------- */

void world_pause_host(struct world *w, struct host *h, pias_time time)
{
	struct event *e;

	if (!h->is_up || h->is_paused)
		return;
	h->is_paused = true;
	e = event_new(w, w->now + time, EVENT_RESUME);
	e->host = h->index;
	e->generation = h->generation;
}

/* Takes @e over. */
static void wait_for_resume(struct world *w, struct event *e)
{
	if (w->n_waiting == w->cap_waiting) {
		w->cap_waiting = w->cap_waiting ? 2 * w->cap_waiting : 64;
		w->waiting = realloc(w->waiting, w->cap_waiting * sizeof(*w->waiting));
		if (!w->waiting)
			abort();
	}
	w->waiting[w->n_waiting++] = *e;
	e->buf = NULL;
}

/* Is it still meant for anybody? */
static bool is_void(const struct world *w, const struct event *e)
{
	const struct host *h;

	if (e->kind == EVENT_CALL)
		return false;
	h = w->host[e->host];
	return !h->is_up || h->generation != e->generation;
}

static void deliver(struct world *w, struct event *e);

/* What came meanwhile, in order; what waits for others stays. */
static void resume(struct world *w, struct host *h)
{
	size_t i, n = w->n_waiting, kept = 0;

	h->is_paused = false;
	for (i = 0; i < n; i++) {
		struct event e = w->waiting[i];

		if (e.host != h->index) {
			w->waiting[kept++] = e;
			continue;
		}
		if (!is_void(w, &e))
			deliver(w, &e);
		if (e.buf)
			buffer_put(&w->buffers, e.buf);
	}
	w->n_waiting = kept;
}

static void deliver(struct world *w, struct event *e)
{
	if (e->kind < EVENT_RESUME && w->host[e->host]->is_paused) {
		wait_for_resume(w, e);
		return;
	}
	trace(w, e);
	w->n_delivered++;
	if (e->kind == EVENT_CALL)
		e->call.fn(e->call.ctx, e->call.arg);
	else if (e->kind == EVENT_RESUME)
		resume(w, w->host[e->host]);
	else
		transit_deliver(w, e);
}

/*
 * With many hosts most of what an event needs is not in the cache. It is fetched while
 * the events before it are delivered, in three steps since one leads to the next.
 */
static void fetch_coming(const struct world *w)
{
	const struct host *h;
	uint32_t i;

	if (queue_coming(&w->queue, FETCH_EVENT, &i))
		__builtin_prefetch(&w->event[i]);
	if (queue_coming(&w->queue, FETCH_HOST, &i) && w->event[i].kind < EVENT_CALL) {
		h = w->host[w->event[i].host];
		__builtin_prefetch(h);
		__builtin_prefetch(&h->world);
		__builtin_prefetch(&h->env.timers);
		__builtin_prefetch(&h->env.aead);
	}
	if (queue_coming(&w->queue, FETCH_CORE, &i) && w->event[i].kind < EVENT_CALL) {
		h = w->host[w->event[i].host];
		if (w->event[i].buf)
			__builtin_prefetch(w->event[i].buf);
		__builtin_prefetch(h->env.timers.heap);
		if (h->is_up && h->doors->approach)
			h->doors->approach(h->core);
	}
}

bool world_run(struct world *w, pias_time until)
{
	struct queue_entry q;

	event_new(w, until, EVENT_STOP);
	while (queue_pop(&w->queue, &q)) {
		fetch_coming(w);
		/* The pool may move while it is delivered: work on a copy. */
		struct event e = w->event[q.event];

		w->event[q.event].buf = NULL;
		event_free(w, q.event);
		w->now = (pias_time)q.at;
		if (e.kind == EVENT_STOP)
			break;
		if (!is_void(w, &e))
			deliver(w, &e);
		if (e.buf)
			buffer_put(&w->buffers, e.buf);
	}
	return queue_size(&w->queue) > 0;
}
