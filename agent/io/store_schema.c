/* SPDX-License-Identifier: MIT */
/*
 * The schema and its history. Each step runs once, in a transaction that also raises user_version; a step that
 * has been released never changes, a new schema is a new step at the end.
 *
 * Indexes are chosen for the filters of the API over a million sessions:
 *   sessions_by_start  carries all that dates, online and location ask for, so that skipping rows and
 *                      counting never touch the table; what ended before t also began before t, so no
 *                      index of ends is needed, neither for the filter nor for pruning by age
 *   sessions_open      those on line, few among many
 *   _mac _guest _yas   equality first, then the order of the answer
 *   addresses_by_ip    who held an address at t: ends first, because most questions are about a recent t
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "io/store_private.h"

/* "octd"; tells the database from another program's (https://sqlite.org/fileformat2.html, 1.3.14). */
#define APPLICATION_ID 0x6f637464

static const char schema_1[] =
	"CREATE TABLE store ("
	"  id INTEGER PRIMARY KEY CHECK (id = 1),"
	"  instance TEXT NOT NULL,"                           /* 16 hex digits */
	"  id_key BLOB NOT NULL CHECK (length(id_key) = 16)," /* four words, big-endian */
	"  next_seq INTEGER NOT NULL,"                        /* never falls, whatever is deleted */
	"  boot_id TEXT NOT NULL,"
	"  epoch TEXT NOT NULL"
	") STRICT;"
	/* A location as it was called when the session began; the agent has one at a time. */
	"CREATE TABLE places ("
	"  place INTEGER PRIMARY KEY,"
	"  location_id TEXT,"
	"  location_name TEXT"
	") STRICT;"
	"CREATE TABLE sessions ("
	"  seq INTEGER PRIMARY KEY,"
	"  mac INTEGER NOT NULL,"
	"  place INTEGER NOT NULL REFERENCES places,"
	"  start_wall_ns INTEGER NOT NULL,"
	"  start_mono_ns INTEGER NOT NULL,"
	"  seen_wall_ns INTEGER NOT NULL,"
	"  seen_mono_ns INTEGER NOT NULL,"
	"  end_wall_ns INTEGER," /* NULL: on line */
	"  end_mono_ns INTEGER,"
	"  duration_ns INTEGER NOT NULL,"
	"  cause INTEGER NOT NULL," /* Acct-Terminate-Cause, 0: on line */
	"  up_bytes INTEGER NOT NULL,"
	"  up_packets INTEGER NOT NULL,"
	"  down_bytes INTEGER NOT NULL,"
	"  down_packets INTEGER NOT NULL,"
	"  primary_ip BLOB," /* 16 bytes, IPv4 as ::ffff:a.b.c.d */
	"  guest_id TEXT,"
	"  username TEXT,"
	"  name TEXT,"
	"  email TEXT,"
	"  yas_id TEXT COLLATE NOCASE,"
	"  access_code TEXT,"
	"  login_type_name TEXT,"
	"  service_profile_name TEXT,"
	"  device_description TEXT,"
	"  CHECK ((cause = 0) = (end_wall_ns IS NULL))"
	") STRICT;"
	"CREATE INDEX sessions_by_start ON sessions (start_wall_ns, seq, end_wall_ns, place);"
	"CREATE INDEX sessions_open ON sessions (start_wall_ns) WHERE end_wall_ns IS NULL;"
	"CREATE INDEX sessions_by_mac ON sessions (mac, start_wall_ns);"
	"CREATE INDEX sessions_by_guest ON sessions (guest_id, start_wall_ns) WHERE guest_id IS NOT NULL;"
	"CREATE INDEX sessions_by_yas ON sessions (yas_id, start_wall_ns) WHERE yas_id IS NOT NULL;"
	"CREATE TABLE addresses ("
	"  seq INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,"
	"  ip BLOB NOT NULL CHECK (length(ip) = 16),"
	"  since_wall_ns INTEGER NOT NULL,"
	"  since_mono_ns INTEGER NOT NULL,"
	"  last_wall_ns INTEGER NOT NULL,"
	"  last_mono_ns INTEGER NOT NULL,"
	"  until_wall_ns INTEGER NOT NULL," /* the session's end, 2^63 - 1 while on line */
	"  bytes INTEGER NOT NULL,"
	"  PRIMARY KEY (seq, ip)"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX addresses_by_ip ON addresses (ip, until_wall_ns, since_wall_ns);"
	/* Readings of the epoch in table store. */
	"CREATE TABLE baselines ("
	"  mac INTEGER NOT NULL,"
	"  vlan INTEGER NOT NULL,"
	"  ifindex INTEGER NOT NULL,"
	"  ip BLOB NOT NULL CHECK (length(ip) = 16),"
	"  up_bytes INTEGER NOT NULL,"
	"  up_packets INTEGER NOT NULL,"
	"  down_bytes INTEGER NOT NULL,"
	"  down_packets INTEGER NOT NULL,"
	"  last_up_ns INTEGER NOT NULL," /* CLOCK_MONOTONIC of the epoch's boot */
	"  last_down_ns INTEGER NOT NULL,"
	"  PRIMARY KEY (mac, vlan, ifindex, ip)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE unclaimed ("
	"  mac INTEGER PRIMARY KEY,"
	"  up_bytes INTEGER NOT NULL,"
	"  up_packets INTEGER NOT NULL,"
	"  down_bytes INTEGER NOT NULL,"
	"  down_packets INTEGER NOT NULL"
	") STRICT;";

