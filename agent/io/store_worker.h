/* SPDX-License-Identifier: MIT */
/*
 * Runs the store in libuv's thread pool, so that no fsync and no long read blocks the loop. One write at a
 * time, in order; one read at a time, in order, independent of the writes. Jobs own their data; callbacks run
 * on the loop.
 */
#ifndef IO_STORE_WORKER_H
#define IO_STORE_WORKER_H

#include <uv.h>

#include "io/store_sqlite.h"

struct store_worker;

/* The batch is lent to the callback; error is 0 or -errno. */
typedef void (*store_written)(void *context, const struct store_batch *batch, int error);
/* The result is the callback's to clean. A worker that is closing answers -ECANCELED. */
typedef void (*store_answered)(void *context, struct history_result *result);
typedef void (*store_worker_closed)(void *context);

/* Borrows loop, store and reader. 0 or -ENOMEM. */
int store_worker_new(uv_loop_t *loop, struct store *store, struct store_reader *reader, struct store_worker **out);

/* Takes the batch over (also on failure). 0 or -ENOMEM. */
int store_worker_write(struct store_worker *worker, struct store_batch *batch, store_written written, void *context);

/* query is borrowed until answered runs. 0 or -ENOMEM; then answered does not run. */
int store_worker_query(struct store_worker *worker, const struct history_query *query, store_answered answered,
		       void *context);

/* What store_forget_person or store_prune returned; -ECANCELED from a worker that is closing, see there. */
typedef void (*store_done)(void *context, int result);

/* In the order of the writes. 0 or -ENOMEM; then done does not run. */
int store_worker_forget_person(struct store_worker *worker, uint64_t seq, store_done done, void *context);
int store_worker_prune(struct store_worker *worker, const struct store_retention *retention, store_done done,
		       void *context);

/*
 * Finishes the queued writes, cancels the queued reads and pruning, frees the worker, then calls closed on the loop.
 * What is asked after the last write is cancelled too.
 */
void store_worker_close(struct store_worker *worker, store_worker_closed closed, void *context);

#endif
