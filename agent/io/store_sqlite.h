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
	char boot_id[STORE_BOOT_ID_SIZE]; /* of the last writer; "" for a new database */
	char epoch[STORE_EPOCH_SIZE];     /* whose readings the baselines are; "" for none */
	struct session_record *open_sessions;
	size_t n_open_sessions;
	struct counter_reading *baselines;
	size_t n_baselines;
	struct unclaimed_change *unclaimed; /* version 0 */
	size_t n_unclaimed;
};

/* One transaction. Owns its arrays. */
struct store_batch {
	struct session_change *sessions;
	size_t n_sessions;
	struct ledger_baseline *baselines;
	size_t n_baselines;
	struct unclaimed_change *unclaimed;
	size_t n_unclaimed;
};

void store_batch_clean(struct store_batch *batch);
void store_state_clean(struct store_state *state);
/* Frees what has been taken up (sessions, baselines, unclaimed octets); the facts about the store stay. */
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

/* A read-only connection to the same file. 0 or -errno, logged. */
int store_reader_open(const char *path, struct store_reader **out);
void store_reader_close(struct store_reader **reader);

/* Answers a query; out->error carries the failure. */
void store_reader_query(struct store_reader *reader, const struct history_query *query, struct history_result *out);

/* Interrupts the query that runs in another thread, or else the next one: it ends with -EINTR, or was done already. */
void store_reader_interrupt(struct store_reader *reader);

#endif