/* A baseline for each slot of the kernel's table instead of for each key. */
static const char schema_2[] = "DROP TABLE baselines;"
			       "CREATE TABLE baselines ("
			       "  slot INTEGER PRIMARY KEY,"
			       "  sequence INTEGER NOT NULL,"
			       "  mac INTEGER NOT NULL,"
			       "  vlan INTEGER NOT NULL,"
			       "  ifindex INTEGER NOT NULL,"
			       "  ip BLOB NOT NULL CHECK (length(ip) = 16),"
			       "  up_bytes INTEGER NOT NULL,"
			       "  up_packets INTEGER NOT NULL,"
			       "  down_bytes INTEGER NOT NULL,"
			       "  down_packets INTEGER NOT NULL,"
			       "  last_up_ns INTEGER NOT NULL," /* CLOCK_MONOTONIC of the epoch's boot */
			       "  last_down_ns INTEGER NOT NULL"
			       ") STRICT;"
			       /* those of schema 1 were of another table: nothing can be taken from them any more */
			       "UPDATE store SET epoch = '';";

/*
 * What outlives a restart of the agent beside sessions: logins, guests, names of devices, and who sends without a
 * login. And how many sessions each place has, so that pruning need never count a million rows; triggers keep the
 * count whoever inserts or deletes.
 */
