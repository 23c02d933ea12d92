/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <signal.h>
#include <unistd.h>

#include "io/signals.h"

struct seen {
	struct signals *signals;
	int numbers[8];
	size_t n;
};

static void on_signal(void *context, int number)
{
	struct seen *seen = context;

	seen->numbers[seen->n++] = number;
	if (seen->n == 3)
		signals_close(&seen->signals);
	else
		raise(seen->n == 1 ? SIGTERM : SIGHUP);
}

Test(signals, arrive_on_the_loop_one_by_one)
{
	uv_loop_t loop;
	struct seen seen = {0};

	cr_assert_eq(uv_loop_init(&loop), 0);
	cr_assert_eq(signals_new(&loop, on_signal, &seen, &seen.signals), 0);
	raise(SIGINT);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(seen.n, 3u);
	cr_assert_eq(seen.numbers[0], SIGINT);
	cr_assert_eq(seen.numbers[1], SIGTERM);
	cr_assert_eq(seen.numbers[2], SIGHUP);
	cr_assert_null(seen.signals);
	cr_assert_eq(uv_loop_close(&loop), 0);
}

Test(signals, writing_to_a_closed_pipe_is_an_error_and_no_end)
{
	uv_loop_t loop;
	struct seen seen = {0};
	int ends[2];

	cr_assert_eq(uv_loop_init(&loop), 0);
	cr_assert_eq(signals_new(&loop, on_signal, &seen, &seen.signals), 0);
	cr_assert_eq(pipe(ends), 0);
	close(ends[0]);
	cr_assert_eq(write(ends[1], "x", 1), -1);
	close(ends[1]);
	signals_close(&seen.signals);
	signals_close(&seen.signals); /* NULL by now */
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
}
