/*
 * A list of parcels. Full means full for the newest: what was accepted first is sent
 * first, and whoever sends more is told at once.
 */
#include "overlay/outbox.h"

#include <stdlib.h>
#include <string.h>

int outbox_add(struct outbox *o, bool is_datagram, uint8_t type, const void *body,
	       size_t len)
{
	struct parcel *p;

	if (is_datagram ? o->n_datagrams == OUTBOX_DATAGRAMS
			: o->n_messages == OUTBOX_MESSAGES)
		return PIAS_EFULL;
	if (len > OUTBOX_BYTES - o->bytes)
		return PIAS_EFULL;
	p = malloc(sizeof(*p) + len);
	if (!p)
		return PIAS_ENOMEM;
	p->next = NULL;
	p->is_datagram = is_datagram;
	p->type = type;
	p->len = len;
	if (len)
		memcpy(p->body, body, len);
	if (o->tail)
		o->tail->next = p;
	else
		o->head = p;
	o->tail = p;
	o->bytes += (uint32_t)len;
	if (is_datagram)
		o->n_datagrams++;
	else
		o->n_messages++;
	return 0;
}

struct parcel *outbox_take(struct outbox *o)
{
	struct parcel *p = o->head;

	if (!p)
		return NULL;
	o->head = p->next;
	if (!o->head)
		o->tail = NULL;
	o->bytes -= (uint32_t)p->len;
	if (p->is_datagram)
		o->n_datagrams--;
	else
		o->n_messages--;
	return p;
}

unsigned outbox_clear(struct outbox *o)
{
	unsigned n = 0;
	struct parcel *p;

	while ((p = outbox_take(o))) {
		free(p);
		n++;
	}
	return n;
}

bool outbox_is_empty(const struct outbox *o)
{
	return !o->head;
}
