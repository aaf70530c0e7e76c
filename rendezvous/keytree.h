/*
 * Groups in the order of their keys on the ring: a treap (Seidel and Aragon, 1996).
 * Priorities are a keyed hash of the key, so that nobody can choose names that make
 * it deep. The nodes are part of what they index.
 */
#ifndef PIAS_RENDEZVOUS_KEYTREE_H
#define PIAS_RENDEZVOUS_KEYTREE_H

#include "overlay/base/id.h"

struct keynode {
	struct keynode *left, *right;
	uint64_t priority;
	struct id key;
};

struct keytree {
	struct keynode *root;
};

/* The key must not be present. @n has key and priority. */
void keytree_add(struct keytree *t, struct keynode *n);
void keytree_del(struct keytree *t, struct keynode *n);
/* The first node after @key in clockwise order, around the wrap; NULL: empty. */
struct keynode *keytree_after(const struct keytree *t, const struct id *key);

#endif
