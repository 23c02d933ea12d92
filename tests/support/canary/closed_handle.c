/* SPDX-License-Identifier: MIT */
/*
 * Frees a libuv handle right after uv_close instead of in its close callback. libuv itself is not built with
 * AddressSanitizer, so only valgrind sees its access to the freed memory; it is why the io tests run under it.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <uv.h>

Test(canary, closed_handle)
{
	uv_loop_t loop;
	uv_timer_t *timer = malloc(sizeof(*timer));

	cr_assert(timer != NULL);
	cr_assert(uv_loop_init(&loop) == 0);
	cr_assert(uv_timer_init(&loop, timer) == 0);
	uv_close((uv_handle_t *)timer, NULL);
	free(timer);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
}
