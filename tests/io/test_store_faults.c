/* SPDX-License-Identifier: MIT */
/* What goes wrong around the store: the exact error, a line that helps, and nothing lost when it clears. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/store_fixture.h"

#define NOBODY 65534

/* ---- files ---- */

struct file {
	char *octets;
	size_t size;
};

static struct file read_file(const char *path)
{
	CLEANUP_FCLOSE FILE *stream = fopen(path, "rb");
	struct file file = {0};

	cr_assert_not_null(stream, "%s", path);
	cr_assert_eq(fseek(stream, 0, SEEK_END), 0);
	file.size = (size_t)ftell(stream);
	file.octets = malloc(file.size + 1);
	rewind(stream);
	cr_assert_eq(fread(file.octets, 1, file.size, stream), file.size);
	file.octets[file.size] = '\0';
	return file;
}

static void write_file(const char *path, const char *octets, size_t size)
{
	CLEANUP_FCLOSE FILE *stream = fopen(path, "wb");

	cr_assert_not_null(stream, "%s", path);
	cr_assert_eq(fwrite(octets, 1, size, stream), size);
}

/* Opens; returns the error and what was logged meanwhile. */
static int open_logged(const char *path, struct store **store, char log[1024])
{
	char name[] = "/tmp/octetd-log-XXXXXX";
	int file = mkstemp(name);
	int saved = dup(STDERR_FILENO);
	ssize_t size;
	int r;

	cr_assert(file >= 0 && saved >= 0);
	dup2(file, STDERR_FILENO);
	r = store_open(path, store);
	dup2(saved, STDERR_FILENO);
	size = pread(file, log, 1023, 0);
	cr_assert_geq(size, 0);
	log[size] = '\0';
	close(file);
	close(saved);
	unlink(name);
	return r;
}

/* One line that names the file and what to do. */
static void assert_refused(const char *path, int error, const char *words)
{
	struct store *store = NULL;
	char log[1024];
	int r = open_logged(path, &store, log);

	cr_assert_eq(r, error, "%s instead of %s: %s", strerror(-r), strerror(-error), log);
	cr_assert_null(store);
	cr_assert_not_null(strstr(log, path), "%s", log);
	cr_assert_not_null(strstr(log, words), "%s", log);
	cr_assert_eq(strchr(log, '\n'), log + strlen(log) - 1, "one line: %s", log);
}

/* Refused, and not an octet of it changed. */
static void assert_refused_untouched(const char *path, int error, const char *words)
{
	struct file before = read_file(path);
	struct file after;

	assert_refused(path, error, words);
	after = read_file(path);
	cr_assert_eq(before.size, after.size);
	cr_assert_arr_eq(before.octets, after.octets, before.size);
	free(before.octets);
	free(after.octets);
}

/* A closed store with sessions 1 to n of 10 octets each. */
static void make_store(const char *path, uint64_t n_sessions)
{
	struct store *store = NULL;
	struct store_batch batch = {0};

	cr_assert_eq(store_open(path, &store), 0);
	cr_assert_eq(store_begin_epoch(store, "boot", "epoch"), 0);
	for (uint64_t seq = 1; seq <= n_sessions; seq++)
		store_lab_add_balanced(&batch, seq, 10);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	store_close(&store);
}

/* ---- what is no store ---- */

Test(store_faults, a_file_that_is_no_database_is_refused_untouched)
{
	struct store_lab lab;
	char text[5000];

	store_lab_open(&lab);
	memset(text, 'x', sizeof(text));
	write_file(lab.path, text, sizeof(text));
	assert_refused_untouched(lab.path, -EBADMSG, "move it away");
	write_file(lab.path, text, 5);
	assert_refused_untouched(lab.path, -EBADMSG, "move it away");
	store_lab_close(&lab);
}

Test(store_faults, a_damaged_database_is_refused_untouched)
{
	struct store_lab lab;

	store_lab_open(&lab);
	make_store(lab.path, 200);
	struct file file = read_file(lab.path);

	cr_assert_gt(file.size, 10 * 4096);
	/* cut short */
	write_file(lab.path, file.octets, file.size / 8192 * 4096);
	assert_refused_untouched(lab.path, -EBADMSG, "damaged");
	/* the schema overwritten */
	memset(file.octets + 100, 0xa5, 4096 - 100);
	write_file(lab.path, file.octets, file.size);
	assert_refused_untouched(lab.path, -EBADMSG, "damaged");
	free(file.octets);
	store_lab_close(&lab);
}

