/* SPDX-License-Identifier: MIT */
/* What is written is what is read: the store itself, sessions, baselines, unclaimed octets. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "io/store_fixture.h"

#define EPOCH "0b5a1fd2:41"
#define BOOT_ID "0b5a1fd2-7a46-4a5b-9d3c-5ad31c1c52c1"

static struct store *open_store(const struct store_lab *lab)
{
	struct store *store = NULL;

	cr_assert_eq(store_open(lab->path, &store), 0);
	return store;
}

static struct store_state load(struct store *store)
{
	struct store_state state;

	cr_assert_eq(store_load(store, &state), 0);
	return state;
}

Test(store, a_new_one_is_empty_private_and_has_an_identity)
{
	struct store_lab lab;
	struct stat status;

	store_lab_open(&lab);
	struct store *store = open_store(&lab);
	struct store_state state = load(store);

	cr_assert_eq(strlen(state.instance), 16);
	cr_assert_eq(strspn(state.instance, "0123456789abcdef"), 16);
	cr_assert_neq(state.id_key.words[0] | state.id_key.words[1] | state.id_key.words[2] | state.id_key.words[3], 0);
	cr_assert_eq(state.next_seq, 1);
	cr_assert_str_empty(state.boot_id);
	cr_assert_str_empty(state.epoch);
	cr_assert_eq(state.n_open_sessions + state.n_baselines + state.n_unclaimed, 0);
	store_state_clean(&state);
	cr_assert_eq(stat(lab.path, &status), 0);
	cr_assert_eq(status.st_mode & 0777, 0600, "names of guests are nobody else's business");
	store_close(&store);
	cr_assert_null(store);
	store_lab_close(&lab);
}

Test(store, its_identity_stays_and_is_its_own)
{
	struct store_lab labs[2];
	struct store_state states[3];

	store_lab_open(&labs[0]);
	store_lab_open(&labs[1]);
	for (int i = 0; i < 3; i++) {
		struct store *store = open_store(&labs[i / 2]); /* the first one twice */

		states[i] = load(store);
		store_close(&store);
	}
	cr_assert_str_eq(states[0].instance, states[1].instance);
	cr_assert_arr_eq(states[0].id_key.words, states[1].id_key.words, sizeof(states[0].id_key.words));
	cr_assert_str_neq(states[0].instance, states[2].instance);
	cr_assert_neq(memcmp(states[0].id_key.words, states[2].id_key.words, sizeof(states[0].id_key.words)), 0);
	store_lab_close(&labs[0]);
	store_lab_close(&labs[1]);
}

Test(store, the_key_of_ids_does_not_depend_on_the_machine)
{
	struct store_lab lab;

	store_lab_open(&lab);
	struct store *store = open_store(&lab);

	store_lab_sql(lab.path, "UPDATE store SET id_key = x'000102030405060708090a0b0c0d0e0f'");
	struct store_state state = load(store);

	cr_assert_eq(state.id_key.words[0], 0x00010203);
	cr_assert_eq(state.id_key.words[3], 0x0c0d0e0f);
	store_state_clean(&state);
	store_close(&store);
	store_lab_close(&lab);
}

#define N_RECORDS 200

/* Compares the rows, in whatever order, with records[seq - 1]. */
static void assert_rows(const struct history_result *result, const struct session_record *records)
{
	cr_assert_eq(result->error, 0);
	cr_assert_eq(result->n_rows, N_RECORDS);
	for (size_t i = 0; i < result->n_rows; i++) {
		const struct session_record *row = &result->rows[i];
		const char *difference = store_lab_difference(row, &records[row->seq - 1]);

		cr_assert_null(difference, "seq %llu: %s", (unsigned long long)row->seq, difference);
	}
}

/* Writes all random records in a few batches, and reads them back. */
static void write_and_compare(struct store *store, const struct store_lab *lab, const struct session_record *records)
{
	const struct history_query all = {.kind = HISTORY_LIST, .limit = 2 * N_RECORDS};
	struct store_batch batch = {0};

	for (size_t i = 0; i < N_RECORDS; i++) {
		store_lab_add_session(&batch, &records[i]);
		if (i % 37 == 36)
			cr_assert_eq(store_lab_write(store, &batch), 0);
	}
	cr_assert_eq(store_lab_write(store, &batch), 0);
	struct history_result result = store_lab_ask(lab->path, &all);

	assert_rows(&result, records);
	history_result_clean(&result);
}

