/* SPDX-License-Identifier: MIT */
#include "core/rate_limit.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "base/cleanup.h"

#define WALL_S INT64_C(1483599055)

static struct instant at(int64_t ms)
{
	return (struct instant){.mono_ns = ms * NS_PER_MS, .wall_ns = WALL_S * NS_PER_S + ms * NS_PER_MS};
}

static struct rate_limiter *make(uint32_t limit, size_t max_windows)
{
	struct rate_limiter *limiter = NULL;

	cr_assert_eq(rate_limiter_new(limit, max_windows, &limiter), 0);
	return limiter;
}

Test(rate_limit, window_is_fixed_from_the_first_hit)
{
	CLEANUP(rate_limiter_free) struct rate_limiter *limiter = make(3, 10);
	struct rate_verdict verdict;

	for (uint32_t i = 0; i < 3; i++) {
		verdict = rate_limiter_hit(limiter, at(1000 + 15000 * i), "token:a", "sessions");
		cr_assert(verdict.is_allowed);
		cr_assert_eq(verdict.limit, 3);
		cr_assert_eq(verdict.remaining, 2 - i);
		cr_assert_eq(verdict.retry_after_s, 0);
		cr_assert_eq(verdict.reset_wall_s, WALL_S + 61);
	}
	verdict = rate_limiter_hit(limiter, at(60999), "token:a", "sessions");
	cr_assert(!verdict.is_allowed);
	cr_assert_eq(verdict.remaining, 0);
	cr_assert_eq(verdict.retry_after_s, 1, "rounded up, never 0");
	cr_assert_eq(verdict.reset_wall_s, WALL_S + 61);
	verdict = rate_limiter_hit(limiter, at(31000), "token:a", "sessions");
	cr_assert_eq(verdict.retry_after_s, 30);
	verdict = rate_limiter_hit(limiter, at(61000), "token:a", "sessions");
	cr_assert(verdict.is_allowed, "refused hits do not lengthen the window");
	cr_assert_eq(verdict.remaining, 2);
	cr_assert_eq(verdict.reset_wall_s, WALL_S + 121);
}

Test(rate_limit, callers_and_endpoints_are_apart)
{
	CLEANUP(rate_limiter_free) struct rate_limiter *limiter = make(1, 10);

	cr_assert(rate_limiter_hit(limiter, at(0), "token:a", "sessions").is_allowed);
	cr_assert(rate_limiter_hit(limiter, at(0), "token:b", "sessions").is_allowed);
	cr_assert(rate_limiter_hit(limiter, at(0), "addr:a", "sessions").is_allowed);
	cr_assert(rate_limiter_hit(limiter, at(0), "token:a", "sessions/count").is_allowed);
	cr_assert(!rate_limiter_hit(limiter, at(0), "token:a", "sessions").is_allowed);
	cr_assert(!rate_limiter_hit(limiter, at(0), "addr:a", "sessions").is_allowed);
}

Test(rate_limit, when_full_the_window_that_began_first_gives_way)
{
	CLEANUP(rate_limiter_free) struct rate_limiter *limiter = make(1, 3);

	rate_limiter_hit(limiter, at(0), "a", "x");
	rate_limiter_hit(limiter, at(1), "b", "x");
	rate_limiter_hit(limiter, at(2), "c", "x");
	rate_limiter_hit(limiter, at(3), "a", "x");
	rate_limiter_hit(limiter, at(4), "d", "x");
	/* a hit that is refused opens no window */
	cr_assert(!rate_limiter_hit(limiter, at(5), "b", "x").is_allowed);
	cr_assert(!rate_limiter_hit(limiter, at(5), "c", "x").is_allowed);
	cr_assert(!rate_limiter_hit(limiter, at(5), "d", "x").is_allowed);
	cr_assert(rate_limiter_hit(limiter, at(5), "a", "x").is_allowed, "a began first, its late hit changes nothing");
}

Test(rate_limit, expired_windows_give_way_first)
{
	CLEANUP(rate_limiter_free) struct rate_limiter *limiter = make(1, 3);

	rate_limiter_hit(limiter, at(0), "a", "x");
	rate_limiter_hit(limiter, at(40000), "b", "x");
	rate_limiter_hit(limiter, at(50000), "c", "x");
	/* a's has expired and begins anew: now b's is the oldest */
	cr_assert(rate_limiter_hit(limiter, at(61000), "a", "x").is_allowed);
	rate_limiter_hit(limiter, at(62000), "d", "x");
	cr_assert(!rate_limiter_hit(limiter, at(63000), "c", "x").is_allowed);
	cr_assert(!rate_limiter_hit(limiter, at(63000), "a", "x").is_allowed);
	cr_assert(!rate_limiter_hit(limiter, at(63000), "d", "x").is_allowed);
	cr_assert(rate_limiter_hit(limiter, at(63000), "b", "x").is_allowed);
}

Test(rate_limit, stays_bounded_under_a_flood_of_callers)
{
	CLEANUP(rate_limiter_free) struct rate_limiter *limiter = make(1, 100);
	char caller[32];

	for (int i = 0; i < 20000; i++) {
		snprintf(caller, sizeof(caller), "addr:%d", i);
		cr_assert(rate_limiter_hit(limiter, at(i / 100), caller, "x").is_allowed);
	}
	cr_assert(!rate_limiter_hit(limiter, at(200), "addr:19900", "x").is_allowed);
	cr_assert(rate_limiter_hit(limiter, at(200), "addr:19899", "x").is_allowed, "forgotten");
}

Test(rate_limit, zero_is_off)
{
	CLEANUP(rate_limiter_free) struct rate_limiter *limiter = make(0, 1);
	struct rate_limiter *none = NULL;

	for (int i = 0; i < 1000; i++)
		cr_assert(rate_limiter_hit(limiter, at(0), "a", "x").is_allowed);
	cr_assert_eq(rate_limiter_hit(limiter, at(0), "a", "x").limit, 0);
	cr_assert_eq(rate_limiter_new(1, 0, &none), -EINVAL);
	cr_assert_null(none);
}
