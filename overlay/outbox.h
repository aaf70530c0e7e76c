/*
 * What waits for a link: messages and datagrams to one peer, in order, bounded.
 */
#ifndef PIAS_OVERLAY_OUTBOX_H
#define PIAS_OVERLAY_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "overlay/base/error.h"

#define OUTBOX_MESSAGES	 64
#define OUTBOX_DATAGRAMS 16
#define OUTBOX_BYTES	 (256 * 1024) /* of both */

struct parcel {
	struct parcel *next;
	bool is_datagram;
	uint8_t type;
	size_t len;
	uint8_t body[];
};

/* All zero: empty. */
struct outbox {
	struct parcel *head, *tail;
	uint32_t bytes;
	uint16_t n_messages, n_datagrams;
};

/* Copies @body. PIAS_EFULL, PIAS_ENOMEM. */
must_check int outbox_add(struct outbox *o, bool is_datagram, uint8_t type,
			  const void *body, size_t len);
/* The oldest, now the caller's to free; NULL = empty. */
struct parcel *outbox_take(struct outbox *o);
/* Throws all away; returns how many. */
unsigned outbox_clear(struct outbox *o);
bool outbox_is_empty(const struct outbox *o);

#endif
