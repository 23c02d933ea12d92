/* SPDX-License-Identifier: MIT */
/* Logins, guests, devices and the unauthenticated: what is written is what is read, until it is gone. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "io/store_fixture.h"

static struct store *open_store(const struct store_lab *lab)
{
	struct store *store = NULL;

	cr_assert_eq(store_open(lab->path, &store), 0);
	return store;
}

/* As the next start of the agent finds it. */
static struct store_state reload(struct store **store, const struct store_lab *lab)
{
	struct store_state state;

	store_close(store);
	*store = open_store(lab);
	cr_assert_eq(store_load(*store, &state), 0);
	return state;
}

#define N_LOGINS 60

Test(store_guests, random_logins_are_read_as_written_and_rewritten)
{
	struct login logins[N_LOGINS];
	struct store_batch batch = {0};
	struct store_lab lab;
	uint64_t seed = 0x109;

	store_lab_open(&lab);
	struct store *store = open_store(&lab);

	for (int round = 0; round < 2; round++) {
		for (uint8_t i = 0; i < N_LOGINS; i++) {
			if (round > 0)
				login_clean(&logins[i]);
			logins[i] = store_lab_login(&seed, i);
			store_lab_add_login(&batch, &logins[i]);
		}
		cr_assert_eq(store_lab_write(store, &batch), 0);
		struct store_state state = reload(&store, &lab);

		cr_assert_eq(state.n_logins, N_LOGINS, "one of each MAC");
		for (size_t i = 0; i < N_LOGINS; i++) {
			const struct login *read = &state.logins[i];
			const char *difference = store_lab_login_difference(read, &logins[read->mac.octets[5]]);

			cr_assert_null(difference, "login %zu: %s", i, difference);
		}
		store_state_clean(&state);
		cr_assert_null(state.logins);
	}
	for (size_t i = 0; i < N_LOGINS; i++)
		login_clean(&logins[i]);
	store_close(&store);
	store_lab_close(&lab);
}

Test(store_guests, a_login_that_is_over_goes_and_its_number_stays_given)
{
	struct store_batch batch = {0};
	struct store_lab lab;
	struct login login = {.mac.octets = {2, 1}, .seq = 77};
	struct login other = {.mac.octets = {2, 2}, .seq = 5};

	store_lab_open(&lab);
	struct store *store = open_store(&lab);

	store_lab_add_balanced(&batch, 9, 1);
	store_lab_add_login(&batch, &login);
	store_lab_add_login(&batch, &other);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	struct store_state state = reload(&store, &lab);

	cr_assert_eq(state.next_seq, 78, "reserved is given");
	store_state_clean(&state);
	store_lab_add_login(&batch, &login);
	batch.logins[0].is_gone = true;
	batch.logins[0].login.seq = 0;
	cr_assert_eq(store_lab_write(store, &batch), 0);
	state = reload(&store, &lab);
	cr_assert_eq(state.n_logins, 1);
	cr_assert_null(store_lab_login_difference(&state.logins[0], &other));
	cr_assert_eq(state.next_seq, 78);
	store_state_clean(&state);
	store_close(&store);
	store_lab_close(&lab);
}

/* In the order of their ids. */
static void assert_guest(const struct guest_change *read, const struct guest_change *written)
{
	cr_assert(identity_is_equal(&read->identity, &written->identity));
	cr_assert_eq(read->noted_wall_ns, written->noted_wall_ns);
	cr_assert_eq(read->version, 0);
	cr_assert_not(read->is_gone);
}

Test(store_guests, guests_are_kept_until_they_are_forgotten)
{
	struct guest_change guests[] = {
		{.identity = {.guest_id = "a"}, .noted_wall_ns = 1},
		{.identity = {.guest_id = "b", .username = "", .name = "Şâğun", .email = "s@x", .yas_id = "Y"},
		 .noted_wall_ns = INT64_MAX},
		{.identity = {.guest_id = "B", .name = "another guest: ids know the case"}, .noted_wall_ns = 3},
	};
	struct store_batch batch = {0};
	struct store_lab lab;

	store_lab_open(&lab);
	struct store *store = open_store(&lab);

	for (size_t i = 0; i < ARRAY_LENGTH(guests); i++)
		store_lab_add_guest(&batch, &guests[i]);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	guests[0].identity.email = "a@x";
	guests[0].noted_wall_ns = 2;
	guests[2].is_gone = true;
	store_lab_add_guest(&batch, &guests[0]);
	store_lab_add_guest(&batch, &guests[2]);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	struct store_state state = reload(&store, &lab);

	cr_assert_eq(state.n_guests, 2);
	assert_guest(&state.guests[0], &guests[0]);
	assert_guest(&state.guests[1], &guests[1]);
	store_state_clean(&state);
	store_close(&store);
	store_lab_close(&lab);
}