/* Overwrites the head of each of the pages, which count from 1. */
static void damage_pages(const char *path, int64_t first, int64_t last)
{
	struct file file = read_file(path);
	uint64_t seed = 16;

	cr_assert_leq((size_t)last * 4096, file.size);
	for (int64_t page = first; page <= last; page++)
		for (size_t i = 0; i < 200; i++)
			file.octets[(size_t)(page - 1) * 4096 + i] = (char)store_lab_random(&seed);
	write_file(path, file.octets, file.size);
	free(file.octets);
}

/* Whichever page it is in, of tables, of indexes or of what SQLite knows about its pages. */
Test(store_faults, damage_behind_the_schema_is_refused_untouched)
{
	struct store_lab lab;

	store_lab_open(&lab);
	make_store(lab.path, 1000);
	struct file sound = read_file(lab.path);
	const int64_t n_pages = (int64_t)sound.size / 4096;

	cr_assert_gt(n_pages, 56);
	damage_pages(lab.path, 16, 56);
	assert_refused_untouched(lab.path, -EBADMSG, "damaged");
	for (int64_t page = 2; page <= n_pages; page++) {
		write_file(lab.path, sound.octets, sound.size);
		damage_pages(lab.path, page, page);
		assert_refused_untouched(lab.path, -EBADMSG, "damaged");
	}
	free(sound.octets);
	store_lab_close(&lab);
}

Test(store_faults, damage_in_a_large_store_is_found_when_loading)
{
	struct store_lab lab;
	struct store *store = NULL;
	struct store_state state;

	store_lab_open(&lab);
	make_store(lab.path, 200);
	int64_t root = store_lab_sql(lab.path, "SELECT rootpage FROM sqlite_schema WHERE name = 'baselines'");

	store_lab_sql(lab.path, "CREATE TABLE filler AS SELECT zeroblob(32 << 20)");
	damage_pages(lab.path, root, root);
	cr_assert_eq(store_open(lab.path, &store), 0);
	cr_assert_eq(store_load(store, &state), -EBADMSG);
	store_close(&store);
	store_lab_close(&lab);
}

Test(store_faults, a_store_without_its_own_row_is_damaged)
{
	struct store_lab lab;
	struct store *store = NULL;
	struct store_state state;

	store_lab_open(&lab);
	make_store(lab.path, 1);
	store_lab_sql(lab.path, "DELETE FROM store");
	cr_assert_eq(store_open(lab.path, &store), 0);
	cr_assert_eq(store_load(store, &state), -EBADMSG);
	store_close(&store);
	store_lab_close(&lab);
}

Test(store_faults, a_newer_schema_is_refused_untouched)
{
	struct store_lab lab;

	store_lab_open(&lab);
	make_store(lab.path, 3);
	store_lab_sql(lab.path, "PRAGMA user_version = 7");
	assert_refused_untouched(lab.path, -EPROTONOSUPPORT,
				 "written by a newer octetd (schema 7, this program knows 3): upgrade octetd or move");
	store_lab_close(&lab);
}

/* As a crash of the newer program leaves it: what it wrote last is in the log only, and must stay there. */
Test(store_faults, a_newer_schema_in_the_log_of_a_crash_is_refused_untouched)
{
	struct store_lab lab;
	sqlite3 *writer = NULL;
	char copy[120];
	char log_path[130];

	store_lab_open(&lab);
	make_store(lab.path, 3);
	cr_assert_eq(sqlite3_open(lab.path, &writer), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(writer, "PRAGMA user_version = 9", NULL, NULL, NULL), SQLITE_OK);
	snprintf(copy, sizeof(copy), "%s/copy.db", lab.directory);
	struct file file = read_file(lab.path);

	write_file(copy, file.octets, file.size);
	free(file.octets);
	snprintf(log_path, sizeof(log_path), "%s-wal", lab.path);
	file = read_file(log_path);
	cr_assert_gt(file.size, 0);
	snprintf(log_path, sizeof(log_path), "%s-wal", copy);
	write_file(log_path, file.octets, file.size);
	free(file.octets);
	assert_refused_untouched(copy, -EPROTONOSUPPORT, "(schema 9,");
	file = read_file(log_path);
	cr_assert_gt(file.size, 0, "the log is still there");
	free(file.octets);
	cr_assert_eq(sqlite3_close(writer), SQLITE_OK);
	store_lab_close(&lab);
}

