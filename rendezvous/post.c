/* The way out, with a detour for messages to ourselves. */
#include "rendezvous/post.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct post_item {
	struct post_item *next;
	size_t len;
	uint8_t type;
	uint8_t body[];
};

static void run(void *ctx);

void post_init(struct post *p, struct env *env, struct overlay *overlay,
	       void (*deliver)(void *ctx, const struct contact *from, uint8_t type,
			       struct rd *body),
	       void *ctx)
{
	memset(p, 0, sizeof(*p));
	p->env = env;
	p->overlay = overlay;
	p->deliver = deliver;
	p->ctx = ctx;
	p->end = &p->first;
	timer_init(&p->timer, run, p);
}

static struct post_item *take_first(struct post *p)
{
	struct post_item *item = p->first;

	p->first = item->next;
	if (!p->first)
		p->end = &p->first;
	p->n--;
	return item;
}

void post_fini(struct post *p)
{
	while (p->first)
		free(take_first(p));
	timer_stop(&p->env->timers, &p->timer);
}

/* What is posted meanwhile waits for the next run, so that others get their turn. */
static void run(void *ctx)
{
	struct post *p = ctx;
	unsigned n = p->n;
	struct post_item *item;
	struct rd r;

	while (n--) {
		item = take_first(p);
		rd_init(&r, item->body, item->len);
		p->deliver(p->ctx, overlay_self(p->overlay), item->type, &r);
		free(item);
	}
	if (p->n)
		timer_set(&p->env->timers, &p->timer, p->env->now);
}

static int to_ourselves(struct post *p, uint8_t type, const struct wr *body)
{
	struct post_item *item;

	if (p->n >= POST_QUEUE_MAX) {
		count(p->env, drop_send_full);
		return PIAS_EFULL;
	}
	item = malloc(sizeof(*item) + wr_len(body));
	if (!item)
		return PIAS_ENOMEM;
	item->next = NULL;
	item->type = type;
	item->len = wr_len(body);
	memcpy(item->body, body->start, item->len);
	*p->end = item;
	p->end = &item->next;
	p->n++;
	if (!timer_is_set(&p->timer))
		timer_set(&p->env->timers, &p->timer, p->env->now);
	return 0;
}

int post_send(struct post *p, const struct contact *to, uint8_t type,
	      const struct wr *body)
{
	assert(!body->err);
	if (id_eq(&to->id, &overlay_self(p->overlay)->id))
		return to_ourselves(p, type, body);
	return overlay_send(p->overlay, to, type, body->start, wr_len(body));
}

int post_route(struct post *p, const struct id *key, uint8_t type, const struct wr *body)
{
	assert(!body->err);
	if (overlay_owns(p->overlay, key))
		return to_ourselves(p, type, body);
	return overlay_route(p->overlay, key, type, body->start, wr_len(body));
}
