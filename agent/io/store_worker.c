/* SPDX-License-Identifier: MIT */
#include "io/store_worker.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "base/cleanup.h"

struct write_job {
	struct store_batch batch;
	store_written written;
	void *context;
	int error;
	struct write_job *next;
	struct write_job *prev;
};

struct read_job {
	const struct history_query *query;
	struct history_result result;
	store_answered answered;
	void *context;
	struct read_job *next;
	struct read_job *prev;
};

/*
 * The head of each queue is the job in flight; a job is the pool's from uv_queue_work until its callback on
 * the loop. Closing ends in the close callback of `last_step`, a handle that is never started: it puts the end
 * into a turn of the loop of its own, whatever called store_worker_close.
 */
struct store_worker {
	struct store *store;
	struct store_reader *reader;
	uv_work_t write_work;
	uv_work_t read_work;
	struct write_job *writes;
	struct read_job *reads;
	uv_idle_t last_step;
	bool is_reading;
	bool is_closing;
	bool is_last_step;
	store_worker_closed closed;
	void *closed_context;
};

int store_worker_new(uv_loop_t *loop, struct store *store, struct store_reader *reader, struct store_worker **out)
{
	struct store_worker *worker = calloc(1, sizeof(*worker));
	int r;

	if (!worker)
		return -ENOMEM;
	worker->store = store;
	worker->reader = reader;
	worker->write_work.data = worker;
	worker->read_work.data = worker;
	worker->last_step.data = worker;
	r = uv_idle_init(loop, &worker->last_step);
	assert(r == 0); /* documented to always succeed */
	(void)r;
	*out = worker;
	return 0;
}

/* ---- the end ---- */

static void on_last_step(uv_handle_t *handle)
{
	struct store_worker *worker = handle->data;
	store_worker_closed closed = worker->closed;
	void *context = worker->closed_context;

	assert(!worker->writes);
	/* those whose turn did not come, or who asked too late */
	while (worker->reads) {
		struct read_job *job = worker->reads;

		DL_DELETE(worker->reads, job);
		job->result.error = -ECANCELED;
		job->answered(job->context, &job->result);
		free(job);
	}
	free(worker);
	closed(context);
}

static void close_when_idle(struct store_worker *worker)
{
	if (!worker->is_closing || worker->is_last_step || worker->writes || worker->is_reading)
		return;
	worker->is_last_step = true;
	uv_close((uv_handle_t *)&worker->last_step, on_last_step);
}

void store_worker_close(struct store_worker *worker, store_worker_closed closed, void *context)
{
	assert(!worker->is_closing);
	worker->is_closing = true;
	worker->closed = closed;
	worker->closed_context = context;
	if (worker->is_reading) {
		/* either it has not begun, or SQLite is told to give up */
		(void)uv_cancel((uv_req_t *)&worker->read_work);
		store_reader_interrupt(worker->reader);
	}
	close_when_idle(worker);
}

/* ---- writes ---- */

static void start_write(struct store_worker *worker);

/* In the pool. */
static void write_batch(uv_work_t *work)
{
	struct store_worker *worker = work->data;
	struct write_job *job = worker->writes;

	job->error = store_write(worker->store, &job->batch);
}

static void on_written(uv_work_t *work, int status)
{
	struct store_worker *worker = work->data;
	struct write_job *job = worker->writes;

	assert(status == 0); /* writes are never cancelled */
	(void)status;
	job->written(job->context, &job->batch, job->error);
	/* only now, so that what the callback queued has not been started */
	DL_DELETE(worker->writes, job);
	store_batch_clean(&job->batch);
	free(job);
	if (worker->writes)
		start_write(worker);
	close_when_idle(worker);
}

static void start_write(struct store_worker *worker)
{
	int r = uv_queue_work(worker->last_step.loop, &worker->write_work, write_batch, on_written);

	assert(r == 0); /* fails only without a callback */
	(void)r;
}

int store_worker_write(struct store_worker *worker, struct store_batch *batch, store_written written, void *context)
{
	struct write_job *job = malloc(sizeof(*job));
	bool is_idle = !worker->writes;

	assert(!worker->is_last_step);
	if (!job) {
		store_batch_clean(batch);
		return -ENOMEM;
	}
	*job = (struct write_job){.batch = *batch, .written = written, .context = context};
	*batch = (struct store_batch){0};
	DL_APPEND(worker->writes, job);
	if (is_idle)
		start_write(worker);
	return 0;
}

/* ---- reads ---- */

static void start_read(struct store_worker *worker);

/* In the pool. */
static void read_history(uv_work_t *work)
{
	struct store_worker *worker = work->data;

	store_reader_query(worker->reader, worker->reads->query, &worker->reads->result);
}

static void on_read(uv_work_t *work, int status)
{
	struct store_worker *worker = work->data;
	struct read_job *job = worker->reads;

	if (worker->is_closing && (status == UV_ECANCELED || job->result.error == -EINTR))
		job->result.error = -ECANCELED;
	job->answered(job->context, &job->result);
	/* only now, so that what the callback queued has not been started */
	DL_DELETE(worker->reads, job);
	free(job);
	worker->is_reading = false;
	if (worker->reads && !worker->is_closing)
		start_read(worker);
	close_when_idle(worker);
}

static void start_read(struct store_worker *worker)
{
	int r = uv_queue_work(worker->last_step.loop, &worker->read_work, read_history, on_read);

	assert(r == 0); /* fails only without a callback */
	(void)r;
	worker->is_reading = true;
}

int store_worker_query(struct store_worker *worker, const struct history_query *query, store_answered answered,
		       void *context)
{
	struct read_job *job = malloc(sizeof(*job));

	if (!job)
		return -ENOMEM;
	*job = (struct read_job){.query = query, .answered = answered, .context = context};
	DL_APPEND(worker->reads, job);
	if (!worker->is_reading && !worker->is_closing)
		start_read(worker);
	return 0;
}
