/*
 * The service of a scenario: what its clients' packets take is what the map says they
 * must; the script does what it says; a baseline is never better than the best.
 */
#include <stdio.h>
#include <unistd.h>

#include "overlay/base/crypto.h"
#include "sim/baseline.h"
#include "sim/script.h"
#include "tests/fixture/suite.h"

static struct scenario sc;
static struct service s;

static void make(const char *extra)
{
	char file[] = "/tmp/pias-test-XXXXXX", why[SETTINGS_WHY_MAX];
	int fd = mkstemp(file);
	FILE *f = fdopen(fd, "w");

	ck_assert_ptr_nonnull(f);
	fprintf(f,
		"experiment = traffic\naps = 12\ngroups = 4\nservers = 20\n"
		"clients = 30\nwarm-up = 20s\nnetworks = 200\n%s\n",
		extra);
	fclose(f);
	ck_assert_msg(!scenario_read(&sc, file, NULL, 0, why), "%s", why);
	unlink(file);
	ck_assert_msg(!service_init(&s, &sc, 12, 0, TABLE_FULL, 9, why), "%s", why);
	ck_assert_msg(!service_form(&s, why), "%s", why);
}

static void done(void)
{
	service_fini(&s);
	scenario_free(&sc);
}

static pias_time between(const struct host *a, const struct host *b)
{
	return topology_delay(&s.world.topology, a->point, b->point);
}

START_TEST(test_delays)
{
	unsigned c, g, second;

	make("");
	for (second = 0; second < 2; second++)
		for (c = 0; c < s.n_clients; c++)
			for (g = 0; g < s.n_groups; g++) {
				uint32_t n =
					service_shoot(&s, c, g, (uint16_t)(second + 1));
				const struct shot *shot;
				const struct host *in, *by, *to;

				service_run(&s, s.world.now + 1 * SEC);
				shot = &s.shot[n];
				ck_assert_uint_eq(shot->copies, 1);
				in = s.world.host[shot->ingress];
				by = s.world.host[shot->by];
				to = s.server[shot->server]->host;
				ck_assert_uint_eq(s.group_of[shot->server], g);
				ck_assert_int_eq(
					shot->arrived - shot->sent,
					between(s.client[c], in) +
						(in == by ? 0 : between(in, by)) +
						between(by, to));
				if (second)
					ck_assert_ptr_eq(in, by);
			}
	done();
}
END_TEST

START_TEST(test_baselines)
{
	struct baseline b;
	unsigned c, g;

	make("");
	ck_assert_int_eq(baseline_init(&b, &s), 0);
	for (c = 0; c < s.n_clients; c++)
		for (g = 0; g < s.n_groups; g++) {
			pias_time best = baseline_direct(&b, c, g);

			ck_assert_int_ne(best, PIAS_NEVER);
			ck_assert_int_ge(baseline_native(&b, c, g), best);
			ck_assert_int_ge(baseline_dns(&b, c, g), best);
			ck_assert_int_ne(baseline_two_hops(&b, c, g), PIAS_NEVER);
		}
	baseline_fini(&b);
	done();
}
END_TEST

START_TEST(test_script)
{
	make("events = {\"1s crash ap 3\", \"1s crash server 2\", \"1s slow ap 4\",\n"
	     "\"2s leave ap 5\", \"2s leave server 3\", \"2s partition percent 50\",\n"
	     "\"3s heal\", \"60s start ap 3\", \"60s start server 2\",\n"
	     "\"60s start server 3\", \"60s start ap 5\"}");
	script_begin(&s);
	service_run(&s, s.began + 1500 * MSEC);
	ck_assert(!s.ap[3]->host->is_up);
	ck_assert(!s.ap[3]->is_ready);
	ck_assert(!s.server[2]->host->is_up);
	ck_assert(s.ap[4]->host->fault.slow > 1);
	service_run(&s, s.began + 2500 * MSEC);
	ck_assert(s.ap[5]->is_leaving);
	ck_assert_uint_ne(s.world.faults.cut_out, 0);
	service_run(&s, s.began + 10 * SEC);
	ck_assert_uint_eq(s.world.faults.cut_out, 0);
	ck_assert(s.ap[4]->host->fault.slow == 1);
	ck_assert(!s.ap[5]->host->is_up);
	ck_assert_int_eq(s.server[3]->state, AGENT_LEFT);
	service_run(&s, s.began + 120 * SEC);
	ck_assert(s.ap[3]->is_ready && s.ap[5]->is_ready);
	ck_assert(service_is_joined(&s, 2) && service_is_joined(&s, 3));
	done();
}
END_TEST