static const char schema_3[] =
	"CREATE TABLE logins ("
	"  mac INTEGER PRIMARY KEY,"
	"  ip BLOB CHECK (length(ip) = 16)," /* NULL: the portal did not say */
	"  guest_id TEXT,"
	"  username TEXT,"
	"  name TEXT,"
	"  email TEXT,"
	"  yas_id TEXT,"
	"  access_code TEXT,"
	"  login_type_name TEXT,"
	"  service_profile_name TEXT,"
	"  device_description TEXT,"
	"  external_id TEXT,"
	"  location_id TEXT,"
	"  session_timeout_ns INTEGER NOT NULL," /* 0 is no limit, also for the next four */
	"  idle_timeout_ns INTEGER NOT NULL,"
	"  max_bytes_total INTEGER NOT NULL,"
	"  max_bytes_down INTEGER NOT NULL,"
	"  max_bytes_up INTEGER NOT NULL,"
	"  at_wall_ns INTEGER NOT NULL,"
	"  at_mono_ns INTEGER NOT NULL,"
	"  until_wall_ns INTEGER NOT NULL,"
	"  until_mono_ns INTEGER NOT NULL," /* 0: in use */
	"  seq INTEGER NOT NULL,"           /* of its session, reserved or begun; when it is over: of the last */
	"  has_begun INTEGER NOT NULL,"
	"  used_ns INTEGER NOT NULL,"
	"  used_up_bytes INTEGER NOT NULL,"
	"  used_up_packets INTEGER NOT NULL,"
	"  used_down_bytes INTEGER NOT NULL,"
	"  used_down_packets INTEGER NOT NULL,"
	"  last_seq INTEGER NOT NULL,"
	"  is_over INTEGER NOT NULL" /* remembered, so that it opens nothing when it is said again */
	") STRICT;"
	"CREATE TABLE guests ("
	"  guest_id TEXT NOT NULL PRIMARY KEY,"
	"  username TEXT,"
	"  name TEXT,"
	"  email TEXT,"
	"  yas_id TEXT,"
	"  noted_wall_ns INTEGER NOT NULL" /* the latest login */
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE devices ("
	"  mac INTEGER PRIMARY KEY,"
	"  host_name TEXT NOT NULL"
	") STRICT;"
	"CREATE TABLE unauthenticated ("
	"  mac INTEGER PRIMARY KEY,"
	"  ip BLOB CHECK (length(ip) = 16)," /* NULL: it has none yet */
	"  first_wall_ns INTEGER NOT NULL,"
	"  first_mono_ns INTEGER NOT NULL,"
	"  last_wall_ns INTEGER NOT NULL,"
	"  last_mono_ns INTEGER NOT NULL,"
	"  up_bytes INTEGER NOT NULL,"
	"  up_packets INTEGER NOT NULL,"
	"  down_bytes INTEGER NOT NULL,"
	"  down_packets INTEGER NOT NULL"
	") STRICT;"
	"ALTER TABLE places ADD COLUMN n_sessions INTEGER NOT NULL DEFAULT 0;"
	"UPDATE places SET n_sessions = coalesce("
	"  (SELECT n FROM (SELECT place, count(*) AS n FROM sessions GROUP BY place) AS counted"
	"   WHERE counted.place = places.place), 0);"
	"CREATE TRIGGER session_inserted AFTER INSERT ON sessions BEGIN"
	"  UPDATE places SET n_sessions = n_sessions + 1 WHERE place = new.place;"
	"END;"
	"CREATE TRIGGER session_deleted AFTER DELETE ON sessions BEGIN"
	"  UPDATE places SET n_sessions = n_sessions - 1 WHERE place = old.place;"
	"END;"
	"CREATE TRIGGER session_moved AFTER UPDATE OF place ON sessions WHEN old.place <> new.place BEGIN"
	"  UPDATE places SET n_sessions = n_sessions - 1 WHERE place = old.place;"
	"  UPDATE places SET n_sessions = n_sessions + 1 WHERE place = new.place;"
	"END;";

/* Gives the new store its identity: 8 octets name it, 16 are the key of the public ids. */
static int fill_1(sqlite3 *db)
{
	CLEANUP(store_statement_clean) sqlite3_stmt *statement = NULL;
	unsigned char random[24];
	int r;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	r = store_prepare(db, "INSERT INTO store VALUES (1, lower(hex(?1)), ?2, 1, '', '')", &statement);
	if (r)
		return r;
	sqlite3_bind_blob(statement, 1, random, 8, SQLITE_STATIC);
	sqlite3_bind_blob(statement, 2, random + 8, 16, SQLITE_STATIC);
	return store_run(statement);
}

static const struct migration {
	const char *sql;
	int (*fill)(sqlite3 *db); /* what SQL alone cannot say; may be NULL */
} migrations[] = {
	{schema_1, fill_1},
	{schema_2, NULL},
	{schema_3, NULL},
};
#define NEWEST_VERSION ((int64_t)ARRAY_LENGTH(migrations))

static int migrate_step(sqlite3 *db, int64_t version)
{
	const struct migration *migration = &migrations[version];
	char pragma[80];
	int r;

	snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d; PRAGMA application_id = %d;", (int)version + 1,
		 APPLICATION_ID);
	r = store_exec(db, migration->sql);
	if (!r && migration->fill)
		r = migration->fill(db);
	if (!r)
		r = store_exec(db, pragma);
	return r;
}

