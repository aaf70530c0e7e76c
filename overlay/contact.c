/* Contacts on the wire, and the choice between their two addresses. */
#include "overlay/contact.h"

/* Whoever gets a contact may dial it: nobody's loopback, no group, a port. */
static bool is_fit(const struct addr *a, unsigned family)
{
	if (addr_is_none(a))
		return true;
	return a->family == family && a->port && addr_is_unicast(a);
}

void contact_read(struct rd *r, struct contact *c)
{
	id_read(r, &c->id);
	addr_read(r, &c->addr[0]);
	addr_read(r, &c->addr[1]);
	if (!is_fit(&c->addr[0], ADDR_V4) || !is_fit(&c->addr[1], ADDR_V6))
		r->err = PIAS_EMALFORMED;
}

void contact_write(struct wr *w, const struct contact *c)
{
	id_write(w, &c->id);
	addr_write(w, &c->addr[0]);
	addr_write(w, &c->addr[1]);
}

bool contact_has_addr(const struct contact *c)
{
	return c->addr[0].family || c->addr[1].family;
}

bool contact_is_at(const struct contact *c, const struct addr *a)
{
	return !addr_is_none(a) && (addr_eq(&c->addr[0], a) || addr_eq(&c->addr[1], a));
}

bool contact_shares_addr(const struct contact *a, const struct contact *b)
{
	int i;

	for (i = 0; i < 2; i++)
		if (a->addr[i].family && addr_eq(&a->addr[i], &b->addr[i]))
			return true;
	return false;
}

const struct addr *contact_addr(const struct contact *c, const struct contact *self)
{
	int i;

	for (i = 0; i < 2; i++)
		if (c->addr[i].family && self->addr[i].family)
			return &c->addr[i];
	return NULL;
}
