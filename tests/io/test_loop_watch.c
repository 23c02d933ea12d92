/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/http_lab.h"
#include "io/loop_watch.h"

static void on_timer(uv_timer_t *timer)
{
	const useconds_t *busy_us = timer->data;

	usleep(*busy_us);
}

static int pipe_ends[2];

static void on_readable(uv_poll_t *poll, int status, int events)
{
	char byte;

	(void)status;
	(void)events;
	cr_assert_eq(read(pipe_ends[0], &byte, 1), 1);
	usleep(40000);
	uv_close((uv_handle_t *)poll, NULL);
}

/* Runs a loop in which a timer's callback takes so long, n times; returns what was logged. */
static char *run_busy(useconds_t busy_us, uint64_t interval_ms, int n, int64_t *max_ns)
{
	uv_loop_t loop;
	uv_timer_t timer;
	struct loop_watch *watch = NULL;
	int capture = lab_capture_begin();

	cr_assert_eq(uv_loop_init(&loop), 0);
	cr_assert_eq(loop_watch_new(&loop, &watch), 0);
	uv_timer_init(&loop, &timer);
	timer.data = &busy_us;
	for (int i = 0; i < n; i++) {
		uv_timer_start(&timer, on_timer, interval_ms, 0);
		uv_run(&loop, UV_RUN_DEFAULT);
	}
	*max_ns = loop_watch_max_ns(watch);
	loop_watch_close(&watch);
	cr_assert_null(watch);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
	return lab_capture_end(capture);
}

Test(loop_watch, sleeping_in_the_wait_is_not_busy)
{
	int64_t max_ns = 0;
	CLEANUP_FREE char *log = run_busy(0, 400, 1, &max_ns);

	cr_assert_not_null(log);
	cr_assert_lt(max_ns, 300 * NS_PER_MS);
}

Test(loop_watch, slow_timer_is_measured_and_logged_once)
{
	int64_t max_ns = 0;
	CLEANUP_FREE char *log = run_busy(30000, 5, 3, &max_ns);

	cr_assert_geq(max_ns, 30 * NS_PER_MS);
	const char *first = strstr(log, "octetd: warning: the event loop was busy for ");
	cr_assert_not_null(first, "%s", log);
	cr_assert_null(strstr(first + 1, "octetd: warning:"), "%s", log);
}

Test(loop_watch, slow_event_inside_the_wait_is_measured)
{
	uv_loop_t loop;
	uv_poll_t poll;
	uv_timer_t after;
	useconds_t busy_us = 0;
	struct loop_watch *watch = NULL;

	cr_assert_eq(pipe(pipe_ends), 0);
	cr_assert_eq(uv_loop_init(&loop), 0);
	cr_assert_eq(loop_watch_new(&loop, &watch), 0);
	cr_assert_eq(uv_poll_init(&loop, &poll, pipe_ends[0]), 0);
	uv_poll_start(&poll, UV_READABLE, on_readable);
	uv_timer_init(&loop, &after);
	after.data = &busy_us;
	uv_timer_start(&after, on_timer, 100, 0); /* a turn's cost is known in the next */
	cr_assert_eq(write(pipe_ends[1], "x", 1), 1);
	int capture = lab_capture_begin();
	uv_run(&loop, UV_RUN_DEFAULT);
	CLEANUP_FREE char *log = lab_capture_end(capture);
	cr_assert_not_null(strstr(log, "the event loop was busy for "), "%s", log);
	cr_assert_geq(loop_watch_max_ns(watch), 40 * NS_PER_MS);
	uv_close((uv_handle_t *)&after, NULL);
	loop_watch_close(&watch);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}