Test(store_guests, devices_are_kept_until_they_have_no_name)
{
	const struct mac_addr macs[] = {{{2, 0, 0, 0, 0, 1}}, {{2, 0, 0, 0, 0, 2}}};
	struct store_batch batch = {0};
	struct store_lab lab;

	store_lab_open(&lab);
	struct store *store = open_store(&lab);

	store_lab_add_device(&batch, &macs[0], "phone");
	store_lab_add_device(&batch, &macs[1], "laptop");
	store_lab_add_device(&batch, &macs[0], "Öyküs-phone");
	cr_assert_eq(store_lab_write(store, &batch), 0);
	store_lab_add_device(&batch, &macs[1], NULL);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	struct store_state state = reload(&store, &lab);

	cr_assert_eq(state.n_devices, 1);
	cr_assert_eq(mac_compare(&state.devices[0].mac, &macs[0]), 0);
	cr_assert_str_eq(state.devices[0].host_name, "Öyküs-phone");
	store_state_clean(&state);
	store_close(&store);
	store_lab_close(&lab);
}

Test(store_guests, the_unauthenticated_are_kept_until_they_have_no_octets)
{
	struct unauthenticated devices[] = {
		{
			.mac.octets = {2, 1},
			.ip.octets = {0x20, 1, [15] = 9},
			.first_seen = {.mono_ns = 1, .wall_ns = 2},
			.last_seen = {.mono_ns = 3, .wall_ns = 4},
			.traffic = {5, 6, 7, INT64_MAX},
		},
		{.mac.octets = {2, 2}, .traffic.up_packets = 1},
		{.mac.octets = {2, 3}, .traffic.up_packets = 1},
	};
	struct store_batch batch = {0};
	struct store_lab lab;

	store_lab_open(&lab);
	struct store *store = open_store(&lab);

	for (size_t i = 0; i < ARRAY_LENGTH(devices); i++)
		store_lab_add_unauthenticated(&batch, &devices[i]);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	devices[2].traffic.up_packets = 0;
	store_lab_add_unauthenticated(&batch, &devices[2]);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	struct store_state state = reload(&store, &lab);

	cr_assert_eq(state.n_unauthenticated, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct unauthenticated *read = &state.unauthenticated[i];

		cr_assert_eq(mac_compare(&read->mac, &devices[i].mac), 0);
		cr_assert_eq(ip_compare(&read->ip, &devices[i].ip), 0);
		cr_assert_eq(memcmp(&read->first_seen, &devices[i].first_seen, sizeof(read->first_seen)), 0);
		cr_assert_eq(memcmp(&read->last_seen, &devices[i].last_seen, sizeof(read->last_seen)), 0);
		cr_assert_eq(memcmp(&read->traffic, &devices[i].traffic, sizeof(read->traffic)), 0);
	}
	store_state_clean(&state);
	store_close(&store);
	store_lab_close(&lab);
}

/* The last element of the last table fails: nothing of the others is there. */
Test(store_guests, a_batch_is_written_whole_or_not_at_all)
{
	static const char *const tables[] = {"sessions", "baselines", "logins", "guests", "devices", "unauthenticated"};
	const struct unauthenticated device = {.mac.octets = {2, 9}, .traffic.up_bytes = 1};
	const struct guest_change guest = {.identity = {.guest_id = "g"}, .noted_wall_ns = 1};
	struct store_batch batch = {0};
	struct store_lab lab;
	uint64_t seed = 5;
	char sql[100];

	store_lab_open(&lab);
	struct store *store = open_store(&lab);
	struct login login = store_lab_login(&seed, 1);

	store_lab_sql(lab.path, "CREATE TRIGGER refuse BEFORE INSERT ON unauthenticated BEGIN "
				"SELECT raise(ABORT, 'no'); END");
	store_lab_add_balanced(&batch, 41, 1);
	store_lab_add_login(&batch, &login);
	store_lab_add_guest(&batch, &guest);
	store_lab_add_device(&batch, &login.mac, "phone");
	store_lab_add_unauthenticated(&batch, &device);
	for (int attempt = 0; attempt < 2; attempt++) {
		cr_assert_eq(store_write(store, &batch), -EIO);
		for (size_t i = 0; i < ARRAY_LENGTH(tables); i++) {
			snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", tables[i]);
			cr_assert_eq(store_lab_sql(lab.path, sql), 0, "%s", tables[i]);
		}
		cr_assert_eq(store_lab_sql(lab.path, "SELECT next_seq FROM store"), 1);
	}
	store_lab_sql(lab.path, "DROP TRIGGER refuse");
	cr_assert_eq(store_lab_write(store, &batch), 0);
	for (size_t i = 0; i < ARRAY_LENGTH(tables); i++) {
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", tables[i]);
		cr_assert_eq(store_lab_sql(lab.path, sql), 1, "%s", tables[i]);
	}
	login_clean(&login);
	store_close(&store);
	store_lab_close(&lab);
}