Test(store_faults, the_database_of_another_program_is_refused_untouched)
{
	struct store_lab lab;

	store_lab_open(&lab);
	store_lab_sql(lab.path, "CREATE TABLE bookmarks (url TEXT)");
	assert_refused_untouched(lab.path, -EBADMSG, "another program");
	store_lab_sql(lab.path, "PRAGMA user_version = 1");
	assert_refused_untouched(lab.path, -EBADMSG, "another program");
	store_lab_close(&lab);
}

Test(store_faults, an_empty_file_becomes_a_store)
{
	struct store_lab lab;
	struct store *store = NULL;

	store_lab_open(&lab);
	write_file(lab.path, "", 0);
	cr_assert_eq(store_open(lab.path, &store), 0);
	store_close(&store);
	store_lab_close(&lab);
}

Test(store_faults, a_path_that_cannot_be_a_file_is_refused)
{
	struct store_lab lab;
	char path[160];

	store_lab_open(&lab);
	make_store(lab.path, 0);
	assert_refused(lab.directory, -EISDIR, "name a file in that directory");
	snprintf(path, sizeof(path), "%s/none/octetd.db", lab.directory);
	assert_refused(path, -ENOENT, "create its directory");
	snprintf(path, sizeof(path), "%s/octetd.db", lab.path);
	assert_refused(path, -ENOTDIR, "create its directory");
	store_lab_close(&lab);
}

/* ---- what may not be written ---- */

Test(store_faults, without_permission_it_is_refused)
{
	struct store_lab lab;
	char path[160];

	if (geteuid() != 0)
		cr_skip_test("needs root to become somebody else");
	store_lab_open(&lab);
	make_store(lab.path, 3);
	cr_assert_eq(chmod(lab.directory, 0755), 0);
	cr_assert_eq(chmod(lab.path, 0600), 0);
	snprintf(path, sizeof(path), "%s/new.db", lab.directory);
	cr_assert_eq(seteuid(NOBODY), 0);
	assert_refused(lab.path, -EACCES, "writable");
	assert_refused(path, -EACCES, "writable");
	cr_assert_eq(seteuid(0), 0);
	cr_assert_eq(chmod(lab.path, 0644), 0);
	cr_assert_eq(seteuid(NOBODY), 0);
	assert_refused(lab.path, -EACCES, "writable");
	cr_assert_eq(seteuid(0), 0);
	/* the file alone is not enough: the log stands beside it */
	cr_assert_eq(chmod(lab.path, 0666), 0);
	cr_assert_eq(seteuid(NOBODY), 0);
	assert_refused(lab.path, -EROFS, "writable");
	cr_assert_eq(seteuid(0), 0);
	store_lab_close(&lab);
}

Test(store_faults, a_read_only_file_system_is_refused)
{
	struct store_lab lab;
	char path[160];

	store_lab_open(&lab);
	store_lab_mount_small(&lab);
	make_store(lab.path, 3);
	cr_assert_eq(mount("none", lab.directory, "none", MS_REMOUNT | MS_RDONLY, NULL), 0);
	assert_refused(lab.path, -EROFS, "writable");
	snprintf(path, sizeof(path), "%s/new.db", lab.directory);
	assert_refused(path, -EROFS, "writable");
	store_lab_unmount_small(&lab);
	store_lab_close(&lab);
}

static int64_t sum_of(const struct store_lab *lab, const char *table)
{
	char sql[80];

	snprintf(sql, sizeof(sql), "SELECT coalesce(sum(up_bytes), 0) FROM %s", table);
	return store_lab_sql(lab->path, sql);
}

Test(store_faults, a_full_disk_loses_nothing)
{
	struct store_lab lab;
	struct store_batch batch = {0};
	struct store *store = NULL;
	char filler[160];
	char path[160];

	store_lab_open(&lab);
	store_lab_mount_small(&lab);
	make_store(lab.path, 3);
	cr_assert_eq(store_open(lab.path, &store), 0);
	store_lab_fill_disk(&lab, filler);
	for (uint64_t seq = 1; seq <= 400; seq++)
		store_lab_add_balanced(&batch, seq, 1000);
	for (int attempt = 0; attempt < 3; attempt++) {
		cr_assert_eq(store_write(store, &batch), -ENOSPC);
		cr_assert_eq(sum_of(&lab, "sessions"), 30, "all of the batch or nothing");
		cr_assert_eq(sum_of(&lab, "baselines"), 30);
	}
	cr_assert_eq(store_begin_epoch(store, "boot", "other"), -ENOSPC);
	snprintf(path, sizeof(path), "%s/new.db", lab.directory);
	assert_refused(path, -ENOSPC, "make room");
	cr_assert_eq(unlink(filler), 0);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	cr_assert_eq(sum_of(&lab, "sessions"), 400 * 1000);
	cr_assert_eq(sum_of(&lab, "baselines"), 400 * 1000);
	store_close(&store);
	store_lab_unmount_small(&lab);
	store_lab_close(&lab);
}

