/* SPDX-License-Identifier: MIT */
/* Sessions' rows as records, and records as parameters. */
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

static const size_t text_offsets[] = {
	offsetof(struct session_record, location_id),
	offsetof(struct session_record, location_name),
	offsetof(struct session_record, identity.guest_id),
	offsetof(struct session_record, identity.username),
	offsetof(struct session_record, identity.name),
	offsetof(struct session_record, identity.email),
	offsetof(struct session_record, identity.yas_id),
	offsetof(struct session_record, identity.access_code),
	offsetof(struct session_record, identity.login_type_name),
	offsetof(struct session_record, identity.service_profile_name),
	offsetof(struct session_record, identity.device_description),
};
_Static_assert(ARRAY_LENGTH(text_offsets) == STORE_N_TEXTS, "a column for each text");

static const char *text_of(const struct session_record *record, size_t index)
{
	return *(char *const *)(const void *)((const char *)record + text_offsets[index]);
}

static int read_texts(sqlite3_stmt *row, struct session_record *record)
{
	for (int i = 0; i < STORE_N_TEXTS; i++) {
		const unsigned char *text = sqlite3_column_text(row, COLUMN_TEXTS + i);
		char **field = (char **)(void *)((char *)record + text_offsets[i]);

		if (!text && sqlite3_column_type(row, COLUMN_TEXTS + i) == SQLITE_NULL)
			continue;
		*field = text ? strdup((const char *)text) : NULL;
		if (!*field)
			return -ENOMEM;
	}
	return 0;
}

struct ip_addr store_read_ip(sqlite3_stmt *row, int column)
{
	struct ip_addr ip = {0};
	const void *octets = sqlite3_column_blob(row, column);

	if (octets && sqlite3_column_bytes(row, column) == (int)sizeof(ip))
		memcpy(&ip, octets, sizeof(ip));
	return ip;
}

static struct instant read_instant(sqlite3_stmt *row, int wall_column)
{
	return (struct instant){
		.wall_ns = sqlite3_column_int64(row, wall_column),
		.mono_ns = sqlite3_column_int64(row, wall_column + 1),
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
			.since = read_instant(addresses, 1),
			.last = read_instant(addresses, 3),
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
		.start = read_instant(row, COLUMN_START_WALL_NS),
		.last_seen = read_instant(row, COLUMN_SEEN_WALL_NS),
		.end = read_instant(row, COLUMN_END_WALL_NS),
		.duration_ns = sqlite3_column_int64(row, COLUMN_DURATION_NS),
		.cause = (enum end_cause)sqlite3_column_int(row, COLUMN_CAUSE),
		.traffic.up_bytes = (uint64_t)sqlite3_column_int64(row, COLUMN_UP_BYTES),
		.traffic.up_packets = (uint64_t)sqlite3_column_int64(row, COLUMN_UP_PACKETS),
		.traffic.down_bytes = (uint64_t)sqlite3_column_int64(row, COLUMN_DOWN_BYTES),
		.traffic.down_packets = (uint64_t)sqlite3_column_int64(row, COLUMN_DOWN_PACKETS),
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

void store_bind_traffic(sqlite3_stmt *statement, int index, const struct traffic *traffic)
{
	store_bind_uint64(statement, index, traffic->up_bytes);
	store_bind_uint64(statement, index + 1, traffic->up_packets);
	store_bind_uint64(statement, index + 2, traffic->down_bytes);
	store_bind_uint64(statement, index + 3, traffic->down_packets);
}

void store_bind_session(sqlite3_stmt *statement, const struct session_record *record)
{
	static const struct ip_addr none;

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
	if (ip_compare(&record->primary_ip, &none) != 0)
		store_bind_ip(statement, COLUMN_PRIMARY_IP + 1, &record->primary_ip);
	for (int i = 0; i < STORE_N_TEXTS; i++) {
		const char *text = text_of(record, (size_t)i);

		if (text)
			sqlite3_bind_text(statement, COLUMN_TEXTS + 1 + i, text, -1, SQLITE_STATIC);
	}
}
