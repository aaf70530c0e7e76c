/*
 * Where people are: the large cities of the world, packaged with the program
 * (sim/data/README.md names source and licence), drawn in proportion to population.
 */
#ifndef PIAS_SIM_CITY_H
#define PIAS_SIM_CITY_H

#include "sim/rng.h"

struct city {
	float pos[3];	     /* on the unit sphere */
	uint32_t population; /* people */
	uint64_t up_to;	     /* people in this city and all before it */
	char country[3];
};

struct cities {
	struct city *city;
	unsigned n;
};

/* PIAS_ENOMEM, or PIAS_EMALFORMED if the packaged list is damaged. */
int cities_load(struct cities *cs);
void cities_free(struct cities *cs);
/* The index of a city, drawn by population. */
unsigned cities_draw(const struct cities *cs, struct rng *r);

/* Great-circle distance in km between two points on the unit sphere. */
double city_distance_km(const float a[3], const float b[3]);

#endif
