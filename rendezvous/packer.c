/* A group whose members do not fit into one message goes on in the next. */
#include "rendezvous/packer.h"

static void start(struct packer *p)
{
	wr_init(&p->w, p->buf, sizeof(p->buf));
	msg_write_records(&p->w, &(struct msg_records){.serial = p->serial});
	p->open = NULL;
	p->n_groups = 0;
}

void packer_init(struct packer *p, struct post *post, const struct groups *groups,
		 const struct contact *to, unsigned n_to, uint32_t serial)
{
	p->post = post;
	p->groups = groups;
	p->to = to;
	p->n_to = n_to;
	p->serial = serial;
	p->n_sent = 0;
	p->is_failed = false;
	start(p);
}

/* The counts stand before what they count. */
static void close_group(struct packer *p)
{
	if (p->open)
		be16_put(p->open_at + GROUP_WIRE_LEN - 2, p->open_members);
	p->open = NULL;
}

static void open_group(struct packer *p, const struct group *g)
{
	struct msg_group head = {
		.name = g->name,
		.creator = g->creator,
		.policy = g->policy,
		.version = g->version,
	};

	close_group(p);
	p->open = g;
	p->open_at = p->w.p;
	p->open_members = 0;
	p->n_groups++;
	msg_write_group(&p->w, &head);
}

void packer_flush(struct packer *p)
{
	struct msg_records head = {.serial = p->serial, .n_groups = p->n_groups};
	struct wr w;
	unsigned i;

	close_group(p);
	if (!p->n_groups)
		return;
	wr_init(&w, p->buf, sizeof(p->buf));
	msg_write_records(&w, &head);
	for (i = 0; i < p->n_to; i++)
		if (post_send(p->post, &p->to[i], MSG_RECORDS, &p->w))
			p->is_failed = true;
	p->n_sent += wr_len(&p->w);
	start(p);
}

void packer_add(struct packer *p, const struct group *g, const struct member *m)
{
	struct member_record r;

	if ((size_t)(p->w.end - p->w.p) < GROUP_WIRE_LEN + MEMBER_WIRE_MAX)
		packer_flush(p);
	if (p->open != g)
		open_group(p, g);
	member_tell(p->groups, m, &r);
	member_write(&p->w, &r);
	p->open_members++;
}
