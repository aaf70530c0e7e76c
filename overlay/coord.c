/*
 * Vivaldi. A sample pulls our point along the line between both points until the
 * distance fits the measured time, the more so the less we know (our error) and the
 * more the peer does. Kept as binary32, computed as binary64, with no function but
 * sqrt: the same samples give the same bits everywhere.
 *
 * What always holds: every component is finite and below COORD_MAX, so that no peer
 * refuses what we publish; a sample that would break that starts us afresh instead.
 */
#include "overlay/coord.h"

#include <math.h>
#include <string.h>

#define CE	    0.25 /* how far one sample moves the error */
#define CC	    0.25 /* how far one sample moves the point */
#define ERROR_MAX   1.5
#define HEIGHT_MIN  10e-6  /* s */
#define COORD_MAX   10.0   /* s; farther is absurd */
#define GRAVITY_RHO 150.0  /* s; weak pull to the origin against common drift */
#define TINY	    1e-6   /* s; closer points coincide */
#define RTT_MAX	    10.0e6 /* us */

void coord_init(struct coord *c)
{
	memset(c, 0, sizeof(*c));
	c->height = HEIGHT_MIN;
	c->error = ERROR_MAX;
}

/* False for NaN, too: every comparison with it is. */
static bool in_range(double v, double low, double high)
{
	return v >= low && v <= high;
}

static bool is_sane(const struct coord *c)
{
	int i;

	for (i = 0; i < COORD_DIMS; i++)
		if (!in_range(c->vec[i], -COORD_MAX, COORD_MAX))
			return false;
	return in_range(c->height, 0, COORD_MAX) && in_range(c->error, 0, ERROR_MAX);
}

void coord_read(struct rd *r, struct coord *c)
{
	int i;

	for (i = 0; i < COORD_DIMS; i++)
		c->vec[i] = rd_f32(r);
	c->height = rd_f32(r);
	c->error = rd_f32(r);
	if (!is_sane(c)) {
		coord_init(c);
		r->err = PIAS_EMALFORMED;
	}
}

void coord_write(struct wr *w, const struct coord *c)
{
	int i;

	for (i = 0; i < COORD_DIMS; i++)
		wr_f32(w, c->vec[i]);
	wr_f32(w, c->height);
	wr_f32(w, c->error);
}

/* From @b towards @a; returns the length of @diff. */
static double difference(double diff[COORD_DIMS], const struct coord *a,
			 const struct coord *b)
{
	double sum = 0;
	int i;

	for (i = 0; i < COORD_DIMS; i++) {
		diff[i] = (double)a->vec[i] - (double)b->vec[i];
		sum += diff[i] * diff[i];
	}
	return sqrt(sum);
}

static double distance(const struct coord *a, const struct coord *b)
{
	double diff[COORD_DIMS];

	return difference(diff, a, b) + (double)a->height + (double)b->height;
}

uint32_t coord_rtt_us(const struct coord *a, const struct coord *b)
{
	return (uint32_t)(distance(a, b) * 1e6 + 0.5);
}

bool coord_has_moved(const struct coord *from, const struct coord *to)
{
	double diff[COORD_DIMS], origin[COORD_DIMS], moved, size, step;
	struct coord zero;

	memset(&zero, 0, sizeof(zero));
	moved = difference(diff, to, from);
	moved += to->height > from->height ? (double)to->height - (double)from->height
					   : (double)from->height - (double)to->height;
	size = difference(origin, from, &zero) + (double)from->height;
	step = COORD_MOVED_PART * size;
	if (step > COORD_MOVED_MAX)
		step = COORD_MOVED_MAX;
	if (step < COORD_MOVED_MIN)
		step = COORD_MOVED_MIN;
	return moved > step;
}

/* Two nodes on one spot must part in some direction: any one will do. */
static void random_direction(double unit[COORD_DIMS], struct env *env)
{
	double sum = 0;
	int i;

	for (i = 0; i < COORD_DIMS; i++) {
		unit[i] = (double)env_random_u32(env) / 4294967296.0 - 0.5;
		sum += unit[i] * unit[i];
	}
	if (sum < TINY) {
		unit[0] = 1;
		sum = 1;
	}
	for (i = 0; i < COORD_DIMS; i++)
		unit[i] /= sqrt(sum);
}

/* Pushes @c away from @other by @force seconds (negative: pulls). */
static void apply_force(struct coord *c, const struct coord *other, double force,
			struct env *env)
{
	double unit[COORD_DIMS], length = difference(unit, c, other), height;
	int i;

	if (length > TINY) {
		for (i = 0; i < COORD_DIMS; i++)
			unit[i] /= length;
		height = c->height;
		height += (height + (double)other->height) * force / length;
		c->height = (float)(height > HEIGHT_MIN ? height : HEIGHT_MIN);
	} else {
		random_direction(unit, env);
	}
	for (i = 0; i < COORD_DIMS; i++)
		c->vec[i] = (float)((double)c->vec[i] + unit[i] * force);
}

static void apply_gravity(struct coord *c, struct env *env)
{
	struct coord origin;
	double d;

	memset(&origin, 0, sizeof(origin));
	origin.height = HEIGHT_MIN;
	d = distance(&origin, c) / GRAVITY_RHO;
	apply_force(c, &origin, -d * d, env);
}

void coord_update(struct coord *self, const struct coord *peer, uint32_t rtt_us,
		  struct env *env)
{
	double rtt = rtt_us / 1e6, d, off, weight, sum, error;
	struct coord next = *self;

	if (!rtt_us || rtt_us > RTT_MAX || !is_sane(peer))
		return;
	d = distance(self, peer);
	off = (d > rtt ? d - rtt : rtt - d) / rtt;
	sum = (double)self->error + (double)peer->error;
	weight = (double)self->error / (sum > TINY ? sum : TINY);
	error = CE * weight * off + (double)self->error * (1 - CE * weight);
	next.error = (float)(error < ERROR_MAX ? error : ERROR_MAX);
	apply_force(&next, peer, CC * weight * (rtt - d), env);
	apply_gravity(&next, env);
	if (!is_sane(&next))
		coord_init(&next);
	*self = next;
}
