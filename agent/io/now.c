/* SPDX-License-Identifier: MIT */
#include "io/now.h"

#include <time.h>

/* A suspension takes longer than this; what is shorter is the time between two readings. */
#define SLACK_NS NS_PER_MS

static int64_t clock_ns(clockid_t clock)
{
	struct timespec time = {0, 0};

	clock_gettime(clock, &time);
	return time.tv_sec * NS_PER_S + time.tv_nsec;
}

struct instant now_read(void)
{
	return (struct instant){.mono_ns = clock_ns(CLOCK_BOOTTIME), .wall_ns = clock_ns(CLOCK_REALTIME)};
}

/*
 * CLOCK_BOOTTIME minus CLOCK_MONOTONIC. It changes only by suspending, and is kept until the clocks refute it:
 * measured anew each time, it would shake by some nanoseconds, and so would every converted stamp.
 */
static int64_t suspended_ns(void)
{
	static int64_t kept_ns; /* of the loop's thread */
	const int64_t before_ns = clock_ns(CLOCK_BOOTTIME);
	const int64_t mono_ns = clock_ns(CLOCK_MONOTONIC);
	const int64_t after_ns = clock_ns(CLOCK_BOOTTIME);

	if (kept_ns < before_ns - mono_ns - SLACK_NS || kept_ns > after_ns - mono_ns + SLACK_NS)
		kept_ns = before_ns - mono_ns;
	return kept_ns;
}

int64_t now_kernel_mono_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

struct instant now_from_kernel(struct instant now, int64_t kernel_mono_ns)
{
	struct instant at = now;

	/* a stamp from before the boot is garbage, and must not overflow */
	if (kernel_mono_ns < now.mono_ns)
		at.mono_ns = (kernel_mono_ns > 0 ? kernel_mono_ns : 0) + suspended_ns();
	if (at.mono_ns > now.mono_ns)
		at.mono_ns = now.mono_ns;
	at.wall_ns = now.wall_ns - (now.mono_ns - at.mono_ns);
	return at;
}
