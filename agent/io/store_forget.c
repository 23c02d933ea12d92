/* SPDX-License-Identifier: MIT */
/*
 * What leaves the store: the person behind a session, and history that nobody wants to keep any more.
 *
 * Pruning is a walk over the index sessions_by_start, oldest first, some rows a step; then free pages go back, some a
 * step. What ended before t also began before t, and beyond max_sessions the oldest go, so both rules end the walk
 * early. Sessions that stay, on line or long, are passed once in a walk, not once in a step.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "io/store_private.h"
#include "io/store_sqlite.h"

/*
 * A step in index entries that go, of which each is on a page of its own, somewhere: those of a session by its MAC,
 * guest and yas_id, and of each of its addresses. Each page is written twice, to the log and to the database, so a
 * session costs 10 to 40 kB, and hardly less in larger steps: measured, they share few pages, but above some 400
 * entries the pages no longer fit the cache and a step takes longer than 50 ms. What they do save is fsyncs, one a
 * step. And in entries that the walk passes, a hundred to a page.
 */
#define STEP_GONE 256
#define SESSION_ENTRIES 3
#define STEP_ENTRIES 4096
/* Free pages that stay for the sessions to come, so that a store in balance does not move pages for nothing: 1 MiB. */
#define FREE_PAGES_KEPT 256
#define STEP_PAGES 64
/* While a reader keeps the log from being folded it grows with each step; pruning waits then, others do not. */
#define LOG_MAX_BYTES (16 * 1024 * 1024)

int store_forget_person(struct store *store, uint64_t seq)
{
	int r = store_begin(store);

	if (r)
		return r;
	store_bind_uint64(store->statements[STATEMENT_SESSION_FORGET], 1, seq);
	r = store_statement_run(store, STATEMENT_SESSION_FORGET);
	if (!r && sqlite3_changes(store->db) == 0)
		r = -ENOENT;
	/* what is gone from the pages is still in the log; so is a login that never had a session */
	store->is_log_stale = true;
	return store_finish(store, r);
}

/* ---- pruning ---- */

/* One step: what may go, and how far it has come. */
struct step {
	const struct store_retention *retention;
	int64_t n_excess; /* sessions beyond max_sessions */
	struct store_walk walk;
	size_t n_entries; /* looked at */
	size_t n_gone;    /* index entries that have gone with their rows */
	bool is_end;      /* of the walk: nothing further on can go */
};

static int count_excess(struct store *store, struct step *step)
{
	int64_t n_sessions = 0;
	int r = 0;

	if (step->retention->max_sessions == 0)
		return 0;
	r = store_fetch_int64(store->db, "SELECT coalesce(sum(n_sessions), 0) FROM places", &n_sessions);
	step->n_excess = n_sessions - store_uint64_to_int64(step->retention->max_sessions);
	return r;
}

/* Yields the session's number when it may go. */
static void look_at(struct step *step, sqlite3_stmt *entry, int64_t *victim)
{
	const struct store_walk here = {sqlite3_column_int64(entry, 0), sqlite3_column_int64(entry, 1)};
	const int64_t before = step->retention->ended_before_wall_ns;
	const bool is_online = sqlite3_column_type(entry, 2) == SQLITE_NULL;
	const bool is_excess = step->n_excess > 0;

	if (!is_excess && here.start_wall_ns >= before) {
		step->is_end = true;
		return;
	}
	step->walk = here;
	step->n_entries++;
	if (!is_online && (is_excess || sqlite3_column_int64(entry, 2) < before))
		*victim = here.seq;
}

/* Yields the next session that may go, 0 for none within this step. */
static int find_victim(struct store *store, struct step *step, int64_t *victim)
{
	sqlite3_stmt *entry = store->statements[STATEMENT_OLDEST];
	int r = 0;

	*victim = 0;
	sqlite3_bind_int64(entry, 1, step->walk.start_wall_ns);
	sqlite3_bind_int64(entry, 2, step->walk.seq);
	while (*victim == 0 && !step->is_end && step->n_entries < STEP_ENTRIES) {
		int code = sqlite3_step(entry);

		if (code == SQLITE_ROW) {
			look_at(step, entry, victim);
		} else {
			step->is_end = true;
			r = store_error(store->db, code);
		}
	}
	sqlite3_reset(entry);
	return r;
}

