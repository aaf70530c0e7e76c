/*
 * What udp-meter asks and udp-echo answers. The answer has the size of the question:
 * the echo only fills in its name, so that sizes on the path are the same both ways.
 */
#ifndef PIAS_TESTS_TOOLS_ECHO_H
#define PIAS_TESTS_TOOLS_ECHO_H

#include <arpa/inet.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define ECHO_MAGIC    0x70696173u
#define ECHO_NAME_MAX 16

struct echo {
	uint32_t magic;
	uint32_t run; /* tells one meter's packets from another's */
	uint64_t seq;
	uint64_t sent_ns;
	char server[ECHO_NAME_MAX];
};

static inline uint64_t clock_ns(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A numeric address and port; exits with a message that names @program. */
static inline socklen_t parse_addr(const char *program, const char *host,
				   const char *port, struct sockaddr_storage *out)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM,
				 .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *found;
	int err = getaddrinfo(host, port, &hints, &found);
	socklen_t len;

	if (err) {
		fprintf(stderr, "%s: %s port %s: %s\n", program, host, port,
			gai_strerror(err));
		exit(2);
	}
	len = found->ai_addrlen;
	memcpy(out, found->ai_addr, len);
	freeaddrinfo(found);
	return len;
}

#endif
