/*
 * Every event is one step: the clock is set, the core is called through its doors, and
 * what it gathered for the network is sent. The core's wake-up is one libevent timer.
 *
 * Nothing here decides anything about the protocol. What the operations of the core
 * cause comes back later, from the loop.
 */
#include "cli/host.h"

#include <errno.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/clock.h"
#include "cli/duration.h"
#include "cli/host_check.h"
#include "cli/log.h"
#include "cli/notify.h"
#include "cli/pki.h"

void host_enter(struct host *h)
{
	h->env.now = clock_now();
}

void host_leave(struct host *h)
{
	uplink_flush(&h->uplink, &h->env.counters);
}

/* What the core asks for (env_ops) */

static void op_dial(void *host, const struct id *id, const struct addr addr[2])
{
	struct host *h = host;

	links_dial(h->links, id, addr);
}

static void op_link_send(void *host, uint32_t link, const void *frame, size_t len)
{
	struct host *h = host;

	links_send(h->links, link, frame, len);
}

static void op_link_close(void *host, uint32_t link)
{
	struct host *h = host;

	links_close(h->links, link);
}

static void op_datagram(void *host, const struct addr *to, const void *data, size_t len)
{
	struct host *h = host;

	if (!uplink_datagram(&h->uplink, to, data, len))
		count(&h->env, drop_no_family);
}

static void op_tunnel(void *host, const struct tunnel_packet *pkt)
{
	struct host *h = host;

	if (!uplink_tunnel(&h->uplink, pkt))
		count(&h->env, drop_no_family);
}

static void op_emit(void *host, const void *packet, size_t len)
{
	struct host *h = host;

	if (announce_emit(&h->announce, packet, len))
		count(&h->env, drop_emit);
}

static void arm_wake(struct host *h)
{
	pias_time left = h->wake_at - clock_now();
	struct timeval tv;

	if (left < 0)
		left = 0;
	tv.tv_sec = left / SEC;
	tv.tv_usec = left % SEC;
	evtimer_add(h->wake, &tv);
}

static void op_wake(void *host, pias_time at)
{
	struct host *h = host;

	h->wake_at = at;
	if (at == PIAS_NEVER)
		evtimer_del(h->wake);
	else
		arm_wake(h);
}

/* Keys come from here: without randomness there is nothing left to do. */
static void op_random(void *host, void *buf, size_t len)
{
	if (RAND_bytes(buf, (int)len) == 1)
		return;
	log_line(LOG_LEVEL_ERROR, "host: no randomness, cannot go on");
	abort();
}

static void op_log(void *host, enum log_level level, const char *text)
{
	log_line(level, text);
}

static const struct env_ops env_ops = {
	.dial = op_dial,
	.link_send = op_link_send,
	.link_close = op_link_close,
	.datagram = op_datagram,
	.tunnel = op_tunnel,
	.emit = op_emit,
	.wake = op_wake,
	.random = op_random,
	.log = op_log,
};

/* What happens */

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct host *h = arg;

	host_enter(h);
	if (h->env.now < h->wake_at)
		arm_wake(h); /* libevent's clock is a little ahead of ours */
	else
		proxy_on_wake(&h->proxy);
	host_leave(h);
}

static void on_packet(void *ctx, const struct packet_in *packet)
{
	struct host *h = ctx;

	host_enter(h);
	proxy_on_packet(&h->proxy, packet);
}

static void on_burst_over(void *ctx)
{
	struct host *h = ctx;

	proxy_settle(&h->proxy);
	host_leave(h);
}

/* There is no way to go on, and others can only see it if we are gone. */
static void on_interface_lost(void *ctx, const char *name, int err)
{
	struct host *h = ctx;

	log_say(LOG_LEVEL_ERROR, "announce: interface %s is lost why=\"%s\"", name,
		strerror(-err));
	h->exit_code = 1;
	event_base_loopbreak(h->base);
}

static const struct announce_ops announce_ops = {
	.packet = on_packet,
	.burst_over = on_burst_over,
	.lost = on_interface_lost,
};

static void on_datagram(void *ctx, const struct addr *from, const struct addr *to,
			const uint8_t *data, size_t len)
{
	struct host *h = ctx;

	if (!from) {
		host_leave(h);
		return;
	}
	host_enter(h);
	proxy_on_datagram(&h->proxy, from, to, data, len);
}

