/*
 * Round-trip times in integers, with TCP's gains: 1/8 for the mean, 1/4 for the
 * deviation. A measured time is at least 1 us, so that 0 can say "never".
 */
#include "overlay/rtt.h"

static uint32_t median(const struct rtt *r)
{
	uint32_t a = r->sample[0], b = r->sample[1], c = r->sample[2];

	if (!b)
		return a;
	if (!c) /* of two, the smaller: delays only ever add */
		return a < b ? a : b;
	if ((a >= b) == (a <= c))
		return a;
	return (b >= a) == (b <= c) ? b : c;
}

uint32_t rtt_add(struct rtt *r, pias_time sample)
{
	uint32_t us, off;
	int i;

	if (sample < 0 || sample > RTT_SAMPLE_MAX)
		return 0;
	us = sample ? (uint32_t)sample : 1;
	for (i = RTT_FILTER - 1; i > 0; i--)
		r->sample[i] = r->sample[i - 1];
	r->sample[0] = us;
	if (!r->srtt_us) {
		r->srtt_us = us;
		r->var_us = us / 2;
		return us;
	}
	off = us > r->srtt_us ? us - r->srtt_us : r->srtt_us - us;
	r->var_us = r->var_us - r->var_us / 4 + off / 4;
	r->srtt_us = r->srtt_us - r->srtt_us / 8 + us / 8;
	if (!r->srtt_us)
		r->srtt_us = 1;
	return median(r);
}

pias_time rtt_timeout(const struct rtt *r, uint32_t predicted_us)
{
	pias_time t = RTT_TIMEOUT;

	if (r->srtt_us)
		t = (pias_time)r->srtt_us + 4 * (pias_time)r->var_us;
	else if (predicted_us)
		t = 2 * (pias_time)predicted_us;
	if (t < RTT_TIMEOUT_MIN)
		return RTT_TIMEOUT_MIN;
	return t < RTT_TIMEOUT_MAX ? t : RTT_TIMEOUT_MAX;
}

pias_time rtt_resend(const struct rtt *r, uint32_t predicted_us)
{
	pias_time timeout = rtt_timeout(r, predicted_us);
	pias_time due = r->srtt_us ? r->srtt_us : predicted_us;

	due += due / 4 + 2 * (pias_time)r->var_us;
	if (due < timeout / 2)
		return timeout / 2;
	return due < timeout ? due : timeout;
}
