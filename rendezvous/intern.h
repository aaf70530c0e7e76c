/*
 * What many records share, kept once: the APs that servers joined through or that
 * subscribe, with their last known coordinate, and the names of servers' owners.
 * Counted references; the last one frees.
 */
#ifndef PIAS_RENDEZVOUS_INTERN_H
#define PIAS_RENDEZVOUS_INTERN_H

#include "overlay/base/env.h"
#include "overlay/base/htab.h"
#include "overlay/base/siphash.h"
#include "overlay/contact.h"
#include "overlay/coord.h"

struct ap {
	struct contact contact;
	struct coord coord;
	uint32_t refs;
	uint32_t memo_tag; /* select.c: whose cost memo_us is */
	uint32_t memo_us;
};

struct label {
	uint64_t hash;
	uint32_t refs;
	char text[];
};

struct interns {
	struct htab aps;
	struct htab labels;
	struct siphash_key key;
};

void interns_init(struct interns *in, struct env *env);
/* Everything must have been put back. */
void interns_fini(struct interns *in);

/* Takes a reference; contact and coordinate become the newest told. NULL: no memory. */
struct ap *ap_get(struct interns *in, const struct contact *contact,
		  const struct coord *coord);
struct ap *ap_hold(struct ap *ap);
void ap_put(struct interns *in, struct ap *ap);

struct label *label_get(struct interns *in, const char *text);
void label_put(struct interns *in, struct label *l);

#endif
