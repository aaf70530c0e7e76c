/*
 * Contact records, each kept once per process and shared by reference: ten thousand
 * APs in one simulator know the same ten thousand APs. A record is what somebody
 * announced under one incarnation and never changes; a greater incarnation is another
 * record. References are small numbers, 0 is none; what they count to depends on
 * history, so nothing that can be observed may depend on them.
 */
#ifndef PIAS_OVERLAY_BOOK_H
#define PIAS_OVERLAY_BOOK_H

#include "overlay/contact.h"

#define BOOK_MAX ((1u << 28) - 1) /* references fit 28 bits */

struct record {
	struct contact contact;
	uint64_t incarnation;
	uint64_t digest; /* of all of it, for table digests */
};

struct book;

/* NULL: out of memory. */
struct book *book_new(void);
void book_free(struct book *b);
/* Finds or enters the record and takes a reference; 0 = out of memory. */
uint32_t book_take(struct book *b, const struct contact *c, uint64_t incarnation);
void book_take_again(struct book *b, uint32_t ref);
void book_drop(struct book *b, uint32_t ref);
/* Stays where it is as long as somebody holds a reference. */
const struct record *book_get(const struct book *b, uint32_t ref);
/* The records with an address of @host, one after the other; 0: the first, or no more. */
uint32_t book_next_at(const struct book *b, const struct addr *host, uint32_t after);
uint32_t book_n(const struct book *b);

#endif
