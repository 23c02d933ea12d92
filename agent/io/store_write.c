/* SPDX-License-Identifier: MIT */
/* A batch as rows: sessions with their addresses, baselines and unclaimed octets. */
#include "io/store_private.h"
#include "io/store_sqlite.h"

static int run_session(struct store *store, enum store_statement which, const struct session_record *record)
{
	store_bind_session(store->statements[which], record);
	return store_statement_run(store, which);
}

static int run_address(struct store *store, enum store_statement which, const struct session_record *record,
		       size_t index)
{
	const struct session_address *address = &record->addresses[index];
	sqlite3_stmt *statement = store->statements[which];

	store_bind_uint64(statement, 1, record->seq);
	store_bind_ip(statement, 2, &address->ip);
	store_bind_instant(statement, 3, &address->since);
	store_bind_instant(statement, 5, &address->last);
	sqlite3_bind_int64(statement, 7, session_record_is_online(record) ? INT64_MAX : record->end.wall_ns);
	store_bind_uint64(statement, 8, address->bytes);
	return store_statement_run(store, which);
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
	r = store_statement_run(store, STATEMENT_ADDRESS_CLEAR);
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
	int r = 0;

	for (size_t i = 0; !r && i < batch->n_sessions; i++)
		r = write_session(store, &batch->sessions[i].record);
	return r;
}

/* A number is given once, whatever is deleted: also one that a login has only reserved. */
static int raise_next_seq(struct store *store, const struct store_batch *batch)
{
	uint64_t last_seq = 0;

	for (size_t i = 0; i < batch->n_sessions; i++)
		if (batch->sessions[i].record.seq > last_seq)
			last_seq = batch->sessions[i].record.seq;
	for (size_t i = 0; i < batch->n_logins; i++)
		if (batch->logins[i].login.seq > last_seq)
			last_seq = batch->logins[i].login.seq;
	if (last_seq == 0)
		return 0;
	store_bind_uint64(store->statements[STATEMENT_NEXT_SEQ], 1, last_seq + 1);
	return store_statement_run(store, STATEMENT_NEXT_SEQ);
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
		r = store_statement_run(store, STATEMENT_BASELINE_PUT);
	}
	return r;
}

static int write_unclaimed(struct store *store, const struct store_batch *batch)
{
	int r = 0;

	for (size_t i = 0; !r && i < batch->n_unclaimed; i++) {
		const struct unclaimed_change *change = &batch->unclaimed[i];
		enum store_statement which =
			traffic_is_zero(&change->traffic) ? STATEMENT_UNCLAIMED_DELETE : STATEMENT_UNCLAIMED_PUT;

		store_bind_traffic(store->statements[which], 1, &change->traffic);
		sqlite3_bind_int64(store->statements[which], 5, store_mac_to_int64(&change->mac));
		r = store_statement_run(store, which);
	}
	return r;
}

int store_batch_write(struct store *store, const struct store_batch *batch)
{
	int r = write_sessions(store, batch);

	if (!r)
		r = raise_next_seq(store, batch);
	if (!r)
		r = write_baselines(store, batch);
	if (!r)
		r = write_unclaimed(store, batch);
	if (!r)
		r = store_people_write(store, batch);
	store_statements_forget(store);
	return r;
}
