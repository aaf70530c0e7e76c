/* Shared parts of records, found by id or text. */
#include "rendezvous/intern.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void interns_init(struct interns *in, struct env *env)
{
	htab_init(&in->aps);
	htab_init(&in->labels);
	env_random(env, &in->key, sizeof(in->key));
}

void interns_fini(struct interns *in)
{
	assert(!in->aps.n && !in->labels.n);
	htab_fini(&in->aps);
	htab_fini(&in->labels);
}

static bool ap_is(const void *item, const void *key)
{
	const struct ap *ap = item;

	return id_eq(&ap->contact.id, key);
}

static struct ap *ap_new(struct interns *in, const struct id *id)
{
	struct ap *ap = calloc(1, sizeof(*ap));

	if (ap && htab_add(&in->aps, id_prefix(id), ap)) {
		free(ap);
		return NULL;
	}
	return ap;
}

struct ap *ap_get(struct interns *in, const struct contact *contact,
		  const struct coord *coord)
{
	const struct id *id = &contact->id;
	struct ap *ap = htab_find(&in->aps, id_prefix(id), ap_is, id);

	if (!ap)
		ap = ap_new(in, id);
	if (!ap)
		return NULL;
	ap->contact = *contact;
	ap->coord = *coord;
	return ap_hold(ap);
}

struct ap *ap_hold(struct ap *ap)
{
	ap->refs++;
	return ap;
}

void ap_put(struct interns *in, struct ap *ap)
{
	assert(ap->refs);
	if (--ap->refs)
		return;
	htab_del(&in->aps, id_prefix(&ap->contact.id), ap);
	free(ap);
}

static bool label_is(const void *item, const void *key)
{
	const struct label *l = item;

	return !strcmp(l->text, key);
}

static struct label *label_new(struct interns *in, uint64_t hash, const char *text)
{
	size_t size = strlen(text) + 1;
	struct label *l = calloc(1, sizeof(*l) + size);

	if (!l)
		return NULL;
	l->hash = hash;
	memcpy(l->text, text, size);
	if (htab_add(&in->labels, hash, l)) {
		free(l);
		return NULL;
	}
	return l;
}

struct label *label_get(struct interns *in, const char *text)
{
	uint64_t hash = siphash(&in->key, text, strlen(text));
	struct label *l = htab_find(&in->labels, hash, label_is, text);

	if (!l)
		l = label_new(in, hash, text);
	if (l)
		l->refs++;
	return l;
}

void label_put(struct interns *in, struct label *l)
{
	assert(l->refs);
	if (--l->refs)
		return;
	htab_del(&in->labels, l->hash, l);
	free(l);
}
