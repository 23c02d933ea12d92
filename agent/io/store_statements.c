/* SPDX-License-Identifier: MIT */
/* The texts of the writer's statements. */
#include "io/store_private.h"

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
	[STATEMENT_SESSION_FORGET] =
		"UPDATE sessions SET guest_id = NULL, username = NULL, name = NULL, email = NULL, yas_id = NULL,"
		" access_code = NULL, login_type_name = NULL, device_description = NULL "
		"WHERE seq = ?1 AND end_wall_ns IS NOT NULL",
	[STATEMENT_SESSION_DELETE] = "DELETE FROM sessions WHERE seq = ?1",
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
	[STATEMENT_LOGIN_PUT] =
		"REPLACE INTO logins (" STORE_LOGIN_COLUMNS ") "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,"
		" ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31)",
	[STATEMENT_LOGIN_DELETE] = "DELETE FROM logins WHERE mac = ?1",
	[STATEMENT_GUEST_PUT] = "REPLACE INTO guests (" STORE_GUEST_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[STATEMENT_GUEST_DELETE] = "DELETE FROM guests WHERE guest_id = ?1",
	[STATEMENT_DEVICE_PUT] = "REPLACE INTO devices (mac, host_name) VALUES (?1, ?2)",
	[STATEMENT_DEVICE_DELETE] = "DELETE FROM devices WHERE mac = ?1",
	[STATEMENT_UNAUTHENTICATED_PUT] = "REPLACE INTO unauthenticated (" STORE_UNAUTHENTICATED_COLUMNS ") "
					  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
	[STATEMENT_UNAUTHENTICATED_DELETE] = "DELETE FROM unauthenticated WHERE mac = ?1",
	/* sessions from a place in the order of their start on, by the index alone */
	[STATEMENT_OLDEST] = "SELECT start_wall_ns, seq, end_wall_ns FROM sessions INDEXED BY sessions_by_start "
			     "WHERE (start_wall_ns, seq) > (?1, ?2) ORDER BY start_wall_ns, seq",
};
_Static_assert(ARRAY_LENGTH(statement_sql) == STATEMENT_N, "a text for each statement");

int store_statements_prepare(struct store *store)
{
	int r = 0;

	for (size_t i = 0; !r && i < STATEMENT_N; i++)
		r = store_prepare(store->db, statement_sql[i], &store->statements[i]);
	return r;
}

void store_statements_clean(struct store *store)
{
	for (size_t i = 0; i < STATEMENT_N; i++)
		store_statement_clean(&store->statements[i]);
}

void store_statements_forget(struct store *store)
{
	for (size_t i = 0; i < STATEMENT_N; i++)
		sqlite3_clear_bindings(store->statements[i]);
}

int store_statement_run(struct store *store, enum store_statement which)
{
	return store_run(store->statements[which]);
}
