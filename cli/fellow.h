/*
 * Other programs like this one on the same host (that is, in the same network
 * namespace): who serves an anycast address leaves a sign, and who comes or goes looks
 * whether there is another. The kernel takes a sign away with the program that made
 * it, however that ends.
 */
#ifndef PIAS_CLI_FELLOW_H
#define PIAS_CLI_FELLOW_H

#include "rendezvous/name.h"

#define FELLOW_FORM_MAX 32

/* Names this program apart from all others. */
struct fellow {
	uint64_t self;
};

void fellow_init(struct fellow *f);
/*
 * Leaves the sign that we serve @host, in a certain way: @form is a word. Returns a
 * descriptor, which is the sign, or a negative errno value.
 */
must_check int fellow_sign(const struct fellow *f, const struct addr *host,
			   const char *form);
/* Does another program serve @host, in the way of @form (NULL: in any)? */
bool fellow_serves(const struct fellow *f, const struct addr *host, const char *form);
/*
 * Takes @group for this program: two for one group would take the membership from each
 * other for ever. Returns a descriptor, which is the claim, or a negative errno value,
 * -EADDRINUSE if another program on this host has it.
 */
must_check int fellow_claim(const struct group_name *group);

#endif
