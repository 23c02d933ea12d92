/* SPDX-License-Identifier: MIT */
/* What leaves the store: history beyond its bounds, in small steps, and the person behind a session, to the octet. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "io/store_fixture.h"

#define ONLINE 0

static struct store *open_store(const struct store_lab *lab)
{
	struct store *store = NULL;

	cr_assert_eq(store_open(lab->path, &store), 0);
	return store;
}

/* Times in any unit; `end` may be ONLINE. */
static struct session_record record_of(uint64_t seq, int64_t start, int64_t end)
{
	return (struct session_record){
		.seq = seq,
		.mac.octets = {2, 0, 0, 0, (uint8_t)(seq >> 8), (uint8_t)seq},
		.start.wall_ns = start,
		.end.wall_ns = end,
		.cause = end == ONLINE ? END_CAUSE_NONE : END_CAUSE_IDLE_TIMEOUT,
		.traffic.up_bytes = seq,
	};
}

static void add_session(struct store_batch *batch, uint64_t seq, int64_t start, int64_t end, size_t n_addresses)
{
	struct session_record record = record_of(seq, start, end);

	for (size_t i = 0; i < n_addresses; i++) {
		const struct session_address address = {
			.ip.octets = {0x20, [13] = (uint8_t)(seq >> 8), (uint8_t)seq, (uint8_t)i},
			.since.wall_ns = start,
		};

		cr_assert_eq(session_record_add_address(&record, &address), 0);
	}
	store_lab_add_session(batch, &record);
	session_record_clean(&record);
}

/* Prunes to the end; returns the number of steps that said there was more. */
static int prune(struct store *store, const struct store_retention *retention)
{
	int n_steps = 0;
	int r;

	while ((r = store_prune(store, retention)) == 1)
		n_steps++;
	cr_assert_eq(r, 0, "%s", strerror(-r));
	return n_steps;
}

static int64_t count(const struct store_lab *lab, const char *what)
{
	char sql[200];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", what);
	return store_lab_sql(lab->path, sql);
}

