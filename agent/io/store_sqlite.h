/* SPDX-License-Identifier: MIT */
/*
 * Sessions, baselines and the few facts about the store itself, in one SQLite database (WAL mode, STRICT
 * tables, schema version in user_version). A batch is one transaction: what it says about sessions and about
 * baselines is true together or not at all.
 *
 * A writer and a reader are separate connections, each used by one thread at a time. SQLite's codes become
 * -errno in here: a full disk is -ENOSPC, a lock -EBUSY, a damaged file -EBADMSG, a read-only one -EROFS,
 * the rest -EIO.
 */
#ifndef IO_STORE_SQLITE_H
#define IO_STORE_SQLITE_H

#include "core/guest.h"
#include "core/history.h"
#include "core/ledger.h"
#include "core/public_id.h"
#include "core/session.h"

#define STORE_BOOT_ID_SIZE 37 /* /proc/sys/kernel/random/boot_id and the NUL */
#define STORE_EPOCH_SIZE 64

struct store;
struct store_reader;

/* What the store knew when it was opened. Owned. */
struct store_state {
	struct public_id_key id_key;
	char instance[17]; /* 16 hex digits: this database, for ever */
	uint64_t next_seq;
	int64_t newest_wall_ns;           /* no session knows of a later time, as far as a quick look tells; 0: none */
	char boot_id[STORE_BOOT_ID_SIZE]; /* of the last writer; "" for a new database */
	char epoch[STORE_EPOCH_SIZE];     /* whose readings the baselines are; "" for none */
	struct session_record *open_sessions;
	size_t n_open_sessions;
	struct counter_reading *baselines;
	size_t n_baselines;
	struct unclaimed_change *unclaimed; /* version 0 */
	size_t n_unclaimed;
	struct login *logins;
	size_t n_logins;
	struct guest_change *guests; /* version 0, none is gone */
	size_t n_guests;
	struct device_change *devices; /* version 0, each with a name */
	size_t n_devices;
	struct unauthenticated *unauthenticated;
	size_t n_unauthenticated;
};

/* One transaction. Owns its arrays. */
struct store_batch {
	struct session_change *sessions;
	size_t n_sessions;
	struct ledger_baseline *baselines;
	size_t n_baselines;
	struct unclaimed_change *unclaimed;
	size_t n_unclaimed;
	struct login_save *logins;
	size_t n_logins;
	struct guest_change *guests;
	size_t n_guests;
	struct device_change *devices;
	size_t n_devices;
	struct unauthenticated_change *unauthenticated;
	size_t n_unauthenticated;
};

/* How much history is kept; 0: no bound. */
struct store_retention {
	int64_t ended_before_wall_ns; /* sessions that ended before go */
	uint64_t max_sessions;        /* beyond it those that began first go */
};

void store_batch_clean(struct store_batch *batch);
void store_state_clean(struct store_state *state);
/* Frees what has been taken up (all arrays); the facts about the store stay. */
void store_state_forget_rows(struct store_state *state);

/*
 * Opens or creates the database. Says in one logged line what is wrong and what to do: the directory is
 * not writable, the file is no database or damaged (-EBADMSG; all of a file of up to 32 MiB is checked, in a
 * larger one damage shows when it is read), or its schema is newer than this program
 * (-EPROTONOSUPPORT). A file that is refused stays as it was. 0 or -errno.
 */
int store_open(const char *path, struct store **out);
void store_close(struct store **store);

/* 0 or -errno, logged. */
int store_load(struct store *store, struct store_state *out);

/*
 * Starts an epoch: remembers the boot and the identity of the counters, and drops the baselines of any
 * other epoch. Must be durable before counting begins. 0 or -errno, logged.
 */
int store_begin_epoch(struct store *store, const char *boot_id, const char *epoch);

/* Writes the batch, durably. 0 or -errno, not logged (the worker's owner logs changes of state). */
int store_write(struct store *store, const struct store_batch *batch);

/*
 * The same, and from here on the readings are those of another epoch: what the batch says of the old one and
 * the step to the new one are true together. 0 or -errno, not logged.
 */
int store_write_and_begin_epoch(struct store *store, const struct store_batch *batch, const char *boot_id,
				const char *epoch);

/*
 * Forgets whose an ended session was: no identity is left in its row, nor in the pages of the file. 0; -ENOENT when
 * there is no such session; or -errno, not logged.
 */
int store_forget_person(struct store *store, uint64_t seq);

/*
 * Takes one small step of pruning: some ended sessions that retention does not cover, and pages that are free go, in a
 * transaction of some milliseconds. 1 when there is more to do, 0 when there is not, or -errno, not logged.
 */
int store_prune(struct store *store, const struct store_retention *retention);

/* A read-only connection to the same file. 0 or -errno, logged. */
int store_reader_open(const char *path, struct store_reader **out);
void store_reader_close(struct store_reader **reader);

/* Answers a query; out->error carries the failure. */
void store_reader_query(struct store_reader *reader, const struct history_query *query, struct history_result *out);

/* Interrupts the query that runs in another thread, or else the next one: it ends with -EINTR, or was done already. */
void store_reader_interrupt(struct store_reader *reader);

#endif
