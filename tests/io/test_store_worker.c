/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "io/store_fixture.h"
#include "io/store_worker.h"

#define N_LOG 256

/* A worker on a loop of its own, and what its callbacks told, in order. */
struct worker_lab {
	struct store_lab store_lab;
	uv_loop_t loop;
	struct store *store;
	struct store_reader *reader;
	struct store_worker *worker;
	pthread_t thread;
	int n_written;
	int written_errors[N_LOG];
	uint64_t written_seqs[N_LOG]; /* of the first session of each batch */
	int n_answered;
	int answer_errors[N_LOG];
	uint64_t answer_counts[N_LOG];
	int n_done;
	int done_results[N_LOG];
	int done_after[N_LOG]; /* how many batches were written before */
	int n_closed;
	int n_more_writes; /* that the callback of a write queues */
	int n_more_reads;
};

static const struct history_query count_all = {.kind = HISTORY_COUNT};

static void worker_lab_open(struct worker_lab *lab)
{
	*lab = (struct worker_lab){.thread = pthread_self()};
	store_lab_open(&lab->store_lab);
	cr_assert_eq(uv_loop_init(&lab->loop), 0);
	cr_assert_eq(store_open(lab->store_lab.path, &lab->store), 0);
	cr_assert_eq(store_reader_open(lab->store_lab.path, &lab->reader), 0);
	cr_assert_eq(store_worker_new(&lab->loop, lab->store, lab->reader, &lab->worker), 0);
}

static void on_closed(void *context)
{
	struct worker_lab *lab = context;

	cr_assert(pthread_equal(pthread_self(), lab->thread));
	lab->n_closed++;
}

/* Closes the worker, turns the loop until nothing is left, and proves that nothing is. */
static void worker_lab_close(struct worker_lab *lab)
{
	store_worker_close(lab->worker, on_closed, lab);
	cr_assert_eq(lab->n_closed, 0, "never from within the call");
	cr_assert_eq(uv_run(&lab->loop, UV_RUN_DEFAULT), 0);
	cr_assert_eq(lab->n_closed, 1);
	int r = uv_loop_close(&lab->loop);

	assert(r == 0);
	(void)r;
	store_reader_close(&lab->reader);
	store_close(&lab->store);
	store_lab_close(&lab->store_lab);
}

static void queue_write(struct worker_lab *lab, uint64_t seq);
static void queue_read(struct worker_lab *lab);

static void on_written(void *context, const struct store_batch *batch, int error)
{
	struct worker_lab *lab = context;

	cr_assert(pthread_equal(pthread_self(), lab->thread));
	cr_assert_eq(batch->n_sessions, 1, "the batch is lent whole");
	cr_assert_eq(batch->n_baselines, 1);
	lab->written_seqs[lab->n_written] = batch->sessions[0].record.seq;
	lab->written_errors[lab->n_written++] = error;
	if (lab->n_more_writes > 0) {
		lab->n_more_writes--;
		queue_write(lab, 1000 + (uint64_t)lab->n_more_writes);
	}
}

static void queue_write(struct worker_lab *lab, uint64_t seq)
{
	struct store_batch batch = {0};

	store_lab_add_balanced(&batch, seq, 1);
	cr_assert_eq(store_worker_write(lab->worker, &batch, on_written, lab), 0);
	cr_assert_null(batch.sessions, "the batch is taken over");
	cr_assert_eq(batch.n_baselines, 0);
}

static void on_answered(void *context, struct history_result *result)
{
	struct worker_lab *lab = context;

	cr_assert(pthread_equal(pthread_self(), lab->thread));
	lab->answer_errors[lab->n_answered] = result->error;
	lab->answer_counts[lab->n_answered++] = result->count;
	history_result_clean(result);
	if (lab->n_more_reads > 0) {
		lab->n_more_reads--;
		queue_read(lab);
	}
}

static void queue_read(struct worker_lab *lab)
{
	cr_assert_eq(store_worker_query(lab->worker, &count_all, on_answered, lab), 0);
}

Test(store_worker, idle_from_birth_to_death)
{
	struct worker_lab lab;

	worker_lab_open(&lab);
	/* a worker without work does not keep the loop alive */
	cr_assert_eq(uv_run(&lab.loop, UV_RUN_DEFAULT), 0);
	worker_lab_close(&lab);
}