static void assert_sound(const struct store_lab *lab)
{
	cr_assert_eq(count(lab, "pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
	cr_assert_eq(count(lab, "pragma_foreign_key_check"), 0);
	cr_assert_eq(store_lab_sql(lab->path, "SELECT coalesce(sum(n_sessions), 0) FROM places"),
		     count(lab, "sessions"));
}

Test(store_prune, by_age_keeps_who_is_on_line_and_who_ended_later)
{
	struct store_batch batch = {0};
	struct store_lab lab;

	store_lab_open(&lab);
	struct store *store = open_store(&lab);

	add_session(&batch, 1, 10, ONLINE, 2);
	add_session(&batch, 2, 10, 5000, 2); /* a long one */
	add_session(&batch, 3, 11, 99, 2);
	add_session(&batch, 4, 12, 100, 2);
	add_session(&batch, 5, 50, 50, 2);
	add_session(&batch, 6, 99, 99, 0);
	add_session(&batch, 7, 100, 101, 2);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	prune(store, &(struct store_retention){0});
	cr_assert_eq(count(&lab, "sessions"), 7, "without a bound all is kept");
	prune(store, &(struct store_retention){.ended_before_wall_ns = 100});
	cr_assert_eq(count(&lab, "sessions"), 4);
	cr_assert_eq(count(&lab, "sessions WHERE seq IN (1, 2, 4, 7)"), 4);
	cr_assert_eq(count(&lab, "addresses"), 8);
	assert_sound(&lab);
	/* what stood in the way is passed, and goes when its time comes */
	add_session(&batch, 1, 10, 200, 2);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	prune(store, &(struct store_retention){.ended_before_wall_ns = 300});
	cr_assert_eq(count(&lab, "sessions WHERE seq = 2"), 1);
	cr_assert_eq(count(&lab, "sessions"), 1);
	assert_sound(&lab);
	store_close(&store);
	store_lab_close(&lab);
}

Test(store_prune, by_rows_keeps_exactly_the_newest_and_who_is_on_line)
{
	struct store_batch batch = {0};
	struct store_lab lab;

	store_lab_open(&lab);
	struct store *store = open_store(&lab);

	/* numbers against time: it is the start that counts */
	for (uint64_t seq = 1; seq <= 200; seq++)
		add_session(&batch, seq, 1000 - (int64_t)seq, seq % 50 == 0 ? ONLINE : 2000, 1);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	prune(store, &(struct store_retention){.max_sessions = 200});
	cr_assert_eq(count(&lab, "sessions"), 200);
	prune(store, &(struct store_retention){.max_sessions = 120});
	cr_assert_eq(count(&lab, "sessions"), 120);
	cr_assert_eq(count(&lab, "sessions WHERE seq <= 118"), 118);
	cr_assert_eq(count(&lab, "sessions WHERE seq IN (150, 200)"), 2);
	prune(store, &(struct store_retention){.max_sessions = 2});
	cr_assert_eq(count(&lab, "sessions"), 4, "more are on line than may be kept");
	cr_assert_eq(count(&lab, "sessions WHERE end_wall_ns IS NULL"), 4);
	assert_sound(&lab);
	store_close(&store);
	store_lab_close(&lab);
}

Test(store_prune, a_step_is_small_whatever_the_sessions_hold)
{
	struct store_batch batch = {0};
	struct store_lab lab;

	store_lab_open(&lab);
	struct store *store = open_store(&lab);

	for (uint64_t seq = 1; seq <= 400; seq++)
		add_session(&batch, seq, (int64_t)seq, 500, seq <= 100 ? SESSION_ADDRESSES_MAX : 0);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	const struct store_retention retention = {.ended_before_wall_ns = 1000};
	int64_t n_sessions = 400;
	int64_t n_addresses = 100 * SESSION_ADDRESSES_MAX;

	while (n_sessions > 0) {
		int r = store_prune(store, &retention);
		int64_t n_sessions_now = count(&lab, "sessions");
		int64_t n_addresses_now = count(&lab, "addresses");

		cr_assert_eq(r, 1);
		cr_assert_lt(n_sessions_now, n_sessions, "each step gets somewhere");
		cr_assert_leq(n_sessions - n_sessions_now, 100);
		cr_assert_leq(n_addresses - n_addresses_now, 300);
		cr_assert_eq(count(&lab, "sessions AS s WHERE NOT EXISTS "
					 "(SELECT 1 FROM sessions AS o WHERE o.seq = s.seq + 1) AND s.seq < 400"),
			     0, "oldest first");
		n_sessions = n_sessions_now;
		n_addresses = n_addresses_now;
	}
	cr_assert_eq(n_addresses, 0);
	assert_sound(&lab);
	store_close(&store);
	store_lab_close(&lab);
}

/* A crowd on line since long ago at the head: passed in a few steps, and then no more. */
Test(store_prune, who_stays_at_the_head_is_passed_once)
{
	struct store_lab lab;

	store_lab_open(&lab);
	struct store *store = open_store(&lab);

	store_lab_sql(lab.path, "INSERT INTO places (place) VALUES (1)");
	store_lab_sql(lab.path,
		      "INSERT INTO sessions (seq, mac, place, start_wall_ns, start_mono_ns, seen_wall_ns, seen_mono_ns,"
		      " end_wall_ns, duration_ns, cause, up_bytes, up_packets, down_bytes, down_packets) "
		      "WITH RECURSIVE many (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM many LIMIT 20300) "
		      "SELECT n, n, 1, n, 0, 0, 0, iif(n <= 20000, NULL, n), 0, n > 20000, 0, 0, 0, 0 FROM many");
	const struct store_retention retention = {.ended_before_wall_ns = 100000};
	int n_steps = prune(store, &retention);

	/* five steps pass the crowd, and each of the others takes eighty-six */
	cr_assert_geq(n_steps, 5);
	cr_assert_leq(n_steps, 20);
	cr_assert_eq(count(&lab, "sessions"), 20000);
	assert_sound(&lab);
	store_close(&store);
	store_lab_close(&lab);
}

Test(store_prune, places_go_with_their_last_session)
{
	struct session_record record = record_of(1, 1, 2);
	struct store_batch batch = {0};
	struct store_lab lab;

	store_lab_open(&lab);
	struct store *store = open_store(&lab);

	for (uint64_t seq = 1; seq <= 4; seq++) {
		char name[2] = {(char)('a' + (seq - 1) / 2)}; /* a a b b */

		record = record_of(seq, (int64_t)seq, 10 * (int64_t)seq);
		record.location_id = name;
		store_lab_add_session(&batch, &record);
	}
	cr_assert_eq(store_lab_write(store, &batch), 0);
	prune(store, &(struct store_retention){.ended_before_wall_ns = 15});
	cr_assert_eq(count(&lab, "places"), 2);
	prune(store, &(struct store_retention){.ended_before_wall_ns = 25});
	cr_assert_eq(count(&lab, "places"), 1);
	cr_assert_eq(count(&lab, "places WHERE location_id = 'b'"), 1);
	assert_sound(&lab);
	/* the rules of the tables hold on afterwards, and the place comes back with a new session */
	record = record_of(9, 9, ONLINE);
	record.location_id = "a";
	store_lab_add_session(&batch, &record);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	cr_assert_eq(count(&lab, "places"), 2);
	assert_sound(&lab);
	store_close(&store);
	store_lab_close(&lab);
}

static int64_t file_size(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 ? status.st_size : 0;
}

/* Some megabytes of history that ended at 500. */
static void fill(struct store *store, uint64_t n_sessions)
{
	struct store_batch batch = {0};

	for (uint64_t seq = 1; seq <= n_sessions; seq++)
		add_session(&batch, seq, (int64_t)seq % 400, 500, SESSION_ADDRESSES_MAX);
	cr_assert_eq(store_lab_write(store, &batch), 0);
}

Test(store_prune, the_file_shrinks_and_keeps_some_room)
{
	const struct store_retention retention = {.ended_before_wall_ns = 1000};
	struct store_lab lab;

	store_lab_open(&lab);
	struct store *store = open_store(&lab);

	fill(store, 3000);
	prune(store, &(struct store_retention){.ended_before_wall_ns = 1});
	const int64_t n_bytes = file_size(lab.path);

	cr_assert_gt(n_bytes, 3 << 20);
	prune(store, &retention);
	cr_assert_eq(count(&lab, "sessions"), 0);
	cr_assert_leq(store_lab_sql(lab.path, "PRAGMA freelist_count"), 256);
	cr_assert_gt(store_lab_sql(lab.path, "PRAGMA freelist_count"), 64, "for the sessions to come");
	cr_assert_lt(file_size(lab.path), n_bytes / 2);
	assert_sound(&lab);
	store_close(&store);
	store_lab_close(&lab);
}

Test(store_prune, a_reader_sees_what_it_saw_and_pruning_goes_on)
{
	const struct store_retention retention = {.ended_before_wall_ns = 1000};
	struct store_lab lab;
	sqlite3 *reader = NULL;
	sqlite3_stmt *row = NULL;

	store_lab_open(&lab);
	struct store *store = open_store(&lab);

	fill(store, 200);
	cr_assert_eq(sqlite3_open(lab.path, &reader), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(reader, "BEGIN; SELECT 1 FROM store", NULL, NULL, NULL), SQLITE_OK);
	prune(store, &retention);
	cr_assert_eq(count(&lab, "sessions"), 0);
	cr_assert_eq(sqlite3_prepare_v2(reader, "SELECT count(*) FROM addresses", -1, &row, NULL), SQLITE_OK);
	cr_assert_eq(sqlite3_step(row), SQLITE_ROW);
	cr_assert_eq(sqlite3_column_int(row, 0), 200 * SESSION_ADDRESSES_MAX);
	sqlite3_finalize(row);
	cr_assert_eq(sqlite3_close(reader), SQLITE_OK);
	store_close(&store);
	store_lab_close(&lab);
}

/* As long as a reader keeps the log from being folded, pruning must not make it longer. */
Test(store_prune, waits_while_the_log_is_long)
{
	const struct store_retention retention = {.ended_before_wall_ns = 1000};
	struct store_lab lab;
	sqlite3 *reader = NULL;

	store_lab_open(&lab);
	struct store *store = open_store(&lab);

	fill(store, 10);
	cr_assert_eq(sqlite3_open(lab.path, &reader), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(reader, "BEGIN; SELECT 1 FROM store", NULL, NULL, NULL), SQLITE_OK);
	store_lab_sql(lab.path, "CREATE TABLE filler AS SELECT zeroblob(17 << 20)");
	cr_assert_eq(store_prune(store, &retention), -EBUSY);
	cr_assert_eq(count(&lab, "sessions"), 10);
	cr_assert_eq(sqlite3_close(reader), SQLITE_OK);
	prune(store, &retention);
	cr_assert_eq(count(&lab, "sessions"), 0);
	store_close(&store);
	store_lab_close(&lab);
}

/* ---- the person ---- */

static struct identity person_of(uint64_t seq)
{
	struct identity identity;

	for (int i = 0; i < IDENTITY_N_FIELDS; i++) {
		const enum identity_field field = (enum identity_field)i;

		cr_assert_gt(asprintf(identity_field(&identity, field), "<%llu:%s:%0*d>", (unsigned long long)seq,
				      identity_field_name(field), (int)(seq % 40), 0),
			     0);
	}
	return identity;
}

static void add_person(struct store_batch *batch, uint64_t seq, bool has_person, int64_t end)
{
	struct session_record record = record_of(seq, (int64_t)seq, end);

	if (has_person)
		record.identity = person_of(seq);
	store_lab_add_session(batch, &record);
	session_record_clean(&record);
}

struct octets {
	char *octets;
	size_t size;
};

static void append_file(struct octets *all, const char *path)
{
	CLEANUP_FCLOSE FILE *file = fopen(path, "rb");
	const size_t size = (size_t)file_size(path);

	if (!file)
		return;
	all->octets = realloc(all->octets, all->size + size + 1);
	cr_assert_eq(fread(all->octets + all->size, 1, size, file), size);
	all->size += size;
	all->octets[all->size] = '\0';
}

/* The octets of the database and of its log. */
static struct octets read_store(const struct store_lab *lab)
{
	struct octets all = {0};
	char path[120];

	snprintf(path, sizeof(path), "%s-wal", lab->path);
	append_file(&all, lab->path);
	append_file(&all, path);
	return all;
}

static bool is_in(const struct octets *all, const char *octets)
{
	return memmem(all->octets, all->size, octets, strlen(octets)) != NULL;
}

static bool is_in_store(const struct store_lab *lab, const char *octets)
{
	struct octets all = read_store(lab);
	bool is_there = is_in(&all, octets);

	free(all.octets);
	return is_there;
}

/* Of each of these people no field is left but the profile. */
static void assert_forgotten(const struct store_lab *lab, uint64_t first_seq, uint64_t last_seq, uint64_t step)
{
	struct octets all = read_store(lab);
	const char *end = all.octets + all.size;
	const char *field = all.octets;

	while ((field = memchr(field, '<', (size_t)(end - field)))) {
		uint64_t seq = strtoull(++field, (char **)&field, 10);
		bool is_forgotten = seq >= first_seq && seq <= last_seq && (seq - first_seq) % step == 0;

		cr_assert_not(is_forgotten && *field == ':' && strncmp(field, ":service_", 9) != 0, "<%llu%.20s",
			      (unsigned long long)seq, field);
	}
	free(all.octets);
}

Test(store_prune, a_forgotten_person_leaves_no_octet_and_the_counters_stay)
{
	struct store_batch batch = {0};
	struct store_lab lab;
	const struct history_query all = {.kind = HISTORY_LIST, .limit = 9};

	store_lab_open(&lab);
	struct store *store = open_store(&lab);

	add_person(&batch, 1, true, 9);
	add_person(&batch, 2, true, ONLINE);
	add_person(&batch, 3, true, 9);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	cr_assert(is_in_store(&lab, "<1:name:"), "or the search finds nothing at all");
	cr_assert_eq(store_forget_person(store, 1), 0);
	assert_forgotten(&lab, 1, 1, 1);
	struct history_result result = store_lab_ask(lab.path, &all);
	struct session_record record = record_of(1, 1, 9);
	struct identity person = person_of(1);

	record.identity.service_profile_name = person.service_profile_name;
	cr_assert_eq(result.n_rows, 3);
	cr_assert_null(store_lab_difference(&result.rows[0], &record), "%s",
		       store_lab_difference(&result.rows[0], &record));
	cr_assert_not_null(result.rows[2].identity.name);
	history_result_clean(&result);
	identity_clean(&person);
	cr_assert_eq(store_forget_person(store, 1), 0, "and again");
	cr_assert_eq(store_forget_person(store, 2), -ENOENT, "on line: that is the engine's");
	cr_assert_eq(store_forget_person(store, 4), -ENOENT);
	cr_assert(is_in_store(&lab, "<2:name:"));
	store_close(&store);
	store_lab_close(&lab);
}

/* Who reads meanwhile may go on; the log is emptied by the first write after it. */
Test(store_prune, a_reader_delays_forgetting_only)
{
	struct store_batch batch = {0};
	struct store_lab lab;
	sqlite3 *reader = NULL;

	store_lab_open(&lab);
	struct store *store = open_store(&lab);

	add_person(&batch, 1, true, 9);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	cr_assert_eq(sqlite3_open(lab.path, &reader), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(reader, "BEGIN; SELECT 1 FROM store", NULL, NULL, NULL), SQLITE_OK);
	cr_assert_eq(store_forget_person(store, 1), 0);
	cr_assert(is_in_store(&lab, "<1:name:"), "the reader still sees it");
	cr_assert_eq(sqlite3_close(reader), SQLITE_OK);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	assert_forgotten(&lab, 1, 1, 1);
	store_close(&store);
	store_lab_close(&lab);
}
