/* The packaged city list: tab-separated name, country, population, latitude, longitude.
 */
#include "sim/city.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/base/error.h"

#define EARTH_RADIUS_KM 6371.0
#define N_FIELDS	5

__asm__(".pushsection .rodata\n"
	"city_list:\n"
	".incbin \"sim/data/cities.tsv\"\n"
	"city_list_end:\n"
	".byte 0\n"
	".popsection\n");
extern const char city_list[], city_list_end[];

static void place(struct city *c, double lat, double lon)
{
	double rad = M_PI / 180.0;

	c->pos[0] = (float)(cos(lat * rad) * cos(lon * rad));
	c->pos[1] = (float)(cos(lat * rad) * sin(lon * rad));
	c->pos[2] = (float)sin(lat * rad);
}

/* Reads one line; returns the start of the next, NULL if it is damaged. */
static const char *read_city(const char *line, struct city *c)
{
	const char *eol = strchr(line, '\n'), *field[N_FIELDS] = {line};
	int i;

	for (i = 1; i < N_FIELDS; i++) {
		const char *tab = strchr(field[i - 1], '\t');

		if (!eol || !tab || tab > eol)
			return NULL;
		field[i] = tab + 1;
	}
	if (field[2] - field[1] != 3)
		return NULL;
	memcpy(c->country, field[1], 2);
	c->population = (uint32_t)strtoul(field[2], NULL, 10);
	place(c, strtod(field[3], NULL), strtod(field[4], NULL));
	return c->population ? eol + 1 : NULL;
}

int cities_load(struct cities *cs)
{
	const char *p;
	uint64_t sum = 0;
	unsigned lines = 0;

	for (p = city_list; p < city_list_end; p++)
		lines += *p == '\n';
	cs->n = 0;
	cs->city = calloc(lines, sizeof(*cs->city));
	if (!cs->city)
		return PIAS_ENOMEM;
	for (p = city_list; p < city_list_end; cs->n++) {
		p = read_city(p, &cs->city[cs->n]);
		if (!p) {
			cities_free(cs);
			return PIAS_EMALFORMED;
		}
		cs->city[cs->n].up_to = sum += cs->city[cs->n].population;
	}
	return 0;
}

void cities_free(struct cities *cs)
{
	free(cs->city);
	memset(cs, 0, sizeof(*cs));
}

unsigned cities_draw(const struct cities *cs, struct rng *r)
{
	uint64_t at = rng_below(r, cs->city[cs->n - 1].up_to);
	unsigned lo = 0, hi = cs->n - 1;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (at < cs->city[mid].up_to)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

double city_distance_km(const float a[3], const float b[3])
{
	double dx = a[0] - b[0], dy = a[1] - b[1], dz = a[2] - b[2];
	double half = sqrt(dx * dx + dy * dy + dz * dz) / 2.0;

	return 2.0 * EARTH_RADIUS_KM * asin(half < 1.0 ? half : 1.0);
}
