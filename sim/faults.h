/*
 * What goes wrong between two hosts. Rates hold for every message; cuts and slowness
 * for certain hosts. Streams lose nothing, they are late (as TCP is) or break.
 */
#ifndef PIAS_SIM_FAULTS_H
#define PIAS_SIM_FAULTS_H

#include <stdbool.h>

#include "overlay/base/timer.h"
#include "sim/rng.h"

struct fault_rates {
	double loss, duplicate, reorder, corrupt, truncate; /* per message, 0 to 1 */
	double jitter; /* mean of the exponential extra delay, relative to the delay */
};

/* State of one host, as the network sees it. */
struct fault_host {
	uint64_t side; /* bit s: member of side s of partition s */
	float slow;    /* all its messages are this many times later; 1 = healthy */
	/* What it sends, and what it is sent, waits until then. */
	pias_time clogged_out, clogged_in;
};

#define PARTITIONS_MAX 64

struct faults {
	struct fault_rates rates;
	struct rng rng;
	/* Partition s: hosts with side bit s set can't reach those without ... */
	uint64_t cut_out; /* bit s: messages out of the side are lost */
	uint64_t cut_in;  /* bit s: messages into the side are lost */
};

/* The fate of one datagram. */
struct fate {
	unsigned copies; /* 0 = lost */
	pias_time delay[2];
	bool corrupt, truncate;
};

void faults_init(struct faults *f, uint64_t seed);
bool faults_cut(const struct faults *f, const struct fault_host *from,
		const struct fault_host *to);
/* How long what is sent at @now waits before it sets out. */
pias_time faults_clogged(const struct fault_host *from, const struct fault_host *to,
			 pias_time now);
/* A datagram that would take @delay. */
struct fate faults_datagram(struct faults *f, const struct fault_host *from,
			    const struct fault_host *to, pias_time delay);
/* The delay of a message on a stream: losses cost retransmission timeouts. */
pias_time faults_stream_delay(struct faults *f, const struct fault_host *from,
			      const struct fault_host *to, pias_time delay);
/* Damages @len bytes as @fate says; returns the new length. */
size_t faults_damage(struct faults *f, const struct fate *fate, uint8_t *data,
		     size_t len);

#endif
