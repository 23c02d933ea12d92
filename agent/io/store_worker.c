/* SPDX-License-Identifier: MIT */
#include "io/store_worker.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "base/cleanup.h"

enum write_kind { WRITE_BATCH, WRITE_FORGET_PERSON, WRITE_PRUNE, WRITE_N_KINDS };

/* Whatever the store's writer does. */
struct write_job {
	enum write_kind kind;
	struct store_batch batch;
	uint64_t seq;
	struct store_retention retention;
	store_written written; /* of a batch */
	store_done done;       /* of the others */
	void *context;
	int result;
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

static void finish_write(struct store_worker *worker);

static void on_last_step(uv_handle_t *handle)
{
	struct store_worker *worker = handle->data;
	store_worker_closed closed = worker->closed;
	void *context = worker->closed_context;

	/* those whose turn did not come, or who asked too late */
	while (worker->writes) {
		worker->writes->result = -ECANCELED;
		finish_write(worker);
	}
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

static int run_batch(struct store *store, const struct write_job *job)
{
	return store_write(store, &job->batch);
}

static int run_forget_person(struct store *store, const struct write_job *job)
{
	return store_forget_person(store, job->seq);
}

static int run_prune(struct store *store, const struct write_job *job)
{
	return store_prune(store, &job->retention);
}

static void tell_batch(const struct write_job *job)
{
	job->written(job->context, &job->batch, job->result);
}

static void tell_result(const struct write_job *job)
{
	job->done(job->context, job->result);
}

static const struct {
	int (*run)(struct store *store, const struct write_job *job); /* in the pool */
	void (*tell)(const struct write_job *job);
	bool is_idle_work; /* that a worker which is closing leaves undone */
} write_kinds[] = {
	[WRITE_BATCH] = {run_batch, tell_batch, false},
	[WRITE_FORGET_PERSON] = {run_forget_person, tell_result, false},
	[WRITE_PRUNE] = {run_prune, tell_result, true},
};
_Static_assert(ARRAY_LENGTH(write_kinds) == WRITE_N_KINDS, "each kind of write is done and told");

/* In the pool. */
static void run_write(uv_work_t *work)
{
	struct store_worker *worker = work->data;
	struct write_job *job = worker->writes;

	job->result = write_kinds[job->kind].run(worker->store, job);
}

/* Tells of the first write and takes it from the queue. */
static void finish_write(struct store_worker *worker)
{
	struct write_job *job = worker->writes;

	write_kinds[job->kind].tell(job);
	/* only now, so that what the callback queued has not been started */
	DL_DELETE(worker->writes, job);
	store_batch_clean(&job->batch);
	free(job);
}

static void on_written(uv_work_t *work, int status);

static void start_write(struct store_worker *worker)
{
	int r = uv_queue_work(worker->last_step.loop, &worker->write_work, run_write, on_written);

	assert(r == 0); /* fails only without a callback */
	(void)r;
}

static void on_written(uv_work_t *work, int status)
{
	struct store_worker *worker = work->data;

	assert(status == 0); /* writes are never cancelled */
	(void)status;
	finish_write(worker);
	while (worker->is_closing && worker->writes && write_kinds[worker->writes->kind].is_idle_work) {
		worker->writes->result = -ECANCELED;
		finish_write(worker);
	}
	if (worker->writes)
		start_write(worker);
	close_when_idle(worker);
}

/* Takes the job over; 0 or -ENOMEM. */
static int append_write(struct store_worker *worker, const struct write_job *wanted)
{
	struct write_job *job = malloc(sizeof(*job));
	bool is_idle = !worker->writes;

	if (!job)
		return -ENOMEM;
	*job = *wanted;
	DL_APPEND(worker->writes, job);
	if (is_idle && !worker->is_last_step)
		start_write(worker);
	return 0;
}

int store_worker_write(struct store_worker *worker, struct store_batch *batch, store_written written, void *context)
{
	int r;

	assert(!worker->is_last_step);
	r = append_write(worker, &(struct write_job){
					 .kind = WRITE_BATCH,
					 .batch = *batch,
					 .written = written,
					 .context = context,
				 });
	if (r)
		store_batch_clean(batch);
	*batch = (struct store_batch){0};
	return r;
}

int store_worker_forget_person(struct store_worker *worker, uint64_t seq, store_done done, void *context)
{
	return append_write(worker, &(struct write_job){
					    .kind = WRITE_FORGET_PERSON,
					    .seq = seq,
					    .done = done,
					    .context = context,
				    });
}

int store_worker_prune(struct store_worker *worker, const struct store_retention *retention, store_done done,
		       void *context)
{
	return append_write(worker, &(struct write_job){
					    .kind = WRITE_PRUNE,
					    .retention = *retention,
					    .done = done,
					    .context = context,
				    });
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