static bool is_about_certificates(int err)
{
	return err == PIAS_EAUTH || err == PIAS_EDENIED;
}

/* Says the same of an address once a minute. */
static void complain(struct host *h, enum log_level level, const char *event,
		     const struct addr *about, const char *why)
{
	char text[ADDR_STR_MAX], times[48] = "";
	uint32_t kept;

	if (!quiet_may_say(&h->quiet, about, why, clock_now(), &kept))
		return;
	if (kept)
		snprintf(times, sizeof(times), " (and %u times before)", kept);
	log_say(level, "link: %s addr=%s why=\"%s\"%s", event, addr_str(about, text), why,
		times);
}

static int on_link_up(void *ctx, uint32_t link, const struct peer_identity *who,
		      bool dialed, const uint8_t key[OVERLAY_LINK_KEY_LEN])
{
	struct host *h = ctx;
	int err;

	host_enter(h);
	err = proxy_on_link_up(&h->proxy, link, who, dialed, key);
	host_leave(h);
	return err;
}

static int on_frame(void *ctx, uint32_t link, enum peer_kind kind, const uint8_t *frame,
		    size_t len)
{
	struct host *h = ctx;
	int err;

	host_enter(h);
	err = proxy_on_frame(&h->proxy, link, kind, frame, len);
	host_leave(h);
	return err;
}

static void on_link_down(void *ctx, uint32_t link, const struct peer_identity *who,
			 int err, const char *why)
{
	struct host *h = ctx;

	if (is_about_certificates(err)) {
		count(&h->env, drop_link_certificate);
		complain(h, LOG_LEVEL_WARN, "refused by", &who->from, why);
	} else if (err == PIAS_EFULL) {
		count(&h->env, links_stalled);
		complain(h, LOG_LEVEL_WARN, "closed", &who->from, why);
	} else if (err) {
		complain(h, LOG_LEVEL_INFO, "lost", &who->from, why);
	}
	host_enter(h);
	proxy_on_link_down(&h->proxy, link, who->kind);
	host_leave(h);
}

static void on_dial_failed(void *ctx, const struct id *id, const struct addr addr[2],
			   int err, const char *why)
{
	const struct addr *about = &addr[addr_is_none(&addr[0])];
	struct host *h = ctx;

	if (is_about_certificates(err))
		count(&h->env, drop_link_certificate);
	complain(h, is_about_certificates(err) ? LOG_LEVEL_WARN : LOG_LEVEL_INFO,
		 "not opened", about, why);
	snprintf(h->dial_trouble, sizeof(h->dial_trouble), "%s", why);
	host_enter(h);
	proxy_on_dial_failed(&h->proxy, id, addr, err);
	host_leave(h);
}

static void on_refused(void *ctx, const struct addr *from, int err, const char *why)
{
	struct host *h = ctx;

	if (is_about_certificates(err))
		count(&h->env, drop_link_certificate);
	else if (err == PIAS_EFULL)
		count(&h->env, drop_link_busy);
	else
		count(&h->env, drop_link_handshake);
	complain(h, LOG_LEVEL_WARN, "refused", from, why);
}

static const struct links_ops links_ops = {
	.up = on_link_up,
	.frame = on_frame,
	.down = on_link_down,
	.dial_failed = on_dial_failed,
	.refused = on_refused,
};

/* Announce and drain */

static void on_ready(void *ctx, bool is_ready)
{
	char why[ANNOUNCE_WHY_MAX];
	struct host *h = ctx;
	int err;

	err = is_ready ? announce_start(&h->announce, why)
		       : announce_stop(&h->announce, why);
	if (!err) {
		log_say(LOG_LEVEL_INFO, "announce: %s tun=%s", is_ready ? "up" : "down",
			h->announce.main.name);
		notify_manager(is_ready ? "STATUS=ready, announcing" : "STATUS=draining");
		return;
	}
	log_say(LOG_LEVEL_ERROR, "announce: failed why=\"%s\"", why);
	if (!is_ready)
		return; /* we go anyway */
	h->exit_code = 1;
	event_base_loopbreak(h->base);
}

/* Said once for each reason: joining is tried again and again. */
static void on_join_failed(void *ctx, int err, const char *why)
{
	struct host *h = ctx;

	if (!strcmp(h->join_trouble, why))
		return;
	snprintf(h->join_trouble, sizeof(h->join_trouble), "%s", why);
	log_say(LOG_LEVEL_WARN, "host: cannot join the ring yet why=\"%s\"%s%s%s", why,
		h->dial_trouble[0] ? " last_dial=\"" : "", h->dial_trouble,
		h->dial_trouble[0] ? "\"" : "");
}

