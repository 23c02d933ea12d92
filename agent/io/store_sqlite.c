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

enum statement {
	STATEMENT_BEGIN,
	STATEMENT_COMMIT,
	STATEMENT_PLACE,
	STATEMENT_SESSION_UPDATE,
	STATEMENT_SESSION_PUT,
	STATEMENT_ADDRESS_UPDATE,
	STATEMENT_ADDRESS_PUT,
	STATEMENT_ADDRESS_COUNT,
	STATEMENT_ADDRESS_CLEAR,
	STATEMENT_BASELINE_PUT,
	STATEMENT_UNCLAIMED_PUT,
	STATEMENT_UNCLAIMED_DELETE,
	STATEMENT_NEXT_SEQ,
	STATEMENT_N
};

struct store {
	sqlite3 *db;
	char *path;
	sqlite3_stmt *statements[STATEMENT_N];
};

#define PLACE_OF "(SELECT place FROM places WHERE location_id IS ?16 AND location_name IS ?17)"

/*
 * What changes at every flush (counters, last seen) is written by _UPDATE, which touches no index page; it
 * finds no row when an indexed value differs, and _PUT writes the whole row. Flash wears by pages.
 */
static const char *const statement_sql[] = {
	[STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
	[STATEMENT_COMMIT] = "COMMIT",
	[STATEMENT_PLACE] = "INSERT INTO places (location_id, location_name) SELECT ?16, ?17 "
			    "WHERE " PLACE_OF " IS NULL",
	[STATEMENT_SESSION_UPDATE] =
		"UPDATE sessions SET start_mono_ns = ?4, seen_wall_ns = ?5, seen_mono_ns = ?6, end_mono_ns = ?8,"
		" duration_ns = ?9, cause = ?10, up_bytes = ?11, up_packets = ?12, down_bytes = ?13,"
		" down_packets = ?14, primary_ip = ?15, username = ?19, name = ?20, email = ?21,"
		" access_code = ?23, login_type_name = ?24, service_profile_name = ?25, device_description = ?26 "
		"WHERE seq = ?1 AND mac = ?2 AND start_wall_ns = ?3 AND end_wall_ns IS ?7 AND guest_id IS ?18"
		" AND yas_id IS ?22 COLLATE BINARY AND place = " PLACE_OF,
	[STATEMENT_SESSION_PUT] =
		"INSERT INTO sessions (seq, mac, start_wall_ns, start_mono_ns, seen_wall_ns, seen_mono_ns,"
		" end_wall_ns, end_mono_ns, duration_ns, cause, up_bytes, up_packets, down_bytes, down_packets,"
		" primary_ip, guest_id, username, name, email, yas_id, access_code, login_type_name,"
		" service_profile_name, device_description, place) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?18, ?19, ?20, ?21,"
		" ?22, ?23, ?24, ?25, ?26, " PLACE_OF ") "
		"ON CONFLICT (seq) DO UPDATE SET mac = excluded.mac, start_wall_ns = excluded.start_wall_ns,"
		" start_mono_ns = excluded.start_mono_ns, seen_wall_ns = excluded.seen_wall_ns,"
		" seen_mono_ns = excluded.seen_mono_ns, end_wall_ns = excluded.end_wall_ns,"
		" end_mono_ns = excluded.end_mono_ns, duration_ns = excluded.duration_ns, cause = excluded.cause,"
		" up_bytes = excluded.up_bytes, up_packets = excluded.up_packets, down_bytes = excluded.down_bytes,"
		" down_packets = excluded.down_packets, primary_ip = excluded.primary_ip,"
		" guest_id = excluded.guest_id, username = excluded.username, name = excluded.name,"
		" email = excluded.email, yas_id = excluded.yas_id, access_code = excluded.access_code,"
		" login_type_name = excluded.login_type_name,"
		" service_profile_name = excluded.service_profile_name,"
		" device_description = excluded.device_description, place = excluded.place",
	[STATEMENT_ADDRESS_UPDATE] =
		"UPDATE addresses SET since_mono_ns = ?4, last_wall_ns = ?5, last_mono_ns = ?6, bytes = ?8 "
		"WHERE seq = ?1 AND ip = ?2 AND since_wall_ns = ?3 AND until_wall_ns = ?7",
	[STATEMENT_ADDRESS_PUT] =
		"INSERT INTO addresses (seq, ip, since_wall_ns, since_mono_ns, last_wall_ns, last_mono_ns,"
		" until_wall_ns, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) "
		"ON CONFLICT (seq, ip) DO UPDATE SET since_wall_ns = excluded.since_wall_ns,"
		" since_mono_ns = excluded.since_mono_ns, last_wall_ns = excluded.last_wall_ns,"
		" last_mono_ns = excluded.last_mono_ns, until_wall_ns = excluded.until_wall_ns,"
		" bytes = excluded.bytes",
	[STATEMENT_ADDRESS_COUNT] = "SELECT count(*) FROM addresses WHERE seq = ?1",
	[STATEMENT_ADDRESS_CLEAR] = "DELETE FROM addresses WHERE seq = ?1",
	[STATEMENT_BASELINE_PUT] =
		"INSERT OR REPLACE INTO baselines (slot, sequence, mac, vlan, ifindex, ip, up_bytes, up_packets,"
		" down_bytes, down_packets, last_up_ns, last_down_ns)"
		" VALUES (?11, ?12, ?5, ?6, ?7, ?8, ?1, ?2, ?3, ?4, ?9, ?10)",
	[STATEMENT_UNCLAIMED_PUT] =
		"INSERT INTO unclaimed (mac, up_bytes, up_packets, down_bytes, down_packets) "
		"VALUES (?5, ?1, ?2, ?3, ?4) "
		"ON CONFLICT (mac) DO UPDATE SET up_bytes = excluded.up_bytes, up_packets = excluded.up_packets,"
		" down_bytes = excluded.down_bytes, down_packets = excluded.down_packets",
	[STATEMENT_UNCLAIMED_DELETE] = "DELETE FROM unclaimed WHERE mac = ?5",
	[STATEMENT_NEXT_SEQ] = "UPDATE store SET next_seq = ?1 WHERE next_seq < ?1",
};
_Static_assert(ARRAY_LENGTH(statement_sql) == STATEMENT_N, "a text for each statement");

/* ---- opening ---- */

void store_close(struct store **store)
{
	if (!*store)
		return;
	for (size_t i = 0; i < STATEMENT_N; i++)
		store_statement_clean(&(*store)->statements[i]);
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
	for (size_t i = 0; !r && i < STATEMENT_N; i++)
		r = store_prepare(store->db, statement_sql[i], &store->statements[i]);
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

static int run(struct store *store, enum statement which)
{
	return store_run(store->statements[which]);
}

static int run_session(struct store *store, enum statement which, const struct session_record *record)
{
	store_bind_session(store->statements[which], record);
	return run(store, which);
}

static int run_address(struct store *store, enum statement which, const struct session_record *record, size_t index)
{
	const struct session_address *address = &record->addresses[index];
	sqlite3_stmt *statement = store->statements[which];

	store_bind_uint64(statement, 1, record->seq);
	store_bind_ip(statement, 2, &address->ip);
	store_bind_instant(statement, 3, &address->since);
	store_bind_instant(statement, 5, &address->last);
	sqlite3_bind_int64(statement, 7, session_record_is_online(record) ? INT64_MAX : record->end.wall_ns);
	store_bind_uint64(statement, 8, address->bytes);
	return run(store, which);
}

static int put_addresses(struct store *store, const struct session_record *record)
{
	int r = 0;

	for (size_t i = 0; !r && i < record->n_addresses; i++) {
		r = run_address(store, STATEMENT_ADDRESS_UPDATE, record, i);
		if (!r && sqlite3_changes(store->db) == 0)
			r = run_address(store, STATEMENT_ADDRESS_PUT, record, i);
	}
	return r;
}

/* An address that has given way to another one goes from the store too. */
static int write_addresses(struct store *store, const struct session_record *record)
{
	sqlite3_stmt *counter = store->statements[STATEMENT_ADDRESS_COUNT];
	int64_t n_stored = 0;
	int code;
	int r = put_addresses(store, record);

	if (r)
		return r;
	store_bind_uint64(counter, 1, record->seq);
	code = sqlite3_step(counter);
	if (code == SQLITE_ROW)
		n_stored = sqlite3_column_int64(counter, 0);
	r = store_error(store->db, code);
	sqlite3_reset(counter);
	if (r || n_stored <= (int64_t)record->n_addresses)
		return r;
	store_bind_uint64(store->statements[STATEMENT_ADDRESS_CLEAR], 1, record->seq);
	r = run(store, STATEMENT_ADDRESS_CLEAR);
	return r ? r : put_addresses(store, record);
}

static int write_session(struct store *store, const struct session_record *record)
{
	int r = run_session(store, STATEMENT_SESSION_UPDATE, record);

	if (!r && sqlite3_changes(store->db) == 0) {
		r = run_session(store, STATEMENT_PLACE, record);
		if (!r)
			r = run_session(store, STATEMENT_SESSION_PUT, record);
	}
	return r ? r : write_addresses(store, record);
}

static int write_sessions(struct store *store, const struct store_batch *batch)
{
	uint64_t next_seq = 0;
	int r = 0;

	for (size_t i = 0; !r && i < batch->n_sessions; i++) {
		const struct session_record *record = &batch->sessions[i].record;

		if (record->seq >= next_seq)
			next_seq = record->seq + 1;
		r = write_session(store, record);
	}
	if (r || next_seq == 0)
		return r;
	store_bind_uint64(store->statements[STATEMENT_NEXT_SEQ], 1, next_seq);
	return run(store, STATEMENT_NEXT_SEQ);
}

static int write_baselines(struct store *store, const struct store_batch *batch)
{
	sqlite3_stmt *statement = store->statements[STATEMENT_BASELINE_PUT];
	int r = 0;

	for (size_t i = 0; !r && i < batch->n_baselines; i++) {
		const struct counter_reading *reading = &batch->baselines[i].reading;

		store_bind_traffic(statement, 1, &reading->total);
		sqlite3_bind_int64(statement, 5, store_mac_to_int64(&reading->key.mac));
		sqlite3_bind_int64(statement, 6, reading->key.vlan);
		sqlite3_bind_int64(statement, 7, reading->key.ifindex);
		store_bind_ip(statement, 8, &reading->key.ip);
		sqlite3_bind_int64(statement, 9, reading->last_up_ns);
		sqlite3_bind_int64(statement, 10, reading->last_down_ns);
		sqlite3_bind_int64(statement, 11, reading->slot);
		sqlite3_bind_int64(statement, 12, reading->sequence);
		r = run(store, STATEMENT_BASELINE_PUT);
	}
	return r;
}

static int write_unclaimed(struct store *store, const struct store_batch *batch)
{
	int r = 0;

	for (size_t i = 0; !r && i < batch->n_unclaimed; i++) {
		const struct unclaimed_change *change = &batch->unclaimed[i];
		enum statement which =
			traffic_is_zero(&change->traffic) ? STATEMENT_UNCLAIMED_DELETE : STATEMENT_UNCLAIMED_PUT;

		store_bind_traffic(store->statements[which], 1, &change->traffic);
		sqlite3_bind_int64(store->statements[which], 5, store_mac_to_int64(&change->mac));
		r = run(store, which);
	}
	return r;
}

static int begin(struct store *store)
{
	return run(store, STATEMENT_BEGIN);
}

/* Commits, or takes everything back when r is an error; returns the first error. */
static int finish(struct store *store, int r)
{
	if (!r)
		r = run(store, STATEMENT_COMMIT);
	/* some errors have rolled back already */
	if (r && !sqlite3_get_autocommit(store->db))
		(void)store_exec(store->db, "ROLLBACK");
	return r;
}

/* The batch's values were lent to the statements only for the call. */
static void forget_bindings(struct store *store)
{
	for (size_t i = 0; i < STATEMENT_N; i++)
		sqlite3_clear_bindings(store->statements[i]);
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

static int write_batch(struct store *store, const struct store_batch *batch)
{
	int r = write_sessions(store, batch);

	if (!r)
		r = write_baselines(store, batch);
	if (!r)
		r = write_unclaimed(store, batch);
	forget_bindings(store);
	return r;
}

int store_write(struct store *store, const struct store_batch *batch)
{
	int r = begin(store);

	return r ? r : finish(store, write_batch(store, batch));
}

int store_write_and_begin_epoch(struct store *store, const struct store_batch *batch, const char *boot_id,
				const char *epoch)
{
	int r = begin(store);

	if (r)
		return r;
	r = write_batch(store, batch);
	if (!r)
		r = set_epoch(store, boot_id, epoch);
	return finish(store, r);
}

int store_begin_epoch(struct store *store, const char *boot_id, const char *epoch)
{
	int r;

	assert(strlen(boot_id) < STORE_BOOT_ID_SIZE && strlen(epoch) < STORE_EPOCH_SIZE);
	r = begin(store);
	if (!r)
		r = finish(store, set_epoch(store, boot_id, epoch));
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
	*batch = (struct store_batch){0};
}
