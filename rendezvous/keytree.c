/* The treap: a search tree by key, a heap by priority; split and merge do all. */
#include "rendezvous/keytree.h"

#include <assert.h>
#include <stddef.h>

/* @low: keys before @key; @high: the others. */
static void split(struct keynode *n, const struct id *key, struct keynode **low,
		  struct keynode **high)
{
	while (n) {
		if (id_cmp(&n->key, key) < 0) {
			*low = n;
			low = &n->right;
			n = n->right;
		} else {
			*high = n;
			high = &n->left;
			n = n->left;
		}
	}
	*low = NULL;
	*high = NULL;
}

/* Every key of @low comes before those of @high. */
static void merge(struct keynode **at, struct keynode *low, struct keynode *high)
{
	while (low && high) {
		if (low->priority >= high->priority) {
			*at = low;
			at = &low->right;
			low = low->right;
		} else {
			*at = high;
			at = &high->left;
			high = high->left;
		}
	}
	*at = low ? low : high;
}

void keytree_add(struct keytree *t, struct keynode *n)
{
	struct keynode **at = &t->root;

	while (*at && (*at)->priority >= n->priority)
		at = id_cmp(&n->key, &(*at)->key) < 0 ? &(*at)->left : &(*at)->right;
	split(*at, &n->key, &n->left, &n->right);
	*at = n;
}

void keytree_del(struct keytree *t, struct keynode *n)
{
	struct keynode **at = &t->root;

	while (*at != n) {
		assert(*at);
		at = id_cmp(&n->key, &(*at)->key) < 0 ? &(*at)->left : &(*at)->right;
	}
	merge(at, n->left, n->right);
}

struct keynode *keytree_after(const struct keytree *t, const struct id *key)
{
	struct keynode *n = t->root, *found = NULL;

	while (n) {
		if (id_cmp(&n->key, key) > 0) {
			found = n;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	if (found)
		return found;
	for (n = t->root; n && n->left; n = n->left)
		;
	return n;
}