static const struct proxy_ops proxy_ops = {
	.ready = on_ready,
	.join_failed = on_join_failed,
};

static void on_drained(evutil_socket_t fd, short what, void *arg)
{
	struct host *h = arg;

	log_line(LOG_LEVEL_INFO, "host: drained");
	event_base_loopbreak(h->base);
}

void host_drain(struct host *h)
{
	pias_time left = h->config->drain_time;
	char text[DURATION_STR_MAX];
	struct timeval tv;

	if (h->is_draining)
		return;
	h->is_draining = true;
	log_say(LOG_LEVEL_INFO, "host: draining time=%s", duration_str(left, text));
	notify_manager("STOPPING=1");
	if (left < HOST_DRAIN_MIN)
		left = HOST_DRAIN_MIN;
	tv.tv_sec = left / SEC;
	tv.tv_usec = left % SEC;
	evtimer_add(h->drained, &tv);
	host_enter(h);
	h->drain_ends_at = h->env.now + left;
	proxy_leave(&h->proxy);
	host_leave(h);
}

static void on_signal(evutil_socket_t signal, short what, void *arg)
{
	struct host *h = arg;

	if (!h->is_draining) {
		host_drain(h);
		return;
	}
	log_line(LOG_LEVEL_INFO, "host: second signal, not draining any longer");
	event_base_loopbreak(h->base);
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	notify_manager("WATCHDOG=1");
}

/* Life */

static int load_credentials(const struct config *c, struct tls *tls,
			    uint8_t ring_key[static HASH_LEN], char *why)
{
	char text[PKI_WHY_MAX], tls_why[TLS_WHY_MAX], check_why[HOST_CHECK_WHY_MAX];

	if (tls_init(tls, c->certificate, c->key, c->ca, tls_why)) {
		snprintf(why, HOST_WHY_MAX, "%s", tls_why);
		return PIAS_EAUTH;
	}
	if (host_check_name(c, &tls->self, check_why)) {
		snprintf(why, HOST_WHY_MAX, "%s", check_why);
		tls_fini(tls);
		return PIAS_EAUTH;
	}
	if (pki_read_ring_key(c->ring_key, ring_key, text)) {
		snprintf(why, HOST_WHY_MAX, "%s", text);
		tls_fini(tls);
		return PIAS_ESYSTEM;
	}
	/*
	 * With a clock like that we would refuse everybody else, too, and take ourselves
	 * for the only AP there is.
	 */
	if (tls_check_time(tls, tls_why)) {
		snprintf(why, HOST_WHY_MAX, "%s", tls_why);
		tls_fini(tls);
		return PIAS_EAUTH;
	}
	return 0;
}

int host_check_credentials(const struct config *config, char why[static HOST_WHY_MAX])
{
	uint8_t ring_key[HASH_LEN];
	struct tls tls;
	int err = load_credentials(config, &tls, ring_key, why);

	if (!err)
		tls_fini(&tls);
	explicit_bzero(ring_key, sizeof(ring_key));
	return err;
}

static int load_names(struct host *h, struct proxy_config *proxy, char *why)
{
	int err = load_credentials(h->config, &h->tls, proxy->rendezvous.ring_key, why);

	if (err)
		return err;
	proxy->overlay.self.id = h->tls.self.id;
	proxy->overlay.incarnation = (uint64_t)clock_wall();
	return 0;
}

static int check_host(const struct config *c, char *why)
{
	char text[HOST_CHECK_WHY_MAX];
	int err = host_check_rights(text);

	if (!err)
		err = host_check_forwarding(HOST_CHECK_SYSCTL_ROOT, c, text);
	if (!err)
		err = host_check_addresses(c, text);
	if (err)
		snprintf(why, HOST_WHY_MAX, "%s", text);
	return err;
}

