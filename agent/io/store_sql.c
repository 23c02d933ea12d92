/* SPDX-License-Identifier: MIT */
/* The store's handle on SQLite: result codes, connections, statements and values. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "io/store_private.h"

static const struct {
	int code; /* an extended code is looked for before its primary one */
	int error;
} error_table[] = {
	{SQLITE_FULL, -ENOSPC},
	/* growing the -shm file; SQLite does not hand the errno on */
	{SQLITE_IOERR_SHMSIZE, -ENOSPC},
	{SQLITE_IOERR_NOMEM, -ENOMEM},
	{SQLITE_IOERR_CORRUPTFS, -EBADMSG},
	{SQLITE_BUSY, -EBUSY},
	{SQLITE_LOCKED, -EBUSY},
	{SQLITE_CORRUPT, -EBADMSG},
	{SQLITE_NOTADB, -EBADMSG},
	{SQLITE_READONLY, -EROFS},
	{SQLITE_NOMEM, -ENOMEM},
	{SQLITE_INTERRUPT, -EINTR},
	{SQLITE_PERM, -EACCES},
};

/* What the system call below a failed open or transfer said, where that helps the operator. */
static int system_error(sqlite3 *db, int code)
{
	int error = db ? sqlite3_system_errno(db) : 0;

	if (error == ENOSPC || error == EDQUOT)
		return -ENOSPC;
	if ((code & 0xff) == SQLITE_CANTOPEN && error)
		return -error;
	return -EIO;
}

int store_error(sqlite3 *db, int code)
{
	if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE)
		return 0;
	for (size_t i = 0; i < ARRAY_LENGTH(error_table); i++)
		if (error_table[i].code == code)
			return error_table[i].error;
	for (size_t i = 0; i < ARRAY_LENGTH(error_table); i++)
		if (error_table[i].code == (code & 0xff))
			return error_table[i].error;
	return system_error(db, code);
}

static const struct {
	int error;
	const char *advice;
} advice_table[] = {
	{-EBADMSG, "the file is damaged or no database: move it away to begin anew, or mend a copy with sqlite3's "
		   ".recover"},
	{-EBUSY, "another program holds a lock on the file: end that program"},
	{-ENOSPC, "the disk is full: make room"},
	{-EROFS, "make the file and its directory writable, or name another one"},
	{-EACCES, "make the file and its directory writable, or name another one"},
	{-ENOENT, "create its directory, or name another one"},
	{-ENOTDIR, "create its directory, or name another one"},
	{-EISDIR, "name a file in that directory"},
};

int store_complain(const char *path, const char *what, int error)
{
	for (size_t i = 0; i < ARRAY_LENGTH(advice_table); i++)
		if (advice_table[i].error == error)
			return log_errno(error, "%s: %s (%s)", path, what, advice_table[i].advice);
	return log_errno(error, "%s: %s", path, what);
}

/*
 * synchronous=FULL makes a commit one fsync of the log, so that a transition outlives a power cut. The log is
 * folded into the database each 2 MiB and cut back to that after a large batch; the cache suits a router. Whose
 * a session was is nobody's business once it has been forgotten: what is deleted is overwritten.
 */
static const char settings[] = "PRAGMA synchronous = FULL;"
			       "PRAGMA foreign_keys = ON;"
			       "PRAGMA cache_size = -1024;"
			       "PRAGMA wal_autocheckpoint = 512;"
			       "PRAGMA journal_size_limit = 2097152;"
			       "PRAGMA secure_delete = ON;"
			       "PRAGMA trusted_schema = OFF;";

int store_connect(const char *path, int flags, sqlite3 **out)
{
	CLEANUP(store_connection_clean) sqlite3 *db = NULL;
	int code = sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	int r;

	if (!db)
		return -ENOMEM;
	if (code != SQLITE_OK)
		return store_error(db, code);
	/* closing a file that turns out to be refused must not fold its log into it; undone when accepted */
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_busy_timeout(db, STORE_BUSY_TIMEOUT_MS);
	r = store_exec(db, settings);
	if (r)
		return r;
	*out = TAKE_PTR(db);
	return 0;
}

int store_exec(sqlite3 *db, const char *sql)
{
	return store_error(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

int store_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out)
{
	return store_error(db, sqlite3_prepare_v2(db, sql, -1, out, NULL));
}

int store_run(sqlite3_stmt *statement)
{
	int code;

	do
		code = sqlite3_step(statement);
	while (code == SQLITE_ROW);
	/* before the reset, which may replace the system's errno */
	int r = store_error(sqlite3_db_handle(statement), code);

	sqlite3_reset(statement);
	return r;
}

int store_fetch_int64(sqlite3 *db, const char *sql, int64_t *out)
{
	CLEANUP(store_statement_clean) sqlite3_stmt *statement = NULL;
	int r = store_prepare(db, sql, &statement);
	int code;

	if (r)
		return r;
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*out = sqlite3_column_int64(statement, 0);
	return code == SQLITE_DONE ? -ENOENT : store_error(db, code);
}

void *store_grow(void *items, size_t n_items, size_t *capacity, size_t item_size)
{
	size_t wanted = *capacity ? *capacity * 2 : 16;
	void *grown;

	if (n_items < *capacity)
		return items;
	grown = reallocarray(items, wanted, item_size);
	if (grown)
		*capacity = wanted;
	return grown;
}

int64_t store_mac_to_int64(const struct mac_addr *mac)
{
	int64_t value = 0;

	for (size_t i = 0; i < sizeof(mac->octets); i++)
		value = value << 8 | mac->octets[i];
	return value;
}

struct mac_addr store_mac_from_int64(int64_t value)
{
	struct mac_addr mac;

	for (size_t i = sizeof(mac.octets); i-- > 0; value >>= 8)
		mac.octets[i] = (uint8_t)(value & 0xff);
	return mac;
}

int64_t store_uint64_to_int64(uint64_t value)
{
	return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}
