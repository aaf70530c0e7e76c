/*
 * The world as the core sees it. One env per AP or server agent. A host (the
 * daemon, the simulator, a test's script) sets `now`, calls into the core, and the
 * core answers through `ops`. Rules:
 *
 *  - time stands still within a call: the host sets `now`, the core only reads it;
 *  - no operation calls back into the core; what it causes arrives later;
 *  - buffers handed to an operation are borrowed for that call;
 *  - after each call into the core the host calls env_settle(), once.
 *
 * The core draws on nothing else: no socket, clock, thread, global or randomness.
 */
#ifndef PIAS_OVERLAY_BASE_ENV_H
#define PIAS_OVERLAY_BASE_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "overlay/base/addr.h"
#include "overlay/base/counter.h"
#include "overlay/base/crypto.h"
#include "overlay/base/id.h"
#include "overlay/base/timer.h"

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/* How a packet travels from an AP to a server. */
enum encap {
	ENCAP_GUE = 1, /* UDP, with the server's cookie */
	ENCAP_IPIP = 2 /* IP protocol 4 or 41 */
};

/* One or more equal packets to one server: what the host must put on the wire. */
struct tunnel_packet {
	struct addr to;	  /* the server's unicast address; GUE: with its port */
	uint8_t encap;	  /* enum encap */
	uint8_t inner;	  /* inner family: 4 or 6 */
	uint16_t entropy; /* flow hash, for the outer source port */
	/*
	 * Ready bytes after the outer UDP header (GUE) or outer IP header (IP-in-IP).
	 * n_segments > 1: that many datagrams of segment_len bytes, back to back, the
	 * last one possibly shorter (UDP_SEGMENT's terms).
	 */
	const uint8_t *data;
	size_t len;
	size_t segment_len;
};

struct env_ops {
	/*
	 * Links: reliable ordered byte streams to authenticated APs, or from servers.
	 * dial: open one to the AP @id at one of @addr (v4, v6; family 0 = none), or
	 * to whoever answers there when @id is all zero (a seed). Its outcome is
	 * reported as link up or dial failed.
	 */
	void (*dial)(void *host, const struct id *id, const struct addr addr[2]);
	/* @frame is whole. A dead link drops it silently: its end is reported. */
	void (*link_send)(void *host, uint32_t link, const void *frame, size_t len);
	/* Flushes what was sent, then closes. Not reported back. */
	void (*link_close)(void *host, uint32_t link);
	/* A datagram from our control port to @to. */
	void (*datagram)(void *host, const struct addr *to, const void *data, size_t len);
	/* Packets to a server. */
	void (*tunnel)(void *host, const struct tunnel_packet *pkt);
	/* An IP packet into the host's own stack (replies from an anycast address). */
	void (*emit)(void *host, const void *packet, size_t len);
	/* Call env_run at @at; replaces the last request; PIAS_NEVER = not at all. */
	void (*wake)(void *host, pias_time at);
	void (*random)(void *host, void *buf, size_t len);
	/* NULL where nobody listens. @text has no newline. */
	void (*log)(void *host, enum log_level level, const char *text);
};

struct env {
	pias_time now;
	pias_time wake_asked;
	struct timers timers;
	const struct env_ops *ops;
	void *host;
	enum aead_kind aead; /* what seals: the real one unless simulated */
	enum log_level log_level;
	struct counters counters;
};

void env_init(struct env *env, const struct env_ops *ops, void *host);
void env_fini(struct env *env);
/* Runs the timers due at env->now. */
void env_run(struct env *env);
/* Asks the host for the next wake-up where it changed. */
void env_settle(struct env *env);

void env_random(struct env *env, void *buf, size_t len);
uint32_t env_random_u32(struct env *env);
uint64_t env_random_u64(struct env *env);
/* Uniform in [0, n), n > 0. */
uint32_t env_random_below(struct env *env, uint32_t n);
/* @period plus or minus an eighth, so that periodic work does not synchronise. */
pias_time env_jitter(struct env *env, pias_time period);

/* "noun: event key=value"; never for single packets. Cut at 255 bytes. */
void env_log(struct env *env, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Text for a person: explanations that travel in messages. Cut at @len - 1 bytes. */
void env_text(char *buf, size_t len, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
#define log_error(env, ...) env_log(env, LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(env, ...)  env_log(env, LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(env, ...)  env_log(env, LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(env, ...) env_log(env, LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
