/* SPDX-License-Identifier: MIT */
/* Who has logged in, which guests and devices are known, and who sends without a session: rows of one kind each. */
#include <stdlib.h>

#include "io/store_private.h"
#include "io/store_sqlite.h"

/* guest_id, username, name, email, yas_id: what is known of a guest from one login to the next. */
#define N_GUEST_FIELDS (IDENTITY_YAS_ID + 1)

/* ---- reading ---- */

static int read_login(sqlite3_stmt *row, void *item)
{
	struct login *login = item;
	int r;

	*login = (struct login){
		.mac = store_mac_from_int64(sqlite3_column_int64(row, 0)),
		.ip = store_read_ip(row, 1),
		.limits =
			{
				.session_timeout_ns = sqlite3_column_int64(row, 13),
				.idle_timeout_ns = sqlite3_column_int64(row, 14),
				.max_bytes_total = (uint64_t)sqlite3_column_int64(row, 15),
				.max_bytes_down = (uint64_t)sqlite3_column_int64(row, 16),
				.max_bytes_up = (uint64_t)sqlite3_column_int64(row, 17),
			},
		.at = store_read_instant(row, 18),
		.until = store_read_instant(row, 20),
		.seq = (uint64_t)sqlite3_column_int64(row, 22),
		.has_begun = sqlite3_column_int(row, 23) != 0,
		.used_ns = sqlite3_column_int64(row, 24),
		.used = store_read_traffic(row, 25),
		.last_seq = (uint64_t)sqlite3_column_int64(row, 29),
		.is_over = sqlite3_column_int(row, 30) != 0,
	};
	r = store_read_identity(row, 2, &login->identity, IDENTITY_N_FIELDS);
	if (!r)
		r = store_read_text(row, 11, &login->external_id);
	return r ? r : store_read_text(row, 12, &login->location_id);
}

static int read_guest(sqlite3_stmt *row, void *item)
{
	struct guest_change *guest = item;

	guest->noted_wall_ns = sqlite3_column_int64(row, N_GUEST_FIELDS);
	return store_read_identity(row, 0, &guest->identity, N_GUEST_FIELDS);
}

static int read_device(sqlite3_stmt *row, void *item)
{
	struct device_change *device = item;

	device->mac = store_mac_from_int64(sqlite3_column_int64(row, 0));
	return store_read_text(row, 1, &device->host_name);
}

static int read_unauthenticated(sqlite3_stmt *row, void *item)
{
	*(struct unauthenticated *)item = (struct unauthenticated){
		.mac = store_mac_from_int64(sqlite3_column_int64(row, 0)),
		.ip = store_read_ip(row, 1),
		.first_seen = store_read_instant(row, 2),
		.last_seen = store_read_instant(row, 4),
		.traffic = store_read_traffic(row, 6),
	};
	return 0;
}

enum people { PEOPLE_LOGINS, PEOPLE_GUESTS, PEOPLE_DEVICES, PEOPLE_UNAUTHENTICATED, PEOPLE_N };

static const struct store_row_kind kinds[] = {
	[PEOPLE_LOGINS] = {"SELECT " STORE_LOGIN_COLUMNS " FROM logins", sizeof(struct login), read_login},
	[PEOPLE_GUESTS] = {"SELECT " STORE_GUEST_COLUMNS " FROM guests", sizeof(struct guest_change), read_guest},
	[PEOPLE_DEVICES] = {"SELECT mac, host_name FROM devices", sizeof(struct device_change), read_device},
	[PEOPLE_UNAUTHENTICATED] = {"SELECT " STORE_UNAUTHENTICATED_COLUMNS " FROM unauthenticated",
				    sizeof(struct unauthenticated), read_unauthenticated},
};
_Static_assert(ARRAY_LENGTH(kinds) == PEOPLE_N, "a kind of row for each table");

int store_people_load(sqlite3 *db, struct store_state *state)
{
	void *items[PEOPLE_N] = {NULL};
	size_t *const n_items[] = {
		[PEOPLE_LOGINS] = &state->n_logins,
		[PEOPLE_GUESTS] = &state->n_guests,
		[PEOPLE_DEVICES] = &state->n_devices,
		[PEOPLE_UNAUTHENTICATED] = &state->n_unauthenticated,
	};
	int r = 0;

	for (size_t i = 0; !r && i < PEOPLE_N; i++)
		r = store_rows_load(db, &kinds[i], &items[i], n_items[i]);
	/* also on failure: the state owns what has been read */
	state->logins = items[PEOPLE_LOGINS];
	state->guests = items[PEOPLE_GUESTS];
	state->devices = items[PEOPLE_DEVICES];
	state->unauthenticated = items[PEOPLE_UNAUTHENTICATED];
	return r;
}

