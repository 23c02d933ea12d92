/* SPDX-License-Identifier: MIT */
/* What a starting agent takes up again: who the store is, open sessions, baselines, unclaimed octets and people. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/store_private.h"
#include "io/store_sqlite.h"

void store_state_forget_rows(struct store_state *state)
{
	struct session_rows rows = {.items = state->open_sessions, .n_items = state->n_open_sessions};

	session_rows_clean(&rows);
	state->open_sessions = NULL;
	state->n_open_sessions = 0;
	free(state->baselines);
	state->baselines = NULL;
	state->n_baselines = 0;
	free(state->unclaimed);
	state->unclaimed = NULL;
	state->n_unclaimed = 0;
	store_people_clean(state);
}

void store_state_clean(struct store_state *state)
{
	store_state_forget_rows(state);
	*state = (struct store_state){0};
}

/* A text that does not fit was not written by this program. */
static int read_text(sqlite3_stmt *row, int column, char *out, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(row, column);

	if (!text)
		return -ENOMEM;
	if (strlen(text) >= size)
		return -EBADMSG;
	snprintf(out, size, "%s", text);
	return 0;
}

static int read_key(sqlite3_stmt *row, int column, struct public_id_key *out)
{
	const uint8_t *octets = sqlite3_column_blob(row, column);

	if (!octets || sqlite3_column_bytes(row, column) != (int)sizeof(out->words))
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_LENGTH(out->words); i++, octets += 4)
		out->words[i] =
			(uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 | (uint32_t)octets[2] << 8 | octets[3];
	return 0;
}

static int load_store(sqlite3 *db, struct store_state *state)
{
	CLEANUP(store_statement_clean) sqlite3_stmt *row = NULL;
	int r = store_prepare(db, "SELECT instance, id_key, next_seq, boot_id, epoch FROM store", &row);
	int code;

	if (r)
		return r;
	code = sqlite3_step(row);
	if (code != SQLITE_ROW)
		return code == SQLITE_DONE ? -EBADMSG : store_error(db, code);
	r = read_text(row, 0, state->instance, sizeof(state->instance));
	if (!r)
		r = read_key(row, 1, &state->id_key);
	if (!r)
		r = read_text(row, 3, state->boot_id, sizeof(state->boot_id));
	if (!r)
		r = read_text(row, 4, state->epoch, sizeof(state->epoch));
	state->next_seq = (uint64_t)sqlite3_column_int64(row, 2);
	return r;
}

static int load_open_sessions(sqlite3 *db, struct store_state *state)
{
	CLEANUP(store_statement_clean) sqlite3_stmt *sessions = NULL;
	CLEANUP(store_statement_clean) sqlite3_stmt *addresses = NULL;
	CLEANUP(session_rows_clean) struct session_rows rows = {0};
	int r = store_prepare(db,
			      "SELECT " STORE_SESSION_COLUMNS " FROM sessions AS s INDEXED BY sessions_open"
			      " CROSS JOIN places AS p ON p.place = s.place"
			      " WHERE s.end_wall_ns IS NULL ORDER BY s.start_wall_ns, s.seq",
			      &sessions);

	if (!r)
		r = store_prepare(db, STORE_ADDRESSES_SQL, &addresses);
	if (!r)
		r = store_sessions_read(sessions, addresses, &rows);
	if (r)
		return r;
	state->n_open_sessions = rows.n_items;
	state->open_sessions = TAKE_PTR(rows.items);
	rows.n_items = 0;
	return 0;
}

static int read_baseline(sqlite3_stmt *row, void *item)
{
	*(struct counter_reading *)item = (struct counter_reading){
		.key.mac = store_mac_from_int64(sqlite3_column_int64(row, 0)),
		.key.vlan = (uint16_t)sqlite3_column_int(row, 1),
		.key.ifindex = (uint32_t)sqlite3_column_int64(row, 2),
		.key.ip = store_read_ip(row, 3),
		.total = store_read_traffic(row, 4),
		.last_up_ns = sqlite3_column_int64(row, 8),
		.last_down_ns = sqlite3_column_int64(row, 9),
		.slot = (uint32_t)sqlite3_column_int64(row, 10),
		.sequence = (uint32_t)sqlite3_column_int64(row, 11),
	};
	return 0;
}

static int load_baselines(sqlite3 *db, struct store_state *state)
{
	static const struct store_row_kind kind = {
		.sql = "SELECT mac, vlan, ifindex, ip, up_bytes, up_packets, down_bytes, down_packets, last_up_ns,"
		       " last_down_ns, slot, sequence FROM baselines",
		.item_size = sizeof(*state->baselines),
		.read = read_baseline,
	};
	void *items = NULL;
	int r = store_rows_load(db, &kind, &items, &state->n_baselines);

	state->baselines = items;
	return r;
}

static int read_unclaimed(sqlite3_stmt *row, void *item)
{
	*(struct unclaimed_change *)item = (struct unclaimed_change){
		.mac = store_mac_from_int64(sqlite3_column_int64(row, 0)),
		.traffic = store_read_traffic(row, 1),
	};
	return 0;
}

static int load_unclaimed(sqlite3 *db, struct store_state *state)
{
	static const struct store_row_kind kind = {
		.sql = "SELECT mac, up_bytes, up_packets, down_bytes, down_packets FROM unclaimed",
		.item_size = sizeof(*state->unclaimed),
		.read = read_unclaimed,
	};
	void *items = NULL;
	int r = store_rows_load(db, &kind, &items, &state->n_unclaimed);

	state->unclaimed = items;
	return r;
}

/* Far more than may be on line at once began after a session whose end is missed by that; it is a lower bound. */
#define NEWEST_ROWS "1000"

/* Ends have no index, so those of the latest sessions stand for all; what is on line is loaded already. */
static int load_newest(sqlite3 *db, struct store_state *state)
{
	int r = store_fetch_int64(db,
				  "SELECT max(coalesce((SELECT max(start_wall_ns) FROM sessions), 0),"
				  " coalesce((SELECT max(end_wall_ns) FROM (SELECT end_wall_ns FROM sessions"
				  " ORDER BY seq DESC LIMIT " NEWEST_ROWS ")), 0))",
				  &state->newest_wall_ns);

	for (size_t i = 0; !r && i < state->n_open_sessions; i++)
		if (state->newest_wall_ns < state->open_sessions[i].last_seen.wall_ns)
			state->newest_wall_ns = state->open_sessions[i].last_seen.wall_ns;
	return r;
}

int store_state_load(sqlite3 *db, struct store_state *out)
{
	CLEANUP(store_state_clean) struct store_state state = {0};
	int r = load_store(db, &state);

	if (!r)
		r = load_open_sessions(db, &state);
	if (!r)
		r = load_baselines(db, &state);
	if (!r)
		r = load_unclaimed(db, &state);
	if (!r)
		r = store_people_load(db, &state);
	if (!r)
		r = load_newest(db, &state);
	if (r)
		return r;
	*out = state;
	state = (struct store_state){0};
	return 0;
}
