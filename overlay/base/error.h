/*
 * Errors. A function that can fail returns 0 or a negative PIAS_E* code; the
 * one table below holds every code with the text that a person reads.
 */
#ifndef PIAS_OVERLAY_BASE_ERROR_H
#define PIAS_OVERLAY_BASE_ERROR_H

/* clang-format off */
#define PIAS_ERRORS(X)                                                          \
	X(NOMEM,      1, "out of memory")                                       \
	X(FULL,       2, "a table is full")                                     \
	X(MALFORMED,  3, "malformed message")                                   \
	X(VERSION,    4, "unsupported protocol version")                        \
	X(AUTH,       5, "not authenticated")                                   \
	X(REPLAY,     6, "replayed or too old")                                 \
	X(NOTFOUND,   7, "not found")                                           \
	X(EXISTS,     8, "already exists")                                      \
	X(DENIED,     9, "not allowed")                                         \
	X(TIMEOUT,   10, "timed out")                                           \
	X(UNREACH,   11, "unreachable")                                         \
	X(TOOBIG,    12, "too big")                                             \
	X(INVALID,   13, "invalid value")                                       \
	X(BUSY,      14, "busy, try again")                                     \
	X(NOTREADY,  15, "not ready")                                           \
	X(STATE,     16, "not expected in this state")                          \
	X(DUPLICATE, 17, "another anycast proxy uses the same key")             \
	X(RING,      18, "belongs to another ring")                             \
	X(CRYPTO,    19, "cryptographic operation failed")                      \
	X(TUNNEL,    20, "no answer through the tunnel")                        \
	X(SYSTEM,    21, "operating system error")                              \
	X(LOOP,      22, "too many hops")
/* clang-format on */

enum pias_error {
#define X(name, code, text) PIAS_E##name = -(code),
	PIAS_ERRORS(X)
#undef X
};

#define must_check __attribute__((warn_unused_result))

/* The text of @err (0 or a negative code); never NULL. */
const char *error_text(int err);

#endif
