/*
 * The flow table. Tags of 16 bits stand together in front of each set, so that a
 * lookup touches one cache line for a stranger and three for a flow that is known.
 */
#include "forwarder/flow.h"

#include <stdlib.h>
#include <string.h>

#define TICK_SHIFT 16 /* 65.536 ms; 32 bits of it last nine years */
#define TICKS(t)   ((uint32_t)((t) >> TICK_SHIFT))

#define NEW_LIFE	TICKS(30 * SEC)
#define CLOSING_LIFE	TICKS(10 * SEC)
#define TCP_LIFE	TICKS(3600 * SEC)
#define UDP_LIFE	TICKS(180 * SEC)
#define EVICTABLE_AFTER TICKS(60 * SEC) /* an established flow, by a newcomer */
#define UDP_ESTABLISHED 3		/* packets */

void flows_init(struct flows *t, const struct siphash_key *key, uint32_t max)
{
	memset(t, 0, sizeof(*t));
	t->key = *key;
	t->n_sets = max / FLOW_WAYS ? max / FLOW_WAYS : 1;
	t->max = t->n_sets * FLOW_WAYS;
}

void flows_fini(struct flows *t)
{
	free(t->set);
	t->set = NULL;
}

static uint32_t age(const struct flow *f, uint32_t now)
{
	return now - f->used;
}

static uint32_t life(const struct flow *f)
{
	switch ((enum flow_state)f->state) {
	case FLOW_FREE:
		return 0;
	case FLOW_NEW:
		return NEW_LIFE;
	case FLOW_CLOSING:
		return CLOSING_LIFE;
	case FLOW_ESTABLISHED:
		return f->proto == PROTO_TCP ? TCP_LIFE : UDP_LIFE;
	}
	return 0;
}

static bool is_live(const struct flow *f, uint32_t now)
{
	return f->state != FLOW_FREE && age(f, now) <= life(f);
}

static bool is_key(const struct flow *f, const struct pick_flow *k)
{
	return f->sport == k->sport && f->dport == k->dport && f->proto == k->proto &&
	       f->family == k->family && !memcmp(f->src, k->src, 16) &&
	       !memcmp(f->dst, k->dst, 16);
}

static struct flow_set *set_of(const struct flows *t, uint64_t hash)
{
	return &t->set[pick_slot(hash, t->n_sets)];
}

struct flow *flows_find(const struct flows *t, pias_time now, uint64_t hash,
			const struct pick_flow *key)
{
	struct flow_set *s;
	int i;

	if (!t->set)
		return NULL;
	s = set_of(t, hash);
	for (i = 0; i < FLOW_WAYS; i++)
		if (s->tag[i] == (uint16_t)hash && is_live(&s->flow[i], TICKS(now)) &&
		    is_key(&s->flow[i], key))
			return &s->flow[i];
	return NULL;
}

/*
 * Which flow a newcomer may replace, as a rank: the expired first, then those that
 * are not established, then the long idle; 0 = none of these.
 */
static int spare_rank(const struct flow *f, uint32_t now)
{
	if (!is_live(f, now))
		return 3;
	if (f->state != FLOW_ESTABLISHED)
		return 2;
	return age(f, now) > EVICTABLE_AFTER ? 1 : 0;
}

static struct flow *find_spare(struct flow_set *s, uint32_t now)
{
	struct flow *best = NULL;
	int i, best_rank = 0;

	for (i = 0; i < FLOW_WAYS; i++) {
		struct flow *f = &s->flow[i];
		int rank = spare_rank(f, now);

		if (rank > best_rank ||
		    (rank && rank == best_rank && age(f, now) > age(best, now))) {
			best = f;
			best_rank = rank;
		}
	}
	return best;
}

enum flow_added flows_add(struct flows *t, pias_time now, uint64_t hash,
			  const struct pick_flow *key, struct flow **out)
{
	enum flow_added added = FLOW_ADDED;
	struct flow_set *s;
	struct flow *f;

	if (!t->set)
		t->set = calloc(t->n_sets, sizeof(*t->set));
	if (!t->set)
		return FLOW_REFUSED;
	s = set_of(t, hash);
	f = find_spare(s, TICKS(now));
	if (!f)
		return FLOW_REFUSED;
	if (f->state == FLOW_FREE)
		t->n++;
	else if (is_live(f, TICKS(now)))
		added = FLOW_EVICTED_ONE;
	memset(f, 0, sizeof(*f));
	memcpy(f->src, key->src, 16);
	memcpy(f->dst, key->dst, 16);
	f->sport = key->sport;
	f->dport = key->dport;
	f->proto = key->proto;
	f->family = key->family & 15;
	f->state = FLOW_NEW;
	f->used = TICKS(now);
	s->tag[f - s->flow] = (uint16_t)hash;
	*out = f;
	return added;
}

void flow_place(struct flow *f, uint64_t server, uint16_t hint)
{
	f->server = server;
	f->target = hint;
	f->state = FLOW_NEW;
	f->packets = 0;
	f->bytes_low = f->bytes_high = 0;
}

/* A SYN proves nothing; whoever answers one with an ACK has heard from the server. */
static enum flow_state next_state(const struct flow *f, uint8_t tcp_flags)
{
	if (f->proto == PROTO_UDP)
		return f->packets >= UDP_ESTABLISHED ? FLOW_ESTABLISHED : FLOW_NEW;
	if (tcp_flags & (TCP_FIN | TCP_RST))
		return FLOW_CLOSING;
	if (tcp_flags & TCP_SYN)
		return f->state == FLOW_CLOSING ? FLOW_NEW : (enum flow_state)f->state;
	if (f->state == FLOW_NEW && f->packets > 1)
		return FLOW_ESTABLISHED;
	return (enum flow_state)f->state;
}

void flow_touch(struct flow *f, pias_time now, uint8_t tcp_flags, uint32_t n,
		uint64_t bytes)
{
	uint64_t sum = flow_bytes(f) + bytes;

	f->packets = f->packets + n < f->packets ? UINT32_MAX : f->packets + n;
	f->bytes_low = (uint32_t)sum;
	f->bytes_high = (uint16_t)(sum >> 32);
	f->used = TICKS(now);
	f->state = next_state(f, tcp_flags) & 15;
}

uint64_t flow_bytes(const struct flow *f)
{
	return (uint64_t)f->bytes_high << 32 | f->bytes_low;
}

pias_time flow_idle(const struct flow *f, pias_time now)
{
	return (pias_time)age(f, TICKS(now)) << TICK_SHIFT;
}

static struct addr end_of(const struct flow *f, const uint8_t ip[16], uint16_t port)
{
	struct addr a = {.family = f->family, .port = port};

	memcpy(a.ip, ip, 16);
	return a;
}

struct addr flow_client(const struct flow *f)
{
	return end_of(f, f->src, f->sport);
}

struct addr flow_group(const struct flow *f)
{
	return end_of(f, f->dst, f->dport);
}

const struct flow *flows_next(const struct flows *t, pias_time now, uint32_t *pos)
{
	if (!t->set)
		return NULL;
	while (*pos < t->max) {
		uint32_t i = (*pos)++;
		const struct flow *f = &t->set[i / FLOW_WAYS].flow[i % FLOW_WAYS];

		if (is_live(f, TICKS(now)))
			return f;
	}
	return NULL;
}