static int open_links(struct host *h, char *why)
{
	const struct addr *self = h->config->proxy.overlay.self.addr;
	struct links_config config = {.base = h->base, .tls = &h->tls};
	char text[TLS_WHY_MAX] = "out of memory";
	int i;

	for (i = 0; i < 2; i++) {
		config.local[i] = self[i];
		config.has_family[i] = !addr_is_none(&self[i]);
	}
	h->links = links_new(&config, &links_ops, h);
	for (i = 0; i < 2 && h->links; i++) {
		if (addr_is_none(&self[i]) || !links_listen(h->links, &self[i], text))
			continue;
		break;
	}
	if (h->links && i == 2)
		return 0;
	snprintf(why, HOST_WHY_MAX, "%s", text);
	return PIAS_ESYSTEM;
}

static int open_network(struct host *h, char *why)
{
	const struct config *c = h->config;
	char text[UPLINK_WHY_MAX], tun_why[ANNOUNCE_WHY_MAX];
	int err = open_links(h, why);

	if (err)
		return err;
	err = uplink_open(&h->uplink, h->base, c->proxy.overlay.self.addr, on_datagram, h,
			  text);
	if (err) {
		snprintf(why, HOST_WHY_MAX, "%s", text);
		return err;
	}
	err = announce_open(&h->announce, h->base, c->tun, c->proxy.forward.prefix,
			    c->proxy.forward.n_prefixes, &announce_ops, h, tun_why);
	if (err)
		snprintf(why, HOST_WHY_MAX, "%s", tun_why);
	return err;
}

static int add_events(struct host *h)
{
	static const int signal_of[2] = {SIGTERM, SIGINT};
	pias_time period = notify_watchdog() / 2;
	struct timeval tv = {.tv_sec = period / SEC, .tv_usec = period % SEC};
	int i;

	h->wake = evtimer_new(h->base, on_wake, h);
	h->drained = evtimer_new(h->base, on_drained, h);
	h->watchdog = event_new(h->base, -1, EV_PERSIST, on_watchdog, h);
	if (!h->wake || !h->drained || !h->watchdog)
		return PIAS_ENOMEM;
	for (i = 0; i < 2; i++) {
		h->signals[i] = evsignal_new(h->base, signal_of[i], on_signal, h);
		if (!h->signals[i] || event_add(h->signals[i], NULL))
			return PIAS_ENOMEM;
	}
	return period && event_add(h->watchdog, &tv) ? PIAS_ENOMEM : 0;
}

static int open_all(struct host *h, char *why)
{
	struct proxy_config proxy = h->config->proxy;
	int err = load_names(h, &proxy, why);

	if (!err)
		err = check_host(h->config, why);
	if (!err)
		err = open_network(h, why);
	if (err)
		return err;
	err = add_events(h);
	host_enter(h);
	if (!err)
		err = proxy_init(&h->proxy, &h->env, &proxy, &proxy_ops, h);
	crypto_wipe(proxy.rendezvous.ring_key, sizeof(proxy.rendezvous.ring_key));
	if (err)
		snprintf(why, HOST_WHY_MAX, "%s", error_text(err));
	h->has_proxy = !err;
	return err;
}

int host_init(struct host *h, struct event_base *base, const struct config *config,
	      char why[static HOST_WHY_MAX])
{
	int err;

	memset(h, 0, sizeof(*h));
	h->base = base;
	h->config = config;
	h->wake_at = PIAS_NEVER;
	h->announce.main.fd = h->announce.drain.fd = -1;
	env_init(&h->env, &env_ops, h);
	h->env.log_level = config->log_level;
	err = open_all(h, why);
	if (err)
		host_fini(h);
	return err;
}

static void free_event(struct event *e)
{
	if (e)
		event_free(e);
}

void host_fini(struct host *h)
{
	if (h->has_proxy)
		proxy_fini(&h->proxy);
	links_free(h->links);
	if (h->uplink.fn)
		uplink_close(&h->uplink);
	announce_close(&h->announce);
	free_event(h->wake);
	free_event(h->drained);
	free_event(h->watchdog);
	free_event(h->signals[0]);
	free_event(h->signals[1]);
	tls_fini(&h->tls);
	env_fini(&h->env);
	memset(h, 0, sizeof(*h));
}

void host_start(struct host *h)
{
	char id[ID_STR_MAX];

	host_enter(h);
	h->started_at = h->env.now;
	log_say(LOG_LEVEL_INFO, "host: started ring=%s id=%s tun=%s",
		h->config->proxy.overlay.ring, id_str(&h->tls.self.id, id),
		h->announce.main.name);
	proxy_start(&h->proxy);
	host_leave(h);
	notify_manager("READY=1\nSTATUS=joining the ring");
}
