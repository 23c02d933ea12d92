/* SPDX-License-Identifier: MIT */
/* What the files of the store share: SQLite's codes as -errno, statements, and the shapes of rows. */
#ifndef IO_STORE_PRIVATE_H
#define IO_STORE_PRIVATE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "core/session_record.h"

/* How long a statement waits for another program's lock; a batch that gives up is tried again at the next flush. */
#define STORE_BUSY_TIMEOUT_MS 200

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
	COLUMN_LOCATION_ID,
	COLUMN_LOCATION_NAME,
	COLUMN_IDENTITY, /* the first of IDENTITY_N_FIELDS, in their order */
};

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

/* Parameter N writes the Nth of the columns, from 1. */
#define STORE_LOGIN_COLUMNS                                                                        \
	"mac, ip, guest_id, username, name, email, yas_id, access_code, login_type_name, "         \
	"service_profile_name, device_description, external_id, location_id, session_timeout_ns, " \
	"idle_timeout_ns, max_bytes_total, max_bytes_down, max_bytes_up, at_wall_ns, at_mono_ns, " \
	"until_wall_ns, until_mono_ns, seq, has_begun, used_ns, used_up_bytes, used_up_packets, "  \
	"used_down_bytes, used_down_packets, last_seq, is_over"
#define STORE_GUEST_COLUMNS "guest_id, username, name, email, yas_id, noted_wall_ns"
#define STORE_UNAUTHENTICATED_COLUMNS                                                               \
	"mac, ip, first_wall_ns, first_mono_ns, last_wall_ns, last_mono_ns, up_bytes, up_packets, " \
	"down_bytes, down_packets"

/* Statements of the writer that stay prepared; their texts are in store_statements.c. */
enum store_statement {
	STATEMENT_BEGIN,
	STATEMENT_COMMIT,
	STATEMENT_PLACE,
	STATEMENT_SESSION_UPDATE,
	STATEMENT_SESSION_PUT,
	STATEMENT_SESSION_FORGET,
	STATEMENT_SESSION_DELETE,
	STATEMENT_ADDRESS_UPDATE,
	STATEMENT_ADDRESS_PUT,
	STATEMENT_ADDRESS_COUNT,
	STATEMENT_ADDRESS_CLEAR,
	STATEMENT_BASELINE_PUT,
	STATEMENT_UNCLAIMED_PUT,
	STATEMENT_UNCLAIMED_DELETE,
	STATEMENT_NEXT_SEQ,
	STATEMENT_LOGIN_PUT,
	STATEMENT_LOGIN_DELETE,
	STATEMENT_GUEST_PUT,
	STATEMENT_GUEST_DELETE,
	STATEMENT_DEVICE_PUT,
	STATEMENT_DEVICE_DELETE,
	STATEMENT_UNAUTHENTICATED_PUT,
	STATEMENT_UNAUTHENTICATED_DELETE,
	STATEMENT_OLDEST,
	STATEMENT_N
};

/* Where a walk over the sessions, oldest first, goes on. */
struct store_walk {
	int64_t start_wall_ns;
	int64_t seq;
};

struct store {
	sqlite3 *db;
	char *path;
	sqlite3_stmt *statements[STATEMENT_N];
	bool is_log_stale; /* the log may hold what has been forgotten */
	struct store_walk walk;
	bool is_walk_done; /* of this pruning; free pages are what is left */
	bool has_pruned;
};

int store_statements_prepare(struct store *store);
void store_statements_clean(struct store *store);
/* What was lent to them for a call is given back. */
void store_statements_forget(struct store *store);
int store_statement_run(struct store *store, enum store_statement which);

int store_begin(struct store *store);
/* Commits, or takes everything back when r is an error; returns the first error. */
int store_finish(struct store *store, int r);

struct store_batch;
/* Within a transaction, see store_write.c and store_login.c. 0 or -errno. */
int store_batch_write(struct store *store, const struct store_batch *batch);
int store_people_write(struct store *store, const struct store_batch *batch);

/*
 * Folds the log into the database and empties it, without waiting, and forgets the pages in memory, which may hold what
 * the database does not any more. 0; -EBUSY when a reader needs it; or -errno.
 */
int store_log_empty(struct store *store);

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
struct instant store_read_instant(sqlite3_stmt *row, int column); /* column and column + 1 */
struct traffic store_read_traffic(sqlite3_stmt *row, int column); /* column to column + 3 */
int store_read_text(sqlite3_stmt *row, int column, char **out);   /* a copy; NULL stays NULL. 0 or -ENOMEM */
/* The first fields of the identity, each from a column. 0, or -ENOMEM and the identity may be incomplete. */
int store_read_identity(sqlite3_stmt *row, int column, struct identity *out, size_t n_fields);

/* Values as parameters of a statement. What is not a number is borrowed until the statement has run. */
void store_bind_uint64(sqlite3_stmt *statement, int index, uint64_t value);
void store_bind_instant(sqlite3_stmt *statement, int index, const struct instant *instant); /* index and index + 1 */
void store_bind_ip(sqlite3_stmt *statement, int index, const struct ip_addr *ip);
void store_bind_known_ip(sqlite3_stmt *statement, int index, const struct ip_addr *ip); /* unspecified is NULL */
void store_bind_text(sqlite3_stmt *statement, int index, const char *text);             /* NULL is NULL */
void store_bind_identity(sqlite3_stmt *statement, int index, const struct identity *identity, size_t n_fields);
void store_bind_traffic(sqlite3_stmt *statement, int index, const struct traffic *traffic); /* index to index + 3 */
/* A statement may know fewer of these parameters; SQLite then refuses the rest, which is as good. */
void store_bind_session(sqlite3_stmt *statement, const struct session_record *record);

/* What the rows of a statement become. */
struct store_row_kind {
	const char *sql;
	size_t item_size;
	int (*read)(sqlite3_stmt *row, void *item); /* into a zeroed item, which counts also if this fails */
};
/* Appends all rows; the caller owns the items also on failure. 0 or -errno. */
int store_rows_load(sqlite3 *db, const struct store_row_kind *kind, void **items, size_t *n_items);

struct store_state;
/* 0 or -errno, not logged. */
int store_state_load(sqlite3 *db, struct store_state *out);
int store_people_load(sqlite3 *db, struct store_state *state);
void store_people_clean(struct store_state *state);

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

static inline void store_connection_clean(sqlite3 **db)
{
	sqlite3_close(*db);
	*db = NULL;
}

#endif
