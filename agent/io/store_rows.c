/* SPDX-License-Identifier: MIT */
/* Rows as what they stand for, and that as parameters. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/store_private.h"

void session_rows_clean(struct session_rows *rows)
{
	for (size_t i = 0; i < rows->n_items; i++)
		session_record_clean(&rows->items[i]);
	free(rows->items);
	*rows = (struct session_rows){0};
}

int store_read_text(sqlite3_stmt *row, int column, char **out)
{
	const unsigned char *text = sqlite3_column_text(row, column);

	*out = NULL;
	if (!text && sqlite3_column_type(row, column) == SQLITE_NULL)
		return 0;
	*out = text ? strdup((const char *)text) : NULL;
	return *out ? 0 : -ENOMEM;
}

int store_read_identity(sqlite3_stmt *row, int column, struct identity *out, size_t n_fields)
{
	int r = 0;

	for (size_t i = 0; !r && i < n_fields; i++)
		r = store_read_text(row, column + (int)i, identity_field(out, (enum identity_field)i));
	return r;
}

static int read_texts(sqlite3_stmt *row, struct session_record *record)
{
	int r = store_read_text(row, COLUMN_LOCATION_ID, &record->location_id);

	if (!r)
		r = store_read_text(row, COLUMN_LOCATION_NAME, &record->location_name);
	return r ? r : store_read_identity(row, COLUMN_IDENTITY, &record->identity, IDENTITY_N_FIELDS);
}

int store_rows_load(sqlite3 *db, const struct store_row_kind *kind, void **items, size_t *n_items)
{
	CLEANUP(store_statement_clean) sqlite3_stmt *row = NULL;
	size_t capacity = 0;
	int r = store_prepare(db, kind->sql, &row);
	int code = SQLITE_DONE;

	while (!r && (code = sqlite3_step(row)) == SQLITE_ROW) {
		char *grown = store_grow(*items, *n_items, &capacity, kind->item_size);

		if (!grown)
			return -ENOMEM;
		*items = grown;
		grown += (*n_items)++ * kind->item_size;
		memset(grown, 0, kind->item_size);
		r = kind->read(row, grown);
	}
	return r ? r : store_error(db, code);
}

struct ip_addr store_read_ip(sqlite3_stmt *row, int column)
{
	struct ip_addr ip = {0};
	const void *octets = sqlite3_column_blob(row, column);

	if (octets && sqlite3_column_bytes(row, column) == (int)sizeof(ip))
		memcpy(&ip, octets, sizeof(ip));
	return ip;
}

struct instant store_read_instant(sqlite3_stmt *row, int column)
{
	return (struct instant){
		.wall_ns = sqlite3_column_int64(row, column),
		.mono_ns = sqlite3_column_int64(row, column + 1),
	};
}

struct traffic store_read_traffic(sqlite3_stmt *row, int column)
{
	return (struct traffic){
		.up_bytes = (uint64_t)sqlite3_column_int64(row, column),
		.up_packets = (uint64_t)sqlite3_column_int64(row, column + 1),
		.down_bytes = (uint64_t)sqlite3_column_int64(row, column + 2),
		.down_packets = (uint64_t)sqlite3_column_int64(row, column + 3),
	};
}

static int read_addresses(sqlite3_stmt *addresses, struct session_record *record)
{
	sqlite3 *db = sqlite3_db_handle(addresses);
	int code;
	int r = 0;

	sqlite3_bind_int64(addresses, 1, store_uint64_to_int64(record->seq));
	while (!r && (code = sqlite3_step(addresses)) == SQLITE_ROW) {
		const struct session_address address = {
			.ip = store_read_ip(addresses, 0),
			.since = store_read_instant(addresses, 1),
			.last = store_read_instant(addresses, 3),
			.bytes = (uint64_t)sqlite3_column_int64(addresses, 5),
		};

		r = session_record_add_address(record, &address);
	}
	if (!r)
		r = store_error(db, code);
	sqlite3_reset(addresses);
	return r;
}

static int read_session(sqlite3_stmt *row, sqlite3_stmt *addresses, struct session_record *out)
{
	struct session_record record = {
		.seq = (uint64_t)sqlite3_column_int64(row, COLUMN_SEQ),
		.mac = store_mac_from_int64(sqlite3_column_int64(row, COLUMN_MAC)),
		.start = store_read_instant(row, COLUMN_START_WALL_NS),
		.last_seen = store_read_instant(row, COLUMN_SEEN_WALL_NS),
		.end = store_read_instant(row, COLUMN_END_WALL_NS),
		.duration_ns = sqlite3_column_int64(row, COLUMN_DURATION_NS),
		.cause = (enum end_cause)sqlite3_column_int(row, COLUMN_CAUSE),
		.traffic = store_read_traffic(row, COLUMN_UP_BYTES),
		.primary_ip = store_read_ip(row, COLUMN_PRIMARY_IP),
	};
	int r = read_texts(row, &record);

	if (!r)
		r = read_addresses(addresses, &record);
	if (r) {
		session_record_clean(&record);
		return r;
	}
	*out = record;
	return 0;
}

int store_sessions_read(sqlite3_stmt *sessions, sqlite3_stmt *addresses, struct session_rows *rows)
{
	sqlite3 *db = sqlite3_db_handle(sessions);
	int code;

	while ((code = sqlite3_step(sessions)) == SQLITE_ROW) {
		struct session_record *items =
			store_grow(rows->items, rows->n_items, &rows->capacity, sizeof(*rows->items));
		int r;

		if (!items)
			return -ENOMEM;
		rows->items = items;
		r = read_session(sessions, addresses, &rows->items[rows->n_items]);
		if (r)
			return r;
		rows->n_items++;
	}
	return store_error(db, code);
}

void store_bind_uint64(sqlite3_stmt *statement, int index, uint64_t value)
{
	sqlite3_bind_int64(statement, index, store_uint64_to_int64(value));
}

void store_bind_instant(sqlite3_stmt *statement, int index, const struct instant *instant)
{
	sqlite3_bind_int64(statement, index, instant->wall_ns);
	sqlite3_bind_int64(statement, index + 1, instant->mono_ns);
}

void store_bind_ip(sqlite3_stmt *statement, int index, const struct ip_addr *ip)
{
	sqlite3_bind_blob(statement, index, ip, sizeof(*ip), SQLITE_STATIC);
}

void store_bind_known_ip(sqlite3_stmt *statement, int index, const struct ip_addr *ip)
{
	static const struct ip_addr none;

	if (ip_compare(ip, &none) == 0)
		sqlite3_bind_null(statement, index);
	else
		store_bind_ip(statement, index, ip);
}

void store_bind_text(sqlite3_stmt *statement, int index, const char *text)
{
	sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

void store_bind_identity(sqlite3_stmt *statement, int index, const struct identity *identity, size_t n_fields)
{
	struct identity lent = *identity;

	for (size_t i = 0; i < n_fields; i++)
		store_bind_text(statement, index + (int)i, *identity_field(&lent, (enum identity_field)i));
}

void store_bind_traffic(sqlite3_stmt *statement, int index, const struct traffic *traffic)
{
	store_bind_uint64(statement, index, traffic->up_bytes);
	store_bind_uint64(statement, index + 1, traffic->up_packets);
	store_bind_uint64(statement, index + 2, traffic->down_bytes);
	store_bind_uint64(statement, index + 3, traffic->down_packets);
}

void store_bind_session(sqlite3_stmt *statement, const struct session_record *record)
{
	sqlite3_clear_bindings(statement);
	store_bind_uint64(statement, COLUMN_SEQ + 1, record->seq);
	sqlite3_bind_int64(statement, COLUMN_MAC + 1, store_mac_to_int64(&record->mac));
	store_bind_instant(statement, COLUMN_START_WALL_NS + 1, &record->start);
	store_bind_instant(statement, COLUMN_SEEN_WALL_NS + 1, &record->last_seen);
	if (!session_record_is_online(record))
		store_bind_instant(statement, COLUMN_END_WALL_NS + 1, &record->end);
	sqlite3_bind_int64(statement, COLUMN_DURATION_NS + 1, record->duration_ns);
	sqlite3_bind_int(statement, COLUMN_CAUSE + 1, (int)record->cause);
	store_bind_traffic(statement, COLUMN_UP_BYTES + 1, &record->traffic);
	store_bind_known_ip(statement, COLUMN_PRIMARY_IP + 1, &record->primary_ip);
	store_bind_text(statement, COLUMN_LOCATION_ID + 1, record->location_id);
	store_bind_text(statement, COLUMN_LOCATION_NAME + 1, record->location_name);
	store_bind_identity(statement, COLUMN_IDENTITY + 1, &record->identity, IDENTITY_N_FIELDS);
}