/* Ends all of the sessions. */
static void end_sessions(const struct store_lab *lab)
{
	store_lab_sql(lab->path, "UPDATE sessions SET end_wall_ns = start_wall_ns, cause = 4, name = 'somebody'");
}

static int64_t count_of(const struct store_lab *lab, const char *what)
{
	char sql[80];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", what);
	return store_lab_sql(lab->path, sql);
}

/* Deleting needs room too, in the log: it waits until there is some. */
Test(store_faults, a_full_disk_forgets_and_prunes_nothing_by_halves)
{
	const struct store_retention retention = {.max_sessions = 1};
	struct store_lab lab;
	struct store *store = NULL;
	char filler[160];
	int r = 1;

	store_lab_open(&lab);
	store_lab_mount_small(&lab);
	make_store(lab.path, 200);
	end_sessions(&lab);
	cr_assert_eq(store_open(lab.path, &store), 0);
	store_lab_fill_disk(&lab, filler);
	for (int attempt = 0; attempt < 2; attempt++) {
		cr_assert_eq(store_prune(store, &retention), -ENOSPC);
		cr_assert_eq(count_of(&lab, "sessions"), 200);
		cr_assert_eq(count_of(&lab, "addresses"), 200);
		cr_assert_eq(store_forget_person(store, 1), -ENOSPC);
		cr_assert_eq(count_of(&lab, "sessions WHERE name IS NULL"), 0);
	}
	cr_assert_eq(unlink(filler), 0);
	cr_assert_eq(store_forget_person(store, 1), 0);
	/* the disk is so small that the log may fill it: it is folded then, and the next step goes on */
	for (int step = 0; step < 100 && r != 0; step++) {
		r = store_prune(store, &retention);
		cr_assert(r == 0 || r == 1 || r == -ENOSPC, "%s", strerror(-r));
	}
	cr_assert_eq(r, 0);
	cr_assert_eq(count_of(&lab, "sessions"), 1);
	cr_assert_eq(count_of(&lab, "addresses"), 1);
	store_close(&store);
	store_lab_unmount_small(&lab);
	store_lab_close(&lab);
}

/* ---- what others hold ---- */

