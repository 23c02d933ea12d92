/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <time.h>

#include "io/now.h"

static int64_t clock_ns(clockid_t clock)
{
	struct timespec time;

	cr_assert_eq(clock_gettime(clock, &time), 0);
	return time.tv_sec * NS_PER_S + time.tv_nsec;
}

Test(now, reads_the_clocks_it_promises)
{
	const int64_t boot_ns = clock_ns(CLOCK_BOOTTIME);
	const int64_t wall_ns = clock_ns(CLOCK_REALTIME);
	const struct instant now = now_read();

	cr_expect_geq(now.mono_ns, boot_ns);
	cr_expect_leq(now.mono_ns, clock_ns(CLOCK_BOOTTIME));
	cr_expect_lt(now.wall_ns - wall_ns, NS_PER_S);
	cr_expect_gt(now.wall_ns - wall_ns, -NS_PER_S);
}

Test(now, stamps_of_the_kernel_keep_their_distance)
{
	const int64_t kernel_ns = clock_ns(CLOCK_MONOTONIC);
	const struct instant now = now_read();
	const struct instant at = now_from_kernel(now, kernel_ns);
	const struct instant earlier = now_from_kernel(now, kernel_ns - 5 * NS_PER_S);

	cr_expect_leq(at.mono_ns, now.mono_ns);
	cr_expect_lt(now.mono_ns - at.mono_ns, NS_PER_S);
	cr_expect_eq(now.wall_ns - at.wall_ns, now.mono_ns - at.mono_ns);
	cr_expect_eq(at.mono_ns - earlier.mono_ns, 5 * NS_PER_S);
	cr_expect_eq(at.wall_ns - earlier.wall_ns, 5 * NS_PER_S);
}

/* One stamp is one instant, however often it is converted: else a guest would seem to have been seen again. */
Test(now, a_stamp_does_not_shake)
{
	const int64_t kernel_ns = clock_ns(CLOCK_MONOTONIC) - NS_PER_S;
	const int64_t first_ns = now_from_kernel(now_read(), kernel_ns).mono_ns;

	for (int i = 0; i < 10000; i++)
		cr_assert_eq(now_from_kernel(now_read(), kernel_ns).mono_ns, first_ns);
}

Test(now, nothing_lies_in_the_future)
{
	const struct instant now = now_read();
	const int64_t stamps[] = {INT64_MAX, now.mono_ns + 1, clock_ns(CLOCK_MONOTONIC) + NS_PER_S};

	for (size_t i = 0; i < sizeof(stamps) / sizeof(stamps[0]); i++) {
		const struct instant at = now_from_kernel(now, stamps[i]);
		cr_expect_eq(at.mono_ns, now.mono_ns);
		cr_expect_eq(at.wall_ns, now.wall_ns);
	}
}

Test(now, garbage_does_not_overflow)
{
	const struct instant now = now_read();
	const struct instant at = now_from_kernel(now, INT64_MIN);

	cr_expect_leq(at.mono_ns, now.mono_ns);
	cr_expect_geq(at.mono_ns, 0);
}
