/* Codecs of the forwarder's two messages. */
#include "forwarder/wrap.h"

#include "overlay/base/error.h"

void wrap_write(struct wr *w, const struct wrap *wrap)
{
	wr_u8(w, wrap->hops);
	wr_u8(w, wrap->proto);
	wr_u16(w, wrap->sport);
	wr_u16(w, wrap->dport);
	id_write(w, &wrap->ingress);
	coord_write(w, &wrap->coord);
	group_name_write(w, &wrap->name);
}

void wrap_read(struct rd *r, struct wrap *wrap)
{
	wrap->hops = rd_u8(r);
	wrap->proto = rd_u8(r);
	wrap->sport = rd_u16(r);
	wrap->dport = rd_u16(r);
	id_read(r, &wrap->ingress);
	coord_read(r, &wrap->coord);
	group_name_read(r, &wrap->name);
	if (!wrap->hops)
		r->err = PIAS_EMALFORMED;
}

void placed_write(struct wr *w, const struct placed *p)
{
	addr_write(w, &p->client);
	group_name_write(w, &p->name);
	wr_u64(w, p->server);
}

void placed_read(struct rd *r, struct placed *p)
{
	addr_read(r, &p->client);
	group_name_read(r, &p->name);
	p->server = rd_u64(r);
	if (!r->err && (p->client.family != p->name.family || !p->name.proto))
		r->err = PIAS_EMALFORMED;
}