void store_people_clean(struct store_state *state)
{
	for (size_t i = 0; i < state->n_logins; i++)
		login_clean(&state->logins[i]);
	free(state->logins);
	state->logins = NULL;
	state->n_logins = 0;
	guest_changes_free(state->guests, state->n_guests);
	state->guests = NULL;
	state->n_guests = 0;
	device_changes_free(state->devices, state->n_devices);
	state->devices = NULL;
	state->n_devices = 0;
	free(state->unauthenticated);
	state->unauthenticated = NULL;
	state->n_unauthenticated = 0;
}

/* ---- writing ---- */

static int put_login(struct store *store, const struct login *login)
{
	sqlite3_stmt *statement = store->statements[STATEMENT_LOGIN_PUT];

	sqlite3_bind_int64(statement, 1, store_mac_to_int64(&login->mac));
	store_bind_known_ip(statement, 2, &login->ip);
	store_bind_identity(statement, 3, &login->identity, IDENTITY_N_FIELDS);
	store_bind_text(statement, 12, login->external_id);
	store_bind_text(statement, 13, login->location_id);
	sqlite3_bind_int64(statement, 14, login->limits.session_timeout_ns);
	sqlite3_bind_int64(statement, 15, login->limits.idle_timeout_ns);
	store_bind_uint64(statement, 16, login->limits.max_bytes_total);
	store_bind_uint64(statement, 17, login->limits.max_bytes_down);
	store_bind_uint64(statement, 18, login->limits.max_bytes_up);
	store_bind_instant(statement, 19, &login->at);
	store_bind_instant(statement, 21, &login->until);
	store_bind_uint64(statement, 23, login->seq);
	sqlite3_bind_int(statement, 24, login->has_begun);
	sqlite3_bind_int64(statement, 25, login->used_ns);
	store_bind_traffic(statement, 26, &login->used);
	store_bind_uint64(statement, 30, login->last_seq);
	sqlite3_bind_int(statement, 31, login->is_over);
	return store_statement_run(store, STATEMENT_LOGIN_PUT);
}

static int put_guest(struct store *store, const struct guest_change *guest)
{
	sqlite3_stmt *statement = store->statements[STATEMENT_GUEST_PUT];

	store_bind_identity(statement, 1, &guest->identity, N_GUEST_FIELDS);
	sqlite3_bind_int64(statement, N_GUEST_FIELDS + 1, guest->noted_wall_ns);
	return store_statement_run(store, STATEMENT_GUEST_PUT);
}

static int put_device(struct store *store, const struct device_change *device)
{
	sqlite3_stmt *statement = store->statements[STATEMENT_DEVICE_PUT];

	sqlite3_bind_int64(statement, 1, store_mac_to_int64(&device->mac));
	store_bind_text(statement, 2, device->host_name);
	return store_statement_run(store, STATEMENT_DEVICE_PUT);
}

static int put_unauthenticated(struct store *store, const struct unauthenticated *device)
{
	sqlite3_stmt *statement = store->statements[STATEMENT_UNAUTHENTICATED_PUT];

	sqlite3_bind_int64(statement, 1, store_mac_to_int64(&device->mac));
	store_bind_known_ip(statement, 2, &device->ip);
	store_bind_instant(statement, 3, &device->first_seen);
	store_bind_instant(statement, 5, &device->last_seen);
	store_bind_traffic(statement, 7, &device->traffic);
	return store_statement_run(store, STATEMENT_UNAUTHENTICATED_PUT);
}

static int delete_by_mac(struct store *store, enum store_statement which, const struct mac_addr *mac)
{
	sqlite3_bind_int64(store->statements[which], 1, store_mac_to_int64(mac));
	return store_statement_run(store, which);
}

static int delete_guest(struct store *store, const char *guest_id)
{
	store_bind_text(store->statements[STATEMENT_GUEST_DELETE], 1, guest_id);
	return store_statement_run(store, STATEMENT_GUEST_DELETE);
}

int store_people_write(struct store *store, const struct store_batch *batch)
{
	int r = 0;

	for (size_t i = 0; !r && i < batch->n_logins; i++) {
		const struct login_save *save = &batch->logins[i];

		r = save->is_gone ? delete_by_mac(store, STATEMENT_LOGIN_DELETE, &save->login.mac)
				  : put_login(store, &save->login);
	}
	for (size_t i = 0; !r && i < batch->n_guests; i++) {
		const struct guest_change *change = &batch->guests[i];

		r = change->is_gone ? delete_guest(store, change->identity.guest_id) : put_guest(store, change);
	}
	for (size_t i = 0; !r && i < batch->n_devices; i++) {
		const struct device_change *change = &batch->devices[i];

		r = change->host_name ? put_device(store, change)
				      : delete_by_mac(store, STATEMENT_DEVICE_DELETE, &change->mac);
	}
	for (size_t i = 0; !r && i < batch->n_unauthenticated; i++) {
		const struct unauthenticated *device = &batch->unauthenticated[i].device;

		r = traffic_is_zero(&device->traffic)
			    ? delete_by_mac(store, STATEMENT_UNAUTHENTICATED_DELETE, &device->mac)
			    : put_unauthenticated(store, device);
	}
	return r;
}
