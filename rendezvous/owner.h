/*
 * The rendezvous AP's part: decides what a join AP's update does to a group, answers
 * who resolves it, and stands on top of records (group.h), subscribers (push.h),
 * copies (replica.h) and hand-over (sync.h). PROTOCOL 7.2 to 7.5.
 */
#ifndef PIAS_RENDEZVOUS_OWNER_H
#define PIAS_RENDEZVOUS_OWNER_H

#include "rendezvous/rendezvous.h"
#include "rendezvous/sync.h"

struct owner {
	struct env *env;
	struct overlay *overlay;
	struct post *post;
	pias_time lease, negative_ttl; /* defaults granted */
	struct groups groups;
	struct selector selector;
	struct pushes pushes;
	struct replicas replicas;
	struct sync sync;
};

/* @left: what sync_leave ends in. PIAS_ENOMEM leaves nothing to be undone. */
must_check int owner_init(struct owner *o, struct env *env, struct overlay *overlay,
			  struct post *post, const struct rendezvous_config *config,
			  void (*left)(void *ctx), void *ctx);
void owner_fini(struct owner *o);

/* Bodies of the messages; 0 or PIAS_EMALFORMED. */
int owner_on_update(struct owner *o, const struct contact *from, struct rd *body);
int owner_on_resolve(struct owner *o, struct rd *body);
int owner_on_unsubscribe(struct owner *o, const struct contact *from, struct rd *body);

/* Does anybody get an answer for @g here? We own it, or hold a copy. */
bool owner_serves(const struct owner *o, const struct group *g);
enum select_result owner_select(struct owner *o, const struct group_name *name,
				const struct id *ingress, const struct coord *coord,
				const struct addr *src, struct target *out);

#endif
