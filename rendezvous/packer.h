/* Fills RECORDS messages with groups and members, and sends each as it is full. */
#ifndef PIAS_RENDEZVOUS_PACKER_H
#define PIAS_RENDEZVOUS_PACKER_H

#include "rendezvous/message.h"
#include "rendezvous/post.h"

struct packer {
	struct post *post;
	const struct groups *groups;
	const struct contact *to; /* all get the same */
	unsigned n_to;
	uint32_t serial;
	const struct group *open; /* the group members are being added to */
	uint8_t *open_at;	  /* its header in buf */
	uint16_t open_members;
	uint16_t n_groups;
	size_t n_sent;	/* bytes handed on */
	bool is_failed; /* something could not be sent */
	struct wr w;
	uint8_t buf[RECORDS_MAX];
};

void packer_init(struct packer *p, struct post *post, const struct groups *groups,
		 const struct contact *to, unsigned n_to, uint32_t serial);
void packer_add(struct packer *p, const struct group *g, const struct member *m);
/* Sends what is left. */
void packer_flush(struct packer *p);

#endif
