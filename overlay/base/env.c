/* The core's side of the world: timers, randomness and log lines through env_ops. */
#include "overlay/base/env.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void env_init(struct env *env, const struct env_ops *ops, void *host)
{
	memset(env, 0, sizeof(*env));
	timers_init(&env->timers);
	env->ops = ops;
	env->host = host;
	env->log_level = LOG_LEVEL_INFO;
	env->wake_asked = PIAS_NEVER;
}

void env_fini(struct env *env)
{
	timers_fini(&env->timers);
}

void env_run(struct env *env)
{
	timers_run(&env->timers, env->now);
}

void env_settle(struct env *env)
{
	pias_time next = timers_next(&env->timers);

	if (next == env->wake_asked)
		return;
	env->wake_asked = next;
	env->ops->wake(env->host, next);
}

void env_random(struct env *env, void *buf, size_t len)
{
	env->ops->random(env->host, buf, len);
}

uint32_t env_random_u32(struct env *env)
{
	uint32_t v;

	env_random(env, &v, sizeof(v));
	return v;
}

uint64_t env_random_u64(struct env *env)
{
	uint64_t v;

	env_random(env, &v, sizeof(v));
	return v;
}

uint32_t env_random_below(struct env *env, uint32_t n)
{
	return (uint32_t)(((uint64_t)env_random_u32(env) * n) >> 32);
}

pias_time env_jitter(struct env *env, pias_time period)
{
	if (period < 8)
		return period;
	return period - period / 8 +
	       (pias_time)(env_random_u64(env) % (uint64_t)(period / 4 + 1));
}

void env_log(struct env *env, enum log_level level, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (!env->ops->log || level > env->log_level)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	env->ops->log(env->host, level, text);
}

void env_text(char *buf, size_t len, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, len, fmt, ap);
	va_end(ap);
}
