/*
 * Requests come from whoever may open the socket; still they are checked as if from
 * anywhere: a control tool of another version must get an answer, not a guess.
 */
#include "cli/ctl_request.h"

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SHOWN "%.60s"

static const struct {
	const char *name, *args;
} commands[] = {
#define X(name, args, help) [CTL_##name] = {#name, args},
	CTL_COMMANDS(X)
#undef X
};

__attribute__((format(printf, 2, 3))) static int no(char *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, CTL_WHY_MAX, fmt, ap);
	va_end(ap);
	return PIAS_EINVALID;
}

static int find_command(const cJSON *object, enum ctl_command *out, char *why)
{
	const char *name =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "cmd"));
	unsigned i;

	if (!name)
		return no(why, "the request has no \"cmd\"");
	for (i = 0; i < N_CTL_COMMANDS; i++) {
		if (strcmp(name, commands[i].name))
			continue;
		*out = (enum ctl_command)i;
		return 0;
	}
	return no(why, "there is no command \"" SHOWN "\"", name);
}

static const char *argument(const cJSON *object, const char *name, char *why)
{
	const char *s =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

	if (!s)
		no(why, "\"%s\" is missing, or not a string", name);
	return s;
}

static int read_group(struct ctl_request *out, const cJSON *object, char *why)
{
	const char *s = argument(object, "group", why);

	if (!s)
		return PIAS_EINVALID;
	if (!group_name_parse(s, &out->group))
		return 0;
	return no(why,
		  "\"" SHOWN "\" is no group: 198.18.0.1:53/udp, "
		  "[2001:db8:a::1]:80/tcp, or a whole address",
		  s);
}

static int read_client(struct ctl_request *out, const cJSON *object, char *why)
{
	const char *s = argument(object, "client", why);

	if (!s)
		return PIAS_EINVALID;
	if (addr_parse(s, 0, &out->client) || !addr_is_unicast(&out->client))
		return no(why, "\"" SHOWN "\" is no address of a client", s);
	if (out->client.family != out->group.family)
		return no(why, "client and group are of different address families");
	return 0;
}

static int read_arguments(struct ctl_request *out, const cJSON *object, char *why)
{
	int n_wanted = 1, err = 0;

	if (strstr(commands[out->command].args, "GROUP")) {
		n_wanted++;
		err = read_group(out, object, why);
	}
	if (!err && strstr(commands[out->command].args, "CLIENT")) {
		n_wanted++;
		err = read_client(out, object, why);
	}
	if (err || cJSON_GetArraySize(object) == n_wanted)
		return err;
	return no(why, "\"%s\" takes %s%s", commands[out->command].name,
		  n_wanted > 1 ? "nothing but " : "no arguments",
		  commands[out->command].args);
}

int ctl_request_parse(struct ctl_request *out, const char *line, size_t len,
		      char why[static CTL_WHY_MAX])
{
	const char *end = NULL;
	cJSON *object;
	int err;

	memset(out, 0, sizeof(*out));
	object = cJSON_ParseWithLengthOpts(line, len, &end, false);
	while (object && end < line + len && strchr(" \t\r", *end))
		end++;
	if (!cJSON_IsObject(object) || end != line + len)
		err = no(why, "the request is not one JSON object");
	else
		err = find_command(object, &out->command, why);
	if (!err)
		err = read_arguments(out, object, why);
	cJSON_Delete(object);
	return err;
}
