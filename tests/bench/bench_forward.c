/*
 * What the forwarder itself costs, without sockets: a whole packet's way (parse,
 * group, flow, pick, encapsulation) for 64-byte UDP, and cutting and merging of 64 KB
 * super-packets, each beside a memcpy of the same bytes in the same run. CPU
 * time, medians of several rounds; machines are noisy, compare the ratios.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "forwarder/coalesce.h"
#include "forwarder/forward.h"
#include "forwarder/gso.h"
#include "tests/fixture/ip.h"
#include "tests/fixture/rng.h"

#define ROUNDS	  9
#define FLOWS_MAX 49152

static uint8_t buf[70000], out[70000], cut[70000];
static struct rng rng = {1};
static volatile uint64_t sink;

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median CPU time of one call among @n, in nanoseconds. */
static double measure(void (*fn)(unsigned i), unsigned n)
{
	double t[ROUNDS], start;
	unsigned i, r;

	for (r = 0; r < ROUNDS; r++) {
		start = seconds();
		for (i = 0; i < n; i++)
			fn(i);
		t[r] = (seconds() - start) * 1e9 / n;
	}
	qsort(t, ROUNDS, sizeof(t[0]), ascending);
	return t[ROUNDS / 2];
}

/* A packet's way */

static void on_tunnel(void *host, const struct tunnel_packet *p)
{
	sink += p->len + p->data[0];
}

static void on_random(void *host, void *p, size_t len)
{
	rng_fill(&rng, p, len);
}

static void on_wake(void *host, pias_time at)
{
}

static const struct env_ops ops = {
	.tunnel = on_tunnel,
	.random = on_random,
	.wake = on_wake,
};

static struct env env;
static struct forward *f;
static unsigned n_flows;
static uint8_t packet[FORWARD_HEADROOM + 60];

static void set_up(void)
{
	struct forward_config config = {.max_flows = 65536, .mtu = 1500};
	struct group_name name;
	struct route *r;
	unsigned i;

	env_init(&env, &ops, NULL);
	env.now = 1000 * SEC;
	config.prefix[0] = (struct prefix){ip_addr("198.18.0.0"), 24};
	config.n_prefixes = 1;
	config.self[0] = ip_addr("192.0.2.1");
	f = forward_new(&env, NULL, NULL, &config);
	if (!f || group_name_parse("198.18.0.1:53/udp", &name))
		abort();
	r = route_new(&name, 16, 251);
	r->version = 1;
	for (i = 0; i < 16; i++) {
		r->target[i] = (struct target){
			.to = ip_addr("203.0.113.1"), .encap = ENCAP_GUE, .mtu = 1500};
		r->target[i].to.port = 6080;
		memset(&r->target[i].server, (int)i + 1, sizeof(struct id));
	}
	for (i = 0; i < 251; i++)
		r->slot[i] = (uint16_t)(i % 16);
	if (forward_route(f, &name, r))
		exit(1);
}

/* Another client's port each time; nobody checks the UDP checksum on the way. */
static void one_packet(unsigned i)
{
	struct packet_in in = {.data = packet + FORWARD_HEADROOM,
			       .len = 46,
			       .headroom = FORWARD_HEADROOM};
	unsigned port = 1024 + i % n_flows;

	be16_put(in.data + 20, (uint16_t)port);
	forward_on_packet(f, &in);
}

static void one_copy(unsigned i)
{
	memcpy(out + 64 * (i & 7), packet + FORWARD_HEADROOM, 46);
	sink += out[64 * (i & 7)];
}

static void bench_packets(void)
{
	static const unsigned flows[] = {1, 1024, FLOWS_MAX};
	struct ip_spec s = {.family = 4, .src = "192.0.2.9", .dst = "198.18.0.1"};
	double copy, ns;
	unsigned i;

	ip_udp(packet + FORWARD_HEADROOM, &s, 1000, 53, 18);
	copy = measure(one_copy, 1 << 20);
	printf("64-byte UDP (46 bytes of IP), GUE, per packet\n");
	printf("  memcpy of it                   %8.1f ns\n", copy);
	for (i = 0; i < 3; i++) {
		n_flows = flows[i];
		ns = measure(one_packet, 1 << 18);
		printf("  forward, %5u flow%s           %8.1f ns  %6.2f Mpps\n", n_flows,
		       n_flows > 1 ? "s" : " ", ns, 1e3 / ns);
	}
	if (env.counters.v[COUNTER_packets_out] != 3ull * ROUNDS << 18)
		printf("  (%llu packets were not forwarded!)\n",
		       (unsigned long long)((3ull * ROUNDS << 18) -
					    env.counters.v[COUNTER_packets_out]));
}

/* Segmentation */

static struct packet super;
static struct coalesce coalesce;
static size_t segment_at[65];

static void one_super_copy(unsigned i)
{
	memcpy(out, buf, super.len);
	sink += out[i & 1023];
}

static void one_cut(unsigned i)
{
	struct gso g;
	size_t at = 0, len;

	if (gso_init(&g, &super, 1400, true))
		abort();
	while ((len = gso_next(&g, cut + at)))
		at += len;
	sink += at;
}

static void on_merged(void *ctx, const struct packet_in *p)
{
	sink += p->len;
}

static void one_merge(unsigned i)
{
	struct packet p;
	unsigned k;

	for (k = 0; segment_at[k + 1]; k++) {
		if (packet_parse(&p, cut + segment_at[k],
				 segment_at[k + 1] - segment_at[k]))
			abort();
		coalesce_add(&coalesce, &p);
	}
	coalesce_flush(&coalesce);
}

static void bench_segments(void)
{
	struct ip_spec s = {.family = 4, .src = "192.0.2.9", .dst = "198.18.0.1"};
	size_t len = ip_tcp(buf, &s, 1000, 80, 1, TCP_ACK, 12, 62000), n, k = 0;
	double copy, ns;
	struct gso g;

	if (packet_parse(&super, buf, len) || gso_init(&g, &super, 1400, true))
		abort();
	while ((n = gso_next(&g, cut + segment_at[k]))) {
		segment_at[k + 1] = segment_at[k] + n;
		k++;
	}
	coalesce_init(&coalesce, on_merged, NULL);
	copy = measure(one_super_copy, 4096);
	printf("TCP super-packet of %zu bytes, segments of 1,400\n", len);
	printf("  memcpy of it                   %8.2f GB/s\n", (double)len / copy);
	ns = measure(one_merge, 4096);
	printf("  merge (verify, copy)           %8.2f GB/s  %6.2f of memcpy\n",
	       (double)len / ns, copy / ns);
	ns = measure(one_cut, 4096);
	printf("  cut (copy, checksum)           %8.2f GB/s  %6.2f of memcpy\n",
	       (double)len / ns, copy / ns);
}

int main(void)
{
	set_up();
	bench_packets();
	bench_segments();
	forward_free(f);
	env_fini(&env);
	return 0;
}
