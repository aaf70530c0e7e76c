/*
 * The tunnel's end on a server: packets from its sockets, let in by decap.h, coalesced,
 * written into a TUN interface. Bursts throughout.
 */
#ifndef PIAS_CLI_DECAP_IO_H
#define PIAS_CLI_DECAP_IO_H

#include <event2/event.h>

#include "cli/tun.h"
#include "forwarder/decap.h"

#define DECAP_IO_WHY_MAX 256

struct decap_stats {
	uint64_t packets, bytes;	    /* let in */
	uint64_t verdict[N_DECAP_VERDICTS]; /* every packet, by what became of it */
	uint64_t n_written, n_write_failed; /* to the TUN; super-packets count once */
};

struct decap_io;

/*
 * Opens the sockets for @encap on @config's unicast address (GUE: and port), and
 * listens. Borrows @tun, copies @config. NULL: failed, and @why says what to do.
 */
struct decap_io *decap_io_new(struct event_base *base, struct tun *tun, uint8_t encap,
			      const struct decap_config *config,
			      char why[static DECAP_IO_WHY_MAX]);
void decap_io_free(struct decap_io *io); /* NULL is fine */
const struct decap_stats *decap_io_stats(const struct decap_io *io);

#endif