/* ---- a store of the schema before ---- */

/* What schema 3 added is taken back: the rest is as schema 2 made it. */
static void downgrade(const struct store_lab *lab)
{
	static const char *const steps[] = {
		"DROP TABLE logins",
		"DROP TABLE guests",
		"DROP TABLE devices",
		"DROP TABLE unauthenticated",
		"DROP TRIGGER session_inserted",
		"DROP TRIGGER session_deleted",
		"DROP TRIGGER session_moved",
		"ALTER TABLE places DROP COLUMN n_sessions",
		"PRAGMA user_version = 2",
	};

	for (size_t i = 0; i < ARRAY_LENGTH(steps); i++)
		store_lab_sql(lab->path, steps[i]);
}

Test(store_guests, a_store_of_schema_2_is_upgraded_with_all_that_it_holds)
{
	struct store_batch batch = {0};
	struct store_lab lab;
	uint64_t seed = 2;

	store_lab_open(&lab);
	struct store *store = open_store(&lab);

	cr_assert_eq(store_begin_epoch(store, "boot", "epoch"), 0);
	for (uint64_t seq = 1; seq <= 30; seq++)
		store_lab_add_balanced(&batch, seq, seq);
	struct session_record record = store_lab_record(&seed, 31);

	free(record.location_id);
	record.location_id = strdup("elsewhere");
	store_lab_add_session(&batch, &record);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	store_close(&store);
	store_lab_sql(lab.path, "INSERT INTO places (place) VALUES (99)");
	downgrade(&lab);
	store = open_store(&lab);
	cr_assert_eq(store_lab_sql(lab.path, "PRAGMA user_version"), 3);
	cr_assert_eq(store_lab_sql(lab.path, "SELECT n_sessions FROM places WHERE location_id IS NULL AND place <> 99"),
		     30);
	cr_assert_eq(store_lab_sql(lab.path, "SELECT n_sessions FROM places WHERE location_id = 'elsewhere'"), 1);
	cr_assert_eq(store_lab_sql(lab.path, "SELECT n_sessions FROM places WHERE place = 99"), 0);
	struct store_state state = reload(&store, &lab);

	cr_assert_str_eq(state.epoch, "epoch", "its baselines are still those of the counters");
	cr_assert_eq(state.n_baselines, 30);
	cr_assert_eq(state.next_seq, 32);
	cr_assert_eq(state.n_logins + state.n_guests + state.n_devices + state.n_unauthenticated, 0);
	store_state_clean(&state);
	const struct history_query all = {.kind = HISTORY_LIST, .limit = 99};
	struct history_result result = store_lab_ask(lab.path, &all);

	cr_assert_eq(result.n_rows, 31);
	history_result_clean(&result);
	session_record_clean(&record);
	store_close(&store);
	store_lab_close(&lab);
}

/* A session that moves to another place, as one whose record is changed may, moves in the count too. */
Test(store_guests, places_count_their_sessions)
{
	struct session_record record = {.seq = 1, .location_id = "a"};
	struct store_batch batch = {0};
	struct store_lab lab;

	store_lab_open(&lab);
	struct store *store = open_store(&lab);

	store_lab_add_session(&batch, &record);
	record.seq = 2;
	store_lab_add_session(&batch, &record);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	record.location_id = "b";
	store_lab_add_session(&batch, &record);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	record.traffic.up_bytes = 1; /* the short way */
	store_lab_add_session(&batch, &record);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	cr_assert_eq(store_lab_sql(lab.path, "SELECT n_sessions FROM places WHERE location_id = 'a'"), 1);
	cr_assert_eq(store_lab_sql(lab.path, "SELECT n_sessions FROM places WHERE location_id = 'b'"), 1);
	store_close(&store);
	store_lab_close(&lab);
}
