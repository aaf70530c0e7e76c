/*
 * Links over real sockets on the loopback: two ends in one event loop, with real
 * certificates. Each test runs the loop until what it waits for has happened.
 */
#include <check.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/link.h"
#include "cli/udp.h"
#include "overlay/base/frame.h"
#include "tests/fixture/ring_folder.h"
#include "tests/fixture/suite.h"

#define LIMIT_S 10

/* One end: its links, and everything that was reported. */
struct end {
	struct tls tls;
	struct links *links;
	struct id id;
	uint32_t link;
	unsigned n_up, n_down, n_failed, n_refused, n_frames;
	size_t bytes;
	struct peer_identity who;
	uint8_t key[OVERLAY_LINK_KEY_LEN];
	bool dialed;
	int up_answer, frame_answer;
	bool is_mute;
	int err; /* of the last report */
	char why[TLS_WHY_MAX];
	uint8_t last[FRAME_MAX];
	size_t last_len;
	uint32_t close_on_frame;
};

static struct event_base *base;
static struct ring_folder lab, foreign;
static struct end a, b; /* b listens */
static struct addr at;

/* Between APs the accepting end speaks at once (PROTOCOL 2.2). */
static const uint8_t greeting[FRAME_HEADER_LEN] = {0, FRAME_HEADER_LEN, 1, 0};

static int on_up(void *ctx, uint32_t link, const struct peer_identity *who, bool dialed,
		 const uint8_t key[OVERLAY_LINK_KEY_LEN])
{
	struct end *e = ctx;

	e->n_up++;
	e->link = link;
	e->who = *who;
	e->dialed = dialed;
	memcpy(e->key, key, sizeof(e->key));
	if (!dialed && !e->is_mute)
		links_send(e->links, link, greeting, sizeof(greeting));
	return e->up_answer;
}

static int on_frame(void *ctx, uint32_t link, enum peer_kind kind, const uint8_t *frame,
		    size_t len)
{
	struct end *e = ctx;

	if (len == sizeof(greeting) && !memcmp(frame, greeting, len))
		return 0;
	e->n_frames++;
	e->bytes += len;
	memcpy(e->last, frame, len);
	e->last_len = len;
	if (e->close_on_frame)
		links_close(e->links, e->close_on_frame);
	return e->frame_answer;
}

static void note(struct end *e, int err, const char *why)
{
	e->err = err;
	snprintf(e->why, sizeof(e->why), "%s", why);
}

static void on_down(void *ctx, uint32_t link, const struct peer_identity *who, int err,
		    const char *why)
{
	struct end *e = ctx;

	ck_assert_uint_eq(link, e->link);
	e->n_down++;
	note(e, err, why);
}

static void on_dial_failed(void *ctx, const struct id *id, const struct addr addr[2],
			   int err, const char *why)
{
	struct end *e = ctx;

	e->n_failed++;
	note(e, err, why);
}

static void on_refused(void *ctx, const struct addr *from, int err, const char *why)
{
	struct end *e = ctx;

	e->n_refused++;
	note(e, err, why);
}

static const struct links_ops ops = {on_up, on_frame, on_down, on_dial_failed,
				     on_refused};

/* Fixture */

static struct addr free_port(void)
{
	struct addr any = {.family = ADDR_V4, .ip = {127, 0, 0, 1}};
	struct sockaddr_storage sa;
	socklen_t len = udp_sockaddr(&any, &sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, len), 0);
	any = udp_local(fd);
	close(fd);
	return any;
}

static void start(struct end *e, const struct ring_folder *f, enum peer_kind kind,
		  const char *name)
{
	struct links_config config = {
		.base = base, .tls = &e->tls, .has_family = {true, true}};

	memset(e, 0, sizeof(*e));
	e->id = folder_issue(f, kind, name);
	folder_tls(f, name, &lab, &e->tls);
	e->links = links_new(&config, &ops, e);
	ck_assert_ptr_nonnull(e->links);
}

static void stop(struct end *e)
{
	links_free(e->links);
	tls_fini(&e->tls);
}

static void setup(void)
{
	char why[TLS_WHY_MAX];

	signal(SIGPIPE, SIG_IGN);
	folder_init(&lab, "lab");
	folder_init(&foreign, "lab");
	base = event_base_new();
	start(&a, &lab, PEER_KIND_AP, "ap1");
	start(&b, &lab, PEER_KIND_AP, "ap2");
	at = free_port();
	ck_assert_msg(!links_listen(b.links, &at, why), "%s", why);
}

