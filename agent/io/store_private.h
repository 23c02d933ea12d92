/* SPDX-License-Identifier: MIT */
/* What the files of the store share: SQLite's codes as -errno, statements, and the shape of a session's row. */
#ifndef IO_STORE_PRIVATE_H
#define IO_STORE_PRIVATE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "core/session_record.h"

/* The columns of a session in the order in which they are read; parameter N + 1 writes column N. */
enum session_column {
	COLUMN_SEQ,
	COLUMN_MAC,
	COLUMN_START_WALL_NS,
	COLUMN_START_MONO_NS,
	COLUMN_SEEN_WALL_NS,
	COLUMN_SEEN_MONO_NS,
	COLUMN_END_WALL_NS,
	COLUMN_END_MONO_NS,
	COLUMN_DURATION_NS,
	COLUMN_CAUSE,
	COLUMN_UP_BYTES,
	COLUMN_UP_PACKETS,
	COLUMN_DOWN_BYTES,
	COLUMN_DOWN_PACKETS,
	COLUMN_PRIMARY_IP,
	COLUMN_TEXTS, /* the first of STORE_N_TEXTS */
};

/* location_id, location_name and the nine of the identity, in the order of the columns. */
#define STORE_N_TEXTS 11

#define STORE_SESSION_COLUMNS                                                                             \
	"s.seq, s.mac, s.start_wall_ns, s.start_mono_ns, s.seen_wall_ns, s.seen_mono_ns, s.end_wall_ns, " \
	"s.end_mono_ns, s.duration_ns, s.cause, s.up_bytes, s.up_packets, s.down_bytes, s.down_packets, " \
	"s.primary_ip, p.location_id, p.location_name, s.guest_id, s.username, s.name, s.email, "         \
	"s.yas_id, s.access_code, s.login_type_name, s.service_profile_name, s.device_description"
#define STORE_SESSION_TABLES "sessions AS s JOIN places AS p ON p.place = s.place"

/* The addresses of session ?1, in the order of store_sessions_read(). */
#define STORE_ADDRESSES_SQL                                                              \
	"SELECT ip, since_wall_ns, since_mono_ns, last_wall_ns, last_mono_ns, bytes "    \
	"FROM addresses WHERE seq = ?1 ORDER BY since_wall_ns, since_mono_ns, ip LIMIT " \
	"16"
_Static_assert(SESSION_ADDRESSES_MAX == 16, "the limit above");

/* Records that grow in number while they are read. */
struct session_rows {
	struct session_record *items;
	size_t n_items;
	size_t capacity;
};
void session_rows_clean(struct session_rows *rows);

/*
 * Appends what the statement yields (STORE_SESSION_COLUMNS), each with its addresses from the second
 * statement; the first keeps the snapshot open. 0 or -errno.
 */
int store_sessions_read(sqlite3_stmt *sessions, sqlite3_stmt *addresses, struct session_rows *rows);

/* NULL reads as unspecified. */
struct ip_addr store_read_ip(sqlite3_stmt *row, int column);

/* Values as parameters of a statement. What is not a number is borrowed until the statement has run. */
void store_bind_uint64(sqlite3_stmt *statement, int index, uint64_t value);
void store_bind_instant(sqlite3_stmt *statement, int index, const struct instant *instant); /* index and index + 1 */
void store_bind_ip(sqlite3_stmt *statement, int index, const struct ip_addr *ip);
void store_bind_traffic(sqlite3_stmt *statement, int index, const struct traffic *traffic); /* index to index + 3 */
/* A statement may know fewer of these parameters; SQLite then refuses the rest, which is as good. */
void store_bind_session(sqlite3_stmt *statement, const struct session_record *record);

struct store_state;
/* 0 or -errno, not logged. */
int store_state_load(sqlite3 *db, struct store_state *out);

/* The one place that knows SQLite's result codes; 0 for SQLITE_OK, _ROW and _DONE. */
int store_error(sqlite3 *db, int code);

/* Logs what failed, on which file, and what to do about it; returns error. */
int store_complain(const char *path, const char *what, int error);

/* Opens with the settings that all connections share. 0 or -errno, not logged. */
int store_connect(const char *path, int flags, sqlite3 **out);
int store_exec(sqlite3 *db, const char *sql);
int store_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out);
/* Runs a statement without rows to its end and resets it. 0 or -errno. */
int store_run(sqlite3_stmt *statement);
/* Yields the first column of the first row; -ENOENT without one. */
int store_fetch_int64(sqlite3 *db, const char *sql, int64_t *out);

/* Checks that the file is ours, and creates or migrates the schema. 0 or -errno, logged. */
int store_schema_prepare(sqlite3 *db, const char *path);

/* Returns the array with room for one more item, or NULL: out of memory, and the old one stays. */
void *store_grow(void *items, size_t n_items, size_t *capacity, size_t item_size);

int64_t store_mac_to_int64(const struct mac_addr *mac);
struct mac_addr store_mac_from_int64(int64_t value);
/* Counters stay below 2^63 (core/traffic.h); one that does not is cut, never negative. */
int64_t store_uint64_to_int64(uint64_t value);

static inline void store_statement_clean(sqlite3_stmt **statement)
{
	sqlite3_finalize(*statement);
	*statement = NULL;
}

/* For a statement that stays prepared: gives up its snapshot and its borrowed values. */
static inline void store_statement_release(sqlite3_stmt **statement)
{
	if (!*statement)
		return;
	sqlite3_reset(*statement);
	sqlite3_clear_bindings(*statement);
	*statement = NULL;
}

static inline void store_connection_clean(sqlite3 **db)
{
	sqlite3_close(*db);
	*db = NULL;
}

#endif
