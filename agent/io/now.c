/* SPDX-License-Identifier: MIT */
#include "io/now.h"

#include <time.h>

#include "core/boot_clock.h"
#include "core/wall_clock.h"

/* What is known of this machine's clocks. */
static struct wall_clock wall_clock;
static struct boot_clock boot_clock;

static int64_t clock_ns(clockid_t clock)
{
	struct timespec time = {0, 0};

	clock_gettime(clock, &time);
	return time.tv_sec * NS_PER_S + time.tv_nsec;
}

struct instant now_read(void)
{
	const int64_t before_ns = clock_ns(CLOCK_BOOTTIME);
	const int64_t kernel_ns = clock_ns(CLOCK_MONOTONIC);
	const int64_t after_ns = clock_ns(CLOCK_BOOTTIME);

	boot_clock_note(&boot_clock, before_ns, kernel_ns, after_ns);
	return (struct instant){
		.mono_ns = after_ns,
		.wall_ns = wall_clock_tell(&wall_clock, after_ns, clock_ns(CLOCK_REALTIME)),
	};
}

void now_set_floor(int64_t wall_ns)
{
	wall_clock_set_floor(&wall_clock, clock_ns(CLOCK_BOOTTIME), wall_ns);
}

bool now_is_clock_trusted(void)
{
	return wall_clock_is_true(clock_ns(CLOCK_REALTIME));
}

int64_t now_kernel_mono_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

struct instant now_from_kernel(struct instant now, int64_t kernel_mono_ns)
{
	struct instant at = now;
	const int64_t mono_ns = boot_clock_convert(&boot_clock, kernel_mono_ns);

	if (mono_ns < now.mono_ns)
		at.mono_ns = mono_ns;
	at.wall_ns = now.wall_ns - (now.mono_ns - at.mono_ns);
	return at;
}
