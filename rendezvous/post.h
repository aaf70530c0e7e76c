/*
 * Messages of this layer on their way out. What is for ourselves goes through a queue
 * and arrives in a later step like everything else, so that no module need know
 * whether it talks to its own AP.
 */
#ifndef PIAS_RENDEZVOUS_POST_H
#define PIAS_RENDEZVOUS_POST_H

#include "overlay/overlay.h"

#define POST_QUEUE_MAX 65536 /* messages to ourselves */

struct post_item;

struct post {
	struct env *env;
	struct overlay *overlay;
	void (*deliver)(void *ctx, const struct contact *from, uint8_t type,
			struct rd *body);
	void *ctx;
	struct timer timer;
	struct post_item *first;
	struct post_item **end;
	unsigned n;
};

void post_init(struct post *p, struct env *env, struct overlay *overlay,
	       void (*deliver)(void *ctx, const struct contact *from, uint8_t type,
			       struct rd *body),
	       void *ctx);
void post_fini(struct post *p);

/* As overlay_send; to ourselves, too. */
int post_send(struct post *p, const struct contact *to, uint8_t type,
	      const struct wr *body);
/* As overlay_route. */
int post_route(struct post *p, const struct id *key, uint8_t type, const struct wr *body);

#endif