Test(store_worker, writes_in_order_also_those_queued_by_a_callback)
{
	struct worker_lab lab;

	worker_lab_open(&lab);
	lab.n_more_writes = 3;
	for (uint64_t seq = 1; seq <= 20; seq++)
		queue_write(&lab, seq);
	cr_assert_eq(lab.n_written, 0, "never from within the call");
	cr_assert_eq(uv_run(&lab.loop, UV_RUN_DEFAULT), 0);
	cr_assert_eq(lab.n_written, 23);
	for (int i = 0; i < 23; i++) {
		cr_assert_eq(lab.written_errors[i], 0);
		cr_assert_eq(lab.written_seqs[i], i < 20 ? (uint64_t)i + 1 : 1002 - ((uint64_t)i - 20));
	}
	/* and again after a rest */
	queue_write(&lab, 21);
	cr_assert_eq(uv_run(&lab.loop, UV_RUN_DEFAULT), 0);
	cr_assert_eq(lab.n_written, 24);
	worker_lab_close(&lab);
}

Test(store_worker, a_read_queued_after_a_commit_sees_it)
{
	struct worker_lab lab;

	worker_lab_open(&lab);
	for (uint64_t seq = 1; seq <= 5; seq++) {
		queue_write(&lab, seq);
		cr_assert_eq(uv_run(&lab.loop, UV_RUN_DEFAULT), 0);
		queue_read(&lab);
		cr_assert_eq(uv_run(&lab.loop, UV_RUN_DEFAULT), 0);
		cr_assert_eq(lab.answer_counts[seq - 1], seq);
	}
	worker_lab_close(&lab);
}

Test(store_worker, reads_and_writes_go_on_side_by_side)
{
	struct worker_lab lab;

	worker_lab_open(&lab);
	lab.n_more_reads = 5;
	for (uint64_t i = 1; i <= 40; i++) {
		queue_write(&lab, i);
		queue_read(&lab);
	}
	cr_assert_eq(uv_run(&lab.loop, UV_RUN_DEFAULT), 0);
	cr_assert_eq(lab.n_written, 40);
	cr_assert_eq(lab.n_answered, 45);
	for (int i = 0; i < 45; i++) {
		cr_assert_eq(lab.answer_errors[i], 0);
		cr_assert(i == 0 || lab.answer_counts[i] >= lab.answer_counts[i - 1], "time does not go back");
	}
	worker_lab_close(&lab);
}