static int delete_session(struct store *store, struct step *step, int64_t seq)
{
	int r;

	sqlite3_bind_int64(store->statements[STATEMENT_ADDRESS_CLEAR], 1, seq);
	r = store_statement_run(store, STATEMENT_ADDRESS_CLEAR);
	if (r)
		return r;
	step->n_gone += (size_t)sqlite3_changes(store->db) + SESSION_ENTRIES;
	step->n_excess--;
	sqlite3_bind_int64(store->statements[STATEMENT_SESSION_DELETE], 1, seq);
	return store_statement_run(store, STATEMENT_SESSION_DELETE);
}

static int walk_on(struct store *store, struct step *step)
{
	int64_t victim = 0;
	int r = count_excess(store, step);

	while (!r && step->n_gone < STEP_GONE) {
		r = find_victim(store, step, &victim);
		if (r || victim == 0)
			break;
		r = delete_session(store, step, victim);
	}
	return r;
}

/* 1 when the walk goes on. */
static int prune_sessions(struct store *store, const struct store_retention *retention, size_t *n_gone)
{
	struct step step = {.retention = retention, .walk = store->walk};
	int r = store_begin(store);

	if (!r)
		r = store_finish(store, walk_on(store, &step));
	if (r)
		return r;
	store->walk = step.walk;
	*n_gone = step.n_gone;
	return !step.is_end;
}

/*
 * Places without sessions. SQLite would look for their sessions in all of the table, for it has no index of them, and
 * the triggers have counted: so without that check.
 */
static int prune_places(struct store *store)
{
	int64_t is_any = 0;
	int r = store_fetch_int64(store->db, "SELECT EXISTS (SELECT 1 FROM places WHERE n_sessions = 0)", &is_any);
	int r_on;

	if (r || !is_any)
		return r;
	r = store_exec(store->db, "PRAGMA foreign_keys = OFF");
	if (!r)
		r = store_exec(store->db, "DELETE FROM places WHERE n_sessions = 0");
	r_on = store_exec(store->db, "PRAGMA foreign_keys = ON");
	return r ? r : r_on;
}

/* 1 when there are more. */
static int release_pages(struct store *store)
{
	int64_t n_before = 0;
	int64_t n_after = 0;
	char sql[40];
	int r = store_fetch_int64(store->db, "PRAGMA freelist_count", &n_before);

	if (r || n_before <= FREE_PAGES_KEPT)
		return r;
	snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%d)", STEP_PAGES);
	r = store_exec(store->db, sql);
	if (!r)
		r = store_fetch_int64(store->db, "PRAGMA freelist_count", &n_after);
	/* a file that was not made by this program may be unable to shrink */
	return r ? r : n_after > FREE_PAGES_KEPT && n_after < n_before;
}

/* 0; -EBUSY when the log is long and a reader keeps it so; or -errno. */
static int check_log(struct store *store)
{
	CLEANUP_FREE char *path = NULL;
	struct stat status;

	if (asprintf(&path, "%s-wal", store->path) < 0)
		return -ENOMEM;
	/* no such file: this file system does without */
	return stat(path, &status) == 0 && status.st_size > LOG_MAX_BYTES ? store_log_empty(store) : 0;
}

int store_prune(struct store *store, const struct store_retention *retention)
{
	size_t n_gone = 0;
	int r = check_log(store);

	if (!r && !store->is_walk_done) {
		r = prune_sessions(store, retention, &n_gone);
		store->is_walk_done = r == 0;
		store->has_pruned |= n_gone > 0;
		if (r == 0 && n_gone > 0)
			r = 1; /* the pages are another step */
	}
	if (r)
		return r;
	r = prune_places(store);
	if (!r)
		r = release_pages(store);
	if (r)
		return r;
	/* only a log that is folded lets the file shrink; a reader that keeps it from that ends some time */
	if (store->has_pruned)
		(void)store_log_empty(store);
	store->has_pruned = false;
	store->is_walk_done = false;
	store->walk = (struct store_walk){.start_wall_ns = INT64_MIN};
	return 0;
}