static void teardown(void)
{
	stop(&a);
	stop(&b);
	event_base_loop(base, EVLOOP_NONBLOCK);
	event_base_free(base);
	folder_fini(&lab);
	folder_fini(&foreign);
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	ck_abort_msg("did not happen within %d s", LIMIT_S);
}

static void wait_for(const unsigned *n, unsigned want)
{
	struct timeval limit = {.tv_sec = LIMIT_S};
	struct event *e = evtimer_new(base, on_limit, NULL);

	evtimer_add(e, &limit);
	while (*n < want)
		event_base_loop(base, EVLOOP_ONCE);
	event_free(e);
}

static void dial(struct end *e, const struct id *id)
{
	static const struct id any;
	struct addr addr[2] = {at};

	links_dial(e->links, id ? id : &any, addr);
}

static void connect_both(void)
{
	dial(&a, &b.id);
	wait_for(&a.n_up, 1);
	wait_for(&b.n_up, 1);
}

static size_t make_frame(uint8_t *buf, size_t len, uint8_t fill)
{
	struct wr w;

	frame_begin(&w, buf, FRAME_MAX, 0x40);
	memset(wr_reserve(&w, len), fill, len);
	return (size_t)frame_end(&w);
}

/* What works */

START_TEST(test_up)
{
	connect_both();
	ck_assert(a.dialed && !b.dialed);
	ck_assert(id_eq(&a.who.id, &b.id) && id_eq(&b.who.id, &a.id));
	ck_assert_int_eq(b.who.kind, PEER_KIND_AP);
	ck_assert_mem_eq(a.key, b.key, sizeof(a.key));
	ck_assert(addr_eq(&a.who.from, &at));
	ck_assert_uint_eq(b.who.from.ip[0], 127);
	ck_assert_uint_eq(links_n(a.links), 1);
}
END_TEST

START_TEST(test_any_id_and_server)
{
	struct end server;

	start(&server, &lab, PEER_KIND_SERVER, "web");
	dial(&server, NULL);
	wait_for(&b.n_up, 1);
	ck_assert_int_eq(b.who.kind, PEER_KIND_SERVER);
	ck_assert_str_eq(b.who.name, "web");
	ck_assert(id_eq(&b.who.id, &server.id));
	wait_for(&server.n_up, 1);
	stop(&server);
	wait_for(&b.n_down, 1);
	ck_assert_int_eq(b.err, 0);
}
END_TEST

START_TEST(test_frames)
{
	static const size_t size[] = {0, 1, 4000, FRAME_BODY_MAX};
	static uint8_t buf[FRAME_MAX];
	unsigned i, n = sizeof(size) / sizeof(size[0]);
	size_t len;

	connect_both();
	for (i = 0; i < n; i++) {
		len = make_frame(buf, size[i], (uint8_t)i);
		links_send(a.links, a.link, buf, len);
		wait_for(&b.n_frames, i + 1);
		ck_assert_uint_eq(b.last_len, len);
		ck_assert_mem_eq(b.last, buf, len);
	}
	len = make_frame(buf, 10, 9);
	links_send(b.links, b.link, buf, len);
	wait_for(&a.n_frames, 1);
	ck_assert_mem_eq(a.last, buf, len);
}
END_TEST

/* Sent before the other end is even accepted, many at once, in order. */
START_TEST(test_many_frames)
{
	static uint8_t buf[FRAME_MAX];
	size_t len = 0;
	unsigned i;

	dial(&a, &b.id);
	wait_for(&a.n_up, 1);
	for (i = 0; i < 200; i++) {
		len = make_frame(buf, 1000, (uint8_t)i);
		links_send(a.links, a.link, buf, len);
	}
	wait_for(&b.n_frames, 200);
	ck_assert_uint_eq(b.bytes, 200 * len);
	ck_assert_mem_eq(b.last, buf, len);
}
END_TEST

START_TEST(test_close_flushes)
{
	static uint8_t buf[FRAME_MAX];
	unsigned i;

	connect_both();
	for (i = 0; i < 10; i++)
		links_send(a.links, a.link, buf, make_frame(buf, 60000, 1));
	links_close(a.links, a.link);
	links_send(a.links, a.link, buf, make_frame(buf, 1, 1)); /* too late */
	wait_for(&b.n_down, 1);
	ck_assert_uint_eq(b.n_frames, 10);
	ck_assert_int_eq(b.err, 0);
	ck_assert_uint_eq(a.n_down, 0); /* ours was not reported */
	ck_assert_uint_eq(links_n(b.links), 0);
}
END_TEST