Test(store_worker, a_failed_write_is_told_and_the_next_one_stores)
{
	struct worker_lab lab;
	sqlite3 *other = NULL;

	worker_lab_open(&lab);
	cr_assert_eq(sqlite3_open(lab.store_lab.path, &other), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	queue_write(&lab, 1);
	cr_assert_eq(uv_run(&lab.loop, UV_RUN_DEFAULT), 0);
	cr_assert_eq(lab.written_errors[0], -EBUSY);
	/* a reader is not in its way */
	queue_read(&lab);
	cr_assert_eq(uv_run(&lab.loop, UV_RUN_DEFAULT), 0);
	cr_assert_eq(lab.answer_errors[0], 0);
	cr_assert_eq(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	cr_assert_eq(sqlite3_close(other), SQLITE_OK);
	queue_write(&lab, 1);
	cr_assert_eq(uv_run(&lab.loop, UV_RUN_DEFAULT), 0);
	cr_assert_eq(lab.written_errors[1], 0);
	cr_assert_eq(store_lab_sql(lab.store_lab.path, "SELECT count(*) FROM sessions"), 1);
	worker_lab_close(&lab);
}

static void on_done(void *context, int result)
{
	struct worker_lab *lab = context;

	cr_assert(pthread_equal(pthread_self(), lab->thread));
	lab->done_after[lab->n_done] = lab->n_written;
	lab->done_results[lab->n_done++] = result;
}

/* An ended session of somebody's. */
static void queue_ended(struct worker_lab *lab, uint64_t seq)
{
	struct store_batch batch = {0};

	store_lab_add_balanced(&batch, seq, 1);
	batch.sessions[0].record.cause = END_CAUSE_USER_REQUEST;
	batch.sessions[0].record.end.wall_ns = batch.sessions[0].record.start.wall_ns;
	batch.sessions[0].record.identity.name = strdup("somebody");
	cr_assert_eq(store_worker_write(lab->worker, &batch, on_written, lab), 0);
}

Test(store_worker, forgets_and_prunes_in_the_order_of_the_writes)
{
	const struct store_retention retention = {.max_sessions = 2};
	struct worker_lab lab;

	worker_lab_open(&lab);
	queue_ended(&lab, 1);
	cr_assert_eq(store_worker_forget_person(lab.worker, 3, on_done, &lab), 0);
	queue_ended(&lab, 2);
	queue_ended(&lab, 3);
	cr_assert_eq(store_worker_forget_person(lab.worker, 3, on_done, &lab), 0);
	cr_assert_eq(store_worker_prune(lab.worker, &retention, on_done, &lab), 0);
	queue_ended(&lab, 4);
	cr_assert_eq(lab.n_done, 0, "never from within the call");
	cr_assert_eq(uv_run(&lab.loop, UV_RUN_DEFAULT), 0);
	cr_assert_eq(lab.n_done, 3);
	cr_assert_eq(lab.n_written, 4);
	cr_assert_eq(lab.done_after[0], 1);
	cr_assert_eq(lab.done_results[0], -ENOENT, "it was not there yet");
	cr_assert_eq(lab.done_after[1], 3);
	cr_assert_eq(lab.done_results[1], 0);
	cr_assert_eq(lab.done_after[2], 3);
	cr_assert_eq(lab.done_results[2], 1, "the pages are another step");
	cr_assert_eq(store_lab_sql(lab.store_lab.path, "SELECT count(*) FROM sessions"), 3);
	cr_assert_eq(store_lab_sql(lab.store_lab.path, "SELECT count(*) FROM sessions WHERE name IS NULL"), 1);
	worker_lab_close(&lab);
}

Test(store_worker, closing_forgets_all_the_same_and_drops_the_pruning)
{
	const struct store_retention retention = {.max_sessions = 1};
	struct worker_lab lab;

	worker_lab_open(&lab);
	queue_ended(&lab, 1);
	cr_assert_eq(store_worker_prune(lab.worker, &retention, on_done, &lab), 0);
	queue_ended(&lab, 2);
	cr_assert_eq(store_worker_prune(lab.worker, &retention, on_done, &lab), 0);
	cr_assert_eq(store_worker_prune(lab.worker, &retention, on_done, &lab), 0);
	cr_assert_eq(store_worker_forget_person(lab.worker, 1, on_done, &lab), 0);
	cr_assert_eq(store_worker_prune(lab.worker, &retention, on_done, &lab), 0);
	store_worker_close(lab.worker, on_closed, &lab);
	cr_assert_eq(lab.n_done, 0, "never from within the call");
	cr_assert_eq(uv_run(&lab.loop, UV_RUN_DEFAULT), 0);
	cr_assert_eq(lab.n_closed, 1);
	cr_assert_eq(lab.n_written, 2);
	cr_assert_eq(lab.n_done, 5);
	for (int i = 0; i < 5; i++)
		cr_assert_eq(lab.done_results[i], i == 3 ? 0 : -ECANCELED);
	cr_assert_eq(uv_loop_close(&lab.loop), 0);
	store_reader_close(&lab.reader);
	store_close(&lab.store);
	cr_assert_eq(store_lab_sql(lab.store_lab.path, "SELECT count(*) FROM sessions"), 2);
	cr_assert_eq(store_lab_sql(lab.store_lab.path, "SELECT count(*) FROM sessions WHERE name IS NULL"), 1);
	store_lab_close(&lab.store_lab);
}

/* Between the last write and the end, as a client that still asks does. */
Test(store_worker, what_is_asked_after_the_last_write_is_cancelled)
{
	const struct store_retention retention = {.max_sessions = 1};
	struct worker_lab lab;

	worker_lab_open(&lab);
	store_worker_close(lab.worker, on_closed, &lab);
	cr_assert_eq(store_worker_forget_person(lab.worker, 1, on_done, &lab), 0);
	cr_assert_eq(store_worker_prune(lab.worker, &retention, on_done, &lab), 0);
	cr_assert_eq(uv_run(&lab.loop, UV_RUN_DEFAULT), 0);
	cr_assert_eq(lab.n_closed, 1);
	cr_assert_eq(lab.n_done, 2);
	cr_assert_eq(lab.done_results[0], -ECANCELED);
	cr_assert_eq(lab.done_results[1], -ECANCELED);
	cr_assert_eq(uv_loop_close(&lab.loop), 0);
	store_reader_close(&lab.reader);
	store_close(&lab.store);
	store_lab_close(&lab.store_lab);
}

Test(store_worker, closing_finishes_the_writes_and_cancels_the_reads)
{
	struct worker_lab lab;

	worker_lab_open(&lab);
	lab.n_more_writes = 2;
	for (uint64_t i = 1; i <= 10; i++) {
		queue_write(&lab, i);
		queue_read(&lab);
	}
	store_worker_close(lab.worker, on_closed, &lab);
	/* too late, and answered all the same */
	queue_read(&lab);
	cr_assert_eq(uv_run(&lab.loop, UV_RUN_DEFAULT), 0);
	cr_assert_eq(lab.n_closed, 1);
	cr_assert_eq(lab.n_written, 12);
	for (int i = 0; i < 12; i++)
		cr_assert_eq(lab.written_errors[i], 0);
	cr_assert_eq(lab.n_answered, 11);
	/* the first may have been done already; no other had its turn */
	cr_assert(lab.answer_errors[0] == 0 || lab.answer_errors[0] == -ECANCELED);
	for (int i = 1; i < 11; i++)
		cr_assert_eq(lab.answer_errors[i], -ECANCELED);
	cr_assert_eq(uv_loop_close(&lab.loop), 0);
	store_reader_close(&lab.reader);
	store_close(&lab.store);
	cr_assert_eq(store_lab_sql(lab.store_lab.path, "SELECT count(*) FROM sessions"), 12);
	store_lab_close(&lab.store_lab);
}

Test(store_worker, a_query_of_a_closing_worker_is_cancelled)
{
	struct worker_lab lab;

	worker_lab_open(&lab);
	store_worker_close(lab.worker, on_closed, &lab);
	lab.n_more_reads = 1;
	queue_read(&lab);
	cr_assert_eq(lab.n_answered, 0, "never from within the call");
	cr_assert_eq(uv_run(&lab.loop, UV_RUN_DEFAULT), 0);
	cr_assert_eq(lab.n_answered, 2, "and so is one that its callback asks");
	cr_assert_eq(lab.answer_errors[0], -ECANCELED);
	cr_assert_eq(lab.answer_errors[1], -ECANCELED);
	cr_assert_eq(lab.n_closed, 1);
	cr_assert_eq(uv_loop_close(&lab.loop), 0);
	store_reader_close(&lab.reader);
	store_close(&lab.store);
	store_lab_close(&lab.store_lab);
}

/* ---- a long read ---- */

static void block_pool(uv_work_t *work)
{
	(void)work;
	uv_sleep(200);
}

static void on_unblocked(uv_work_t *work, int status)
{
	(void)work;
	cr_assert_eq(status, 0);
}

/* libuv's pool is busy with other things: the read has not begun when the end comes. */
Test(store_worker, closing_cancels_a_read_that_waits_for_the_pool)
{
	struct worker_lab lab;
	uv_work_t blockers[4]; /* as many as the pool has threads by default */

	worker_lab_open(&lab);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(uv_queue_work(&lab.loop, &blockers[i], block_pool, on_unblocked), 0);
	queue_read(&lab);
	store_worker_close(lab.worker, on_closed, &lab);
	cr_assert_eq(uv_run(&lab.loop, UV_RUN_DEFAULT), 0);
	cr_assert_eq(lab.n_answered, 1);
	cr_assert_eq(lab.answer_errors[0], -ECANCELED);
	cr_assert_eq(lab.n_closed, 1);
	cr_assert_eq(uv_loop_close(&lab.loop), 0);
	store_reader_close(&lab.reader);
	store_close(&lab.store);
	store_lab_close(&lab.store_lab);
}

static void on_list(void *context, struct history_result *result)
{
	struct worker_lab *lab = context;

	lab->answer_errors[lab->n_answered++] = result->error;
	history_result_clean(result);
}

static void on_timer(uv_timer_t *timer)
{
	struct worker_lab *lab = timer->data;

	store_worker_close(lab->worker, on_closed, lab);
	uv_close((uv_handle_t *)timer, NULL);
}

/* A list of all sessions takes many times the wait before the close: it is given up, not finished. */
Test(store_worker, closing_interrupts_a_read_that_runs, .timeout = 120)
{
	const struct history_query all = {.kind = HISTORY_LIST, .limit = 30000};
	struct worker_lab lab;
	uv_timer_t timer = {.data = &lab};

	worker_lab_open(&lab);
	store_lab_sql(lab.store_lab.path, "INSERT INTO places (place) VALUES (1)");
	store_lab_sql(lab.store_lab.path,
		      "INSERT INTO sessions (seq, mac, place, start_wall_ns, start_mono_ns, seen_wall_ns, seen_mono_ns,"
		      " duration_ns, cause, up_bytes, up_packets, down_bytes, down_packets) "
		      "WITH RECURSIVE many (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM many LIMIT 30000) "
		      "SELECT n, n, 1, n, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM many");
	cr_assert_eq(uv_timer_init(&lab.loop, &timer), 0);
	cr_assert_eq(uv_timer_start(&timer, on_timer, 5, 0), 0);
	cr_assert_eq(store_worker_query(lab.worker, &all, on_list, &lab), 0);
	cr_assert_eq(uv_run(&lab.loop, UV_RUN_DEFAULT), 0);
	cr_assert_eq(lab.n_answered, 1);
	cr_assert_eq(lab.answer_errors[0], -ECANCELED);
	cr_assert_eq(lab.n_closed, 1);
	cr_assert_eq(uv_loop_close(&lab.loop), 0);
	store_reader_close(&lab.reader);
	store_close(&lab.store);
	store_lab_close(&lab.store_lab);
}