/* Rewriting takes the short way when nothing indexed has changed, else the long one: both must tell all. */
Test(store, random_sessions_are_read_as_written_and_rewritten, .timeout = 60)
{
	struct session_record *records = calloc(N_RECORDS, sizeof(*records));
	uint64_t seed = 0x6f637464;
	struct store_lab lab;

	store_lab_open(&lab);
	struct store *store = open_store(&lab);

	for (size_t i = 0; i < N_RECORDS; i++)
		records[i] = store_lab_record(&seed, i + 1);
	write_and_compare(store, &lab, records);
	for (size_t i = 0; i < N_RECORDS; i++) {
		struct session_record other = store_lab_record(&seed, i + 1);

		if (store_lab_random(&seed) % 2 == 0) {
			/* only what a flush changes */
			records[i].traffic = other.traffic;
			records[i].last_seen = other.last_seen;
			for (size_t a = 0; a < records[i].n_addresses; a++)
				records[i].addresses[a].bytes ^= 1;
			session_record_clean(&other);
		} else {
			session_record_clean(&records[i]);
			records[i] = other;
		}
	}
	write_and_compare(store, &lab, records);
	cr_assert_eq(
		store_lab_sql(lab.path, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
	cr_assert_eq(store_lab_sql(lab.path, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
	for (size_t i = 0; i < N_RECORDS; i++)
		session_record_clean(&records[i]);
	free(records);
	store_close(&store);
	store_lab_close(&lab);
}

/* Each field that an index holds, changed alone: the short way must not swallow it. */
Test(store, a_change_of_one_indexed_field_is_written)
{
	struct store_lab lab;
	struct store_batch batch = {0};

	store_lab_open(&lab);
	struct store *store = open_store(&lab);
	struct session_record record = {.seq = 1, .start.wall_ns = 5, .identity = {.yas_id = strdup("abc")}};
	const struct history_query all = {.kind = HISTORY_LIST, .limit = 9};

	for (int step = 0; step < 8; step++) {
		struct history_result result;

		record.mac.octets[5] = step >= 1;
		record.start.wall_ns = step >= 2 ? 6 : 5;
		record.identity.yas_id[0] = step >= 3 ? 'A' : 'a';
		if (step == 4)
			record.identity.guest_id = strdup("g");
		if (step == 5)
			record.location_id = strdup("l");
		if (step == 6)
			record.location_name = strdup("n");
		record.cause = step >= 7 ? END_CAUSE_USER_REQUEST : END_CAUSE_NONE;
		record.end.wall_ns = step >= 7 ? 9 : 0;
		store_lab_add_session(&batch, &record);
		cr_assert_eq(store_lab_write(store, &batch), 0);
		result = store_lab_ask(lab.path, &all);
		cr_assert_eq(result.n_rows, 1);
		cr_assert_null(store_lab_difference(&result.rows[0], &record), "step %d", step);
		history_result_clean(&result);
	}
	session_record_clean(&record);
	store_close(&store);
	store_lab_close(&lab);
}

Test(store, an_address_that_gave_way_goes_and_times_are_restamped)
{
	struct store_lab lab;
	struct store_batch batch = {0};
	uint64_t seed = 3;

	store_lab_open(&lab);
	struct store *store = open_store(&lab);
	struct session_record record = store_lab_record(&seed, 1);
	const struct history_query all = {.kind = HISTORY_LIST, .limit = 9};

	while (record.n_addresses < SESSION_ADDRESSES_MAX)
		cr_assert_eq(session_record_add_address(&record, &(struct session_address){0}), 0);
	for (size_t i = 0; i < SESSION_ADDRESSES_MAX; i++)
		record.addresses[i] = (struct session_address){
			.ip.octets = {0x20, [15] = (uint8_t)i},
			.since.wall_ns = (int64_t)i,
		};
	store_lab_add_session(&batch, &record);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	memmove(&record.addresses[0], &record.addresses[1], 15 * sizeof(record.addresses[0]));
	record.addresses[15] = (struct session_address){.ip.octets = {0x21}, .since.wall_ns = 99};
	for (size_t i = 0; i < SESSION_ADDRESSES_MAX; i++)
		record.addresses[i].since.wall_ns += 1000;
	store_lab_add_session(&batch, &record);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	struct history_result result = store_lab_ask(lab.path, &all);

	cr_assert_null(store_lab_difference(&result.rows[0], &record), "%s",
		       store_lab_difference(&result.rows[0], &record));
	cr_assert_eq(store_lab_sql(lab.path, "SELECT count(*) FROM addresses"), SESSION_ADDRESSES_MAX);
	history_result_clean(&result);
	session_record_clean(&record);
	store_close(&store);
	store_lab_close(&lab);
}

Test(store, loads_open_sessions_only)
{
	struct store_lab lab;
	struct store_batch batch = {0};
	struct session_record records[20];
	uint64_t seed = 11;
	size_t n_open = 0;

	store_lab_open(&lab);
	struct store *store = open_store(&lab);

	for (size_t i = 0; i < 20; i++) {
		records[i] = store_lab_record(&seed, i + 1);
		n_open += session_record_is_online(&records[i]);
		store_lab_add_session(&batch, &records[i]);
	}
	cr_assert(n_open > 0 && n_open < 20);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	store_close(&store);
	store = open_store(&lab);
	struct store_state state = load(store);

	cr_assert_eq(state.n_open_sessions, n_open);
	for (size_t i = 0; i < n_open; i++) {
		const struct session_record *open = &state.open_sessions[i];

		cr_assert(session_record_is_online(open));
		cr_assert_null(store_lab_difference(open, &records[open->seq - 1]));
	}
	store_state_clean(&state);
	for (size_t i = 0; i < 20; i++)
		session_record_clean(&records[i]);
	store_close(&store);
	store_lab_close(&lab);
}

static struct counter_reading reading_of(uint8_t last, uint64_t up_bytes)
{
	return (struct counter_reading){
		.slot = last,
		.sequence = UINT32_MAX - last,
		.key = {.mac.octets = {0xfe, 1, 2, 3, 4, last},
			.vlan = 0x8fff,
			.ifindex = UINT32_MAX,
			.ip.octets = {last}},
		.total = {up_bytes, 2, INT64_MAX, 4},
		.last_up_ns = 77,
		.last_down_ns = INT64_MAX,
	};
}

static const struct counter_reading *find_baseline(const struct store_state *state, const struct counter_key *key)
{
	for (size_t i = 0; i < state->n_baselines; i++)
		if (memcmp(&state->baselines[i].key, key, sizeof(*key)) == 0)
			return &state->baselines[i];
	return NULL;
}

Test(store, baselines_are_kept_within_their_epoch)
{
	struct store_lab lab;
	struct store_batch batch = {0};
	struct counter_reading readings[] = {reading_of(1, 10), reading_of(2, 20), reading_of(1, 11)};

	store_lab_open(&lab);
	struct store *store = open_store(&lab);

	cr_assert_eq(store_begin_epoch(store, BOOT_ID, EPOCH), 0);
	store_lab_add_baseline(&batch, &readings[0]);
	store_lab_add_baseline(&batch, &readings[1]);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	store_lab_add_baseline(&batch, &readings[2]);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	/* the same epoch again, as after a restart */
	cr_assert_eq(store_begin_epoch(store, BOOT_ID, EPOCH), 0);
	store_close(&store);
	store = open_store(&lab);
	struct store_state state = load(store);

	cr_assert_str_eq(state.boot_id, BOOT_ID);
	cr_assert_str_eq(state.epoch, EPOCH);
	cr_assert_eq(state.n_baselines, 2);
	for (int i = 1; i <= 2; i++) {
		const struct counter_reading *found = find_baseline(&state, &readings[i].key);

		cr_assert_not_null(found);
		cr_assert_eq(memcmp(&found->total, &readings[i].total, sizeof(found->total)), 0);
		cr_assert_eq(found->slot, readings[i].slot);
		cr_assert_eq(found->sequence, readings[i].sequence);
		cr_assert_eq(found->last_up_ns, readings[i].last_up_ns);
		cr_assert_eq(found->last_down_ns, readings[i].last_down_ns);
	}
	store_state_clean(&state);
	/* the last words of an epoch and the step to the next one are one */
	store_lab_add_balanced(&batch, 1, 1234);
	cr_assert_eq(store_write_and_begin_epoch(store, &batch, BOOT_ID, "next"), 0);
	store_batch_clean(&batch);
	state = load(store);
	cr_assert_str_eq(state.epoch, "next");
	cr_assert_eq(state.n_baselines, 0);
	cr_assert_eq(state.n_open_sessions, 1);
	cr_assert_eq(state.open_sessions[0].traffic.up_bytes, 1234);
	store_state_clean(&state);
	cr_assert_eq(store_begin_epoch(store, BOOT_ID, "another"), 0);
	state = load(store);
	cr_assert_str_eq(state.epoch, "another");
	cr_assert_eq(state.n_baselines, 0, "readings of other counters mean nothing");
	store_state_clean(&state);
	store_close(&store);
	store_lab_close(&lab);
}

Test(store, unclaimed_octets_are_kept_until_they_are_zero)
{
	const struct mac_addr macs[] = {{{2, 0, 0, 0, 0, 1}}, {{2, 0, 0, 0, 0, 2}}};
	struct store_lab lab;
	struct store_batch batch = {0};

	store_lab_open(&lab);
	struct store *store = open_store(&lab);

	store_lab_add_unclaimed(&batch, &macs[0], (struct traffic){.down_bytes = 5, .down_packets = 1});
	store_lab_add_unclaimed(&batch, &macs[1], (struct traffic){.down_bytes = 7});
	cr_assert_eq(store_lab_write(store, &batch), 0);
	store_lab_add_unclaimed(&batch, &macs[0], (struct traffic){.down_bytes = 6, .down_packets = 2});
	store_lab_add_unclaimed(&batch, &macs[1], (struct traffic){0});
	cr_assert_eq(store_lab_write(store, &batch), 0);
	struct store_state state = load(store);

	cr_assert_eq(state.n_unclaimed, 1);
	cr_assert_eq(mac_compare(&state.unclaimed[0].mac, &macs[0]), 0);
	cr_assert_eq(state.unclaimed[0].traffic.down_bytes, 6);
	cr_assert_eq(state.unclaimed[0].traffic.down_packets, 2);
	cr_assert_eq(state.unclaimed[0].version, 0);
	store_state_clean(&state);
	store_close(&store);
	store_lab_close(&lab);
}

Test(store, a_number_is_never_given_twice)
{
	struct store_lab lab;
	struct store_batch batch = {0};

	store_lab_open(&lab);
	struct store *store = open_store(&lab);

	store_lab_add_balanced(&batch, 41, 1);
	store_lab_add_balanced(&batch, 7, 1);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	store_lab_sql(lab.path, "DELETE FROM addresses");
	store_lab_sql(lab.path, "DELETE FROM sessions");
	store_lab_add_balanced(&batch, 8, 1);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	struct store_state state = load(store);

	cr_assert_eq(state.next_seq, 42, "even when the newest sessions were deleted");
	store_state_clean(&state);
	store_close(&store);
	store_lab_close(&lab);
}

static int64_t newest_wall_ns(struct store *store)
{
	struct store_state state = load(store);
	const int64_t newest_ns = state.newest_wall_ns;

	store_state_clean(&state);
	return newest_ns;
}

/* The clock of the machine may know less than the store at the next start. */
Test(store, the_newest_time_is_that_of_a_start_an_end_or_a_sign_of_life)
{
	struct session_record record = {.seq = 1, .mac.octets = {2, 0, 0, 0, 0, 1}};
	struct store_lab lab;
	struct store_batch batch = {0};

	store_lab_open(&lab);
	struct store *store = open_store(&lab);

	cr_assert_eq(newest_wall_ns(store), 0);
	record.start.wall_ns = record.last_seen.wall_ns = 500;
	store_lab_add_session(&batch, &record);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	cr_assert_eq(newest_wall_ns(store), 500);
	record.last_seen.wall_ns = 700;
	store_lab_add_session(&batch, &record);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	cr_assert_eq(newest_wall_ns(store), 700);
	record.end.wall_ns = 800;
	record.cause = END_CAUSE_IDLE_TIMEOUT;
	store_lab_add_session(&batch, &record);
	/* one that began later and is over */
	record.seq = 2;
	record.start.wall_ns = 600;
	record.end.wall_ns = 650;
	store_lab_add_session(&batch, &record);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	cr_assert_eq(newest_wall_ns(store), 800);
	store_close(&store);
	store_lab_close(&lab);
}

Test(store, an_empty_batch_is_fine)
{
	struct store_lab lab;
	struct store_batch batch = {0};

	store_lab_open(&lab);
	struct store *store = open_store(&lab);

	cr_assert_eq(store_lab_write(store, &batch), 0);
	store_close(&store);
	store_close(&store);
	store_lab_close(&lab);
}
