/*
 * Round-trip times to one peer: the smoothed mean and deviation of TCP (Jacobson and
 * Karels 1988; RFC 6298), and the median of the last three samples, which keeps a
 * single late answer from moving our coordinate.
 */
#ifndef PIAS_OVERLAY_RTT_H
#define PIAS_OVERLAY_RTT_H

#include <stdint.h>

#include "overlay/base/timer.h"

#define RTT_FILTER	3
#define RTT_TIMEOUT_MIN (150 * MSEC)
#define RTT_TIMEOUT_MAX (2 * SEC)
#define RTT_TIMEOUT	(500 * MSEC) /* where nothing is known */
#define RTT_SAMPLE_MAX	(10 * SEC)   /* longer ones are not believed */

/* All zero: nothing measured. */
struct rtt {
	uint32_t srtt_us;
	uint32_t var_us;
	uint32_t sample[RTT_FILTER]; /* the newest first; 0 = none */
};

/* Returns the filtered sample, or 0 where @sample is impossible and was ignored. */
uint32_t rtt_add(struct rtt *r, pias_time sample);
/*
 * How long to wait for an answer: srtt + 4 var; else twice the predicted time; else
 * (@predicted_us 0) RTT_TIMEOUT; never outside RTT_TIMEOUT_MIN to _MAX.
 */
pias_time rtt_timeout(const struct rtt *r, uint32_t predicted_us);
/*
 * When to ask again within that time: a quarter and two deviations after the answer
 * was due, so that a healthy but distant peer is asked once; from half the timeout on.
 */
pias_time rtt_resend(const struct rtt *r, uint32_t predicted_us);

#endif
