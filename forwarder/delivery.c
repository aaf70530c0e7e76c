/*
 * Delivery. The encapsulation header is written in front of a packet where it stands,
 * if its buffer has the headroom; segments are written straight behind theirs, so
 * that a whole burst leaves with one UDP_SEGMENT send.
 */
#include "forwarder/delivery.h"

#include <stdlib.h>
#include <string.h>

#include "forwarder/encap.h"
#include "forwarder/gso.h"

#define BATCH_SEGMENTS_MAX 64	 /* UDP_MAX_SEGMENTS */
#define BATCH_BYTES_MAX	   65507 /* of one UDP send over IPv4 */
#define INNER_MTU_MIN_V4   68
#define INNER_MTU_MIN_V6   1280 /* smaller ones are the outer packet's to fragment */

int delivery_init(struct delivery *d, struct env *env, const struct addr self[2],
		  uint16_t mtu)
{
	struct siphash_key key;

	env_random(env, &key, sizeof(key));
	d->env = env;
	memcpy(d->self, self, sizeof(d->self));
	d->mtu = mtu;
	icmp_limit_init(&d->icmp, &key);
	d->room = malloc(DELIVERY_ROOM);
	return d->room ? 0 : PIAS_ENOMEM;
}

void delivery_fini(struct delivery *d)
{
	free(d->room);
	d->room = NULL;
}

bool delivery_reaches(const struct delivery *d, const struct target *to)
{
	return d->self[to->to.family == ADDR_V6].family != ADDR_NONE;
}

static unsigned inner_mtu(const struct delivery *d, const struct target *to,
			  unsigned family)
{
	unsigned min = family == ADDR_V6 ? INNER_MTU_MIN_V6 : INNER_MTU_MIN_V4;
	unsigned mtu = to->mtu && to->mtu < d->mtu ? to->mtu : d->mtu;

	mtu = encap_inner_mtu(to->encap, to->to.family, mtu);
	return mtu < min ? min : mtu;
}

/* The sender hears of it by a packet such as it believes to have sent: one segment. */
static void refuse_too_big(struct delivery *d, const struct cargo *c, struct gso *gso,
			   unsigned mtu)
{
	uint8_t message[ICMP_ROOM];
	struct packet first = c->packet;

	count_n(d->env, drop_too_big, c->n);
	if (!icmp_may_answer(&first))
		return;
	if (!icmp_limit_take(&d->icmp, d->env->now, &first.src)) {
		count(d->env, drop_icmp_limit);
		return;
	}
	if (c->segment_len) {
		first.len = (uint32_t)gso_next(gso, d->room);
		first.data = d->room;
	}
	count(d->env, packet_too_big);
	d->env->ops->emit(d->env->host, message, icmp_too_big(message, &first, mtu));
}

static void count_out(struct delivery *d, uint64_t n, uint64_t bytes)
{
	count_n(d->env, packets_out, n);
	count_n(d->env, bytes_out, bytes);
}

static void send_one(struct delivery *d, const struct cargo *c, const struct target *to,
		     struct tunnel_packet *out)
{
	const struct packet *p = &c->packet;
	unsigned header = encap_header_len(to->encap);
	uint8_t *start = p->data - header;

	if (c->headroom < header) {
		start = d->room;
		memcpy(start + header, p->data, p->len);
	}
	encap_write(start, to->encap, p->family, to->cookie);
	out->data = start;
	out->len = out->segment_len = header + p->len;
	count_out(d, 1, p->len);
	d->env->ops->tunnel(d->env->host, out);
}

/* At most @max segments, back to back, each behind its own header. */
static uint32_t send_batch(struct delivery *d, struct gso *gso, const struct target *to,
			   uint32_t max, struct tunnel_packet *out)
{
	unsigned header = encap_header_len(to->encap);
	uint8_t *at = d->room;
	uint32_t n;
	size_t len;

	for (n = 0; n < max; n++) {
		len = gso_next(gso, at + header);
		if (!len)
			break;
		encap_write(at, to->encap, gso->packet->family, to->cookie);
		at += header + len;
	}
	if (!n)
		return 0;
	out->data = d->room;
	out->len = (size_t)(at - d->room);
	out->segment_len = n == 1 ? out->len : header + gso_segment_size(gso);
	count_out(d, n, out->len - n * header);
	d->env->ops->tunnel(d->env->host, out);
	return n;
}

static void send_segments(struct delivery *d, struct gso *gso, const struct target *to,
			  bool fits, struct tunnel_packet *out)
{
	uint32_t stride = encap_header_len(to->encap) + gso_segment_size(gso);
	uint32_t max = BATCH_BYTES_MAX / stride;

	if (max > BATCH_SEGMENTS_MAX)
		max = BATCH_SEGMENTS_MAX;
	if (!fits || !max)
		max = 1; /* the kernel fragments single datagrams only */
	while (send_batch(d, gso, to, max, out))
		;
}

void delivery_send(struct delivery *d, const struct cargo *c, const struct target *to,
		   uint16_t entropy)
{
	const struct packet *p = &c->packet;
	unsigned mtu = inner_mtu(d, to, p->family);
	struct tunnel_packet out = {
		.to = to->to,
		.encap = to->encap,
		.inner = p->family,
		.entropy = entropy,
	};
	struct gso gso;
	uint32_t size = p->len;

	if (c->segment_len) {
		if (gso_init(&gso, p, c->segment_len, c->is_partial)) {
			count_n(d->env, drop_packet_malformed, c->n);
			return;
		}
		size = gso_segment_size(&gso);
	}
	if (size > mtu && p->dont_fragment)
		refuse_too_big(d, c, &gso, mtu);
	else if (c->segment_len)
		send_segments(d, &gso, to, size <= mtu, &out);
	else
		send_one(d, c, to, &out);
}
