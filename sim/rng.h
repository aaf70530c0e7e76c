/*
 * Random numbers of the simulator: xoshiro256** (Blackman and Vigna, 2018), seeded
 * through splitmix64. Each purpose draws from a stream of its own (topology, workload,
 * faults, one per node), so that changing one does not shift the others.
 */
#ifndef PIAS_SIM_RNG_H
#define PIAS_SIM_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
	uint64_t s[4];
};

enum rng_stream {
	RNG_TOPOLOGY = 1,
	RNG_WORKLOAD,
	RNG_FAULTS,
	RNG_NETWORK,
	RNG_NODE, /* with the node's number as @index */
};

void rng_init(struct rng *r, uint64_t seed, enum rng_stream stream, uint64_t index);
uint64_t rng_u64(struct rng *r);
/* Uniform in [0, n), n > 0. */
uint64_t rng_below(struct rng *r, uint64_t n);
/* Uniform in [0, 1). */
double rng_unit(struct rng *r);
/* True with probability @p. */
int rng_chance(struct rng *r, double p);
/* Exponential with that mean; normal with mean 0 and deviation 1. */
double rng_exp(struct rng *r, double mean);
double rng_normal(struct rng *r);
void rng_fill(struct rng *r, void *buf, size_t len);

#endif