/* All steps are one transaction: an upgrade that is cut short leaves the old schema. */
static int migrate(sqlite3 *db, const char *path, int64_t version)
{
	/* pages that pruning frees can then go back in small steps, without a VACUUM that blocks */
	int r = version == 0 ? store_exec(db, "PRAGMA auto_vacuum = INCREMENTAL") : 0;

	if (!r)
		r = store_exec(db, "BEGIN IMMEDIATE");
	for (int64_t step = version; !r && step < NEWEST_VERSION; step++)
		r = migrate_step(db, step);
	if (!r)
		r = store_exec(db, "COMMIT");
	if (r) {
		if (!sqlite3_get_autocommit(db))
			(void)store_exec(db, "ROLLBACK");
		return store_complain(path, version ? "cannot upgrade the store" : "cannot create the store", r);
	}
	if (version > 0)
		log_info("%s: store upgraded from schema %d to %d", path, (int)version, (int)NEWEST_VERSION);
	return 0;
}

/* Reads only: a file that is refused stays as it is. */
static int identify(sqlite3 *db, const char *path, int64_t *version)
{
	int64_t application_id = 0;
	int64_t n_objects = 0;
	int r = store_fetch_int64(db, "PRAGMA user_version", version);

	if (!r)
		r = store_fetch_int64(db, "PRAGMA application_id", &application_id);
	if (!r)
		r = store_fetch_int64(db, "SELECT count(*) FROM sqlite_schema", &n_objects);
	if (r)
		return store_complain(path, "cannot read the store", r);
	if (*version == 0 && application_id == 0 && n_objects == 0)
		return 0;
	if (application_id != APPLICATION_ID || *version < 1) {
		log_error("%s: the database of another program: name another file as the store", path);
		return -EBADMSG;
	}
	if (*version > NEWEST_VERSION) {
		log_error("%s: written by a newer octetd (schema %lld, this program knows %d): upgrade octetd or move "
			  "the file away",
			  path, (long long)*version, (int)NEWEST_VERSION);
		return -EPROTONOSUPPORT;
	}
	return 0;
}

/*
 * The file as SQLite sees it, its log included, up to which the start may read all of it: a second or two on a
 * router's flash. Damage in a larger one shows when its pages are read.
 */
#define CHECK_MAX_BYTES (32 * 1024 * 1024)

/* Damage that is found now is found before it grows, and while nobody relies on the answers. Reads only. */
static int check_pages(sqlite3 *db, const char *path)
{
	CLEANUP(store_statement_clean) sqlite3_stmt *statement = NULL;
	int64_t page_bytes = 0;
	int64_t n_pages = 0;
	int r = store_fetch_int64(db, "PRAGMA page_size", &page_bytes);
	int code;

	if (!r)
		r = store_fetch_int64(db, "PRAGMA page_count", &n_pages);
	if (!r && n_pages * page_bytes > CHECK_MAX_BYTES)
		return 0;
	if (!r)
		r = store_prepare(db, "PRAGMA quick_check(1)", &statement);
	if (r)
		return store_complain(path, "cannot read the store", r);
	code = sqlite3_step(statement);
	r = store_error(db, code);
	if (code == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0)
		r = -EBADMSG;
	return r ? store_complain(path, "cannot read the store", r) : 0;
}

static int switch_to_wal(sqlite3 *db, const char *path)
{
	CLEANUP(store_statement_clean) sqlite3_stmt *statement = NULL;
	int r = store_prepare(db, "PRAGMA journal_mode = WAL", &statement);
	int code;

	if (r)
		return store_complain(path, "cannot open the store", r);
	code = sqlite3_step(statement);
	if (code != SQLITE_ROW)
		return store_complain(path, "cannot open the store",
				      code == SQLITE_DONE ? -EIO : store_error(db, code));
	if (strcmp((const char *)sqlite3_column_text(statement, 0), "wal") != 0)
		log_warning("%s: this file system cannot share memory, so reads and writes of the store wait for each "
			    "other: move the state directory to another one",
			    path);
	return 0;
}

int store_schema_prepare(sqlite3 *db, const char *path)
{
	int64_t version = 0;
	int r;

	r = identify(db, path, &version);
	if (!r)
		r = check_pages(db, path);
	if (r)
		return r;
	if (sqlite3_db_readonly(db, "main") == 1)
		return store_complain(path, "cannot write to the store", -EROFS);
	if (version < NEWEST_VERSION)
		r = migrate(db, path, version);
	if (!r)
		r = switch_to_wal(db, path);
	if (!r)
		sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	return r;
}
