/*
 * A ring's small public key infrastructure: one CA, and certificates for its APs and
 * servers, all Ed25519, as PEM files in one folder. `piasctl pki` is these functions.
 */
#ifndef PIAS_CLI_PKI_H
#define PIAS_CLI_PKI_H

#include <time.h>

#include "cli/tls.h"

#define PKI_WHY_MAX 320

/* PKI_DAYS_*: how long certificates last unless told. */
#define PKI_DAYS_CA 3650
#define PKI_DAYS_AP 365
#define PKI_DAYS_AS 30
/* Without a start given, they begin to be valid that long ago: clocks differ. */
#define PKI_BACKDATE_S 86400

struct pki_validity {
	int days;	   /* 0: the default of the kind */
	time_t not_before; /* 0: PKI_BACKDATE_S ago */
};

struct pki_result {
	struct tls_name name; /* of an AP or a server */
	time_t not_after;
};

/* DIR/ca.crt, DIR/ca.key and DIR/ring.key; makes the folder where it is missing. */
must_check int pki_init(const char *dir, const char *ring, const struct pki_validity *v,
			char why[static PKI_WHY_MAX]);
/*
 * DIR/FILE.crt and DIR/FILE.key for the AP @name, or for a server of the owner @name;
 * @file NULL: called as @name is. Existing files are never overwritten. On failure @why
 * says what to do about it.
 */
must_check int pki_issue(const char *dir, enum peer_kind kind, const char *name,
			 const char *file, const struct pki_validity *v,
			 struct pki_result *out, char why[static PKI_WHY_MAX]);

/* The key that all APs of a ring share: 64 hex digits in a file. */
must_check int pki_read_ring_key(const char *file, uint8_t out[static HASH_LEN],
				 char why[static PKI_WHY_MAX]);

#endif
