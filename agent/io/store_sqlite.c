/* SPDX-License-Identifier: MIT */
#include "io/store_sqlite.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/store_private.h"

/* ---- opening ---- */

void store_close(struct store **store)
{
	if (!*store)
		return;
	store_statements_clean(*store);
	store_connection_clean(&(*store)->db);
	free((*store)->path);
	free(*store);
	*store = NULL;
}

/*
 * Guests' names are nobody else's business: a new file is its owner's alone, and SQLite gives its side files
 * the same mode. Only a file that is not there is opened: closing one that this process has open drops its locks.
 */
static int create_private(const char *path)
{
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct stat status;

	if (fd >= 0)
		return 0;
	if (errno != EEXIST || stat(path, &status) < 0)
		return -errno;
	if (S_ISDIR(status.st_mode))
		return -EISDIR;
	/* SQLite would open it for reading, and stumble over its side files with a less telling error */
	return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) < 0 ? -errno : 0;
}

static int open_store(const char *path, struct store *store)
{
	int r = create_private(path);

	if (!r)
		r = store_connect(path, SQLITE_OPEN_READWRITE, &store->db);
	if (!r) {
		store->path = strdup(path);
		r = store->path ? 0 : -ENOMEM;
	}
	if (r)
		return store_complain(path, "cannot open the store", r);
	r = store_schema_prepare(store->db, path);
	if (r)
		return r;
	r = store_statements_prepare(store);
	/* who knows what a crash has left there */
	store->is_log_stale = true;
	store->walk.start_wall_ns = INT64_MIN;
	return r ? store_complain(path, "cannot use the store", r) : 0;
}

int store_open(const char *path, struct store **out)
{
	CLEANUP(store_close) struct store *store = calloc(1, sizeof(*store));
	int r = store ? open_store(path, store) : -ENOMEM;

	if (r)
		return r;
	*out = TAKE_PTR(store);
	return 0;
}

/* ---- writing ---- */

int store_log_empty(struct store *store)
{
	int r;

	sqlite3_busy_timeout(store->db, 0);
	r = store_error(store->db,
			sqlite3_wal_checkpoint_v2(store->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));
	sqlite3_busy_timeout(store->db, STORE_BUSY_TIMEOUT_MS);
	if (!r)
		sqlite3_db_release_memory(store->db);
	store->is_log_stale = r != 0;
	return r;
}

int store_begin(struct store *store)
{
	return store_statement_run(store, STATEMENT_BEGIN);
}

int store_finish(struct store *store, int r)
{
	if (!r)
		r = store_statement_run(store, STATEMENT_COMMIT);
	/* some errors have rolled back already */
	if (r && !sqlite3_get_autocommit(store->db))
		(void)store_exec(store->db, "ROLLBACK");
	/* when a reader is in the way: after the next commit. A full disk gets back what the log takes */
	if (r == -ENOSPC || (!r && store->is_log_stale))
		(void)store_log_empty(store);
	return r;
}

/* Drops the baselines of any other epoch. */
static int set_epoch(struct store *store, const char *boot_id, const char *epoch)
{
	CLEANUP(store_statement_clean) sqlite3_stmt *drop = NULL;
	CLEANUP(store_statement_clean) sqlite3_stmt *set = NULL;
	int r = store_prepare(store->db, "DELETE FROM baselines WHERE (SELECT epoch FROM store) <> ?1", &drop);

	if (!r)
		r = store_prepare(store->db, "UPDATE store SET epoch = ?1, boot_id = ?2", &set);
	if (r)
		return r;
	sqlite3_bind_text(drop, 1, epoch, -1, SQLITE_STATIC);
	sqlite3_bind_text(set, 1, epoch, -1, SQLITE_STATIC);
	sqlite3_bind_text(set, 2, boot_id, -1, SQLITE_STATIC);
	r = store_run(drop);
	return r ? r : store_run(set);
}

int store_write(struct store *store, const struct store_batch *batch)
{
	int r = store_begin(store);

	return r ? r : store_finish(store, store_batch_write(store, batch));
}

int store_write_and_begin_epoch(struct store *store, const struct store_batch *batch, const char *boot_id,
				const char *epoch)
{
	int r = store_begin(store);

	if (r)
		return r;
	r = store_batch_write(store, batch);
	if (!r)
		r = set_epoch(store, boot_id, epoch);
	return store_finish(store, r);
}

int store_begin_epoch(struct store *store, const char *boot_id, const char *epoch)
{
	int r;

	assert(strlen(boot_id) < STORE_BOOT_ID_SIZE && strlen(epoch) < STORE_EPOCH_SIZE);
	r = store_begin(store);
	if (!r)
		r = store_finish(store, set_epoch(store, boot_id, epoch));
	return r ? store_complain(store->path, "cannot write to the store", r) : 0;
}

int store_load(struct store *store, struct store_state *out)
{
	int r = store_state_load(store->db, out);

	return r ? store_complain(store->path, "cannot read the store", r) : 0;
}

void store_batch_clean(struct store_batch *batch)
{
	session_changes_free(batch->sessions, batch->n_sessions);
	free(batch->baselines);
	free(batch->unclaimed);
	login_saves_free(batch->logins, batch->n_logins);
	guest_changes_free(batch->guests, batch->n_guests);
	device_changes_free(batch->devices, batch->n_devices);
	free(batch->unauthenticated);
	*batch = (struct store_batch){0};
}