Test(store_faults, a_locked_database_loses_nothing)
{
	static const char *const locks[] = {"BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"};
	struct store_lab lab;
	struct store_batch batch = {0};
	struct store *store = NULL;
	sqlite3 *other = NULL;

	store_lab_open(&lab);
	make_store(lab.path, 3);
	cr_assert_eq(store_open(lab.path, &store), 0);
	cr_assert_eq(sqlite3_open(lab.path, &other), SQLITE_OK);
	for (size_t i = 0; i < ARRAY_LENGTH(locks); i++) {
		store_lab_add_balanced(&batch, 1, 1000 + i);
		cr_assert_eq(sqlite3_exec(other, locks[i], NULL, NULL, NULL), SQLITE_OK);
		cr_assert_eq(store_write(store, &batch), -EBUSY);
		cr_assert_eq(store_begin_epoch(store, "boot", "other"), -EBUSY);
		cr_assert_eq(store_forget_person(store, 1), -EBUSY);
		cr_assert_eq(store_prune(store, &(struct store_retention){.max_sessions = 1}), -EBUSY);
		cr_assert_eq(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
		cr_assert_eq(store_lab_write(store, &batch), 0);
		cr_assert_eq(sum_of(&lab, "sessions"), 1020 + (int64_t)i);
		cr_assert_eq(sum_of(&lab, "baselines"), 1020 + (int64_t)i);
	}
	store_close(&store);
	cr_assert_eq(sqlite3_close(other), SQLITE_OK);
	store_lab_close(&lab);
}

Test(store_faults, a_database_that_is_locked_at_the_start_is_refused)
{
	struct store_lab lab;
	sqlite3 *other = NULL;
	struct store *store = NULL;

	store_lab_open(&lab);
	make_store(lab.path, 3);
	cr_assert_eq(sqlite3_open(lab.path, &other), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(other, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE", NULL, NULL, NULL),
		     SQLITE_OK);
	assert_refused(lab.path, -EBUSY, "end that program");
	cr_assert_eq(sqlite3_close(other), SQLITE_OK);
	cr_assert_eq(store_open(lab.path, &store), 0);
	store_close(&store);
	store_lab_close(&lab);
}

Test(store_faults, a_reader_says_what_is_wrong)
{
	struct store_lab lab;
	struct store_reader *reader = NULL;

	store_lab_open(&lab);
	cr_assert_eq(store_reader_open(lab.path, &reader), -ENOENT);
	write_file(lab.path, "no database at all", 18);
	cr_assert_eq(store_reader_open(lab.path, &reader), -EBADMSG);
	cr_assert_null(reader);
	store_lab_close(&lab);
}

Test(store_faults, a_reader_reports_damage_found_by_a_query)
{
	const struct history_query all = {.kind = HISTORY_LIST, .limit = 1000};
	struct store_lab lab;

	store_lab_open(&lab);
	make_store(lab.path, 200);
	int64_t root = store_lab_sql(lab.path, "SELECT rootpage FROM sqlite_schema WHERE name = 'sessions'");
	struct file file = read_file(lab.path);

	memset(file.octets + (root - 1) * 4096, 0xa5, 4096);
	write_file(lab.path, file.octets, file.size);
	free(file.octets);
	struct history_result result = store_lab_ask(lab.path, &all);

	cr_assert_eq(result.error, -EBADMSG);
	cr_assert_null(result.rows);
	cr_assert_eq(result.n_rows, 0);
	store_lab_close(&lab);
}

/* ---- crashes ---- */

/* Adds octets to sessions and to their baselines alike until it is killed; tells of its first commit. */
static _Noreturn void write_for_ever(const char *path, uint64_t seed, int told)
{
	struct store *store = NULL;
	struct store_batch batch = {0};

	if (store_open(path, &store))
		_exit(1);
	for (uint64_t round = 1;; round++) {
		uint64_t n_sessions = 1 + store_lab_random(&seed) % 60;

		for (uint64_t i = 0; i < n_sessions; i++)
			store_lab_add_balanced(&batch, 1 + store_lab_random(&seed) % 500, round * 1000 + i);
		if (store_lab_write(store, &batch))
			_exit(2);
		if (round == 1 && write(told, "", 1) != 1)
			_exit(3);
	}
}

/* Starts a writer and kills it: some time after its first commit, or some time after its start. */
static void crash_writer(const char *path, uint64_t *seed, bool is_after_commit)
{
	CLEANUP_CLOSE int told = -1;
	int ends[2];
	int status;
	char octet;
	pid_t child;

	cr_assert_eq(pipe(ends), 0);
	told = ends[0];
	child = fork();
	cr_assert_geq(child, 0);
	if (child == 0)
		write_for_ever(path, store_lab_random(seed), ends[1]);
	close(ends[1]);
	if (is_after_commit)
		cr_assert_eq(read(told, &octet, 1), 1);
	usleep((useconds_t)(store_lab_random(seed) % 60000));
	cr_assert_eq(kill(child, SIGKILL), 0);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFSIGNALED(status), "the writer ended by itself with %d", WEXITSTATUS(status));
}

#define N_CRASHES 20

Test(store_faults, a_crash_at_any_moment_leaves_sessions_and_baselines_in_step, .timeout = 300)
{
	struct store_lab lab;
	uint64_t seed = 0xc4a54;

	store_lab_open(&lab);
	make_store(lab.path, 3);
	for (int crash = 0; crash < N_CRASHES; crash++) {
		struct store *store = NULL;

		crash_writer(lab.path, &seed, crash % 2);
		cr_assert_eq(store_open(lab.path, &store), 0);
		cr_assert_eq(sum_of(&lab, "sessions"), sum_of(&lab, "baselines"));
		cr_assert_eq(store_lab_sql(lab.path, "SELECT max(seq) < (SELECT next_seq FROM store) FROM sessions"),
			     1);
		cr_assert_eq(
			store_lab_sql(lab.path, "SELECT count(*) FROM pragma_quick_check WHERE quick_check = 'ok'"), 1);
		store_close(&store);
	}
	cr_assert_gt(store_lab_sql(lab.path, "SELECT count(*) FROM sessions"), 3,
		     "the writers must have got somewhere");
	store_lab_close(&lab);
}