static bool is_owner(const struct ap *ap, const struct id *key)
{
	return overlay_owns(ap->proxy.overlay, key);
}

/*
 * Nothing in a ring that was written down moves: everybody knows everybody, each key
 * has one owner, and so it stays. Whoever crashes is missed.
 */
START_TEST(test_perfect)
{
	unsigned i, k, owners;
	uint64_t changes;
	struct id key;

	make(_i ? "start = perfect\ntable = fingers" : "start = perfect");
	changes = service_count(&s, COUNTER_ring_changes);
	ck_assert_uint_eq(service_count(&s, COUNTER_gossip_events_in), 0);
	service_run(&s, s.world.now + 60 * SEC);
	ck_assert_uint_eq(service_count(&s, COUNTER_ring_changes), changes);
	for (k = 0; k < 100; k++) {
		rng_fill(&s.rng, &key, sizeof(key));
		for (i = owners = 0; i < s.n_aps; i++)
			owners += is_owner(s.ap[i], &key);
		ck_assert_uint_eq(owners, 1);
	}
	for (i = 0; i < s.n_aps && !_i; i++)
		ck_assert_uint_eq(overlay_n_peers(s.ap[i]->proxy.overlay), s.n_aps);
	ap_crash(s.ap[4], false);
	service_run(&s, s.world.now + 30 * SEC);
	for (i = owners = 0; i < s.n_aps; i++)
		owners += i != 4 && is_owner(s.ap[i], &s.ap[4]->host->id);
	ck_assert_uint_eq(owners, 1);
	for (i = 0; i < s.n_aps && !_i; i++)
		if (i != 4)
			ck_assert_uint_eq(overlay_n_peers(s.ap[i]->proxy.overlay),
					  s.n_aps - 1);
	done();
}
END_TEST

/* A route that has changed takes its time to be known. */
START_TEST(test_convergence)
{
	uint32_t was;

	make("convergence = 2s");
	was = service_ingress(&s, s.client[0]);
	ck_assert_uint_lt(was, s.n_aps);
	ap_crash(s.ap[was], false);
	service_run(&s, s.world.now + 1900 * MSEC);
	ck_assert_uint_eq(service_ingress(&s, s.client[0]), was);
	service_run(&s, s.world.now + 200 * MSEC);
	ck_assert_uint_ne(service_ingress(&s, s.client[0]), was);
	ck_assert_uint_lt(service_ingress(&s, s.client[0]), s.n_aps);
	done();
}
END_TEST

START_TEST(test_zipf)
{
	unsigned count[10] = {0}, i;
	struct zipf z;
	struct rng r;

	rng_init(&r, 1, RNG_WORKLOAD, 0);
	ck_assert_int_eq(zipf_init(&z, 10, 1.0), 0);
	for (i = 0; i < 100000; i++)
		count[zipf_draw(&z, &r)]++;
	/* The harmonic number of 10 is 2.929. */
	ck_assert_uint_gt(count[0], 33000);
	ck_assert_uint_lt(count[0], 35300);
	for (i = 1; i < 10; i++)
		ck_assert_double_eq_tol(count[i], count[0] / (i + 1.0), 600);
	zipf_fini(&z);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_test(c, test_delays);
	tcase_add_test(c, test_baselines);
	tcase_add_test(c, test_script);
	tcase_add_loop_test(c, test_perfect, 0, 2);
	tcase_add_test(c, test_convergence);
	tcase_add_test(c, test_zipf);
}

int main(void)
{
	return crypto_init() ? EXIT_FAILURE : suite_main("service", fill);
}
