/* SPDX-License-Identifier: MIT */
/*
 * Requests of hooks that wait for the agent, in state_dir/spool: a portal must neither hang nor lose a login because
 * the agent restarts. One file a request, written before the hook returns; whoever spools starts a deliverer.
 *
 * Order: while there are files, later requests are appended, never sent past them; a file goes only when its
 * request has been answered. What the agent cannot take now, because of some bound, holds up only its own subject:
 * behind a login that finds no place there may be the logout that makes one. One deliverer at a time holds
 * deliver.lock. It lets go of it under append.lock, and only when there is no file, so none is left without a
 * deliverer: who appends later finds the lock free. A deliverer that dies leaves the files, and the next one takes
 * over.
 *
 * Bounds: SPOOL_MAX_FILES requests of SPOOL_MAX_BYTES; each is dropped when its time is over (core/spool_entry.h).
 */
#ifndef IO_SPOOL_H
#define IO_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/spool_entry.h"

#define SPOOL_MAX_FILES 1000
#define SPOOL_MAX_BYTES 16384

enum spool_result {
	SPOOL_SENT,      /* over, also when it was refused, which send tells whom it concerns */
	SPOOL_TRY_LATER, /* nobody is there: the others need not try either */
	SPOOL_PASS_OVER, /* this one cannot be taken now: only others on the same subject have to wait for it */
};

struct spool_port {
	void *context;
	enum spool_result (*send)(void *context, const struct spool_entry *entry);
	/* It was dropped unsent; entry is NULL for a file that nobody can read. */
	void (*drop)(void *context, const struct spool_entry *entry, const char *reason);
	int64_t retry_ms;
};

/* True also when there is no spool, or none that this process may read. */
bool spool_is_empty(const char *state_dir);

/*
 * Durable when it returns. 0; -ENOBUFS: SPOOL_MAX_FILES wait already; -EMSGSIZE: beyond SPOOL_MAX_BYTES; -ETIMEDOUT:
 * somebody else is at it for a second; or another -errno. Not logged.
 */
int spool_append(const char *state_dir, const struct spool_entry *entry);

/*
 * Sends what is there, oldest first, until nothing is; returns at once when somebody else does so. 0, or -errno when
 * the directory fails.
 */
int spool_deliver(const char *state_dir, const char *boot_id, const struct spool_port *port);

#endif
