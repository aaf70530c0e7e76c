/* Draws fates. With all rates zero it draws nothing, so that faultless runs are cheap. */
#include "sim/faults.h"

#include <string.h>

#define TCP_RTO_MIN (200 * MSEC)
#define TCP_RETRIES 6

void faults_init(struct faults *f, uint64_t seed)
{
	memset(f, 0, sizeof(*f));
	rng_init(&f->rng, seed, RNG_FAULTS, 0);
}

bool faults_cut(const struct faults *f, const struct fault_host *from,
		const struct fault_host *to)
{
	uint64_t leaves = from->side & ~to->side, enters = ~from->side & to->side;

	return (leaves & f->cut_out) || (enters & f->cut_in);
}

pias_time faults_clogged(const struct fault_host *from, const struct fault_host *to,
			 pias_time now)
{
	pias_time until =
		from->clogged_out > to->clogged_in ? from->clogged_out : to->clogged_in;

	return until > now ? until - now : 0;
}

static bool happens(struct faults *f, double p)
{
	return p > 0 && rng_chance(&f->rng, p);
}

static pias_time real_delay(struct faults *f, const struct fault_host *from,
			    const struct fault_host *to, pias_time delay)
{
	double d = (double)delay, slow = from->slow > to->slow ? from->slow : to->slow;

	if (f->rates.jitter > 0)
		d += rng_exp(&f->rng, f->rates.jitter * d);
	if (slow > 1)
		d *= slow;
	return d < 1 ? 1 : (pias_time)d;
}

struct fate faults_datagram(struct faults *f, const struct fault_host *from,
			    const struct fault_host *to, pias_time delay)
{
	struct fate fate = {0};
	unsigned i;

	if (faults_cut(f, from, to) || happens(f, f->rates.loss))
		return fate;
	fate.copies = happens(f, f->rates.duplicate) ? 2 : 1;
	for (i = 0; i < fate.copies; i++) {
		fate.delay[i] = real_delay(f, from, to, delay);
		if (happens(f, f->rates.reorder))
			fate.delay[i] += (pias_time)rng_exp(&f->rng, 3.0 * (double)delay);
	}
	fate.corrupt = happens(f, f->rates.corrupt);
	fate.truncate = happens(f, f->rates.truncate);
	return fate;
}

pias_time faults_stream_delay(struct faults *f, const struct fault_host *from,
			      const struct fault_host *to, pias_time delay)
{
	pias_time d = real_delay(f, from, to, delay), rto = TCP_RTO_MIN + 2 * delay;
	unsigned i;

	for (i = 0; i < TCP_RETRIES && happens(f, f->rates.loss); i++, rto *= 2)
		d += rto;
	return d;
}

size_t faults_damage(struct faults *f, const struct fate *fate, uint8_t *data, size_t len)
{
	if (fate->corrupt && len) {
		size_t at = rng_below(&f->rng, len);

		data[at] ^= (uint8_t)(1u << rng_below(&f->rng, 8));
	}
	if (fate->truncate && len)
		len = rng_below(&f->rng, len);
	return len;
}