START_TEST(test_close_from_within_frame)
{
	uint8_t buf[16];

	connect_both();
	b.close_on_frame = b.link;
	links_send(a.links, a.link, buf, make_frame(buf, 4, 1));
	links_send(a.links, a.link, buf, make_frame(buf, 4, 2));
	wait_for(&a.n_down, 1);
	ck_assert_uint_eq(b.n_frames, 1);
	ck_assert_uint_eq(b.n_down, 0);
}
END_TEST

/* What is refused */

START_TEST(test_core_refuses_link)
{
	b.up_answer = PIAS_EDUPLICATE;
	dial(&a, &b.id);
	wait_for(&a.n_down, 1);
	ck_assert_uint_eq(b.n_down, 0);
	ck_assert_uint_eq(b.n_up, 1);
}
END_TEST

START_TEST(test_core_refuses_frame)
{
	uint8_t buf[16];

	connect_both();
	b.frame_answer = PIAS_EMALFORMED;
	links_send(a.links, a.link, buf, make_frame(buf, 4, 1));
	wait_for(&b.n_down, 1);
	ck_assert_int_eq(b.err, PIAS_EMALFORMED);
	wait_for(&a.n_down, 1);
}
END_TEST

START_TEST(test_not_a_frame)
{
	static const uint8_t junk[8] = {0, 3, 0x40, 0, 1, 2, 3, 4};

	connect_both();
	links_send(a.links, a.link, junk, sizeof(junk));
	wait_for(&b.n_down, 1);
	ck_assert_int_eq(b.err, PIAS_EMALFORMED);
	ck_assert_uint_eq(b.n_frames, 0);
}
END_TEST

/* Both ends say why, the dialer because it hears the alert. */
START_TEST(test_foreign_certificate)
{
	struct end evil;

	start(&evil, &foreign, PEER_KIND_AP, "evil");
	dial(&evil, NULL);
	wait_for(&b.n_refused, 1);
	ck_assert_int_eq(b.err, PIAS_EAUTH);
	ck_assert_ptr_nonnull(strstr(b.why, "not signed by our CA"));
	wait_for(&evil.n_failed, 1);
	ck_assert_int_eq(evil.err, PIAS_EDENIED);
	ck_assert_ptr_nonnull(strstr(evil.why, "refused our certificate"));
	ck_assert_uint_eq(b.n_up + evil.n_up, 0);
	stop(&evil);
}
END_TEST

/* A server speaks first: its link is up before it is refused, and still hears why. */
START_TEST(test_alert_is_not_lost)
{
	static uint8_t buf[FRAME_MAX];
	struct end evil;
	unsigned i;

	start(&evil, &foreign, PEER_KIND_SERVER, "evil");
	dial(&evil, NULL);
	wait_for(&evil.n_up, 1);
	for (i = 0; i < 5; i++)
		links_send(evil.links, evil.link, buf, make_frame(buf, 60000, 1));
	wait_for(&evil.n_down, 1);
	ck_assert_int_eq(evil.err, PIAS_EDENIED);
	ck_assert_msg(strstr(evil.why, "not signed by its CA"), "%s", evil.why);
	ck_assert_uint_eq(b.n_frames, 0);
	stop(&evil);
}
END_TEST

/* Refused without a word, or dumb: no link for the one who dialed. */
START_TEST(test_accepter_says_nothing)
{
	b.is_mute = true;
	b.up_answer = PIAS_EFULL;
	dial(&a, &b.id);
	wait_for(&a.n_failed, 1);
	ck_assert_int_eq(a.err, PIAS_EUNREACH);
	ck_assert_uint_eq(a.n_up, 0);
}
END_TEST

START_TEST(test_wrong_id)
{
	dial(&a, &a.id); /* where b is */
	wait_for(&a.n_failed, 1);
	ck_assert_int_eq(a.err, PIAS_EAUTH);
	ck_assert_ptr_nonnull(strstr(a.why, "it is "));
	ck_assert_uint_eq(a.n_up, 0);
}
END_TEST

START_TEST(test_nobody_there)
{
	at = free_port();
	dial(&a, &b.id);
	ck_assert_uint_eq(a.n_failed, 0); /* not from within the call */
	wait_for(&a.n_failed, 1);
	ck_assert_int_eq(a.err, PIAS_EUNREACH);
	ck_assert_str_eq(a.why, "Connection refused");
}
END_TEST

