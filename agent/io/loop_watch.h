/* SPDX-License-Identifier: MIT */
/*
 * Watches that nothing blocks the loop. A turn's callbacks run before, in and after the wait for events, so
 * what counts is the time from one turn to the next minus the time that libuv slept in the wait.
 */
#ifndef IO_LOOP_WATCH_H
#define IO_LOOP_WATCH_H

#include <stdint.h>
#include <uv.h>

#include "base/instant.h"

/* A turn that is busy for longer is logged. */
#define LOOP_WATCH_LIMIT_NS (10 * NS_PER_MS)

struct loop_watch;

/* Before the loop runs for the first time: it makes libuv measure its idle time. 0 or -errno, logged. */
int loop_watch_new(uv_loop_t *loop, struct loop_watch **out);

/* The longest busy turn so far. */
int64_t loop_watch_max_ns(const struct loop_watch *watch);

/* The memory goes in the close callback. */
void loop_watch_close(struct loop_watch **watch);

#endif