START_TEST(test_second_address)
{
	struct addr addr[2] = {free_port(), {.family = ADDR_V6, .ip = {[15] = 1}}};
	char why[TLS_WHY_MAX];

	addr[1].port = at.port;
	if (links_listen(b.links, &addr[1], why))
		return; /* no IPv6 here */
	links_dial(a.links, &b.id, addr);
	wait_for(&a.n_up, 1);
	ck_assert_uint_eq(a.who.from.family, ADDR_V6);
}
END_TEST

START_TEST(test_no_address)
{
	struct addr none[2] = {{0}};

	links_dial(a.links, &b.id, none);
	wait_for(&a.n_failed, 1);
	ck_assert_int_eq(a.err, PIAS_EUNREACH);
}
END_TEST

START_TEST(test_port_in_use)
{
	char why[TLS_WHY_MAX];

	ck_assert_int_eq(links_listen(a.links, &at, why), PIAS_ESYSTEM);
	ck_assert_msg(strstr(why, "in use"), "%s", why);
}
END_TEST

/* Something that is not TLS at all. */
static int raw_client(void)
{
	struct sockaddr_storage sa;
	socklen_t len = udp_sockaddr(&at, &sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, len), 0);
	return fd;
}

START_TEST(test_not_tls)
{
	int fd = raw_client();

	ck_assert_int_eq(write(fd, "GET / HTTP/1.0\r\n\r\n", 18), 18);
	wait_for(&b.n_refused, 1);
	ck_assert_int_eq(b.err, PIAS_ECRYPTO);
	close(fd);
}
END_TEST

START_TEST(test_hangs_up)
{
	close(raw_client());
	wait_for(&b.n_refused, 1);
	ck_assert_int_eq(b.err, PIAS_EUNREACH);
}
END_TEST

START_TEST(test_too_many_handshakes)
{
	int fd[LINK_HALF_MAX + 1];
	char byte;
	unsigned i;

	for (i = 0; i < LINK_HALF_MAX; i++) {
		fd[i] = raw_client();
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	ck_assert_uint_eq(b.n_refused, 0);
	fd[i] = raw_client();
	wait_for(&b.n_refused, 1);
	ck_assert_int_eq(b.err, PIAS_EFULL);
	/* The first one gave way, and nobody else. */
	ck_assert_int_eq(recv(fd[0], &byte, 1, 0), 0);
	ck_assert_int_eq(recv(fd[1], &byte, 1, MSG_DONTWAIT), -1);
	connect_both(); /* as others will for us */
	ck_assert_uint_eq(b.n_refused, 2);
	for (i = 0; i <= LINK_HALF_MAX; i++)
		close(fd[i]);
	wait_for(&b.n_refused, 1 + LINK_HALF_MAX);
}
END_TEST

/* A peer that stops reading */

START_TEST(test_stops_reading)
{
	static uint8_t buf[FRAME_MAX];
	size_t len = make_frame(buf, 60000, 1), sent = 0;

	connect_both();
	/* The loop does not run meanwhile: nobody reads, nothing leaves. */
	while (sent <= LINK_BACKLOG_MAX) {
		links_send(a.links, a.link, buf, len);
		sent += len;
	}
	ck_assert_uint_eq(a.n_down, 0); /* not from within the call */
	wait_for(&a.n_down, 1);
	ck_assert_int_eq(a.err, PIAS_EFULL);
	ck_assert_str_eq(a.why, "it stopped reading");
	ck_assert_uint_eq(links_n(a.links), 0);
	wait_for(&b.n_down, 1);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_up);
	tcase_add_test(c, test_any_id_and_server);
	tcase_add_test(c, test_frames);
	tcase_add_test(c, test_many_frames);
	tcase_add_test(c, test_close_flushes);
	tcase_add_test(c, test_close_from_within_frame);
	tcase_add_test(c, test_core_refuses_link);
	tcase_add_test(c, test_core_refuses_frame);
	tcase_add_test(c, test_not_a_frame);
	tcase_add_test(c, test_foreign_certificate);
	tcase_add_test(c, test_alert_is_not_lost);
	tcase_add_test(c, test_accepter_says_nothing);
	tcase_add_test(c, test_wrong_id);
	tcase_add_test(c, test_nobody_there);
	tcase_add_test(c, test_second_address);
	tcase_add_test(c, test_no_address);
	tcase_add_test(c, test_port_in_use);
	tcase_add_test(c, test_not_tls);
	tcase_add_test(c, test_hangs_up);
	tcase_add_test(c, test_too_many_handshakes);
	tcase_add_test(c, test_stops_reading);
}

int main(void)
{
	return suite_main("link", fill);
}
